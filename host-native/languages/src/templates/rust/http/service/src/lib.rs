//! Greets whoever asks, and counts how often: `GET /?name=Ada`.

use bindings::exports::wasi::http::handler::Guest;
use bindings::selvedge::keyvalue::store;
use bindings::wasi::http::types::{ErrorCode, Fields, Method, Request, Response};
use bindings::{wit_future, wit_stream};
use wit_bindgen::spawn_local;

mod greeting;

// Modules and types for everything in the world `service` of `wit/`; `selvedge build` writes them.
#[path = "../bindings/world.rs"]
mod bindings;

/// The store's name in selvedge.toml.
const STORE: &str = "{{name}}";

struct Service;

bindings::export!(Service with_types_in bindings);

impl Guest for Service {
    // Called for each request. While one awaits something, others are answered in the same instance.
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        if !matches!(request.get_method(), Method::Get | Method::Head) {
            return reply(405, "use GET\n");
        }
        let name = greeting::name(&request.get_path_with_query().unwrap_or_default());
        match count_visit(&name).await {
            Ok(visits) => reply(200, &greeting::greeting(&name, visits)),
            Err(error) => {
                // Standard error is the log. The visitor need not know what went wrong.
                eprintln!("store {STORE:?}: {error}");
                reply(503, "try again\n")
            }
        }
    }
}

/// Adds one to the visits of a name. Two visits at the same time may count as one: a store is made for
/// many reads and few writes. What has to be exact belongs into a durable object.
async fn count_visit(name: &str) -> Result<u64, store::Error> {
    let visits = store::open(STORE.to_owned()).await?;
    let known = visits.get(name.to_owned()).await?;
    let known = known.and_then(|bytes| String::from_utf8(bytes).ok()?.parse::<u64>().ok());
    let count = known.unwrap_or(0).saturating_add(1);
    visits.set(name.to_owned(), count.to_string().into_bytes(), None).await?;
    Ok(count)
}

fn reply(status: u16, text: &str) -> Result<Response, ErrorCode> {
    let body = text.as_bytes().to_vec();
    let headers = Fields::from_list(&[
        ("content-type".to_owned(), b"text/plain; charset=utf-8".to_vec()),
        ("content-length".to_owned(), body.len().to_string().into_bytes()),
    ])
    .map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;

    // A body is a stream, followed by trailers in a future: here there are none.
    let (mut writer, stream) = wit_stream::new();
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(headers, Some(stream), trailers);
    response.set_status_code(status).map_err(|()| ErrorCode::InternalError(None))?;
    // The stream is read once the response is on its way, so a task of its own writes it.
    spawn_local(async move { writer.write_all(body).await });
    Ok(response)
}

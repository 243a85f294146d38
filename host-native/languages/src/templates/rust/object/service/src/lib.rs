//! `GET /?name=x` tells how the counter x stands; `POST /?name=x` adds one.
//!
//! To a caller an object looks like a resource: the constructor's name says which one is meant, and
//! its methods run there. Making one costs nothing and cannot fail; what can go wrong, a method tells.

use bindings::exports::wasi::http::handler::Guest;
use bindings::me::{{snake}}::counters::Counter;
use bindings::wasi::http::types::{ErrorCode, Fields, Method, Request, Response};
use bindings::{wit_future, wit_stream};
use wit_bindgen::spawn_local;

// Modules and types for everything in the world `service` of `wit/`; `selvedge build` writes them.
#[path = "../bindings/world.rs"]
mod bindings;

struct Service;

bindings::export!(Service with_types_in bindings);

impl Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let name = name(&request.get_path_with_query().unwrap_or_default());
        let counter = Counter::new(&name);
        let stands = match request.get_method() {
            Method::Get | Method::Head => counter.get().await,
            Method::Post => counter.add(1).await,
            _ => return reply(405, "use GET or POST\n"),
        };
        match stands {
            Ok(value) => reply(200, &format!("{name} stands at {value}\n")),
            Err(error) => {
                eprintln!("counter {name:?}: {error}");
                reply(503, "try again\n")
            }
        }
    }
}

/// The name in a path with a query, as in `/?name=x`; else `default`.
fn name(path: &str) -> String {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let name = pairs.find(|(key, value)| key == "name" && !value.is_empty());
    name.map_or("default".to_owned(), |(_, value)| value.chars().take(100).collect())
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

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn the_query_names_the_counter() {
        assert_eq!(name("/?name=a+b"), "a b");
        assert_eq!(name("/"), "default");
    }
}

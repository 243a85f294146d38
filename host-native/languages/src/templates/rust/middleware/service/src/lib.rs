//! Says the number that the middleware in front gave the request.

use bindings::exports::wasi::http::handler::Guest;
use bindings::wasi::http::types::{ErrorCode, Fields, Request, Response};
use bindings::{wit_future, wit_stream};
use wit_bindgen::spawn_local;

// Modules and types for everything in the world `service` of `wit/`; `selvedge build` writes them.
#[path = "../bindings/world.rs"]
mod bindings;

struct Service;

bindings::export!(Service with_types_in bindings);

impl Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let id = request.get_headers().get("x-request-id").concat();
        let body = format!("Hello from request {}!\n", String::from_utf8_lossy(&id)).into_bytes();
        let headers = Fields::from_list(&[
            ("content-type".to_owned(), b"text/plain; charset=utf-8".to_vec()),
            ("content-length".to_owned(), body.len().to_string().into_bytes()),
        ])
        .map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;

        // A body is a stream, followed by trailers in a future: here there are none.
        let (mut writer, stream) = wit_stream::new();
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(headers, Some(stream), trailers);
        // The stream is read once the response is on its way, so a task of its own writes it.
        spawn_local(async move { writer.write_all(body).await });
        Ok(response)
    }
}

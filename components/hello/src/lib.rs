//! The smallest service: one line of text for every request.
//!
//! A service exports `wasi:http/handler`: a function that takes a request and returns a response.
//! Nothing in between but this file, the standard bindings (crate `wasip3`) and the host.

use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{spawn_local, wit_future, wit_stream};

const BODY: &[u8] = b"Hello from a component!\n";

struct Hello;

wasip3::http::service::export!(Hello);

impl Guest for Hello {
    async fn handle(_request: Request) -> Result<Response, ErrorCode> {
        let headers = Fields::from_list(&[
            ("content-type".to_owned(), b"text/plain; charset=utf-8".to_vec()),
            ("content-length".to_owned(), BODY.len().to_string().into_bytes()),
        ])
        .map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;

        // A body is a stream, followed by trailers in a future. Each has an end to write and one to
        // read. A future whose writer is dropped takes the value of its closure: no trailers.
        let (mut body, stream) = wit_stream::new();
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(headers, Some(stream), trailers);

        // The stream is read once the response is on its way, so it is written by a task that goes
        // on after `handle` has returned.
        spawn_local(async move { body.write_all(BODY.to_vec()).await });
        Ok(response)
    }
}

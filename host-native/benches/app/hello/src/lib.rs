//! The smallest WASI 0.3 service: it answers what the bench's bare server answers.

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_future, wit_stream};

struct Hello;

wasip3::http::service::export!(Hello);

impl wasip3::exports::http::handler::Guest for Hello {
    async fn handle(_request: Request) -> Result<Response, ErrorCode> {
        let headers = Fields::new();
        for (name, value) in [("content-type", "text/plain"), ("content-length", "6")] {
            headers
                .append(name, value.as_bytes())
                .map_err(|error| ErrorCode::InternalError(Some(format!("{error:?}"))))?;
        }
        let (mut body, reader) = wit_stream::new();
        let (_end, end) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(headers, Some(reader), end);
        wit_bindgen::spawn_local(async move {
            body.write_all(b"hello\n".to_vec()).await;
        });
        Ok(response)
    }
}

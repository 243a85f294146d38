//! Stands in for somebody else's server, so that `profile` has one to ask.
//!
//! An app of its own, with a host of its own: `just run` serves it on another port. It believes
//! whoever asks, as an origin behind a gateway does; that is why only the gateway may reach it.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Request, Response};
use wasip3::http_compat::http_into_wasi_response;

struct Origin;

wasip3::http::service::export!(Origin);

impl Guest for Origin {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let subject = request.get_headers().get("x-auth-subject").into_iter().next();
        let subject = subject.and_then(|subject| String::from_utf8(subject).ok());
        let body = serde_json::json!({ "subject": subject, "plan": "demo" }).to_string();
        let response = http::Response::builder()
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_LENGTH, body.len())
            .body(body);
        http_into_wasi_response(
            response.map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?,
        )
    }
}

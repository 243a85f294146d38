//! `POST /api/validate`: JSON in, the verdict of a JSON Schema out.
//!
//! The schema is that of an order, and part of the component (`order.schema.json`). A document that
//! fits is answered with 200; one that does not with 400 and a list that says where it is wrong
//! (a JSON pointer) and why.

use http::StatusCode;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE};
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Method, Request, Response};
use wasip3::{http_compat::http_into_wasi_response, wit_future};

mod verdict;

struct Validate;

wasip3::http::service::export!(Validate);

impl Guest for Validate {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        if !matches!(request.get_method(), Method::Post) {
            let why = serde_json::json!({ "reason": "send a document with POST" });
            return reply(StatusCode::METHOD_NOT_ALLOWED, &why.to_string());
        }
        let document = read(request).await?;
        let complaints = match verdict::complaints(&document) {
            Ok(complaints) => complaints,
            Err(why) => {
                eprintln!("{why}");
                let why = serde_json::json!({ "reason": "nothing can be validated now" });
                return reply(StatusCode::INTERNAL_SERVER_ERROR, &why.to_string());
            }
        };
        if complaints.is_empty() {
            return reply(StatusCode::OK, "{\"valid\":true}");
        }
        let body = serde_json::to_string(&complaints)
            .map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
        reply(StatusCode::BAD_REQUEST, &body)
    }
}

/// The whole body. How large it may be is the host's business: it ends a request that is over.
async fn read(request: Request) -> Result<Vec<u8>, ErrorCode> {
    let (_, done) = wit_future::new(|| Ok(()));
    let (body, trailers) = Request::consume_body(request, done);
    let bytes = body.collect().await;
    // A body that broke off ends as a whole one does; only the trailers tell them apart.
    trailers.await?;
    Ok(bytes)
}

fn reply(status: StatusCode, body: &str) -> Result<Response, ErrorCode> {
    let mut response = http::Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_LENGTH, body.len());
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response = response.header(ALLOW, "POST");
    }
    let response = response.body(body.to_owned());
    http_into_wasi_response(response.map_err(|e| ErrorCode::InternalError(Some(e.to_string())))?)
}

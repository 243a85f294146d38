//! `GET /counter/{name}` tells how a counter stands; `POST /counter/{name}?by=N` adds N, or 1.
//!
//! The counters are durable objects. To a caller they look like a resource of an ordinary interface:
//! the constructor's name says which object is meant, and its methods run there, wherever that is.
//! So `Counter::new` costs nothing and cannot fail; what can go wrong, a method tells.

use asked::Asked;
use bindings::demo::counter::counters::{Counter, Error};
use http::StatusCode;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Method, Request, Response};
use wasip3::http_compat::http_into_wasi_response;

mod asked;
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../wit"],
        world: "demo:counter/service",
        generate_all,
    });
}

/// What the client is told.
#[derive(serde::Serialize)]
struct Answer<'a> {
    name: &'a str,
    value: u64,
    visits: u64,
}

/// Why the client is told nothing.
#[derive(serde::Serialize)]
struct Reason<'a> {
    reason: &'a str,
}

struct Service;

wasip3::http::service::export!(Service);

impl Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let Asked { name, by } = match Asked::parse(&target) {
            Ok(asked) => asked,
            Err(reason) => return reply(StatusCode::BAD_REQUEST, &Reason { reason }),
        };
        let counter = Counter::new(&name);
        let count = match request.get_method() {
            Method::Get | Method::Head => counter.get().await,
            Method::Post => counter.add(by).await,
            _ => {
                let reason = "use GET or POST";
                return reply(StatusCode::METHOD_NOT_ALLOWED, &Reason { reason });
            }
        };
        match count {
            Ok(count) => {
                let (value, visits) = (count.value, count.visits);
                reply(StatusCode::OK, &Answer { name: &name, value, visits })
            }
            Err(error) => {
                eprintln!("counter {name:?} did not answer: {error}");
                let (status, reason) = failure(&error);
                reply(status, &Reason { reason })
            }
        }
    }
}

/// What a client should think of a failure, and whether it is worth another try.
fn failure(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::Overloaded | Error::Reset(_) | Error::Timeout => {
            (StatusCode::SERVICE_UNAVAILABLE, "the counter does not answer now, try again")
        }
        Error::Invalid(_) => (StatusCode::BAD_REQUEST, "the counter cannot go so far"),
        Error::NoSuchClass | Error::AccessDenied => {
            (StatusCode::INTERNAL_SERVER_ERROR, "the service cannot reach its counters")
        }
    }
}

fn reply(status: StatusCode, answer: &impl serde::Serialize) -> Result<Response, ErrorCode> {
    let body = serde_json::to_string(answer).map_err(internal)?;
    let mut response = http::Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_LENGTH, body.len())
        .header(CACHE_CONTROL, "no-store");
    response = match status {
        StatusCode::METHOD_NOT_ALLOWED => response.header(ALLOW, "GET, HEAD, POST"),
        StatusCode::SERVICE_UNAVAILABLE => response.header(RETRY_AFTER, "1"),
        _ => response,
    };
    http_into_wasi_response(response.body(body).map_err(internal)?)
}

fn internal(error: impl std::fmt::Display) -> ErrorCode {
    ErrorCode::InternalError(Some(error.to_string()))
}

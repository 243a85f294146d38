//! `/session`: a JSON document for each visitor, who is known by a cookie.
//!
//! `POST` begins a session, `GET` reads its document, `PUT` writes it (64 KiB at most), and `DELETE`
//! ends it. A session that nobody has used for `session-seconds` (a var; 1800 if it is not there) is
//! gone. Whoever keeps no cookies sends the id in the header `x-session`.
//!
//! Each session is a durable object, whose name is the id: 128 random bits, which nobody guesses.

use answer::Answer;
use bindings::demo::session::sessions::{Error, Failure, Session};
use bindings::wasi::config::store;
use http::StatusCode;
use id::Id;
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Method, Request, Response};
use wasip3::random::random;
use wasip3::wit_future;

mod answer;
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../wit"],
        world: "demo:session/service",
        generate_all,
    });
}
mod id;

const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
const TTL_SECONDS: u32 = 1800;
const EMPTY: &str = "{}";

struct Service;

wasip3::http::service::export!(Service);

impl Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let answer = match ttl_seconds() {
            Ok(ttl_seconds) => answer(request, ttl_seconds).await?,
            Err(why) => {
                eprintln!("{why}");
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                Answer::refusal(status, "the service does not know how long a session lives")
            }
        };
        answer.into_response()
    }
}

async fn answer(request: Request, ttl_seconds: u32) -> Result<Answer, ErrorCode> {
    let method = request.get_method();
    if matches!(method, Method::Post) {
        return Ok(create(ttl_seconds).await);
    }
    if !matches!(method, Method::Get | Method::Head | Method::Put | Method::Delete) {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        return Ok(Answer::refusal(status, "use GET, POST, PUT or DELETE"));
    }
    let headers = request.get_headers();
    // What has not the shape of an id never was one: no object is started to find that out.
    let Some(id) = Id::find(&headers.get("cookie"), &headers.get("x-session")) else {
        return Ok(refuse(&Failure::Absent));
    };
    let session = Session::new(id.as_str());
    let done = match method {
        Method::Put => match document(request).await? {
            Ok(document) => session.write(document).await.map(|()| Answer::nothing()),
            Err(refusal) => return Ok(refusal),
        },
        Method::Delete => session.end().await.map(|()| Answer::nothing()),
        _ => session.read().await.map(|document| Answer::json(StatusCode::OK, document)),
    };
    let cookie_seconds = if matches!(method, Method::Delete) { 0 } else { ttl_seconds };
    Ok(match done {
        Ok(answer) => answer.with_cookie(id.cookie(cookie_seconds)),
        Err(failure) => refuse(&failure),
    })
}

async fn create(ttl_seconds: u32) -> Answer {
    let [high, low] = [(); 2].map(|()| u128::from(random::get_random_u64()));
    let id = Id::from_bits(high << 64 | low);
    match Session::new(id.as_str()).create(EMPTY.to_owned(), ttl_seconds).await {
        Ok(()) => {
            let answer = serde_json::json!({ "id": id.as_str(), "seconds": ttl_seconds });
            Answer::json(StatusCode::CREATED, answer.to_string())
                .with_cookie(id.cookie(ttl_seconds))
        }
        Err(failure) => refuse(&failure),
    }
}

/// The document in a request's body, or why it is none.
async fn document(request: Request) -> Result<Result<String, Answer>, ErrorCode> {
    let (_, done) = wit_future::new(|| Ok(()));
    let (mut body, trailers) = Request::consume_body(request, done);
    let mut bytes = Vec::new();
    // Read piece by piece: what is too long is not read to its end.
    loop {
        let (result, piece) = body.read(Vec::with_capacity(16 * 1024)).await;
        bytes.extend_from_slice(&piece);
        if bytes.len() > DOCUMENT_BYTES_MAX {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return Ok(Err(Answer::refusal(status, "a document has at most 65536 bytes")));
        }
        if !matches!(result, wasip3::wit_bindgen::StreamResult::Complete(_)) {
            break;
        }
    }
    // A body that broke off ends as a whole one does; only the trailers tell them apart.
    trailers.await?;
    // It is stored as it was sent: made anew, its keys and numbers could come out differently.
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok();
    Ok(match String::from_utf8(bytes) {
        Ok(document) if is_json => Ok(document),
        _ => Err(Answer::refusal(StatusCode::BAD_REQUEST, "the body is no JSON")),
    })
}

/// Reads how long a session lives, in the words of the app's manifest.
fn ttl_seconds() -> Result<u32, String> {
    const KEY: &str = "session-seconds";
    let text = store::get(KEY).map_err(|error| format!("config {KEY:?} was not read: {error}"))?;
    match text {
        None => Ok(TTL_SECONDS),
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| *seconds > 0)
            .ok_or_else(|| format!("the var {KEY:?} is {text:?}, and no whole number above 0")),
    }
}

/// What a client should think of a failure, and whether it is worth another try.
fn refuse(failure: &Failure) -> Answer {
    let Failure::Platform(error) = failure else {
        return Answer::refusal(StatusCode::UNAUTHORIZED, "there is no such session");
    };
    eprintln!("a session did not answer: {error}");
    match error {
        Error::Overloaded | Error::Reset(_) | Error::Timeout => {
            let reason = "the session does not answer now, try again";
            Answer::refusal(StatusCode::SERVICE_UNAVAILABLE, reason)
        }
        Error::NoSuchClass | Error::AccessDenied | Error::Invalid(_) => {
            let reason = "the service cannot reach its sessions";
            Answer::refusal(StatusCode::INTERNAL_SERVER_ERROR, reason)
        }
    }
}

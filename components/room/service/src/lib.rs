//! `/room/{name}`: messages, as soon as they are there.
//!
//! `POST` puts a text of at most 4 KiB into the room and answers its id. `GET ?after=N&wait=SECONDS`
//! answers the messages after N; where there are none yet, it waits for one, 25 seconds at most. A
//! client asks again at once, with the id of the last message that it has, and misses nothing.

use asked::{Asked, Place};
use bindings::demo::room::rooms::{Error, Message, Room};
use http::StatusCode;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Value, json};
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Method, Request, Response};
use wasip3::wit_bindgen::StreamResult;
use wasip3::{http_compat::http_into_wasi_response, wit_future};

mod asked;
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../wit"],
        world: "demo:room/service",
        generate_all,
    });
}

const TEXT_BYTES_MAX: usize = 4 * 1024;
/// How long one call waits: the room allows no more. Waiting for longer is asking again.
const CALL_WAIT_MS_MAX: u32 = 8_000;

struct Service;

wasip3::http::service::export!(Service);

impl Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let Asked { name, place } = match Asked::parse(&target) {
            Ok(asked) => asked,
            Err(why) => return refuse(StatusCode::BAD_REQUEST, why),
        };
        let room = Room::new(&name);
        let answer = match request.get_method() {
            Method::Get | Method::Head => read(&room, place).await,
            Method::Post => match text(request).await? {
                Ok(text) => room.post(text).await.map(|id| json!({ "id": id })),
                Err((status, why)) => return refuse(status, why),
            },
            _ => return refuse(StatusCode::METHOD_NOT_ALLOWED, "use GET or POST"),
        };
        match answer {
            Ok(answer) => reply(StatusCode::OK, &answer),
            Err(error) => {
                eprintln!("room {name:?} did not answer: {error}");
                let (status, why) = failure(&error);
                refuse(status, why)
            }
        }
    }
}

/// The messages after a place, with the place after them.
async fn read(room: &Room, place: Place) -> Result<Value, Error> {
    let mut left_ms = place.wait_ms;
    let messages = loop {
        let wait_ms = left_ms.min(CALL_WAIT_MS_MAX);
        let messages = room.read(place.after, wait_ms).await?;
        left_ms -= wait_ms;
        if !messages.is_empty() || left_ms == 0 {
            break messages;
        }
    };
    let last = messages.last().map_or(place.after, |message| message.id);
    let shown = |message: &Message| json!({ "id": message.id, "text": message.text });
    Ok(json!({ "messages": messages.iter().map(shown).collect::<Vec<_>>(), "last": last }))
}

/// The text in a request's body, or why there is none.
async fn text(request: Request) -> Result<Result<String, (StatusCode, &'static str)>, ErrorCode> {
    let (_, done) = wit_future::new(|| Ok(()));
    let (mut body, trailers) = Request::consume_body(request, done);
    let mut bytes = Vec::new();
    // Read piece by piece: what is too long is not read to its end.
    loop {
        let (result, piece) = body.read(Vec::with_capacity(TEXT_BYTES_MAX)).await;
        bytes.extend_from_slice(&piece);
        if bytes.len() > TEXT_BYTES_MAX {
            let why = "a message has at most 4096 bytes";
            return Ok(Err((StatusCode::PAYLOAD_TOO_LARGE, why)));
        }
        if !matches!(result, StreamResult::Complete(_)) {
            break;
        }
    }
    // A body that broke off ends as a whole one does; only the trailers tell them apart.
    trailers.await?;
    let why = "the body is no UTF-8, or empty";
    let text = String::from_utf8(bytes).ok().filter(|text| !text.is_empty());
    Ok(text.ok_or((StatusCode::BAD_REQUEST, why)))
}

/// What a client should think of a failure, and whether it is worth another try.
fn failure(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::Overloaded | Error::Reset(_) | Error::Timeout => {
            (StatusCode::SERVICE_UNAVAILABLE, "the room does not answer now, try again")
        }
        Error::NoSuchClass | Error::AccessDenied | Error::Invalid(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "the service cannot reach its rooms")
        }
    }
}

fn refuse(status: StatusCode, reason: &str) -> Result<Response, ErrorCode> {
    reply(status, &json!({ "reason": reason }))
}

fn reply(status: StatusCode, answer: &Value) -> Result<Response, ErrorCode> {
    let body = answer.to_string();
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
    let response = response.body(body);
    http_into_wasi_response(response.map_err(|e| ErrorCode::InternalError(Some(e.to_string())))?)
}

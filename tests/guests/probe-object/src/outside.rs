//! What an object reaches outside of itself: other objects, key-value, variables, origins.

use crate::bindings::selvedge::durable::types::Error as Platform;
use crate::bindings::selvedge::keyvalue::store;
use crate::bindings::test::objects::plains::Plain;
use crate::bindings::test::objects::subjects::Subject as Other;
use crate::bindings::wasi::config::store as config;
use crate::script::{OK, number, pause, text};
use crate::storage::keys;
use futures::future::{join, join_all};
use serde_json::{Value, json};
use wasip3::http::client;
use wasip3::http::types::{Fields, Method, Request, Response, Scheme};
use wasip3::{wit_future, wit_stream};

/// Does the step, where it reaches outside.
pub async fn step(name: &str, arguments: &[Value]) -> Option<Value> {
    Some(match name {
        // Has another object of the class do a script.
        "call" => {
            let script = arguments.get(1).map(Value::to_string).unwrap_or_default();
            let given = Other::new(text(arguments, 0)).run(script).await;
            called(given.map(|given| serde_json::from_str(&given).unwrap_or_default()))
        }
        // So many calls of another object at once, begun in order, with their number in the place of
        // `$i`.
        "call-crowd" => {
            let script = arguments.get(2).map(Value::to_string).unwrap_or_default();
            let other = Other::new(text(arguments, 0));
            let numbered =
                (0..number(arguments, 1)).map(|index| script.replace("\"$i\"", &index.to_string()));
            let calls = join_all(numbered.map(|script| other.run(script))).await;
            json!({ "answered": calls.iter().filter(|given| given.is_ok()).count() })
        }
        // The same as `call`, where a failure of the platform ends the caller.
        "call-plain" => {
            let script = arguments.get(1).map(Value::to_string).unwrap_or_default();
            let given = Other::new(text(arguments, 0)).run_plain(script).await;
            json!({ "given": serde_json::from_str::<Value>(&given).unwrap_or_default() })
        }
        // Calls an object of another class.
        "call-class-plain" => {
            called(Plain::new(text(arguments, 0)).add().await.map(|sum| json!(sum)))
        }
        "fetch" => fetch(text(arguments, 0)).await,
        "upload" => upload(arguments).await,
        "var" => match config::get(text(arguments, 0)) {
            Ok(value) => json!({ "value": value }),
            Err(error) => json!({ "error": format!("{error:?}") }),
        },
        "keyvalue-set" => {
            let set = async {
                let bucket = store::open(text(arguments, 0).to_owned()).await?;
                let value = text(arguments, 2).as_bytes().to_vec();
                bucket.set(text(arguments, 1).to_owned(), value, None).await
            };
            set.await.map_or_else(|error| json!({ "error": format!("{error:?}") }), |()| json!(OK))
        }
        "keyvalue-get" => {
            let get = async {
                let bucket = store::open(text(arguments, 0).to_owned()).await?;
                bucket.get(text(arguments, 1).to_owned()).await
            };
            match get.await {
                Ok(None) => json!("missing"),
                Ok(Some(value)) => json!({ "value": String::from_utf8_lossy(&value) }),
                Err(error) => json!({ "error": format!("{error:?}") }),
            }
        }
        _ => return None,
    })
}

fn called(outcome: Result<Value, Platform>) -> Value {
    let (name, detail) = match outcome {
        Ok(given) => return json!({ "given": given }),
        Err(Platform::NoSuchClass) => ("no-such-class", None),
        Err(Platform::AccessDenied) => ("access-denied", None),
        Err(Platform::Overloaded) => ("overloaded", None),
        Err(Platform::Timeout) => ("timeout", None),
        Err(Platform::Reset(detail)) => ("reset", Some(detail)),
        Err(Platform::Invalid(detail)) => ("invalid", Some(detail)),
    };
    json!({ "error": name, "detail": detail })
}

/// Asks an origin, and tells what came: its status and body, or the error.
async fn fetch(url: &str) -> Value {
    let (_, end) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), None, end, None);
    match address(&request, url) {
        Ok(()) => sent(request).await,
        Err(()) => json!({ "error": "no url" }),
    }
}

/// Sends an origin a body of two pieces, and stores a key between them: the origin, the first piece, the key, its
/// value, the second piece.
async fn upload(arguments: &[Value]) -> Value {
    let (_, end) = wit_future::new(|| Ok(None));
    let (mut pieces, body) = wit_stream::new();
    let (request, _sent) = Request::new(Fields::new(), Some(body), end, None);
    if address(&request, text(arguments, 0)).is_err() || request.set_method(&Method::Post).is_err()
    {
        return json!({ "error": "no url" });
    }
    let writing = async move {
        let _ = pieces.write_all(text(arguments, 1).into()).await;
        // Until that has left.
        pause(200).await;
        let stored = keys::put(text(arguments, 2), text(arguments, 3).as_bytes());
        let _ = pieces.write_all(text(arguments, 4).into()).await;
        drop(pieces);
        stored.is_ok()
    };
    let (answer, stored) = join(sent(request), writing).await;
    if stored { answer } else { json!({ "error": "nothing was stored" }) }
}

fn address(request: &Request, url: &str) -> Result<(), ()> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    request.set_scheme(Some(&Scheme::Http))?;
    request.set_authority(Some(authority))?;
    request.set_path_with_query(Some(path))
}

async fn sent(request: Request) -> Value {
    match client::send(request).await {
        Err(error) => json!({ "error": format!("{error:?}") }),
        Ok(response) => {
            let status = response.get_status_code();
            let (_, result) = wit_future::new(|| Ok(()));
            let (body, _end) = Response::consume_body(response, result);
            let body = body.collect().await;
            json!({ "status": status, "body": String::from_utf8_lossy(&body) })
        }
    }
}

//! `selvedge:keyvalue`: the store named in the query, opened for each request.

use crate::arguments::Arguments;
use crate::host::selvedge::keyvalue::store::{self, Bucket, Error, SetOptions};
use crate::http::{body_of, pause};
use crate::reply::{self, Answer};
use serde_json::{Value, json};
use wasip3::http::types::Request;

/// Answers `/…/keyvalue/<action>?store=…`.
pub async fn answer(request: Request, arguments: &Arguments) -> Answer {
    let outcome = match store::open(arguments.text("store").to_owned()).await {
        Err(error) => Err(error),
        Ok(bucket) => act(request, arguments, bucket).await,
    };
    match outcome {
        Ok(Outcome::Json(value)) => reply::json(200, &value),
        Ok(Outcome::Bytes(value)) => reply::bytes(200, "application/octet-stream", value),
        Ok(Outcome::Missing) => reply::text(404, "no such key"),
        Ok(Outcome::Unknown) => reply::unknown(&arguments.action),
        Err(error) => reply::json(409, &describe(&error)),
    }
}

enum Outcome {
    Json(Value),
    Bytes(Vec<u8>),
    Missing,
    Unknown,
}

async fn act(request: Request, arguments: &Arguments, bucket: Bucket) -> Result<Outcome, Error> {
    let key = arguments.text("key").to_owned();
    Ok(match arguments.action.as_str() {
        "open" => Outcome::Json(json!({ "open": true })),
        "get" => bucket.get(key).await?.map_or(Outcome::Missing, Outcome::Bytes),
        "entry" => match bucket.get_with_metadata(key).await? {
            None => Outcome::Missing,
            Some(entry) => Outcome::Json(json!({
                "value": text(&entry.value),
                "metadata": entry.metadata.map(|metadata| text(&metadata)),
            })),
        },
        "set" => {
            let value = reply::read_all(body_of(request).0).await;
            bucket.set(key, value, options(arguments)).await?;
            Outcome::Json(json!({ "set": true }))
        }
        // A key and a value of any size, without a request of that size.
        "set-sized" => {
            let sized = |name| usize::try_from(arguments.number(name).unwrap_or(1)).unwrap_or(1);
            let key = if key.is_empty() { "k".repeat(sized("key-bytes")) } else { key };
            bucket.set(key, vec![b'v'; sized("bytes")], options(arguments)).await?;
            Outcome::Json(json!({ "set": true }))
        }
        "size" => match bucket.get(key).await? {
            None => Outcome::Missing,
            Some(value) => Outcome::Json(json!({ "bytes": value.len() })),
        },
        "delete" => {
            bucket.delete(key).await?;
            Outcome::Json(json!({ "deleted": true }))
        }
        "list" => list(arguments, &bucket).await?,
        "fill" => {
            for index in 0..arguments.number("n").unwrap_or(0) {
                bucket.set(format!("{key}{index:05}"), b"v".to_vec(), None).await?;
            }
            Outcome::Json(json!({ "set": true }))
        }
        // Answers first; the key appears `ms` milliseconds after.
        "set-later" => {
            let (value, wait) = (arguments.text("value").to_owned(), arguments.number("ms"));
            wit_bindgen::spawn_local(async move {
                pause(wait).await;
                if let Err(error) = bucket.set(key, value.into_bytes(), None).await {
                    eprintln!("set-later: {error:?}");
                }
            });
            Outcome::Json(json!({ "set": "later" }))
        }
        _ => Outcome::Unknown,
    })
}

async fn list(arguments: &Arguments, bucket: &Bucket) -> Result<Outcome, Error> {
    let limit = arguments.number("limit").and_then(|limit| u32::try_from(limit).ok());
    let cursor = arguments.get("cursor").map(str::to_owned);
    let page = bucket.list(arguments.text("prefix").to_owned(), cursor, limit).await?;
    let names: Vec<&str> = page.keys.iter().map(|key| key.name.as_str()).collect();
    let entries: Vec<Value> = page
        .keys
        .iter()
        .map(|key| {
            json!({
                "name": key.name,
                "expires-at": key.expires_at,
                "metadata": key.metadata.as_deref().map(text),
            })
        })
        .collect();
    let full = arguments.get("entries").is_some();
    Ok(Outcome::Json(json!({
        "count": names.len(),
        "keys": if full { json!(entries) } else { json!(names) },
        "cursor": page.cursor,
    })))
}

fn options(arguments: &Arguments) -> Option<SetOptions> {
    let ttl_seconds = arguments.number("ttl");
    let sized = arguments.number("metadata-bytes").and_then(|bytes| usize::try_from(bytes).ok());
    let metadata = match sized {
        Some(bytes) => Some(vec![b'm'; bytes]),
        None => arguments.get("metadata").map(|metadata| metadata.as_bytes().to_vec()),
    };
    (ttl_seconds.is_some() || metadata.is_some()).then_some(SetOptions { ttl_seconds, metadata })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn describe(error: &Error) -> Value {
    let (name, detail) = match error {
        Error::NoSuchStore => ("no-such-store", None),
        Error::AccessDenied => ("access-denied", None),
        Error::InvalidKey(detail) => ("invalid-key", Some(detail)),
        Error::TooLarge(detail) => ("too-large", Some(detail)),
        Error::InvalidArgument(detail) => ("invalid-argument", Some(detail)),
        Error::Unavailable(detail) => ("unavailable", Some(detail)),
    };
    json!({ "error": name, "detail": detail })
}

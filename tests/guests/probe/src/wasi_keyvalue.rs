//! `wasi:keyvalue@0.2.0-draft`: the same stores through the standard's draft.

use crate::arguments::Arguments;
use crate::host::wasi::keyvalue::store::{self, Bucket, Error};
use crate::host::wasi::keyvalue::{atomics, batch};
use crate::http::body_of;
use crate::reply::{self, Answer};
use serde_json::{Value, json};
use wasip3::http::types::Request;

/// Answers `/…/wasi-keyvalue/<action>?store=…`.
pub async fn answer(request: Request, arguments: &Arguments) -> Answer {
    let body = reply::read_all(body_of(request).0).await;
    match store::open(arguments.text("store")).and_then(|bucket| act(arguments, &bucket, body)) {
        Ok(Some(value)) => reply::json(200, &value),
        Ok(None) => reply::unknown(&arguments.action),
        Err(error) => {
            let (name, detail) = match &error {
                Error::NoSuchStore => ("no-such-store", None),
                Error::AccessDenied => ("access-denied", None),
                Error::Other(detail) => ("other", Some(detail)),
            };
            reply::json(409, &json!({ "error": name, "detail": detail }))
        }
    }
}

fn act(arguments: &Arguments, bucket: &Bucket, body: Vec<u8>) -> Result<Option<Value>, Error> {
    let key = arguments.text("key");
    let keys: Vec<String> = arguments
        .pairs()
        .filter(|(name, _)| *name == "key")
        .map(|(_, key)| key.to_owned())
        .collect();
    Ok(Some(match arguments.action.as_str() {
        "open" => json!({ "open": true }),
        "get" => json!({ "value": bucket.get(key)?.map(text) }),
        "exists" => json!({ "exists": bucket.exists(key)? }),
        "set" => {
            bucket.set(key, &body)?;
            json!({ "set": true })
        }
        "delete" => {
            bucket.delete(key)?;
            json!({ "deleted": true })
        }
        "list" => {
            let page = bucket.list_keys(arguments.number("cursor"))?;
            let mut keys = page.keys;
            keys.retain(|name| name.starts_with(arguments.text("prefix")));
            keys.sort();
            json!({ "keys": keys, "cursor": page.cursor })
        }
        "increment" => {
            json!({ "value": atomics::increment(bucket, key, arguments.number("by").unwrap_or(1))? })
        }
        "get-many" => {
            let values = batch::get_many(bucket, &keys)?;
            let values: Vec<Value> = values
                .into_iter()
                .map(|found| found.map_or(Value::Null, |(key, value)| json!([key, text(value)])))
                .collect();
            json!({ "values": values })
        }
        "set-many" => {
            let pairs: Vec<(String, Vec<u8>)> =
                keys.into_iter().map(|key| (key, body.clone())).collect();
            batch::set_many(bucket, &pairs)?;
            json!({ "set": pairs.len() })
        }
        "delete-many" => {
            batch::delete_many(bucket, &keys)?;
            json!({ "deleted": keys.len() })
        }
        _ => return Ok(None),
    }))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

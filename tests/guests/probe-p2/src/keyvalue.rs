//! `wasi:keyvalue@0.2.0-draft` from a 0.2 handler.

use crate::host::wasi::keyvalue::store::{self, Error as StoreError};
use serde_json::{Value, json};
use wstd::http::{Body, Error, Request, Response};

/// Answers `keyvalue/get/<store>/<key>` and `keyvalue/set/<store>/<key>`.
pub async fn answer(action: &str, request: Request<Body>) -> Result<Response<Body>, Error> {
    let mut parts = action.splitn(4, '/').skip(1);
    let mut next = || parts.next().unwrap_or_default();
    let (verb, name, key) = (next(), next(), next());
    let mut body = request.into_body();
    let body = body.bytes_contents().await?;
    let (status, value) = match act(verb, name, key, &body) {
        Ok(value) => (200, value),
        Err(error) => (409, json!({ "error": describe(&error) })),
    };
    Ok(Response::builder().status(status).body(value.to_string().into())?)
}

fn act(verb: &str, name: &str, key: &str, body: &[u8]) -> Result<Value, StoreError> {
    let bucket = store::open(name)?;
    Ok(match verb {
        "set" => {
            bucket.set(key, body)?;
            json!({ "set": true })
        }
        _ => {
            let value = bucket.get(key)?;
            json!({ "value": value.map(|value| String::from_utf8_lossy(&value).into_owned()) })
        }
    })
}

fn describe(error: &StoreError) -> String {
    match error {
        StoreError::NoSuchStore => "no-such-store".to_owned(),
        StoreError::AccessDenied => "access-denied".to_owned(),
        StoreError::Other(detail) => format!("other: {detail}"),
    }
}

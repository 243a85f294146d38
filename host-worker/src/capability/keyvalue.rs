//! Key-value stores: which a guest may open, and what it may ask of them.

use super::refuse;
use crate::app::{app, find};
use selvedge_contract::limits::{
    LIST_KEYS_MAX, METADATA_BYTES_MAX, TTL_SECONDS_MAX, TTL_SECONDS_MIN, VALUE_BYTES_MAX,
};
use selvedge_contract::names::check_key;
use selvedge_contract::object::object_id;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

/// The binding of a store, by the name that a guest gave.
///
/// # Errors
/// `no-such-store` and `access-denied`.
#[wasm_bindgen(js_name = keyvalueOpen)]
pub fn open(composition: usize, name: &str) -> Result<String, JsValue> {
    let app = app();
    if !app.stores.iter().any(|store| store == name) {
        return Err(refuse("no-such-store", None));
    }
    let composition = app.compositions.get(composition);
    let binding = composition.and_then(|it| find(&it.keyvalue, name));
    binding.map(str::to_owned).ok_or_else(|| refuse("access-denied", None))
}

/// Says whether a store takes a key.
///
/// # Errors
/// `invalid-key`.
#[wasm_bindgen(js_name = keyvalueKey)]
pub fn key(key: &str) -> Result<(), JsValue> {
    check_key(key).map_err(|error| refuse("invalid-key", Some(&error.to_string())))
}

/// Says whether a value may be set so.
///
/// # Errors
/// `invalid-key`, `too-large` and `invalid-argument`.
#[wasm_bindgen(js_name = keyvalueSet)]
pub fn check_set(
    name: &str,
    value_bytes: usize,
    ttl_seconds: Option<u64>,
    metadata_bytes: usize,
) -> Result<(), JsValue> {
    let too_large = |what: &str, bytes: usize, most: usize| {
        refuse(
            "too-large",
            Some(&format!("{what} has {bytes} bytes, and at most {most} are allowed")),
        )
    };
    if metadata_bytes > METADATA_BYTES_MAX {
        return Err(too_large("the metadata", metadata_bytes, METADATA_BYTES_MAX));
    }
    if let Some(seconds) = ttl_seconds
        && !(TTL_SECONDS_MIN..=TTL_SECONDS_MAX).contains(&seconds)
    {
        let sentence = format!(
            "the time to live is {seconds} seconds, and {TTL_SECONDS_MIN} to {TTL_SECONDS_MAX} are allowed"
        );
        return Err(refuse("invalid-argument", Some(&sentence)));
    }
    key(name)?;
    if value_bytes > VALUE_BYTES_MAX {
        return Err(too_large("the value", value_bytes, VALUE_BYTES_MAX));
    }
    Ok(())
}

/// The cursor that a guest is given for the platform's: it says which listing it belongs to, so that
/// another, or a text that never was one, is told apart. The platform takes any text for a cursor.
#[wasm_bindgen(js_name = keyvalueCursor)]
pub fn cursor(prefix: &str, platform: &str) -> String {
    format!("{}.{platform}", seal(prefix, platform))
}

/// The platform's cursor in one that a guest gives back.
///
/// # Errors
/// `invalid-argument` where no listing with this prefix gave it.
#[wasm_bindgen(js_name = keyvalueResume)]
pub fn resume(prefix: &str, cursor: &str) -> Result<String, JsValue> {
    let parts = cursor.split_once('.');
    let known = parts.filter(|(found, platform)| *found == seal(prefix, platform));
    known.map(|(_, platform)| platform.to_owned()).ok_or_else(|| {
        let sentence = "the cursor is not one that a listing with this prefix gave";
        refuse("invalid-argument", Some(sentence))
    })
}

/// Not a secret: it finds slips, not attacks, and a guest may list what it can open anyway.
fn seal(prefix: &str, platform: &str) -> String {
    let mut hash = object_id(prefix, platform);
    hash.truncate(12);
    hash
}

/// How many keys a page has at most.
///
/// # Errors
/// `invalid-argument` for a page of none.
#[wasm_bindgen(js_name = keyvaluePage)]
pub fn page(limit: Option<u32>) -> Result<u32, JsValue> {
    let most = u32::try_from(LIST_KEYS_MAX).unwrap_or(u32::MAX);
    match limit {
        Some(0) => {
            Err(refuse("invalid-argument", Some("the limit is 0, and at least 1 is needed")))
        }
        limit => Ok(limit.unwrap_or(most).min(most)),
    }
}

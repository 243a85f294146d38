//! Durable objects: how many calls wait, what a storage takes, and when an alarm is tried again.

use crate::app::{Kind, app};
use crate::capability::refuse;
use selvedge_contract::limits::{STORAGE_KEYS_MAX, STORAGE_VALUE_BYTES_MAX, alarm_retry_delay_ms};
use selvedge_contract::object::check_storage_key;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

/// Whether an object with so many calls waiting or under way takes one more.
#[wasm_bindgen(js_name = objectAdmits)]
pub fn admits(composition: usize, calls: u32) -> bool {
    match app().compositions.get(composition).map(|it| &it.kind) {
        Some(Kind::Object(limits)) => calls < limits.calls,
        _ => false,
    }
}

/// How long after a failure an alarm is tried again, in milliseconds; nothing where it is given up.
#[wasm_bindgen(js_name = alarmRetryDelay)]
pub fn retry_delay(retry_count: u32) -> Option<f64> {
    alarm_retry_delay_ms(retry_count).map(|delay| delay as f64)
}

/// Says whether a storage takes a key.
///
/// # Errors
/// `invalid-key`.
#[wasm_bindgen(js_name = storageKey)]
pub fn storage_key(key: &str) -> Result<(), JsValue> {
    check_storage_key(key).map_err(|error| refuse("invalid-key", Some(&error.to_string())))
}

/// Says whether one call may have so many keys.
///
/// # Errors
/// `too-large`.
#[wasm_bindgen(js_name = storageKeys)]
pub fn storage_keys(count: usize) -> Result<(), JsValue> {
    if count > STORAGE_KEYS_MAX {
        let sentence =
            format!("there are {count} keys, and at most {STORAGE_KEYS_MAX} are allowed");
        return Err(refuse("too-large", Some(&sentence)));
    }
    Ok(())
}

/// How many keys a listing gives at most.
#[wasm_bindgen(js_name = storagePage)]
pub fn storage_page(limit: Option<u32>) -> u32 {
    let most = u32::try_from(STORAGE_KEYS_MAX).unwrap_or(u32::MAX);
    limit.unwrap_or(most).min(most)
}

/// Says whether a storage of so many bytes takes a value.
///
/// # Errors
/// `invalid-key`, `too-large` and `unavailable`.
#[wasm_bindgen(js_name = storagePut)]
pub fn storage_put(key: &str, value_bytes: u32, stored: f64, most: f64) -> Result<(), JsValue> {
    storage_key(key)?;
    if usize::try_from(value_bytes).unwrap_or(usize::MAX) > STORAGE_VALUE_BYTES_MAX {
        let sentence = format!(
            "the value has {value_bytes} bytes, and at most {STORAGE_VALUE_BYTES_MAX} are allowed"
        );
        return Err(refuse("too-large", Some(&sentence)));
    }
    if stored + f64::from(value_bytes) > most {
        // Whole numbers, below 2^53.
        let (stored, most) = (stored as u64, most as u64);
        let sentence = format!("the object may store {most} bytes, and has {stored} already");
        return Err(refuse("unavailable", Some(&sentence)));
    }
    Ok(())
}

//! Durable objects, as their callers see them: which classes may be called, and which names they may have.

use super::refuse;
use crate::app::{app, find};
use selvedge_contract::object::{check_object_name, check_storage_key, object_id};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

/// The binding of a class, for a call to the object of this name.
///
/// # Errors
/// `no-such-class`, `access-denied` and `invalid`.
#[wasm_bindgen(js_name = objectBinding)]
pub fn binding(composition: usize, class: &str, name: &str) -> Result<String, JsValue> {
    let app = app();
    if !app.classes.iter().any(|known| known == class) {
        return Err(refuse("no-such-class", None));
    }
    let granted = app.compositions.get(composition).and_then(|it| find(&it.objects, class));
    let binding = granted.ok_or_else(|| refuse("access-denied", None))?;
    check_object_name(name).map_err(|error| refuse("invalid", Some(&error.to_string())))?;
    Ok(binding.to_owned())
}

/// The identity of an object.
#[wasm_bindgen(js_name = objectId)]
pub fn id(class: &str, name: &str) -> String {
    object_id(class, name)
}

/// Says whether an object's storage takes a key.
///
/// # Errors
/// `invalid-key`.
#[wasm_bindgen(js_name = storageKey)]
pub fn storage_key(key: &str) -> Result<(), JsValue> {
    check_storage_key(key).map_err(|error| refuse("invalid-key", Some(&error.to_string())))
}

//! Step 4 of a request's way, allow: what a guest may reach. `glue/` asks at every call.
//!
//! Refusals are thrown as `{ payload }`, which the transpiled component hands to the guest as its `err`.

mod config;
mod durable;
mod keyvalue;
mod outbound;
mod sql;

use js_sys::{Object, Reflect};
use wasm_bindgen::prelude::JsValue;

/// A case of a variant of WIT, with its value where it has one, as a guest's error.
pub(crate) fn refuse(tag: &str, value: Option<&str>) -> JsValue {
    let payload = Object::new();
    set(&payload, "tag", &tag.into());
    if let Some(value) = value {
        set(&payload, "val", &value.into());
    }
    let error = Object::new();
    set(&error, "payload", &payload);
    error.into()
}

fn set(object: &Object, key: &str, value: &JsValue) {
    // A plain object takes every key.
    let _ = Reflect::set(object, &key.into(), value);
}

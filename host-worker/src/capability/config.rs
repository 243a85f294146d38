//! `wasi:config`: the vars and secrets of a composition.

use super::set;
use crate::app::{app, find};
use js_sys::{Array, Object};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

/// Where the value of a key is: `{ vars }` or `{ secret }` with the binding that holds it; `undefined` where there is none.
#[wasm_bindgen(js_name = configGet)]
pub fn config_get(composition: usize, key: &str) -> JsValue {
    let app = app();
    let Some(composition) = app.compositions.get(composition) else { return JsValue::UNDEFINED };
    if let Some(binding) = find(&composition.vars, key) {
        return found("vars", binding);
    }
    find(&composition.secrets, key).map_or(JsValue::UNDEFINED, |binding| found("secret", binding))
}

/// The keys of all values.
#[wasm_bindgen(js_name = configKeys)]
pub fn config_keys(composition: usize) -> Array {
    let app = app();
    let composition = app.compositions.get(composition);
    let names = composition.into_iter().flat_map(|it| it.vars.iter().chain(&it.secrets));
    names.map(|(key, _)| JsValue::from_str(key)).collect()
}

fn found(key: &str, value: &str) -> JsValue {
    let object = Object::new();
    set(&object, key, &value.into());
    object.into()
}

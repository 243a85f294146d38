//! Log lines: one JSON object each on the Worker's console, with the fields of the native host's.

use crate::app::app;
use js_sys::{Date, JSON};
use selvedge_contract::failure::Failure;
use selvedge_contract::limits::LOG_LINE_BYTES_MAX;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = log)]
    fn console_log(line: &str);
}

/// A line that is being written.
pub(crate) struct Line(String);

impl Line {
    /// A line of this level: `INFO`, `WARN`, `ERROR`.
    pub(crate) fn new(level: &str, target: &str) -> Self {
        let time = Date::new_0().to_iso_string();
        let time = time.as_string().unwrap_or_default();
        Self(format!("{{\"timestamp\":\"{time}\",\"level\":\"{level}\",\"target\":\"{target}\""))
    }

    /// Adds a field, unless its value is empty.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        if !value.is_empty() {
            let quoted = JSON::stringify(&JsValue::from_str(value)).map(String::from);
            self.0
                .push_str(&format!(",\"{key}\":{}", quoted.unwrap_or_else(|_| "\"\"".to_owned())));
        }
        self
    }

    /// Adds a field that is true.
    pub(crate) fn with_true(mut self, key: &str, is: bool) -> Self {
        if is {
            self.0.push_str(&format!(",\"{key}\":true"));
        }
        self
    }

    /// Writes the line.
    pub(crate) fn write(mut self) {
        self.0.push('}');
        console_log(&self.0);
    }
}

/// Says why a request was not answered by its service.
pub(crate) fn failure(failure: Failure, request: &str, service: &str, cause: &str) {
    if failure == Failure::NoRoute {
        return;
    }
    Line::new("WARN", "selvedge")
        .with("message", failure.sentence())
        .with("service", service)
        .with("request", request)
        .with("failure", failure.name())
        .with("limit", failure.limit().unwrap_or_default())
        .with("cause", cause)
        .write();
}

/// A line that a guest has written.
#[wasm_bindgen(js_name = logLine)]
pub fn log_line(composition: usize, stream: &str, request: &str, object: &str, text: &str) {
    let app = app();
    let Some(composition) = app.compositions.get(composition) else { return };
    let mut end = text.len().min(LOG_LINE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Line::new("INFO", "guest")
        .with("message", text.get(..end).unwrap_or_default())
        .with("service", &composition.name)
        .with("component", &composition.component)
        .with("object", object)
        .with("stream", stream)
        .with("request", request)
        .with_true("cut", end < text.len())
        .write();
}

/// An instance ended before its work was done, or an alarm was given up.
#[wasm_bindgen(js_name = logEnd)]
pub fn log_end(
    composition: usize,
    failure: &str,
    request: &str,
    object: &str,
    cause: &str,
    level: Option<String>,
) {
    let app = app();
    let Some(composition) = app.compositions.get(composition) else { return };
    let is_alarm = failure == "alarm";
    let message = if is_alarm { "the alarm was given up" } else { "the instance was ended" };
    Line::new(level.as_deref().unwrap_or("WARN"), "selvedge")
        .with("message", message)
        .with("service", &composition.name)
        .with("failure", failure)
        .with("request", request)
        .with("object", object)
        .with("cause", cause)
        .write();
}

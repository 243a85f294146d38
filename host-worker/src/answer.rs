//! What the client gets where there is no response of a service: the host's own word, as on the native host.

use crate::logging;
use selvedge_contract::failure::{FAILURE_HEADER, Failure};
use worker::web_sys::{Headers, Response, ResponseInit};

/// The host's own answer: a problem document.
pub(crate) fn failure(failure: Failure, request: &str, service: &str, cause: &str) -> Response {
    logging::failure(failure, request, service, cause);
    respond(failure, request).unwrap_or_else(|_| Response::error())
}

fn respond(failure: Failure, request: &str) -> Result<Response, worker::wasm_bindgen::JsValue> {
    let headers = Headers::new()?;
    headers.set("content-type", "application/problem+json")?;
    headers.set(FAILURE_HEADER, failure.name())?;
    if let Some(seconds) = failure.retry_after_seconds() {
        headers.set("retry-after", &seconds.to_string())?;
    }
    let init = ResponseInit::new();
    init.set_status(failure.status());
    init.set_headers(&headers);
    Response::new_with_opt_str_and_init(Some(&failure.problem(request)), &init)
}

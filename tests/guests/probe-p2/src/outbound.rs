//! Requests to other origins, made by hand: a client would mend or refuse what is wrong with them.

use serde_json::{Value, json};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode, Fields, OutgoingRequest, Scheme};

/// Asks an origin, and tells its status, or the error.
pub fn fetch(authority: Option<String>, path: Option<String>) -> Value {
    match send(authority.as_deref(), path.as_deref()) {
        Ok(status) => json!({ "status": status }),
        Err(error) => {
            let spelled = format!("{error:?}");
            let tail = spelled.strip_prefix("ErrorCode::").unwrap_or(&spelled);
            json!({ "error": tail.split(['(', ' ', '{']).next() })
        }
    }
}

fn send(authority: Option<&str>, path: Option<&str>) -> Result<u16, ErrorCode> {
    let request = OutgoingRequest::new(Fields::new());
    request
        .set_scheme(Some(&Scheme::Http))
        .and_then(|()| request.set_authority(authority))
        .and_then(|()| request.set_path_with_query(path))
        .map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
    let response = outgoing_handler::handle(request, None)?;
    response.subscribe().block();
    match response.get() {
        Some(Ok(response)) => Ok(response?.status()),
        None | Some(Err(())) => Err(ErrorCode::InternalError(None)),
    }
}

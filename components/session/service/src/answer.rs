//! What a client is answered.

use http::StatusCode;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE,
};
use wasip3::http::types::{ErrorCode, Response};
use wasip3::http_compat::http_into_wasi_response;

pub(crate) struct Answer {
    status: StatusCode,
    /// JSON; none where there is nothing to say.
    body: Option<String>,
    cookie: Option<String>,
}

impl Answer {
    pub(crate) fn json(status: StatusCode, body: String) -> Self {
        Self { status, body: Some(body), cookie: None }
    }

    pub(crate) fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, cookie: None }
    }

    pub(crate) fn refusal(status: StatusCode, reason: &str) -> Self {
        Self::json(status, serde_json::json!({ "reason": reason }).to_string())
    }

    pub(crate) fn with_cookie(self, cookie: String) -> Self {
        Self { cookie: Some(cookie), ..self }
    }

    pub(crate) fn into_response(self) -> Result<Response, ErrorCode> {
        let mut response =
            http::Response::builder().status(self.status).header(CACHE_CONTROL, "no-store");
        if let Some(body) = &self.body {
            response = response
                .header(CONTENT_TYPE, "application/json")
                .header(CONTENT_LENGTH, body.len());
        }
        if let Some(cookie) = self.cookie {
            response = response.header(SET_COOKIE, cookie);
        }
        response = match self.status {
            StatusCode::METHOD_NOT_ALLOWED => {
                response.header(ALLOW, "GET, HEAD, POST, PUT, DELETE")
            }
            StatusCode::SERVICE_UNAVAILABLE => response.header(RETRY_AFTER, "1"),
            // RFC 9110 asks for a challenge with every 401; no registered scheme is about cookies.
            StatusCode::UNAUTHORIZED => response.header(WWW_AUTHENTICATE, "Session"),
            _ => response,
        };
        let response = response.body(self.body.unwrap_or_default());
        http_into_wasi_response(
            response.map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?,
        )
    }
}

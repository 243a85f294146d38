//! Makes answers, those to what cannot be done among them.

use crate::body::BodyError;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::response::Builder;
use wasip3::http::types::{ErrorCode, Response};
use wasip3::http_compat::http_into_wasi_response;

/// A note as the client sees it.
#[derive(serde::Serialize)]
pub(crate) struct Note<'a> {
    pub(crate) id: &'a str,
    pub(crate) text: &'a str,
}

/// Why a request is not answered as its client wished.
#[derive(Debug)]
pub(crate) enum Refusal {
    NoSuchNote,
    Method {
        allow: &'static str,
    },
    Body(BodyError),
    /// The query names no URL that a text could come from.
    From,
    Origin(&'static str),
    /// The store failed; the log says how.
    Store,
    Internal(ErrorCode),
}

impl Refusal {
    /// The answer.
    pub(crate) fn into_response(self) -> Result<Response, ErrorCode> {
        let (status, reason) = match &self {
            Self::NoSuchNote => (404, "there is no such note"),
            Self::Method { .. } => (405, "a note cannot do that"),
            Self::Body(BodyError::TooLarge) => (413, "a note has 65536 bytes at most"),
            // The host says how a request ends whose body does not.
            Self::Body(BodyError::Broken(error)) => return Err(error.clone()),
            Self::Body(BodyError::NoText) => (400, "a note is a text in UTF-8"),
            Self::From => (400, "`from` is a URL that begins with http:// or https://"),
            Self::Origin(reason) => (502, *reason),
            Self::Store => (500, "the notes cannot be reached, try again"),
            Self::Internal(error) => return Err(error.clone()),
        };
        let mut builder = http::Response::builder().status(status);
        if let Self::Method { allow } = self {
            builder = builder.header(ALLOW, allow);
        }
        with_json(builder, &serde_json::json!({ "reason": reason })).map_err(
            |refusal| match refusal {
                Self::Internal(error) => error,
                _ => ErrorCode::InternalError(None),
            },
        )
    }
}

pub(crate) fn reply(status: u16, body: &impl serde::Serialize) -> Result<Response, Refusal> {
    with_json(http::Response::builder().status(status), body)
}

pub(crate) fn created(location: &str, note: &Note) -> Result<Response, Refusal> {
    with_json(http::Response::builder().status(201).header(LOCATION, location), note)
}

pub(crate) fn no_content() -> Result<Response, Refusal> {
    let response = http::Response::builder().status(204).body(String::new());
    http_into_wasi_response(response.map_err(internal)?).map_err(Refusal::Internal)
}

fn with_json(builder: Builder, body: &impl serde::Serialize) -> Result<Response, Refusal> {
    let body = serde_json::to_string(body).map_err(internal)?;
    let builder =
        builder.header(CONTENT_TYPE, "application/json").header(CONTENT_LENGTH, body.len());
    http_into_wasi_response(builder.body(body).map_err(internal)?).map_err(Refusal::Internal)
}

fn internal(error: impl std::fmt::Display) -> Refusal {
    Refusal::Internal(ErrorCode::InternalError(Some(error.to_string())))
}

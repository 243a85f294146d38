//! Reads a text from a body, no further than a note may be long.

use crate::reply::Refusal;
use wasip3::http::types::{ErrorCode, Request, Trailers};
use wasip3::wit_bindgen::rt::async_support::{FutureReader, StreamReader, StreamResult};
use wasip3::wit_future;

/// The most that a note may hold, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 65_536;
/// How much is asked for at once.
const PIECE_BYTES: usize = 16_384;

/// Why there is no text.
#[derive(Debug)]
pub(crate) enum BodyError {
    TooLarge,
    NoText,
    /// It broke off before its end.
    Broken(ErrorCode),
}

/// The text that a request brings.
pub(crate) async fn text(request: Request) -> Result<String, Refusal> {
    let (_, done) = wit_future::new(|| Ok(()));
    let (body, trailers) = Request::consume_body(request, done);
    read(body, trailers).await.map_err(Refusal::Body)
}

/// The whole of a body as a text.
pub(crate) async fn read(
    mut body: StreamReader<u8>,
    trailers: FutureReader<Result<Option<Trailers>, ErrorCode>>,
) -> Result<String, BodyError> {
    let mut bytes = Vec::new();
    loop {
        let (outcome, piece) = body.read(Vec::with_capacity(PIECE_BYTES)).await;
        bytes.extend_from_slice(&piece);
        if bytes.len() > TEXT_BYTES_MAX {
            return Err(BodyError::TooLarge);
        }
        if !matches!(outcome, StreamResult::Complete(_)) {
            break;
        }
    }
    // A body that broke off ends as a whole one does; only the trailers tell them apart.
    trailers.await.map_err(BodyError::Broken)?;
    match String::from_utf8(bytes) {
        Ok(text) if !text.is_empty() => Ok(text),
        _ => Err(BodyError::NoText),
    }
}

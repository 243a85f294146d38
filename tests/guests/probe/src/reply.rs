//! Builds responses, whole or streamed.

use serde_json::Value;
use wasip3::http::types::{ErrorCode, Fields, Response, Trailers};
use wasip3::{wit_future, wit_stream};
use wit_bindgen::{StreamReader, StreamResult, StreamWriter};

/// What a handler gives back.
pub type Answer = Result<Response, ErrorCode>;
/// How a body ends: with trailers, without, or broken off.
pub type End = Result<Option<Trailers>, ErrorCode>;

/// A response of `status` with `fields` whose body `produce` writes while the client reads.
pub fn streamed<Work>(
    status: u16,
    fields: &[(&str, &str)],
    produce: impl FnOnce(StreamWriter<u8>) -> Work + 'static,
) -> Answer
where
    Work: Future<Output = End> + 'static,
{
    let (writer, reader) = wit_stream::new();
    let (end_writer, end_reader) = wit_future::new(|| Ok(None));
    let response = response(status, fields, Some(reader), end_reader)?;
    wit_bindgen::spawn_local(async move {
        let end = produce(writer).await;
        // A client that left does not read how the body ends.
        let _ = end_writer.write(end).await;
    });
    Ok(response)
}

/// A response of `status` whose body is `body`.
pub fn bytes(status: u16, content_type: &str, body: Vec<u8>) -> Answer {
    let length = body.len().to_string();
    let fields = [("content-type", content_type), ("content-length", length.as_str())];
    streamed(status, &fields, async move |mut writer| {
        writer.write_all(body).await;
        Ok(None)
    })
}

/// A response of `status` whose body is `body`.
pub fn text(status: u16, body: impl Into<String>) -> Answer {
    bytes(status, "text/plain", body.into().into_bytes())
}

/// A response of `status` whose body is `body`.
pub fn json(status: u16, body: &Value) -> Answer {
    bytes(status, "application/json", body.to_string().into_bytes())
}

/// A response without a body.
pub fn empty(status: u16) -> Answer {
    let (_, end) = wit_future::new(|| Ok(None));
    response(status, &[], None, end)
}

/// What a request for an action that there is not gets.
pub fn unknown(action: &str) -> Answer {
    text(404, format!("the probe has no action {action:?}\n"))
}

/// A response made of its parts.
pub fn response(
    status: u16,
    fields: &[(&str, &str)],
    body: Option<StreamReader<u8>>,
    end: wit_bindgen::FutureReader<End>,
) -> Answer {
    let headers = Fields::new();
    for (name, value) in fields {
        headers.append(name, value.as_bytes()).map_err(|error| internal(format!("{error:?}")))?;
    }
    let (response, _sent) = Response::new(headers, body, end);
    response.set_status_code(status).map_err(|()| internal(format!("status {status}")))?;
    Ok(response)
}

/// An error that the probe gives to the host in the place of an answer.
pub fn internal(cause: impl Into<String>) -> ErrorCode {
    ErrorCode::InternalError(Some(cause.into()))
}

/// Everything that `reader` gives.
pub async fn read_all(mut reader: StreamReader<u8>) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let (result, part) = reader.read(Vec::with_capacity(64 * 1024)).await;
        whole.extend_from_slice(&part);
        if !matches!(result, StreamResult::Complete(_)) {
            return whole;
        }
    }
}

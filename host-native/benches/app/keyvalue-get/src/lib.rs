//! Answers `GET` with the value at one key, and puts one there by `PUT`: the key is the last part
//! of the path, and a key without a value is a 404, so that nobody measures a miss.

use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response};
use wasip3::{wit_future, wit_stream};
use wit_bindgen::StreamResult;

/// What the host offers beside WASI.
mod host {
    wit_bindgen::generate!({
        path: "../../../../wit",
        world: "selvedge:app/capabilities",
        generate_all,
    });
}

use host::selvedge::keyvalue::store;

struct KeyValueGet;

wasip3::http::service::export!(KeyValueGet);

impl wasip3::exports::http::handler::Guest for KeyValueGet {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let key = path.rsplit('/').next().unwrap_or_default().to_owned();
        let bucket = store::open("values".to_owned()).await.map_err(failed)?;
        if matches!(request.get_method(), Method::Put) {
            bucket.set(key, read(request).await, None).await.map_err(failed)?;
            return answer(200, Vec::new());
        }
        match bucket.get(key).await.map_err(failed)? {
            Some(value) => answer(200, value),
            None => answer(404, Vec::new()),
        }
    }
}

async fn read(request: Request) -> Vec<u8> {
    let (_, received) = wit_future::new(|| Ok(()));
    let (mut body, _end) = Request::consume_body(request, received);
    let mut whole = Vec::new();
    loop {
        let (result, part) = body.read(Vec::with_capacity(4096)).await;
        whole.extend(part);
        if !matches!(result, StreamResult::Complete(_)) {
            return whole;
        }
    }
}

fn answer(status: u16, value: Vec<u8>) -> Result<Response, ErrorCode> {
    let headers = Fields::new();
    let length = value.len().to_string();
    headers.append("content-length", length.as_bytes()).map_err(failed)?;
    let (mut body, reader) = wit_stream::new();
    let (_end, end) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(headers, Some(reader), end);
    response.set_status_code(status).map_err(failed)?;
    wit_bindgen::spawn_local(async move {
        body.write_all(value).await;
    });
    Ok(response)
}

fn failed(error: impl std::fmt::Debug) -> ErrorCode {
    ErrorCode::InternalError(Some(format!("{error:?}")))
}

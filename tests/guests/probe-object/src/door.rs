//! `wasi:http/handler`: what comes through the untyped door. A path is `/<action>`.

use crate::script::{pause, trap};
use crate::storage::keys;
use crate::{Subject, identity};
use serde_json::{Value, json};
use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response};
use wasip3::{wit_future, wit_stream};
use wit_bindgen::{FutureReader, StreamReader, StreamWriter};

type Answer = Result<Response, ErrorCode>;

/// Answers a request that a gateway passed on.
pub async fn answer(request: Request) -> Answer {
    let target = request.get_path_with_query().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    match path {
        "/describe" => {
            let method = request.get_method();
            let headers = request.get_headers().get("x-probe");
            let header = headers.first().map(|value| String::from_utf8_lossy(value).into_owned());
            let (body, _end) = body_of(request);
            let body = body.collect().await;
            let body = String::from_utf8_lossy(&body);
            json(json!({
                "method": spelled(&method), "path": target, "header": header, "body": body,
            }))
        }
        // Sends back what comes, while it comes.
        "/echo" => {
            let (body, _end) = body_of(request);
            let (_, end) = wit_future::new(|| Ok(None));
            response(body, end)
        }
        "/identity" => json(identity(&Subject::default())),
        // Stores the query and answers.
        "/put" => match keys::put("door", query.as_bytes()) {
            Ok(()) => json(json!({ "put": query })),
            Err(error) => Err(ErrorCode::InternalError(Some(format!("{error:?}")))),
        },
        // Five letters, one every so many milliseconds.
        "/slow" => {
            let every = query.parse().unwrap_or(0);
            streamed(async move |mut writer| {
                for _ in 0..5 {
                    writer.write_all(b"x".to_vec()).await;
                    pause(every).await;
                }
            })
        }
        "/status" => {
            let answer = json(json!({ "status": query }))?;
            let status = query.parse().unwrap_or(500);
            answer.set_status_code(status).map_err(|()| ErrorCode::InternalError(None))?;
            Ok(answer)
        }
        "/error" => Err(ErrorCode::InternalError(Some("asked to fail".to_owned()))),
        "/trap" => trap(),
        _ => Err(ErrorCode::InternalError(Some(format!("there is no {path:?} behind the door")))),
    }
}

fn body_of(
    request: Request,
) -> (StreamReader<u8>, FutureReader<Result<Option<Fields>, ErrorCode>>) {
    let (_, result) = wit_future::new(|| Ok(()));
    Request::consume_body(request, result)
}

fn json(value: Value) -> Answer {
    streamed(async move |mut writer| {
        writer.write_all(value.to_string().into_bytes()).await;
    })
}

fn streamed<Work>(produce: impl FnOnce(StreamWriter<u8>) -> Work + 'static) -> Answer
where
    Work: Future<Output = ()> + 'static,
{
    let (writer, reader) = wit_stream::new();
    let (end_writer, end) = wit_future::new(|| Ok(None));
    let response = response(reader, end)?;
    wit_bindgen::spawn_local(async move {
        produce(writer).await;
        // A client that left does not read how the body ends.
        let _ = end_writer.write(Ok(None)).await;
    });
    Ok(response)
}

fn response(
    body: StreamReader<u8>,
    end: FutureReader<Result<Option<Fields>, ErrorCode>>,
) -> Answer {
    let headers = Fields::new();
    headers
        .append("x-object", b"yes")
        .map_err(|error| ErrorCode::InternalError(Some(format!("{error:?}"))))?;
    let (response, _sent) = Response::new(headers, Some(body), end);
    Ok(response)
}

fn spelled(method: &Method) -> String {
    match method {
        Method::Other(other) => other.clone(),
        known => format!("{known:?}").trim_start_matches("Method::").to_ascii_uppercase(),
    }
}

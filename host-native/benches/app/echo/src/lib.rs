//! Tells what it was asked, as `components/echo` does on QuickJS: what that is measured by.

use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Method, Request, Response};
use wasip3::http_compat::http_into_wasi_response;
use wasip3::wit_bindgen::rt::async_support::StreamResult;
use wasip3::wit_future;

struct Echo;

wasip3::http::service::export!(Echo);

#[derive(Serialize)]
struct Told<'t> {
    method: &'static str,
    path: &'t str,
    query: BTreeMap<Cow<'t, str>, Cow<'t, str>>,
    r#type: Option<String>,
    text: String,
}

impl Guest for Echo {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let method = match request.get_method() {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            _ => return refuse(),
        };
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let types = request.get_headers().get("content-type");
        let told = Told {
            method,
            path,
            query: form_urlencoded::parse(query.as_bytes()).collect(),
            r#type: types.first().map(|text| String::from_utf8_lossy(text).into_owned()),
            text: text(request).await?,
        };
        reply(http::Response::builder(), &told)
    }
}

fn refuse() -> Result<Response, ErrorCode> {
    let response = http::Response::builder().status(405).header("allow", "GET, HEAD, POST");
    reply(response, &serde_json::json!({ "reason": "use GET or POST" }))
}

fn reply(builder: http::response::Builder, body: &impl Serialize) -> Result<Response, ErrorCode> {
    let body = serde_json::to_string(body).map_err(internal)?;
    let builder =
        builder.header("content-type", "application/json").header("content-length", body.len());
    http_into_wasi_response(builder.body(body).map_err(internal)?)
}

async fn text(request: Request) -> Result<String, ErrorCode> {
    let (_, done) = wit_future::new(|| Ok(()));
    let (mut body, trailers) = Request::consume_body(request, done);
    let mut bytes = Vec::new();
    loop {
        let (outcome, piece) = body.read(Vec::with_capacity(4096)).await;
        bytes.extend_from_slice(&piece);
        if !matches!(outcome, StreamResult::Complete(_)) {
            break;
        }
    }
    trailers.await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn internal(error: impl std::fmt::Display) -> ErrorCode {
    ErrorCode::InternalError(Some(error.to_string()))
}

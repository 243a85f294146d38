//! The server that guests call: an origin on loopback, with a few ways to answer.

use anyhow::Result;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;

/// How often each path was asked for.
type Counts = Arc<Mutex<HashMap<String, u64>>>;
type Body = BoxBody<Bytes, io::Error>;

/// Starts the origin; it serves until the runtime ends.
///
/// `/hello` says hello; `/echo` sends back the body; `/status/<n>` answers with that status;
/// `/headers` lists the request's headers; `/bytes/<n>` sends n letters; `/broken` breaks off;
/// `/silent` never answers; `/counted/<name>` answers, and `/count/<name>` says how often it did.
///
/// # Errors
/// Where no port can be had.
pub async fn start() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let counts = Counts::default();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let counts = counts.clone();
            let serve = service_fn(move |request| answer(request, counts.clone()));
            let http = hyper::server::conn::http1::Builder::new();
            // A connection that a guest or a case breaks off is what is being tested.
            tokio::spawn(async move {
                let _ = http.serve_connection(TokioIo::new(connection), serve).await;
            });
        }
    });
    Ok(address)
}

async fn answer(request: Request<Incoming>, counts: Counts) -> Result<Response<Body>, http::Error> {
    let path = request.uri().path().to_owned();
    let (kind, argument) = path.trim_start_matches('/').split_once('/').unwrap_or((&path[1..], ""));
    let builder = Response::builder();
    match kind {
        "hello" => builder.header("x-origin", "yes").body(whole("hello from the origin")),
        "echo" => builder.body(request.into_body().map_err(io::Error::other).boxed()),
        "status" => builder.status(argument.parse().unwrap_or(400)).body(whole("a status")),
        "headers" => {
            let pairs: Vec<[String; 2]> = request
                .headers()
                .iter()
                .map(|(name, value)| {
                    [name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()]
                })
                .collect();
            builder.body(whole(serde_json::json!(pairs).to_string()))
        }
        "bytes" => builder.body(whole("x".repeat(argument.parse().unwrap_or(0)))),
        "broken" => {
            let begun = stream::iter([Ok(Frame::data(Bytes::from_static(b"begun")))]);
            // Late enough for the head to be sent before.
            let end = stream::once(async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Err(io::Error::other("the origin was asked to break off"))
            });
            builder.body(BodyExt::boxed(StreamBody::new(begun.chain(end))))
        }
        "silent" => {
            tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
            builder.body(whole("a day later"))
        }
        "counted" => {
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            *counts.entry(argument.to_owned()).or_default() += 1;
            builder.body(whole("counted"))
        }
        "count" => {
            let counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.get(argument).copied().unwrap_or(0);
            builder.body(whole(serde_json::json!({ "count": count }).to_string()))
        }
        _ => builder.status(404).body(whole("the origin has no such path")),
    }
}

fn whole(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed()
}

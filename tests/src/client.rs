//! The ordinary client: HTTP/1.1 and HTTP/2, one connection a request unless a case keeps it.

use crate::reply::{Outcome, Reply};
use crate::step::Request;
use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest that a client waits for a reply to be whole.
pub const PATIENCE: Duration = Duration::from_secs(40);
/// The size of the pieces that a long body is sent in.
const PIECE_BYTES: usize = 64 * 1024;

type Body = BoxBody<Bytes, Infallible>;

/// The connections that a case keeps, by name.
#[derive(Default)]
pub struct Connections(HashMap<String, Sender>);

/// An open connection, to send requests on.
enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// Sends `request` on a connection of its own, and calls `on_head` when the head of the reply has
/// come, if it comes.
///
/// # Errors
/// Where the case holds a request that cannot be sent.
pub async fn send(
    address: SocketAddr,
    request: &Request,
    on_head: impl FnOnce(),
) -> Result<Outcome> {
    let sent = build(address, request)?;
    let start = Instant::now();
    let mut sender = match connect(address, request.h2c).await {
        Ok(sender) => sender,
        Err(error) => return Ok(Outcome::Nothing(format!("{error:#}"))),
    };
    Ok(exchange(&mut sender, sent, request, start, on_head).await)
}

impl Connections {
    /// Sends `request` on the connection that it names, which is opened where it is not there.
    ///
    /// # Errors
    /// Where the case holds a request that cannot be sent.
    pub async fn send(&mut self, address: SocketAddr, request: &Request) -> Result<Outcome> {
        let Some(name) = &request.connection else {
            return send(address, request, || {}).await;
        };
        let sent = build(address, request)?;
        let start = Instant::now();
        let mut sender = match self.0.remove(name) {
            Some(sender) => sender,
            None => match connect(address, request.h2c).await {
                Ok(sender) => sender,
                Err(error) => return Ok(Outcome::Nothing(format!("{error:#}"))),
            },
        };
        let outcome = exchange(&mut sender, sent, request, start, || {}).await;
        self.0.insert(name.clone(), sender);
        Ok(outcome)
    }
}

async fn connect(address: SocketAddr, h2c: bool) -> Result<Sender> {
    let stream = TokioIo::new(TcpStream::connect(address).await.context("cannot connect")?);
    // The connections end with their senders; what goes wrong on them, the request reports.
    if h2c {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
        tokio::spawn(connection);
        Ok(Sender::Http2(sender))
    } else {
        let (sender, connection) = http1::handshake(stream).await?;
        tokio::spawn(connection);
        Ok(Sender::Http1(sender))
    }
}

async fn exchange(
    sender: &mut Sender,
    sent: http::Request<Body>,
    request: &Request,
    start: Instant,
    on_head: impl FnOnce(),
) -> Outcome {
    let response = async {
        match sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(sent).await
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(sent).await
            }
        }
    };
    match timeout(PATIENCE, response).await {
        Err(_) => Outcome::Nothing(format!("nothing came for {PATIENCE:?}")),
        Ok(Err(error)) => Outcome::Nothing(spelled(&error)),
        Ok(Ok(response)) => {
            on_head();
            receive(response, request, start).await
        }
    }
}

async fn receive(response: http::Response<Incoming>, request: &Request, start: Instant) -> Outcome {
    let (head, mut body) = response.into_parts();
    let mut reply = Reply {
        status: head.status.as_u16(),
        headers: pairs(&head.headers),
        head_after: start.elapsed(),
        ..Reply::default()
    };
    loop {
        match timeout(PATIENCE, body.frame()).await {
            Err(_) => reply.broken = Some(format!("nothing more came for {PATIENCE:?}")),
            Ok(Some(Err(error))) => reply.broken = Some(spelled(&error)),
            Ok(Some(Ok(frame))) => {
                match frame.into_data() {
                    Ok(data) => reply.body.extend_from_slice(&data),
                    Err(frame) => {
                        reply.trailers = frame.trailers_ref().map(pairs).unwrap_or_default();
                    }
                }
                if request.leave_after_bytes.is_some_and(|bytes| reply.body.len() >= bytes) {
                    return Outcome::Left;
                }
                continue;
            }
            Ok(None) => {}
        }
        reply.took = start.elapsed();
        return Outcome::Reply(reply);
    }
}

fn build(address: SocketAddr, request: &Request) -> Result<http::Request<Body>> {
    let host = request.host.clone().unwrap_or_else(|| address.to_string());
    let method = request.method.as_deref().unwrap_or("GET");
    let uri =
        if request.h2c { format!("http://{host}{}", request.path) } else { request.path.clone() };
    let mut builder = http::Request::builder().method(method).uri(uri);
    if !request.h2c {
        builder = builder.header("host", host);
    }
    for (name, values) in &request.headers {
        for value in values.values() {
            builder = builder.header(name, value);
        }
    }
    for name in request.trailers.keys() {
        builder = builder.header("trailer", name);
    }
    builder.body(body(request)?).context("this cannot be sent")
}

fn body(request: &Request) -> Result<Body> {
    let text = match (&request.body, request.body_bytes) {
        (Some(text), _) => Bytes::from(text.clone()),
        (None, Some(bytes)) => Bytes::from("x".repeat(bytes)),
        (None, None) => return Ok(Empty::new().boxed()),
    };
    if !request.chunked && request.trailers.is_empty() {
        return Ok(Full::new(text).boxed());
    }
    let mut frames = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        frames.push(Frame::data(rest.split_to(rest.len().min(PIECE_BYTES))));
    }
    if !request.trailers.is_empty() {
        let mut trailers = http::HeaderMap::new();
        for (name, value) in &request.trailers {
            let name: http::HeaderName = name.parse()?;
            trailers.append(name, value.parse()?);
        }
        frames.push(Frame::trailers(trailers));
    }
    let frames = frames.into_iter().map(Ok::<_, Infallible>);
    Ok(StreamBody::new(futures::stream::iter(frames)).boxed())
}

fn pairs(headers: &http::HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// An error with its causes.
fn spelled(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::send;
    use crate::reply::Outcome;
    use crate::step::Request;
    use std::sync::mpsc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// What came of a request that a server answered with `head`, and with `body` only when the
    /// client had said that the head is there; and how often it said so.
    async fn ask(head: &'static str, body: &'static str) -> (Outcome, usize) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (told, mut is_there) = tokio::sync::mpsc::unbounded_channel();
        let (count, counted) = mpsc::channel();
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = [0; 256];
            let _ = connection.read(&mut request).await;
            connection.write_all(head.as_bytes()).await.unwrap();
            if !body.is_empty() {
                is_there.recv().await.unwrap();
                connection.write_all(body.as_bytes()).await.unwrap();
            }
        });
        let request: Request = toml::from_str("path = \"/\"").unwrap();
        let on_head = || {
            told.send(()).ok();
            count.send(()).unwrap();
        };
        let outcome = send(address, &request, on_head).await.unwrap();
        (outcome, counted.try_iter().count())
    }

    #[tokio::test]
    async fn head_is_told_before_the_body_has_come() {
        let (outcome, told) = ask("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n", "body").await;
        assert!(matches!(outcome, Outcome::Reply(reply) if reply.text() == "body"));
        assert_eq!(told, 1);
    }

    #[tokio::test]
    async fn head_that_does_not_come_is_not_told() {
        let (outcome, told) = ask("HTTP/1.1", "").await;
        assert!(matches!(outcome, Outcome::Nothing(_)));
        assert_eq!(told, 0);
    }
}

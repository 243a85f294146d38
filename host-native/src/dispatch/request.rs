//! A request's head and body, held to their bounds.

use crate::guest::job::Ticket;
use bytes::Bytes;
use futures::channel::oneshot;
use http::header::HOST;
use http::uri::{Authority, Scheme, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use selvedge_contract::failure::Failure;
use selvedge_contract::limits::{HEADER_COUNT_MAX, Limits};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;
use wasmtime_wasi_http::{Error, WasiBody};

/// Refuses a head or an announced body that is over its bound. `header_bytes_max` is what the
/// connection lets through.
pub(super) fn check_head(
    request: &http::Request<Incoming>,
    limits: &Limits,
    header_bytes_max: usize,
) -> Result<(), Failure> {
    let allowed = usize::try_from(limits.header_bytes).unwrap_or(usize::MAX);
    // The connection keeps the widest bound of all services; only a narrower one is left to check.
    if allowed < header_bytes_max && head_bytes(request) > allowed {
        return Err(Failure::HeadersTooLarge);
    }
    // HTTP/1.1 keeps this bound while it reads; HTTP/2 has none of its own.
    if request.headers().len() > HEADER_COUNT_MAX {
        return Err(Failure::HeadersTooLarge);
    }
    if request.body().size_hint().lower() > limits.request_body_bytes {
        return Err(Failure::RequestBodyTooLarge);
    }
    Ok(())
}

/// The bytes of a head as HTTP/1.1 spells it, near enough.
fn head_bytes(request: &http::Request<Incoming>) -> usize {
    let target = request.uri().path_and_query().map_or(1, |target| target.as_str().len());
    let headers = request.headers().iter();
    // ": " and the end of the line; method, version and their blanks.
    headers.map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + target + 16
}

/// Gives a request's target the authority that HTTP/1.1 puts into a header of its own: guests see
/// the one and never the other.
pub(super) fn complete_target(request: &mut http::Request<Incoming>) -> Result<(), Failure> {
    if request.uri().authority().is_some() {
        return Ok(());
    }
    // RFC 9112 section 3.2: a request without it, or with two, is answered with 400.
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Failure::BadRequest) };
    let authority = Authority::try_from(host.as_bytes()).map_err(|_| Failure::BadRequest)?;
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    // `*` (of `OPTIONS *`) is no path that could follow an authority.
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Failure::BadRequest)?;
    Ok(())
}

/// A request whose body keeps its bounds.
pub(super) struct Guarded {
    /// The request.
    pub(super) request: http::Request<WasiBody>,
    /// What its body ran into. Ends without a word where it runs into nothing.
    pub(super) trouble: Option<oneshot::Receiver<Failure>>,
}

/// Puts the guard around a request's body, where there is one.
pub(super) fn guard(
    request: http::Request<Incoming>,
    limits: &Limits,
    ticket: &Arc<Ticket>,
) -> Guarded {
    let (head, body) = request.into_parts();
    if body.is_end_stream() {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        return Guarded { request: http::Request::from_parts(head, body), trouble: None };
    }
    let (tell, trouble) = oneshot::channel();
    let body = GuardedBody {
        body,
        bytes_left: limits.request_body_bytes,
        wait_max: Duration::from_millis(limits.wall_ms),
        waiting: None,
        ticket: Arc::clone(ticket),
        tell: Some(tell),
    };
    let request = http::Request::from_parts(head, body.boxed_unsync());
    Guarded { request, trouble: Some(trouble) }
}

/// A request's body that ends with an error where it is too large or does not go on.
struct GuardedBody {
    body: Incoming,
    bytes_left: u64,
    wait_max: Duration,
    /// Runs while nothing arrives.
    waiting: Option<Pin<Box<Sleep>>>,
    ticket: Arc<Ticket>,
    tell: Option<oneshot::Sender<Failure>>,
}

impl GuardedBody {
    fn fail(
        &mut self,
        failure: Failure,
        error: Error,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(tell) = self.tell.take() {
            let _ = tell.send(failure);
        }
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for GuardedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.ticket.set_awaits_client(frame.is_pending());
        match frame {
            Poll::Pending => {
                let wait_max = self.wait_max;
                let waiting =
                    self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait_max)));
                match waiting.as_mut().poll(cx) {
                    Poll::Ready(()) => {
                        self.fail(Failure::RequestBodyTimeout, Error::ConnectionReadTimeout)
                    }
                    Poll::Pending => Poll::Pending,
                }
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => {
                tracing::debug!(cause = %error, "a client left within its request's body");
                Poll::Ready(Some(Err(Error::HttpProtocolError)))
            }
            Poll::Ready(Some(Ok(frame))) => {
                self.waiting = None;
                let bytes = frame.data_ref().map_or(0, |data| data.len());
                match self.bytes_left.checked_sub(u64::try_from(bytes).unwrap_or(u64::MAX)) {
                    Some(left) => self.bytes_left = left,
                    None => {
                        return self
                            .fail(Failure::RequestBodyTooLarge, Error::HttpRequestBodySize(None));
                    }
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

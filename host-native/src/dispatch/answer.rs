//! What the client gets: the service's response, or the host's word on why there is none.

use crate::dispatch::body::GuestBody;
use crate::guest::job::{Refused, Reply, RequestId, Ticket};
use crate::guest::service::Admission;
use bytes::Bytes;
use futures::channel::oneshot;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use selvedge_contract::failure::{FAILURE_HEADER, Failure};
use selvedge_contract::limits::Limits;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use wasmtime_wasi_http::{Error, WasiBody};

/// What came of a request.
pub(super) enum Outcome {
    /// The guest answered.
    Replied(Response<WasiBody>),
    /// The guest answered with an error, or the host refused to ask it.
    Failed(wasmtime::Error),
    /// The instance ended without an answer.
    Ended,
    /// The request's own body ran into a bound.
    Trouble(Failure),
    /// Nothing came in time.
    TimedOut,
}

/// Waits for an answer, or for a reason to wait no longer.
pub(super) async fn wait(
    mut reply: oneshot::Receiver<Reply>,
    trouble: Option<oneshot::Receiver<Failure>>,
    wall: Duration,
) -> Outcome {
    let trouble = async {
        match trouble {
            Some(trouble) => match trouble.await {
                Ok(failure) => failure,
                Err(oneshot::Canceled) => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        failure = trouble => Outcome::Trouble(failure),
        reply = &mut reply => match reply {
            Ok(Ok(response)) => Outcome::Replied(response),
            Ok(Err(error)) => Outcome::Failed(error),
            Err(oneshot::Canceled) => Outcome::Ended,
        },
        () = tokio::time::sleep(wall) => Outcome::TimedOut,
    }
}

/// Passes the guest's response on, where it is one that may be sent.
pub(super) fn accept(
    response: Response<WasiBody>,
    limits: &Limits,
    ticket: Arc<Ticket>,
    admission: Admission,
) -> Result<Response<Answer>, Failure> {
    // RFC 9110 section 15: what is over 599 is no status, and what is below 200 is no answer.
    if !(200..=599).contains(&response.status().as_u16()) {
        return Err(Failure::InvalidResponse);
    }
    if response.body().size_hint().lower() > limits.response_body_bytes {
        return Err(Failure::ResponseBodyTooLarge);
    }
    Ok(response.map(|body| Answer::Guest(GuestBody::new(body, limits, ticket, admission))))
}

/// Which failure an error stands for.
pub(super) fn failed(error: &wasmtime::Error, service: &str, ticket: &Ticket) -> Failure {
    if let Some(Refused(failure)) = error.downcast_ref::<Refused>() {
        return *failure;
    }
    let cause = format!("{error:#}");
    tracing::warn!(service, request = %ticket.id, cause, "the guest gave no response");
    // Where a 0.2 guest traps, the loss of its answer is noticed before the trap itself.
    match ticket.instance() {
        Some(vitals) if vitals.is_broken() || is_trap(error) => vitals.cause(),
        _ => Failure::InvalidResponse,
    }
}

fn is_trap(error: &wasmtime::Error) -> bool {
    error.is::<wasmtime::Trap>()
        || error.is::<wasmtime::WasmBacktrace>()
        || error.is::<wasmtime_wasi::I32Exit>()
}

/// The host's own answer: a problem document.
pub(super) fn failure(failure: Failure, id: RequestId, service: &str) -> Response<Answer> {
    if failure == Failure::NoRoute {
        tracing::debug!(request = %id, failure = failure.name(), "{}", failure.sentence());
    } else {
        let (name, limit) = (failure.name(), failure.limit());
        tracing::warn!(request = %id, service, failure = name, limit, "{}", failure.sentence());
    }
    let problem = Bytes::from(failure.problem(&id.to_string()));
    let mut response = Response::new(Answer::Host(Some(problem)));
    *response.status_mut() =
        StatusCode::from_u16(failure.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers
        .insert(HeaderName::from_static(FAILURE_HEADER), HeaderValue::from_static(failure.name()));
    if let Some(seconds) = failure.retry_after_seconds() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The body of an answer.
pub(crate) enum Answer {
    /// The guest's.
    Guest(GuestBody),
    /// The host's, until it has been sent.
    Host(Option<Bytes>),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.get_mut() {
            Self::Guest(body) => Pin::new(body).poll_frame(cx),
            Self::Host(text) => Poll::Ready(text.take().map(Frame::data).map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Guest(body) => body.is_end_stream(),
            Self::Host(text) => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Guest(body) => body.size_hint(),
            Self::Host(text) => {
                let bytes = text.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(bytes).unwrap_or(u64::MAX))
            }
        }
    }
}

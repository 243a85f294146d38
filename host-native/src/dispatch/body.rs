//! The body of a guest's response, held to its bounds.

use crate::guest::job::Ticket;
use crate::guest::service::Admission;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use selvedge_contract::failure::Failure;
use selvedge_contract::limits::Limits;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;
use wasmtime_wasi_http::{Error, WasiBody};

/// The body of a guest's response. While it is there, its request keeps its place in the service and
/// in the instance.
pub(crate) struct GuestBody {
    body: WasiBody,
    bytes_left: u64,
    wait_max: Duration,
    /// Runs while the guest writes nothing.
    waiting: Option<Pin<Box<Sleep>>>,
    /// How it ends before its time, when what came before has left.
    broken_off: Option<Option<Error>>,
    ticket: Arc<Ticket>,
    admission: Admission,
}

impl GuestBody {
    /// Puts the guard around a body.
    pub(super) fn new(
        body: WasiBody,
        limits: &Limits,
        ticket: Arc<Ticket>,
        admission: Admission,
    ) -> Self {
        Self {
            body,
            bytes_left: limits.response_body_bytes,
            wait_max: Duration::from_millis(limits.wall_ms),
            waiting: None,
            broken_off: None,
            ticket,
            admission,
        }
    }

    /// Ends the body before its time; the connection ends with it, so that no client takes half of
    /// a body for the whole.
    fn fail(&self, failure: Failure, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        tracing::warn!(
            service = self.admission.service(),
            request = %self.ticket.id,
            failure = failure.name(),
            limit = failure.limit(),
            "a response was broken off: {}", failure.sentence()
        );
        Poll::Ready(Some(Err(error)))
    }

    /// The next piece, where the guest and the bounds allow one.
    fn poll_guest(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending => {
                let wait_max = self.wait_max;
                let waiting =
                    self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait_max)));
                match waiting.as_mut().poll(cx) {
                    Poll::Ready(()) => self.fail(Failure::WallTime, Error::ConnectionWriteTimeout),
                    Poll::Pending => Poll::Pending,
                }
            }
            Poll::Ready(Some(Ok(frame))) => {
                self.waiting = None;
                let bytes = frame.data_ref().map_or(0, |data| data.len());
                match self.bytes_left.checked_sub(u64::try_from(bytes).unwrap_or(u64::MAX)) {
                    Some(left) => {
                        self.bytes_left = left;
                        Poll::Ready(Some(Ok(frame)))
                    }
                    None => {
                        self.fail(Failure::ResponseBodyTooLarge, Error::HttpResponseBodySize(None))
                    }
                }
            }
            Poll::Ready(None) => match self.ticket.instance() {
                // What was written before the instance broke is not the whole body.
                Some(vitals) if vitals.is_broken() => {
                    self.fail(vitals.cause(), Error::HttpResponseIncomplete)
                }
                _ => Poll::Ready(None),
            },
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
        }
    }
}

impl Body for GuestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(end) = self.broken_off.take() {
            return Poll::Ready(end.map(Err));
        }
        let end = match self.poll_guest(cx) {
            Poll::Ready(Some(Err(error))) => Some(error),
            // Less than its head has promised.
            Poll::Ready(None) if self.body.size_hint().exact().is_some_and(|left| left > 0) => None,
            polled => return polled,
        };
        // The connection throws away what it has not sent when it meets such an end. It sends while
        // it waits.
        self.broken_off = Some(end);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.broken_off.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

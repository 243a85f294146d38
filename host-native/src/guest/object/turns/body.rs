//! The body of an object's response: no piece of it leaves before what was written is on disk.

use crate::guest::object::mailbox::{CallError, Place};
use crate::guest::object::own::Shared;
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use wasmtime_wasi_http::{Error, WasiBody};

/// Puts the gate in front of a response's body, which keeps its call's place to its end.
pub(super) fn gated(
    response: http::Response<WasiBody>,
    shared: &Arc<Shared>,
    place: Place,
) -> http::Response<WasiBody> {
    let shared = Arc::downgrade(shared);
    let body = |body| Gated { body, shared, held: None, _place: place };
    response.map(|inner| body(inner).boxed_unsync())
}

/// Passed when the disk has everything.
type Gate = BoxFuture<'static, Result<(), CallError>>;

struct Gated {
    body: WasiBody,
    shared: Weak<Shared>,
    /// A piece that waits for the disk.
    held: Option<(Frame<Bytes>, Gate)>,
    _place: Place,
}

impl Body for Gated {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.held.is_none() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let Some(shared) = self.shared.upgrade() else {
                        return Poll::Ready(Some(Err(Error::HttpResponseIncomplete)));
                    };
                    self.held = Some((frame, Box::pin(shared.gate())));
                }
                end => return Poll::Ready(end),
            }
        }
        let Some((_, gate)) = &mut self.held else { return Poll::Ready(None) };
        let passed = ready!(gate.as_mut().poll(cx));
        let frame = self.held.take().map(|(frame, _)| frame);
        match (passed, frame) {
            (Ok(()), Some(frame)) => Poll::Ready(Some(Ok(frame))),
            _ => Poll::Ready(Some(Err(Error::HttpResponseIncomplete))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

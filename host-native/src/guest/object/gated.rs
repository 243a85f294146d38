//! The bodies that an object gives away: no piece leaves before what was written is on disk.

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

/// Puts the gate in front of the body of a response, which keeps its call's place to its end.
pub(super) fn response(
    response: http::Response<WasiBody>,
    shared: &Arc<Shared>,
    place: Place,
) -> http::Response<WasiBody> {
    let (shared, broken) = (Arc::downgrade(shared), || Error::HttpResponseIncomplete);
    response
        .map(|body| Gated { body, shared, broken, held: None, _place: Some(place) }.boxed_unsync())
}

/// Puts the gate in front of the body of a request, where an object sends it.
pub(crate) fn request(
    request: http::Request<WasiBody>,
    own: Option<&Arc<Shared>>,
) -> http::Request<WasiBody> {
    let Some(own) = own else { return request };
    let shared = Arc::downgrade(own);
    let broken = || Error::InternalError(Some("the object was ended".to_owned()));
    request.map(|body| Gated { body, shared, broken, held: None, _place: None }.boxed_unsync())
}

/// Passed when the disk has everything.
type Gate = BoxFuture<'static, Result<(), CallError>>;

struct Gated {
    body: WasiBody,
    shared: Weak<Shared>,
    /// What is told where the object ends before its body.
    broken: fn() -> Error,
    /// A piece that waits for the disk.
    held: Option<(Frame<Bytes>, Gate)>,
    _place: Option<Place>,
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
                        return Poll::Ready(Some(Err((self.broken)())));
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
            _ => Poll::Ready(Some(Err((self.broken)()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

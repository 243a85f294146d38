//! How long a client of HTTP/2 may leave an answer unread: it has a window for each stream, which it
//! need never open, while its socket takes everything else.
//!
//! HTTP/1.1 needs none of this: there, who does not read takes no bytes (`stream`).

use super::stream::STALL_MAX;
use crate::dispatch::Answer;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use wasmtime_wasi_http::Error;

/// When the connection last had something to send of a body, and has not asked for more since;
/// `None` while the body itself is waited for.
type Since = Cell<Option<Instant>>;

/// The answers of one connection that are being sent.
#[derive(Default)]
pub(super) struct Unread(RefCell<Vec<Weak<Since>>>);

impl Unread {
    /// Keeps an eye on an answer.
    pub(super) fn watch<B>(&self, body: B) -> Watched<B> {
        let since = Rc::new(Cell::new(Some(Instant::now())));
        self.0.borrow_mut().push(Rc::downgrade(&since));
        Watched { body, since: Some(since) }
    }

    /// Ends once some answer has been left unread for longer than it may.
    pub(super) async fn too_long(&self) {
        loop {
            tokio::time::sleep(STALL_MAX / 8).await;
            if self.is_any_older_than(STALL_MAX) {
                return;
            }
        }
    }

    fn is_any_older_than(&self, most: Duration) -> bool {
        let mut answers = self.0.borrow_mut();
        answers.retain(|since| since.strong_count() > 0);
        let since = answers.iter().filter_map(Weak::upgrade).filter_map(|since| since.get());
        since.into_iter().any(|since| since.elapsed() > most)
    }
}

/// A body that notes when it is asked for more.
pub(super) struct Watched<B = Answer> {
    body: B,
    since: Option<Rc<Since>>,
}

impl<B> Watched<B> {
    /// A body that nobody watches.
    pub(super) fn not(body: B) -> Self {
        Self { body, since: None }
    }
}

impl<B: Body<Data = Bytes, Error = Error> + Unpin> Body for Watched<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Some(since) = &self.since {
            since.set(frame.is_ready().then(Instant::now));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::{Unread, Watched};
    use bytes::Bytes;
    use futures::{FutureExt as _, StreamExt as _};
    use http_body::Frame;
    use http_body_util::{BodyExt as _, StreamBody};
    use std::time::Duration;
    use tokio::sync::mpsc;
    use wasmtime_wasi_http::{Error, WasiBody};

    const NONE: Duration = Duration::ZERO;

    /// A body whose pieces are sent to it.
    fn body(unread: &Unread) -> (mpsc::UnboundedSender<Bytes>, Watched<WasiBody>) {
        let (pieces, mut sent) = mpsc::unbounded_channel();
        let frames = futures::stream::poll_fn(move |cx| sent.poll_recv(cx))
            .map(|piece| Ok::<_, Error>(Frame::data(piece)));
        (pieces, unread.watch(StreamBody::new(frames).boxed_unsync()))
    }

    #[test]
    fn who_asks_for_the_next_piece_is_not_late() {
        let unread = Unread::default();
        let (pieces, mut body) = body(&unread);
        // Nobody has asked for the first.
        assert!(unread.is_any_older_than(NONE));
        assert!(body.frame().now_or_never().is_none());
        assert!(!unread.is_any_older_than(NONE));
        pieces.send(Bytes::from_static(b"piece")).unwrap();
        assert!(body.frame().now_or_never().unwrap().unwrap().is_ok());
        std::thread::sleep(Duration::from_millis(1));
        assert!(unread.is_any_older_than(NONE));
        assert!(!unread.is_any_older_than(Duration::from_secs(60)));
    }

    #[test]
    fn what_was_sent_or_given_up_is_not_late() {
        let unread = Unread::default();
        drop(body(&unread));
        std::thread::sleep(Duration::from_millis(1));
        assert!(!unread.is_any_older_than(NONE));
    }
}

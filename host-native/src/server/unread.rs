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
    pub(super) fn watch(&self, body: Answer) -> Watched {
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
pub(super) struct Watched {
    body: Answer,
    since: Option<Rc<Since>>,
}

impl Watched {
    /// A body that nobody watches.
    pub(super) fn not(body: Answer) -> Self {
        Self { body, since: None }
    }
}

impl Body for Watched {
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

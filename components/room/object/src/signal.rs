//! Calls that wait in an instance until another call wakes them.
//!
//! Each waiting call holds the end to read of a stream to which nobody ever writes; waking a call is
//! dropping the other end. The stream is the component model's, since it is the host that has to run
//! the waiting call again. Rust's own wakers reach from one call to another, too, but only with the
//! feature `inter-task-wakeup` of wit-bindgen; a workspace shares features, so every call that waits,
//! in every component, would then make and read a stream of its own.
//!
//! Without that feature wit-bindgen 0.63 traps where a waiting call is cancelled from inside the same
//! composition. A host does not do that, but a test that composes caller and object must not drop a
//! `read` that waits.

use super::bindings::wit_stream;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use wit_bindgen::StreamWriter;

#[derive(Default)]
pub(crate) struct Signal {
    waiting: RefCell<BTreeMap<u64, StreamWriter<u8>>>,
    tickets: Cell<u64>,
}

/// The place of a call among those that wait. It is given up however the wait ends, be it that the
/// caller is gone.
struct Place<'s> {
    signal: &'s Signal,
    ticket: u64,
}

impl Signal {
    pub(crate) fn wake_all(&self) {
        self.waiting.take();
    }

    /// Waits until somebody wakes all, or until `enough` is over.
    pub(crate) async fn wait(&self, enough: impl Future<Output = ()>) {
        let (writer, mut reader) = wit_stream::new();
        let ticket = self.tickets.get();
        self.tickets.set(ticket.wrapping_add(1));
        self.waiting.borrow_mut().insert(ticket, writer);
        let _place = Place { signal: self, ticket };

        let mut woken = pin!(reader.next());
        let mut enough = pin!(enough);
        poll_fn(|context| {
            if woken.as_mut().poll(context).is_ready() || enough.as_mut().poll(context).is_ready() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.signal.waiting.borrow_mut().remove(&self.ticket);
    }
}

//! Brings what the journal's thread has to say to the threads that serve: to each of them once for
//! everything that one sync made durable.
//!
//! Waking a task from another thread costs a system call, and often a switch. Here one task of a
//! thread is woken, and tells its neighbours, which costs next to nothing.

use super::JournalError;
use futures::channel::oneshot;
use futures::task::AtomicWaker;
use std::cell::OnceCell;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

/// Told when a change is on disk, or cannot be.
pub(super) type Done = oneshot::Sender<Result<(), JournalError>>;

thread_local! {
    /// This thread's relay, where it runs one.
    static OWN: OnceCell<Arc<Relay>> = const { OnceCell::new() };
}

/// What waits to be told on one thread.
#[derive(Debug, Default)]
pub(super) struct Relay {
    waiting: Mutex<Vec<(Done, Result<(), JournalError>)>>,
    waker: AtomicWaker,
}

/// Whom to tell, and through whom.
#[derive(Debug)]
pub(super) struct Address {
    done: Done,
    relay: Option<Arc<Relay>>,
}

impl Address {
    /// The address of somebody on this thread.
    pub(super) fn of(done: Done) -> Self {
        Self { done, relay: OWN.with(|own| own.get().cloned()) }
    }
}

/// Tells everybody the same.
pub(super) fn tell(addresses: Vec<Address>, said: &Result<(), JournalError>) {
    let mut relays: Vec<Arc<Relay>> = Vec::new();
    for Address { done, relay } in addresses {
        let Some(relay) = relay else {
            // Whoever does not listen any more has no use for it.
            let _ = done.send(said.clone());
            continue;
        };
        relay.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((done, said.clone()));
        if !relays.iter().any(|known| Arc::ptr_eq(known, &relay)) {
            relays.push(relay);
        }
    }
    for relay in relays {
        relay.waker.wake();
    }
}

/// Runs this thread's relay, for ever. Without one, everybody is told directly.
pub(crate) async fn run() {
    let relay = OWN.with(|own| Arc::clone(own.get_or_init(Arc::default)));
    poll_fn(|cx| {
        relay.waker.register(cx.waker());
        let mut waiting = relay.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = std::mem::take(&mut *waiting);
        for (done, said) in waiting {
            let _ = done.send(said);
        }
        Poll::Pending
    })
    .await
}

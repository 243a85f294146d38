//! The signs of life of one instance, for those who watch it from outside its store.

use futures::task::AtomicWaker;
use selvedge_contract::failure::Failure;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};

/// What is known of an instance while its store is busy.
#[derive(Debug, Default)]
pub(crate) struct Vitals {
    cause: AtomicU8,
    computed_ticks: AtomicU32,
    yielded: AtomicBool,
    given_up: AtomicU32,
    bodies: AtomicU32,
    request: AtomicU64,
    waker: AtomicWaker,
}

impl Vitals {
    /// Remembers why the instance is about to end; the first cause stays.
    pub(crate) fn set_cause(&self, failure: Failure) {
        let code = match failure {
            Failure::CpuTime => 1,
            Failure::Memory => 2,
            _ => return,
        };
        let _ = self.cause.compare_exchange(0, code, Relaxed, Relaxed);
    }

    /// Why the instance ended, where it did not end well.
    pub(crate) fn cause(&self) -> Failure {
        match self.cause.load(Relaxed) {
            1 => Failure::CpuTime,
            2 => Failure::Memory,
            _ => Failure::Trap,
        }
    }

    /// Counts one more tick of uninterrupted computing, and says how many there were.
    pub(crate) fn count_tick(&self) -> u32 {
        self.yielded.store(true, Relaxed);
        self.computed_ticks.fetch_add(1, Relaxed).saturating_add(1)
    }

    /// Whether the guest was interrupted while computing since the last call; where not, it waits
    /// for something, and its count of ticks begins anew.
    pub(crate) fn take_computing(&self) -> bool {
        let computing = self.yielded.swap(false, Relaxed);
        if !computing {
            self.computed_ticks.store(0, Relaxed);
        }
        computing
    }

    /// Says that one of the instance's requests was answered in its place.
    pub(crate) fn give_up(&self) {
        self.given_up.fetch_add(1, Relaxed);
        self.waker.wake();
    }

    /// Says that such a request has been answered by the instance after all.
    pub(crate) fn take_back(&self) {
        self.given_up.fetch_sub(1, Relaxed);
    }

    /// How many of the instance's requests were answered in its place.
    pub(crate) fn given_up(&self) -> u32 {
        self.given_up.load(Relaxed)
    }

    /// Says that the body of one of the instance's answers is being sent.
    pub(crate) fn body_begins(&self) {
        self.bodies.fetch_add(1, Relaxed);
    }

    /// Says that such a body has been sent, or will never be.
    pub(crate) fn body_ends(&self) {
        self.bodies.fetch_sub(1, Relaxed);
    }

    /// Whether the body of an answer is being sent.
    pub(crate) fn is_sending(&self) -> bool {
        self.bodies.load(Relaxed) > 0
    }

    /// The request that the instance works for; 0 where there is none or it cannot be told.
    pub(crate) fn request(&self) -> u64 {
        self.request.load(Relaxed)
    }

    /// Sets what [`Self::request`] says.
    pub(crate) fn set_request(&self, id: u64) {
        self.request.store(id, Relaxed);
    }

    /// Who is to be woken when there is something new for the instance.
    pub(crate) fn waker(&self) -> &AtomicWaker {
        &self.waker
    }
}

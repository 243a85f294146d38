//! The signs of life of one instance, for those who watch it from outside its store.

use crate::guest::job::RequestId;
use selvedge_contract::failure::Failure;
use selvedge_wasi::State;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use wasmtime::{Store, UpdateDeadline};

/// What is known of an instance while its store is busy.
#[derive(Debug, Default)]
pub(crate) struct Vitals {
    cause: AtomicU8,
    computed_ticks: AtomicU32,
    yielded: AtomicBool,
    given_up: AtomicU32,
    held: AtomicU32,
    broken: AtomicBool,
    working_for: Mutex<WorkingFor>,
    waker: OnceLock<Waker>,
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
        self.wake();
    }

    /// Says that such a request has been answered by the instance after all.
    pub(crate) fn take_back(&self) {
        self.given_up.fetch_sub(1, Relaxed);
    }

    /// How many of the instance's requests were answered in its place.
    pub(crate) fn given_up(&self) -> u32 {
        self.given_up.load(Relaxed)
    }

    /// Says that one more request has its place here, from its beginning to its body's end.
    pub(crate) fn hold(&self) {
        self.held.fetch_add(1, Relaxed);
    }

    /// Says that one such place is free.
    pub(crate) fn release(&self) {
        self.held.fetch_sub(1, Relaxed);
        self.wake();
    }

    /// Requests that have their place here.
    pub(crate) fn held(&self) -> u32 {
        self.held.load(Relaxed)
    }

    /// Says that the instance ends before its work is done.
    pub(crate) fn set_broken(&self) {
        self.broken.store(true, Relaxed);
    }

    /// Whether the instance ended before its work was done.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Relaxed)
    }

    /// The requests that the instance works for.
    pub(crate) fn working_for(&self) -> MutexGuard<'_, WorkingFor> {
        // Ids and nothing else: whole after every call, panic or not.
        self.working_for.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whom to wake. A spawned task has one waker all its life, so the first call decides.
    pub(crate) fn set_waker(&self, waker: &Waker) {
        let _ = self.waker.set(waker.clone());
    }

    /// Tells the instance that there is something new for it.
    pub(crate) fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }
}

/// Ticks until a guest that computes is interrupted for the first time: it has computed for one of
/// them, at least.
///
/// With one, whoever happens to run when the clock ticks is interrupted, after microseconds: its
/// instance steps back behind all other work of the thread, with all of its requests. Under load that
/// met more than one request in a hundred.
pub(crate) const FIRST_TICKS: u64 = 2;

/// Ends the instance of a store when it has computed for more than so many ticks without waiting for
/// anything, and lets others run at each tick.
pub(crate) fn bound_cpu(store: &mut Store<State>, ticks_max: u64, vitals: &Arc<Vitals>) {
    store.set_epoch_deadline(FIRST_TICKS);
    let ticks_max = u32::try_from(ticks_max).unwrap_or(u32::MAX);
    let vitals = Arc::clone(vitals);
    store.epoch_deadline_callback(move |_| {
        if vitals.count_tick() > ticks_max.max(1) {
            vitals.set_cause(Failure::CpuTime);
            return Ok(UpdateDeadline::Interrupt);
        }
        // Tokio's own yield lets the thread look at its sockets before it comes back here; the
        // engine's would be polled again at once.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
}

/// The requests that an instance works for: those it has not answered, or else the last it has.
#[derive(Debug, Default)]
pub(crate) struct WorkingFor {
    unanswered: Vec<RequestId>,
    last: Option<RequestId>,
}

impl WorkingFor {
    /// Adds a request that is begun.
    pub(crate) fn begin(&mut self, id: RequestId) {
        self.unanswered.push(id);
    }

    /// Takes out a request that has been answered.
    pub(crate) fn answered(&mut self, id: RequestId) {
        self.unanswered.retain(|other| *other != id);
        self.last = Some(id);
    }
}

impl std::fmt::Display for WorkingFor {
    /// The ids, with blanks between them. More than one where a shared instance cannot tell.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut ids =
            self.unanswered.iter().chain(self.last.iter().filter(|_| self.unanswered.is_empty()));
        if let Some(id) = ids.next() {
            write!(formatter, "{id}")?;
        }
        ids.try_for_each(|id| write!(formatter, " {id}"))
    }
}

//! One request on its way to an instance, and what its client's side knows of it.

use crate::guest::vitals::Vitals;
use futures::channel::oneshot;
use selvedge_contract::failure::Failure;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use wasmtime_wasi_http::handler::{Request, Response};

/// What an instance says to a request.
pub(crate) type Reply = Result<Response, wasmtime::Error>;

/// A request that waits for an instance, or is in one.
pub(crate) struct Job {
    /// The request, its body already bounded.
    pub(crate) request: Request,
    /// Where the response goes.
    pub(crate) reply: oneshot::Sender<Reply>,
    /// What the client's side watches.
    pub(crate) ticket: Arc<Ticket>,
}

impl Job {
    /// Answers in the place of an instance.
    pub(crate) fn refuse(self, failure: Failure) {
        let _ = self.reply.send(Err(wasmtime::Error::new(Refused(failure))));
    }
}

/// The client's hold on a job.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// The request's number.
    pub(crate) id: RequestId,
    instance: OnceLock<Arc<Vitals>>,
    /// Answered or given up, whatever came first.
    settled: AtomicBool,
    awaits_client: AtomicBool,
}

impl Ticket {
    /// A ticket that no instance has taken yet.
    pub(crate) fn new(id: RequestId) -> Arc<Self> {
        let (settled, awaits_client) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { id, instance: OnceLock::new(), settled, awaits_client })
    }

    /// Says which instance has taken the job: it holds a place there until nobody holds the ticket.
    pub(crate) fn taken_by(&self, vitals: &Arc<Vitals>) {
        if self.instance.set(Arc::clone(vitals)).is_ok() {
            vitals.hold();
        }
    }

    /// The instance that took the job, once one did.
    pub(crate) fn instance(&self) -> Option<&Vitals> {
        self.instance.get().map(|vitals| &**vitals)
    }

    /// Says whether the guest waits for the client to send more.
    pub(crate) fn set_awaits_client(&self, awaits: bool) {
        self.awaits_client.store(awaits, Relaxed);
    }

    /// Whether the guest waits for the client to send more.
    pub(crate) fn awaits_client(&self) -> bool {
        self.awaits_client.load(Relaxed)
    }

    /// Tells the instance that nobody waits for its answer any more, unless it has answered.
    pub(crate) fn give_up(&self) {
        if let Some(vitals) = self.instance.get()
            && !self.settled.swap(true, Relaxed)
        {
            vitals.give_up();
        }
    }

    /// Says that the instance has answered.
    pub(crate) fn answered(&self) {
        if let Some(vitals) = self.instance.get()
            && self.settled.swap(true, Relaxed)
        {
            vitals.take_back();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(vitals) = self.instance.get() {
            vitals.release();
        }
    }
}

/// The answer of a host in the place of an instance.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.sentence())]
pub(crate) struct Refused(pub(crate) Failure);

/// A request's number: unlikely to have been seen before, on any host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId(u64);

impl RequestId {
    /// The next one.
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        static START: OnceLock<u64> = OnceLock::new();
        let start = START.get_or_init(|| {
            use std::hash::{BuildHasher, RandomState};
            RandomState::new().hash_one(std::process::id())
        });
        // Never 0, which stands for no request.
        Self(start.wrapping_add(NEXT.fetch_add(1, Relaxed)).max(1))
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

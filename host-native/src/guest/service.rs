//! A service, ready to be instantiated: shared by all serving threads.

use crate::guest::job::Job;
use crate::guest::room::{InRooms, Rooms};
use crate::guest::state::{self, Bounds, Provision};
use crate::guest::vitals::{Vitals, bound_cpu};
use selvedge_contract::limits::{EPOCH_TICK_MS, Limits};
use selvedge_wasi::State;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use wasmtime::Store;
use wasmtime_wasi_http::handler::{Proxy, ProxyPre};

/// A service that can be instantiated.
pub(crate) struct Service {
    /// Its name in the manifest.
    pub(crate) name: Arc<str>,
    /// What it may use.
    pub(crate) limits: Limits,
    /// Requests wait here while no instance of any thread can take them.
    pub(crate) overflow: Overflow,
    /// What it is made of: an edition of the app that has the same goes on with this service.
    pub(crate) identity: String,
    is_shared: bool,
    handler: InRooms<Handler>,
    rooms: Arc<Rooms>,
    provision: Arc<Provision>,
    instances: AtomicU32,
    requests: AtomicU32,
}

/// A service's component, linked for one room.
pub(crate) struct Handler {
    /// Ready to be instantiated.
    pub(crate) pre: ProxyPre<State>,
    /// Memories of one instance.
    pub(crate) memories: u32,
}

/// What a service is told of itself.
pub(crate) struct Settings {
    /// Its name in the manifest.
    pub(crate) name: Arc<str>,
    /// What it may use.
    pub(crate) limits: Limits,
    /// What it is made of.
    pub(crate) identity: String,
    /// What it is granted.
    pub(crate) provision: Arc<Provision>,
}

impl Service {
    /// A service without instances.
    pub(crate) fn new(settings: Settings, handler: InRooms<Handler>, rooms: &Arc<Rooms>) -> Self {
        let Settings { name, limits, identity, provision } = settings;
        // A 0.2 handler may keep state of its one request anywhere: it is never asked twice.
        let is_shared = matches!(handler.first().pre, ProxyPre::P3(_));
        let (rooms, overflow) = (Arc::clone(rooms), Overflow::default());
        let (instances, requests) = (AtomicU32::new(0), AtomicU32::new(0));
        Self {
            name,
            limits,
            overflow,
            identity,
            is_shared,
            handler,
            rooms,
            provision,
            instances,
            requests,
        }
    }

    /// Most requests that one instance may have at once.
    pub(crate) fn requests_per_instance(&self) -> u32 {
        if self.is_shared { self.limits.requests_per_instance } else { 1 }
    }

    /// Most requests that one instance may have in its life.
    pub(crate) fn instance_requests_total(&self) -> u32 {
        if self.is_shared { self.limits.instance_requests_total } else { 1 }
    }

    /// Takes a place among the requests that are answered at once, if there is one.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Admission> {
        claim(&self.requests, self.limits.concurrent_requests).then(|| Admission(Arc::clone(self)))
    }

    /// Takes a place among the instances, if there is one; [`Self::instance_ended`] gives it back.
    pub(crate) fn claim_instance(&self) -> bool {
        claim(&self.instances, self.limits.instances)
    }

    /// Gives back what [`Self::claim_instance`] took.
    pub(crate) fn instance_ended(&self) {
        self.instances.fetch_sub(1, Relaxed);
        self.overflow.announce();
    }

    /// Whether no thread has an instance of it, and no request waits for one.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.instances.load(Relaxed) == 0 && self.overflow.length.load(Relaxed) == 0
    }

    /// Makes an instance.
    ///
    /// # Errors
    /// Where the process has no room for one more, the component's start traps, or it begins with
    /// more memory than it may have.
    pub(crate) async fn instantiate(
        &self,
        vitals: &Arc<Vitals>,
    ) -> wasmtime::Result<(Store<State>, Proxy)> {
        let Limits { memory_bytes, header_bytes, wall_ms, cpu_ms, .. } = self.limits;
        let bounds = Bounds { memory_bytes, header_bytes, wall_ms };
        let seat = self.rooms.take_seat(self.handler.first().memories).await?;
        let room = Arc::clone(&seat.room);
        let handler = self.handler.of(&seat).await?;
        let state = state::new(&self.provision, &bounds, vitals, None, seat);
        let mut store = selvedge_wasi::store(&room.engine, state);
        bound_cpu(&mut store, cpu_ms / EPOCH_TICK_MS, vitals);
        let proxy = selvedge_wasi::instantiate(&handler.pre, &mut store).await?;
        Ok((store, proxy))
    }
}

/// Adds one unless that would be more than `most`.
fn claim(count: &AtomicU32, most: u32) -> bool {
    count.fetch_update(Relaxed, Relaxed, |count| (count < most).then(|| count + 1)).is_ok()
}

/// A place among the requests that a service answers at once; given back when dropped.
pub(crate) struct Admission(Arc<Service>);

impl Admission {
    /// The name of the service.
    pub(crate) fn service(&self) -> &str {
        &self.0.name
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Relaxed);
    }
}

/// Requests that no instance can take yet. Bounded by the requests that a service admits.
#[derive(Default)]
pub(crate) struct Overflow {
    jobs: Mutex<VecDeque<Job>>,
    length: AtomicUsize,
    more: Notify,
}

impl Overflow {
    /// Puts a job in, and tells every thread.
    pub(crate) fn push(&self, job: Job) {
        let mut jobs = self.lock();
        jobs.push_back(job);
        self.length.store(jobs.len(), Relaxed);
        drop(jobs);
        self.announce();
    }

    /// Puts a job back that could not be placed.
    pub(crate) fn push_front(&self, job: Job) {
        let mut jobs = self.lock();
        jobs.push_front(job);
        self.length.store(jobs.len(), Relaxed);
    }

    /// Takes the job that waits longest.
    pub(crate) fn pop(&self) -> Option<Job> {
        if self.length.load(Relaxed) == 0 {
            return None;
        }
        let mut jobs = self.lock();
        let job = jobs.pop_front();
        self.length.store(jobs.len(), Relaxed);
        job
    }

    /// Tells every thread that a job waits or an instance may be started.
    pub(crate) fn announce(&self) {
        if self.length.load(Relaxed) > 0 {
            self.more.notify_waiters();
        }
    }

    /// Waits for the next [`Self::announce`].
    pub(crate) fn announced(&self) -> Notified<'_> {
        self.more.notified()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Job>> {
        // A queue is whole between any two of its own calls, panic or not.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

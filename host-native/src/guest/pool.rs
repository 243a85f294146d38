//! The instances of one service on one thread, and which of them takes a request.

use crate::guest::instance;
use crate::guest::job::Job;
use crate::guest::service::Service;
use crate::guest::vitals::Vitals;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::AbortHandle;

/// How long an instance without work is kept.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// The instances of one service on one thread.
pub(crate) struct Pool {
    /// The service.
    pub(crate) service: Arc<Service>,
    slots: RefCell<Vec<Rc<Slot>>>,
    /// The task that takes jobs which wait for any thread; it holds the pool.
    puller: OnceCell<AbortHandle>,
}

/// What its thread knows of one instance.
pub(crate) struct Slot {
    /// What others know of it.
    pub(crate) vitals: Arc<Vitals>,
    /// Requests it has been given and not yet begun.
    pub(crate) inbox: RefCell<VecDeque<Job>>,
    /// Requests in the inbox or begun, and not yet answered.
    pub(crate) in_flight: Cell<u32>,
    /// Requests it may still be given in its life.
    pub(crate) left: Cell<u32>,
    /// It computes, or does not want another request now.
    pub(crate) busy: Cell<bool>,
    /// It is to end when its work is done.
    pub(crate) retiring: Cell<bool>,
    /// Whether it has answered any request.
    pub(crate) has_answered: Cell<bool>,
    /// When it last answered, or was seen sending an answer, or was started.
    pub(crate) active: Cell<Instant>,
}

impl Slot {
    fn takes_one_more(&self, most: u32) -> bool {
        !self.busy.get()
            && !self.retiring.get()
            && self.left.get() > 0
            && self.vitals.held().saturating_add(self.waiting()) < most
    }

    /// Requests in the inbox.
    fn waiting(&self) -> u32 {
        u32::try_from(self.inbox.borrow().len()).unwrap_or(u32::MAX)
    }

    /// Whether the body of an answer is being sent.
    fn is_sending(&self) -> bool {
        self.vitals.held().saturating_add(self.waiting()) > self.in_flight.get()
    }

    /// Whether nothing but work after the last answer, or a request that was given up, keeps the
    /// instance alive, and that for longer than it may.
    pub(crate) fn is_overdue(&self, after_response: Duration) -> bool {
        self.in_flight.get() <= self.vitals.given_up()
            && !self.is_sending()
            && (!self.has_answered.get() || self.active.get().elapsed() > after_response)
    }
}

impl Pool {
    /// A pool without instances. It lives until [`Self::end`].
    pub(crate) fn new(service: Arc<Service>) -> Rc<Self> {
        let pool = Rc::new(Self { service, slots: RefCell::default(), puller: OnceCell::new() });
        let puller = tokio::task::spawn_local(Rc::clone(&pool).pull_when_announced());
        let _ = pool.puller.set(puller.abort_handle());
        pool
    }

    /// Takes no more jobs that wait for any thread. For a pool that gets none, and whose service is
    /// at rest.
    pub(crate) fn end(&self) {
        if let Some(puller) = self.puller.get() {
            puller.abort();
        }
    }

    /// Gives a job to an instance of this thread, or to a new one, or to whoever has room first.
    pub(crate) fn place(self: &Rc<Self>, job: Job) {
        if let Some(job) = self.try_place(job) {
            self.service.overflow.push(job);
        }
    }

    fn try_place(self: &Rc<Self>, job: Job) -> Option<Job> {
        let most = self.service.requests_per_instance();
        let slots = self.slots.borrow();
        // The first that has room: the others fall idle and end.
        if let Some(slot) = slots.iter().find(|slot| slot.takes_one_more(most)) {
            slot.in_flight.set(slot.in_flight.get() + 1);
            slot.left.set(slot.left.get() - 1);
            slot.inbox.borrow_mut().push_back(job);
            slot.vitals.wake();
            return None;
        }
        drop(slots);
        if self.service.claim_instance() {
            tokio::task::spawn_local(instance::run(Rc::clone(self), job));
            return None;
        }
        Some(job)
    }

    /// Takes jobs that wait for any thread, as many as there is room for.
    pub(crate) fn pull(self: &Rc<Self>) {
        while let Some(job) = self.service.overflow.pop() {
            if job.reply.is_canceled() {
                continue;
            }
            if let Some(job) = self.try_place(job) {
                self.service.overflow.push_front(job);
                return;
            }
        }
    }

    /// Takes such jobs for ever, whenever there may be some.
    async fn pull_when_announced(self: Rc<Self>) {
        loop {
            // Listened to before looking, or what comes between the two would be missed.
            let mut announced = std::pin::pin!(self.service.overflow.announced());
            announced.as_mut().enable();
            self.pull();
            announced.await;
        }
    }

    /// Adds an instance that has been started, with the job it was started for.
    pub(crate) fn add(&self, vitals: Arc<Vitals>, first: Job) -> Rc<Slot> {
        let slot = Rc::new(Slot {
            vitals,
            inbox: RefCell::new(VecDeque::from([first])),
            in_flight: Cell::new(1),
            left: Cell::new(self.service.instance_requests_total().saturating_sub(1)),
            busy: Cell::new(false),
            retiring: Cell::new(false),
            has_answered: Cell::new(false),
            active: Cell::new(Instant::now()),
        });
        self.slots.borrow_mut().push(Rc::clone(&slot));
        slot
    }

    /// Forgets an instance; what it had not begun goes to others.
    pub(crate) fn remove(self: &Rc<Self>, slot: &Rc<Slot>) {
        self.slots.borrow_mut().retain(|other| !Rc::ptr_eq(other, slot));
        self.hand_back(slot);
    }

    /// Gives what an instance has not begun to others.
    pub(crate) fn hand_back(self: &Rc<Self>, slot: &Slot) {
        let waiting = std::mem::take(&mut *slot.inbox.borrow_mut());
        for job in waiting {
            slot.in_flight.set(slot.in_flight.get() - 1);
            slot.left.set(slot.left.get() + 1);
            self.place(job);
        }
    }

    /// Whether no instance is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.borrow().is_empty()
    }

    /// Asks every instance to end when its work is done.
    pub(crate) fn retire_all(&self) {
        for slot in self.slots.borrow().iter() {
            slot.retiring.set(true);
            slot.vitals.wake();
        }
    }

    /// Looks after instances that have nothing to do, or do it for too long. Called now and then.
    pub(crate) fn tend(self: &Rc<Self>) {
        let after_response = Duration::from_millis(self.service.limits.after_response_ms);
        for slot in self.slots.borrow().iter() {
            if slot.is_sending() {
                slot.active.set(Instant::now());
            }
            if slot.in_flight.get() == 0
                && slot.active.get().elapsed() > IDLE_MAX.min(after_response)
            {
                slot.retiring.set(true);
            }
            if slot.vitals.given_up() > 0 {
                slot.retiring.set(true);
            }
            if slot.retiring.get() {
                slot.vitals.wake();
            }
        }
    }
}

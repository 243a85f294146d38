//! Every object that is live, and the way to it.

use crate::guest::object::class::Class;
use crate::guest::object::life;
use crate::guest::object::mailbox::{Answered, CallError, Event, Mailbox, Place};
use crate::guest::object::own::Shared;
use crate::guest::object::roam;
use crate::locked::lock;
use crate::storage::alarms::AlarmIndex;
use crate::storage::journal::Journal;
use crate::storage::objects::ObjectFolder;
use arc_swap::ArcSwap;
use futures::channel::oneshot;
use selvedge_contract::limits::OBJECTS_OPEN_MAX;
use selvedge_contract::object::check_object_name;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Parts of the directory, each behind a lock of its own.
const PARTS: usize = 64;
/// How long one idle object is given to close its file before the next is asked.
const ASK_NEXT_AFTER: Duration = Duration::from_millis(10);

/// The objects of an app.
pub(crate) struct Objects {
    /// The classes of the app as it is now. Read at each call: by a cell whose readers write nothing
    /// that others read.
    classes: ArcSwap<Classes>,
    /// Told when the classes are others.
    pub(crate) classes_set: Notify,
    /// Where they are kept.
    pub(crate) folder: ObjectFolder,
    /// Makes their turns durable.
    pub(crate) journal: Journal,
    /// When which has to be woken.
    pub(crate) alarms: AlarmIndex,
    /// Told when an alarm was set.
    pub(crate) alarm_set: Notify,
    parts: Vec<Mutex<HashMap<Key, Arc<Mailbox>>>>,
    hasher: RandomState,
    files: Arc<Semaphore>,
    /// Live objects that need their file no more for now, the longest idle first.
    idle: Mutex<VecDeque<Weak<Mailbox>>>,
    lives: AtomicUsize,
    threads: AtomicUsize,
    is_stopping: AtomicBool,
}

/// Classes by their names.
pub(crate) type Classes = BTreeMap<Arc<str>, Arc<Class>>;

/// An object: its class and its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) class: Arc<str>,
    pub(crate) name: Arc<str>,
}

impl Objects {
    /// No object is live yet.
    pub(crate) fn new(folder: ObjectFolder, journal: Journal, alarms: AlarmIndex) -> Arc<Self> {
        Arc::new(Self {
            classes: ArcSwap::default(),
            classes_set: Notify::new(),
            folder,
            journal,
            alarms,
            alarm_set: Notify::new(),
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            files: Arc::new(Semaphore::new(OBJECTS_OPEN_MAX)),
            idle: Mutex::default(),
            lives: AtomicUsize::new(0),
            threads: AtomicUsize::new(0),
            is_stopping: AtomicBool::new(false),
        })
    }

    /// Says which classes there are from now on. Live objects of a class that is not among them any
    /// more end when they have answered what they have begun; on its next call each begins anew,
    /// with the class that has the name then.
    pub(crate) fn set_classes(&self, classes: Classes) {
        let before = self.classes.swap(Arc::new(classes));
        let now = self.classes.load();
        let goes_on =
            |class: &Arc<Class>| now.get(&class.name).is_some_and(|is| Arc::ptr_eq(is, class));
        let replaced: Vec<_> = before.values().filter(|class| !goes_on(class)).collect();
        for class in &replaced {
            class.replace();
        }
        if !replaced.is_empty() {
            self.wake_all();
        }
        self.classes_set.notify_waiters();
    }

    /// A class by its name.
    pub(crate) fn class(&self, name: &str) -> Result<Arc<Class>, CallError> {
        self.classes.load().get(name).cloned().ok_or(CallError::NoSuchClass)
    }

    /// Every class.
    pub(crate) fn classes(&self) -> Arc<Classes> {
        self.classes.load_full()
    }

    /// Asks an object, which is started where it is not live, and waits for its answer, for as long
    /// as its class allows. Where the caller is an object itself, `own` is what it has of its own:
    /// nothing is sent before what that has written is on disk. Must be called on a serving thread.
    ///
    /// # Errors
    /// [`CallError`]. After `Overloaded` and `Invalid` nothing was sent; after `Timeout` and `Reset`
    /// the object may have done what it was asked.
    pub(crate) async fn ask<R>(
        self: &Arc<Self>,
        class: &Arc<Class>,
        name: &Arc<str>,
        own: Option<Arc<Shared>>,
        event: impl FnOnce(oneshot::Sender<Answered<R>>, Place) -> Event,
    ) -> Answered<R> {
        let mut ticket = None;
        if let Some(own) = own {
            // Taken before the wait for the disk, which ends for many at once and in any order.
            let ticket = ticket.insert(own.line.ticket());
            Shared::gate(own).await?;
            ticket.is_first().await;
        }
        let (reply, answer) = oneshot::channel();
        self.call(class, name, |place| event(reply, place))?;
        drop(ticket);
        let wall = Duration::from_millis(class.limits.wall_ms);
        match tokio::time::timeout(wall, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(oneshot::Canceled)) => Err(CallError::Reset("the object was ended".to_owned())),
            Err(_) => Err(CallError::Timeout),
        }
    }

    /// Sends a call to an object, which is started where it is not live.
    fn call(
        self: &Arc<Self>,
        class: &Arc<Class>,
        name: &Arc<str>,
        event: impl FnOnce(Place) -> Event,
    ) -> Result<(), CallError> {
        check_object_name(name).map_err(|error| CallError::Invalid(error.to_string()))?;
        let mut mailbox = self.mailbox(class, name);
        let place = mailbox.admit(class.limits.calls).ok_or(CallError::Overloaded)?;
        let mut event = event(place);
        while let Err(back) = mailbox.put(event) {
            // Its life ended just now; the next one has not begun.
            event = back;
            mailbox = self.mailbox(class, name);
        }
        Ok(())
    }

    /// Sends an event that needs no place.
    pub(crate) fn send(self: &Arc<Self>, class: &Arc<Class>, name: &Arc<str>, mut event: Event) {
        while let Err(back) = self.mailbox(class, name).put(event) {
            event = back;
        }
    }

    /// The mailbox of an object, whose life begins now where it is not live.
    fn mailbox(self: &Arc<Self>, class: &Arc<Class>, name: &Arc<str>) -> Arc<Mailbox> {
        let key = Key { class: Arc::clone(&class.name), name: Arc::clone(name) };
        let mut part = self.part(&key);
        if let Some(mailbox) = part.get(&key) {
            return Arc::clone(mailbox);
        }
        let mailbox = Arc::<Mailbox>::default();
        part.insert(key, Arc::clone(&mailbox));
        drop(part);
        self.lives.fetch_add(1, Relaxed);
        let life =
            life::run(Arc::clone(self), Arc::clone(class), Arc::clone(name), Arc::clone(&mailbox));
        roam::spawn(life);
        mailbox
    }

    /// Ends an object's life if nothing waits for it; says whether it did.
    pub(super) fn forget(&self, class: &Class, name: &Arc<str>, mailbox: &Arc<Mailbox>) -> bool {
        let key = Key { class: Arc::clone(&class.name), name: Arc::clone(name) };
        let mut part = self.part(&key);
        if !mailbox.close_if_empty() {
            return false;
        }
        part.remove(&key);
        drop(part);
        self.lives.fetch_sub(1, Relaxed);
        true
    }

    /// Whether an object is live.
    pub(crate) fn is_live(&self, class: &Class, name: &str) -> bool {
        let key = Key { class: Arc::clone(&class.name), name: Arc::from(name) };
        self.part(&key).contains_key(&key)
    }

    /// Every object that is live.
    pub(crate) fn live(&self) -> Vec<Key> {
        let parts = self.parts.iter().map(lock);
        parts.flat_map(|part| part.keys().cloned().collect::<Vec<_>>()).collect()
    }

    /// Waits until one more file may be open.
    pub(super) async fn may_open(&self) -> Option<OwnedSemaphorePermit> {
        let files = &self.files;
        if let Ok(permit) = Arc::clone(files).try_acquire_owned() {
            return Some(permit);
        }
        loop {
            // Whoever has been idle for longest closes its own; where it is not idle any more, the next.
            let idle = lock(&self.idle).pop_front();
            if let Some(mailbox) = idle.as_ref().and_then(Weak::upgrade) {
                mailbox.ask_for_file();
            }
            let permit = Arc::clone(files).acquire_owned();
            if let Ok(permit) = tokio::time::timeout(ASK_NEXT_AFTER, permit).await {
                return permit.ok();
            }
        }
    }

    /// Says that an object with an open file has become idle.
    pub(super) fn is_idle(&self, mailbox: &Arc<Mailbox>) {
        if self.files.available_permits() < OBJECTS_OPEN_MAX / 2 && mailbox.lists_idle() {
            lock(&self.idle).push_back(Arc::downgrade(mailbox));
        }
    }

    /// Says that one more thread may call objects.
    pub(crate) fn a_thread_begins(&self) {
        self.threads.fetch_add(1, Relaxed);
    }

    /// Says that one of them will not any more, and whether it was the last.
    pub(crate) fn a_thread_is_done(&self) -> bool {
        self.threads.fetch_sub(1, Relaxed) == 1
    }

    /// Ends every object as soon as it is idle. Calls that come later are refused.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Relaxed);
        self.wake_all();
        self.alarm_set.notify_one();
    }

    /// Has every live object look at what it is to do.
    fn wake_all(&self) {
        for part in &self.parts {
            for mailbox in lock(part).values() {
                mailbox.wake();
            }
        }
    }

    /// Whether objects are to end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Relaxed)
    }

    /// How many objects are live.
    pub(crate) fn lives(&self) -> usize {
        self.lives.load(Relaxed)
    }

    fn part(&self, key: &Key) -> MutexGuard<'_, HashMap<Key, Arc<Mailbox>>> {
        let hash = self.hasher.hash_one(key);
        let index = usize::try_from(hash).unwrap_or_default() % PARTS;
        match self.parts.get(index) {
            Some(part) => lock(part),
            None => unreachable!("the index is below the number of parts"),
        }
    }
}

//! What waits for an object: calls, alarms, and orders of the command line.

use crate::storage::alarms::Wake;
use futures::channel::oneshot;
use futures::task::AtomicWaker;
use rusqlite::Connection;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use wasmtime::component::Val;
use wasmtime_wasi_http::WasiBody;

/// Why a call did not get its answer: `selvedge:durable/types.error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// The app has no such class.
    #[error("the app has no such class of objects")]
    NoSuchClass,
    /// The class is not granted to the caller.
    #[error(
        "the class of objects is not granted to this component; add it to `objects` in the manifest"
    )]
    AccessDenied,
    /// The object has as many calls waiting as it may.
    #[error("the object has as many calls waiting as it may")]
    Overloaded,
    /// The object was ended while it worked on the call.
    #[error("the object was reset: {0}")]
    Reset(String),
    /// The answer took too long.
    #[error("the object did not answer in time")]
    Timeout,
    /// The call could not be made as it was.
    #[error("the call is invalid: {0}")]
    Invalid(String),
}

/// What comes of asking an object.
pub(crate) type Answered<R> = Result<R, CallError>;

/// Something for an object.
pub(crate) enum Event {
    /// A call of a method.
    Call(Call),
    /// A whole HTTP request.
    Fetch(Box<Fetch>),
    /// An entry of the alarms' index has come due.
    Alarm(AlarmDue),
    /// Work on the object's file.
    Order(Order),
}

/// A call of a method.
pub(crate) struct Call {
    /// The method, by its place in the class.
    pub(crate) method: usize,
    /// Everything but the object itself.
    pub(crate) arguments: Vec<Val>,
    /// Where the result goes.
    pub(crate) reply: oneshot::Sender<Answered<Option<Val>>>,
    /// Its place in the object's queue.
    pub(crate) place: Place,
}

/// An HTTP request for an object.
pub(crate) struct Fetch {
    /// The request.
    pub(crate) request: http::Request<WasiBody>,
    /// Where the response goes.
    pub(crate) reply: oneshot::Sender<Answered<http::Response<WasiBody>>>,
    /// Its place in the object's queue.
    pub(crate) place: Place,
}

/// An entry of the alarms' index that has come due.
pub(crate) struct AlarmDue {
    /// The entry.
    pub(crate) wake: Wake,
    /// Told what came of it; dropped where the object could not be started, or not be written.
    pub(crate) done: oneshot::Sender<Woken>,
}

/// What came of an entry of the alarms' index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The object is done with it, and the entry may be removed.
    Done,
    /// The object could not be started now, which is no fault of its own.
    Overloaded,
}

/// What is done with a file: with its connection, where it is open.
pub(crate) type Work = Box<dyn FnOnce(Option<&Connection>, &Path) + Send>;

/// Work on an object's file, done by a thread that may wait, between two turns.
pub(crate) struct Order {
    /// Whether the instance must be ended first, and why, for its callers.
    pub(crate) ends_instance: Option<&'static str>,
    /// The work: gets the connection where the file is open, and the file's path.
    pub(crate) work: Work,
}

impl Event {
    /// Answers in the place of the object.
    pub(crate) fn refuse(self, error: &CallError) {
        match self {
            Self::Call(call) => drop(call.reply.send(Err(error.clone()))),
            Self::Fetch(fetch) => drop(fetch.reply.send(Err(error.clone()))),
            Self::Alarm(due) if *error == CallError::Overloaded => {
                let _ = due.done.send(Woken::Overloaded);
            }
            Self::Alarm(_) | Self::Order(_) => {}
        }
    }

    /// Whether the one who asked has left.
    pub(crate) fn is_abandoned(&self) -> bool {
        match self {
            Self::Call(call) => call.reply.is_canceled(),
            Self::Fetch(fetch) => fetch.reply.is_canceled(),
            Self::Alarm(_) | Self::Order(_) => false,
        }
    }
}

/// An object's mailbox: anybody puts in, its life takes out.
#[derive(Default)]
pub(crate) struct Mailbox {
    inbox: Mutex<Inbox>,
    reader: AtomicWaker,
    calls: AtomicU32,
    /// It stands in the list of those that could close their file.
    is_listed: AtomicBool,
    /// Somebody else needs the place of its open file.
    file_wanted: AtomicBool,
}

#[derive(Default)]
struct Inbox {
    events: VecDeque<Event>,
    /// Nobody reads any more.
    is_closed: bool,
}

/// A call's place among those that wait or run in one object; given back when dropped.
pub(crate) struct Place(Arc<Mailbox>);

impl Mailbox {
    /// Takes a place for one more call, if there is one.
    pub(crate) fn admit(self: &Arc<Self>, most: u32) -> Option<Place> {
        let claimed =
            self.calls.fetch_update(Relaxed, Relaxed, |calls| (calls < most).then(|| calls + 1));
        claimed.is_ok().then(|| Place(Arc::clone(self)))
    }

    /// Puts an event in, and wakes the reader. Gives it back where nobody reads any more.
    pub(crate) fn put(&self, event: Event) -> Result<(), Event> {
        let mut inbox = self.lock();
        if inbox.is_closed {
            return Err(event);
        }
        inbox.events.push_back(event);
        drop(inbox);
        self.reader.wake();
        Ok(())
    }

    /// Takes the first event, unless it is an order: that waits until the instance is quiet, and
    /// whatever comes after it waits, too.
    pub(crate) fn take_call(&self) -> Option<Event> {
        self.lock().events.pop_front_if(|event| !matches!(event, Event::Order(_)))
    }

    /// Takes the first event if it is an order that an instance need not be ended for.
    pub(crate) fn take_order_for_live(&self) -> Option<Order> {
        let lives_on =
            |event: &mut Event| matches!(event, Event::Order(Order { ends_instance: None, .. }));
        match self.lock().events.pop_front_if(lives_on)? {
            Event::Order(order) => Some(order),
            _ => None,
        }
    }

    /// Takes the first event if it is an order.
    pub(crate) fn take_order(&self) -> Option<Order> {
        match self.lock().events.pop_front_if(|event| matches!(event, Event::Order(_)))? {
            Event::Order(order) => Some(order),
            _ => None,
        }
    }

    /// Why the instance is to be ended, if the first event says so.
    pub(crate) fn wants_end(&self) -> Option<&'static str> {
        match self.lock().events.front() {
            Some(Event::Order(order)) => order.ends_instance,
            _ => None,
        }
    }

    /// Everything that waits.
    pub(crate) fn take_all(&self) -> VecDeque<Event> {
        std::mem::take(&mut self.lock().events)
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().events.is_empty()
    }

    /// Has the reader woken when something is put in.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        self.reader.register(cx.waker());
    }

    /// Wakes the reader.
    pub(crate) fn wake(&self) {
        self.reader.wake();
    }

    /// Asks the object to close its file as soon as it does not need it.
    pub(crate) fn ask_for_file(&self) {
        self.is_listed.store(false, Relaxed);
        self.file_wanted.store(true, Relaxed);
        self.reader.wake();
    }

    /// Whether the object was asked to close its file; asking lasts until this is called.
    pub(crate) fn take_file_wanted(&self) -> bool {
        self.file_wanted.swap(false, Relaxed)
    }

    /// Whether the object is to be put into the list of those that could close their file: it is not
    /// there yet.
    pub(crate) fn lists_idle(&self) -> bool {
        !self.is_listed.swap(true, Relaxed)
    }

    /// Closes the mailbox if nothing waits in it.
    pub(crate) fn close_if_empty(&self) -> bool {
        let mut inbox = self.lock();
        inbox.is_closed = inbox.events.is_empty();
        inbox.is_closed
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        // A queue is whole between any two of its own calls, panic or not.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Relaxed);
    }
}

//! Who waits for an instance, and the answers that wait for the disk.

use crate::guest::object::gated;
use crate::guest::object::mailbox::{CallError, Place, Woken};
use crate::guest::object::own::Shared;
use crate::guest::object::roam::Cell;
use futures::channel::oneshot;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;
use wasmtime::component::Val;

/// What is under way in an instance.
#[derive(Default)]
pub(super) struct Desk {
    /// Calls that have been begun.
    pub(super) begun: Cell<Vec<Begun>>,
    /// Answers that wait for the disk: up to which turn.
    pub(super) answered: Cell<VecDeque<(u64, Answer)>>,
    pub(super) next_number: Cell<u64>,
    /// The start is over.
    pub(super) has_started: Cell<bool>,
    /// The guest works on something that no call waits for.
    pub(super) in_background: Cell<bool>,
    pub(super) last_active: Cell<Option<Instant>>,
    /// Since when somebody has waited for the next instance, where the class was replaced.
    pub(super) kept_waiting: Cell<Option<Instant>>,
    /// Held by the alarm that is being handled: one at a time.
    pub(super) alarms: tokio::sync::Mutex<()>,
}

/// A call that has been begun.
pub(super) struct Begun {
    pub(super) number: u64,
    pub(super) at: Instant,
    pub(super) asker: Asker,
}

/// Who waits for an answer.
pub(super) enum Asker {
    Call(oneshot::Sender<Result<Option<Val>, CallError>>, Place),
    Fetch(oneshot::Sender<Result<http::Response<wasmtime_wasi_http::WasiBody>, CallError>>, Place),
    Alarm(oneshot::Sender<Woken>),
}

/// An answer on its way.
pub(super) enum Answer {
    Call(oneshot::Sender<Result<Option<Val>, CallError>>, Option<Val>, Place),
    Fetch(
        oneshot::Sender<Result<http::Response<wasmtime_wasi_http::WasiBody>, CallError>>,
        Result<http::Response<wasmtime_wasi_http::WasiBody>, CallError>,
    ),
    Alarm(oneshot::Sender<Woken>),
}

impl Desk {
    pub(super) fn begin(&self, asker: Asker) -> u64 {
        let number = self.next_number.get();
        self.next_number.set(number + 1);
        self.begun.borrow_mut().push(Begun { number, at: Instant::now(), asker });
        number
    }

    /// Has the time of a call begin now, which has waited for another until now.
    pub(super) fn begin_now(&self, number: u64) {
        let mut begun = self.begun.borrow_mut();
        if let Some(begun) = begun.iter_mut().find(|begun| begun.number == number) {
            begun.at = Instant::now();
        }
    }

    /// Notes an answer; it goes out when all that was written so far is on disk.
    pub(super) fn answer(
        &self,
        shared: &Shared,
        number: u64,
        answer: impl FnOnce(Asker) -> Option<Answer>,
    ) {
        let asker = {
            let mut begun = self.begun.borrow_mut();
            let index = begun.iter().position(|begun| begun.number == number);
            index.map(|index| begun.swap_remove(index).asker)
        };
        self.last_active.set(Some(Instant::now()));
        if let Some(answer) = asker.and_then(answer) {
            let spoken = shared.kept().file.spoken();
            self.answered.borrow_mut().push_back((spoken, answer));
        }
    }

    pub(super) fn answer_fetch(
        &self,
        shared: &Arc<Shared>,
        number: u64,
        response: Result<
            wasmtime::Result<http::Response<wasmtime_wasi_http::WasiBody>>,
            oneshot::Canceled,
        >,
    ) {
        self.answer(shared, number, |asker| {
            let Asker::Fetch(reply, place) = asker else { return None };
            let response = match response {
                Ok(Ok(response)) => Ok(gated::response(response, shared, place)),
                Ok(Err(error)) => Err(CallError::Reset(format!("its handler failed: {error}"))),
                Err(oneshot::Canceled) => Err(CallError::Reset("it gave no response".to_owned())),
            };
            Some(Answer::Fetch(reply, response))
        });
    }

    /// Sends the answers that may go out.
    pub(super) fn release(&self, durable: u64) {
        let mut answered = self.answered.borrow_mut();
        while let Some((_, answer)) = answered.pop_front_if(|(spoken, _)| *spoken <= durable) {
            answer.send();
        }
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.begun.borrow_mut().is_empty() && self.answered.borrow_mut().is_empty()
    }
}

impl Asker {
    pub(super) fn is_gone(&self) -> bool {
        match self {
            Self::Call(reply, _) => reply.is_canceled(),
            Self::Fetch(reply, _) => reply.is_canceled(),
            Self::Alarm(_) => true,
        }
    }

    pub(super) fn refuse(self, error: &CallError) {
        match self {
            Self::Call(reply, _) => drop(reply.send(Err(error.clone()))),
            Self::Fetch(reply, _) => drop(reply.send(Err(error.clone()))),
            Self::Alarm(_) => {}
        }
    }
}

impl Answer {
    pub(super) fn send(self) {
        match self {
            Self::Call(reply, result, place) => {
                drop(place);
                drop(reply.send(Ok(result)));
            }
            Self::Fetch(reply, response) => drop(reply.send(response)),
            Self::Alarm(done) => drop(done.send(Woken::Done)),
        }
    }

    pub(super) fn refuse(self, error: &CallError) {
        match self {
            Self::Call(reply, ..) => drop(reply.send(Err(error.clone()))),
            Self::Fetch(reply, _) => drop(reply.send(Err(error.clone()))),
            Self::Alarm(_) => {}
        }
    }
}

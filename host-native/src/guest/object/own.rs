//! What an object's instance has that no other instance has: its identity, its file and its alarm.

use crate::guest::object::line::Line;
use crate::guest::object::mailbox::CallError;
use crate::storage::object::{Alarm, ObjectFile, ObjectFileError};
use selvedge_contract::object::object_id;
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

/// What an object's instance has of its own.
pub(crate) struct Own {
    /// Its class.
    pub(crate) class: Arc<str>,
    /// Its name.
    pub(crate) name: Arc<str>,
    /// Whether it may set an alarm.
    pub(crate) handles_alarms: bool,
    /// What others look at, too.
    pub(crate) shared: Arc<Shared>,
}

/// What an instance and its life both look at.
pub(crate) struct Shared {
    kept: Mutex<Kept>,
    /// Another thread works on the file in the middle of a turn.
    is_busy: AtomicBool,
    durable: watch::Sender<u64>,
    /// The order in which its own calls leave.
    pub(crate) line: Arc<Line>,
}

/// What is kept of an object.
pub(crate) struct Kept {
    /// What it stores.
    pub(crate) file: ObjectFile,
    /// The earliest time at which the index wakes this object, as far as is known: it may set a
    /// later alarm without a word to the index.
    pub(crate) wakes_at: Option<u64>,
    /// The entry of the index that woke this object last: it will be removed.
    pub(crate) woken_at: Option<u64>,
    /// The alarm was set in this turn.
    pub(crate) alarm_set: bool,
    /// The alarm is being handled, and was not set anew meanwhile: which time it is.
    handling: Option<u64>,
    /// The same, as it was committed: what is left where the turn is thrown away.
    handling_committed: Option<u64>,
    /// How often an alarm was handled.
    handled_count: u64,
    /// The object asked for its own end, for this reason.
    pub(crate) aborted: Option<String>,
}

impl Own {
    /// The object's identity.
    pub(crate) fn id(&self) -> String {
        object_id(&self.class, &self.name)
    }
}

impl Shared {
    /// An object's file, and nothing known of its alarm.
    pub(crate) fn new(file: ObjectFile) -> Arc<Self> {
        let kept = Kept {
            file,
            wakes_at: None,
            woken_at: None,
            alarm_set: false,
            handling: None,
            handling_committed: None,
            handled_count: 0,
            aborted: None,
        };
        let (kept, is_busy) = (Mutex::new(kept), AtomicBool::new(false));
        Arc::new(Self { kept, is_busy, durable: watch::Sender::new(0), line: Arc::default() })
    }

    /// What is kept. Held for the time of one call; never across an await.
    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        // Where a panic came between, the turn's end finds the transaction as it is.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody who waits in [`Self::gate`] how much is on disk.
    pub(crate) fn tell_durable(&self) {
        let durable = self.kept().file.durable();
        self.durable.send_if_modified(|known| std::mem::replace(known, durable) != durable);
    }

    /// Works on the file on a thread that may wait, in the middle of a turn. The guest waits.
    ///
    /// # Errors
    /// Where the work panics.
    pub(crate) async fn on_a_thread<R: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&mut ObjectFile) -> R + Send + 'static,
    ) -> wasmtime::Result<R> {
        self.is_busy.store(true, Release);
        let working = spawn_blocking(move || {
            let _busy = Busy(&self);
            work(&mut self.kept().file)
        });
        working.await.map_err(|error| wasmtime::format_err!("work on an object failed: {error}"))
    }

    /// Whether another thread works on the file in the middle of a turn; asking for what is kept
    /// would wait for it.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_busy.load(Acquire)
    }

    /// Waits until no other thread works on the file.
    pub(crate) async fn not_busy(&self) {
        while self.is_busy() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The output gate: waits until all that the object has written so far is on disk. It is then
    /// safe to tell others.
    ///
    /// # Errors
    /// Where the object ends before.
    pub(crate) async fn gate(self: Arc<Self>) -> Result<(), CallError> {
        self.not_busy().await;
        let spoken = self.kept().file.spoken();
        let mut durable = self.durable.subscribe();
        // Weak: whoever waits does not keep the object's end from being noticed.
        drop(self);
        let passed = durable.wait_for(|durable| *durable >= spoken).await;
        passed.map(drop).map_err(|_| CallError::Reset("the object was ended".to_owned()))
    }
}

/// Another thread works on the file for as long as this is there.
struct Busy<'s>(&'s Shared);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.is_busy.store(false, Release);
    }
}

impl Kept {
    /// The alarm as the guest sees it.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(crate) fn alarm(&mut self) -> Result<Option<u64>, ObjectFileError> {
        if self.handling.is_some() {
            return Ok(None);
        }
        Ok(self.file.alarm()?.map(|alarm| alarm.scheduled_ms))
    }

    /// Sets the alarm, as the guest does.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(crate) fn set_alarm(&mut self, at_ms: Option<u64>) -> Result<(), ObjectFileError> {
        // While the alarm is handled, taking it back has nothing to take.
        if at_ms.is_some() || self.handling.is_none() {
            let alarm =
                at_ms.map(|at_ms| Alarm { scheduled_ms: at_ms, due_ms: at_ms, retry_count: 0 });
            self.file.set_alarm(alarm)?;
            self.alarm_set |= alarm.is_some();
            self.handling = None;
        }
        Ok(())
    }

    /// From now on the alarm is being handled; gives what [`Self::ends_handling`] asks for. This is no
    /// part of what the guest does in its turn, and stays where that is thrown away.
    pub(crate) fn begins_handling(&mut self) -> u64 {
        self.handled_count += 1;
        self.handling = Some(self.handled_count);
        self.handling_committed = self.handling;
        self.handled_count
    }

    /// Whether the alarm was still being handled, this time of all: nobody has set it anew.
    pub(crate) fn ends_handling(&mut self, which: u64) -> bool {
        self.handling.take_if(|handling| *handling == which).is_some()
    }

    /// Which time it is that the alarm is being handled, if it is.
    pub(crate) fn handling(&self) -> Option<u64> {
        self.handling
    }

    /// Commits what the turn wrote, if it wrote anything.
    ///
    /// # Errors
    /// As [`ObjectFile::end_turn`].
    pub(crate) fn end_turn(&mut self) -> Result<(), ObjectFileError> {
        self.file.end_turn()?;
        self.handling_committed = self.handling;
        Ok(())
    }

    /// Forgets what was written since the last turn ended.
    pub(crate) fn discard_turn(&mut self) {
        self.file.discard_turn();
        self.handling = self.handling_committed;
    }

    /// The time that the index has to know before this turn may be committed.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(crate) fn wake_to_add(&mut self) -> Result<Option<u64>, ObjectFileError> {
        if !std::mem::take(&mut self.alarm_set) {
            return Ok(None);
        }
        let Some(alarm) = self.file.alarm()? else { return Ok(None) };
        let known = self.wakes_at.is_some_and(|at| at <= alarm.due_ms);
        // Not the entry that is about to be removed.
        let at_ms = alarm.due_ms.max(self.woken_at.map_or(0, |at| at.saturating_add(1)));
        Ok((!known).then_some(at_ms))
    }
}

//! The life of one object, from its first call to its eviction: instances come and go, one at a time.

use crate::guest::object::class::{Class, Instance};
use crate::guest::object::directory::Objects;
use crate::guest::object::mailbox::{CallError, Event, Mailbox, Order};
use crate::guest::object::own::{Own, Shared};
use crate::guest::object::roam::Cell;
use crate::guest::object::turns::{self, End};
use crate::guest::room::is_full;
use crate::guest::vitals::Vitals;
use crate::storage::journal::Change;
use crate::storage::object::{Lent, ObjectFileError, log_name};
use selvedge_contract::failure::Failure;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;

/// One object, seen by its own life.
pub(super) struct Life {
    pub(super) objects: Arc<Objects>,
    pub(super) class: Arc<Class>,
    pub(super) name: Arc<str>,
    pub(super) mailbox: Arc<Mailbox>,
    /// A sync failed: what the log holds may not be on disk, whatever the system says next.
    pub(super) is_suspect: Cell<bool>,
}

/// Lets an object live for as long as somebody calls it.
pub(super) async fn run(
    objects: Arc<Objects>,
    class: Arc<Class>,
    name: Arc<str>,
    mailbox: Arc<Mailbox>,
) {
    let mut life = Life { objects, class, name, mailbox, is_suspect: Cell::default() };
    loop {
        while let Some(order) = life.mailbox.take_order() {
            life.obey(order).await;
        }
        if !life.mailbox.is_empty() {
            // The app may have got another class of this name since the last instance.
            match life.objects.class(&life.class.name) {
                Ok(class) => {
                    life.class = class;
                    life.live().await;
                }
                Err(error) => life.refuse_all(&error),
            }
        }
        if !life.is_suspect.get() || life.objects.is_stopping() {
            if life.objects.forget(&life.class, &life.name, &life.mailbox) {
                return;
            }
        } else {
            // What is wrong with its file must not be forgotten.
            life.something_comes().await;
        }
    }
}

impl Life {
    async fn something_comes(&self) {
        poll_fn(|cx| {
            self.mailbox.register(cx);
            let comes = !self.mailbox.is_empty() || self.objects.is_stopping();
            if comes { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Starts an instance for what waits, and lets it live.
    async fn live(&self) {
        if self.objects.is_stopping() {
            return self.refuse_all(&CallError::Reset("the host is stopping".to_owned()));
        }
        if !self.class.claim_instance() {
            tracing::warn!(class = &*self.class.name, "a call was refused: too many live objects");
            return self.refuse_all(&CallError::Overloaded);
        }
        let permit = self.objects.may_open().await;
        match self.open().await {
            Ok(shared) => self.live_with(shared, permit).await,
            Err(reason) => self.refuse_all(&CallError::Reset(reason)),
        }
        self.class.instance_ended();
    }

    async fn live_with(&self, shared: Arc<Shared>, permit: Option<OwnedSemaphorePermit>) {
        let vitals = Arc::new(Vitals::default());
        let own = Own {
            class: Arc::clone(&self.class.name),
            name: Arc::clone(&self.name),
            handles_alarms: self.class.shape.handles_alarms(),
            shared: Arc::clone(&shared),
        };
        match self.class.instantiate(own, &vitals).await {
            Ok(Instance { store, functions }) => {
                turns::run(self, &shared, &vitals, store, &functions, permit).await;
            }
            Err(error) if is_full(&error) => {
                let (class, object) = (&*self.class.name, &*self.name);
                tracing::error!(class, object, cause = %error, "an object cannot be started");
                self.refuse_all(&CallError::Overloaded);
            }
            Err(error) => {
                let end = End::of_error(&error, &vitals, &shared);
                self.tell_end(&end);
                self.refuse_all(&CallError::Reset(end.for_callers()));
            }
        }
        self.close(&shared).await;
    }

    /// Opens the object's file, where it has one.
    async fn open(&self) -> Result<Arc<Shared>, String> {
        let bytes_max = self.class.limits.storage_bytes;
        if self.is_left() {
            return Err("the storage cannot be opened for writing".to_owned());
        }
        let file = self.objects.folder.file(&self.class.name, &self.name, bytes_max);
        let shared = Shared::new(file);
        let opened = || {
            let mut kept = shared.kept();
            kept.file.open()?;
            let alarm = kept.file.alarm()?;
            kept.wakes_at = alarm.map(|alarm| alarm.due_ms);
            Ok(())
        };
        opened().map_err(|error: ObjectFileError| {
            let (class, name) = (&*self.class.name, &*self.name);
            tracing::error!(class, object = name, cause = %error, "an object cannot be opened");
            error.for_guest()
        })?;
        if self.is_suspect.get() {
            let lent = shared.kept().file.lend();
            let (lent, settled) = match lent {
                None => (None, Ok(())),
                Some(lent) => self.settle_log(lent).await,
            };
            shared.kept().file.give_back(lent);
            settled.map_err(|cause| {
                let (class, name) = (&*self.class.name, &*self.name);
                tracing::error!(class, object = name, cause, "an object cannot be written");
                "the storage failed".to_owned()
            })?;
            self.is_suspect.set(false);
        }
        Ok(shared)
    }

    /// Brings a log to the disk whose end is in no journal, and then into the file. In this order:
    /// over a file that is further, what the journal has of the log would undo a part.
    async fn settle_log(&self, lent: Lent) -> (Option<Lent>, Result<(), String>) {
        let failed = |error: ObjectFileError| error.to_string();
        let synced = spawn_blocking(move || (lent.sync().map_err(failed), lent)).await;
        let Ok((synced, lent)) = synced else { return (None, Err("the host failed".to_owned())) };
        if synced.is_err() {
            return (Some(lent), synced);
        }
        let path = self.objects.folder.file_path(&self.class.name, &self.name);
        let forgotten = self.objects.journal.write(Change::forget(log_name(&path))).await;
        if !matches!(forgotten, Ok(Ok(()))) {
            return (Some(lent), Err("the journal cannot be written".to_owned()));
        }
        let folded = spawn_blocking(move || (lent.fold().map_err(failed), lent)).await;
        let Ok((folded, lent)) = folded else { return (None, Err("the host failed".to_owned())) };
        (Some(lent), folded)
    }

    /// Closes the object's file. A log that is not on disk is left as it is.
    pub(super) async fn close(&self, shared: &Shared) {
        let lent = shared.kept().file.lend();
        if let Some(lent) = lent.filter(|_| !self.is_suspect.get()) {
            let closed = spawn_blocking(move || lent.close()).await;
            if let Ok(Err(error)) = closed {
                let (class, name) = (&*self.class.name, &*self.name);
                tracing::error!(class, object = name, cause = %error, "an object was not closed well");
                self.is_suspect.set(true);
            }
        }
        shared.kept().file.give_back(None);
    }

    /// Whether its log lacks what was told before a crash.
    fn is_left(&self) -> bool {
        let path = self.objects.folder.file_path(&self.class.name, &self.name);
        let is_left = self.objects.journal.left().contains(&log_name(&path));
        if is_left {
            let (class, object) = (&*self.class.name, &*self.name);
            tracing::error!(
                class,
                object,
                "the log of an object could not be written at the start"
            );
        }
        is_left
    }

    /// Does an order while no instance lives.
    async fn obey(&self, order: Order) {
        let path = self.objects.folder.file_path(&self.class.name, &self.name);
        if order.ends_instance.is_some() {
            if self.is_left() {
                // What is left for its log would be written into the next one's.
                return;
            }
            // The file may be removed or replaced: no power failure must bring its old log back.
            let forgotten = self.objects.journal.write(Change::forget(log_name(&path))).await;
            if !matches!(forgotten, Ok(Ok(()))) {
                // Dropping the order tells who gave it.
                return;
            }
        }
        let _ = spawn_blocking(move || (order.work)(None, &path)).await;
    }

    /// Logs why an instance ended, where that is worth it.
    pub(super) fn tell_end(&self, end: &End) {
        let (class, object) = (&*self.class.name, &*self.name);
        match end {
            End::Idle | End::Ordered(_) | End::Replaced => {
                tracing::debug!(class, object, ?end, "an object was ended")
            }
            End::Aborted(reason) => tracing::info!(class, object, reason, "an object ended itself"),
            End::Broken(failure, cause) => {
                let failure = failure.map_or("none", Failure::name);
                tracing::warn!(class, object, failure, cause, "an object was reset");
            }
        }
    }

    /// Answers everybody who waits.
    pub(super) fn refuse_all(&self, error: &CallError) {
        for event in self.mailbox.take_all() {
            match event {
                // Orders are not for the instance.
                Event::Order(_) => drop(self.mailbox.put(event)),
                event => event.refuse(error),
            }
        }
    }
}

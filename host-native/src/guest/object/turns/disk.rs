//! What happens between the turns of one instance: commits, syncs, work on the file, and the looks
//! whether it is to end.

use super::alarm::end_alarm;
use super::desk::{Answer, Asker, Begun, Desk};
use super::end::End;
use super::{BACKGROUND_MAX, HANDOVER_MAX, LOOK_EVERY};
use crate::guest::object::life::Life;
use crate::guest::object::mailbox::CallError;
use crate::guest::object::own::Shared;
use crate::guest::steps::Steps;
use crate::guest::vitals::Vitals;
use crate::storage::alarms::{Change, Wake};
use crate::storage::object::{Lent, ObjectFileError, Synced};
use futures::future::BoxFuture;
use selvedge_contract::failure::Failure;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Sleep;

/// What happens between the turns of one instance.
pub(super) struct Disk<'l> {
    pub(super) life: &'l Life,
    pub(super) shared: &'l Arc<Shared>,
    pub(super) desk: &'l Desk,
    /// The guest's own.
    pub(super) steps: Steps,
    /// Turns on their way to the disk.
    pub(super) syncing: Option<BoxFuture<'l, Result<Synced, String>>>,
    /// An entry on its way into the alarms' index; the turn is committed after it.
    pub(super) adding: Option<(u64, JoinHandle<rusqlite::Result<()>>)>,
    /// The file, while another thread works on it. The guest does not run meanwhile.
    pub(super) away: Option<JoinHandle<Option<Lent>>>,
    /// The right to have the file open.
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

impl Disk<'_> {
    /// Lets the guest run, and does what its turn asks for, until the instance is to end.
    pub(super) fn poll(
        &mut self,
        vitals: &Vitals,
        mut turns: Pin<&mut impl Future<Output = wasmtime::Result<wasmtime::Result<()>>>>,
        mut look: Pin<&mut Sleep>,
        cx: &mut Context<'_>,
    ) -> Poll<End> {
        loop {
            let is_busy = self.shared.is_busy();
            if !is_busy {
                if self.poll_away(cx).is_pending() || self.poll_permit(cx).is_pending() {
                    return Poll::Pending;
                }
                match self.poll_disk(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(end)) => return Poll::Ready(end),
                    Poll::Pending => return Poll::Pending,
                }
            }
            if let Poll::Ready(ended) = self.steps.poll(cx, turns.as_mut()) {
                let end = match ended.and_then(|ended| ended) {
                    Ok(()) => End::Idle,
                    Err(error) => match error.downcast_ref::<ObjectFileError>() {
                        Some(error) => End::of_file(error),
                        None => End::of_error(&error, vitals, self.shared),
                    },
                };
                return Poll::Ready(end);
            }
            if vitals.take_computing() || self.shared.is_busy() {
                // The turn goes on: the guest was only made to pause, or waits for its SQL.
                return self.poll_look_in_turn(look.as_mut(), cx);
            }
            if is_busy {
                continue;
            }
            match self.end_turn() {
                // What was begun wakes this task when it is done. The guest need not be asked again
                // meanwhile: whatever it waits for wakes the task, too.
                Ok(true) => {
                    let is_committed = self.adding.is_none();
                    match self.poll_disk(cx) {
                        Poll::Ready(Ok(())) if is_committed && self.syncing.is_some() => {}
                        Poll::Ready(Ok(())) => continue,
                        Poll::Ready(Err(end)) => return Poll::Ready(end),
                        Poll::Pending => return Poll::Pending,
                    }
                }
                Ok(false) => {}
                Err(error) => return Poll::Ready(End::of_file(&error)),
            }
            if self.work_on_file() {
                continue;
            }
            if look.as_mut().poll(cx).is_ready() {
                look.as_mut().reset(tokio::time::Instant::now() + LOOK_EVERY);
                if let Some(end) = self.look() {
                    return Poll::Ready(end);
                }
                continue;
            }
            let may_end = self.life.objects.is_stopping()
                || self.life.class.is_replaced()
                || self.life.mailbox.wants_end().is_some();
            if let Some(end) = may_end.then(|| self.look()).flatten() {
                return Poll::Ready(end);
            }
            return Poll::Pending;
        }
    }

    /// In the middle of a turn: only whether somebody still waits is looked at.
    fn poll_look_in_turn(&self, mut look: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<End> {
        while look.as_mut().poll(cx).is_ready() {
            look.as_mut().reset(tokio::time::Instant::now() + LOOK_EVERY);
            if let Some(end) = self.overdue() {
                return Poll::Ready(end);
            }
        }
        Poll::Pending
    }

    fn poll_away(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(away) = &mut self.away else { return Poll::Ready(()) };
        let Poll::Ready(lent) = Pin::new(away).poll(cx) else { return Poll::Pending };
        self.away = None;
        self.shared.kept().file.give_back(lent.unwrap_or_default());
        Poll::Ready(())
    }

    /// Where the file was closed for others and there is something to do again: waits for a place.
    fn poll_permit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.permit.is_some() || self.life.mailbox.is_empty() {
            return Poll::Ready(());
        }
        let mut may_open = pin!(self.life.objects.may_open());
        match may_open.as_mut().poll(cx) {
            Poll::Ready(permit) => {
                self.permit = permit;
                Poll::Ready(())
            }
            // Asked again at the next look: a place in the queue would be lost with this future.
            Poll::Pending => {
                let waker = cx.waker().clone();
                tokio::task::spawn_local(async move {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    waker.wake();
                });
                Poll::Pending
            }
        }
    }

    /// Pending while the turn cannot be committed.
    fn poll_disk(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        if let Some(syncing) = &mut self.syncing
            && let Poll::Ready(done) = syncing.as_mut().poll(cx)
        {
            self.syncing = None;
            match done {
                Ok(done) => self.note_synced(&done),
                Err(error) => {
                    self.life.is_suspect.set(true);
                    return Poll::Ready(Err(End::Broken(None, format!("a sync failed: {error}"))));
                }
            }
        }
        if let Some((at_ms, adding)) = &mut self.adding {
            let at_ms = *at_ms;
            let Poll::Ready(added) = Pin::new(adding).poll(cx) else { return Poll::Pending };
            self.adding = None;
            if let Ok(Ok(())) = added {
                self.note_added(at_ms);
            } else {
                let cause = "the index of alarms cannot be written".to_owned();
                return Poll::Ready(Err(End::Broken(None, cause)));
            }
        }
        Poll::Ready(Ok(()))
    }

    fn note_added(&self, at_ms: u64) {
        let mut kept = self.shared.kept();
        kept.wakes_at = Some(kept.wakes_at.map_or(at_ms, |known| known.min(at_ms)));
        self.life.objects.alarm_set.notify_one();
    }

    fn note_synced(&self, done: &Synced) {
        let durable = {
            let mut kept = self.shared.kept();
            kept.file.synced(done);
            kept.file.durable()
        };
        self.shared.tell_durable();
        self.desk.release(durable);
    }

    /// Commits what the guest wrote, and sends it to the disk. Says whether there is something new
    /// to wait for.
    fn end_turn(&mut self) -> Result<bool, ObjectFileError> {
        let mut kept = self.shared.kept();
        if let Some(at_ms) = kept.wake_to_add()? {
            drop(kept);
            self.add_wake(at_ms);
            return Ok(true);
        }
        kept.end_turn()?;
        let before = kept.file.durable();
        let to_sync = if self.syncing.is_none() { kept.file.next_sync()? } else { None };
        let durable = kept.file.durable();
        drop(kept);
        if durable != before {
            self.shared.tell_durable();
        }
        self.desk.release(durable);
        let Some(to_sync) = to_sync else { return Ok(false) };
        let life = self.life;
        self.syncing = Some(Box::pin(to_sync.run(&life.objects.journal)));
        Ok(true)
    }

    fn add_wake(&mut self, at_ms: u64) {
        let (class, name) = (self.life.class.name.to_string(), self.life.name.to_string());
        let objects = Arc::clone(&self.life.objects);
        let add = move || objects.alarms.change([Change::Add(Wake { at_ms, class, name })]);
        self.adding = Some((at_ms, spawn_blocking(add)));
    }

    /// Lends the file to another thread where there is work on it. Says whether it did.
    fn work_on_file(&mut self) -> bool {
        let mut kept = self.shared.kept();
        if self.syncing.is_some() || kept.file.durable() != kept.file.spoken() {
            return false;
        }
        if kept.file.wants_fold() {
            let lent = kept.file.lend();
            self.away = Some(spawn_blocking(move || {
                if let Some(Err(error)) = lent.as_ref().map(Lent::fold) {
                    tracing::error!(cause = %error, "the log of an object cannot be folded");
                }
                lent
            }));
            return true;
        }
        let is_idle = self.desk.is_quiet() && !self.desk.in_background.get();
        if is_idle && self.permit.is_some() && self.life.mailbox.is_empty() {
            if !self.life.mailbox.take_file_wanted() {
                self.life.objects.is_idle(&self.life.mailbox);
            } else {
                let permit = self.permit.take();
                // An object that has stored nothing has no file, and only gives its place back.
                let Some(lent) = kept.file.lend() else { return false };
                self.away = Some(spawn_blocking(move || {
                    if let Err(error) = lent.close() {
                        tracing::error!(cause = %error, "an object was not closed well");
                    }
                    drop(permit);
                    None
                }));
                return true;
            }
        }
        if let Some(order) = self.life.mailbox.take_order_for_live() {
            let lent = kept.file.lend();
            let path = self.life.objects.folder.file_path(&self.life.class.name, &self.life.name);
            self.away = Some(spawn_blocking(move || {
                (order.work)(lent.as_ref().map(Lent::connection), &path);
                lent
            }));
            return true;
        }
        false
    }

    /// Whether a call goes on that nobody waits for any more.
    fn overdue(&self) -> Option<End> {
        let wall = Duration::from_millis(self.life.class.limits.wall_ms);
        let overdue = |begun: &Begun| begun.asker.is_gone() && begun.at.elapsed() > wall;
        if self.desk.begun.borrow_mut().iter().any(overdue) {
            let cause = "nobody waits for a call that goes on".to_owned();
            return Some(End::Broken(Some(Failure::WallTime), cause));
        }
        None
    }

    /// Looks whether the instance is to end.
    fn look(&self) -> Option<End> {
        if let Some(end) = self.overdue() {
            return Some(end);
        }
        let wall = Duration::from_millis(self.life.class.limits.wall_ms);
        let since = self.desk.last_active.get().map_or(Duration::ZERO, |at| at.elapsed());
        if !self.desk.has_started.get() {
            let cause = || "its start took too long".to_owned();
            return (since > wall).then(|| End::Broken(Some(Failure::WallTime), cause()));
        }
        if let Some(reason) = self.life.mailbox.wants_end() {
            return Some(End::Ordered(reason));
        }
        if self.hands_over() {
            return Some(End::Replaced);
        }
        if !self.desk.is_quiet() || !self.life.mailbox.is_empty() {
            return None;
        }
        let idle = Duration::from_millis(self.life.class.limits.idle_ms);
        let most = if self.desk.in_background.get() { idle + BACKGROUND_MAX } else { idle };
        (since > most || self.life.objects.is_stopping()).then_some(End::Idle)
    }

    /// Whether the instance makes way for one of the class that has the name now: it has answered
    /// what it has begun, and works on nothing else, or has kept others waiting with that.
    fn hands_over(&self) -> bool {
        if !self.life.class.is_replaced() || !self.desk.is_quiet() {
            return false;
        }
        if !self.desk.in_background.get() {
            return true;
        }
        if self.life.mailbox.is_empty() {
            return false;
        }
        let waiting = self.desk.kept_waiting.get().unwrap_or_else(Instant::now);
        self.desk.kept_waiting.set(Some(waiting));
        waiting.elapsed() > HANDOVER_MAX
    }

    /// After the instance is gone: what was committed reaches the disk, and its answers go out.
    pub(super) async fn settle(&mut self, end: &End) {
        self.shared.not_busy().await;
        let committed = {
            let mut kept = self.shared.kept();
            kept.discard_turn();
            kept.file.spoken()
        };
        // Answers that rely on what was thrown away: a turn that is committed here is another one.
        let error = CallError::Reset(end.for_callers());
        {
            let mut answered = self.desk.answered.borrow_mut();
            while let Some((_, answer)) = answered.pop_back_if(|(spoken, _)| *spoken > committed) {
                answer.refuse(&error);
            }
        }
        if let Some(away) = self.away.take() {
            let lent = away.await.unwrap_or_default();
            self.shared.kept().file.give_back(lent);
        }
        if let Some((at_ms, adding)) = self.adding.take()
            && let Ok(Ok(())) = adding.await
        {
            self.note_added(at_ms);
        }
        if let Some(syncing) = self.syncing.take() {
            match syncing.await {
                Ok(done) => self.note_synced(&done),
                Err(_) => self.life.is_suspect.set(true),
            }
        }
        if self.life.is_suspect.get() {
            return;
        }
        if let Err(error) = self.retry_alarm(end).await {
            tracing::error!(cause = %error, "the retry of an alarm cannot be kept");
        }
        let to_sync = self.shared.kept().file.next_sync();
        match to_sync {
            Ok(Some(to_sync)) => match to_sync.run(&self.life.objects.journal).await {
                Ok(done) => self.note_synced(&done),
                Err(_) => self.life.is_suspect.set(true),
            },
            Ok(None) => {}
            Err(_) => self.life.is_suspect.set(true),
        }
        let durable = self.shared.kept().file.durable();
        self.desk.release(durable);
    }

    /// Where the instance broke while it handled its alarm: sets it anew.
    async fn retry_alarm(&mut self, end: &End) -> anyhow::Result<()> {
        let at_ms = {
            let mut kept = self.shared.kept();
            if let Some(which) = kept.handling()
                && let Some(alarm) = kept.file.alarm()?
            {
                drop(kept);
                end_alarm(self.life, self.shared, (alarm, which), Some(end.for_callers()))?;
                kept = self.shared.kept();
            }
            let is_woken = |begun: &Begun| matches!(begun.asker, Asker::Alarm(_));
            if self.desk.begun.borrow_mut().iter().any(is_woken) {
                // All entries that woke the object go, the one of an alarm that waited to be handled
                // included.
                kept.alarm_set = true;
                kept.wakes_at = None;
            }
            kept.wake_to_add()?
        };
        if let Some(at_ms) = at_ms {
            self.add_wake(at_ms);
            if let Some((_, adding)) = self.adding.take() {
                adding.await??;
                self.note_added(at_ms);
            }
        }
        self.shared.kept().end_turn()?;
        // The entries that woke the object have done their work.
        let mut begun = self.desk.begun.borrow_mut();
        let mut waiting = Vec::new();
        for begun in begun.drain(..) {
            match begun.asker {
                Asker::Alarm(done) => {
                    let spoken = self.shared.kept().file.spoken();
                    self.desk.answered.borrow_mut().push_back((spoken, Answer::Alarm(done)));
                }
                asker => waiting.push(Begun { asker, ..begun }),
            }
        }
        *begun = waiting;
        Ok(())
    }
}

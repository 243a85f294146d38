//! Has the guest handle its alarm, and sets it anew where that fails.

use super::desk::{Answer, Asker, Desk};
use super::{Running, spelled};
use crate::clock;
use crate::guest::object::class::Functions;
use crate::guest::object::life::Life;
use crate::guest::object::mailbox::AlarmDue;
use crate::guest::object::own::Shared;
use crate::storage::object::{Alarm, ObjectFileError};
use selvedge_contract::limits::alarm_retry_delay_ms;
use selvedge_wasi::State;
use std::sync::Arc;
use wasmtime::component::{Accessor, Val};

/// Handles the alarm for which an entry of the index has come due.
pub(super) fn handle_alarm<'a>(
    life: &'a Life,
    shared: &'a Arc<Shared>,
    desk: &'a Desk,
    functions: &'a Functions,
    accessor: &'a Accessor<State>,
    AlarmDue { wake, done }: AlarmDue,
) -> Running<'a> {
    let number = desk.begin(Asker::Alarm(done));
    {
        let mut kept = shared.kept();
        // Another alarm may wait here; what is added from now on is later than both.
        kept.woken_at = kept.woken_at.max(Some(wake.at_ms));
        // The index forgets the entry that woke us.
        kept.wakes_at = None;
    }
    Box::pin(async move {
        // A handler that awaits is not joined by the next, whose alarm it has set itself.
        let _one = desk.alarms.lock().await;
        desk.begin_now(number);
        let alarm = {
            let mut kept = shared.kept();
            if functions.alarm_handler.is_none() && kept.file.alarm()?.is_some() {
                let (class, object) = (&*life.class.name, &*life.name);
                tracing::error!(
                    class,
                    object,
                    "an alarm was dropped: the object's component does not handle any"
                );
                kept.file.set_alarm(None)?;
            }
            let now_ms = clock::now_ms();
            let alarm = kept.file.alarm()?;
            // A later alarm needs an entry of its own. The one that is handled now has this entry,
            // until it is done.
            kept.alarm_set |= alarm.is_some_and(|alarm| alarm.due_ms > now_ms);
            let alarm = alarm.filter(|alarm| alarm.due_ms <= now_ms);
            alarm.map(|alarm| (alarm, kept.begins_handling()))
        };
        if let (Some((alarm, which)), Some(handler)) = (alarm, functions.alarm_handler) {
            let told = Val::Record(vec![
                ("scheduled-ms".to_owned(), Val::U64(alarm.scheduled_ms)),
                ("retry-count".to_owned(), Val::U32(alarm.retry_count)),
            ]);
            let mut result = [Val::Bool(false)];
            handler.call_concurrent(accessor, &[told], &mut result).await?;
            let failed = match result {
                [Val::Result(Err(reason))] => Some(spelled(reason.as_deref())),
                _ => None,
            };
            end_alarm(life, shared, (alarm, which), failed)?;
        }
        desk.answer(shared, number, |asker| match asker {
            Asker::Alarm(done) => Some(Answer::Alarm(done)),
            _ => None,
        });
        Ok(())
    })
}

/// Takes the alarm off, or sets it anew where it failed; unless the object itself has set it.
pub(super) fn end_alarm(
    life: &Life,
    shared: &Shared,
    (alarm, which): (Alarm, u64),
    failed: Option<String>,
) -> Result<(), ObjectFileError> {
    let mut kept = shared.kept();
    if !kept.ends_handling(which) {
        return Ok(());
    }
    let (class, object, retry_count) = (&*life.class.name, &*life.name, alarm.retry_count);
    let again = failed.as_ref().and_then(|_| alarm_retry_delay_ms(alarm.retry_count));
    match (again, failed) {
        (Some(delay_ms), Some(reason)) => {
            tracing::warn!(class, object, reason, delay_ms, retry_count, "an alarm failed");
            let due_ms = clock::now_ms().saturating_add(delay_ms);
            let retry_count = retry_count.saturating_add(1);
            kept.file.set_alarm(Some(Alarm { due_ms, retry_count, ..alarm }))?;
            kept.alarm_set = true;
        }
        (_, failed) => {
            if let Some(reason) = failed {
                tracing::error!(class, object, reason, retry_count, "an alarm was given up");
            }
            kept.file.set_alarm(None)?;
        }
    }
    Ok(())
}

//! Wakes objects when their alarms are due.

use crate::clock;
use crate::guest::object::directory::Objects;
use crate::guest::object::mailbox::{AlarmDue, Event};
use crate::storage::alarms::{Change, Wake};
use futures::channel::oneshot;
use futures::stream::{FuturesUnordered, StreamExt as _};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;

/// Alarms that are being delivered at once.
const AT_ONCE: u32 = 256;
/// The longest between two looks at the clock, which may be set.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The same where a test may move the clock.
const LOOK_EVERY_MOVED: Duration = Duration::from_millis(20);
/// How long to wait before an object that could not be woken is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// Delivers alarms until the host stops. Runs on one serving thread.
pub(crate) async fn deliver(objects: Arc<Objects>) {
    let mut under_way: HashSet<Wake> = HashSet::new();
    let mut delivered = FuturesUnordered::new();
    let mut not_before: HashMap<Wake, Instant> = HashMap::new();
    while !objects.is_stopping() {
        let now_ms = clock::now_ms();
        let skipped = u32::try_from(under_way.len() + not_before.len()).unwrap_or(AT_ONCE);
        let due = objects.alarms.due(now_ms, skipped.saturating_add(AT_ONCE));
        let due = due.unwrap_or_else(|error| {
            tracing::error!(cause = %error, "the index of alarms cannot be read");
            Vec::new()
        });
        not_before.retain(|_, at| *at > Instant::now());
        for wake in due {
            if under_way.len() >= usize::try_from(AT_ONCE).unwrap_or(usize::MAX) {
                break;
            }
            if not_before.contains_key(&wake) || !under_way.insert(wake.clone()) {
                continue;
            }
            delivered.push(wake_up(&objects, wake));
        }
        let mut pause = if clock::may_be_moved() { LOOK_EVERY_MOVED } else { LOOK_EVERY };
        if let Ok(Some(next_ms)) = objects.alarms.next(now_ms) {
            pause = pause.min(Duration::from_millis(next_ms.saturating_sub(now_ms)));
        }
        if !not_before.is_empty() {
            pause = pause.min(TRY_AGAIN);
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = objects.alarm_set.notified() => {}
            Some((wake, done)) = delivered.next(), if !delivered.is_empty() => {
                let mut ended = vec![(wake, done)];
                while let Some(Some(more)) = futures::FutureExt::now_or_never(delivered.next()) {
                    ended.push(more);
                }
                let mut changes = Vec::new();
                for (wake, done) in ended {
                    under_way.remove(&wake);
                    match done {
                        true => changes.push(Change::Remove(wake)),
                        false => drop(not_before.insert(wake, Instant::now() + TRY_AGAIN)),
                    }
                }
                forget(&objects, changes).await;
            }
        }
    }
}

/// Wakes an object, and says whether it is done with the entry.
async fn wake_up(objects: &Arc<Objects>, wake: Wake) -> (Wake, bool) {
    let set = objects.classes_set.notified();
    let Ok(class) = objects.class(&wake.class) else {
        tracing::warn!(
            class = wake.class,
            object = wake.name,
            "an alarm of a class that is not there"
        );
        // Another manifest may have the class again: the entry stays, and is asked for rarely.
        let _ = tokio::time::timeout(Duration::from_secs(3600), set).await;
        return (wake, false);
    };
    let (done, is_done) = oneshot::channel();
    let event = Event::Alarm(AlarmDue { wake: wake.clone(), done });
    objects.send(&class, &Arc::from(wake.name.as_str()), event);
    let is_done = is_done.await.is_ok();
    (wake, is_done)
}

async fn forget(objects: &Arc<Objects>, changes: Vec<Change>) {
    if changes.is_empty() {
        return;
    }
    let objects = Arc::clone(objects);
    let forgotten = spawn_blocking(move || objects.alarms.change(changes)).await;
    if let Ok(Err(error)) = forgotten {
        tracing::error!(cause = %error, "the index of alarms cannot be written");
    }
}

//! Wakes objects when their alarms are due.

use crate::clock;
use crate::guest::object::directory::Objects;
use crate::guest::object::mailbox::{AlarmDue, Event, Woken};
use crate::storage::alarms::{Change, Wake};
use futures::channel::oneshot;
use futures::stream::{FuturesUnordered, StreamExt as _};
use selvedge_contract::limits::alarm_retry_delay_ms;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;

/// Alarms of one class that are being delivered at once: those of another class never wait for them.
const AT_ONCE: usize = 256;
/// The longest between two looks at the clock, which may be set.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The same where a test may move the clock.
const LOOK_EVERY_MOVED: Duration = Duration::from_millis(20);
/// How long to wait before an object that had no room to be started is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// The same where it could not be started, and that was tried as often as an alarm is. It is never
/// given up: the alarm has not been delivered yet.
const TRY_RARELY: Duration = Duration::from_secs(3600);

/// The alarms of one class.
#[derive(Default)]
struct OfClass {
    under_way: HashSet<Wake>,
    /// Those that could not be delivered.
    waiting: HashMap<Wake, Again>,
}

/// An alarm that could not be delivered.
#[derive(Clone, Copy)]
struct Again {
    not_before: Instant,
    /// How often the object could not be started.
    failed_count: u32,
}

/// Delivers alarms until the host stops. Runs on one serving thread.
pub(crate) async fn deliver(objects: Arc<Objects>) {
    tell_unknown(&objects);
    let mut classes: HashMap<Arc<str>, OfClass> = HashMap::new();
    let mut delivered = FuturesUnordered::new();
    while !objects.is_stopping() {
        let (now_ms, now) = (clock::now_ms(), Instant::now());
        let mut pause = if clock::may_be_moved() { LOOK_EVERY_MOVED } else { LOOK_EVERY };
        // Those of this edition of the app.
        for class in objects.classes().keys() {
            let of_class = classes.entry(Arc::clone(class)).or_default();
            let due = objects.alarms.due(class, now_ms, of_class.look_for());
            let due = due.unwrap_or_else(|error| {
                tracing::error!(cause = %error, "the index of alarms cannot be read");
                Vec::new()
            });
            for wake in of_class.begin(due, now) {
                delivered.push(wake_up(&objects, wake));
            }
            if let Some(next) = of_class.next_try(now) {
                pause = pause.min(next.saturating_duration_since(now));
            }
        }
        if let Ok(Some(next_ms)) = objects.alarms.next(now_ms) {
            pause = pause.min(Duration::from_millis(next_ms.saturating_sub(now_ms)));
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = objects.alarm_set.notified() => {}
            () = objects.classes_set.notified() => {}
            Some(first) = delivered.next(), if !delivered.is_empty() => {
                let mut ended = vec![first];
                while let Some(Some(more)) = futures::FutureExt::now_or_never(delivered.next()) {
                    ended.push(more);
                }
                let mut changes = Vec::new();
                for (wake, woken) in ended {
                    let Some(of_class) = classes.get_mut(&*wake.class) else { continue };
                    if of_class.end(&wake, woken, Instant::now()) {
                        changes.push(Change::Remove(wake));
                    }
                }
                forget(&objects, changes).await;
            }
        }
    }
}

/// Another manifest may have such a class again: its entries stay, and nobody asks for them.
fn tell_unknown(objects: &Objects) {
    for class in objects.alarms.classes().unwrap_or_default() {
        if objects.class(&class).is_err() {
            tracing::warn!(class, "there are alarms of a class that is not there");
        }
    }
}

impl OfClass {
    /// How many entries have to be looked at to find all that may begin now.
    fn look_for(&self) -> u32 {
        let known = self.under_way.len().saturating_add(self.waiting.len());
        u32::try_from(known.saturating_add(AT_ONCE)).unwrap_or(u32::MAX)
    }

    /// Of the entries that are due, takes those whose delivery begins now.
    fn begin(&mut self, due: Vec<Wake>, now: Instant) -> Vec<Wake> {
        if u32::try_from(due.len()).is_ok_and(|found| found < self.look_for()) {
            // These are all. What is known of others is forgotten: they are gone.
            let is_due: HashSet<&Wake> = due.iter().collect();
            self.waiting.retain(|wake, _| is_due.contains(wake));
        }
        let mut begun = Vec::new();
        for wake in due {
            if self.under_way.len() >= AT_ONCE {
                break;
            }
            let waits = self.waiting.get(&wake).is_some_and(|again| again.not_before > now);
            if !waits && self.under_way.insert(wake.clone()) {
                begun.push(wake);
            }
        }
        begun
    }

    /// Takes note of what came of an entry, and says whether it may be removed.
    fn end(&mut self, wake: &Wake, woken: Option<Woken>, now: Instant) -> bool {
        self.under_way.remove(wake);
        let before = self.waiting.remove(wake).map_or(0, |again| again.failed_count);
        let (pause, failed_count) = match woken {
            Some(Woken::Done) => return true,
            Some(Woken::Overloaded) => (TRY_AGAIN, before),
            None => {
                let pause = alarm_retry_delay_ms(before);
                if pause.is_none() {
                    let (class, object) = (&wake.class, &wake.name);
                    tracing::error!(class, object, "an alarm waits: its object cannot be started");
                }
                (pause.map_or(TRY_RARELY, Duration::from_millis), before.saturating_add(1))
            }
        };
        self.waiting.insert(wake.clone(), Again { not_before: now + pause, failed_count });
        false
    }

    /// When the next of those is tried again that could not be delivered.
    fn next_try(&self, now: Instant) -> Option<Instant> {
        // Those whose time has come wait for one that is under way.
        self.waiting.values().map(|again| again.not_before).filter(|at| *at > now).min()
    }
}

/// Wakes an object, and says what came of it; nothing where it could not be started.
async fn wake_up(objects: &Arc<Objects>, wake: Wake) -> (Wake, Option<Woken>) {
    let Ok(class) = objects.class(&wake.class) else { return (wake, None) };
    let (done, woken) = oneshot::channel();
    let event = Event::Alarm(AlarmDue { wake: wake.clone(), done });
    objects.send(&class, &Arc::from(wake.name.as_str()), event);
    let woken = woken.await.ok();
    (wake, woken)
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

#[cfg(test)]
mod tests {
    use super::{AT_ONCE, OfClass, TRY_AGAIN, TRY_RARELY, Wake, Woken};
    use std::time::{Duration, Instant};

    fn wake(at_ms: u64) -> Wake {
        Wake { at_ms, class: "c".to_owned(), name: "o".to_owned() }
    }

    /// When the one entry is tried the next times, each in milliseconds after the last.
    fn pauses(ends: &[Option<Woken>]) -> Vec<u64> {
        let (mut of_class, mut now) = (OfClass::default(), Instant::now());
        let tried = ends.iter().map(|woken| {
            assert_eq!(of_class.begin(vec![wake(1)], now), [wake(1)]);
            assert_eq!(of_class.begin(vec![wake(1)], now), [], "it is under way");
            assert!(!of_class.end(&wake(1), *woken, now));
            let next = of_class.next_try(now).unwrap();
            let early = next.checked_sub(Duration::from_millis(1)).unwrap();
            assert_eq!(of_class.begin(vec![wake(1)], early), []);
            let pause = next - now;
            now = next;
            u64::try_from(pause.as_millis()).unwrap()
        });
        tried.collect()
    }

    #[test]
    fn object_that_cannot_be_started_is_tried_ever_more_rarely() {
        let rarely = u64::try_from(TRY_RARELY.as_millis()).unwrap();
        let expected = [2_000, 4_000, 8_000, 16_000, 32_000, 64_000, rarely, rarely];
        assert_eq!(pauses(&[None; 8]), expected);
    }

    #[test]
    fn object_without_room_is_tried_as_often_as_before() {
        let soon = u64::try_from(TRY_AGAIN.as_millis()).unwrap();
        assert_eq!(pauses(&[Some(Woken::Overloaded); 8]), [soon; 8]);
    }

    #[test]
    fn entry_that_is_done_is_forgotten_and_one_that_is_gone_too() {
        let (mut of_class, now) = (OfClass::default(), Instant::now());
        of_class.begin(vec![wake(1), wake(2)], now);
        assert!(!of_class.end(&wake(1), None, now));
        assert!(of_class.end(&wake(2), Some(Woken::Done), now));
        assert_eq!((of_class.waiting.len(), of_class.under_way.len()), (1, 0));
        of_class.begin(Vec::new(), now);
        assert!(of_class.waiting.is_empty());
    }

    #[test]
    fn so_many_of_a_class_are_under_way_and_the_rest_waits() {
        let (mut of_class, now) = (OfClass::default(), Instant::now());
        let due: Vec<Wake> = (0..1_000).map(wake).collect();
        assert_eq!(of_class.begin(due.clone(), now).len(), AT_ONCE);
        assert_eq!(of_class.begin(due.clone(), now), []);
        assert!(of_class.end(&wake(0), Some(Woken::Done), now));
        assert_eq!(of_class.begin(due, now), [wake(0)], "the index was not told yet");
    }
}

//! The order in which the calls of one object leave it: as they were made, though each waits for the
//! disk by itself.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// A line of those who wait. Whoever leaves, or gives up, lets the next one be first.
#[derive(Debug, Default)]
pub(crate) struct Line(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    next_number: u64,
    /// Who is in the line, and whom to wake where that one has asked.
    wakers: BTreeMap<u64, Option<Waker>>,
}

/// A place in a line, given back when dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    line: Arc<Line>,
    number: u64,
}

impl Line {
    /// Takes the last place.
    pub(crate) fn ticket(self: &Arc<Self>) -> Ticket {
        let mut waiting = self.lock();
        let number = waiting.next_number;
        waiting.next_number += 1;
        waiting.wakers.insert(number, None);
        Ticket { line: Arc::clone(self), number }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A map is whole between any two of its own calls, panic or not.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Waits until everybody who came before is gone.
    pub(crate) async fn is_first(&self) {
        poll_fn(|cx| {
            let mut waiting = self.line.lock();
            if waiting.wakers.first_key_value().is_none_or(|(first, _)| *first == self.number) {
                return Poll::Ready(());
            }
            waiting.wakers.insert(self.number, Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut waiting = self.line.lock();
        waiting.wakers.remove(&self.number);
        let first = waiting.wakers.first_entry().and_then(|mut first| first.get_mut().take());
        drop(waiting);
        if let Some(waker) = first {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Line;
    use futures::FutureExt as _;
    use std::sync::Arc;

    #[tokio::test]
    async fn whoever_came_first_leaves_first_whoever_is_ready_first() {
        let line = Arc::new(Line::default());
        let left = std::sync::Mutex::new(Vec::new());
        let leaves = |number: u64| {
            let (ticket, left) = (line.ticket(), &left);
            async move {
                // The last are ready first.
                for _ in number..20 {
                    tokio::task::yield_now().await;
                }
                ticket.is_first().await;
                left.lock().unwrap().push(number);
            }
        };
        futures::future::join_all((0..20).map(leaves)).await;
        assert_eq!(*left.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn whoever_gives_up_holds_nobody_up() {
        let line = Arc::new(Line::default());
        let (first, second, third) = (line.ticket(), line.ticket(), line.ticket());
        assert!(third.is_first().now_or_never().is_none());
        drop(second);
        assert!(third.is_first().now_or_never().is_none());
        let waits = tokio::spawn(async move { third.is_first().await });
        tokio::task::yield_now().await;
        drop(first);
        waits.await.unwrap();
    }
}

//! A guest that yields goes on at once.
//!
//! A guest yields when a task of its own is to go on behind all others, as each does that ends after
//! its answer. The engine then gives way to the whole thread, for one such task at a time. Under load
//! a thread that takes new requests before it comes back takes them faster than it ends the old ones:
//! those pile up, some KiB each, and once there are none left to take, thousands end in one go while
//! everybody waits. So an instance that has only yielded is polled again before anybody else is.

use futures::task::AtomicWaker;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

/// Most steps that an instance takes in one go.
///
/// Ours: as each of the requests that it may have at once by default yields a few times, and few
/// enough that a guest that does nothing but yield is not noticed by others.
const STEPS_MAX: usize = 64;

/// Polls what an instance does until it waits for something.
pub(crate) struct Steps {
    noted: Arc<Noted>,
    waker: Waker,
}

/// What came of wakes, while the instance is polled and while it is not.
#[derive(Default)]
struct Noted {
    state: AtomicU8,
    task: AtomicWaker,
}

/// It waits: a wake goes to its task.
const WAITS: u8 = 0;
/// It is being polled, and has not been woken since.
const POLLED: u8 = 1;
/// It has been woken since its last poll began.
const WOKEN: u8 = 2;

impl Wake for Noted {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(WOKEN, SeqCst) == WAITS {
            self.task.wake();
        }
    }
}

impl Steps {
    /// For an instance that has not been polled.
    pub(crate) fn new() -> Self {
        let noted = Arc::<Noted>::default();
        let waker = Waker::from(Arc::clone(&noted));
        Self { noted, waker }
    }

    /// Polls until nobody has woken it meanwhile, or it has taken [`STEPS_MAX`] steps, after which it
    /// is polled again behind others.
    pub(crate) fn poll<F: Future>(
        &self,
        cx: &mut Context<'_>,
        mut instance: Pin<&mut F>,
    ) -> Poll<F::Output> {
        let Noted { state, task } = &*self.noted;
        task.register(cx.waker());
        for _ in 0..STEPS_MAX {
            state.store(POLLED, SeqCst);
            if let Poll::Ready(output) =
                instance.as_mut().poll(&mut Context::from_waker(&self.waker))
            {
                return Poll::Ready(output);
            }
            if state.compare_exchange(POLLED, WAITS, SeqCst, SeqCst).is_ok() {
                return Poll::Pending;
            }
        }
        state.store(WAITS, SeqCst);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::{STEPS_MAX, Steps};
    use futures::task::noop_waker;
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::task::{Context, Poll, Wake, Waker};

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn what_only_yields_goes_on_at_once() {
        let mut left = 5;
        let mut yields = pin!(poll_fn(|cx| {
            if left == 0 {
                return Poll::Ready("done");
            }
            left -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        let outcome = Steps::new().poll(&mut Context::from_waker(&noop_waker()), yields.as_mut());
        assert_eq!(outcome, Poll::Ready("done"));
    }

    #[test]
    fn what_yields_for_ever_lets_others_run() {
        let woken = Arc::<Counted>::default();
        let waker = Waker::from(Arc::clone(&woken));
        let polls = Cell::new(0);
        let mut yields = pin!(poll_fn(|cx| {
            polls.set(polls.get() + 1);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        let steps = Steps::new();
        for times in 1..=3 {
            assert!(steps.poll(&mut Context::from_waker(&waker), yields.as_mut()).is_pending());
            assert_eq!(polls.get(), times * STEPS_MAX);
            assert_eq!(woken.0.load(Relaxed), times);
        }
    }

    #[test]
    fn who_wakes_what_waits_wakes_its_task_once() {
        let woken = Arc::<Counted>::default();
        let waker = Waker::from(Arc::clone(&woken));
        let kept = Cell::new(None);
        let mut waits = pin!(poll_fn(|cx| {
            kept.set(Some(cx.waker().clone()));
            Poll::<()>::Pending
        }));
        let steps = Steps::new();
        assert!(steps.poll(&mut Context::from_waker(&waker), waits.as_mut()).is_pending());
        assert_eq!(woken.0.load(Relaxed), 0);
        let waker_of_what_waits = kept.take().unwrap();
        waker_of_what_waits.wake_by_ref();
        waker_of_what_waits.wake();
        assert_eq!(woken.0.load(Relaxed), 1);
    }
}

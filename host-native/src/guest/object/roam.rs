//! An object runs on whichever serving thread calls it.
//!
//! A task of a thread's own runtime is woken through the kernel where another thread calls it, which
//! takes that thread's sleep and a switch, there and back: some fifty microseconds. An object is a
//! task of no thread: whoever wakes it has it run where he is, unless it runs somewhere just now.

use crate::locked::lock;
use futures::future::BoxFuture;
use futures::task::AtomicWaker;
use std::cell::OnceCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};

thread_local! {
    /// What runs on this thread, where it is one that serves.
    static OWN: OnceCell<Arc<Runner>> = const { OnceCell::new() };
}

/// Tasks that run before the thread looks after its connections again.
///
/// Ours: half of what the runtime itself runs before it looks at its sockets.
const RUNS_IN_A_ROW: usize = 32;

/// The tasks that are to run on one thread.
#[derive(Default)]
struct Runner {
    ready: Mutex<VecDeque<Arc<Roaming>>>,
    waker: AtomicWaker,
}

/// A task that runs where it is woken.
struct Roaming {
    state: AtomicU8,
    /// `None` when it is over.
    future: Mutex<Option<BoxFuture<'static, ()>>>,
    /// Where it runs when a thread wakes it that does not serve.
    home: Arc<Runner>,
}

/// It waits to be woken.
const WAITS: u8 = 0;
/// It is in the queue of some thread.
const QUEUED: u8 = 1;
/// It runs.
const RUNS: u8 = 2;
/// It runs, and has been woken since it began to.
const AGAIN: u8 = 3;

/// Runs what is woken on this thread, for ever.
pub(crate) async fn run() {
    let runner = OWN.with(|own| Arc::clone(own.get_or_init(Arc::default)));
    // Each task would eat of the budget of the others.
    tokio::task::unconstrained(poll_fn(|cx| {
        runner.waker.register(cx.waker());
        for _ in 0..RUNS_IN_A_ROW {
            let Some(task) = lock(&runner.ready).pop_front() else { return Poll::Pending };
            task.run();
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }))
    .await
}

/// Begins a task on this thread, which must be one that serves.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    let home = OWN.with(|own| Arc::clone(own.get_or_init(Arc::default)));
    let (state, future) = (AtomicU8::new(WAITS), Mutex::new(Some(Box::pin(future) as _)));
    Arc::new(Roaming { state, future, home }).wake();
}

/// A cell of a task that moves between threads, and runs on one of them at a time: nobody ever waits
/// for it.
#[derive(Default)]
pub(crate) struct Cell<T>(Mutex<T>);

impl<T> Cell<T> {
    /// What is in it, to look at or to change. Not to be asked for twice at a time.
    pub(crate) fn borrow_mut(&self) -> MutexGuard<'_, T> {
        lock(&self.0)
    }

    pub(crate) fn set(&self, value: T) {
        *self.borrow_mut() = value;
    }
}

impl<T: Copy> Cell<T> {
    pub(crate) fn get(&self) -> T {
        *self.borrow_mut()
    }
}

impl<T: Default> Cell<T> {
    pub(crate) fn take(&self) -> T {
        std::mem::take(&mut *self.borrow_mut())
    }
}

impl Wake for Roaming {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let woken = |state| match state {
            WAITS => Some(QUEUED),
            RUNS => Some(AGAIN),
            _ => None,
        };
        if self.state.fetch_update(SeqCst, SeqCst, woken) == Ok(WAITS) {
            self.queue();
        }
    }
}

impl Roaming {
    fn queue(self: &Arc<Self>) {
        let queue = |runner: &Runner| {
            lock(&runner.ready).push_back(Arc::clone(self));
            runner.waker.wake();
        };
        // A thread that ends has nothing of its own any more.
        if OWN.try_with(|own| queue(own.get().unwrap_or(&self.home))).is_err() {
            queue(&self.home);
        }
    }

    fn run(self: Arc<Self>) {
        self.state.store(RUNS, SeqCst);
        let waker = Waker::from(Arc::clone(&self));
        let mut future = lock(&self.future);
        let Some(running) = future.as_mut() else { return };
        let polled = catch_unwind(AssertUnwindSafe(|| {
            running.as_mut().poll(&mut Context::from_waker(&waker))
        }));
        if !matches!(polled, Ok(Poll::Pending)) {
            // What a panic left is not to be run again; the panic itself has been told.
            *future = None;
            return;
        }
        drop(future);
        if self.state.compare_exchange(RUNS, WAITS, SeqCst, SeqCst).is_err() {
            // Behind the others: it may only have made way for them.
            self.state.store(QUEUED, SeqCst);
            self.queue();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{run, spawn};
    use futures::channel::{mpsc, oneshot};
    use futures::{FutureExt as _, StreamExt as _};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use std::thread::{ThreadId, current};
    use tokio::runtime::LocalOptions;

    /// A thread that serves, and does one thing.
    fn thread<R: Send + 'static>(
        acts: impl AsyncFnOnce() -> R + Send + 'static,
    ) -> std::thread::JoinHandle<R> {
        std::thread::spawn(|| {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build_local(LocalOptions::default()).unwrap();
            runtime.block_on(async {
                tokio::task::spawn_local(run());
                tokio::task::yield_now().await;
                acts().await
            })
        })
    }

    /// Waits on a thread that does not serve.
    fn wait<R>(future: impl Future<Output = R>) -> R {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn task_runs_where_it_is_woken() {
        let (ask, mut asked) = mpsc::unbounded::<oneshot::Sender<ThreadId>>();
        let (end, ended) = oneshot::channel::<()>();
        let first = ask.clone();
        let (tell, begun) = oneshot::channel();
        let home = thread(async move || {
            spawn(async move {
                while let Some(reply) = asked.next().await {
                    let _ = reply.send(current().id());
                }
            });
            // It waits from then on: who wakes what has not begun has it run where it is queued.
            let (reply, answer) = oneshot::channel();
            first.unbounded_send(reply).unwrap();
            tell.send(answer.await.unwrap()).unwrap();
            let _ = ended.await;
        });
        assert_eq!(wait(begun).unwrap(), home.thread().id());
        for _ in 0..3 {
            let ask = ask.clone();
            let caller = thread(async move || {
                let (reply, answer) = oneshot::channel();
                ask.unbounded_send(reply).unwrap();
                (answer.await.unwrap(), current().id())
            });
            let (ran, called) = caller.join().unwrap();
            assert_eq!(ran, called);
        }
        // A thread that does not serve has it run at home.
        let (reply, answer) = oneshot::channel();
        ask.unbounded_send(reply).unwrap();
        let ran = wait(answer).unwrap();
        assert_eq!(ran, home.thread().id());
        drop(end);
        home.join().unwrap();
    }

    #[test]
    fn task_that_all_threads_wake_runs_once_at_a_time_and_misses_nothing() {
        const CALLERS: u32 = 4;
        const CALLS: u32 = 2_000;
        let (ask, mut asked) = mpsc::unbounded::<oneshot::Sender<u32>>();
        let (end, ended) = oneshot::channel::<()>();
        let ended = ended.shared();
        let inside = Arc::new(AtomicU32::new(0));
        let finished = Arc::new(AtomicU32::new(0));
        let stays = ended.clone();
        let home = thread(async move || {
            spawn(async move {
                let mut count = 0;
                while let Some(reply) = asked.next().await {
                    assert_eq!(inside.fetch_add(1, Relaxed), 0);
                    count += 1;
                    let _ = reply.send(count);
                    inside.fetch_sub(1, Relaxed);
                    tokio::task::yield_now().await;
                }
            });
            let _ = stays.await;
        });
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (ask, ended, finished) = (ask.clone(), ended.clone(), Arc::clone(&finished));
                thread(async move || {
                    let mut last = 0;
                    for _ in 0..CALLS {
                        let (reply, answer) = oneshot::channel();
                        ask.unbounded_send(reply).unwrap();
                        let count = answer.await.unwrap();
                        assert!(count > last);
                        last = count;
                    }
                    finished.fetch_add(1, Relaxed);
                    // What it runs for others goes on.
                    let _ = ended.await;
                })
            })
            .collect();
        while finished.load(Relaxed) < CALLERS {
            std::thread::yield_now();
        }
        let (reply, answer) = oneshot::channel();
        ask.unbounded_send(reply).unwrap();
        assert_eq!(wait(answer).unwrap(), CALLERS * CALLS + 1);
        drop(end);
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        home.join().unwrap();
    }

    #[test]
    fn task_that_panics_takes_no_other_with_it() {
        let home = thread(async || {
            spawn(async { panic!("as it was told to") });
            let (tell, told) = oneshot::channel();
            spawn(async move {
                let _ = tell.send("well");
            });
            told.await.unwrap()
        });
        assert_eq!(home.join().unwrap(), "well");
    }
}

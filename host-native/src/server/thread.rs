//! A serving thread: its runtime, its connections and its instances.

use crate::dispatch::{App, Dispatch};
use crate::guest::object::{alarms, orders, roam};
use crate::server::stream::{Stalled, Stream};
use crate::server::unread::{Unread, Watched};
use crate::storage::journal;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use selvedge_contract::limits::{HEADER_COUNT_MAX, HEADER_READ_MS, STREAMS_PER_CONNECTION_MAX};
use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::LocalOptions;
use tokio::sync::{mpsc, oneshot, watch};

/// How often a thread looks after its instances.
const TEND_EVERY: Duration = Duration::from_millis(100);

/// Answers after which a thread lets others of its core run.
///
/// Linux lets a busy thread run until its clock ticks, every 4 ms on most systems, while whoever
/// shares the core waits: another serving thread, or the client. Measured 2026-11-26 with as many
/// threads of load as of the server on two cores: p99 falls from 5 ms to 3 at the same rate. Where
/// nobody waits the call takes a quarter of a microsecond.
const ANSWERS_IN_A_ROW: u32 = 16;

/// Threads that wait for the disk on behalf of one serving thread.
///
/// Ours: as many as may wait for a sync at once without slowing it, and few enough that their stacks
/// do not take what instances need (see `INSTANCES_MAX`).
const BLOCKING_THREADS_MAX: usize = 64;

/// A serving thread, seen from the accepting one.
pub(super) struct ServingThread {
    /// Connections that it has.
    pub(super) open: Arc<AtomicUsize>,
    handed: mpsc::UnboundedSender<Handed>,
    alive: watch::Receiver<()>,
}

impl ServingThread {
    /// Starts a thread that serves until `stopping` says so, and then to the end of what it has.
    pub(super) fn start(
        index: usize,
        app: Arc<App>,
        stopping: watch::Receiver<bool>,
    ) -> std::io::Result<Self> {
        let open = Arc::new(AtomicUsize::new(0));
        let (handed, incoming) = mpsc::unbounded_channel();
        let (living, alive) = watch::channel(());
        let thread_open = Arc::clone(&open);
        let runtime = move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .max_blocking_threads(BLOCKING_THREADS_MAX)
                .build_local(LocalOptions::default())
        };
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::Builder::new().name(format!("serve-{index}")).spawn(move || {
            let runtime = match runtime() {
                Ok(runtime) => runtime,
                Err(error) => {
                    let _ = tell.send(Err(error));
                    return;
                }
            };
            let _ = tell.send(Ok(()));
            runtime.block_on(run(index, app, incoming, stopping, thread_open));
            drop(living);
        })?;
        // One that cannot serve would have the fewest connections, and get every new one.
        told.recv().map_err(std::io::Error::other)??;
        Ok(Self { open, handed, alive })
    }

    /// Hands a connection over.
    pub(super) fn take(&self, stream: TcpStream) {
        // Counted here, so that a burst is spread before the thread has seen any of it.
        self.open.fetch_add(1, Relaxed);
        let handed_over = stream
            .into_std()
            .map_err(drop)
            .and_then(|stream| self.handed.send(Handed::Connection(stream)).map_err(drop));
        if handed_over.is_err() {
            self.open.fetch_sub(1, Relaxed);
        }
    }

    /// Has every request from now on answered by another edition of the app. What is given tells
    /// when the thread has heard of it.
    pub(super) fn swap(&self, app: Arc<App>) -> oneshot::Receiver<()> {
        let (taken, told) = oneshot::channel();
        // A thread that is gone drops it, which tells as well.
        let _ = self.handed.send(Handed::Edition(app, taken));
        told
    }

    /// Waits for the thread's end.
    pub(super) async fn ended(&self) {
        let mut alive = self.alive.clone();
        while alive.changed().await.is_ok() {}
    }
}

/// What the accepting thread gives to a serving one.
enum Handed {
    Connection(std::net::TcpStream),
    Edition(Arc<App>, oneshot::Sender<()>),
}

/// Serves connections until told to stop, then until they and the instances have ended.
async fn run(
    index: usize,
    app: Arc<App>,
    mut incoming: mpsc::UnboundedReceiver<Handed>,
    stopping: watch::Receiver<bool>,
    open: Arc<AtomicUsize>,
) {
    let dispatch = Rc::new(Dispatch::new(&app));
    let mut door = Door::new(app.header_bytes_max);
    let objects = Arc::clone(&app.objects);
    // Held here, it would outlive its successors.
    drop(app);
    objects.a_thread_begins();
    tokio::task::spawn_local(journal::run_relay());
    tokio::task::spawn_local(roam::run());
    if index == 0 {
        tokio::task::spawn_local(alarms::deliver(Arc::clone(&objects)));
        tokio::task::spawn_local(orders::listen(Arc::clone(&objects)));
    }
    let row = Rc::<Row>::default();
    let mut tend = tokio::time::interval(TEND_EVERY);
    tend.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told = stopping.clone();
    loop {
        tokio::select! {
            biased;
            Some(handed) = incoming.recv() => match handed {
                Handed::Connection(stream) => {
                    let connection = Connection {
                        dispatch: Rc::clone(&dispatch),
                        row: Rc::clone(&row),
                        builder: Rc::clone(&door.builder),
                        closing: door.closed.subscribe(),
                        stopping: stopping.clone(),
                        open: Open(Arc::clone(&open)),
                    };
                    tokio::task::spawn_local(connection.serve(stream));
                }
                Handed::Edition(app, taken) => {
                    dispatch.take(&app);
                    if door.header_bytes_max != app.header_bytes_max {
                        door = Door::new(app.header_bytes_max);
                    }
                    let _ = taken.send(());
                }
            },
            _ = tend.tick() => dispatch.tend(),
            _ = told.wait_for(|stopping| *stopping) => break,
        }
    }
    while open.load(Relaxed) > 0 {
        tend.tick().await;
        dispatch.tend();
    }
    dispatch.retire_all();
    while !dispatch.is_empty() {
        tend.tick().await;
        dispatch.tend();
    }
    // Objects of this thread are called from others.
    if objects.a_thread_is_done() {
        objects.stop();
    }
    while !objects.is_stopping() || objects.lives() > 0 {
        tend.tick().await;
    }
}

/// How connections begin. One that begins when the bound is another gets another door, and those
/// that came by this one end after what they are at: hyper keeps the bound it began with.
struct Door {
    header_bytes_max: usize,
    builder: Rc<Builder<Local>>,
    closed: watch::Sender<()>,
}

impl Door {
    fn new(header_bytes_max: usize) -> Self {
        let builder = Rc::new(builder(header_bytes_max));
        Self { header_bytes_max, builder, closed: watch::Sender::new(()) }
    }
}

fn builder(header_bytes_max: usize) -> Builder<Local> {
    let mut builder = Builder::new(Local);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(HEADER_READ_MS))
        .max_headers(HEADER_COUNT_MAX)
        // The request's line and headers must fit.
        .max_buf_size(header_bytes_max);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .max_header_list_size(u32::try_from(header_bytes_max).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(Duration::from_millis(HEADER_READ_MS)));
    builder
}

/// One connection, before it is served.
struct Connection {
    dispatch: Rc<Dispatch>,
    row: Rc<Row>,
    builder: Rc<Builder<Local>>,
    /// Closes with the door that it came by.
    closing: watch::Receiver<()>,
    stopping: watch::Receiver<bool>,
    open: Open,
}

impl Connection {
    async fn serve(self, stream: std::net::TcpStream) {
        let Self { dispatch, row, builder, mut closing, mut stopping, open } = self;
        let Ok(stream) = TcpStream::from_std(stream).map(Stream::new) else { return };
        let ended = async {
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => {}
                // Nothing is ever sent: this is the door's end.
                _ = closing.changed() => {}
            }
        };
        let mut ended = std::pin::pin!(ended);
        let begun = tokio::time::timeout(Duration::from_millis(HEADER_READ_MS), stream.begins());
        tokio::select! {
            begun = begun => if begun.is_err() {
                // It says nothing, or not which protocol it speaks.
                return;
            },
            () = ended.as_mut() => return,
        }
        let unread = Rc::<Unread>::default();
        let answer = service_fn(|request: http::Request<_>| {
            let (dispatch, unread) = (Rc::clone(&dispatch), Rc::clone(&unread));
            let row = Rc::clone(&row);
            async move {
                let is_watched = request.version() == http::Version::HTTP_2;
                let answer = dispatch.answer(request).await;
                row.add_answer();
                let watched =
                    |body| if is_watched { unread.watch(body) } else { Watched::not(body) };
                Ok::<_, Infallible>(answer.map(watched))
            }
        });
        let mut served =
            std::pin::pin!(builder.serve_connection(TokioIo::new(stream.clone()), answer));
        let too_long = std::pin::pin!(unread.too_long());
        let served = async {
            tokio::select! {
                outcome = served.as_mut() => outcome,
                () = ended => {
                    served.as_mut().graceful_shutdown();
                    served.await
                }
            }
        };
        tokio::select! {
            outcome = served => if let Err(error) = outcome {
                tell(&stream, error.as_ref());
            },
            () = too_long => {
                tracing::info!("a connection was ended: the client did not read an answer");
            }
        }
        stream.linger().await;
        drop(open);
    }
}

/// Logs why a connection ended early, and tells the client where it still listens.
fn tell(stream: &Stream, error: &(dyn std::error::Error + 'static)) {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_timeout() {
                tracing::info!(
                    "a connection was ended: the head of a request did not arrive in time"
                );
                stream.say(REQUEST_TIMEOUT);
                return;
            }
            if error.is_parse_too_large() {
                tracing::info!(
                    failure = "headers-too-large",
                    "a request was refused: its head is too large"
                );
                return;
            }
        }
        if let Some(Stalled) = error.downcast_ref::<Stalled>() {
            tracing::info!("a connection was ended: the client did not read its answer");
            return;
        }
        cause = error.source();
    }
    tracing::debug!(cause = %error, "a connection ended early");
}

const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The answers that a thread has given in a row.
#[derive(Default)]
struct Row(Cell<u32>);

impl Row {
    fn add_answer(&self) {
        self.0.set((self.0.get() + 1) % ANSWERS_IN_A_ROW);
        if self.0.get() == 0 {
            std::thread::yield_now();
        }
    }
}

/// A connection's place among those that are open.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Runs hyper's own tasks on this thread.
#[derive(Debug, Clone, Copy)]
struct Local;

impl<F> hyper::rt::Executor<F> for Local
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}

//! Step 1 of a request's way, in: listening, connections, and the end of them.
//!
//! After it comes `dispatch`. One thread accepts; each connection then lives on the serving thread
//! that has the fewest, with all of its requests. A thread has its own single-threaded runtime, so
//! that nothing on a request's way is shared between cores.

mod stream;
mod thread;
mod unread;

use crate::dispatch::App;
use anyhow::Context as _;
use selvedge_contract::limits::{CONNECTIONS_MAX, DRAIN_MS};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use thread::ServingThread;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};

/// Connections that the kernel may keep while the host is busy.
const BACKLOG: u32 = 1024;

/// The least that a connection can be told to take of a request's head, in bytes.
///
/// Source: hyper's `max_buf_size` panics where it is told less.
pub(crate) const HEADER_BYTES_MIN: usize = 8_192;

/// Another edition of the app for those who serve it.
pub(crate) struct Edition {
    app: Arc<App>,
    taken: oneshot::Sender<()>,
}

/// Where editions come from; the first one is waited for.
pub(crate) type Editions = mpsc::UnboundedReceiver<Edition>;

impl Edition {
    /// An edition, and what tells that every request from then on is answered by it.
    pub(crate) fn new(app: Arc<App>) -> (Self, oneshot::Receiver<()>) {
        let (taken, told) = oneshot::channel();
        (Self { app, taken }, told)
    }
}

/// Serves an app until a signal ends it: the first one drains, the second ends at once. Takes each
/// further edition of the app in the place of the one before: whatever that has begun, it ends. The
/// sender of the editions learns of the first signal by its channel, which closes.
///
/// `ready` is called with the address once requests are answered.
///
/// # Errors
/// Where the address cannot be listened on, or a thread cannot be started.
pub(crate) fn serve(
    mut editions: Editions,
    listen: SocketAddr,
    threads: usize,
    ready: impl FnOnce(SocketAddr),
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        // Before anything that takes its time: who cannot listen is told so at once.
        let listener = bind(listen)?;
        let first = tokio::select! {
            first = editions.recv() => first,
            _ = interrupt.recv() => None,
            _ = terminate.recv() => None,
        };
        let Some(first) = first else { return Ok(()) };
        let (stop, stopping) = watch::channel(false);
        first.app.objects.set_classes(first.app.classes.clone());
        let threads = (0..threads.max(1))
            .map(|index| ServingThread::start(index, Arc::clone(&first.app), stopping.clone()))
            .collect::<std::io::Result<Vec<_>>>()
            .context("cannot start a serving thread")?;
        ready(listener.local_addr()?);
        let _ = first.taken.send(());
        // Held here, it would outlive its successors.
        drop(first.app);
        let serving = async {
            loop {
                tokio::select! {
                    () = accept(&listener, &threads) => {}
                    Some(edition) = editions.recv() => swap(edition, &threads).await,
                }
            }
        };
        tokio::select! {
            () = serving => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        drop(listener);
        drop(editions);
        tracing::info!(
            connections = connections(&threads),
            "stopping: waiting for requests to end; another signal ends them"
        );
        let _ = stop.send(true);
        let drained = async {
            for thread in &threads {
                thread.ended().await;
            }
        };
        tokio::select! {
            () = drained => {}
            () = tokio::time::sleep(Duration::from_millis(DRAIN_MS)) => {
                tracing::warn!(connections = connections(&threads), "ending requests that did not end in time");
            }
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        anyhow::Ok(())
    })
}

/// Has every thread take an edition; returns when all have.
async fn swap(edition: Edition, threads: &[ServingThread]) {
    let Edition { app, taken } = edition;
    // First of all: a service of the new edition may call what the old one did not have.
    app.objects.set_classes(app.classes.clone());
    let told: Vec<_> = threads.iter().map(|thread| thread.swap(Arc::clone(&app))).collect();
    for told in told {
        // A thread that is gone answers nothing any more.
        let _ = told.await;
    }
    let _ = taken.send(());
}

fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart must not wait for old connections to be forgotten; two hosts on one port are
        // still refused.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "cannot listen on {address}: the port is in use; stop the other program or choose another port with --listen"
        ),
        _ => anyhow::Error::new(error).context(format!("cannot listen on {address}")),
    })
}

/// Accepts connections for ever.
async fn accept(listener: &TcpListener, threads: &[ServingThread]) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) if connections(threads) >= CONNECTIONS_MAX => {
                tracing::warn!(
                    connections = CONNECTIONS_MAX,
                    "a connection was refused: too many are open"
                );
                drop(stream);
            }
            Ok((stream, _)) => {
                if let Some(thread) = threads.iter().min_by_key(|thread| thread.open.load(Relaxed))
                {
                    thread.take(stream);
                }
            }
            Err(error) => {
                // Out of file descriptors, mostly: others will close theirs.
                tracing::warn!(cause = %error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn connections(threads: &[ServingThread]) -> usize {
    threads.iter().map(|thread| thread.open.load(Relaxed)).sum()
}

//! The load: connections that ask again as soon as they were answered.
//!
//! Made to cost little, since it runs on the machine of the server it measures: a request is bytes
//! that were made before, and of a response no more is read than where it ends.

use super::histogram::Histogram;
use super::reply;
use anyhow::{Context as _, bail, ensure};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// Largest response that is read, in bytes.
const RESPONSE_BYTES_MAX: usize = 16 * 1024;
/// The most that the last answers may take once the time is over.
const LAST_ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// Stands for the number of the connection in a request, and has as many bytes.
pub(crate) const NUMBER: &str = "{nn}";

/// What is asked, how, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// Who is asked.
    pub(crate) address: SocketAddr,
    /// What is asked: a whole request. [`NUMBER`] in it stands for the connection's number.
    pub(crate) request: Arc<[u8]>,
    /// How many ask at once.
    pub(crate) connections: usize,
    /// How long they ask before anything counts.
    pub(crate) warm_up: Duration,
    /// How long it counts.
    pub(crate) measured: Duration,
}

/// What came back while it counted.
pub(crate) struct Outcome {
    /// From each request's first byte to its response's last.
    pub(crate) latencies: Histogram,
    /// What `observe` saw when the count began and when it ended.
    pub(crate) observed: (Duration, Duration),
}

/// What [`threads`] gives where it was said.
static THREADS: OnceLock<usize> = OnceLock::new();

/// Says how many threads a server has, and as many that the load has; once, before anything is measured.
pub(crate) fn use_threads(threads: usize) {
    // Twice would be a mistake that changes nothing.
    let _ = THREADS.set(threads.max(1));
}

/// Threads that a server has, and as many that the load beside it has: where nothing else was said, as
/// many as the machine has cores.
pub(crate) fn threads() -> usize {
    *THREADS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// The time that counts.
#[derive(Clone, Copy)]
struct Window {
    begin: Instant,
    end: Instant,
}

/// Puts load on a server. `observe` is called when the count begins and when it ends.
///
/// # Errors
/// Where any connection fails, or is answered with anything but a 200.
pub(crate) fn put_on(
    load: &Load,
    mut observe: impl FnMut() -> anyhow::Result<Duration>,
) -> anyhow::Result<Outcome> {
    let begin = Instant::now() + load.warm_up;
    let window = Window { begin, end: begin + load.measured };
    let threads = load.connections.min(threads());
    let running: Vec<_> = (0..threads)
        .map(|index| {
            let connections = (load.connections + index) / threads;
            let load = load.clone();
            std::thread::spawn(move || ask(&load, (index, threads), connections, window))
        })
        .collect();
    sleep_until(window.begin);
    let before = observe();
    sleep_until(window.end);
    let after = observe();
    let mut latencies = Histogram::new();
    let mut failures = Vec::new();
    for thread in running {
        let (counted, mut failed) =
            thread.join().ok().context("a thread of the load panicked")??;
        latencies.merge(&counted);
        failures.append(&mut failed);
    }
    if let Some(first) = failures.first() {
        bail!("{} of {} connections failed: {first:#}", failures.len(), load.connections);
    }
    ensure!(latencies.total() > 0, "nothing was answered in {:?}", load.measured);
    Ok(Outcome { latencies, observed: (before?, after?) })
}

fn sleep_until(moment: Instant) {
    std::thread::sleep(moment.saturating_duration_since(Instant::now()));
}

type Counted = (Histogram, Vec<anyhow::Error>);

/// One thread's connections.
fn ask(
    load: &Load,
    (thread, threads): (usize, usize),
    connections: usize,
    window: Window,
) -> anyhow::Result<Counted> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let latencies = Rc::new(RefCell::new(Histogram::new()));
    let local = LocalSet::new();
    let failures = local.block_on(&runtime, async {
        let asking: Vec<_> = (0..connections)
            .map(|index| {
                let number = thread + index * threads;
                let (load, latencies) = (load.clone(), Rc::clone(&latencies));
                tokio::task::spawn_local(async move {
                    let last = tokio::time::Instant::from_std(window.end) + LAST_ANSWERS_WITHIN;
                    tokio::time::timeout_at(last, ask_on_one(&load, number, window, &latencies))
                        .await
                        .unwrap_or_else(|_| bail!("no answer within {LAST_ANSWERS_WITHIN:?}"))
                })
            })
            .collect();
        let mut failures = Vec::new();
        for connection in asking {
            match connection.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => failures.push(error),
                Err(error) => failures.push(error.into()),
            }
        }
        failures
    });
    let latencies = latencies.borrow().clone();
    Ok((latencies, failures))
}

/// One connection, until the time is over.
async fn ask_on_one(
    load: &Load,
    number: usize,
    window: Window,
    latencies: &RefCell<Histogram>,
) -> anyhow::Result<()> {
    let request = numbered(&load.request, number);
    let mut stream = TcpStream::connect(load.address).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; RESPONSE_BYTES_MAX];
    let mut asked = Instant::now();
    loop {
        stream.write_all(&request).await.context("cannot ask")?;
        let reply = receive(&mut stream, &mut buffer).await?;
        ensure!(reply.status == 200, "it answered {}", first_line(&buffer));
        let answered = Instant::now();
        if answered >= window.end {
            return Ok(());
        }
        if answered >= window.begin {
            latencies.borrow_mut().add(answered - asked);
        }
        asked = answered;
    }
}

/// The request with the number of a connection in the place of [`NUMBER`].
pub(crate) fn numbered(request: &[u8], number: usize) -> Vec<u8> {
    let at = request.windows(NUMBER.len()).position(|window| window == NUMBER.as_bytes());
    let mut numbered = request.to_vec();
    if let Some(at) = at {
        numbered[at..at + NUMBER.len()].copy_from_slice(format!("{number:04}").as_bytes());
    }
    numbered
}

/// Asks once, on a connection of its own, and gives the body of the answer.
///
/// # Errors
/// Where the answer is not a 200.
pub(crate) async fn ask_once(address: SocketAddr, request: &[u8]) -> anyhow::Result<Vec<u8>> {
    ask_for(address, request, 200).await
}

/// As [`ask_once`], for an answer of another status.
///
/// # Errors
/// Where the answer has not this status.
pub(crate) async fn ask_for(
    address: SocketAddr,
    request: &[u8],
    status: u16,
) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await.context("cannot connect")?;
    stream.write_all(request).await.context("cannot ask")?;
    let mut buffer = vec![0; RESPONSE_BYTES_MAX];
    let reply = receive(&mut stream, &mut buffer).await?;
    ensure!(reply.status == status, "it answered {}", first_line(&buffer));
    Ok(buffer[reply.head_bytes..reply.bytes].to_vec())
}

/// Asks for each of `requests` once, on connections that stay open, and gives how long each took, in
/// their order.
///
/// # Errors
/// Where an answer is not a 200 whose body holds `answer`.
pub(crate) async fn ask_each(
    address: SocketAddr,
    requests: &[Vec<u8>],
    connections: usize,
    answer: &[u8],
) -> anyhow::Result<Vec<Duration>> {
    let share = requests.len().div_ceil(connections).max(1);
    let asking = requests.chunks(share).map(|requests| async move {
        let mut stream = TcpStream::connect(address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let mut buffer = vec![0; RESPONSE_BYTES_MAX];
        let mut times = Vec::with_capacity(requests.len());
        for request in requests {
            let asked = Instant::now();
            stream.write_all(request).await.context("cannot ask")?;
            let reply = receive(&mut stream, &mut buffer).await?;
            times.push(asked.elapsed());
            ensure!(reply.status == 200, "it answered {}", first_line(&buffer));
            let body = &buffer[reply.head_bytes..reply.bytes];
            ensure!(
                body.windows(answer.len()).any(|part| part == answer),
                "{:?} was answered with {:?}",
                String::from_utf8_lossy(request),
                String::from_utf8_lossy(body)
            );
        }
        anyhow::Ok(times)
    });
    Ok(futures::future::try_join_all(asking).await?.concat())
}

async fn receive(stream: &mut TcpStream, buffer: &mut [u8]) -> anyhow::Result<reply::Reply> {
    let mut filled = 0;
    loop {
        ensure!(filled < buffer.len(), "a response is larger than {RESPONSE_BYTES_MAX} bytes");
        let received = stream.read(&mut buffer[filled..]).await.context("cannot read")?;
        ensure!(received > 0, "the connection was closed before the answer's end");
        filled += received;
        if let Some(reply) = reply::read(&buffer[..filled])? {
            ensure!(filled == reply.bytes, "more came than was asked for");
            return Ok(reply);
        }
    }
}

fn first_line(response: &[u8]) -> String {
    let line = response.split(|byte| *byte == b'\r').next().unwrap_or_default();
    format!("{:?}", String::from_utf8_lossy(line))
}

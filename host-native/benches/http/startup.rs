//! How long a server takes from the start of its process to its first answer, and what it then
//! holds of memory.
//!
//! One iteration is a process: started, asked once it says where it listens, answered with a 200,
//! killed. The components were compiled before; the pages of every file are in memory.

use super::apps::App;
use super::load;
use super::process::Server;
use super::report::Figure;
use super::sample::median;
use anyhow::Context as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a host without requests is left alone before its memory is read.
const IDLE: Duration = Duration::from_millis(500);
/// What the demo and the bare server answer first.
const FIRST_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n";
/// Requests at once when the memory of instances is measured: each gets one of its own.
const INSTANCES: usize = 200;
/// The bench's guest `wait` answers after this.
const WAIT: Duration = Duration::from_secs(1);

/// Measures the start of the whole demo beside the bare server's, and its memory when idle.
///
/// # Errors
/// Where a server does not start or answer.
pub(crate) fn measure(
    runtime: &tokio::runtime::Runtime,
    folder: &Path,
    starts: usize,
) -> anyhow::Result<Vec<Figure>> {
    let (mut demo, mut bare) = (Vec::new(), Vec::new());
    // Not counted: these fill the caches of the system.
    start(runtime, App::Demo, folder)?;
    start(runtime, App::Bare, folder)?;
    for _ in 0..starts {
        demo.push(start(runtime, App::Demo, folder)?.1.as_secs_f64() * 1e3);
        bare.push(start(runtime, App::Bare, folder)?.1.as_secs_f64() * 1e3);
    }
    let (server, _) = start(runtime, App::Demo, folder)?;
    std::thread::sleep(IDLE);
    let resident = server.resident_bytes()?;
    Ok(vec![
        Figure::new("start", median(demo), "ms"),
        Figure::new("start-hyper", median(bare), "ms"),
        Figure::new("resident-idle", mebibytes(resident), "MiB"),
    ])
}

/// A server that has answered once, and how long that took.
///
/// # Errors
/// Where it does not start or answer.
pub(crate) fn start(
    runtime: &tokio::runtime::Runtime,
    app: App,
    folder: &Path,
) -> anyhow::Result<(Server, Duration)> {
    let begin = Instant::now();
    let server = app.start(folder)?;
    runtime
        .block_on(load::ask_once(server.address, FIRST_REQUEST))
        .with_context(|| format!("the first request to {app:?}; {}", server.said()))?;
    Ok((server, begin.elapsed()))
}

/// Measures what an instance that has answered and waits for more holds of the host's memory.
///
/// # Errors
/// Where fewer instances than requests answered.
pub(crate) fn measure_instances(
    runtime: &tokio::runtime::Runtime,
    folder: &Path,
) -> anyhow::Result<Figure> {
    let server = App::Bench.start(folder)?;
    // As many connections before: what they leave behind is not the instances'.
    ask_at_once(runtime, &server, "/hello")?;
    let before = server.resident_bytes()?;
    let elapsed = ask_at_once(runtime, &server, "/wait")?;
    anyhow::ensure!(elapsed < WAIT * 2, "{INSTANCES} requests were not answered at once");
    let each = server.resident_bytes()?.saturating_sub(before) / INSTANCES as u64;
    Ok(Figure::new("resident-per-idle-instance", each as f64 / 1024.0, "KiB"))
}

/// Asks on many connections at once, closes them, and lets the host fall idle.
fn ask_at_once(
    runtime: &tokio::runtime::Runtime,
    server: &Server,
    path: &str,
) -> anyhow::Result<Duration> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n");
    let begin = Instant::now();
    runtime
        .block_on(async {
            let asking = (0..INSTANCES).map(|_| load::ask_once(server.address, request.as_bytes()));
            futures::future::try_join_all(asking).await
        })
        .with_context(|| format!("{path}; {}", server.said()))?;
    let elapsed = begin.elapsed();
    std::thread::sleep(IDLE);
    Ok(elapsed)
}

/// Bytes in MiB.
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

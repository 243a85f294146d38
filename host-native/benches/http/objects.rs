//! What durable objects cost beyond their requests, which are among the cases: a call without the
//! HTTP around it, a slow disk, waking, and very many of them.
//!
//! A call is one of some thousands that a guest makes in a row, timed by the guest. A wake is the
//! first request to an object whose file is there and closed, on a connection that is open. A start
//! is one of `startup`. Files that are never opened are links to one that is: a start does not read
//! them, and this is what is shown.

use super::apps::App;
use super::cases::BASELINE;
use super::effort::Effort;
use super::load::{self, Load};
use super::process::Server;
use super::report::{Figure, Row};
use super::sample::median;
use super::startup::{self, mebibytes};
use anyhow::Context as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Times that each caller is asked for its figure.
const CALLERS_ASKED: usize = 9;
/// How much longer each sync takes where the disk is to be slow: what a disk of a server takes.
const SYNC_DELAY: Duration = Duration::from_millis(2);
/// What the host takes for the state of its disk; see `storage/object/disk.rs`.
const DISK_FILE_VARIABLE: &str = "SELVEDGE_DISK_FILE";
/// Objects that are woken.
const WOKEN: usize = 400;
/// Objects that live at once.
const LIVE: usize = 10_000;
/// Connections that start them.
const STARTED_BY: usize = 64;
/// Objects on disk, few and many.
const ON_DISK: [usize; 2] = [10, 100_000];
/// Links to one file that every file system allows (ext4: 65 000).
const LINKS_MAX: usize = 30_000;
/// Writes of which the time is taken that the disk needs for one.
const SYNCS: usize = 200;

/// Measures all of it.
///
/// # Errors
/// Where a server does not answer as it should.
pub(crate) fn measure(
    runtime: &Runtime,
    effort: Effort,
    starts: usize,
) -> anyhow::Result<Vec<Figure>> {
    let mut figures = calls(runtime)?;
    figures.push(Figure::new("write-and-sync", write_and_sync()?, "ms"));
    figures.extend(slow_disk(effort)?);
    figures.extend(wakes(runtime)?);
    figures.push(live(runtime)?);
    figures.extend(on_disk(runtime, starts)?);
    Ok(figures)
}

/// How long a durable increment takes on one connection, beside what nobody can be faster than: a
/// bare answer and one write that is synced.
pub(crate) fn wait_beside_floor(rows: &[Row], figures: &[Figure]) -> Option<Figure> {
    let p50 = |name| {
        rows.iter().find(|row| row.name == name && row.connections == 1).map(|row| row.p50_ms)
    };
    let sync = figures.iter().find(|figure| figure.name == "write-and-sync")?.value;
    let times = p50("object-add-one")? / (p50(BASELINE)? + sync);
    Some(Figure::new("object-add-over-hyper-and-sync", times, "×"))
}

/// A call to a live object that writes nothing, beside one to the same component, composed.
fn calls(runtime: &Runtime) -> anyhow::Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let server = App::Bench.start(folder.path())?;
    let microseconds = |path| -> anyhow::Result<f64> {
        let body = runtime.block_on(load::ask_once(server.address, &get(path)))?;
        let text = String::from_utf8(body)?;
        let nanoseconds: f64 = text.parse().with_context(|| format!("{path} answered {text:?}"))?;
        Ok(nanoseconds / 1e3)
    };
    let (mut object, mut composed) = (Vec::new(), Vec::new());
    for _ in 0..CALLERS_ASKED {
        object.push(microseconds("/calls/object")?);
        composed.push(microseconds("/calls/composed")?);
    }
    let (object, composed) = (median(object), median(composed));
    Ok(vec![
        Figure::new("call-object", object, "µs"),
        Figure::new("call-composed", composed, "µs"),
        Figure::new("call-object-more", object - composed, "µs"),
    ])
}

/// Milliseconds of the median write and sync of a small file, where the servers keep theirs.
fn write_and_sync() -> anyhow::Result<f64> {
    let mut file = tempfile::tempfile()?;
    let mut times = Vec::new();
    for _ in 0..SYNCS {
        let begin = Instant::now();
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(times))
}

/// Durable increments where each sync takes 2 ms more: who waits at once shares them.
fn slow_disk(effort: Effort) -> anyhow::Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let disk = folder.path().join("disk");
    fs::write(&disk, format!("delay-us {}", SYNC_DELAY.as_micros()))?;
    let server = App::Demo.start_with(folder.path(), &[(DISK_FILE_VARIABLE, &disk)])?;
    let per_second = |connections, path: &str| -> anyhow::Result<f64> {
        let load = Load {
            address: server.address,
            request: post(path).into(),
            connections,
            warm_up: effort.warm_up,
            measured: effort.measured,
        };
        let outcome = load::put_on(&load, || server.processor_time());
        let counted = outcome.with_context(|| server.said())?.latencies.total();
        Ok(counted as f64 / effort.measured.as_secs_f64())
    };
    let alone = per_second(1, "/counter/one")?;
    let one = per_second(STARTED_BY, "/counter/one")?;
    let many = per_second(STARTED_BY, &format!("/counter/{}", load::NUMBER))?;
    Ok(vec![
        Figure::new("slow-disk-1-connection", alone, "requests/s"),
        Figure::new("slow-disk-64-on-one-object", one, "requests/s"),
        Figure::new("slow-disk-64-on-64-objects", many, "requests/s"),
        Figure::new("slow-disk-one-object-gain", one / alone, "×"),
        Figure::new("slow-disk-64-objects-gain", many / alone, "×"),
    ])
}

/// The first request to an object that is on disk, and the next.
fn wakes(runtime: &Runtime) -> anyhow::Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let server = App::Demo.start(folder.path())?;
    let stored: Vec<_> = (0..WOKEN).map(|index| post(&format!("/counter/w{index}"))).collect();
    runtime.block_on(load::ask_each(server.address, &stored, STARTED_BY, b"\"value\":1"))?;
    // Closed well, as an object is that was idle for a while.
    server.stop()?;
    let server = App::Demo.start(folder.path())?;
    let asked: Vec<_> = (0..WOKEN).map(|index| get(&format!("/counter/w{index}"))).collect();
    let mut milliseconds = Vec::new();
    for _ in 0..2 {
        let times = runtime.block_on(load::ask_each(server.address, &asked, 1, b"\"value\":1"))?;
        milliseconds.push(median(times.iter().map(|time| time.as_secs_f64() * 1e3).collect()));
    }
    Ok(vec![
        Figure::new("object-wake", milliseconds[0], "ms"),
        Figure::new("object-live", milliseconds[1], "ms"),
    ])
}

/// What a host with very many live objects, each of which has stored something, holds resident.
fn live(runtime: &Runtime) -> anyhow::Result<Figure> {
    let folder = tempfile::tempdir()?;
    let server = App::Demo.start(folder.path())?;
    let asked: Vec<_> = (0..LIVE).map(|index| post(&format!("/counter/l{index}"))).collect();
    // Asked twice, so that whoever was ended between would be found.
    for answer in [b"\"visits\":1", b"\"visits\":2"] {
        runtime
            .block_on(load::ask_each(server.address, &asked, STARTED_BY, answer))
            .with_context(|| server.said())?;
    }
    Ok(Figure::new("resident-10000-live-objects", mebibytes(server.resident_bytes()?), "MiB"))
}

/// Start and memory with few and with many objects on disk.
fn on_disk(runtime: &Runtime, starts: usize) -> anyhow::Result<Vec<Figure>> {
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    for (folder, count) in folders.iter().zip(ON_DISK) {
        let server = App::Demo.start(folder.path())?;
        runtime.block_on(load::ask_once(server.address, &post("/counter/first")))?;
        server.stop()?;
        lay_out(&App::Demo.data(folder.path()).join("objects/counter"), count)?;
    }
    let mut times = [Vec::new(), Vec::new()];
    let mut resident = [Vec::new(), Vec::new()];
    for _ in 0..=starts {
        for (index, folder) in folders.iter().enumerate() {
            let (server, took) = startup::start(runtime, App::Demo, folder.path())?;
            times[index].push(took.as_secs_f64() * 1e3);
            resident[index].push(mebibytes(server.resident_bytes()?));
        }
    }
    let [few, many] = times.map(median);
    let [few_resident, many_resident] = resident.map(median);
    Ok(vec![
        Figure::new("start-10-objects", few, "ms"),
        Figure::new("start-100000-objects", many, "ms"),
        Figure::new("start-100000-over-10-objects", many / few, "×"),
        Figure::new("resident-10-objects", few_resident, "MiB"),
        Figure::new("resident-100000-objects", many_resident, "MiB"),
        Figure::new("resident-100000-over-10-objects", many_resident / few_resident, "×"),
    ])
}

/// Puts files of so many objects into the folder of a class that has one.
fn lay_out(class: &Path, count: usize) -> anyhow::Result<()> {
    let mut source = first_file(class)?;
    for index in 1..count {
        let digits = class.join(format!("{:02x}", index % 256));
        if index <= 256 {
            fs::create_dir_all(&digits)?;
        }
        let path = digits.join(format!("{index:064x}.sqlite"));
        if index % LINKS_MAX == 0 {
            fs::copy(&source, &path)?;
            source = path;
        } else {
            fs::hard_link(&source, &path)?;
        }
    }
    Ok(())
}

fn first_file(class: &Path) -> anyhow::Result<PathBuf> {
    for digits in fs::read_dir(class)? {
        for file in fs::read_dir(digits?.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|kind| kind == "sqlite") {
                return Ok(path);
            }
        }
    }
    anyhow::bail!("no object has stored anything in {}", class.display())
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").into_bytes()
}

fn post(path: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

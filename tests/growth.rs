//! The Workers host does not grow: thirty thousand requests leave workerd as large as the first thousands
//! did. A third has bodies both ways to a service, a third the same through it to one object, and a third
//! calls a method of another object that asks an origin.
//!
//! It is no case: a case cannot see a process. `cargo test --release -p selvedge-conformance --test growth`.

use anyhow::{Context, Result, ensure};
use futures::{StreamExt as _, stream};
use selvedge_conformance::client;
use selvedge_conformance::host::{Host as _, Place, Running as _};
use selvedge_conformance::origin;
use selvedge_conformance::reply::Outcome;
use selvedge_conformance::step::Request;
use selvedge_conformance::workers::WorkersHost;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Requests in all.
const REQUESTS: usize = 30_000;
/// Requests after which workerd has what it needs: compiled code, and a heap that has grown to its use.
const WARM_AFTER: usize = 6_000;
/// Requests at once.
const AT_ONCE: usize = 16;
/// Bytes of each body, both ways.
const BODY_BYTES: usize = 2_000;
/// The most that workerd may have grown by in the end.
///
/// What a promise keeps of one who waits for it, some 6 KB, would be 130 MB. A heap that is collected now
/// and then differs by some tens of MB from look to look.
const GROWTH_MAX: u64 = 64 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn streaming_requests_leave_nothing_behind() -> Result<()> {
    ensure!(
        Path::new("/proc/self/statm").exists(),
        "this system has no /proc to read the size of a process from, so growth cannot be judged here"
    );
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).context("this program lies in no target folder")?;
    let folder = target.join("conformance/growth");
    std::fs::create_dir_all(&folder)?;
    let command = std::env::var_os("SELVEDGE_BIN").map(PathBuf::from);
    let command = command.unwrap_or_else(|| target.join("release/selvedge"));
    let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests");
    let host = WorkersHost::new(command, app, folder.join("bundle"))?;
    host.build().await?;
    let data = tempfile::tempdir()?;
    let place = Place {
        folder: data.path().to_owned(),
        log: folder.join("growth.log"),
        moves_clock: false,
    };
    let mut running = host.start(place).await?;
    let (address, process) = (running.address(), running.process_id().context("it has ended")?);

    let origin = format!("http://{}", origin::start().await?);
    ask(address, &origin, 0..WARM_AFTER).await?;
    let before = size_of_children(process)?;
    ask(address, &origin, WARM_AFTER..REQUESTS).await?;
    let after = size_of_children(process)?;
    running.stop(selvedge_conformance::step::Ending::Graceful).await?;
    let mebibytes = |bytes: u64| bytes / (1024 * 1024);
    println!("workerd has {} MiB, and had {} MiB", mebibytes(after), mebibytes(before));
    ensure!(
        after.saturating_sub(before) <= GROWTH_MAX,
        "workerd grew from {} to {} MiB in {} requests",
        mebibytes(before),
        mebibytes(after),
        REQUESTS - WARM_AFTER
    );
    Ok(())
}

/// Sends the requests of these numbers, and wants each body back.
async fn ask(address: SocketAddr, origin: &str, numbers: std::ops::Range<usize>) -> Result<()> {
    let mut replies =
        stream::iter(numbers.map(|number| one(address, origin, number))).buffer_unordered(AT_ONCE);
    while let Some(reply) = replies.next().await {
        reply?;
    }
    Ok(())
}

async fn one(address: SocketAddr, origin: &str, number: usize) -> Result<()> {
    let path = match number % 3 {
        0 => "/fresh/http/echo",
        1 => "/probe/objects/door?class=subject&name=growth&to=/echo",
        _ => "/probe/objects/run?name=growth-by-calls",
    };
    let fetches = number % 3 == 2;
    let body = match fetches {
        true => format!("body = '[[\"fetch\", \"{origin}/bytes/{BODY_BYTES}\"]]'"),
        false => format!("body-bytes = {BODY_BYTES}\nchunked = true"),
    };
    let request: Request = toml::from_str(&format!("path = {path:?}\nmethod = \"POST\"\n{body}"))?;
    let outcome = client::send(address, &request, || {}).await?;
    let is_whole = |body: &[u8]| match fetches {
        // What the object got, within what it tells.
        true => body.len() > BODY_BYTES,
        false => body.len() == BODY_BYTES,
    };
    let is_good = matches!(&outcome, Outcome::Reply(reply)
        if reply.status == 200 && is_whole(&reply.body) && reply.broken.is_none());
    ensure!(is_good, "request {number} to {path}: {}", outcome.summary());
    Ok(())
}

/// Bytes that the processes which `process` has started have resident.
fn size_of_children(process: u32) -> Result<u64> {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"))?;
    let mut sum = 0;
    for child in children.split_ascii_whitespace() {
        let status = std::fs::read_to_string(format!("/proc/{child}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = resident.and_then(|value| value.trim().strip_suffix(" kB"));
        sum += kibibytes.context("no VmRSS in kB")?.parse::<u64>()? * 1024;
    }
    ensure!(sum > 0, "process {process} has started nothing");
    Ok(sum)
}

//! Runs all cases on one host: the ones that only ask share a host and run at once; the ones that
//! stop it, or use it up, get their own.

use crate::case::Case;
use crate::differences::Differences;
use crate::host::{Host, Place, Running};
use crate::report::{self, Entry, Verdict};
use crate::run::{Target, is_alive, run};
use anyhow::{Error, Result, anyhow};
use futures::{StreamExt, stream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

/// Cases that run at once on the shared host.
const SHARED_AT_ONCE: usize = 4;
/// Hosts of their own that run at once.
const OWN_AT_ONCE: usize = 2;
/// The most that a case may take, whatever becomes of its host.
const CASE_WITHIN: Duration = Duration::from_secs(180);
/// The same where a guest computes for ever and nothing stops it: a little more than such cases
/// allow a host that does.
const BLOCKED_AFTER: Duration = Duration::from_secs(12);

/// Times that the removal of a folder is tried.
const REMOVALS: usize = 100;
/// The pause between two of them.
const REMOVE_EVERY: Duration = Duration::from_millis(20);

/// A case by name, as it was read.
pub type Named = (String, Result<Case>);

/// What all cases of a run have in common.
struct Suite<'a, H> {
    host: &'a H,
    differences: &'a Differences,
    /// The base URL of the origin server.
    origin: &'a str,
    /// Where the logs go.
    logs: PathBuf,
}

/// The host that cases share, and its folder; another one takes its place when it hangs or ends.
struct Shared<R> {
    running: R,
    folder: TempDir,
    /// How many there were before.
    replaced: usize,
}

/// Runs `cases` on `host`, says at once which do not pass, and gives what came of all, in their
/// order.
///
/// Where the host cannot be built or started, every case of it has failed.
///
/// # Errors
/// Where the folder for logs cannot be made.
pub async fn run_all<H: Host>(
    host: &H,
    cases: &[Named],
    differences: &Differences,
    origin: &str,
    folder: &Path,
) -> Result<Vec<Entry>> {
    let logs = folder.join(host.name());
    std::fs::create_dir_all(&logs)?;
    let suite = Suite { host, differences, origin, logs };
    let mut entries = Vec::new();
    let mut shared = Vec::new();
    let mut own = Vec::new();
    for (name, case) in cases {
        match case {
            Err(error) => {
                entries.push(suite.settle(name, Instant::now(), Err(anyhow!("{error:#}"))));
            }
            Ok(case) if case.own_host || suite.is_blocked_by(case) => own.push(case),
            Ok(case) => shared.push(case),
        }
    }
    match host.build().await {
        Err(error) => {
            let why = format!("the app could not be built: {error:#}");
            entries.extend(suite.none_run(shared.iter().chain(&own), &why));
        }
        Ok(()) => {
            let (judged, again) = suite.run_shared(&shared).await;
            entries.extend(judged);
            own.extend(again);
            entries.extend(suite.run_own(&own).await);
        }
    }
    entries.sort_by(|one, other| one.case.cmp(&other.case));
    Ok(entries)
}

impl<H: Host> Suite<'_, H> {
    /// Runs `cases` on one host. Gives also those whose host was gone when they had failed: which of
    /// the cases that run at once did that shows when each has a host of its own.
    async fn run_shared<'c>(&self, cases: &[&'c Case]) -> (Vec<Entry>, Vec<&'c Case>) {
        if cases.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let shared = match self.share(0).await {
            Ok(shared) => Mutex::new(shared),
            Err(error) => {
                let why = format!("the host could not start: {error:#}");
                return (self.none_run(cases.iter(), &why), Vec::new());
            }
        };
        let one = async |case: &&'c Case| {
            let start = Instant::now();
            let (address, log) = {
                let shared = shared.lock().await;
                (shared.running.address(), shared.running.log().clone())
            };
            let result = self.bounded(case, Target::Shared { address, log }).await;
            if result.is_err() && is_alive(address).await.is_err() {
                let mut shared = shared.lock().await;
                if shared.running.address() == address {
                    match self.share(shared.replaced + 1).await {
                        Ok(next) => {
                            let Shared { running, folder, .. } =
                                std::mem::replace(&mut *shared, next);
                            drop(running);
                            remove(folder).await;
                        }
                        Err(error) => return Ok(self.not_run(case, start, &error)),
                    }
                }
                return Err(*case);
            }
            Ok(self.settle(&case.name, start, result))
        };
        let ended: Vec<Result<Entry, &Case>> =
            stream::iter(cases.iter().map(one)).buffer_unordered(SHARED_AT_ONCE).collect().await;
        let Shared { running, folder, .. } = shared.into_inner();
        drop(running);
        remove(folder).await;
        let (mut judged, mut again) = (Vec::new(), Vec::new());
        for end in ended {
            match end {
                Ok(entry) => judged.push(entry),
                Err(case) => again.push(case),
            }
        }
        (judged, again)
    }

    async fn run_own(&self, cases: &[&Case]) -> Vec<Entry> {
        let one = async |case: &&Case| {
            let start = Instant::now();
            let name = case.name.replace('/', "-");
            match self.start(&name, case.moves_clock).await {
                Err(error) => self.not_run(case, start, &error),
                Ok((host, folder)) => {
                    let result = self.bounded(case, Target::Own(host)).await;
                    remove(folder).await;
                    self.settle(&case.name, start, result)
                }
            }
        };
        stream::iter(cases.iter().map(one)).buffer_unordered(OWN_AT_ONCE).collect().await
    }

    /// Runs `case` in the time that it has.
    async fn bounded(&self, case: &Case, target: Target<H::Running>) -> Result<()> {
        let most = if self.is_blocked_by(case) { BLOCKED_AFTER } else { CASE_WITHIN };
        let ended = timeout(most, run::<H::Running>(case, target, self.origin)).await;
        ended.unwrap_or_else(|_| Err(anyhow!("the case did not end in {most:?}")))
    }

    /// Whether `case` ends the host for all others, because nothing stops its guest.
    fn is_blocked_by(&self, case: &Case) -> bool {
        case.computes_for_ever && !self.host.limits_processor_time()
    }

    async fn share(&self, replaced: usize) -> Result<Shared<H::Running>> {
        let name = if replaced == 0 { "shared".to_owned() } else { format!("shared-{replaced}") };
        let (running, folder) = self.start(&name, false).await?;
        Ok(Shared { running, folder, replaced })
    }

    async fn start(&self, name: &str, moves_clock: bool) -> Result<(H::Running, TempDir)> {
        let folder = tempfile::tempdir()?;
        let log = self.logs.join(name).with_extension("log");
        let place = Place { folder: folder.path().to_owned(), log, moves_clock };
        Ok((self.host.start(place).await?, folder))
    }

    /// Cases for which there is no host at all: they have failed, also where a difference is known.
    fn none_run<'c>(&self, cases: impl Iterator<Item = &'c &'c Case>, why: &str) -> Vec<Entry> {
        println!("FAILED  {}: every case: {why}", self.host.name());
        let entry =
            |case: &&Case| self.entry(&case.name, Verdict::Failed, why.to_owned(), Duration::ZERO);
        cases.map(entry).collect()
    }

    /// A case whose host could not start, which no known difference excuses.
    fn not_run(&self, case: &Case, start: Instant, error: &Error) -> Entry {
        let why = format!("the host could not start: {error:#}");
        told(self.entry(&case.name, Verdict::Failed, why, start.elapsed()))
    }

    fn settle(&self, case: &str, start: Instant, result: Result<()>) -> Entry {
        let (outcome, mut why) = self.differences.judge(case, self.host.name(), result);
        if outcome == Verdict::Failed {
            why.push_str(&format!("\nlogs: {}", self.logs.display()));
        }
        told(self.entry(case, outcome, why, start.elapsed()))
    }

    fn entry(&self, case: &str, outcome: Verdict, why: String, took: Duration) -> Entry {
        let (area, _) = case.split_once('/').unwrap_or((case, ""));
        let (case, area) = (case.to_owned(), area.to_owned());
        Entry { case, area, host: self.host.name().to_owned(), outcome, why, took }
    }
}

/// Tells at once of an entry that did not pass.
fn told(entry: Entry) -> Entry {
    if entry.outcome != Verdict::Passed {
        println!("{}", report::line(&entry));
    }
    entry
}

/// Removes what a host kept. One that was just killed may take a moment to let go of it.
async fn remove(folder: TempDir) {
    let path = folder.keep();
    for _ in 0..REMOVALS {
        if tokio::fs::remove_dir_all(&path).await.is_ok() {
            return;
        }
        sleep(REMOVE_EVERY).await;
    }
    eprintln!("{} could not be removed", path.display());
}

//! Runs all cases on one host: the ones that only ask share a host and run at once; the ones that
//! stop it, or use it up, get their own.

use crate::case::Case;
use crate::differences::Differences;
use crate::host::{Host, Place, Running};
use crate::report::{self, Entry, Verdict};
use crate::run::{Target, run};
use anyhow::{Context, Result, anyhow};
use futures::{StreamExt, stream};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Cases that run at once on the shared host.
const SHARED_AT_ONCE: usize = 4;
/// Hosts of their own that run at once.
const OWN_AT_ONCE: usize = 2;

/// A case by name, as it was read.
pub type Named = (String, Result<Case>);

/// What all cases of a run have in common.
struct Suite<'a, H> {
    host: &'a H,
    differences: &'a Differences,
    /// The base URL of the origin server.
    origin: String,
    /// Where the logs go.
    logs: PathBuf,
}

/// Runs `cases` on `host`, prints a line for each, and gives what came of them, in their order.
///
/// Where the host cannot be built or started, every case of it has failed.
///
/// # Errors
/// Where the folder for logs cannot be made.
pub async fn run_all<H: Host>(
    host: &H,
    cases: Vec<Named>,
    differences: &Differences,
    origin: String,
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
            Err(error) => entries.push(suite.settle(&name, Instant::now(), Err(error))),
            Ok(case) if case.own_host => own.push(case),
            Ok(case) => shared.push(case),
        }
    }
    match host.build().await {
        Err(error) => {
            for case in shared.iter().chain(&own) {
                let why = anyhow!("the app could not be built: {error:#}");
                entries.push(suite.settle(&case.name, Instant::now(), Err(why)));
            }
        }
        Ok(()) => {
            entries.extend(suite.run_shared(&shared).await);
            entries.extend(suite.run_own(&own).await);
        }
    }
    entries.sort_by(|one, other| one.case.cmp(&other.case));
    Ok(entries)
}

impl<H: Host> Suite<'_, H> {
    async fn run_shared(&self, cases: &[Case]) -> Vec<Entry> {
        if cases.is_empty() {
            return Vec::new();
        }
        let started = self.start("shared", false).await;
        let (host, _folder) = match started {
            Ok(started) => started,
            Err(error) => {
                let failed = |case: &Case| {
                    let why = anyhow!("the host could not start: {error:#}");
                    self.settle(&case.name, Instant::now(), Err(why))
                };
                return cases.iter().map(failed).collect();
            }
        };
        let one = async |case: &Case| {
            let start = Instant::now();
            let target = Target::Shared { address: host.address(), log: host.log().clone() };
            let result = run::<H::Running>(case, target, &self.origin).await;
            self.settle(&case.name, start, result)
        };
        stream::iter(cases.iter().map(one)).buffer_unordered(SHARED_AT_ONCE).collect().await
    }

    async fn run_own(&self, cases: &[Case]) -> Vec<Entry> {
        let one = async |case: &Case| {
            let start = Instant::now();
            let result = async {
                let name = case.name.replace('/', "-");
                let started = self.start(&name, case.moves_clock).await;
                let (host, _folder) = started.context("the host could not start")?;
                run(case, Target::Own(host), &self.origin).await
            };
            self.settle(&case.name, start, result.await)
        };
        stream::iter(cases.iter().map(one)).buffer_unordered(OWN_AT_ONCE).collect().await
    }

    async fn start(
        &self,
        name: &str,
        moves_clock: bool,
    ) -> Result<(H::Running, tempfile::TempDir)> {
        let folder = tempfile::tempdir()?;
        let log = self.logs.join(name).with_extension("log");
        let place = Place { folder: folder.path().to_owned(), log, moves_clock };
        Ok((self.host.start(place).await?, folder))
    }

    fn settle(&self, case: &str, start: Instant, result: Result<()>) -> Entry {
        let host = self.host.name();
        let (outcome, mut why) = self.differences.judge(case, host, result);
        if outcome == Verdict::Failed {
            why.push_str(&format!("\nlogs: {}", self.logs.display()));
        }
        let (area, _) = case.split_once('/').unwrap_or((case, ""));
        let entry = Entry {
            case: case.to_owned(),
            area: area.to_owned(),
            host: host.to_owned(),
            outcome,
            why,
        };
        println!("{}", report::line(&entry, start.elapsed().as_millis()));
        entry
    }
}

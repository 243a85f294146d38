//! The Workers host: the app as `selvedge bundle` makes it, in a workerd on this machine.
//!
//! What runs a bundle is what its report says under `run`: a command that takes `--listen`,
//! `--persist` and `--vars-file` (`host-worker/bundle/run.mjs`).
//!
//! workerd asks the system for the time, so its clock is moved by a library that is loaded before
//! the system's own (`clock/`). It has no limit on processor time: that is the platform's.

use crate::host::{Host, Place, Running, SECRET, SECRET_VARIABLE};
use crate::log::Log;
use crate::process::Process;
use crate::step::Ending;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::json;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, OnceLock};
use tokio::process::Command;

/// The binding that the suite's secret of the environment is given by.
const SECRET_BINDING: &str = "SECRET_FROM_ENV";
/// The binding of its secret of a file.
const FILE_SECRET_BINDING: &str = "SECRET_FROM_FILE";
/// The binding of the key that tokens are signed with, a file too.
const TOKEN_KEY_BINDING: &str = "SECRET_JWT_KEY";

/// The bundle of an app.
#[derive(Debug)]
pub struct WorkersHost {
    command: PathBuf,
    app: PathBuf,
    bundle: PathBuf,
    /// The library that moves a clock.
    clock: PathBuf,
    run: OnceLock<Arc<[String]>>,
}

/// A workerd with the bundle.
#[derive(Debug)]
pub struct WorkersRunning {
    run: Arc<[String]>,
    clock: PathBuf,
    place: Place,
    log: Log,
    process: Process,
}

/// What is read of the report of `selvedge bundle --json`.
#[derive(Debug, Deserialize)]
struct Report {
    run: Vec<String>,
}

impl WorkersHost {
    /// What the command `selvedge` at `command` bundles of the app in `app`, in the folder
    /// `bundle`. The library that moves a clock is the one of this build.
    ///
    /// # Errors
    /// Where the running program lies in no target folder.
    pub fn new(command: PathBuf, app: PathBuf, bundle: PathBuf) -> Result<Self> {
        // This program is target/<profile>/deps/conformance-…
        let program = std::env::current_exe()?;
        let profile = program.ancestors().nth(2).context("no target folder")?;
        let clock = profile.join("libselvedge_conformance_clock.so");
        Ok(Self { command, app, bundle, clock, run: OnceLock::new() })
    }
}

impl Host for WorkersHost {
    type Running = WorkersRunning;

    fn name(&self) -> &'static str {
        "workers"
    }

    fn limits_processor_time(&self) -> bool {
        false
    }

    async fn build(&self) -> Result<()> {
        let mut bundle = Command::new(&self.command);
        bundle.arg("bundle").arg("--app").arg(&self.app).arg("--out").arg(&self.bundle);
        // The suite itself asks more of the bundle than the command would.
        bundle.args(["--json", "--no-verify"]).env(SECRET_VARIABLE, SECRET);
        bundle.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        let output = bundle.output().await.context("cannot run selvedge bundle")?;
        // With --json, the reason stands on standard output, too.
        let said = || String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{:?}: {}\n{}", bundle.as_std(), output.status, said());
        let report: Report = serde_json::from_slice(&output.stdout)
            .context("the report of selvedge bundle does not say how to run the bundle")?;
        let Ok(()) = self.run.set(report.run.into()) else { bail!("the app was built before") };
        Ok(())
    }

    async fn start(&self, place: Place) -> Result<WorkersRunning> {
        let run = Arc::clone(self.run.get().context("the app was not built")?);
        let secret = |file: &str| {
            let text = std::fs::read_to_string(self.app.join(file))?;
            anyhow::Ok(text.trim_end_matches('\n').to_owned())
        };
        let vars = json!({
            SECRET_BINDING: SECRET,
            FILE_SECRET_BINDING: secret("secret.txt")?,
            TOKEN_KEY_BINDING: secret("jwt-key.txt")?,
        });
        std::fs::write(place.folder.join("vars.json"), vars.to_string())?;
        let clock = self.clock.clone();
        if place.moves_clock {
            ensure!(clock.is_file(), "there is no {}; on Linux, build it", clock.display());
            std::fs::write(clock_file(&place), 0_u64.to_ne_bytes())?;
        }
        let log = Log::open(&place.log)?;
        let process = spawn(&run, &clock, &place, &log).await?;
        Ok(WorkersRunning { run, clock, place, log, process })
    }
}

impl WorkersRunning {
    /// The process whose child workerd is, until it has ended.
    pub fn process_id(&self) -> Option<u32> {
        self.process.id()
    }
}

impl Running for WorkersRunning {
    fn address(&self) -> SocketAddr {
        self.process.address()
    }

    fn log(&self) -> &Log {
        &self.log
    }

    async fn restart(&mut self, ending: Ending) -> Result<()> {
        self.process.end(ending).await?;
        self.process = spawn(&self.run, &self.clock, &self.place, &self.log).await?;
        Ok(())
    }

    async fn stop(&mut self, ending: Ending) -> Result<Option<i32>> {
        self.process.end(ending).await
    }

    fn set_clock_ahead(&mut self, seconds: u64) -> Result<()> {
        ensure!(self.place.moves_clock, "this host was started with a clock that cannot be moved");
        // In place: the file is mapped by the processes that read it.
        let file = std::fs::File::options().write(true).open(clock_file(&self.place))?;
        file.write_all_at(&seconds.to_ne_bytes(), 0)?;
        Ok(())
    }
}

fn clock_file(place: &Place) -> PathBuf {
    place.folder.join("clock")
}

async fn spawn(run: &[String], clock: &Path, place: &Place, log: &Log) -> Result<Process> {
    let (program, arguments) = run.split_first().context("an empty command runs nothing")?;
    let mut command = Command::new(program);
    command.args(arguments).args(["--listen", "127.0.0.1:0"]);
    command.arg("--persist").arg(place.folder.join("data"));
    command.arg("--vars-file").arg(place.folder.join("vars.json"));
    if place.moves_clock {
        command.env("LD_PRELOAD", clock).env("SELVEDGE_CLOCK_AHEAD", clock_file(place));
    }
    Process::start(command, log).await
}

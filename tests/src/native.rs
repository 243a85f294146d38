//! The native host: runs the command `selvedge` as a process.

use crate::host::{Host, Place, Running, SECRET, SECRET_VARIABLE};
use crate::log::Log;
use crate::process::Process;
use crate::step::Ending;
use anyhow::{Context, Result, ensure};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// The command `selvedge` and the app that it serves.
#[derive(Debug)]
pub struct NativeHost {
    command: PathBuf,
    app: PathBuf,
}

/// A process of `selvedge serve`.
#[derive(Debug)]
pub struct NativeRunning {
    command: PathBuf,
    app: PathBuf,
    place: Place,
    log: Log,
    process: Process,
}

impl NativeHost {
    /// The command `selvedge` that is at `command`, for the app in `app`.
    pub fn new(command: PathBuf, app: PathBuf) -> Self {
        Self { command, app }
    }
}

impl Host for NativeHost {
    type Running = NativeRunning;

    fn name(&self) -> &'static str {
        "native"
    }

    async fn build(&self) -> Result<()> {
        let mut build = Command::new(&self.command);
        build.arg("build").arg("--app").arg(&self.app).stdin(Stdio::null()).kill_on_drop(true);
        let status = build.status().await.context("cannot run selvedge build")?;
        ensure!(status.success(), "selvedge build --app {}: {status}", self.app.display());
        Ok(())
    }

    async fn start(&self, place: Place) -> Result<NativeRunning> {
        let log = Log::open(&place.log)?;
        let process = spawn(&self.command, &self.app, &place, &log).await?;
        let (command, app) = (self.command.clone(), self.app.clone());
        Ok(NativeRunning { command, app, place, log, process })
    }
}

impl Running for NativeRunning {
    fn address(&self) -> SocketAddr {
        self.process.address()
    }

    fn log(&self) -> &Log {
        &self.log
    }

    async fn restart(&mut self, ending: Ending) -> Result<()> {
        self.process.end(ending).await?;
        self.process = spawn(&self.command, &self.app, &self.place, &self.log).await?;
        Ok(())
    }

    async fn stop(&mut self, ending: Ending) -> Result<Option<i32>> {
        self.process.end(ending).await
    }

    fn set_clock_ahead(&mut self, seconds: u64) -> Result<()> {
        ensure!(self.place.moves_clock, "this host was started with a clock that cannot be moved");
        // Renamed into its place, so that the host never reads half a number.
        let next = self.place.folder.join("clock.next");
        std::fs::write(&next, seconds.to_string())?;
        std::fs::rename(&next, clock_file(&self.place))?;
        Ok(())
    }
}

fn clock_file(place: &Place) -> PathBuf {
    place.folder.join("clock")
}

async fn spawn(command: &Path, app: &Path, place: &Place, log: &Log) -> Result<Process> {
    let mut serve = Command::new(command);
    serve.arg("serve").arg("--app").arg(app);
    serve.args(["--listen", "127.0.0.1:0", "--log-format", "json"]);
    serve.arg("--data").arg(place.folder.join("data"));
    serve.env(SECRET_VARIABLE, SECRET).env_remove("SELVEDGE_LOG");
    if place.moves_clock {
        if !clock_file(place).exists() {
            std::fs::write(clock_file(place), "0")?;
        }
        serve.env("SELVEDGE_CLOCK_OFFSET_FILE", clock_file(place));
    }
    Process::start(serve, log).await
}

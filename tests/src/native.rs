//! The native host: runs the command `selvedge` as a process.

use crate::host::{Host, Place, Running, SECRET, SECRET_VARIABLE};
use crate::log::Log;
use crate::step::Ending;
use anyhow::{Context, Result, bail, ensure};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// The most that a start may take; a start with compiled components takes milliseconds.
const START_WITHIN: Duration = Duration::from_secs(60);
/// The most that a stop may take; a host drains for ten seconds at most.
const STOP_WITHIN: Duration = Duration::from_secs(20);

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
    process: Child,
    /// Kept open: a host whose output nobody reads must not fail.
    _output: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl NativeHost {
    /// The command at `SELVEDGE_BIN`, or else the one of this build, for the app in `app`.
    ///
    /// # Errors
    /// Where there is no such command.
    pub fn find(app: PathBuf) -> Result<Self> {
        let command = match std::env::var_os("SELVEDGE_BIN") {
            Some(path) => PathBuf::from(path),
            None => {
                // This program is target/<profile>/deps/conformance-…
                let program = std::env::current_exe()?;
                let profile = program.ancestors().nth(2).context("no target folder")?;
                profile.join("selvedge")
            }
        };
        ensure!(
            command.is_file(),
            "there is no {}; build it by `cargo build --release --workspace` or set SELVEDGE_BIN",
            command.display()
        );
        Ok(Self { command, app })
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
        let (process, output, address) = spawn(&self.command, &self.app, &place, &log).await?;
        let (command, app) = (self.command.clone(), self.app.clone());
        Ok(NativeRunning { command, app, place, log, process, _output: output, address })
    }
}

impl Running for NativeRunning {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn log(&self) -> &Log {
        &self.log
    }

    async fn restart(&mut self, ending: Ending) -> Result<()> {
        self.stop(ending).await?;
        let (process, output, address) =
            spawn(&self.command, &self.app, &self.place, &self.log).await?;
        (self.process, self._output, self.address) = (process, output, address);
        Ok(())
    }

    async fn stop(&mut self, ending: Ending) -> Result<Option<i32>> {
        match ending {
            Ending::Kill => self.process.start_kill()?,
            Ending::Graceful => {
                let id = self.process.id().context("the host has ended already")?;
                let kill = Command::new("kill").arg("-TERM").arg(id.to_string()).status().await?;
                ensure!(kill.success(), "kill -TERM {id}: {kill}");
            }
        }
        let ended = timeout(STOP_WITHIN, self.process.wait()).await;
        let status = ended.with_context(|| format!("the host runs on after {STOP_WITHIN:?}"))??;
        Ok(status.code())
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

async fn spawn(
    command: &Path,
    app: &Path,
    place: &Place,
    log: &Log,
) -> Result<(Child, BufReader<ChildStdout>, SocketAddr)> {
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
    serve.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);

    let mut process = serve.spawn().with_context(|| format!("cannot run {}", command.display()))?;
    let errors = process.stderr.take().context("no standard error")?;
    tokio::spawn(log.clone().follow(errors));
    let mut output = BufReader::new(process.stdout.take().context("no standard output")?);
    let mut line = String::new();
    match timeout(START_WITHIN, output.read_line(&mut line)).await {
        Err(_) => {
            bail!("the host said nothing for {START_WITHIN:?}; its log: {}", place.log.display())
        }
        Ok(read) => read?,
    };
    let address = line.trim().strip_prefix("listening on http://").with_context(|| {
        format!("the host did not start, but said {line:?}; its log: {}", place.log.display())
    })?;
    let address = address.parse().with_context(|| format!("{address:?} is no address"))?;
    Ok((process, output, address))
}

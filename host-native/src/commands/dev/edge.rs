//! Serves an app as a Worker in wrangler's local mode, and bundles anew what was changed.

use super::child::{self, Step};
use super::rounds::Rounds;
use super::{END_MAX, secrets};
use crate::app::App;
use crate::cli::DevArgs;
use crate::commands::build::progress::Progress;
use crate::edge::tools::Tools;
use crate::edge::wrangler;
use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

/// Serves until a signal ends it.
///
/// # Errors
/// Where there is no app, or this machine refuses something.
pub(super) fn run(args: &DevArgs) -> anyhow::Result<ExitCode> {
    let folder = super::folders_of(&args.app.app)?.app;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = Stop {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        };
        let progress = Progress::on_stderr();
        Dev { folder, listen: args.listen, stop, worker: None, progress }.run().await
    })
}

/// A signal asks for the end.
struct Stop {
    interrupt: Signals,
    terminate: Signals,
}

impl Stop {
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Builds and bundles what is changed.
struct Dev {
    folder: PathBuf,
    listen: SocketAddr,
    stop: Stop,
    /// The Worker, once there is one.
    worker: Option<Worker>,
    progress: Progress,
}

impl Dev {
    async fn run(&mut self) -> anyhow::Result<ExitCode> {
        let mut rounds = Rounds::new(&self.folder);
        loop {
            let ended = async {
                match &mut self.worker {
                    Some(worker) => worker.ended().await,
                    None => std::future::pending().await,
                }
            };
            let since = tokio::select! {
                since = rounds.next() => since,
                ended = ended => return ended,
                () = self.stop.asked() => break,
            };
            let bundled = match self.bundle().await? {
                Step::Stopped => break,
                Step::Failed => false,
                Step::Done => self.serve(since).await.map(|()| true).unwrap_or_else(|error| {
                    self.progress.error(&format!("{error:#}"));
                    false
                }),
            };
            if !bundled {
                self.progress.waits(self.worker.is_some());
            }
            rounds.end(bundled);
        }
        if let Some(worker) = self.worker.take() {
            worker.end().await?;
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn bundle(&mut self) -> anyhow::Result<Step> {
        let words = ["bundle", "--no-verify", "--app"].map(OsStr::new);
        let mut arguments = words.to_vec();
        arguments.push(self.folder.as_os_str());
        if self.worker.is_some() {
            arguments.push(OsStr::new("--quiet"));
        }
        child::run(&arguments, self.stop.asked()).await
    }

    /// Has what was bundled served in the place of what is.
    async fn serve(&mut self, since: Instant) -> anyhow::Result<()> {
        let app = App::open(&self.folder)?;
        let before = self.worker.take();
        let is_first = before.is_none();
        if let Some(before) = before {
            before.end().await?;
        }
        self.worker = Some(Worker::start(&app, self.listen, &self.progress)?);
        if !is_first {
            self.progress.swapped(app.manifest.name.as_str(), since.elapsed());
        }
        Ok(())
    }
}

/// Wrangler, which serves a bundle.
struct Worker {
    child: Child,
    /// They go with this, so that a signal must not end this process before.
    _secrets: tempfile::NamedTempFile,
}

impl Worker {
    fn start(app: &App, listen: SocketAddr, progress: &Progress) -> anyhow::Result<Self> {
        let tools = Tools::ready(progress)?;
        let folder = app.folders.bundle();
        let secrets = secrets::secrets(app)?;
        let mut command = tools.wrangler();
        command.arg("dev").arg("--config").arg(folder.join(wrangler::FILE));
        command.args(["--local", "--show-interactive-dev-session=false", "--inspector-port=0"]);
        command.arg("--ip").arg(listen.ip().to_string());
        command.arg("--port").arg(listen.port().to_string());
        command.arg("--persist-to").arg(app.folders.edge().join("state"));
        command.arg("--env-file").arg(secrets.path());
        command.current_dir(&folder);
        let child = Command::from(command).kill_on_drop(true).spawn();
        let child = child
            .with_context(|| format!("cannot start wrangler with {}", tools.node.display()))?;
        Ok(Self { child, _secrets: secrets })
    }

    /// Waits until it ends of itself.
    async fn ended(&mut self) -> anyhow::Result<ExitCode> {
        let status = self.child.wait().await?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn end(mut self) -> std::io::Result<()> {
        // Ctrl-C has reached it already; whoever sends a signal to this process alone has not.
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
        if tokio::time::timeout(END_MAX, self.child.wait()).await.is_err() {
            self.child.kill().await?;
        }
        Ok(())
    }
}

//! Serves an app as a Worker in wrangler's local mode, and bundles anew what was changed.

use super::child::{self, Step};
use super::rounds::Rounds;
use super::worker::Worker;
use crate::app::App;
use crate::cli::DevArgs;
use crate::commands::build::progress::Progress;
use crate::commands::serve;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
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
        let Some(worker) = &mut self.worker else {
            let (worker, address) = Worker::start(&app, self.listen, &self.progress).await?;
            self.worker = Some(worker);
            serve::announce(&app.manifest, address);
            self.progress.begin("Watching", &format!("{}; Ctrl-C ends", self.folder.display()));
            return Ok(());
        };
        let what = app.manifest.name.as_str();
        if !worker.has_secrets_of(&app)? {
            // Wrangler reads them once.
            let address = worker.address;
            if let Some(worker) = self.worker.take() {
                worker.end().await?;
            }
            let (worker, _) = Worker::start(&app, address, &self.progress).await?;
            self.worker = Some(worker);
        } else if !worker.take(&app).await? {
            self.progress.done("Bundled", "the same as what is served", since.elapsed());
            return Ok(());
        }
        self.progress.swapped(what, since.elapsed());
        if let Some(worker) = &mut self.worker
            && worker.manifest != app.manifest
        {
            serve::announce_routes(&app.manifest, worker.address);
            worker.manifest = app.manifest;
        }
        Ok(())
    }
}

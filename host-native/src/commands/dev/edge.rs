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
        Dev { folder, listen: args.listen, worker: None, progress }.run(stop).await
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
    /// The Worker, once there is one.
    worker: Option<Worker>,
    progress: Progress,
}

impl Dev {
    async fn run(&mut self, mut stop: Stop) -> anyhow::Result<ExitCode> {
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
                () = stop.asked() => break,
            };
            let step = self.bundle(&mut stop).await?;
            rounds.built();
            let went_well = match step {
                Step::Stopped => break,
                Step::Failed => false,
                Step::Done => {
                    let served = tokio::select! {
                        served = self.serve(since) => served,
                        () = stop.asked() => break,
                    };
                    if let Err(error) = &served {
                        self.progress.error(&format!("{error:#}"));
                    }
                    served.is_ok()
                }
            };
            if !went_well {
                self.progress.waits(self.worker.is_some());
            }
            rounds.end(went_well);
        }
        if let Some(worker) = &mut self.worker {
            worker.end().await?;
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn bundle(&self, stop: &mut Stop) -> anyhow::Result<Step> {
        let [bundle, no_verify, quiet, app] =
            ["bundle", "--no-verify", "--quiet", "--app"].map(OsStr::new);
        let mut arguments = vec![bundle, no_verify, app, self.folder.as_os_str()];
        // What takes long, as the first bundle does, is worth some words.
        if self.worker.is_some() {
            arguments.push(quiet);
        }
        child::run(&arguments, stop.asked()).await
    }

    /// Has what was bundled served in the place of what is.
    async fn serve(&mut self, since: Instant) -> anyhow::Result<()> {
        let app = App::open(&self.folder)?;
        let what = app.manifest.name.as_str();
        let Some(worker) = &mut self.worker else {
            // Kept before it serves: a signal that comes meanwhile ends it as it should be ended.
            let worker = self.worker.insert(Worker::start(&app, self.listen, &self.progress)?);
            if let Err(error) = worker.serves().await {
                self.worker = None;
                return Err(error);
            }
            serve::announce(&app.manifest, worker.address);
            self.progress.begin("Watching", &format!("{}; Ctrl-C ends", self.folder.display()));
            return Ok(());
        };
        if !worker.has_secrets_of(&app)? {
            // Wrangler reads them once.
            worker.end().await?;
            *worker = Worker::start(&app, worker.address, &self.progress)?;
            worker.serves().await?;
        } else if !worker.take(&app).await? {
            self.progress.done("Bundled", "the same as what is served", since.elapsed());
            return Ok(());
        }
        self.progress.swapped(what, since.elapsed());
        if worker.manifest != app.manifest {
            serve::announce_routes(&app.manifest, worker.address);
            worker.manifest = app.manifest;
        }
        Ok(())
    }
}

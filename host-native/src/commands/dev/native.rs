//! Serves an app by this host, and swaps what was changed: the loop runs on a thread of its own beside
//! the one that accepts connections.

use super::child::{self, Step};
use super::rounds::Rounds;
use crate::app::App as Folder;
use crate::cli::DevArgs;
use crate::commands::build::progress::Progress;
use crate::commands::serve::{self, House};
use crate::dispatch::App;
use crate::server::{self, Edition};
use anyhow::Context as _;
use selvedge_contract::manifest::Manifest;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};

/// Serves until a signal ends it.
///
/// # Errors
/// Where there is no app, or this machine refuses something.
pub(super) fn run(args: &DevArgs) -> anyhow::Result<ExitCode> {
    serve::allow_many_files();
    let folders = super::folders_of(&args.app.app)?;
    let house = serve::open_house(&folders.data())?;
    let (editions, incoming) = mpsc::unbounded_channel();
    let (tell_address, address) = oneshot::channel();
    let (folder, served, progress) = (folders.app, None, Progress::on_stderr());
    let mut dev = Dev { folder, house, editions, served, address: None, progress };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let developing = std::thread::Builder::new().name("dev".to_owned()).spawn(move || {
        let outcome = runtime.block_on(dev.run(address));
        // Its channel closes with it, for those who wait for the first edition.
        (dev.house, outcome)
    })?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let served = server::serve(incoming, args.listen, cores, |address| {
        let _ = tell_address.send(address);
    });
    // It has heard of the end by its channel, and ends what it was building.
    let developed = developing.join().map_err(|_| anyhow::anyhow!("the watching thread failed"))?;
    let (house, outcome) = developed;
    served?;
    outcome?;
    house.close();
    Ok(ExitCode::SUCCESS)
}

/// Builds what is changed, and swaps it.
struct Dev {
    folder: PathBuf,
    house: House,
    editions: mpsc::UnboundedSender<Edition>,
    /// What is served, once something is.
    served: Option<Served>,
    address: Option<SocketAddr>,
    progress: Progress,
}

struct Served {
    app: Arc<App>,
    manifest: Manifest,
}

impl Dev {
    async fn run(&mut self, address: oneshot::Receiver<SocketAddr>) -> anyhow::Result<()> {
        let mut address = Some(address);
        let mut rounds = Rounds::new(&self.folder);
        loop {
            let since = tokio::select! {
                since = rounds.next() => since,
                () = self.editions.closed() => return Ok(()),
            };
            let step = self.build().await?;
            if step == Step::Stopped {
                return Ok(());
            }
            rounds.built();
            let mut went_well = step == Step::Done;
            if went_well && let Err(error) = self.swap(since, &mut address).await {
                self.progress.error(&format!("{error:#}"));
                went_well = false;
            }
            if self.editions.is_closed() {
                return Ok(());
            }
            if !went_well {
                self.progress.waits(self.served.is_some());
            }
            rounds.end(went_well);
        }
    }

    async fn build(&self) -> anyhow::Result<Step> {
        let (build, quiet, app) = (OsStr::new("build"), OsStr::new("--quiet"), OsStr::new("--app"));
        let mut arguments = vec![build, app, self.folder.as_os_str()];
        // What takes long, as the first build does, is worth some words.
        if self.served.is_some() {
            arguments.push(quiet);
        }
        child::run(&arguments, self.editions.closed()).await
    }

    /// Opens what was built, and has it served in the place of what is.
    async fn swap(
        &mut self,
        since: Instant,
        address: &mut Option<oneshot::Receiver<SocketAddr>>,
    ) -> anyhow::Result<()> {
        let folder = Folder::open(&self.folder)?;
        let before = self.served.take();
        let opened = self.house.open(&folder, before.as_ref().map(|it| &*it.app));
        let app = match opened {
            Ok(app) => Arc::new(app),
            Err(error) => {
                self.served = before;
                return Err(error);
            }
        };
        let (edition, taken) = Edition::new(Arc::clone(&app));
        // Where nobody takes it any more, the host is stopping.
        let _ = self.editions.send(edition);
        let was_taken = taken.await.is_ok();
        let now = Served { app, manifest: folder.manifest };
        if was_taken {
            self.tell(since, before.as_ref(), &now, address).await?;
        }
        self.served = Some(now);
        Ok(())
    }

    async fn tell(
        &mut self,
        since: Instant,
        before: Option<&Served>,
        now: &Served,
        address: &mut Option<oneshot::Receiver<SocketAddr>>,
    ) -> anyhow::Result<()> {
        if let Some(address) = address.take() {
            let address = address.await.context("the host did not start")?;
            self.address = Some(address);
            serve::announce(&now.manifest, address);
            self.progress.begin("Watching", &format!("{}; Ctrl-C ends", self.folder.display()));
        }
        let Some(before) = before else { return Ok(()) };
        let changed = changed(&before.app, &now.app);
        if !changed.is_empty() {
            self.progress.swapped(&list(&changed), since.elapsed());
        } else if before.manifest != now.manifest {
            self.progress.swapped(crate::app::MANIFEST_FILE, since.elapsed());
        } else {
            self.progress.done("Built", "the same as what is served", since.elapsed());
        }
        if let Some(address) = self.address.filter(|_| routes(before) != routes(now)) {
            serve::announce_routes(&now.manifest, address);
        }
        Ok(())
    }
}

fn routes(served: &Served) -> Vec<(String, String)> {
    let services = served.manifest.services.iter();
    let routes = services.flat_map(|(name, service)| {
        service.routes.iter().map(|route| (name.to_string(), route.to_string()))
    });
    routes.collect()
}

/// The services and classes of objects that are new, others than before, or gone.
fn changed<'a>(before: &'a App, now: &'a App) -> BTreeSet<&'a str> {
    let is_in =
        |app: &App, service: &Arc<_>| app.services.iter().any(|it| Arc::ptr_eq(it, service));
    let left = before.services.iter().filter(|service| !is_in(now, service));
    let come = now.services.iter().filter(|service| !is_in(before, service));
    let mut names: BTreeSet<&str> = left.chain(come).map(|service| &*service.name).collect();
    for (one, other) in [(before, now), (now, before)] {
        let goes_on = |name: &Arc<str>, class: &Arc<_>| {
            other.classes.get(name).is_some_and(|it| Arc::ptr_eq(it, class))
        };
        let others = one.classes.iter().filter(|(name, class)| !goes_on(name, class));
        names.extend(others.map(|(name, _)| &**name));
    }
    names
}

fn list(names: &BTreeSet<&str>) -> String {
    /// Names that people read.
    const NAMES_MAX: usize = 5;
    let shown: Vec<&str> = names.iter().copied().take(NAMES_MAX).collect();
    match names.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

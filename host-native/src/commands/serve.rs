//! `selvedge serve`: opens everything an app needs, and serves it.

mod edition;
mod prepare;

pub(super) use self::edition::{House, read_secret};

use crate::app::App as Folder;
use crate::capability::keyvalue::KeyValue;
use crate::cli::ServeArgs;
use crate::commands::build;
use crate::guest::object::directory::Objects;
use crate::guest::room::Rooms;
use crate::server::{self, Edition};
use crate::settings::Settings;
use crate::storage::alarms::AlarmIndex;
use crate::storage::journal::Journal;
use crate::storage::objects::ObjectFolder;
use crate::telemetry;
use anyhow::Context as _;
use rustix::process::{Resource, getrlimit, setrlimit};
use selvedge_contract::manifest::Manifest;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Serves until a signal ends it.
///
/// # Errors
/// Where anything that the app asks for is not there: nothing is served then.
pub(super) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    telemetry::start(args.log_format, &args.log)?;
    let folder = match Folder::open(&args.app.app) {
        Ok(folder) => folder,
        Err(error) => return build::tell_app_error(error),
    };
    if args.build && !build::build(&folder, &build::progress::Progress::on_stderr())?.is_built() {
        return Ok(ExitCode::FAILURE);
    }
    allow_many_files();
    let settings = Settings::resolve(args, &folder.folders);
    let mut house = open_house(&settings.data)?;
    let (edition, _) = Edition::new(Arc::new(house.open(&folder, None)?));
    let (editions, incoming) = mpsc::unbounded_channel();
    let _ = editions.send(edition);
    server::serve(incoming, settings.listen, settings.threads, |address| {
        announce(&folder.manifest, address);
    })?;
    house.close();
    Ok(ExitCode::SUCCESS)
}

/// Raises the soft bound on open files to the hard one: connections and objects need many.
pub(super) fn allow_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(cause = %error, "the bound on open files cannot be raised");
    }
}

/// How long to wait for the folder of the objects while another process has it.
///
/// Ours: as long as `selvedge object` waits for a host.
const HOLD_WAIT_MAX: Duration = Duration::from_secs(5);

/// Opens what every edition of an app is served with; `data` is where its stores are.
///
/// # Errors
/// Where this machine refuses something.
pub(super) fn open_house(data: &Path) -> anyhow::Result<House> {
    let rooms = Rooms::open()?;
    let stores = KeyValue::open(data)?;
    let objects = open_objects(data)?;
    stores.start_sweeping().context("cannot start the sweep of expired keys")?;
    Ok(House { rooms, stores, objects, shapes: BTreeMap::new() })
}

/// Takes hold of what objects store.
fn open_objects(data: &Path) -> anyhow::Result<Arc<Objects>> {
    let folder = ObjectFolder::hold_within(data, HOLD_WAIT_MAX)?;
    let alarms = AlarmIndex::open(folder.path());
    let alarms = alarms.with_context(|| {
        format!("cannot use the index of alarms in {}", folder.path().display())
    })?;
    let journal = Journal::open(folder.path())
        .with_context(|| format!("cannot use the journal in {}", folder.path().display()))?;
    Ok(Objects::new(folder, journal, alarms))
}

/// Says where the app is served: one line for scripts, the routes for people.
pub(super) fn announce(manifest: &Manifest, address: SocketAddr) {
    print(&format!("listening on http://{address}\n{}", routes(manifest, address)));
}

/// Says which routes the app has now.
pub(super) fn announce_routes(manifest: &Manifest, address: SocketAddr) {
    print(&routes(manifest, address));
}

/// Every route, with the service that answers it.
fn routes(manifest: &Manifest, address: SocketAddr) -> String {
    let mut text = String::new();
    for (name, service) in &manifest.services {
        for route in &service.routes {
            let route = route.to_string();
            let at = if route.starts_with('/') { address.to_string() } else { String::new() };
            text.push_str(&format!("  {:<16} http://{at}{route}\n", name.as_str()));
        }
    }
    text
}

fn print(text: &str) {
    // A script may have closed the pipe after the first line; that is no reason to stop.
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

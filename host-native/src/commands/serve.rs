//! `selvedge serve`: opens everything an app needs, and serves it.

mod prepare;

use crate::app::App as Folder;
use crate::built::{Built, built};
use crate::capability::keyvalue::{Grants as StoreGrants, KeyValue};
use crate::capability::outbound::Allowed;
use crate::cli::ServeArgs;
use crate::commands::build;
use crate::dispatch::App;
use crate::guest::engine;
use crate::guest::object::class::Class;
use crate::guest::object::directory::Objects;
use crate::guest::room::{Room, Rooms};
use crate::guest::service::Service;
use crate::guest::state::Provision;
use crate::settings::Settings;
use crate::storage::alarms::AlarmIndex;
use crate::storage::journal::Journal;
use crate::storage::objects::ObjectFolder;
use crate::{server, telemetry};
use anyhow::Context as _;
use rustix::process::{Resource, getrlimit, setrlimit};
use selvedge_contract::manifest::{Composition, Grants, Manifest, SecretSource};
use selvedge_contract::names::Name;
use selvedge_contract::route::Table;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime_wasi_config::WasiConfigVariables;

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
    let engine = engine::open().map_err(anyhow::Error::from).context("cannot open the engine")?;
    let stores = KeyValue::open(&settings.data)?;
    let objects = open_objects(&settings.data)?;
    let shared = Shared { stores: Arc::clone(&stores), objects };
    let app = open(&folder, &engine, &shared)?;
    let objects = Arc::clone(&shared.objects);
    engine::start_ticking(&engine).context("cannot start the engine's clock")?;
    stores.start_sweeping().context("cannot start the sweep of expired keys")?;
    server::serve(Arc::new(app), settings.listen, settings.threads, |address| {
        announce(&folder.manifest, address);
    })?;
    objects.journal.close();
    Ok(ExitCode::SUCCESS)
}

/// Raises the soft bound on open files to the hard one: connections and objects need many.
fn allow_many_files() {
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
fn announce(manifest: &Manifest, address: SocketAddr) {
    let mut text = format!("listening on http://{address}\n");
    for (name, service) in &manifest.services {
        for route in &service.routes {
            let route = route.to_string();
            let at = if route.starts_with('/') { address.to_string() } else { String::new() };
            text.push_str(&format!("  {:<16} http://{at}{route}\n", name.as_str()));
        }
    }
    // A script may have closed the pipe after the first line; that is no reason to stop.
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// What all instances share.
struct Shared {
    stores: Arc<KeyValue>,
    objects: Arc<Objects>,
}

/// Opens every class of objects and every service of the app.
fn open(folder: &Folder, engine: &Engine, shared: &Shared) -> anyhow::Result<App> {
    let manifest = &folder.manifest;
    let built = built(folder, engine)?;
    let components = prepare::open(engine, &built)?;
    let first = prepare::link(manifest, engine, &built, &components)?;
    let (built, rooms) = rooms(manifest.clone(), first, built, components);
    let (mut services, mut classes) = (Vec::new(), Vec::new());
    let (mut routes, mut header_bytes_max) = (Table::default(), 0);
    for it in built.iter() {
        let provision = provide(folder, &it.composition, shared)?;
        match &it.composition {
            Composition::Service(name) => {
                let service = manifest.services.get(name).context("a service")?;
                header_bytes_max =
                    header_bytes_max.max(usize::try_from(service.limits.header_bytes)?);
                let index = services.len();
                for route in &service.routes {
                    routes.insert(route.clone(), index)?;
                }
                let (name, limits) = (Arc::from(name.as_str()), service.limits.clone());
                services.push(Arc::new(Service::new(name, limits, index, &rooms, provision)));
            }
            Composition::Object(name) => {
                let object = manifest.objects.get(name).context("a class of objects")?;
                let settings = (Arc::from(name.as_str()), object.serial, object.limits.clone());
                let class = Class::new(settings, classes.len(), &rooms, provision);
                classes.push(Arc::new(class.context("a class of objects that is linked")?));
            }
        }
    }
    shared.objects.set_classes(classes);
    let objects = Arc::clone(&shared.objects);
    Ok(App { services, routes, header_bytes_max, objects })
}

/// The rooms for the instances of an app, whose first is linked.
fn rooms(
    manifest: Manifest,
    first: Room,
    built: Vec<Built>,
    components: Vec<Component>,
) -> (Arc<[Built]>, Arc<Rooms>) {
    let built: Arc<[Built]> = built.into();
    let again = Arc::clone(&built);
    let open_second = move || {
        let begun = Instant::now();
        let engine = engine::open_second()?;
        let components = prepare::open_again(&engine, &again, &components)?;
        let room = prepare::link(&manifest, &engine, &again, &components)?;
        engine::start_ticking(&engine)?;
        let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(took_ms, "room for more instances was opened");
        Ok(room)
    };
    (built, Rooms::new(first, open_second))
}

/// Gathers what a composition is granted, and stops where something of it is not there.
fn provide(
    folder: &Folder,
    composition: &Composition,
    shared: &Shared,
) -> anyhow::Result<Arc<Provision>> {
    let Folder { folders, manifest } = folder;
    let (component, middleware) = manifest.composed(composition).context("a composition")?;
    let grants = manifest.grants_of(component, middleware);
    let mut config = WasiConfigVariables::new();
    for (key, value) in &grants.vars {
        config.insert(key, value);
    }
    for secret in &grants.secrets {
        let source = manifest.secrets.get(secret).context("a secret of the manifest")?;
        config.insert(secret.as_str(), read_secret(&folders.app, secret, source)?);
    }
    let Grants { keyvalue, allow_hosts, objects, .. } = grants;
    let name: Arc<str> = Arc::from(composition.name().as_str());
    Ok(Arc::new(Provision {
        service: Arc::clone(&name),
        component: Arc::from(component.as_str()),
        config,
        allowed: Arc::new(Allowed { service: name, hosts: allow_hosts }),
        stores: Arc::clone(&shared.stores),
        store_grants: Arc::new(StoreGrants::new(keyvalue, manifest.keyvalue.keys().cloned())),
        objects: Arc::clone(&shared.objects),
        object_grants: Arc::new(objects),
    }))
}

/// The value of a secret, from where the manifest says.
///
/// # Errors
/// Where it is not there: one sentence with the next step.
pub(super) fn read_secret(
    app: &Path,
    name: &Name,
    source: &SecretSource,
) -> anyhow::Result<String> {
    match source {
        SecretSource::Env(variable) => std::env::var(variable).map_err(|error| {
            anyhow::anyhow!("secret {name}: the environment variable {variable} is not usable ({error}); set it before serving")
        }),
        SecretSource::File(path) => {
            let path = app.join(path);
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("secret {name}: cannot read {}", path.display()))?;
            // Editors and `echo` end a file with a line break that is no part of the secret.
            Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
        }
    }
}

//! `selvedge serve`: opens everything an app needs, and serves it.

use crate::app::App as Folder;
use crate::built::{Built, built};
use crate::capability;
use crate::capability::durable::stub;
use crate::capability::keyvalue::{Grants as StoreGrants, KeyValue};
use crate::capability::outbound::Allowed;
use crate::cli::ServeArgs;
use crate::commands::build;
use crate::dispatch::App;
use crate::guest::engine;
use crate::guest::object::class::{Class, Shape};
use crate::guest::object::directory::Objects;
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
use selvedge_wasi::State;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};
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
    let linker = capability::link(engine)?;
    let built = built(folder, engine)?;
    let mut components = Vec::new();
    for it in &built {
        components.push((it, it.open(engine)?));
    }
    let shapes = shapes(engine, &components)?;
    let link = |it: &Built, component: &Component| -> anyhow::Result<Linker<State>> {
        let mut linker = linker.clone();
        for (class, shape) in callees(&folder.manifest, &it.composition, &it.imports, &shapes)? {
            stub::add_to_linker(&mut linker, engine, component, (class, shape))?;
        }
        Ok(linker)
    };
    let (mut services, mut classes) = (Vec::new(), Vec::new());
    let (mut routes, mut header_bytes_max) = (Table::default(), 0);
    for (it, component) in &components {
        let cannot = || format!("{} cannot be linked", it.composition);
        let linker = link(it, component).with_context(cannot)?;
        let provision = provide(folder, &it.composition, shared)?;
        match &it.composition {
            Composition::Service(name) => {
                let service = folder.manifest.services.get(name).context("a service")?;
                let pre = selvedge_wasi::prepare(&linker, component);
                let pre = pre.map_err(anyhow::Error::from).with_context(cannot)?;
                header_bytes_max =
                    header_bytes_max.max(usize::try_from(service.limits.header_bytes)?);
                for route in &service.routes {
                    routes.insert(route.clone(), services.len())?;
                }
                let (name, limits) = (Arc::from(name.as_str()), service.limits.clone());
                let service = Service::new(name, limits, engine.clone(), pre, provision);
                services.push(Arc::new(service));
            }
            Composition::Object(name) => {
                let object = folder.manifest.objects.get(name).context("a class of objects")?;
                let shape = shapes.get(name).context("a shape of each class")?;
                let settings = (Arc::from(name.as_str()), object.serial, object.limits.clone());
                let class = Class::new(settings, Arc::clone(shape), &linker, component, provision);
                let class = class.map_err(anyhow::Error::from).with_context(cannot)?;
                classes.push(Arc::new(class));
            }
        }
    }
    shared.objects.set_classes(classes);
    let objects = Arc::clone(&shared.objects);
    Ok(App { services, routes, header_bytes_max, objects })
}

/// What the objects of each class export.
fn shapes(
    engine: &Engine,
    components: &[(&Built, Component)],
) -> anyhow::Result<BTreeMap<Name, Arc<Shape>>> {
    let mut shapes = BTreeMap::new();
    for (it, component) in components {
        if let Composition::Object(class) = &it.composition {
            let shape = Shape::of(engine, component).map_err(anyhow::Error::from);
            let shape = shape.with_context(|| format!("{} cannot be served", it.composition))?;
            shapes.insert(class.clone(), Arc::new(shape));
        }
    }
    Ok(shapes)
}

/// The classes whose objects a composition calls by their own interface: of several with the same
/// interface the one that is granted. Where none is, calls are refused one by one.
fn callees<'s>(
    manifest: &Manifest,
    composition: &Composition,
    imports: &[String],
    shapes: &'s BTreeMap<Name, Arc<Shape>>,
) -> anyhow::Result<Vec<(&'s Name, &'s Arc<Shape>)>> {
    let (component, middleware) = manifest.composed(composition).context("a composition")?;
    let granted = manifest.grants_of(component, middleware).objects;
    let mut callees = Vec::new();
    for import in imports {
        let mut classes: Vec<_> =
            shapes.iter().filter(|(_, shape)| shape.interface == *import).collect();
        classes.sort_by_key(|(class, _)| !granted.contains(*class));
        if let [(first, _), (second, _), ..] = classes.as_slice()
            && granted.contains(*second)
        {
            anyhow::bail!(
                "{composition} imports {import}, which the objects of both \"{first}\" and \"{second}\" export; grant it one of them"
            );
        }
        callees.extend(classes.into_iter().next());
    }
    Ok(callees)
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

fn read_secret(app: &Path, name: &Name, source: &SecretSource) -> anyhow::Result<String> {
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

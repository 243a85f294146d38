//! `selvedge serve`: opens everything an app needs, and serves it.

use crate::app::App as Folder;
use crate::built::built_services;
use crate::capability;
use crate::capability::keyvalue::{Grants as StoreGrants, KeyValue};
use crate::capability::outbound::Allowed;
use crate::cli::ServeArgs;
use crate::commands::build;
use crate::dispatch::App;
use crate::guest::service::Service;
use crate::guest::state::Provision;
use crate::guest::{engine, load};
use crate::settings::Settings;
use crate::{server, telemetry};
use anyhow::Context as _;
use selvedge_contract::manifest::{Grants, Manifest, SecretSource};
use selvedge_contract::names::Name;
use selvedge_contract::route::Table;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use wasmtime::Engine;
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
    let settings = Settings::resolve(args, &folder.folders);
    let engine = engine::open().map_err(anyhow::Error::from).context("cannot open the engine")?;
    let stores = KeyValue::open(&settings.data)?;
    let app = open(&folder, &engine, &stores)?;
    engine::start_ticking(&engine).context("cannot start the engine's clock")?;
    stores.start_sweeping().context("cannot start the sweep of expired keys")?;
    server::serve(Arc::new(app), settings.listen, settings.threads, |address| {
        announce(&folder.manifest, address);
    })?;
    Ok(ExitCode::SUCCESS)
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

/// Opens every service of the app.
fn open(folder: &Folder, engine: &Engine, stores: &Arc<KeyValue>) -> anyhow::Result<App> {
    let linker = capability::link(engine)?;
    let (mut services, mut routes, mut header_bytes_max) = (Vec::new(), Table::default(), 0);
    for (index, built) in built_services(folder, engine)?.iter().enumerate() {
        let name = &built.name;
        let service = folder.manifest.services.get(name).context("a service of the manifest")?;
        let pre = load::prepare(&linker, &built.open(engine)?)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("service {name} cannot be linked"))?;
        let provision = provide(folder, name, stores)?;
        header_bytes_max = header_bytes_max.max(usize::try_from(service.limits.header_bytes)?);
        for route in &service.routes {
            routes.insert(route.clone(), index)?;
        }
        let name = Arc::from(name.as_str());
        let limits = service.limits.clone();
        services.push(Arc::new(Service::new(name, limits, engine.clone(), pre, provision)));
    }
    Ok(App { services, routes, header_bytes_max })
}

/// Gathers what a service is granted, and stops where something of it is not there.
fn provide(folder: &Folder, name: &Name, stores: &Arc<KeyValue>) -> anyhow::Result<Arc<Provision>> {
    let Folder { folders, manifest } = folder;
    let service = manifest.services.get(name).context("a service of the manifest")?;
    let grants = manifest.grants(service);
    let mut config = WasiConfigVariables::new();
    for (key, value) in &grants.vars {
        config.insert(key, value);
    }
    for secret in &grants.secrets {
        let source = manifest.secrets.get(secret).context("a secret of the manifest")?;
        config.insert(secret.as_str(), read_secret(&folders.app, secret, source)?);
    }
    let Grants { keyvalue, allow_hosts, .. } = grants;
    let service_name: Arc<str> = Arc::from(name.as_str());
    Ok(Arc::new(Provision {
        service: Arc::clone(&service_name),
        component: Arc::from(service.component.as_str()),
        config,
        allowed: Arc::new(Allowed { service: service_name, hosts: allow_hosts }),
        stores: Arc::clone(stores),
        store_grants: Arc::new(StoreGrants::new(keyvalue, manifest.keyvalue.keys().cloned())),
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

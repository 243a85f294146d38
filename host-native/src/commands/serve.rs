//! `selvedge serve`: opens everything an app needs, and serves it.

use crate::capability;
use crate::capability::keyvalue::{Grants as StoreGrants, KeyValue};
use crate::capability::outbound::Allowed;
use crate::cli::ServeArgs;
use crate::dispatch::App;
use crate::guest::service::Service;
use crate::guest::state::{Provision, State};
use crate::guest::{engine, load};
use crate::settings::Settings;
use crate::{server, telemetry};
use anyhow::Context as _;
use selvedge_contract::manifest::{Grants, Manifest, SecretSource};
use selvedge_contract::names::Name;
use selvedge_contract::route::Table;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};
use wasmtime_wasi_config::WasiConfigVariables;
use wasmtime_wasi_http::handler::ProxyPre;

/// Serves until a signal ends it.
///
/// # Errors
/// Where anything that the app asks for is not there: nothing is served then.
pub(super) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    telemetry::start(args.log_format, &args.log)?;
    let settings = Settings::resolve(args)?;
    let text = std::fs::read_to_string(settings.folders.manifest())?;
    let manifest = Manifest::parse(&text).map_err(|errors| anyhow::anyhow!("{}", errors[0]))?;
    let engine = engine::open().map_err(anyhow::Error::from).context("cannot open the engine")?;
    let stores = KeyValue::open(&settings.data)?;
    stores.start_sweeping()?;
    let app = open(&settings, &manifest, &engine, &stores)?;
    engine::start_ticking(&engine)?;
    stores.start_sweeping().context("cannot start the sweep of expired keys")?;
    server::serve(Arc::new(app), settings.listen, settings.threads, |address| {
        announce(&manifest, address)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn announce(manifest: &Manifest, address: std::net::SocketAddr) {
    println!("listening on http://{address}");
    let _ = std::io::stdout().flush();
    tracing::info!(app = manifest.name.as_str(), "serving at http://{address}");
}

/// Opens every service of the app.
fn open(
    settings: &Settings,
    manifest: &Manifest,
    engine: &Engine,
    stores: &Arc<KeyValue>,
) -> anyhow::Result<App> {
    let linker = capability::link(engine)?;
    let cache = load::Cache::new(settings.folders.cache());
    let (mut services, mut routes, mut header_bytes_max) = (Vec::new(), Table::default(), 0);
    for (index, (name, service)) in manifest.services.iter().enumerate() {
        let wasm = std::fs::read(settings.folders.service(name.as_str()))?;
        let component = load::open_compiled(engine, &cache.compile(engine, &wasm)?)?;
        let pre = link_service(&linker, &component)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("service {name} cannot be linked"))?;
        let provision = provide(settings, manifest, name, stores)?;
        header_bytes_max = header_bytes_max.max(usize::try_from(service.limits.header_bytes)?);
        for route in &service.routes {
            routes.insert(route.clone(), index)?;
        }
        let name = Arc::from(name.as_str());
        services.push(Arc::new(Service::new(
            name,
            service.limits.clone(),
            engine.clone(),
            pre,
            provision,
        )));
    }
    Ok(App { services, routes, header_bytes_max })
}

/// Finds out which of the two handlers a component exports.
fn link_service(
    linker: &Linker<State>,
    component: &Component,
) -> wasmtime::Result<ProxyPre<State>> {
    let pre = linker.instantiate_pre(component)?;
    match wasmtime_wasi_http::p3::bindings::ServicePre::new(pre.clone()) {
        Ok(pre) => Ok(ProxyPre::P3(pre)),
        Err(_) => Ok(ProxyPre::P2(wasmtime_wasi_http::p2::bindings::ProxyPre::new(pre)?)),
    }
}

/// Gathers what a service is granted, and stops where something of it is not there.
fn provide(
    settings: &Settings,
    manifest: &Manifest,
    name: &Name,
    stores: &Arc<KeyValue>,
) -> anyhow::Result<Arc<Provision>> {
    let service = manifest.services.get(name).context("a service of the manifest")?;
    let grants = manifest.grants(service);
    let mut config = WasiConfigVariables::new();
    for (key, value) in &grants.vars {
        config.insert(key, value);
    }
    for secret in &grants.secrets {
        let source = manifest.secrets.get(secret).context("a secret of the manifest")?;
        config.insert(secret.as_str(), read_secret(&settings.folders.app, secret, source)?);
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

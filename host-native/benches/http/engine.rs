//! What the host asks of its engine, without the host: opening a component, making an instance.
//!
//! The engine is the host's own, and so is the cache of compiled components.

use super::apps::App;
use super::process::own_resident_bytes;
use super::report::Figure;
use super::sample::median;
use anyhow::{Context as _, ensure};
use selvedge::guest::{engine, load};
use selvedge_wasi::{Host, State};
use std::any::Any;
use std::path::{Path, PathBuf};
use std::time::Instant;
use wasmtime::{Engine, ResourceLimiter, Store, StoreLimits};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi_config::WasiConfigVariables;
use wasmtime_wasi_http::handler::ProxyPre;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpHooks, default_hooks};

/// Instances that live at once when their memory is measured.
const INSTANCES: usize = 500;
/// Times that each component is opened.
const OPENINGS: usize = 50;
/// Times that an instance is made.
const INSTANTIATIONS: usize = 2_000;
/// An epoch that no bench lives to see.
const NEVER: u64 = u64::MAX / 2;

/// What the host adds to an instance, without the capabilities that a hello has not.
#[derive(Default)]
struct Bare {
    limits: StoreLimits,
    config: WasiConfigVariables,
}

impl Host for Bare {
    fn hooks(&mut self) -> &mut dyn WasiHttpHooks {
        default_hooks()
    }

    fn limiter(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.limits
    }

    fn config(&self) -> &WasiConfigVariables {
        &self.config
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// Measures the engine.
///
/// # Errors
/// Where a component was not built or cannot be run.
pub(crate) fn measure(runtime: &tokio::runtime::Runtime) -> anyhow::Result<Vec<Figure>> {
    // First, while the pool has no warm slots.
    let resident = runtime.block_on(resident_per_instance())?;
    let instantiate = runtime.block_on(instantiate())?;
    let openings = openings()?;
    let slowest = openings.iter().copied().fold(f64::NAN, f64::max);
    Ok(vec![
        Figure::new("open-component", median(openings), "ms"),
        Figure::new("open-component-slowest", slowest, "ms"),
        Figure::new("instantiate", instantiate, "µs"),
        Figure::new("resident-per-new-instance", resident, "KiB"),
    ])
}

/// Opens every service of the demo that calls no objects as a running host does: maps what was compiled, and links it.
fn openings() -> anyhow::Result<Vec<f64>> {
    let engine = engine::open()?;
    let linker = selvedge::capability::link(&engine)?;
    let folder = state_folder(App::Demo)?;
    let mut medians = Vec::new();
    for entry in std::fs::read_dir(folder.join("services"))? {
        let service = entry?.path();
        if service.extension().is_none_or(|kind| kind != "wasm") {
            continue;
        }
        let compiled = compiled(&engine, &folder, &service)?;
        // Services that call objects are linked with the classes of their app, which are not here.
        if selvedge_wasi::prepare(&linker, &load::open_compiled(&engine, &compiled)?).is_err() {
            continue;
        }
        let mut times = Vec::new();
        for _ in 0..OPENINGS {
            let begin = Instant::now();
            drop(selvedge_wasi::prepare(&linker, &load::open_compiled(&engine, &compiled)?)?);
            times.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        medians.push(median(times));
    }
    ensure!(!medians.is_empty(), "there is no service in {}", folder.display());
    Ok(medians)
}

/// Where the compiled form of `service` lies.
fn compiled(engine: &Engine, folder: &Path, service: &Path) -> anyhow::Result<PathBuf> {
    let wasm = std::fs::read(service)
        .with_context(|| format!("cannot read {}; run `selvedge build`", service.display()))?;
    load::Cache::new(folder.join("cache")).compile(engine, &wasm)
}

/// Makes a hello, and drops it, again and again; microseconds of the median.
async fn instantiate() -> anyhow::Result<f64> {
    let engine = engine::open()?;
    let hello = hello(&engine)?;
    let mut times = Vec::new();
    for _ in 0..INSTANTIATIONS {
        let begin = Instant::now();
        drop(live(&engine, &hello).await?);
        times.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    Ok(median(times))
}

/// KiB that each of many hellos holds resident before its first call.
async fn resident_per_instance() -> anyhow::Result<f64> {
    let engine = engine::open()?;
    let hello = hello(&engine)?;
    let first = live(&engine, &hello).await?;
    let mut instances = Vec::with_capacity(INSTANCES);
    let before = own_resident_bytes()?;
    for _ in 0..INSTANCES {
        instances.push(live(&engine, &hello).await?);
    }
    let after = own_resident_bytes()?;
    drop((first, instances));
    Ok(after.saturating_sub(before) as f64 / 1024.0 / INSTANCES as f64)
}

async fn live(engine: &Engine, hello: &ProxyPre<State>) -> anyhow::Result<Store<State>> {
    let wasi = WasiCtx::builder().build();
    let state = State::new(wasi, WasiHttpCtx::new(), Box::new(Bare::default()));
    let mut store = selvedge_wasi::store(engine, state);
    store.set_epoch_deadline(NEVER);
    selvedge_wasi::instantiate(hello, &mut store).await?;
    Ok(store)
}

/// The bench's own hello, ready to be instantiated.
fn hello(engine: &Engine) -> anyhow::Result<ProxyPre<State>> {
    let folder = state_folder(App::Bench)?;
    let compiled = compiled(engine, &folder, &folder.join("services/hello.wasm"))?;
    let component = load::open_compiled(engine, &compiled)?;
    Ok(selvedge_wasi::prepare(&selvedge_wasi::link(engine)?, &component)?)
}

fn state_folder(app: App) -> anyhow::Result<PathBuf> {
    Ok(app.folder().context("the bare server has no components")?.join(".selvedge"))
}

//! What the host asks of its engine, without the host: opening a component, making an instance.
//!
//! The engine is the host's own, and so is the cache of compiled components.

use super::apps::App;
use super::process::own_resident_bytes;
use super::report::Figure;
use super::rounds::median;
use anyhow::{Context as _, ensure};
use selvedge::guest::{engine, load};
use std::path::{Path, PathBuf};
use std::time::Instant;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView, default_hooks};

/// Instances that live at once when their memory is measured.
const INSTANCES: usize = 500;
/// Times that each component is opened.
const OPENINGS: usize = 50;
/// Times that an instance is made.
const INSTANTIATIONS: usize = 2_000;
/// An epoch that no bench lives to see.
const NEVER: u64 = u64::MAX / 2;

/// What an instance carries: as in the host, but without the capabilities that a hello has not.
struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: default_hooks(), table: &mut self.table, ctx: &mut self.http }
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

/// Opens every service of the demo as a running host does: read, find in the cache, map, link.
fn openings() -> anyhow::Result<Vec<f64>> {
    let engine = engine::open()?;
    let folder = state_folder(App::Demo)?;
    let cache = load::Cache::new(folder.join("cache"));
    let services: Vec<PathBuf> = std::fs::read_dir(folder.join("services"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    let mut medians = Vec::new();
    for service in
        services.iter().filter(|path| path.extension().is_some_and(|kind| kind == "wasm"))
    {
        let mut linker = linker(&engine)?;
        let component = open(&engine, &cache, service)?;
        // What the host has and this bench has not; never called.
        linker.define_unknown_imports_as_traps(&component)?;
        let mut times = Vec::new();
        for _ in 0..OPENINGS {
            let begin = Instant::now();
            linker.instantiate_pre(&open(&engine, &cache, service)?)?;
            times.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        medians.push(median(times));
    }
    ensure!(!medians.is_empty(), "there is no service in {}", folder.display());
    Ok(medians)
}

fn open(engine: &Engine, cache: &load::Cache, service: &Path) -> anyhow::Result<Component> {
    let wasm = std::fs::read(service)?;
    Ok(load::open_compiled(engine, &cache.compile(engine, &wasm)?)?)
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

async fn live(engine: &Engine, hello: &ServicePre<State>) -> anyhow::Result<Store<State>> {
    let state = State {
        wasi: WasiCtx::builder().build(),
        http: WasiHttpCtx::new(),
        table: ResourceTable::new(),
    };
    let mut store = Store::new(engine, state);
    store.set_epoch_deadline(NEVER);
    hello.instantiate_async(&mut store).await?;
    Ok(store)
}

/// The bench's own hello, ready to be instantiated.
fn hello(engine: &Engine) -> anyhow::Result<ServicePre<State>> {
    let folder = state_folder(App::Bench)?;
    let cache = load::Cache::new(folder.join("cache"));
    let component = open(engine, &cache, &folder.join("services/hello.wasm"))?;
    Ok(ServicePre::new(linker(engine)?.instantiate_pre(&component)?)?)
}

fn linker(engine: &Engine) -> anyhow::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    Ok(linker)
}

fn state_folder(app: App) -> anyhow::Result<PathBuf> {
    Ok(app.folder().context("the bare server has no components")?.join(".selvedge"))
}

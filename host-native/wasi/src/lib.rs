//! What an instance of the native host carries, and WASI linked for it.
//!
//! A crate of its own for one reason: the engine's linking code is generic over what an instance
//! carries, and takes minutes to compile. Here it is compiled for one concrete type, which changes
//! seldom; what the host adds to an instance is behind [`Host`].

use futures::channel::oneshot;
use std::any::Any;
use std::pin::Pin;
use wasmtime::component::{Accessor, Component, Instance, Linker, ResourceTable};
use wasmtime::{AsContextMut as _, Engine, ResourceLimiter, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_config::{WasiConfig, WasiConfigVariables};
use wasmtime_wasi_http::handler::{Prepared, Proxy, ProxyPre, Request, Response};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

/// What the host adds to an instance.
pub trait Host: Any + Send {
    /// The instance's way out, for outbound HTTP.
    fn hooks(&mut self) -> &mut dyn WasiHttpHooks;
    /// Its bounds on memory.
    fn limiter(&mut self) -> &mut dyn ResourceLimiter;
    /// Its vars and secrets.
    fn config(&self) -> &WasiConfigVariables;
    /// Itself, so that the host finds its own type again.
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

/// What an instance carries.
pub struct State {
    /// Its handles.
    pub table: ResourceTable,
    /// What the host adds.
    pub host: Box<dyn Host>,
    wasi: WasiCtx,
    http: WasiHttpCtx,
}

impl State {
    /// The state of a new instance.
    pub fn new(wasi: WasiCtx, http: WasiHttpCtx, host: Box<dyn Host>) -> Self {
        Self { table: ResourceTable::new(), host, wasi, http }
    }

    fn config(&mut self) -> WasiConfig<'_> {
        WasiConfig::new(self.host.config())
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: self.host.hooks(), table: &mut self.table, ctx: &mut self.http }
    }
}

/// A linker with WASI 0.2 and 0.3, HTTP and configuration.
///
/// # Errors
/// Where two of them define the same interface.
pub fn link(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_config::add_to_linker(&mut linker, State::config)?;
    Ok(linker)
}

/// Links a component, and finds out which of the two handlers it exports.
///
/// # Errors
/// Where it imports what is not linked, or in another shape, or exports neither handler.
pub fn prepare(linker: &Linker<State>, component: &Component) -> wasmtime::Result<ProxyPre<State>> {
    let pre = linker.instantiate_pre(component)?;
    let not_p3 = match wasmtime_wasi_http::p3::bindings::ServicePre::new(pre.clone()) {
        Ok(pre) => return Ok(ProxyPre::P3(pre)),
        Err(error) => error,
    };
    wasmtime_wasi_http::p2::bindings::ProxyPre::new(pre)
        .map(ProxyPre::P2)
        .map_err(|not_p2| wasmtime::format_err!("no handler fits: {not_p3:#}; {not_p2:#}"))
}

/// A store for a new instance, whose memory is held to its bounds.
pub fn store(engine: &Engine, state: State) -> Store<State> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| state.host.limiter());
    store
}

/// Makes an instance of a handler.
///
/// # Errors
/// Where there is no room for it, or its start traps.
pub async fn instantiate(
    pre: &ProxyPre<State>,
    store: &mut Store<State>,
) -> wasmtime::Result<Proxy> {
    pre.instantiate_async(store).await
}

/// The 0.3 handler of an instance that has one beside other exports.
///
/// # Errors
/// Where it has none, or one of another type.
pub fn handler_of(store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<Proxy> {
    wasmtime_wasi_http::p3::bindings::Service::new(store, instance).map(Proxy::P3)
}

/// Begins one request; the future ends when the guest has answered it, or broken down, and `reply`
/// has been told.
///
/// # Errors
/// Where the instance can take no request any more.
pub fn begin<'a>(
    proxy: &'a Proxy,
    accessor: &'a Accessor<State>,
    request: Request,
    reply: oneshot::Sender<wasmtime::Result<Response>>,
) -> wasmtime::Result<Pin<Box<dyn Future<Output = ()> + Send + 'a>>> {
    let prepared = accessor.with(|mut store| {
        Prepared::new(store.as_context_mut(), proxy, request, State::http, reply)
    })?;
    Ok(Box::pin(async move {
        // Whoever waits for the answer keeps the time; an error has gone to it, too.
        let _ = prepared.run(accessor, std::future::pending()).await;
    }))
}

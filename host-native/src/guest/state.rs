//! What an instance carries: its view of every capability, and its bounds.

use crate::capability::keyvalue::{Grants as StoreGrants, KeyValue, KeyValueView};
use crate::capability::logging::Output;
use crate::capability::outbound::{Allowed, Outbound};
use crate::guest::vitals::Vitals;
use selvedge_contract::failure::Failure;
use selvedge_contract::limits::Limits;
use std::sync::Arc;
use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_config::{WasiConfig, WasiConfigVariables};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Most elements that the tables of one instance may have in all.
///
/// Ours: Python's interpreter, the largest we know, has 12 000 functions.
const TABLE_ELEMENTS_MAX: usize = 100_000;

/// What a service is granted, resolved once: every instance of it gets a view of this.
pub(crate) struct Provision {
    /// The service's name.
    pub(crate) service: Arc<str>,
    /// Its component's name.
    pub(crate) component: Arc<str>,
    /// Vars and secrets.
    pub(crate) config: WasiConfigVariables,
    /// The hosts it may call.
    pub(crate) allowed: Arc<Allowed>,
    /// Every store of the app.
    pub(crate) stores: Arc<KeyValue>,
    /// The stores it may use.
    pub(crate) store_grants: Arc<StoreGrants>,
}

/// What an instance carries.
pub struct State {
    /// Its bound on memory.
    pub(crate) memory: MemoryLimit,
    wasi: WasiCtx,
    table: ResourceTable,
    http: WasiHttpCtx,
    outbound: Outbound,
    provision: Arc<Provision>,
}

impl State {
    /// The state of a new instance: nothing but what `provision` grants.
    pub(crate) fn new(provision: &Arc<Provision>, limits: &Limits, vitals: &Arc<Vitals>) -> Self {
        let mut http = WasiHttpCtx::new();
        let header_bytes = usize::try_from(limits.header_bytes).unwrap_or(usize::MAX);
        // The library counts a map's overhead, too: about as much again.
        http.set_field_size_limit(header_bytes.saturating_mul(2));
        let output = |stream| Output::new(stream, provision, vitals);
        Self {
            memory: MemoryLimit {
                bytes_max: limits.memory_bytes,
                bytes: 0,
                vitals: vitals.clone(),
            },
            // No files, no arguments, no environment, no sockets: a guest has what `wit/` declares.
            wasi: WasiCtx::builder().stdout(output("stdout")).stderr(output("stderr")).build(),
            table: ResourceTable::new(),
            http,
            outbound: Outbound::new(Arc::clone(&provision.allowed), limits),
            provision: Arc::clone(provision),
        }
    }

    /// The view of `wasi:config`.
    pub(crate) fn config(&mut self) -> WasiConfig<'_> {
        WasiConfig::new(&self.provision.config)
    }

    /// The view of `selvedge:keyvalue` and `wasi:keyvalue`.
    pub(crate) fn keyvalue(&mut self) -> KeyValueView<'_> {
        KeyValueView {
            table: &mut self.table,
            stores: &self.provision.stores,
            grants: &self.provision.store_grants,
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outbound, table: &mut self.table, ctx: &mut self.http }
    }
}

/// The bound on all memories of one instance together.
pub(crate) struct MemoryLimit {
    bytes_max: u64,
    bytes: u64,
    vitals: Arc<Vitals>,
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = u64::try_from(desired.saturating_sub(current)).unwrap_or(u64::MAX);
        let bytes = self.bytes.saturating_add(more);
        if bytes > self.bytes_max {
            // The guest may live on without; where it traps for it, this is why.
            self.vitals.set_cause(Failure::Memory);
            return Ok(false);
        }
        self.bytes = bytes;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}

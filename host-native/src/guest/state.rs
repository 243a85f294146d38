//! What an instance carries: its view of every capability, and its bounds.

use crate::capability::durable::DurableView;
use crate::capability::keyvalue::{Grants as StoreGrants, KeyValue, KeyValueView};
use crate::capability::logging::Output;
use crate::capability::outbound::{Allowed, Outbound};
use crate::clock::GuestClock;
use crate::guest::object::directory::Objects;
use crate::guest::object::own::Own as Object;
use crate::guest::room::Seat;
use crate::guest::vitals::Vitals;
use selvedge_contract::failure::Failure;
use selvedge_contract::names::Name;
use selvedge_wasi::{Host, State};
use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;
use wasmtime::ResourceLimiter;
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi_config::WasiConfigVariables;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpHooks};

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
    /// Every object of the app.
    pub(crate) objects: Arc<Objects>,
    /// The classes of objects that it may call.
    pub(crate) object_grants: Arc<BTreeSet<Name>>,
}

/// What this host adds to an instance's state.
struct Own {
    memory: MemoryLimit,
    outbound: Outbound,
    provision: Arc<Provision>,
    object: Option<Object>,
    /// Given back with the instance.
    _seat: Seat,
}

/// What a new instance may use.
pub(crate) struct Bounds {
    /// Bytes of all of its memories together.
    pub(crate) memory_bytes: u64,
    /// Bytes of the head of a message.
    pub(crate) header_bytes: u64,
    /// Milliseconds that an outbound request may take to each of its next steps.
    pub(crate) wall_ms: u64,
}

impl Host for Own {
    fn hooks(&mut self) -> &mut dyn WasiHttpHooks {
        &mut self.outbound
    }

    fn limiter(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.memory
    }

    fn config(&self) -> &WasiConfigVariables {
        &self.provision.config
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// The state of a new instance in a room: nothing but what `provision` grants. `object` is what an
/// object has of its own.
pub(crate) fn new(
    provision: &Arc<Provision>,
    bounds: &Bounds,
    vitals: &Arc<Vitals>,
    object: Option<Object>,
    seat: Seat,
) -> State {
    let mut http = WasiHttpCtx::new();
    let header_bytes = usize::try_from(bounds.header_bytes).unwrap_or(usize::MAX);
    // The library counts a map's overhead, too: about as much again.
    http.set_field_size_limit(header_bytes.saturating_mul(2));
    let name = object.as_ref().map(|object| &object.name);
    let output = |stream| Output::new(stream, provision, name, vitals);
    // No files, no arguments, no environment, no sockets: a guest has what `wit/` declares.
    let wasi = WasiCtx::builder()
        .stdout(output("stdout"))
        .stderr(output("stderr"))
        .wall_clock(GuestClock)
        .build();
    let memory = MemoryLimit {
        bytes_max: bounds.memory_bytes,
        bytes: 0,
        table_elements: 0,
        vitals: vitals.clone(),
    };
    let gate = object.as_ref().map(|object| Arc::clone(&object.shared));
    let outbound = Outbound::new(Arc::clone(&provision.allowed), bounds.wall_ms, gate);
    let provision = Arc::clone(provision);
    let own = Own { memory, outbound, provision, object, _seat: seat };
    State::new(wasi, http, Box::new(own))
}

/// The view of `selvedge:keyvalue` and `wasi:keyvalue`.
pub(crate) fn keyvalue(state: &mut State) -> KeyValueView<'_> {
    let State { table, host, .. } = state;
    let own = own(&mut **host);
    KeyValueView { table, stores: &own.provision.stores, grants: &own.provision.store_grants }
}

/// The view of `selvedge:durable`.
pub(crate) fn durable(state: &mut State) -> DurableView<'_> {
    let State { table, host, .. } = state;
    let own = own(&mut **host);
    DurableView {
        table,
        hooks: &mut own.outbound,
        object: own.object.as_ref(),
        objects: &own.provision.objects,
        grants: &own.provision.object_grants,
    }
}

fn own(host: &mut dyn Host) -> &mut Own {
    match host.as_any_mut().downcast_mut() {
        Some(own) => own,
        None => unreachable!("every state of this host is made by `new`"),
    }
}

/// The bound on all memories of one instance together.
pub(crate) struct MemoryLimit {
    bytes_max: u64,
    bytes: u64,
    /// Of all of its tables together.
    table_elements: usize,
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
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        let elements = self.table_elements.saturating_add(more);
        if elements > TABLE_ELEMENTS_MAX {
            return Ok(false);
        }
        self.table_elements = elements;
        Ok(true)
    }
}

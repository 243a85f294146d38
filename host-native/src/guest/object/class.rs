//! A class of objects, ready to be instantiated: shared by all serving threads.

use crate::guest::object::own::Own;
use crate::guest::room::{InRooms, Rooms};
use crate::guest::state::{self, Bounds, Provision};
use crate::guest::vitals::Vitals;
use selvedge_contract::limits::{EPOCH_TICK_MS, ObjectLimits};
use selvedge_wasi::State;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use wasmtime::component::types::{self, ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};
use wasmtime::{Engine, Store};
use wasmtime_wasi_http::handler::Proxy;

/// The interface of an object that handles alarms.
const ALARM_HANDLER: &str = "selvedge:durable/alarm-handler@0.1.0";
/// The interface of an object that is told of its start.
const LIFECYCLE: &str = "selvedge:durable/lifecycle@0.1.0";

/// A class of objects.
pub(crate) struct Class {
    /// Its name in the manifest.
    pub(crate) name: Arc<str>,
    /// Whether calls are made one at a time.
    pub(crate) serial: bool,
    /// What each of its objects may use.
    pub(crate) limits: ObjectLimits,
    /// What its component exports.
    pub(crate) shape: Arc<Shape>,
    /// What it is made of: an edition of the app that has the same goes on with this class.
    pub(crate) identity: String,
    linked: InRooms<Linked>,
    rooms: Arc<Rooms>,
    provision: Arc<Provision>,
    instances: AtomicU32,
    /// The app has another class of this name by now, or none.
    is_replaced: AtomicBool,
}

/// What a class is told of itself.
pub(crate) struct Settings {
    /// Its name in the manifest.
    pub(crate) name: Arc<str>,
    /// Whether calls are made one at a time.
    pub(crate) serial: bool,
    /// What each of its objects may use.
    pub(crate) limits: ObjectLimits,
    /// What it is made of.
    pub(crate) identity: String,
    /// What it is granted.
    pub(crate) provision: Arc<Provision>,
}

/// A class, linked for one room.
pub(crate) struct Linked {
    /// What its component exports.
    pub(crate) shape: Arc<Shape>,
    /// Ready to be instantiated.
    pub(crate) pre: InstancePre<State>,
    /// Memories of one instance.
    pub(crate) memories: u32,
}

/// What an object's component exports, found for each room.
pub(crate) struct Shape {
    /// The author's interface.
    pub(crate) interface: String,
    /// Its one resource.
    pub(crate) resource: String,
    /// The resource's methods. A class that is opened anew keeps their places, and a place whose
    /// method is gone stays empty: whoever knew the class before still calls the right one.
    pub(crate) methods: Vec<Option<Method>>,
    constructor: ComponentExportIndex,
    alarm_handler: Option<ComponentExportIndex>,
    lifecycle: Option<ComponentExportIndex>,
    answers_http: bool,
}

/// A method of the author's resource.
pub(crate) struct Method {
    /// As WIT encodes it: `[method]counter.add`.
    pub(crate) export: String,
    /// Its parameters, behind the object itself.
    pub(crate) parameters: Vec<Type>,
    /// Its result.
    pub(crate) result: Option<Type>,
    index: ComponentExportIndex,
}

/// An instance of a class, before it has run.
pub(crate) struct Instance {
    /// Its store.
    pub(crate) store: Store<State>,
    /// Its functions.
    pub(crate) functions: Functions,
}

/// The functions of one instance.
pub(crate) struct Functions {
    /// Makes the author's resource.
    pub(crate) constructor: wasmtime::component::Func,
    /// The methods, in the class's order.
    pub(crate) methods: Vec<Option<wasmtime::component::Func>>,
    /// Handles an alarm.
    pub(crate) alarm_handler: Option<wasmtime::component::Func>,
    /// Is told of the start.
    pub(crate) lifecycle: Option<wasmtime::component::Func>,
    /// Answers HTTP.
    pub(crate) http: Option<Proxy>,
}

impl Class {
    /// A class without objects that live.
    pub(crate) fn new(settings: Settings, linked: InRooms<Linked>, rooms: &Arc<Rooms>) -> Self {
        let Settings { name, serial, limits, identity, provision } = settings;
        let (shape, rooms) = (Arc::clone(&linked.first().shape), Arc::clone(rooms));
        let (instances, is_replaced) = (AtomicU32::new(0), AtomicBool::new(false));
        Self {
            name,
            serial,
            limits,
            shape,
            identity,
            linked,
            rooms,
            provision,
            instances,
            is_replaced,
        }
    }

    /// Says that the app has another class of this name, or none.
    pub(super) fn replace(&self) {
        self.is_replaced.store(true, Relaxed);
    }

    /// Whether the app has another class of this name, or none: its instances are to end soon.
    pub(super) fn is_replaced(&self) -> bool {
        self.is_replaced.load(Relaxed)
    }

    /// Takes a place among the live instances, if there is one.
    pub(crate) fn claim_instance(&self) -> bool {
        let most = self.limits.instances;
        let claimed = self
            .instances
            .fetch_update(Relaxed, Relaxed, |instances| (instances < most).then(|| instances + 1));
        claimed.is_ok()
    }

    /// Gives back what [`Self::claim_instance`] took.
    pub(crate) fn instance_ended(&self) {
        self.instances.fetch_sub(1, Relaxed);
    }

    /// Makes an instance.
    ///
    /// # Errors
    /// Where the process has no room for one more, the component's start traps, or it begins with
    /// more memory than it may have.
    pub(crate) async fn instantiate(
        &self,
        own: Own,
        vitals: &Arc<Vitals>,
    ) -> wasmtime::Result<Instance> {
        let ObjectLimits { wall_ms, cpu_ms, memory_bytes, .. } = self.limits;
        let header_bytes = selvedge_contract::limits::HEADER_BYTES_MAX;
        let bounds = Bounds { memory_bytes, header_bytes, wall_ms };
        let seat = self.rooms.take_seat(self.linked.first().memories).await?;
        let room = Arc::clone(&seat.room);
        let Linked { shape, pre, .. } = self.linked.of(&seat).await?;
        let state = state::new(&self.provision, &bounds, vitals, Some(own), seat);
        let mut store = selvedge_wasi::store(&room.engine, state);
        crate::guest::vitals::bound_cpu(&mut store, cpu_ms / EPOCH_TICK_MS, vitals);
        let instance = pre.instantiate_async(&mut store).await?;
        let mut find = |index: &ComponentExportIndex| {
            let function = instance.get_func(&mut store, index);
            function.ok_or_else(|| wasmtime::format_err!("an export of the object is no function"))
        };
        let constructor = find(&shape.constructor)?;
        let methods = shape.methods.iter();
        let methods = methods.map(|method| method.as_ref().map(|it| find(&it.index)).transpose());
        let methods = methods.collect::<wasmtime::Result<_>>()?;
        let alarm_handler = shape.alarm_handler.as_ref().map(&mut find).transpose()?;
        let lifecycle = shape.lifecycle.as_ref().map(&mut find).transpose()?;
        let http = match shape.answers_http {
            true => Some(selvedge_wasi::handler_of(&mut store, &instance)?),
            false => None,
        };
        let functions = Functions { constructor, methods, alarm_handler, lifecycle, http };
        Ok(Instance { store, functions })
    }
}

impl Shape {
    /// Finds out what an object's component exports. Methods that its class had `before` keep their
    /// places.
    ///
    /// # Errors
    /// Where it is no object: one sentence that says why.
    pub(crate) fn of(
        engine: &Engine,
        component: &Component,
        before: Option<&Self>,
    ) -> wasmtime::Result<Self> {
        let exports = component.component_type();
        let mut found: Option<(String, String, types::ComponentInstance)> = None;
        let mut answers_http = false;
        for (name, export) in exports.exports(engine) {
            answers_http |= crate::inspect::is_handler(name);
            if name.starts_with("selvedge:") || name.starts_with("wasi:") {
                continue;
            }
            let ComponentItem::ComponentInstance(interface) = export.ty else { continue };
            let items = interface.exports(engine);
            let resources: Vec<String> = items
                .filter(|(_, item)| matches!(item.ty, ComponentItem::Resource(_)))
                .map(|(name, _)| name.to_owned())
                .collect();
            let [resource] = resources.as_slice() else { continue };
            if let Some((other, ..)) = &found {
                wasmtime::bail!(
                    "it exports two interfaces with a resource, {other} and {name}; an object has one"
                );
            }
            found = Some((name.to_owned(), resource.clone(), interface));
        }
        let Some((interface, resource, exported)) = found else {
            wasmtime::bail!("it exports no interface with one resource")
        };
        let index = |parent: &str, name: &str| {
            let parent = component.get_export_index(None, parent)?;
            component.get_export_index(Some(&parent), name)
        };
        let prefix = format!("[method]{resource}.");
        let before = before.map(|shape| shape.methods.as_slice()).unwrap_or_default();
        let mut methods: Vec<Option<Method>> = before.iter().map(|_| None).collect();
        for (name, item) in exported.exports(engine) {
            if let ComponentItem::ComponentFunc(function) = item.ty
                && name.starts_with(&prefix)
                && let Some(index) = index(&interface, name)
            {
                let method = Method::new(name, index, &function);
                let place = before.iter().position(|it| method.is_as(it.as_ref()));
                match place.and_then(|place| methods.get_mut(place)) {
                    Some(slot) => *slot = Some(method),
                    None => methods.push(Some(method)),
                }
            }
        }
        let constructor = index(&interface, &format!("[constructor]{resource}"));
        let constructor = constructor.ok_or_else(|| {
            wasmtime::format_err!("the resource {resource} of {interface} has no constructor")
        })?;
        let (alarm_handler, lifecycle) =
            (index(ALARM_HANDLER, "handle"), index(LIFECYCLE, "start"));
        Ok(Self {
            interface,
            resource,
            methods,
            constructor,
            alarm_handler,
            lifecycle,
            answers_http,
        })
    }

    /// The method with a name, and its place.
    pub(crate) fn method(&self, export: &str) -> Option<(usize, &Method)> {
        let methods = self.methods.iter().enumerate();
        methods
            .filter_map(|(place, it)| Some((place, it.as_ref()?)))
            .find(|(_, it)| it.export == export)
    }

    /// Whether it handles alarms.
    pub(crate) fn handles_alarms(&self) -> bool {
        self.alarm_handler.is_some()
    }

    /// Whether it answers HTTP requests.
    pub(crate) fn answers_http(&self) -> bool {
        self.answers_http
    }
}

impl Method {
    fn new(export: &str, index: ComponentExportIndex, function: &ComponentFunc) -> Self {
        let export = export.to_owned();
        let parameters = function.params().skip(1).map(|(_, ty)| ty).collect();
        Self { export, parameters, result: function.results().next(), index }
    }

    /// Whether another class had the same method.
    fn is_as(&self, other: Option<&Self>) -> bool {
        other.is_some_and(|other| {
            self.export == other.export
                && self.parameters == other.parameters
                && self.result == other.result
        })
    }

    /// Whether a function that somebody imports is this method.
    pub(crate) fn fits(&self, imported: &ComponentFunc) -> bool {
        imported.params().skip(1).map(|(_, ty)| ty).eq(self.parameters.iter().cloned())
            && imported.results().next() == self.result
    }
}

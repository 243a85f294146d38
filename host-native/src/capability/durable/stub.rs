//! Typed stubs: the interface of an object's author, as others import it.
//!
//! The constructor makes a handle that holds class and name, and nothing else; dropping it forgets
//! only that. A method takes its arguments out of the caller's instance as values, and puts the
//! result back in the same way.

use crate::guest::object::class::{Class, Method, Shape};
use crate::guest::object::directory::Objects;
use crate::guest::object::mailbox::{Call, CallError, Event};
use crate::guest::object::own::Shared;
use crate::guest::state;
use selvedge_contract::names::Name;
use selvedge_wasi::State;
use std::sync::Arc;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, Linker, Resource, ResourceAny, ResourceType, Val};
use wasmtime::{AsContextMut as _, Engine, StoreContextMut};

/// What a guest's handle stands for.
#[derive(Debug)]
struct Stub {
    name: Arc<str>,
}

/// How a method says that the platform failed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Failing {
    /// Its error type is the platform's own.
    Whole,
    /// A case of its error type holds the platform's error.
    Case(String),
    /// It cannot: the caller ends.
    Trap,
}

/// The cases of `selvedge:durable/types.error`, and whether each has a text.
pub(crate) const ERROR_CASES: [(&str, bool); 6] = [
    ("no-such-class", false),
    ("access-denied", false),
    ("overloaded", false),
    ("reset", true),
    ("timeout", false),
    ("invalid", true),
];

/// Links the interface of a class's author for a component that imports it.
///
/// # Errors
/// Where the component imports it in another shape: one sentence that says which function.
pub(crate) fn add_to_linker(
    linker: &mut Linker<State>,
    engine: &Engine,
    component: &Component,
    (class, shape): (&Name, &Arc<Shape>),
) -> wasmtime::Result<()> {
    let world = component.component_type();
    let interface = shape.interface.as_str();
    let Some(import) = world.get_import(engine, interface) else { return Ok(()) };
    let ComponentItem::ComponentInstance(imported) = import.ty else { return Ok(()) };
    let mut instance = linker.instance(interface)?;
    let resource = shape.resource.as_str();
    instance.resource(resource, ResourceType::host::<Stub>(), |mut store, rep| {
        let stub: Resource<Stub> = Resource::new_own(rep);
        store.data_mut().table.delete(stub)?;
        Ok(())
    })?;
    for (name, item) in imported.exports(engine) {
        let ComponentItem::ComponentFunc(function) = item.ty else { continue };
        if name == format!("[constructor]{resource}") {
            instance.func_new(name, construct)?;
            continue;
        }
        let found = shape.method(name).filter(|(_, method)| method.fits(&function));
        let Some((index, method)) = found else {
            wasmtime::bail!(
                "its import {interface} has {name} in another shape than the objects of class \"{class}\"; build both with the same WIT"
            );
        };
        let call = MethodCall::new(class, index, method, &function);
        if function.async_() {
            instance.func_new_concurrent(name, move |accessor, _, arguments, results| {
                let call = call.clone();
                Box::pin(async move {
                    let made =
                        accessor.with(|mut store| call.make(store.as_context_mut(), arguments))?;
                    finish(made.run().await, results)
                })
            })?;
        } else {
            instance.func_new_async(name, move |mut store, _, arguments, results| {
                let made = call.make(store.as_context_mut(), arguments);
                Box::new(async move { finish(made?.run().await, results) })
            })?;
        }
    }
    Ok(())
}

/// Links a stand-in for an interface of objects that are not there yet, so that everything else of a
/// component can be judged.
///
/// # Errors
/// Where it is linked already.
pub(crate) fn stand_in(
    linker: &mut Linker<State>,
    engine: &Engine,
    component: &Component,
    interface: &str,
) -> wasmtime::Result<()> {
    let world = component.component_type();
    let Some(import) = world.get_import(engine, interface) else { return Ok(()) };
    let ComponentItem::ComponentInstance(imported) = import.ty else { return Ok(()) };
    let mut instance = linker.instance(interface)?;
    for (name, item) in imported.exports(engine) {
        match item.ty {
            ComponentItem::Resource(_) => {
                instance.resource(name, ResourceType::host::<Stub>(), |_, _| Ok(()))?;
            }
            ComponentItem::ComponentFunc(function) if function.async_() => {
                instance.func_new_concurrent(name, |_, _, _, _| {
                    Box::pin(async { wasmtime::bail!("nothing is called while building") })
                })?;
            }
            ComponentItem::ComponentFunc(_) => instance
                .func_new(name, |_, _, _, _| wasmtime::bail!("nothing is called while building"))?,
            _ => {}
        }
    }
    Ok(())
}

fn construct(
    mut store: StoreContextMut<'_, State>,
    _: ComponentFunc,
    arguments: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let ([Val::String(name)], [result]) = (arguments, results) else {
        wasmtime::bail!("the constructor of an object takes its name, and nothing else")
    };
    let stub = store.data_mut().table.push(Stub { name: Arc::from(name.as_str()) })?;
    *result = Val::Resource(ResourceAny::try_from_resource(stub, store)?);
    Ok(())
}

/// A method of a class, as one component imports it.
#[derive(Clone)]
struct MethodCall {
    class: Name,
    index: usize,
    failing: Failing,
    has_result: bool,
}

/// A call, taken out of its caller's instance.
struct Made {
    call: MethodCall,
    sent: Result<Sent, CallError>,
}

struct Sent {
    class: Arc<Class>,
    objects: Arc<Objects>,
    own: Option<Arc<Shared>>,
    name: Arc<str>,
    arguments: Vec<Val>,
}

impl MethodCall {
    fn new(class: &Name, index: usize, method: &Method, function: &ComponentFunc) -> Self {
        let result = function.results().next();
        Self {
            class: class.clone(),
            index,
            failing: result.map_or(Failing::Trap, |result| Failing::of(&result)),
            has_result: method.result.is_some(),
        }
    }

    /// Takes the arguments out of the caller's instance.
    fn make(
        &self,
        mut store: StoreContextMut<'_, State>,
        arguments: &[Val],
    ) -> wasmtime::Result<Made> {
        let Some((Val::Resource(stub), arguments)) = arguments.split_first() else {
            wasmtime::bail!("a method of an object is called on its handle")
        };
        let stub: Resource<Stub> = stub.try_into_resource(&mut store)?;
        let name = Arc::clone(&store.data_mut().table.get(&stub)?.name);
        let view = state::durable(store.data_mut());
        let objects = Arc::clone(view.objects);
        let own = view.object.map(|own| Arc::clone(&own.shared));
        let sent = match view.grants.contains(&self.class) {
            true => objects.class(self.class.as_str()).map(|class| {
                let arguments = arguments.to_vec();
                Sent { objects, class, own, name, arguments }
            }),
            false => Err(CallError::AccessDenied),
        };
        Ok(Made { call: self.clone(), sent })
    }
}

impl Made {
    /// Calls the object, and waits for its answer.
    async fn run(self) -> wasmtime::Result<Option<Val>> {
        let Self { call, sent } = self;
        let called = async {
            let Sent { objects, class, own, name, arguments } = sent?;
            let method = call.index;
            let event = |reply, place| Event::Call(Call { method, arguments, reply, place });
            objects.ask(&class, &name, own, event).await
        };
        match called.await {
            Ok(result) if result.is_some() == call.has_result => Ok(result),
            Ok(_) => wasmtime::bail!("the object answered in another shape"),
            Err(error) => call.failing.value(error).map(Some),
        }
    }
}

fn finish(result: wasmtime::Result<Option<Val>>, results: &mut [Val]) -> wasmtime::Result<()> {
    if let (Some(value), [slot]) = (result?, results) {
        *slot = value;
    }
    Ok(())
}

impl Failing {
    fn of(result: &Type) -> Self {
        let Type::Result(result) = result else { return Self::Trap };
        let Some(Type::Variant(error)) = result.err() else { return Self::Trap };
        if is_platform_error(&error) {
            return Self::Whole;
        }
        let holds = |case: &wasmtime::component::types::Case<'_>| matches!(&case.ty, Some(Type::Variant(inner)) if is_platform_error(inner));
        error.cases().find(holds).map_or(Self::Trap, |case| Self::Case(case.name.to_owned()))
    }

    /// The value of the method's result that says so; the caller ends where there is none.
    fn value(&self, error: CallError) -> wasmtime::Result<Val> {
        let text = |text: String| Some(Box::new(Val::String(text)));
        let (name, payload) = match error.clone() {
            CallError::NoSuchClass => ("no-such-class", None),
            CallError::AccessDenied => ("access-denied", None),
            CallError::Overloaded => ("overloaded", None),
            CallError::Reset(reason) => ("reset", text(reason)),
            CallError::Timeout => ("timeout", None),
            CallError::Invalid(reason) => ("invalid", text(reason)),
        };
        let value = Val::Variant(name.to_owned(), payload);
        let value = match self {
            Self::Whole => value,
            Self::Case(case) => Val::Variant(case.clone(), Some(Box::new(value))),
            Self::Trap => return Err(wasmtime::Error::new(error)),
        };
        Ok(Val::Result(Err(Some(Box::new(value)))))
    }
}

fn is_platform_error(variant: &wasmtime::component::types::Variant) -> bool {
    let cases = variant.cases().map(|case| match case.ty {
        None => Some((case.name, false)),
        Some(Type::String) => Some((case.name, true)),
        Some(_) => None,
    });
    cases.eq(ERROR_CASES.map(Some))
}

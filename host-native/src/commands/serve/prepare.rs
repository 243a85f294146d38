//! Opens every composition of an app, and links it: once when a host starts, and once more where it
//! needs its second room.

use crate::built::Built;
use crate::callee::callee;
use crate::capability;
use crate::capability::durable::stub;
use crate::commands::build::parallel;
use crate::guest::load;
use crate::guest::object::class::{Linked, Shape};
use crate::guest::room::{Handler, Room};
use anyhow::Context as _;
use selvedge_contract::manifest::{Composition, Manifest};
use selvedge_contract::names::Name;
use selvedge_wasi::State;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

/// Opens what was built.
///
/// # Errors
/// Where something has to be compiled and cannot be.
pub(super) fn open(engine: &Engine, built: &[Built]) -> anyhow::Result<Vec<Component>> {
    parallel::each(built, |it| it.open(engine)).into_iter().collect()
}

/// Opens it once more, for another engine.
///
/// # Errors
/// Where the engine has other settings.
pub(super) fn open_again(
    engine: &Engine,
    built: &[Built],
    components: &[Component],
) -> anyhow::Result<Vec<Component>> {
    let pairs = built.iter().zip(components);
    let again = pairs.map(|(it, component)| load::open_again(engine, &it.compiled, component));
    Ok(again.collect::<wasmtime::Result<_>>()?)
}

/// Links every class of objects and every service of an app.
///
/// # Errors
/// Where one imports what is not there, or in another shape.
pub(super) fn link(
    manifest: &Manifest,
    engine: &Engine,
    built: &[Built],
    components: &[Component],
) -> anyhow::Result<Room> {
    let linker = capability::link(engine)?;
    let parts: Vec<_> = built.iter().zip(components).collect();
    let shapes = shapes(engine, &parts)?;
    let made = parallel::each(&parts, |(it, component)| {
        let linker = linker_of(manifest, &linker, (it, component), &shapes);
        let made = linker.and_then(|linker| Ready::new(&linker, it, component, &shapes));
        made.with_context(|| format!("{} cannot be linked", it.composition))
    });
    let (engine, services, classes) = (engine.clone(), Vec::new(), Vec::new());
    let mut room = Room { engine, services, classes };
    for made in made {
        match made? {
            Ready::Service(handler) => room.services.push(handler),
            Ready::Class(linked) => room.classes.push(linked),
        }
    }
    Ok(room)
}

/// A composition, linked.
enum Ready {
    Service(Handler),
    Class(Linked),
}

impl Ready {
    fn new(
        linker: &Linker<State>,
        it: &Built,
        component: &Component,
        shapes: &Shapes,
    ) -> anyhow::Result<Self> {
        // Not known only of what imports modules, which no service does.
        let memories = component.resources_required().map_or(1, |required| required.num_memories);
        Ok(match &it.composition {
            Composition::Service(_) => {
                let pre = selvedge_wasi::prepare(linker, component)?;
                Self::Service(Handler { pre, memories })
            }
            Composition::Object(class) => {
                let shape = shapes.get(class).context("a shape of each class")?;
                let pre = linker.instantiate_pre(component)?;
                Self::Class(Linked { shape: Arc::clone(shape), pre, memories })
            }
        })
    }
}

/// What the objects of each class export.
type Shapes = BTreeMap<Name, Arc<Shape>>;

fn shapes(engine: &Engine, parts: &[(&Built, &Component)]) -> anyhow::Result<Shapes> {
    let mut shapes = BTreeMap::new();
    for (it, component) in parts {
        if let Composition::Object(class) = &it.composition {
            let shape = Shape::of(engine, component).map_err(anyhow::Error::from);
            let shape = shape.with_context(|| format!("{} cannot be served", it.composition))?;
            shapes.insert(class.clone(), Arc::new(shape));
        }
    }
    Ok(shapes)
}

/// The linker for one composition: a copy, which takes its time, only where it calls objects.
fn linker_of<'l>(
    manifest: &Manifest,
    linker: &'l Linker<State>,
    (it, component): (&Built, &Component),
    shapes: &Shapes,
) -> anyhow::Result<Cow<'l, Linker<State>>> {
    let mut own = Cow::Borrowed(linker);
    for callee in callees(manifest, &it.composition, &it.imports, shapes)? {
        stub::add_to_linker(own.to_mut(), linker.engine(), component, callee)?;
    }
    Ok(own)
}

/// The classes whose objects a composition calls by their own interface.
fn callees<'s>(
    manifest: &Manifest,
    composition: &Composition,
    imports: &[String],
    shapes: &'s Shapes,
) -> anyhow::Result<Vec<(&'s Name, &'s Arc<Shape>)>> {
    let (component, middleware) = manifest.composed(composition).context("a composition")?;
    let granted = manifest.grants_of(component, middleware).objects;
    let mut callees = Vec::new();
    for import in imports {
        let classes = shapes.iter().filter(|(_, shape)| shape.interface == *import);
        let class = callee(import, classes.map(|(class, _)| class), &granted)
            .map_err(|ambiguous| anyhow::anyhow!("it {ambiguous}"))?;
        callees.extend(class.and_then(|class| shapes.get_key_value(class)));
    }
    Ok(callees)
}

//! Opens the compositions of an app, and links them: for the first room when an edition is opened,
//! for the second where one needs that.

use crate::built::Built;
use crate::callee::callee;
use crate::capability::durable::stub;
use crate::guest::load;
use crate::guest::object::class::{Linked, Shape};
use crate::guest::room::Room;
use crate::guest::service::Handler;
use anyhow::Context as _;
use selvedge_contract::manifest::Manifest;
use selvedge_contract::names::Name;
use selvedge_wasi::State;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

/// What the objects of each class export.
pub(super) type Shapes = BTreeMap<Name, Arc<Shape>>;

/// Classes whose objects a composition calls by their own interface.
pub(super) type Callees = Vec<(Name, Arc<Shape>)>;

/// What the objects of a class export.
///
/// # Errors
/// Where its component is no object.
pub(super) fn shape(
    engine: &Engine,
    it: &Built,
    component: &Component,
    before: Option<&Arc<Shape>>,
) -> anyhow::Result<Arc<Shape>> {
    let shape = Shape::of(engine, component, before.map(|shape| &**shape));
    let shape = shape.map_err(anyhow::Error::from);
    Ok(Arc::new(shape.with_context(|| format!("{} cannot be served", it.composition))?))
}

/// The classes whose objects a composition calls by their own interface.
///
/// # Errors
/// Where that is ambiguous.
pub(super) fn callees(manifest: &Manifest, it: &Built, shapes: &Shapes) -> anyhow::Result<Callees> {
    let composition = &it.composition;
    let (component, middleware) = manifest.composed(composition).context("a composition")?;
    let granted = manifest.grants_of(component, middleware).objects;
    let mut callees = Vec::new();
    for import in &it.imports {
        let classes = shapes.iter().filter(|(_, shape)| shape.interface == *import);
        let class =
            callee(import, classes.map(|(class, _)| class), &granted).map_err(|ambiguous| {
                anyhow::anyhow!("{composition} cannot be linked: it {ambiguous}")
            })?;
        let class = class.and_then(|class| shapes.get_key_value(class));
        callees.extend(class.map(|(class, shape)| (class.clone(), Arc::clone(shape))));
    }
    Ok(callees)
}

/// A composition that is open, and can be linked for any room.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) built: Built,
    /// As the first room has it.
    pub(super) component: Component,
    pub(super) callees: Callees,
}

impl Part {
    /// Links a service.
    ///
    /// # Errors
    /// Where it imports what is not there, or in another shape.
    pub(super) fn service(&self, room: &Room) -> anyhow::Result<Handler> {
        let component = self.component_for(room)?;
        let pre = self
            .linker(room, &component)
            .and_then(|linker| Ok(selvedge_wasi::prepare(&linker, &component)?));
        let pre = pre.with_context(|| format!("{} cannot be linked", self.built.composition))?;
        Ok(Handler { pre, memories: memories(&component) })
    }

    /// Links a class of objects, whose shape is known.
    ///
    /// # Errors
    /// As those of [`Self::service`].
    pub(super) fn class(&self, room: &Room, known: &Arc<Shape>) -> anyhow::Result<Linked> {
        let component = self.component_for(room)?;
        // Where the exports are is another matter each time that a component is opened.
        let shape = shape(&room.engine, &self.built, &component, Some(known))?;
        let pre = self
            .linker(room, &component)
            .and_then(|linker| Ok(linker.instantiate_pre(&component)?));
        let pre = pre.with_context(|| format!("{} cannot be linked", self.built.composition))?;
        Ok(Linked { shape, pre, memories: memories(&component) })
    }

    fn component_for(&self, room: &Room) -> anyhow::Result<Component> {
        if Engine::same(self.component.engine(), &room.engine) {
            return Ok(self.component.clone());
        }
        Ok(load::open_again(&room.engine, &self.built.compiled, &self.component)?)
    }

    /// The linker for it: a copy, which takes its time, only where it calls objects.
    fn linker<'l>(
        &self,
        room: &'l Room,
        component: &Component,
    ) -> anyhow::Result<Cow<'l, Linker<State>>> {
        let mut own = Cow::Borrowed(&room.linker);
        for (class, shape) in &self.callees {
            stub::add_to_linker(own.to_mut(), &room.engine, component, (class, shape))?;
        }
        Ok(own)
    }
}

/// Memories of one instance. Not known only of what imports modules, which no service does.
fn memories(component: &Component) -> u32 {
    component.resources_required().map_or(1, |required| required.num_memories)
}

//! A component as far as it may be an object: its interfaces and its own resources.

use super::ObjectShape;
use super::error::ShapeError;
use super::judge::Judge;
use super::signature::{self, Signatures};
use crate::typed::Typed;
use std::collections::{BTreeMap, HashSet};
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentEntityType, ComponentInstanceType, ResourceId,
};

/// A component, and which of its resources are its own.
pub(super) struct Component {
    pub(super) typed: Typed,
    /// The resources that the component imports.
    imported: HashSet<ResourceId>,
}

impl Component {
    /// Reads a component.
    ///
    /// # Errors
    /// Where the bytes are none, or damaged: the parser's reason.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let typed = Typed::read(bytes)?;
        let imported = imported_resources(&typed);
        Ok(Self { typed, imported })
    }

    /// The interfaces that may be the object's: those of the platform are not, and neither are
    /// instances without a package and a resource, which toolchains add (componentize-py's
    /// `exports`).
    pub(super) fn interfaces(&self) -> Vec<Interface<'_>> {
        let mut named = self.imported.clone();
        let mut interfaces = Vec::new();
        for name in &self.typed.exports {
            let Some(instance) = self.typed.exported(name) else { continue };
            // A resource belongs to the first interface that names it; others only use it.
            let resources: Vec<_> = resources_of(instance)
                .filter(|(_, id)| named.insert(*id))
                .map(|(label, _)| label)
                .collect();
            if !is_platform(name) && (name.contains(':') || !resources.is_empty()) {
                interfaces.push(Interface { name, instance, resources });
            }
        }
        interfaces
    }

    /// The shape, where the interface has but one resource; what is wrong goes to `errors`.
    pub(super) fn object(
        &self,
        object: &Interface<'_>,
        errors: &mut Vec<ShapeError>,
    ) -> Option<ObjectShape> {
        let [resource] = object.resources.as_slice() else {
            errors.push(ShapeError::SeveralResources {
                interface: object.name.to_owned(),
                resources: object.resources.iter().map(ToString::to_string).collect(),
            });
            return None;
        };
        let mut judge = Judge::new(&self.typed.types, object, resource, errors);
        judge.judge(object.instance);
        Some(ObjectShape {
            interface: object.name.to_owned(),
            resource: (*resource).to_owned(),
            methods: judge.methods,
            signatures: signature::of_instance(&self.typed.types, object.instance),
            handles_alarms: self.has("selvedge:durable/alarm-handler", "0.1."),
            has_lifecycle: self.has("selvedge:durable/lifecycle", "0.1."),
            answers_http: self.has("wasi:http/handler", "0.3."),
        })
    }

    /// The functions that it imports of interfaces that are not the platform's.
    pub(super) fn imported(&self) -> BTreeMap<String, Signatures> {
        let mut imported = BTreeMap::new();
        for name in self.typed.imports.iter().filter(|name| !is_platform(name)) {
            if let Some(instance) = self.typed.imported(name) {
                let signatures = signature::of_instance(&self.typed.types, instance);
                imported.insert(name.clone(), signatures);
            }
        }
        imported
    }

    /// Whether it exports an interface of the platform, in a version of which we know that it fits.
    fn has(&self, interface: &str, version_prefix: &str) -> bool {
        self.typed.exports.iter().any(|name| {
            name.split_once('@').is_some_and(|(path, version)| {
                // A draft (`0.3.0-rc-…`) fits nothing but itself.
                path == interface && version.starts_with(version_prefix) && !version.contains('-')
            })
        })
    }
}

/// An exported instance.
pub(super) struct Interface<'c> {
    pub(super) name: &'c str,
    pub(super) instance: &'c ComponentInstanceType,
    /// Those that are neither imported nor of an earlier interface.
    pub(super) resources: Vec<&'c str>,
}

impl Interface<'_> {
    pub(super) fn has_functions(&self) -> bool {
        self.instance.exports.values().any(|item| matches!(item.ty, ComponentEntityType::Func(_)))
    }
}

/// Whether an interface is one of WASI's or of ours.
fn is_platform(name: &str) -> bool {
    name.starts_with("wasi:") || name.starts_with("selvedge:")
}

/// The resources that an instance names, whether they are its own or not.
pub(super) fn resources_of(
    instance: &ComponentInstanceType,
) -> impl Iterator<Item = (&str, ResourceId)> {
    let named = |(label, ty)| resource_id(ty).map(|id| (label, id));
    instance.exports.iter().map(|(label, item)| (label.as_str(), &item.ty)).filter_map(named)
}

/// The resources that a component imports.
fn imported_resources(typed: &Typed) -> HashSet<ResourceId> {
    let mut ids = HashSet::new();
    for import in &typed.imports {
        let item = typed.types.component_item_for_import(import);
        ids.extend(item.and_then(|item| resource_id(&item.ty)));
        let instance = typed.imported(import);
        ids.extend(instance.into_iter().flat_map(resources_of).map(|(_, id)| id));
    }
    ids
}

fn resource_id(ty: &ComponentEntityType) -> Option<ResourceId> {
    match ty {
        ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(id), .. } => {
            Some(id.resource())
        }
        _ => None,
    }
}

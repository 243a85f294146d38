//! A component's types, and the names that they are reached by.

use super::ObjectShape;
use super::error::ShapeError;
use super::judge::Judge;
use super::signature::{self, Signatures};
use std::collections::{BTreeMap, HashSet};
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentEntityType, ComponentInstanceType, ResourceId,
};
use wasmparser::types::Types;
use wasmparser::{ComponentExternalKind, Parser, Payload, ValidPayload, Validator, WasmFeatures};

/// A component's types, and the names that they are reached by.
pub(super) struct Component {
    types: Types,
    /// Instances, functions and others, but no types, which only name those of an interface.
    pub(super) exports: Vec<String>,
    /// Likewise, what it imports; types, too.
    imports: Vec<String>,
    /// The resources that the component imports.
    imported: HashSet<ResourceId>,
}

impl Component {
    /// Reads a component.
    ///
    /// # Errors
    /// Where the bytes are none, or damaged: the parser's reason.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        // More than an engine takes by default, so that these types are met here, and refused or
        // taken by name; the bytes were validated by those who will run them.
        let features = WasmFeatures::default()
            | WasmFeatures::COMPONENT_MODEL
            | WasmFeatures::CM_ERROR_CONTEXT
            | WasmFeatures::CM_FIXED_LENGTH_LISTS
            | WasmFeatures::CM_MAP;
        let mut validator = Validator::new_with_features(features);
        let mut imports = Vec::new();
        let mut exports = Vec::new();
        let mut outermost = None;
        // How many modules and components we are inside of; only the outermost one's names count.
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(reason)?;
            match &payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section.clone() {
                        imports.push(import.map_err(reason)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section.clone() {
                        let export = export.map_err(reason)?;
                        if export.kind != ComponentExternalKind::Type {
                            exports.push(export.name.name.to_owned());
                        }
                    }
                }
                _ => {}
            }
            // The last to end is the outermost.
            if let ValidPayload::End(types) = validator.payload(&payload).map_err(reason)? {
                outermost = Some(types);
            }
        }
        if !Parser::is_component(bytes) {
            return Err("it is a core module".to_owned());
        }
        let types = outermost.ok_or("it has no end")?;
        let imported = imported_resources(&types, &imports);
        Ok(Self { types, exports, imports, imported })
    }

    /// The interfaces that may be the object's: those of the platform are not, and neither are
    /// instances without a package and a resource, which toolchains add (componentize-py's
    /// `exports`).
    pub(super) fn interfaces(&self) -> Vec<Interface<'_>> {
        let mut named = self.imported.clone();
        let mut interfaces = Vec::new();
        for name in &self.exports {
            let Some(instance) = instance_of(&self.types, name) else { continue };
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
        let mut judge = Judge::new(&self.types, object, resource, errors);
        judge.judge(object.instance);
        Some(ObjectShape {
            interface: object.name.to_owned(),
            resource: (*resource).to_owned(),
            methods: judge.methods,
            signatures: signature::of_instance(&self.types, object.instance),
            handles_alarms: self.has("selvedge:durable/alarm-handler", "0.1."),
            has_lifecycle: self.has("selvedge:durable/lifecycle", "0.1."),
            answers_http: self.has("wasi:http/handler", "0.3."),
        })
    }

    /// The functions that it imports of interfaces that are not the platform's.
    pub(super) fn imported(&self) -> BTreeMap<String, Signatures> {
        let mut imported = BTreeMap::new();
        for name in self.imports.iter().filter(|name| !is_platform(name)) {
            let item = self.types.component_item_for_import(name);
            if let Some(ComponentEntityType::Instance(id)) = item.map(|item| item.ty)
                && let Some(instance) = self.types.as_ref().get(id)
            {
                imported.insert(name.clone(), signature::of_instance(&self.types, instance));
            }
        }
        imported
    }

    /// Whether it exports an interface of the platform, in a version of which we know that it fits.
    fn has(&self, interface: &str, version_prefix: &str) -> bool {
        self.exports.iter().any(|name| {
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

/// The instance that is exported under a name.
fn instance_of<'t>(types: &'t Types, export: &str) -> Option<&'t ComponentInstanceType> {
    match types.component_item_for_export(export)?.ty {
        ComponentEntityType::Instance(id) => types.as_ref().get(id),
        _ => None,
    }
}

/// The resources that an instance names, whether they are its own or not.
pub(super) fn resources_of(
    instance: &ComponentInstanceType,
) -> impl Iterator<Item = (&str, ResourceId)> {
    let named = |(label, ty)| resource_id(ty).map(|id| (label, id));
    instance.exports.iter().map(|(label, item)| (label.as_str(), &item.ty)).filter_map(named)
}

/// The resources that a component imports.
fn imported_resources(types: &Types, imports: &[String]) -> HashSet<ResourceId> {
    let mut ids = HashSet::new();
    for import in imports {
        let Some(item) = types.component_item_for_import(import) else { continue };
        ids.extend(resource_id(&item.ty));
        if let ComponentEntityType::Instance(id) = item.ty {
            let instance = types.as_ref().get(id);
            ids.extend(instance.into_iter().flat_map(resources_of).map(|(_, id)| id));
        }
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

fn reason(error: wasmparser::Error) -> String {
    format!("{} at byte {}", error.message(), error.offset())
}

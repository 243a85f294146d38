//! The types of a component, and the names that they are reached by: read from its bytes, without
//! running or compiling it. For building, checking and bundling; no request passes here.

use wasmparser::component_types::{ComponentEntityType, ComponentInstanceType};
use wasmparser::types::Types;
use wasmparser::{ComponentExternalKind, Parser, Payload, ValidPayload, Validator, WasmFeatures};

/// A component's types, with what it imports and exports.
pub(crate) struct Typed {
    /// All of its types.
    pub(crate) types: Types,
    /// What it imports, in the component's order, types among them.
    pub(crate) imports: Vec<String>,
    /// What it exports, but for types, which only name those of an interface.
    pub(crate) exports: Vec<String>,
}

impl Typed {
    /// Reads and validates a component.
    ///
    /// # Errors
    /// What the parser or the validator found, in a few words.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
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
        Ok(Self { types, imports, exports })
    }

    /// The instance that is exported under a name.
    pub(crate) fn exported(&self, name: &str) -> Option<&ComponentInstanceType> {
        self.instance(self.types.component_item_for_export(name)?.ty)
    }

    /// The instance that is imported under a name.
    pub(crate) fn imported(&self, name: &str) -> Option<&ComponentInstanceType> {
        self.instance(self.types.component_item_for_import(name)?.ty)
    }

    fn instance(&self, ty: ComponentEntityType) -> Option<&ComponentInstanceType> {
        match ty {
            ComponentEntityType::Instance(id) => self.types.as_ref().get(id),
            _ => None,
        }
    }
}

fn reason(error: wasmparser::Error) -> String {
    format!("{} at byte {}", error.message(), error.offset())
}

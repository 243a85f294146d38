//! What a component asks for and what it offers, read from its bytes without running it. For
//! building and checking; no request passes here.

use crate::object_shape::{ObjectShape, Read, Signatures};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use wac_graph::types::are_semver_compatible;
use wasmparser::{
    ComponentExternalKind, ComponentTypeRef, Parser, Payload, Validator, WasmFeatures,
};

/// The interface that a 0.3 service exports, and that a middleware imports, too.
pub(crate) const HANDLER: &str = "wasi:http/handler@0.3.0";
/// The interface that a 0.2 service exports.
pub(crate) const INCOMING_HANDLER: &str = "wasi:http/incoming-handler@0.2.0";

/// What a component asks for and offers: names of interfaces, or of functions outside of any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Inspection {
    /// What it imports, in the component's order.
    pub(crate) imports: Vec<String>,
    /// What it exports, in the component's order.
    pub(crate) exports: Vec<String>,
    /// What it is as an object, or why it cannot be one.
    pub(crate) object: Result<ObjectShape, Vec<String>>,
    /// The functions that it imports of interfaces that are not the platform's, by interface: where
    /// objects export one of these, they are its calls.
    pub(crate) calls: BTreeMap<String, Signatures>,
}

/// What a component can be used as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum World {
    /// Answers requests by the handler of WASI 0.3.
    #[serde(rename = "service-0.3")]
    Service03,
    /// Answers requests by the handler of WASI 0.2.
    #[serde(rename = "service-0.2")]
    Service02,
    /// Stands in front of a 0.3 service.
    Middleware,
    /// A program with a beginning and an end; nothing here runs it.
    Command,
    /// Exports other interfaces, for those that import them.
    Library,
    /// Exports nothing.
    Nothing,
}

/// Why bytes are not a component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InspectError {
    /// Some other file.
    #[error("is not WebAssembly; name the file that the compiler wrote for wasm32-wasip2")]
    NotWasm,
    /// The text form.
    #[error("is WebAssembly as text; turn it into a component with `wasm-tools parse`")]
    Text,
    /// What compilers write for older targets.
    #[error(
        "is a core module, not a component; build it for wasm32-wasip2, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// A component that is damaged, or uses what no host here knows.
    #[error("is not a valid component ({reason}); build it again")]
    Invalid {
        /// What the validator found.
        reason: String,
    },
}

impl Inspection {
    /// Reads and validates a component.
    ///
    /// # Errors
    /// [`InspectError`] says what the bytes are instead.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, InspectError> {
        if !bytes.starts_with(b"\0asm") {
            let text = bytes.trim_ascii_start();
            let is_text = text.starts_with(b"(component")
                || text.starts_with(b"(module")
                || text.starts_with(b";;");
            return Err(if is_text { InspectError::Text } else { InspectError::NotWasm });
        }
        if Parser::is_core_wasm(bytes) {
            return Err(InspectError::CoreModule);
        }
        let features = WasmFeatures::default() | WasmFeatures::COMPONENT_MODEL;
        Validator::new_with_features(features).validate_all(bytes).map_err(invalid)?;
        Self::read(bytes).map_err(invalid)
    }

    fn read(bytes: &[u8]) -> wasmparser::Result<Self> {
        let Read { object, imports: calls } = Read::of(bytes);
        let object = object.map_err(|errors| errors.iter().map(ToString::to_string).collect());
        let mut inspection = Self { imports: Vec::new(), exports: Vec::new(), object, calls };
        // How many modules and components we are inside of; only the outermost one's names count.
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        let import = import?;
                        // A type that is imported only names one of an interface's types.
                        if !matches!(import.ty, ComponentTypeRef::Type(_)) {
                            inspection.imports.push(import.name.name.to_owned());
                        }
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        let export = export?;
                        if export.kind != ComponentExternalKind::Type {
                            inspection.exports.push(export.name.name.to_owned());
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(inspection)
    }

    /// What the component can be used as.
    pub(crate) fn world(&self) -> World {
        let exports_handler = self.export(HANDLER).is_some();
        if exports_handler && self.import(HANDLER).is_some() {
            World::Middleware
        } else if exports_handler {
            World::Service03
        } else if self.export(INCOMING_HANDLER).is_some() {
            World::Service02
        } else if self.exports.is_empty() {
            World::Nothing
        } else if self.exports.iter().all(|name| name.starts_with("wasi:cli/run@")) {
            World::Command
        } else {
            World::Library
        }
    }

    /// The import that an interface of this name would satisfy.
    pub(crate) fn import(&self, name: &str) -> Option<&str> {
        compatible(&self.imports, name)
    }

    /// The export that satisfies an import of this name.
    pub(crate) fn export(&self, name: &str) -> Option<&str> {
        compatible(&self.exports, name)
    }

    /// The handler of a draft of WASI 0.3, which no host takes.
    pub(crate) fn draft_handler(&self) -> Option<&str> {
        let draft = |name: &&String| name.starts_with("wasi:http/handler@0.3.0-");
        self.exports.iter().find(draft).map(String::as_str)
    }
}

impl fmt::Display for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Service03 => "service 0.3",
            Self::Service02 => "service 0.2",
            Self::Middleware => "middleware",
            Self::Command => "command, which nothing here runs",
            Self::Library => "library",
            Self::Nothing => "no world, since it exports nothing",
        })
    }
}

/// Whether a name is that of a 0.3 handler, in any version that fits.
pub(crate) fn is_handler(name: &str) -> bool {
    are_semver_compatible(HANDLER, name)
}

/// The very name, or else a compatible version of it.
fn compatible<'n>(names: &'n [String], name: &str) -> Option<&'n str> {
    let same = names.iter().find(|candidate| *candidate == name);
    same.or_else(|| names.iter().find(|candidate| are_semver_compatible(candidate, name)))
        .map(String::as_str)
}

fn invalid(error: wasmparser::Error) -> InspectError {
    InspectError::Invalid { reason: format!("{} at byte {}", error.message(), error.offset()) }
}

#[cfg(test)]
mod tests {
    use super::{InspectError, Inspection, World};
    use std::collections::BTreeMap;

    fn inspect(text: &str) -> Inspection {
        Inspection::of(&wat::parse_str(text).unwrap()).unwrap()
    }

    #[test]
    fn names_of_inner_components_and_types_are_left_out() {
        let found = inspect(
            r#"(component
                (import "acme:db/query@1.0.0" (instance $q (export "t" (type (sub resource)))))
                (alias export $q "t" (type $t))
                (import "t" (type $u (eq $t)))
                (component $inner (import "inner:only/one" (instance)))
                (core module (import "core" "only" (func)))
                (import "bare" (func))
                (instance $e)
                (export "acme:db/more@1.0.0" (instance $e)))"#,
        );
        assert_eq!(found.imports, ["acme:db/query@1.0.0", "bare"]);
        assert_eq!(found.exports, ["acme:db/more@1.0.0"]);
        assert_eq!(found.world(), World::Library);
    }

    #[test]
    fn the_world_is_told_by_the_handlers() {
        let world = |imports: &[&str], exports: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
            let (object, calls) = (Err(Vec::new()), BTreeMap::new());
            Inspection { imports: owned(imports), exports: owned(exports), object, calls }.world()
        };
        let handler = "wasi:http/handler@0.3.2";
        assert_eq!(world(&[], &[handler]), World::Service03);
        assert_eq!(world(&["wasi:http/handler@0.3.0"], &[handler]), World::Middleware);
        assert_eq!(world(&[], &["wasi:http/incoming-handler@0.2.9"]), World::Service02);
        assert_eq!(world(&[], &["wasi:http/incoming-handler@0.2.9", handler]), World::Service03);
        assert_eq!(world(&[], &["wasi:cli/run@0.2.6"]), World::Command);
        assert_eq!(world(&[], &["wasi:http/handler@0.3.0-rc-2026-01-01"]), World::Library);
        assert_eq!(world(&[], &[]), World::Nothing);
    }

    #[test]
    fn what_is_no_component_is_told_apart() {
        let error = |bytes: &[u8]| Inspection::of(bytes).unwrap_err();
        assert_eq!(error(b""), InspectError::NotWasm);
        assert_eq!(error(b"\x7fELF"), InspectError::NotWasm);
        assert_eq!(error(b"  (component)"), InspectError::Text);
        assert_eq!(error(&wat::parse_str("(module)").unwrap()), InspectError::CoreModule);
        let whole = wat::parse_str("(component (core module (func)))").unwrap();
        for cut in 4..whole.len() {
            let cut = whole.get(..cut).unwrap();
            let Err(InspectError::Invalid { .. } | InspectError::CoreModule) = Inspection::of(cut)
            else {
                // A component may end after any of its sections.
                assert!(Inspection::of(cut).is_ok());
                continue;
            };
        }
        assert!(Inspection::of(&whole).is_ok());
    }
}

//! Turns a component into what JavaScript can run: its core modules, and a description of how they are
//! put together.
//!
//! A component says much that an engine of core WebAssembly does not know: instances within instances,
//! values of interface types, tasks, streams. The engine of the native host resolves most of that before
//! anything runs (`wasmtime-environ`): into a list of core modules, of which some are adapters that
//! carry values from one component to another; a list of steps that instantiate them; and a list of
//! trampolines, functions that the host gives to core modules. This crate writes these lists as JSON.
//! `host-worker/glue/component` reads them.
//!
//! So both hosts read a component by the same code.

#![allow(
    clippy::indexing_slicing,
    reason = "what the engine tells of a component is indexed by its own indices"
)]

mod description;
mod shims;
mod types;

use std::fmt;
use wasmtime_environ::component::{ComponentTypesBuilder, Translator};
use wasmtime_environ::wasmparser::{Validator, WasmFeatures};
use wasmtime_environ::{ScopeVec, Tunables};

/// Changes whenever what comes out does: for whoever keeps it.
pub const FORMAT: u32 = 4;

/// What a component was turned into.
pub struct Transpiled {
    /// How the core modules are put together, as JSON (`description.rs` tells its shape).
    pub description: String,
    /// The core modules, in the order in which the description counts them.
    pub modules: Vec<Vec<u8>>,
}

impl fmt::Debug for Transpiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transpiled").field("modules", &self.modules.len()).finish_non_exhaustive()
    }
}

/// Why a component was not turned into JavaScript.
#[derive(Debug, thiserror::Error)]
pub enum TranspileError {
    /// It is no component, or uses what is not standard.
    #[error("it is no component that can be read: {0}")]
    Unreadable(String),
    /// It uses a part of the component model that JavaScript does not do here.
    #[error("it uses {0}, which the Workers host does not offer")]
    NotOffered(String),
}

/// Turns a component into core modules and their description.
///
/// # Errors
/// [`TranspileError`], in one sentence that has "it" for the component.
pub fn transpile(component: &[u8]) -> Result<Transpiled, TranspileError> {
    let unreadable =
        |error: wasmtime_environ::error::Error| TranspileError::Unreadable(format!("{error:#}"));
    // Those of the native host.
    let mut features = WasmFeatures::default();
    features.remove(WasmFeatures::EXCEPTIONS);
    features.insert(WasmFeatures::CM_ASYNC);
    let tunables = Tunables::default_u32();
    let scope = ScopeVec::new();
    let mut validator = Validator::new_with_features(features);
    let mut types = ComponentTypesBuilder::new(&validator);
    let translator = Translator::new(&tunables, &mut validator, &mut types, &scope);
    let (translation, modules) = translator.translate(component).map_err(unreadable)?;
    let resource_tables = types.num_resource_tables();
    let (types, _) = types.finish(&translation.component);
    let description = description::describe(&translation, &types, resource_tables, &modules)?;
    Ok(Transpiled {
        description: description.to_string(),
        modules: modules.into_iter().map(|(_, module)| module.wasm.to_vec()).collect(),
    })
}

#[cfg(test)]
mod tests;

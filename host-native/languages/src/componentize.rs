//! Makes a component of a core module that was compiled against the bindings of a world.

use crate::world::World;
use wasi_preview1_component_adapter_provider as adapters;
use wit_component::{
    AdapterModuleDidNotExport, ComponentEncoder, StringEncoding, embed_component_metadata,
};

/// What stands between a module that calls WASI 0.1 and the WASI 0.2 of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adapter {
    /// Nothing: the module calls what its world has, and no more.
    None,
    /// For what answers HTTP: clocks, random numbers and standard output, without files and sockets.
    Proxy,
    /// Everything that `wasi:cli` has.
    Reactor,
}

/// Why a module is not made a component.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// It calls something of WASI 0.1 that the adapter has not.
    #[error(
        "the program calls `{function}` of WASI 0.1, which nothing in the world {world} answers; leave out what needs it, such as files and sockets"
    )]
    NotAdapted {
        /// The world.
        world: String,
        /// The function.
        function: String,
    },
    /// It is not what the world asks for.
    #[error("what was compiled does not fit the world {world}: {reason}")]
    Misfit {
        /// The world.
        world: String,
        /// What does not fit.
        reason: String,
    },
}

/// Whether a module knows its world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Embedded {
    /// Its bindings have put the world into a section of it, as those of C do.
    Already,
    /// Nothing in it tells.
    NotYet,
}

/// Encodes a module as a component of the world.
///
/// # Errors
/// [`EncodeError::Misfit`] where the module imports or exports something that the world has not, or
/// has otherwise.
pub fn component(
    mut module: Vec<u8>,
    world: &World,
    embedded: Embedded,
    adapter: Adapter,
) -> Result<Vec<u8>, EncodeError> {
    let mut encode = || -> anyhow::Result<Vec<u8>> {
        if embedded == Embedded::NotYet {
            embed_component_metadata(&mut module, &world.resolve, world.id, StringEncoding::UTF8)?;
        }
        let mut encoder = ComponentEncoder::default();
        encoder.validate(true).module(&module)?;
        let name = adapters::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME;
        let adapter = match adapter {
            Adapter::None => None,
            Adapter::Proxy => Some(adapters::WASI_SNAPSHOT_PREVIEW1_PROXY_ADAPTER),
            Adapter::Reactor => Some(adapters::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER),
        };
        if let Some(adapter) = adapter {
            encoder.adapter(name, adapter)?;
        }
        encoder.encode()
    };
    encode().map_err(|error| explain(world.full_name(), &error))
}

fn explain(world: String, error: &anyhow::Error) -> EncodeError {
    match error.downcast_ref::<AdapterModuleDidNotExport>() {
        Some(lacks) => {
            let text = lacks.to_string();
            let function = text.split('`').nth(1).unwrap_or(&text).to_owned();
            EncodeError::NotAdapted { world, function }
        }
        None => EncodeError::Misfit { world, reason: sentence(error) },
    }
}

/// Causes that say only where in the encoder an error came up.
const OF_THE_ENCODER: [&str; 4] = [
    "failed to decode world from module",
    "module was not valid",
    "failed to classify export",
    "failed to validate export for",
];

/// A chain of causes in one line.
fn sentence(error: &anyhow::Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_place = OF_THE_ENCODER.iter().any(|place| text.starts_with(place));
        if is_place && cause.source().is_some() {
            continue;
        }
        if !causes.last().is_some_and(|last| last.contains(&text)) {
            causes.push(text);
        }
    }
    causes.join(": ")
}

#[cfg(test)]
mod tests {
    use super::{Adapter, Embedded, EncodeError, component};
    use crate::world::World;
    use std::fs;

    fn world(text: &str) -> World {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("wit")).unwrap();
        fs::write(place.path().join("wit/world.wit"), text).unwrap();
        World::open(place.path(), None).unwrap()
    }

    fn encode(text: &str, module: &str, adapter: Adapter) -> Result<Vec<u8>, EncodeError> {
        let module = wat::parse_str(module).unwrap();
        component(module, &world(text), Embedded::NotYet, adapter)
    }

    const ADD: &str = "package me:app;\nworld w { export add: func(a: u32, b: u32) -> u32; }";

    #[test]
    fn a_module_becomes_a_component_of_its_world() {
        let fits = "(module (func (export \"add\") (param i32 i32) (result i32) local.get 0))";
        let made = encode(ADD, fits, Adapter::None).unwrap();
        assert!(wit_component::decode(&made).is_ok());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (module, named) in [
            ("(module)", "add"),
            ("(module (func (export \"add\") (param i64) (result i32) i32.const 0))", "add"),
            (
                "(module (import \"me:app/more\" \"f\" (func)) (func (export \"add\") (param i32 i32) (result i32) i32.const 0))",
                "me:app/more",
            ),
        ] {
            let error = encode(ADD, module, Adapter::None).unwrap_err();
            let told = error.to_string();
            assert!(matches!(error, EncodeError::Misfit { .. }), "{told}");
            assert!(told.contains("me:app/w") && told.contains(named), "{told}");
            assert!(!told.contains('\n'), "{told}");
        }
    }

    #[test]
    fn a_call_that_no_adapter_answers_is_named() {
        let module = "(module (import \"wasi_snapshot_preview1\" \"path_none\" (func)) (memory (export \"memory\") 1))";
        let error = encode("package me:app;\nworld w { }", module, Adapter::Proxy).unwrap_err();
        assert!(
            matches!(&error, EncodeError::NotAdapted { function, .. } if function == "path_none"),
            "{error}"
        );
    }
}

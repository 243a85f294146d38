//! Makes a component of a core module that was compiled against the bindings of a world.

use crate::world::World;
use wasi_preview1_component_adapter_provider as adapters;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

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
        let encoder = ComponentEncoder::default().validate(true).module(&module)?;
        let name = adapters::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME;
        let mut encoder = match adapter {
            Adapter::None => encoder,
            Adapter::Proxy => {
                encoder.adapter(name, adapters::WASI_SNAPSHOT_PREVIEW1_PROXY_ADAPTER)?
            }
            Adapter::Reactor => {
                encoder.adapter(name, adapters::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?
            }
        };
        encoder.encode()
    };
    encode()
        .map_err(|error| EncodeError::Misfit { world: world.full_name(), reason: sentence(&error) })
}

/// A chain of causes in one line.
fn sentence(error: &anyhow::Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !causes.last().is_some_and(|last| last.contains(&text)) {
            causes.push(text);
        }
    }
    causes.join(": ")
}

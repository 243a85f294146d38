//! Generates the bindings of Rust crates that ask for it, so that they need no macro. The macro of
//! `wit-bindgen` brings a parser of Rust, a parser of WIT and an encoder of WebAssembly: eight ninths of
//! the time that a first build takes.
//!
//! A crate asks in its `Cargo.toml`, and has the file as a module:
//!
//! ```toml
//! [package.metadata.selvedge]
//! world = "service"
//! ```

use crate::generated::{self, Files};
use crate::world::World;
use crate::{BINDINGS, BuildError, io_error};
use std::fs;
use std::path::{Path, PathBuf};
use wit_bindgen_core::WorldGenerator as _;

/// The file in `bindings/`.
const FILE: &str = "world.rs";

/// The world that the crate in a folder wants bindings of; none where it wants none.
pub fn world_of(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    // Read for every crate of every build; most have no such table.
    if !text.contains("metadata.selvedge") {
        return None;
    }
    let manifest: toml::Table = text.parse().ok()?;
    let selvedge = manifest.get("package")?.get("metadata")?.get("selvedge")?;
    Some(selvedge.get("world")?.as_str()?.to_owned())
}

/// Generates the bindings that the crate in a folder wants, if any.
///
/// # Errors
/// [`BuildError`] where its WIT is not in order, or its `bindings/` cannot be written.
pub fn bind(folder: &Path) -> Result<(), BuildError> {
    let Some(name) = world_of(folder) else { return Ok(()) };
    let world = World::open(folder, Some(&name))?;
    let bindings = folder.join(BINDINGS);
    let text = generate(&world)?;
    let files = Files::from([(PathBuf::from(FILE), text)]);
    generated::fill(&bindings, files).map_err(|source| io_error(&bindings, source))
}

fn generate(world: &World) -> Result<Vec<u8>, BuildError> {
    let options = wit_bindgen_rust::Opts { generate_all: true, ..Default::default() };
    let mut resolve = world.resolve.clone();
    let mut made = wit_bindgen_core::Files::default();
    options.build().generate(&mut resolve, world.id, &mut made).map_err(|error| {
        let world = world.full_name();
        BuildError::Other(format!("no Rust bindings of {world} can be made: {error:#}"))
    })?;
    Ok(made.iter().flat_map(|(_, text)| text.to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::{bind, world_of};
    use std::fs;

    #[test]
    fn a_crate_that_asks_gets_bindings_and_another_does_not() {
        let place = tempfile::tempdir().unwrap();
        let manifest = place.path().join("Cargo.toml");
        fs::write(&manifest, "[package]\nname = \"a\"").unwrap();
        bind(place.path()).unwrap();
        assert!(!place.path().join("bindings").exists());
        let asks = "[package]\nname = \"a\"\n[package.metadata.selvedge]\nworld = \"service\"";
        fs::write(&manifest, asks).unwrap();
        assert_eq!(world_of(place.path()).as_deref(), Some("service"));
        bind(place.path()).unwrap();
        let text = fs::read_to_string(place.path().join("bindings/world.rs")).unwrap();
        assert!(text.contains("pub mod keyvalue"), "{text}");
        // The documentation of the WIT is in it.
        assert!(text.contains("/// Opens the store that the app's manifest calls `name`."));
    }
}

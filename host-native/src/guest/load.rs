//! Compiled components on disk, by content and engine.

use sha2::{Digest, Sha256};
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Compiled components, one file each, named by what they were compiled from and by what.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// A cache in `folder`, which need not exist.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where the compiled form of `wasm` lies or would lie.
    pub fn path(&self, engine: &Engine, wasm: &[u8]) -> PathBuf {
        let content = Sha256::digest(wasm);
        let mut hasher = std::hash::DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.folder.join(format!("{content:x}-{:016x}.cwasm", hasher.finish()))
    }

    /// Compiles `wasm`, unless that was done before, and says where the result lies.
    ///
    /// The file appears whole or not at all.
    ///
    /// # Errors
    /// Where `wasm` is not a valid component, or the file cannot be written.
    pub fn compile(&self, engine: &Engine, wasm: &[u8]) -> anyhow::Result<PathBuf> {
        let path = self.path(engine, wasm);
        if path.exists() {
            return Ok(path);
        }
        let compiled = engine.precompile_component(wasm)?;
        write_whole(&path, &compiled)?;
        Ok(path)
    }
}

/// Opens a compiled component by mapping its file.
///
/// # Errors
/// Where the file is not there, or was made by another engine.
pub fn open_compiled(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file was written by `Cache::compile`, whole, from the engine's own output, into a
    // folder that belongs to the app; who can write there can also replace the component itself.
    // The engine checks its own version and settings in the file's head.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Writes a file so that it appears whole or not at all.
///
/// # Errors
/// Where the folder or the file cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    let written = fs::File::create(&part)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

//! Compiled components on disk, by content and engine.

use sha2::{Digest, Sha256};
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Compiled components, one file each, named by what they were compiled from and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// A cache in `folder`, which need not exist.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where the compiled form of what has this [`content_hash`] lies or would lie.
    pub fn path(&self, engine: &Engine, content: &str) -> PathBuf {
        let mut hasher = std::hash::DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.folder.join(format!("{content}-{:016x}.cwasm", hasher.finish()))
    }

    /// Compiles `wasm`, unless that was done before, and says where the result lies.
    ///
    /// The file appears whole or not at all.
    ///
    /// # Errors
    /// Where `wasm` is not a valid component, or the file cannot be written.
    pub fn compile(&self, engine: &Engine, wasm: &[u8]) -> anyhow::Result<PathBuf> {
        let path = self.path(engine, &content_hash(wasm));
        if !path.exists() {
            self.compile_anew(engine, wasm, &path)?;
        }
        Ok(path)
    }

    /// Opens the compiled form of a component; where it is not there, or damaged, `wasm` is asked
    /// for the component, and it is compiled again.
    ///
    /// # Errors
    /// Where `wasm` fails, or gives what is not a valid component, or the file cannot be written.
    pub fn open(
        &self,
        engine: &Engine,
        content: &str,
        wasm: impl FnOnce() -> std::io::Result<Vec<u8>>,
    ) -> anyhow::Result<Component> {
        let path = self.path(engine, content);
        if let Ok(component) = open_compiled(engine, &path) {
            return Ok(component);
        }
        self.compile_anew(engine, &wasm()?, &path)?;
        Ok(open_compiled(engine, &path)?)
    }

    fn compile_anew(&self, engine: &Engine, wasm: &[u8], path: &Path) -> anyhow::Result<()> {
        let compiled = engine.precompile_component(wasm)?;
        Ok(write_whole(path, &compiled)?)
    }
}

/// The name of a content: its SHA-256, in hexadecimal digits.
pub fn content_hash(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
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

/// Opens a component for another engine of the same kind: by mapping its file, or, where that is not
/// there any more, from what the first engine has of it.
///
/// # Errors
/// Where the other engine has other settings.
pub(crate) fn open_again(
    engine: &Engine,
    path: &Path,
    component: &Component,
) -> wasmtime::Result<Component> {
    if let Ok(component) = open_compiled(engine, path) {
        return Ok(component);
    }
    // SAFETY: these bytes are what an engine of this process has mapped from such a file, or made.
    unsafe { Component::deserialize(engine, component.serialize()?) }
}

/// What a file that is still being written ends in.
pub const PART_SUFFIX: &str = ".part";

/// Writes a file so that it appears whole or not at all, even if the power fails.
///
/// # Errors
/// Where the folder or the file cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // Two threads may write one file; each needs a part of its own.
    static PARTS: AtomicU64 = AtomicU64::new(0);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut part = path.as_os_str().to_owned();
    let number = PARTS.fetch_add(1, Ordering::Relaxed);
    part.push(format!(".{}-{number}{PART_SUFFIX}", std::process::id()));
    let part = PathBuf::from(part);
    let written = fs::File::create(&part)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_data()))
        .and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

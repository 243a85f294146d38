//! What `selvedge build` has made, and of what: written by it, read by the next build and by
//! `selvedge serve`, which hence need not hash, parse or compile anything when it starts.

use crate::app::{App, Folders};
use crate::capability::table::Need;
use crate::guest::load::{Cache, content_hash, write_whole};
use crate::inspect::{Inspection, World};
use selvedge_contract::manifest::Composition;
use selvedge_contract::names::Name;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use wasmtime::Engine;
use wasmtime::component::Component;

/// A service, or a class of objects, that is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Built {
    /// What it is.
    pub(crate) composition: Composition,
    /// What it imports.
    pub(crate) imports: Vec<String>,
    /// Its composed component.
    pub(crate) wasm: PathBuf,
    /// Its compiled form, which may have to be made again.
    pub(crate) compiled: PathBuf,
    sha256: String,
    cache: Cache,
}

/// Why a service cannot be served as it was built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuiltError {
    /// There is no build of it.
    #[error("{composition} is not built; run `selvedge build`")]
    NotBuilt { composition: Composition },
    /// The manifest puts it together in another way now. Serving the old composition could leave
    /// out a middleware that keeps visitors out.
    #[error(
        "{composition} was built as {was:?}, and the manifest says {is:?}; run `selvedge build`"
    )]
    OtherWiring { composition: Composition, was: String, is: String },
    /// The composed component is not the one that was built.
    #[error("{path} is not what `selvedge build` wrote; run `selvedge build`")]
    Changed { path: String },
    /// The composed component cannot be read.
    #[error("cannot read {path}: {source}; run `selvedge build`")]
    Unreadable { path: String, source: std::io::Error },
}

/// The last build.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The version of Selvedge that built.
    pub(crate) selvedge: String,
    /// By name.
    pub(crate) components: BTreeMap<Name, ComponentRecord>,
    /// By name.
    pub(crate) services: BTreeMap<Name, CompositionRecord>,
    /// By class.
    #[serde(default)]
    pub(crate) objects: BTreeMap<Name, CompositionRecord>,
    /// What was warned of.
    #[serde(default)]
    pub(crate) warnings: BTreeSet<String>,
}

/// A component of the last build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ComponentRecord {
    /// How it was built; where this changes, it is built again.
    pub(crate) recipe: String,
    /// What it was built from.
    pub(crate) inputs: Inputs,
    /// The component.
    pub(crate) wasm: Artefact,
    /// What it imports and exports.
    pub(crate) inspection: Inspection,
}

/// The files that a component was built from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Inputs {
    /// Their states, for which the component is up to date.
    pub(crate) files: BTreeMap<PathBuf, Stamp>,
    /// Those among them that building writes.
    pub(crate) outputs: BTreeSet<PathBuf>,
    /// Those that changed while it was being built; an editor or the build may have done it.
    pub(crate) suspects: BTreeSet<PathBuf>,
}

/// A file, and what was in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Artefact {
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// Its SHA-256.
    pub(crate) sha256: String,
    /// Its state when that was taken.
    pub(crate) stamp: Stamp,
}

/// A service, or a class of objects, of the last build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CompositionRecord {
    /// How it is put together, in one line.
    pub(crate) wiring: String,
    /// A hash of everything it was put together from.
    pub(crate) recipe: String,
    /// The composed component.
    pub(crate) wasm: Artefact,
    /// The name of its compiled form in the cache.
    pub(crate) compiled: String,
    /// What it can be used as.
    pub(crate) world: World,
    /// What it imports.
    pub(crate) imports: Vec<String>,
    /// What the manifest has to grant for all of its imports.
    pub(crate) needs: BTreeSet<Need>,
}

/// The state of a file: it is taken as unchanged while its length and time of change are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// Its length.
    pub(crate) bytes: u64,
    /// When it was changed, in nanoseconds since 1970-01-01T00:00:00Z.
    pub(crate) modified_ns: u64,
}

impl Stamp {
    /// The state of a file; `None` where there is none.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|metadata| {
            let modified =
                metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let modified_ns = modified.and_then(|since| u64::try_from(since.as_nanos()).ok());
            Self { bytes: metadata.len(), modified_ns: modified_ns.unwrap_or_default() }
        })
    }
}

impl Artefact {
    /// Looks at a file that has just been read or written.
    pub(crate) fn of(path: &Path, bytes: &[u8]) -> Self {
        let stamp = Stamp::of(path).unwrap_or_default();
        Self { path: path.to_path_buf(), sha256: content_hash(bytes), stamp }
    }

    /// Whether the file is as it was.
    pub(crate) fn is_unchanged(&self) -> bool {
        Stamp::of(&self.path) == Some(self.stamp)
    }
}

impl Record {
    /// The record of an app's last build; empty where there is none, or none that can be read.
    pub(crate) fn read(folders: &Folders) -> Self {
        let bytes = fs::read(folders.build_record()).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// What is known of a service, or of a class of objects.
    pub(crate) fn composition(&self, composition: &Composition) -> Option<&CompositionRecord> {
        match composition {
            Composition::Service(name) => self.services.get(name),
            Composition::Object(name) => self.objects.get(name),
        }
    }

    /// Takes note of what was built.
    pub(crate) fn keep(&mut self, composition: Composition, record: CompositionRecord) {
        match composition {
            Composition::Service(name) => self.services.insert(name, record),
            Composition::Object(name) => self.objects.insert(name, record),
        };
    }

    /// Keeps the record for the next build and for serving.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(crate) fn write(&self, folders: &Folders) -> std::io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        write_whole(&folders.build_record(), &text)
    }
}

impl Built {
    /// The SHA-256 of the composed component.
    pub(crate) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Opens the compiled component; compiles it where that has not been done for this engine.
    ///
    /// # Errors
    /// Where it has to be compiled and cannot be.
    pub(crate) fn open(&self, engine: &Engine) -> anyhow::Result<Component> {
        self.cache.open(engine, &self.sha256, || fs::read(&self.wasm))
    }
}

/// Every service and every class of objects of an app, as it was built, in the order of names. Reads one file, and looks at
/// one more for each service.
///
/// # Errors
/// [`BuiltError`] for the first service that is not built, or not as the manifest says.
pub(crate) fn built(app: &App, engine: &Engine) -> Result<Vec<Built>, BuiltError> {
    let record = Record::read(&app.folders);
    let cache = Cache::new(app.folders.cache());
    let compositions = app.manifest.compositions();
    compositions.map(|it| built_composition(app, engine, &record, &cache, it)).collect()
}

fn built_composition(
    app: &App,
    engine: &Engine,
    record: &Record,
    cache: &Cache,
    composition: Composition,
) -> Result<Built, BuiltError> {
    let not_built = || BuiltError::NotBuilt { composition: composition.clone() };
    let built = record.composition(&composition).ok_or_else(not_built)?;
    let is = app.wiring_line(&composition);
    if built.wiring != is {
        let was = built.wiring.clone();
        return Err(BuiltError::OtherWiring { composition, was, is });
    }
    let wasm = app.folders.composed(&composition);
    let stamp = Stamp::of(&wasm).ok_or_else(not_built)?;
    // A copy of the app's folder has other times; then the content decides.
    if stamp != built.wasm.stamp {
        let path = || app.folders.show(&wasm).to_string();
        let bytes =
            fs::read(&wasm).map_err(|source| BuiltError::Unreadable { path: path(), source })?;
        if content_hash(&bytes) != built.wasm.sha256 {
            return Err(BuiltError::Changed { path: path() });
        }
    }
    let sha256 = built.wasm.sha256.clone();
    let compiled = cache.path(engine, &sha256);
    let imports = built.imports.clone();
    Ok(Built { composition, imports, wasm, compiled, sha256, cache: cache.clone() })
}

#[cfg(test)]
mod tests {
    use super::{BuiltError, CompositionRecord, Record, built};
    use crate::app::App;
    use crate::built::Artefact;
    use crate::guest::engine;
    use crate::inspect::World;
    use std::fs;

    const MANIFEST: &str = r#"
name = "app"
[components.one]
wasm = "one.wasm"
[components.front]
wasm = "front.wasm"
[services.one]
component = "one"
routes = ["/*"]
"#;

    fn built_app(folder: &std::path::Path) -> App {
        fs::write(folder.join("selvedge.toml"), MANIFEST).unwrap();
        let app = App::open(folder).unwrap();
        let one = app.manifest.compositions().next().unwrap();
        let wasm = wat::parse_str("(component)").unwrap();
        let path = app.folders.composed(&app.manifest.compositions().next().unwrap());
        crate::guest::load::write_whole(&path, &wasm).unwrap();
        let service = CompositionRecord {
            wiring: app.wiring_line(&one),
            recipe: String::new(),
            wasm: Artefact::of(&path, &wasm),
            compiled: String::new(),
            world: World::Service03,
            imports: Vec::new(),
            needs: std::iter::empty().collect(),
        };
        let mut record = Record::default();
        record.keep(one, service);
        record.write(&app.folders).unwrap();
        app
    }

    #[test]
    fn what_is_missing_or_damaged_in_the_cache_is_compiled_again() {
        let folder = tempfile::tempdir().unwrap();
        let app = built_app(folder.path());
        let engine = engine::open_compiler(None).unwrap();
        let built = built(&app, &engine).unwrap().remove(0);
        assert!(!built.compiled.exists());
        built.open(&engine).unwrap();
        assert!(built.compiled.exists());
        fs::write(&built.compiled, b"damaged").unwrap();
        built.open(&engine).unwrap();
    }

    #[test]
    fn an_engine_that_serves_takes_what_the_compiler_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let app = built_app(folder.path());
        let first = built(&app, &engine::open_compiler(None).unwrap()).unwrap().remove(0);
        first.open(&engine::open_compiler(None).unwrap()).unwrap();
        let serving = engine::open().unwrap();
        assert_eq!(built(&app, &serving).unwrap().remove(0), first);
        crate::guest::load::open_compiled(&serving, &first.compiled).unwrap();
    }

    #[test]
    fn another_component_in_the_place_of_the_built_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let app = built_app(folder.path());
        let engine = engine::open_compiler(None).unwrap();
        let path = app.folders.composed(&app.manifest.compositions().next().unwrap());
        let same = fs::read(&path).unwrap();
        fs::write(&path, wat::parse_str("(component (core module))").unwrap()).unwrap();
        let error = built(&app, &engine).unwrap_err();
        assert!(matches!(error, BuiltError::Changed { .. }), "{error}");
        // A copy of what was built is as good as the file itself.
        fs::write(&path, same).unwrap();
        built(&app, &engine).unwrap();
        fs::remove_file(&path).unwrap();
        let error = built(&app, &engine).unwrap_err();
        assert!(matches!(error, BuiltError::NotBuilt { .. }), "{error}");
    }

    #[test]
    fn a_middleware_that_was_added_since_is_not_left_out() {
        let folder = tempfile::tempdir().unwrap();
        built_app(folder.path());
        let manifest = format!("{MANIFEST}middleware = [\"front\"]\n");
        fs::write(folder.path().join("selvedge.toml"), manifest).unwrap();
        let app = App::open(folder.path()).unwrap();
        let error = built(&app, &engine::open_compiler(None).unwrap()).unwrap_err();
        assert!(matches!(error, BuiltError::OtherWiring { .. }), "{error}");
    }

    #[test]
    fn a_record_that_cannot_be_read_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let app = built_app(folder.path());
        fs::write(app.folders.build_record(), b"{ half").unwrap();
        let error = built(&app, &engine::open_compiler(None).unwrap()).unwrap_err();
        assert!(matches!(error, BuiltError::NotBuilt { .. }), "{error}");
    }
}

//! An app: a folder with a `selvedge.toml`, and where things lie in it.

use selvedge_contract::manifest::{Composition, Manifest, ManifestError, Source};
use selvedge_contract::names::Name;
use std::fmt;
use std::path::{Path, PathBuf};

/// The name of the manifest in an app's folder.
pub const MANIFEST_FILE: &str = "selvedge.toml";

/// An app whose manifest was read and is in order.
#[derive(Debug, Clone)]
pub struct App {
    /// Where its files are.
    pub folders: Folders,
    /// What it is made of.
    pub manifest: Manifest,
}

/// Why an app cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// There is no manifest.
    #[error(
        "no {MANIFEST_FILE} in {}; run selvedge in the app's folder, or name it with --app",
        .folder.display()
    )]
    NoManifest {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// The manifest is there and cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// The manifest.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The manifest is wrong; one line for each error.
    #[error("{}", Lines(.errors))]
    Invalid {
        /// What is wrong, in the order of the text.
        errors: Vec<ManifestError>,
    },
}

/// Where the files of one app are.
#[derive(Debug, Clone)]
pub struct Folders {
    /// The app's folder, absolute.
    pub app: PathBuf,
}

impl App {
    /// Opens the app in a folder.
    ///
    /// # Errors
    /// [`AppError`] where there is no manifest, or one that is not in order.
    pub fn open(folder: &Path) -> Result<Self, AppError> {
        let folders = Folders::new(folder);
        let path = folders.manifest();
        let text = std::fs::read_to_string(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => AppError::NoManifest { folder: folders.app.clone() },
            _ => AppError::Unreadable { path, source },
        })?;
        let manifest = Manifest::parse(&text).map_err(|errors| AppError::Invalid { errors })?;
        Ok(Self { folders, manifest })
    }

    /// How a service or an object is put together, in one line; two lines differ where the compositions do.
    pub fn wiring_line(&self, composition: &Composition) -> String {
        let Some((component, middleware)) = self.manifest.composed(composition) else {
            return String::new();
        };
        let chain: Vec<&str> = middleware.iter().chain([component]).map(Name::as_str).collect();
        let mut line = chain.join(" > ");
        for name in self.manifest.parts_of(component, middleware) {
            let dependencies = self.manifest.components.get(name).map(|part| &part.dependencies);
            for dependency in dependencies.into_iter().flatten() {
                line.push_str(&format!(", {name} <- {dependency}"));
            }
        }
        line
    }
}

impl Folders {
    /// The folders of the app at `app`.
    pub fn new(app: &Path) -> Self {
        // Only an empty path cannot be made absolute; it means the folder we are in.
        let app = std::path::absolute(app).unwrap_or_else(|_| PathBuf::from("."));
        Self { app }
    }

    /// The manifest.
    pub fn manifest(&self) -> PathBuf {
        self.app.join(MANIFEST_FILE)
    }

    /// Everything that Selvedge writes: may be deleted at any time, but for `data`.
    pub fn state(&self) -> PathBuf {
        self.app.join(".selvedge")
    }

    /// The composed component of each service: the artefact, which runs on both hosts.
    pub fn services(&self) -> PathBuf {
        self.state().join("services")
    }

    /// The composed component of each class of objects, likewise.
    pub fn objects(&self) -> PathBuf {
        self.state().join("objects")
    }

    /// The composed component of one service, or of one class of objects.
    pub fn composed(&self, composition: &Composition) -> PathBuf {
        let folder = match composition {
            Composition::Service(_) => self.services(),
            Composition::Object(_) => self.objects(),
        };
        folder.join(format!("{}.wasm", composition.name()))
    }

    /// What was compiled ahead of time, by content and engine.
    pub fn cache(&self) -> PathBuf {
        self.state().join("cache")
    }

    /// The functions that were compiled before, of whatever component.
    pub fn functions(&self) -> PathBuf {
        self.state().join("functions.sqlite")
    }

    /// What the last build made of what.
    pub fn build_record(&self) -> PathBuf {
        self.state().join("build.json")
    }

    /// Held by the build that is under way.
    pub fn build_lock(&self) -> PathBuf {
        self.state().join("build.lock")
    }

    /// The stores, where no other place was asked for.
    pub fn data(&self) -> PathBuf {
        self.state().join("data")
    }

    /// What is made for a Worker: the bundle, and what is kept to make the next one.
    pub fn edge(&self) -> PathBuf {
        self.state().join("edge")
    }

    /// The bundle, where no other place was asked for.
    pub fn bundle(&self) -> PathBuf {
        self.edge().join("worker")
    }

    /// Where a component in another language than Rust is made.
    pub fn language(&self, component: &Name) -> PathBuf {
        self.state().join("languages").join(component.as_str())
    }

    /// A path as people write it: relative to the app's folder where it lies in there.
    pub fn show<'p>(&self, path: &'p Path) -> std::path::Display<'p> {
        path.strip_prefix(&self.app).unwrap_or(path).display()
    }

    /// The folder of a component's sources, where it has one.
    pub fn source(&self, source: &Source) -> Option<PathBuf> {
        match source {
            Source::Cargo { folder }
            | Source::Command { folder, .. }
            | Source::Language { folder, .. } => Some(self.app.join(folder)),
            Source::Ready { .. } => None,
        }
    }
}

struct Lines<'e>(&'e [ManifestError]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            let ManifestError { line, column, .. } = error;
            write!(formatter, "{line_break}{MANIFEST_FILE}:{line}:{column}: error: {error}")?;
        }
        Ok(())
    }
}

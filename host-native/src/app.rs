//! An app: a folder with a `selvedge.toml`, and where things lie in it.

use std::path::{Path, PathBuf};

/// The name of the manifest in an app's folder.
pub const MANIFEST_FILE: &str = "selvedge.toml";

/// Where the files of one app are.
#[derive(Debug, Clone)]
pub struct Folders {
    /// The app's folder, absolute.
    pub app: PathBuf,
}

impl Folders {
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

    /// The composed component of one service.
    pub fn service(&self, name: &str) -> PathBuf {
        self.services().join(format!("{name}.wasm"))
    }

    /// What was compiled ahead of time, by content and engine.
    pub fn cache(&self) -> PathBuf {
        self.state().join("cache")
    }

    /// The stores, where no other place was asked for.
    pub fn data(&self) -> PathBuf {
        self.state().join("data")
    }

    /// The folders of the app at `app`.
    pub fn new(app: &Path) -> Self {
        Self { app: app.to_path_buf() }
    }
}

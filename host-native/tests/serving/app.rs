//! Apps of the demo's and the suite's guests, each built once. Shared by the tests of this folder.

#![allow(dead_code, reason = "no test needs all of it")]

use crate::host::{ANY, Host, SELVEDGE, behind, serve, text};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use tempfile::TempDir;

/// What a manifest may name as `wasm`: the file, the app whose build makes it, and where.
const GUESTS: [(&str, &str, &str); 5] = [
    ("counter.wasm", "components", "services/counter"),
    ("counter-object.wasm", "components", "objects/counter"),
    ("probe.wasm", "tests/guests", "services/probe"),
    ("subject.wasm", "tests/guests", "objects/subject"),
    ("plain.wasm", "tests/guests", "objects/plain"),
];

/// An app that is built, with a data folder of its own.
pub(crate) struct App {
    home: TempDir,
}

impl App {
    /// An app of its own, which is built.
    pub(crate) fn of(manifest: &str) -> Self {
        Self::copy_of(&built(manifest))
    }

    /// Another like it, with data of its own.
    pub(crate) fn copied(&self) -> Self {
        Self::copy_of(self.home.path())
    }

    fn copy_of(folder: &Path) -> Self {
        let app = Self { home: tempfile::tempdir().unwrap() };
        for file in fs::read_dir(folder).unwrap() {
            copy(&file.unwrap().path(), app.home.path());
        }
        app
    }

    /// An app whose manifest and components lie in a folder; it is built there.
    pub(crate) fn in_folder(home: TempDir) -> Self {
        build(home.path());
        Self { home }
    }

    /// `serve`, behind a few words of the shell.
    pub(crate) fn start_behind(&self, before: &str, variables: &[(&str, &Path)]) -> Host {
        let mut command = serve(self.home.path(), ANY);
        command.args(["--log", "info"]);
        let mut command = behind(before, &command);
        command.envs(variables.iter().copied());
        Host::start(command, self.path("log"))
    }

    pub(crate) fn start(&self) -> Host {
        self.start_behind("", &[])
    }

    /// What a host says that cannot start at an address.
    pub(crate) fn refused(&self, listen: &str) -> String {
        let output = serve(self.home.path(), listen).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        text(&output.stderr)
    }

    /// What another command on this app writes to standard output.
    pub(crate) fn command(&self, arguments: &[&str]) -> Vec<u8> {
        let mut command = Command::new(SELVEDGE);
        let output = command.args(arguments).arg("--app").arg(self.home.path()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        output.stdout
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}

/// The folder of an app, built once for each manifest; nobody writes there.
pub(crate) fn built(manifest: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<String, TempDir>> = Mutex::new(BTreeMap::new());
    // A test that failed meanwhile has left nothing half-done in here.
    let mut built = BUILT.lock().unwrap_or_else(|poison| poison.into_inner());
    if let Some(home) = built.get(manifest) {
        return home.path().to_owned();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let home = tempfile::tempdir().unwrap();
    for (file, app, composed) in GUESTS {
        if manifest.contains(&format!("\"{file}\"")) {
            let app = root.join(app);
            build(&app);
            let from = app.join(format!(".selvedge/{composed}.wasm"));
            fs::copy(from, home.path().join(file)).unwrap();
        }
    }
    fs::write(home.path().join("selvedge.toml"), manifest).unwrap();
    build(home.path());
    let path = home.path().to_owned();
    built.insert(manifest.to_owned(), home);
    path
}

fn build(app: &Path) {
    let built = Command::new(SELVEDGE).arg("build").arg("--app").arg(app).output().unwrap();
    assert!(built.status.success(), "{}", text(&built.stderr));
}

fn copy(from: &Path, folder: &Path) {
    let to = folder.join(from.file_name().unwrap());
    if from.is_dir() {
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(from).unwrap() {
            copy(&file.unwrap().path(), &to);
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

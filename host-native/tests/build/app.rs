//! An app in a folder of its own, and the real command on it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// An app.
pub(crate) struct App {
    folder: TempDir,
}

/// What the command came to.
pub(crate) struct Ran {
    /// Its exit code; none where a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it printed as its result.
    pub(crate) stdout: String,
    /// What it said.
    pub(crate) stderr: String,
}

impl App {
    /// An app with a manifest, to which a name is added, and files.
    pub(crate) fn new(manifest: &str, files: &[(&str, &[u8])]) -> Self {
        let app = Self { folder: TempDir::new().unwrap() };
        app.write("selvedge.toml", format!("name = \"test\"\n{manifest}").as_bytes());
        for (path, bytes) in files {
            app.write(path, bytes);
        }
        app
    }

    /// A path in the app.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file of the app.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// The bytes of a file.
    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The composed component of a service.
    pub(crate) fn service(&self, name: &str) -> Vec<u8> {
        self.read(&format!(".selvedge/services/{name}.wasm"))
    }

    /// The command, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_selvedge"));
        command.args(arguments).arg("--app").arg(self.folder.path());
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    /// Builds, which must go well.
    pub(crate) fn build(&self) -> Ran {
        let ran = self.run(&["build"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran
    }

    /// Builds and checks, which must both fail with this sentence in one line.
    pub(crate) fn must_fail(&self, sentence: &str) {
        for command in ["build", "check"] {
            let ran = self.run(&[command]);
            assert_eq!(ran.code, Some(1), "{command}: {}", ran.stderr);
            let told = ran.stderr.lines().filter(|line| line.contains(sentence)).count();
            assert_eq!(told, 1, "{command} must say {sentence:?} once, and says:\n{}", ran.stderr);
        }
    }

    /// The files below a folder of the app, by name; none where there is no such folder.
    pub(crate) fn list(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Ran {
    /// The result, which must be JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }

    /// What `--json` says of one component or service.
    pub(crate) fn of(&self, list: &str, name: &str) -> serde_json::Value {
        let json = self.json();
        let found = json[list].as_array().unwrap().iter().find(|entry| entry["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {list} of {json}")).clone()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Changes a file's time, so that it counts as changed.
pub(crate) fn touch(path: &Path) {
    let file = std::fs::File::options().append(true).open(path).unwrap();
    let later = file.metadata().unwrap().modified().unwrap() + std::time::Duration::from_secs(1);
    file.set_modified(later).unwrap();
}

//! An app with the suite's objects, hosts that serve it, and what they leave.

use crate::host::{ANY, Host, SELVEDGE, serve, text};
use crate::serving::built;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const MANIFEST: &str = r#"
name = "app"
[components.probe]
wasm = "probe.wasm"
objects = ["subject", "plain"]
[components.subject]
wasm = "subject.wasm"
[components.plain]
wasm = "plain.wasm"
[services.probe]
component = "probe"
routes = ["/probe/*"]
[objects.subject]
component = "subject"
[objects.subject.limits]
storage-bytes = 1048576
[objects.plain]
component = "plain"
"#;

/// An app with the suite's objects, built once.
pub(super) fn app() -> PathBuf {
    built(MANIFEST)
}

/// A host that serves it, with these data.
pub(super) fn start(data: &Path) -> Host {
    fs::create_dir_all(data).unwrap();
    let mut command = serve(&app(), ANY);
    command.args(["--log", "warn", "--data"]).arg(data);
    Host::start(command, data.join("log"))
}

/// What the objects of one test store.
pub(super) struct Data {
    home: TempDir,
}

impl Data {
    pub(super) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    /// Data with objects that a host has stored, which does not run any more.
    pub(super) fn with(objects: &[(&str, Value)]) -> Self {
        let data = Self::new();
        let host = start(&data.path());
        for (name, script) in objects {
            host.results(name, script);
        }
        host.stop();
        data
    }

    pub(super) fn path(&self) -> PathBuf {
        self.home.path().join("data")
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(super) fn object(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(SELVEDGE);
        command.arg("object").args(arguments).arg("--app").arg(app());
        command.arg("--data").arg(self.path()).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a command that succeeds; gives what it wrote to standard output.
    pub(super) fn ok(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.object(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        output.stdout
    }

    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_slice(&self.ok(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// Runs a command that fails; gives what it wrote to standard error.
    pub(super) fn fails(&self, arguments: &[&str]) -> String {
        let output = self.object(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        text(&output.stderr)
    }

    /// The names that are listed, each with whether it is live.
    pub(super) fn listed(&self) -> Vec<(String, bool)> {
        let listed = self.json(&["list", "subject"]);
        let name = |it: &Value| (it["name"].as_str().unwrap().to_owned(), it["live"] == true);
        let mut names: Vec<_> = listed.as_array().unwrap().iter().map(name).collect();
        names.sort();
        names
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.path().join("objects/host.sock")
    }
}

//! An app with the suite's objects, hosts that serve it, and what they leave.

use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

pub(super) const SELVEDGE: &str = env!("CARGO_BIN_EXE_selvedge");

pub(super) const MANIFEST: &str = r#"
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
pub(super) fn app() -> &'static Path {
    static APP: OnceLock<TempDir> = OnceLock::new();
    let home = APP.get_or_init(|| {
        let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests");
        let built = Command::new(SELVEDGE).arg("build").arg("--app").arg(&guests).output().unwrap();
        assert!(built.status.success(), "{}", text(&built.stderr));
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("selvedge.toml"), MANIFEST).unwrap();
        for part in ["services/probe.wasm", "objects/subject.wasm", "objects/plain.wasm"] {
            let from = guests.join(".selvedge").join(part);
            fs::copy(&from, home.path().join(from.file_name().unwrap())).unwrap();
        }
        let built =
            Command::new(SELVEDGE).arg("build").arg("--app").arg(home.path()).output().unwrap();
        assert!(built.status.success(), "{}", text(&built.stderr));
        home
    });
    home.path()
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
        let host = Host::start(&data.path());
        for (name, script) in objects {
            host.run(name, script);
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

/// A host that serves; it ends with this.
pub(super) struct Host {
    child: Child,
    address: String,
}

impl Host {
    pub(super) fn start(data: &Path) -> Self {
        let mut child = Command::new(SELVEDGE)
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--app"])
            .arg(app())
            .arg("--data")
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { child, address }
    }

    /// Status and body of the answer to a script for an object.
    pub(super) fn ask(&self, name: &str, script: &Value) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
        let body = script.to_string();
        let head = format!(
            "POST /probe/objects/run?name={name} HTTP/1.1\r\nhost: localhost\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.get(9..12).unwrap().parse().unwrap();
        (status, answer.split("\r\n\r\n").nth(1).unwrap().to_owned())
    }

    /// What an object gave for a script.
    pub(super) fn run(&self, name: &str, script: &Value) -> Value {
        let (status, body) = self.ask(name, script);
        assert_eq!(status, 200, "{body}");
        let begin = body.find('{').unwrap();
        let end = body.rfind('}').unwrap();
        let said: Value = serde_json::from_str(body.get(begin..=end).unwrap()).unwrap();
        said.get("results").cloned().unwrap()
    }

    pub(super) fn signal(&mut self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
        self.child.wait().unwrap();
    }

    pub(super) fn stop(mut self) {
        self.signal("TERM");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

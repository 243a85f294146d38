//! The app that these tests serve, the host that serves it, and a client of few lines.

use selvedge_contract::object::object_id;
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SELVEDGE: &str = env!("CARGO_BIN_EXE_selvedge");

/// The demo's counter, and the suite's probe with its object.
const MANIFEST: &str = r#"
name = "app"
[components.counter]
wasm = "counter.wasm"
objects = ["counter"]
[components.counter-object]
wasm = "counter-object.wasm"
[components.probe]
wasm = "probe.wasm"
objects = ["subject", "plain"]
[components.subject]
wasm = "subject.wasm"
[components.plain]
wasm = "plain.wasm"
[services.counter]
component = "counter"
routes = ["/counter/{name}"]
[services.counter.limits]
concurrent-requests = 4000
[services.probe]
component = "probe"
routes = ["/probe/*"]
[objects.counter]
component = "counter-object"
[objects.counter.limits]
calls = 4000
[objects.subject]
component = "subject"
[objects.plain]
component = "plain"
"#;

/// An app that is built, with a data folder of its own.
pub(crate) struct App {
    home: TempDir,
}

/// A host that serves; it is killed with this.
pub(crate) struct Host {
    pub(crate) child: Child,
    pub(crate) address: String,
    log: PathBuf,
}

/// A response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl App {
    pub(crate) fn new() -> Self {
        let app = Self { home: tempfile::tempdir().unwrap() };
        for file in fs::read_dir(built().path()).unwrap() {
            copy(&file.unwrap().path(), app.home.path());
        }
        app
    }

    /// `serve`, as a command of the shell that runs behind `before`.
    pub(crate) fn start_behind(&self, before: &str, variables: &[(&str, &Path)]) -> Host {
        let log = self.home.path().join("log");
        let mut child = Command::new("bash")
            .args(["-c", &format!("{before} exec \"$@\""), "bash", SELVEDGE, "serve"])
            .args(["--listen", "127.0.0.1:0", "--log", "info", "--app"])
            .arg(self.home.path())
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://");
        let address =
            address.unwrap_or_else(|| panic!("{}", fs::read_to_string(&log).unwrap())).to_owned();
        Host { child, address, log }
    }

    pub(crate) fn start(&self) -> Host {
        self.start_behind("", &[])
    }

    /// What a host says that cannot start.
    pub(crate) fn refused(&self) -> String {
        let output = Command::new(SELVEDGE)
            .args(["serve", "--listen", "127.0.0.1:0", "--app"])
            .arg(self.home.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The file of an object.
    pub(crate) fn file(&self, class: &str, name: &str) -> PathBuf {
        let id = object_id(class, name);
        self.objects().join(class).join(&id[..2]).join(format!("{id}.sqlite"))
    }

    fn objects(&self) -> PathBuf {
        self.home.path().join(".selvedge/data/objects")
    }

    /// The logs of objects that were not folded.
    pub(crate) fn logs(&self) -> Vec<PathBuf> {
        let entries = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
        let classes = entries(self.objects()).map(|entry| entry.path());
        let folders = classes.flat_map(|class| entries(class).map(|entry| entry.path()));
        let files = folders.flat_map(|folder| entries(folder).map(|entry| entry.path()));
        files.filter(|path| path.to_string_lossy().ends_with("-wal")).collect()
    }
}

impl Host {
    /// Sends a request, whose answer is read later.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> std::io::Result<TcpStream> {
        ask(&self.address, method, path, body)
    }

    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> Answer {
        read(self.ask(method, path, body).unwrap()).unwrap()
    }

    pub(crate) fn add(&self, counter: &str) -> Answer {
        self.request("POST", &format!("/counter/{counter}"), "")
    }

    /// How a counter stands.
    pub(crate) fn value(&self, counter: &str) -> u64 {
        let answer = self.request("GET", &format!("/counter/{counter}"), "");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["value"].as_u64().unwrap()
    }

    /// Runs a script in a probe object.
    pub(crate) fn run(&self, object: &str, script: &str) -> Answer {
        self.request("POST", &format!("/probe/objects/run?name={object}"), script)
    }

    /// What a script gives that every step of succeeds.
    pub(crate) fn results(&self, object: &str, script: &str) -> Value {
        let answer = self.run(object, script);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["results"].clone()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the host to stop, and waits for it.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < Duration::from_secs(8), "it does not stop: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request, whose answer is read later.
pub(crate) fn ask(
    address: &str,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let bytes = body.len();
    let request = format!(
        "{method} {path} HTTP/1.0\r\nhost: localhost\r\ncontent-length: {bytes}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

/// Reads a whole answer; an error where it ends before its end.
pub(crate) fn read(mut stream: TcpStream) -> std::io::Result<Answer> {
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let cut_short = || std::io::Error::other(format!("cut short: {text:?}"));
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(cut_short)?;
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).ok_or_else(cut_short)?;
    let body = match serde_json::from_str(body) {
        Ok(body) => body,
        // Not everything is JSON.
        Err(_) if !body.starts_with(['{', '[']) => Value::from(body),
        Err(_) => return Err(cut_short()),
    };
    Ok(Answer { status, body })
}

/// The app, built once; its guests are those of the demo and of the suite.
fn built() -> &'static TempDir {
    static BUILT: OnceLock<TempDir> = OnceLock::new();
    BUILT.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let home = tempfile::tempdir().unwrap();
        let taken = [
            ("components", "services/counter", "counter"),
            ("components", "objects/counter", "counter-object"),
            ("tests/guests", "services/probe", "probe"),
            ("tests/guests", "objects/subject", "subject"),
            ("tests/guests", "objects/plain", "plain"),
        ];
        for (app, from, to) in taken {
            let app = root.join(app);
            build(&app);
            let from = app.join(format!(".selvedge/{from}.wasm"));
            fs::copy(from, home.path().join(format!("{to}.wasm"))).unwrap();
        }
        fs::write(home.path().join("selvedge.toml"), MANIFEST).unwrap();
        build(home.path());
        home
    })
}

fn build(app: &Path) {
    let built = Command::new(SELVEDGE).arg("build").arg("--app").arg(app).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
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

//! `selvedge serve`: what it says where it cannot start, how it stops, and what it does with clients
//! that never come to the point. What a served app does is for the conformance suite.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SELVEDGE: &str = env!("CARGO_BIN_EXE_selvedge");

const MANIFEST: &str = r#"
name = "app"
[components.probe]
wasm = "probe.wasm"
objects = ["subject", "plain"]
[components.subject]
wasm = "subject.wasm"
objects = ["subject", "plain"]
[components.plain]
wasm = "plain.wasm"
[objects.subject]
component = "subject"
[objects.plain]
component = "plain"
[services.probe]
component = "probe"
routes = ["/probe/*"]
[keyvalue.plain]
"#;

/// An app with the suite's probe, in a folder of its own.
struct App {
    home: TempDir,
}

impl App {
    fn built(manifest: &str) -> Self {
        let app = Self { home: tempfile::tempdir().unwrap() };
        fs::write(app.home.path().join("selvedge.toml"), manifest).unwrap();
        for (composed, name) in
            [("services", "probe.wasm"), ("objects", "subject.wasm"), ("objects", "plain.wasm")]
        {
            fs::copy(guests().join(composed).join(name), app.home.path().join(name)).unwrap();
        }
        let built = app.command("build").output().unwrap();
        assert!(built.status.success(), "{}", text(&built.stderr));
        app
    }

    fn command(&self, command: &str) -> Command {
        let mut selvedge = Command::new(SELVEDGE);
        selvedge.arg(command).arg("--app").arg(self.home.path());
        selvedge
    }

    /// `serve`, for a start that fails.
    fn refused(&self, listen: &str) -> String {
        let output: Output = self.command("serve").args(["--listen", listen]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        text(&output.stderr)
    }

    fn data(&self) -> PathBuf {
        self.home.path().join(".selvedge/data")
    }
}

/// A host that serves; it ends with this.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(app: &App) -> Self {
        let mut child = app
            .command("serve")
            .args(["--listen", "127.0.0.1:0", "--log", "warn"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { child, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
        stream
    }

    fn ask(&self, path: &str) -> TcpStream {
        let mut stream = self.connect();
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// The exit code, which must come within `seconds`.
    fn ended_within(&mut self, seconds: u64) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the host did not end within {seconds} s");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The suite's guests, built once.
fn guests() -> &'static Path {
    static PROBE: OnceLock<PathBuf> = OnceLock::new();
    PROBE.get_or_init(|| {
        let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests");
        let built = Command::new(SELVEDGE).arg("build").arg("--app").arg(&guests).output().unwrap();
        assert!(built.status.success(), "{}", text(&built.stderr));
        guests.join(".selvedge")
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn read_all(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is reset has said what it had to say.
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    text(&bytes)
}

#[test]
fn port_in_use_is_named_with_the_next_step() {
    let app = App::built(MANIFEST);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = app.refused(&address);
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
}

#[test]
fn data_folder_that_cannot_be_written_is_named() {
    let app = App::built(MANIFEST);
    fs::write(app.data(), "a file where the folder should be").unwrap();
    let said = app.refused("127.0.0.1:0");
    assert!(said.contains(&app.data().display().to_string()), "{said}");
}

#[test]
fn damaged_store_is_named_and_left_as_it_is() {
    let app = App::built(MANIFEST);
    fs::create_dir_all(app.data()).unwrap();
    let file = app.data().join("keyvalue.sqlite");
    let damaged = "this is no database".repeat(1000);
    fs::write(&file, &damaged).unwrap();
    let said = app.refused("127.0.0.1:0");
    assert!(said.contains("keyvalue.sqlite"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), damaged);
}

#[test]
fn secret_that_is_not_set_is_named_with_its_variable() {
    let manifest = MANIFEST
        .replace("wasm = \"probe.wasm\"", "wasm = \"probe.wasm\"\nsecrets = [\"key\"]")
        + "[secrets.key]\nenv = \"SELVEDGE_TEST_NO_SUCH_VARIABLE\"\n";
    let said = App::built(&manifest).refused("127.0.0.1:0");
    assert!(said.contains("SELVEDGE_TEST_NO_SUCH_VARIABLE"), "{said}");
}

#[test]
fn app_that_is_not_built_says_what_to_run() {
    let app = App::built(MANIFEST);
    fs::remove_dir_all(app.home.path().join(".selvedge")).unwrap();
    let said = app.refused("127.0.0.1:0");
    assert!(said.contains("selvedge build"), "{said}");
}

#[test]
fn request_in_flight_is_answered_before_the_host_stops() {
    let app = App::built(MANIFEST);
    for signal in ["TERM", "INT"] {
        let mut host = Serving::start(&app);
        let slow = host.ask("/probe/http/sleep?ms=1500");
        std::thread::sleep(Duration::from_millis(500));
        host.signal(signal);
        let answer = read_all(slow);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("slept"), "{answer}");
        assert_eq!(host.ended_within(5), Some(0), "{signal}");
        assert!(TcpStream::connect(&host.address).is_err());
    }
}

#[test]
fn second_signal_ends_the_host_at_once() {
    let app = App::built(MANIFEST);
    let mut host = Serving::start(&app);
    let _slow = host.ask("/probe/http/sleep?ms=20000");
    std::thread::sleep(Duration::from_millis(300));
    host.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    assert!(host.child.try_wait().unwrap().is_none(), "the first signal only drains");
    host.signal("TERM");
    assert_eq!(host.ended_within(3), Some(0));
}

#[test]
fn idle_connection_does_not_hold_up_the_end() {
    let app = App::built(MANIFEST);
    let mut host = Serving::start(&app);
    let mut idle = host.connect();
    idle.write_all(b"GET /probe/http/hello HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    host.signal("TERM");
    assert_eq!(host.ended_within(3), Some(0));
}

#[test]
fn head_that_does_not_arrive_is_answered_with_408() {
    let app = App::built(MANIFEST);
    let host = Serving::start(&app);
    let mut slow = host.connect();
    let mut writer = slow.try_clone().unwrap();
    slow.write_all(b"GET /probe/http/hello HTTP/1.1\r\n").unwrap();
    // One byte a second, for ever.
    let trickle = std::thread::spawn(move || {
        while writer.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_secs(1));
        }
    });
    let answer = read_all(slow);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer:?}");
    trickle.join().unwrap();
    assert!(read_all(host.ask("/probe/http/hello")).starts_with("HTTP/1.1 200"));
}

#[test]
fn head_of_100_mb_is_refused_early() {
    let app = App::built(MANIFEST);
    let host = Serving::start(&app);
    let mut stream = host.connect();
    let mut reader = stream.try_clone().unwrap();
    stream.write_all(b"GET /probe/http/hello HTTP/1.1\r\nhost: localhost\r\nx-large: ").unwrap();
    let megabyte = vec![b'a'; 1 << 20];
    let written = (0..100).take_while(|_| stream.write_all(&megabyte).is_ok()).count();
    assert!(written < 100, "the host read all of it");
    let mut answer = Vec::new();
    // What the host said may be lost where it closed while more was on its way.
    let _ = reader.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", text(&answer));
    assert!(read_all(host.ask("/probe/http/hello")).starts_with("HTTP/1.1 200"));
}

//! `selvedge serve`: what it says where it cannot start, how it stops, what it does with clients that
//! never come to the point, and what it shares with commands beside it. What a served app does is for
//! the conformance suite.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails panics"
)]

#[path = "serving/host.rs"]
mod host;
#[path = "serving/app.rs"]
mod serving;

use host::{ANY, Host, text, until};
use selvedge_contract::limits::{DRAIN_MS, HEADER_READ_MS};
use serving::App;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Where a host keeps what its guests store, in the app's folder.
const DATA: &str = ".selvedge/data";

const MANIFEST: &str = r#"
name = "app"
[components.probe]
wasm = "probe.wasm"
objects = ["subject", "plain"]
keyvalue = ["plain"]
allow-hosts = ["127.0.0.1"]
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

impl Host {
    /// Asks for a path, in a way that ends the connection.
    fn get(&self, path: &str) -> TcpStream {
        self.ask("GET", path, "").unwrap()
    }
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
    let app = App::of(MANIFEST);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = app.refused(&address);
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
}

#[test]
fn data_folder_that_cannot_be_written_is_named() {
    let app = App::of(MANIFEST);
    fs::write(app.path(DATA), "a file where the folder should be").unwrap();
    let said = app.refused(ANY);
    assert!(said.contains(&app.path(DATA).display().to_string()), "{said}");
}

#[test]
fn damaged_store_is_named_and_left_as_it_is() {
    let app = App::of(MANIFEST);
    fs::create_dir_all(app.path(DATA)).unwrap();
    let file = app.path(DATA).join("keyvalue.sqlite");
    let damaged = "this is no database".repeat(1000);
    fs::write(&file, &damaged).unwrap();
    let said = app.refused(ANY);
    assert!(said.contains("keyvalue.sqlite"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), damaged);
}

#[test]
fn secret_that_is_not_set_is_named_with_its_variable() {
    let manifest = MANIFEST
        .replace("wasm = \"probe.wasm\"", "wasm = \"probe.wasm\"\nsecrets = [\"key\"]")
        + "[secrets.key]\nenv = \"SELVEDGE_TEST_NO_SUCH_VARIABLE\"\n";
    let said = App::of(&manifest).refused(ANY);
    assert!(said.contains("SELVEDGE_TEST_NO_SUCH_VARIABLE"), "{said}");
}

#[test]
fn app_that_is_not_built_says_what_to_run() {
    let app = App::of(MANIFEST);
    fs::remove_dir_all(app.path(".selvedge")).unwrap();
    let said = app.refused(ANY);
    assert!(said.contains("selvedge build"), "{said}");
}

#[test]
fn request_in_flight_is_answered_before_the_host_stops() {
    let app = App::of(MANIFEST);
    for signal in ["TERM", "INT"] {
        let mut host = app.start();
        let slow = host.get("/probe/http/sleep?ms=1500");
        std::thread::sleep(Duration::from_millis(500));
        host.signal(signal);
        let answer = read_all(slow);
        assert!(answer.starts_with("HTTP/1.0 200") && answer.ends_with("slept"), "{answer}");
        assert_eq!(host.ended_within(Duration::from_secs(5)), Some(0), "{signal}");
        assert!(TcpStream::connect(&host.address).is_err());
    }
}

#[test]
fn second_signal_ends_the_host_at_once() {
    let app = App::of(MANIFEST);
    let mut host = app.start();
    let _slow = host.get("/probe/http/sleep?ms=20000");
    std::thread::sleep(Duration::from_millis(300));
    host.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    assert!(host.child.try_wait().unwrap().is_none(), "the first signal only drains");
    host.signal("TERM");
    assert_eq!(host.ended_within(Duration::from_secs(3)), Some(0));
}

#[test]
fn request_that_outlasts_the_draining_is_ended() {
    let app = App::of(MANIFEST);
    let mut host = app.start();
    let slow = host.get("/probe/http/sleep?ms=25000");
    // Answered after the slow one arrived.
    assert_eq!(host.request("GET", "/probe/http/hello", "").status, 200);
    let begun = Instant::now();
    host.signal("TERM");
    let drain = Duration::from_millis(DRAIN_MS);
    assert_eq!(host.ended_within(drain + Duration::from_secs(3)), Some(0));
    assert!(begun.elapsed() >= drain, "it ended after {:?}", begun.elapsed());
    assert_eq!(read_all(slow), "");
    assert!(host.log().contains("ending requests that did not end in time"), "{}", host.log());
}

#[test]
fn idle_connection_does_not_hold_up_the_end() {
    let app = App::of(MANIFEST);
    let mut host = app.start();
    let mut idle = host.connect();
    idle.write_all(b"GET /probe/http/hello HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    host.signal("TERM");
    assert_eq!(host.ended_within(Duration::from_secs(3)), Some(0));
}

#[test]
fn head_that_does_not_arrive_is_answered_with_408() {
    let app = App::of(MANIFEST);
    let host = app.start();
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
    assert!(read_all(host.get("/probe/http/hello")).starts_with("HTTP/1.0 200"));
}

#[test]
fn client_that_does_not_say_what_it_speaks_is_ended() {
    let app = App::of(MANIFEST);
    let host = app.start();
    let begun = Instant::now();
    // Nothing; the half and the whole of HTTP/2's first words, and no more.
    let ended = ["", "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"].map(|words| {
        let mut stream = host.connect();
        stream.set_read_timeout(Some(Duration::from_millis(3 * HEADER_READ_MS))).unwrap();
        stream.write_all(words.as_bytes()).unwrap();
        std::thread::spawn(move || {
            read_all(stream);
            begun.elapsed()
        })
    });
    for ended in ended {
        let ended = ended.join().unwrap();
        // One that speaks HTTP/2 is asked whether it lives, once that time is over.
        let within = Duration::from_millis(2 * HEADER_READ_MS + 5_000);
        assert!((Duration::from_secs(15)..within).contains(&ended), "{ended:?}");
    }
}

#[test]
fn head_of_100_mb_is_refused_early() {
    let app = App::of(MANIFEST);
    let host = app.start();
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
    until("the refusal is logged", || host.log().contains("failure=\"headers-too-large\""));
    assert!(read_all(host.get("/probe/http/hello")).starts_with("HTTP/1.0 200"));
}

#[test]
fn upload_that_no_guest_reads_is_held_up() {
    const BYTES_MAX: usize = 8 << 20;
    let app = App::of(MANIFEST);
    let host = app.start();
    let mut stream = host.connect();
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    let head = "POST /probe/limits/never-answer HTTP/1.1\r\nhost: localhost\r\ncontent-length: 90000000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let piece = vec![b'a'; 64 << 10];
    let (mut taken, begun) = (0, Instant::now());
    let error = loop {
        match stream.write(&piece) {
            Ok(bytes) => taken += bytes,
            Err(error) => break error,
        }
        assert!(taken < BYTES_MAX, "{taken} bytes were taken in {:?}", begun.elapsed());
    };
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    // Nobody else is.
    assert_eq!(host.request("POST", "/probe/limits/read-body", "abc").body["bytes"], 3);
}

#[test]
fn request_by_https_is_never_sent_in_the_clear() {
    let app = App::of(MANIFEST);
    let host = app.start();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let address = server.local_addr().unwrap();
    let heard = std::thread::scope(|scope| {
        let heard = scope.spawn(|| {
            let mut accepted = None;
            until("the host connects", || {
                accepted = server.accept().ok();
                accepted.is_some()
            });
            let (mut stream, _) = accepted.unwrap();
            stream.set_nonblocking(false).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let mut bytes = vec![0; 16 << 10];
            let first = stream.read(&mut bytes).unwrap();
            bytes.truncate(first);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno");
            // A reset is an end, too.
            let _ = stream.read_to_end(&mut bytes);
            bytes
        });
        let fetch = format!("/probe/http/fetch?url=https://{address}/secret");
        let answer = host.request("GET", &fetch, "");
        assert_eq!((answer.status, &answer.body["error"]), (200, &"TlsProtocolError".into()));
        heard.join().unwrap()
    });
    // RFC 8446 section 5.1: a record of a handshake.
    assert_eq!(heard.first(), Some(&22));
    assert!(!text(&heard).contains("secret"), "{heard:?}");
    // Nor is it tried again without TLS.
    assert_eq!(server.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn keys_are_shared_with_a_command_beside_the_host() {
    const GET: &str = "/probe/keyvalue/get?store=plain&key=k";
    let app = App::of(MANIFEST);
    let host = app.start();
    assert_eq!(host.request("GET", GET, "").status, 404);
    app.command(&["kv", "put", "plain", "k", "by the command"]);
    assert_eq!(host.request("GET", GET, "").body, "by the command");
    let set = host.request("PUT", "/probe/keyvalue/set?store=plain&key=k", "by the guest");
    assert_eq!(set.status, 200);
    assert_eq!(app.command(&["kv", "get", "plain", "k"]), b"by the guest");
    app.command(&["kv", "delete", "plain", "k"]);
    assert_eq!(host.request("GET", GET, "").status, 404);
}

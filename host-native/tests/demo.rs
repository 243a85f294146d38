//! The demo app as people meet it: over HTTP, with an origin, and by the lines that `run.sh` prints.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails panics"
)]

#[path = "serving/demo.rs"]
mod demo;
#[path = "serving/host.rs"]
mod host;
#[path = "serving/app.rs"]
mod serving;

use demo::{ORIGIN, Script, jwt_file};
use host::{Answer, Host, text, until};
use serde_json::json;
use serving::App;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A server that `profile` asks, and what it was asked.
struct Origin {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Origin {
    /// Listens until the test's process ends.
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let asked = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let head = read_head(&stream);
                // The place comes before the answer: who has the answer may count.
                asked.lock().unwrap().push(head);
                let _ = (&stream).write_all(
                    b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 15\r\n\r\n{\"plan\":\"demo\"}",
                );
            }
        });
        Self { address, heads }
    }

    /// The demo, which asks this origin.
    fn app(&self) -> App {
        App::demo(&[(ORIGIN, &self.address)])
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// The head of a request, in lower case.
fn read_head(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let lines: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    lines.join("\n").to_lowercase()
}

fn visit(host: &Host, address: &str, country: &str) -> Answer {
    let fields = [("cf-connecting-ip", address), ("cf-ipcountry", country)];
    host.send("GET", "/api/fast-user", &fields, "")
}

fn profile(host: &Host, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    host.send("GET", "/api/profile", &[("authorization", &bearer)], "")
}

/// Asserts that a request was refused for its token, with this reason.
fn assert_unauthorized(answer: &Answer, reason: &str) {
    assert_eq!((answer.status, &answer.body), (401, &json!({ "reason": reason })));
}

#[test]
fn visitor_is_stored_after_the_response_and_known_for_an_hour() {
    let app = App::demo(&[]);
    let host = app.start_demo(Script::read().key());
    let is = |address: &str, country: &str, status: &str| {
        visit(&host, address, country).body
            == json!({ "status": status, "ip": address, "country": "CH" })
    };
    let first = visit(&host, "203.0.113.1", "CH");
    assert_eq!(first.header("x-served-by"), Some("selvedge"));
    assert_eq!(first.body, json!({ "status": "miss", "ip": "203.0.113.1", "country": "CH" }));
    until("the first visitor is stored", || is("203.0.113.1", "CH", "hit"));

    // While nobody can write, a visitor is answered all the same.
    let store = rusqlite::Connection::open(app.path(".selvedge/data/keyvalue.sqlite")).unwrap();
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    assert!(is("203.0.113.7", "ch", "miss"));
    assert!(begun.elapsed() < Duration::from_secs(2), "it waited for a write");
    assert!(is("203.0.113.7", "CH", "miss"), "it was written");
    store.execute_batch("COMMIT").unwrap();
    until("the second visitor is stored", || is("203.0.113.7", "CH", "hit"));

    // What is remembered counts, not what is said now.
    assert!(is("203.0.113.7", "DE", "hit"));
    app.set_clock_ahead(3500);
    assert!(is("203.0.113.7", "CH", "hit"));
    app.set_clock_ahead(3700);
    assert!(is("203.0.113.7", "CH", "miss"));

    assert_eq!(host.request("GET", "/api/fast-user", "").status, 400);
    let refused = host.request("POST", "/api/fast-user", "");
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
}

#[test]
fn page_is_computed_once_a_minute() {
    let app = App::demo(&[]);
    let host = app.start_demo(Script::read().key());
    let page = || {
        let answer = host.request("GET", "/home", "");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        (answer.header("x-cache").unwrap().to_owned(), answer.body)
    };
    let (miss, first) = page();
    assert_eq!((miss.as_str(), page()), ("miss", ("hit".to_owned(), first.clone())));
    app.set_clock_ahead(30);
    assert_eq!(page(), ("hit".to_owned(), first.clone()));
    app.set_clock_ahead(61);
    let (miss, second) = page();
    assert_eq!(miss, "miss");
    assert_ne!(second, first);
    assert_eq!(page(), ("hit".to_owned(), second));
}

#[test]
fn origin_is_asked_for_valid_requests_alone() {
    let (script, origin) = (Script::read(), Origin::start());
    let app = origin.app();
    let host = app.start_demo(script.key());
    let nobody = host.send("GET", "/api/profile", &[("x-auth-subject", "root")], "");
    assert_unauthorized(&nobody, "send a token: the header authorization is missing");
    assert_eq!(nobody.header("www-authenticate"), Some("Bearer"));
    assert_unauthorized(&profile(&host, "a.b.c"), "this is no token signed with HS256");
    let (message, signature) = script.token().rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    let forged = profile(&host, &format!("{message}.{other}{}", &signature[1..]));
    assert_unauthorized(&forged, "the signature does not match");
    assert!(forged.header("www-authenticate").unwrap().contains("invalid_token"));
    let bearer = format!("Bearer {}", script.token());
    let post = host.send("POST", "/api/profile", &[("authorization", &bearer)], "");
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(origin.heads(), Vec::<String>::new());

    let fields = [("authorization", bearer.as_str()), ("x-auth-subject", "root")];
    let valid = host.send("GET", "/api/profile?page=2", &fields, "");
    assert_eq!((valid.status, valid.body), (200, json!({ "plan": "demo" })));
    let heads = origin.heads();
    assert_eq!(heads.len(), 1, "{heads:?}");
    assert!(heads[0].starts_with("get /api/profile?page=2 "), "{heads:?}");
    let subjects: Vec<_> =
        heads[0].lines().filter(|line| line.starts_with("x-auth-subject")).collect();
    assert_eq!(subjects, ["x-auth-subject: ada"]);
    assert!(!heads[0].contains("authorization"), "{heads:?}");
}

#[test]
fn public_key_makes_the_tokens_those_of_rs256() {
    let (script, origin) = (Script::read(), Origin::start());
    let app = origin.app();
    let host = app.start_demo(&jwt_file("rsa_public.pem"));
    let expired = profile(&host, &jwt_file("rs256_expired.jwt"));
    assert_unauthorized(&expired, "the token has expired");
    assert_unauthorized(&profile(&host, script.token()), "this is no token signed with RS256");
    assert_eq!(origin.heads(), Vec::<String>::new());
    assert_eq!(profile(&host, &jwt_file("rs256.jwt")).status, 200);
    let heads = origin.heads();
    assert!(heads.len() == 1 && heads[0].contains("x-auth-subject: alice"), "{heads:?}");
}

#[test]
fn origin_that_is_not_granted_is_not_asked() {
    let (script, origin) = (Script::read(), Origin::start());
    let var = format!("origin = \"http://{}\"", origin.address);
    let app = App::demo(&[("origin = \"http://127.0.0.1:8788\"", &var)]);
    let host = app.start_demo(script.key());
    let denied = profile(&host, script.token());
    assert_eq!(denied.status, 502);
    let reason = "the origin is not among the hosts that the manifest allows";
    assert_eq!(denied.body, json!({ "reason": reason }));
    assert_eq!(origin.heads(), Vec::<String>::new());
}

#[test]
fn document_that_does_not_fit_is_answered_with_places_and_reasons() {
    let app = App::demo(&[]);
    let host = app.start_demo(Script::read().key());
    let validate = |document: &str| host.request("POST", "/api/validate", document);
    let order = |qty: u32| {
        json!({ "customer": { "email": "a@b.c" }, "items": [{ "sku": "A-17", "qty": qty }] })
            .to_string()
    };
    let valid = validate(&order(1));
    assert_eq!((valid.status, valid.body), (200, json!({ "valid": true })));
    let wrong = validate(&order(0));
    assert_eq!(wrong.status, 400);
    assert_eq!(wrong.body.as_array().unwrap().len(), 1, "{}", wrong.body);
    assert_eq!(wrong.body[0]["pointer"], "/items/0/qty");
    assert!(wrong.body[0]["reason"].as_str().unwrap().contains('1'), "{}", wrong.body);
    let text = validate("{");
    assert_eq!((text.status, &text.body[0]["pointer"]), (400, &json!("")));
    assert!(text.body[0]["reason"].as_str().unwrap().starts_with("not JSON"), "{}", text.body);
    let get = host.request("GET", "/api/validate", "");
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
}

/// The statuses that the lines of `run.sh` show, in their order; none where a line asks for no head.
const TRIED: [&[u16]; 16] = [
    &[],
    &[200],
    &[200],
    &[401],
    &[200],
    &[400],
    &[200],
    &[200],
    &[200, 200, 200, 200, 200, 429],
    &[201],
    &[204],
    &[200],
    &[200],
    &[200],
    &[200],
    &[200, 200],
];

#[test]
fn lines_that_the_script_prints_work() {
    let (script, origin) = (Script::read(), Origin::start());
    // Slow enough that a slow machine is limited, too.
    let slow = ("rate-limit-per-second = \"0.5\"", "rate-limit-per-second = \"0.01\"");
    let app = App::demo(&[(ORIGIN, &origin.address), slow]);
    let host = app.start_demo(script.key());
    let lines: Vec<_> = script.tries().collect();
    assert_eq!(lines.len(), TRIED.len(), "{lines:?}");
    let cookies = app.path("cookies").display().to_string();
    for (line, statuses) in lines.into_iter().zip(TRIED) {
        let line = line.replace("127.0.0.1:8787", &host.address);
        let line = line.replace("$token", script.token()).replace("/tmp/cookies", &cookies);
        let mut shell = Command::new("bash");
        shell.args(["-c", &line]).stdin(Stdio::null());
        // A proxy knows no host of this machine's own.
        let output = shell.env("NO_PROXY", "*").output().unwrap();
        let said = format!("{line}\n{}{}", text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{said}");
        let shown = text(&output.stdout);
        // Most bodies end without a line break.
        let heads = shown.split("HTTP/1.1 ").skip(1);
        let heads: Vec<u16> = heads.map(|head| head[..3].parse().unwrap()).collect();
        assert_eq!(heads, statuses, "{said}");
        assert!(!statuses.is_empty() || shown == "Hello from a component!\n", "{said}");
    }
}

//! What is asked of the servers, and what the answers must be.

use super::apps::App;
use super::bare::HELLO;
use super::load::NUMBER;

/// The baseline's name in every result.
pub(crate) const BASELINE: &str = "hyper";

/// A request whose answering is measured.
pub(crate) struct Case {
    /// Its name in every result.
    pub(crate) name: &'static str,
    /// What it is, for people.
    pub(crate) label: &'static str,
    /// Who answers it.
    pub(crate) app: App,
    /// Sent once before: what the case needs to be there.
    pub(crate) prepare: Option<Vec<u8>>,
    /// The whole request.
    pub(crate) request: Vec<u8>,
    /// What the body of each answer holds, from some moment on.
    pub(crate) answer: Vec<u8>,
}

/// Bytes of the value that is got: a session, a small record.
const VALUE_BYTES: usize = 100;

/// Every case; the first is the baseline of the others.
pub(crate) fn cases() -> Vec<Case> {
    let value = vec![b'v'; VALUE_BYTES];
    let put = format!(
        "PUT /keyvalue/key HTTP/1.1\r\nhost: bench\r\ncontent-length: {VALUE_BYTES}\r\n\r\n"
    );
    let hello = |name, label, app, path| Case {
        name,
        label,
        app,
        prepare: None,
        request: get(path, ""),
        answer: HELLO.to_vec(),
    };
    vec![
        hello(BASELINE, "hyper alone, hello", App::Bare, "/"),
        hello("hello", "hello, WASI 0.3", App::Bench, "/hello"),
        hello("hello-p2", "hello, WASI 0.2", App::Bench, "/hello-p2"),
        Case {
            name: "keyvalue-get",
            label: "key-value get of 100 bytes",
            app: App::Bench,
            prepare: Some([put.into_bytes(), value.clone()].concat()),
            request: get("/keyvalue/key", ""),
            answer: value,
        },
        Case {
            name: "fast-user",
            label: "`fast-user`, known visitor",
            app: App::Demo,
            prepare: None,
            request: get("/api/fast-user", "cf-connecting-ip: 203.0.113.7\r\ncf-ipcountry: NZ\r\n"),
            answer: br#""status":"hit""#.to_vec(),
        },
        Case {
            name: "object-get",
            label: "object, a call that does not write",
            app: App::Demo,
            prepare: Some(post("/counter/read")),
            request: get("/counter/read", ""),
            answer: br#""name":"read""#.to_vec(),
        },
        Case {
            name: "object-add-one",
            label: "object, durable increment, one object",
            app: App::Demo,
            prepare: None,
            request: post("/counter/one"),
            answer: br#""name":"one""#.to_vec(),
        },
        Case {
            name: "object-add-many",
            label: "object, durable increment, one object a connection",
            app: App::Demo,
            prepare: None,
            request: post(&format!("/counter/{NUMBER}")),
            answer: br#""value":"#.to_vec(),
        },
    ]
}

fn post(path: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

fn get(path: &str, fields: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{fields}\r\n").into_bytes()
}

//! The probe object: does what a script tells it, and says what it sees.
//!
//! Each kind of step has a file; `script.rs` reads them. What is kept in memory lies in [`Subject`],
//! which the host makes once in the life of an instance.

mod alarm;
mod door;
mod echo;
mod outside;
mod script;
mod sql;
mod storage;

use bindings::exports::selvedge::durable::{alarm_handler, lifecycle};
use bindings::exports::test::objects::subjects::Guest;
use bindings::selvedge::durable::{self_, storage as keys};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use wasip3::http::types::{ErrorCode, Request, Response};

/// The host's side, and ours.
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../wit-objects"],
        world: "test:objects/subject-object",
        generate_all,
    });
}

/// The key that counts the starts.
const STARTS: &str = "~starts";
/// The key that says how many starts are to fail.
const STARTS_TO_FAIL: &str = "~starts-to-fail";

struct Object;

bindings::export!(Object with_types_in bindings);
wasip3::http::service::export!(Object);

impl Guest for Object {
    type Subject = Subject;
}

/// What an instance keeps in memory.
#[derive(Default)]
pub struct Subject {
    /// The name that the constructor was given.
    name: String,
    /// What `bump` counts.
    bumps: Cell<u64>,
    /// What `count` counts.
    counts: Cell<u64>,
    /// How many calls are in `meet`.
    met: Cell<u64>,
    /// What `note` keeps.
    notes: RefCell<Vec<Value>>,
}

thread_local! {
    static INSTANCE: Cell<u64> = const { Cell::new(0) };
    static CONSTRUCTED: Cell<u64> = const { Cell::new(0) };
}

impl Subject {
    /// Counts that the host made a subject in this instance.
    fn constructed(name: String) -> Self {
        CONSTRUCTED.set(CONSTRUCTED.get() + 1);
        Self { name, ..Self::default() }
    }
}

impl lifecycle::Guest for Object {
    async fn start() -> Result<(), String> {
        let failed = |error: keys::Error| format!("{error:?}");
        let to_fail = number(STARTS_TO_FAIL);
        if to_fail > 0 {
            keys::put(STARTS_TO_FAIL, (to_fail - 1).to_string().as_bytes()).map_err(failed)?;
            keys::sync().await.map_err(failed)?;
            // Long enough for others to wait for it, too.
            script::pause(100).await;
            return Err("the start was asked to fail".to_owned());
        }
        keys::put(STARTS, (number(STARTS) + 1).to_string().as_bytes()).map_err(failed)
    }
}

impl alarm_handler::Guest for Object {
    async fn handle(alarm: alarm_handler::Alarm) -> Result<(), String> {
        alarm::handle(alarm).await
    }
}

impl wasip3::exports::http::handler::Guest for Object {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        door::answer(request).await
    }
}

/// The number at `key`, or 0.
fn number(key: &str) -> u64 {
    let stored = keys::get(key).ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(&stored).parse().unwrap_or(0)
}

/// What the object knows of itself, and how often it was started.
fn identity(subject: &Subject) -> Value {
    if INSTANCE.get() == 0 {
        INSTANCE.set(wasip3::random::random::get_random_u64() | 1);
    }
    let id = self_::id();
    let is_hexadecimal =
        id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    json!({
        "id": id,
        "id-letters": id.len(),
        "id-is-hexadecimal": is_hexadecimal,
        "name": self_::name(),
        "name-bytes": self_::name().len(),
        "class": self_::class(),
        "constructor-name": subject.name,
        "constructed": CONSTRUCTED.get(),
        "instance": format!("{:016x}", INSTANCE.get()),
        "starts": number(STARTS),
    })
}

//! A session: a document, and an alarm that removes it.
//!
//! The alarm is the session's end, and the only place where it stands: whoever uses the session moves
//! it. When it goes off, nothing is left, and nobody had to go through all sessions to find out.
//!
//! Nothing is kept in memory. Storage answers at once, so there is little to gain.

use bindings::exports::demo::session::sessions::{Failure, Guest, GuestSession};
use bindings::exports::selvedge::durable::alarm_handler;
use bindings::selvedge::durable::types::Error;
use bindings::selvedge::durable::{alarms, storage};
use bindings::wasi::clocks0_3_0::system_clock;

// `wit/` has two versions of some packages; the modules of these are named with their version.
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../wit"],
        world: "demo:session/object",
        generate_all,
    });
}

const DOCUMENT: &str = "document";
/// The time to live: four bytes, the highest first.
const TTL_SECONDS: &str = "ttl-seconds";
/// The share of the time to live that a use must win before the alarm is moved. To move it is a write:
/// so a session that is read over and over is written 32 times in its time to live and no more. It
/// may expire that much early.
const SLACK_SHARE: u64 = 32;

struct Object;

bindings::export!(Object with_types_in bindings);

impl Guest for Object {
    type Session = Session;
}

struct Session;

impl GuestSession for Session {
    fn new(_name: String) -> Self {
        Self
    }

    async fn create(&self, document: String, ttl_seconds: u32) -> Result<(), Failure> {
        let entries = [
            (DOCUMENT.to_owned(), document.into_bytes()),
            (TTL_SECONDS.to_owned(), ttl_seconds.to_be_bytes().to_vec()),
        ];
        storage::put_many(&entries).map_err(failed)?;
        alarms::set(end_ms(ttl_seconds));
        Ok(())
    }

    async fn read(&self) -> Result<String, Failure> {
        slide()?;
        let document = storage::get(DOCUMENT).map_err(failed)?.ok_or(Failure::Absent)?;
        String::from_utf8(document).map_err(|_| unreadable(DOCUMENT))
    }

    async fn write(&self, document: String) -> Result<(), Failure> {
        slide()?;
        storage::put(DOCUMENT, document.as_bytes()).map_err(failed)
    }

    async fn end(&self) -> Result<(), Failure> {
        if !is_there() {
            return Err(Failure::Absent);
        }
        storage::delete_all().map_err(failed)
    }
}

impl alarm_handler::Guest for Object {
    async fn handle(_alarm: alarm_handler::Alarm) -> Result<(), String> {
        // A call that was first has moved the alarm: then this one says nothing any more.
        if is_there() {
            return Ok(());
        }
        storage::delete_all().map_err(|error| error.to_string())
    }
}

/// Whether the session has not expired. An alarm may be late, so its time counts and not its coming.
fn is_there() -> bool {
    alarms::get().is_some_and(|end_ms| end_ms > now_ms())
}

/// Puts the end off, where that wins enough.
fn slide() -> Result<(), Failure> {
    let current_ms = alarms::get().filter(|end_ms| *end_ms > now_ms()).ok_or(Failure::Absent)?;
    let ttl = storage::get(TTL_SECONDS).map_err(failed)?.ok_or(Failure::Absent)?;
    let ttl_seconds = u32::from_be_bytes(ttl.try_into().map_err(|_| unreadable(TTL_SECONDS))?);
    let slack_ms = u64::from(ttl_seconds) * 1000 / SLACK_SHARE;
    let end_ms = end_ms(ttl_seconds);
    if end_ms > current_ms.saturating_add(slack_ms) {
        alarms::set(end_ms);
    }
    Ok(())
}

/// When a session ends that is used now.
fn end_ms(ttl_seconds: u32) -> u64 {
    now_ms().saturating_add(u64::from(ttl_seconds) * 1000)
}

fn now_ms() -> u64 {
    let now = system_clock::now();
    let seconds = u64::try_from(now.seconds).unwrap_or(0);
    seconds.saturating_mul(1000).saturating_add(u64::from(now.nanoseconds / 1_000_000))
}

fn failed(error: storage::Error) -> Failure {
    eprintln!("storage failed: {error}");
    Failure::Platform(Error::Reset("storage failed".to_owned()))
}

fn unreadable(key: &str) -> Failure {
    eprintln!("what is stored at {key:?} cannot be read");
    Failure::Platform(Error::Reset("the session cannot be read".to_owned()))
}

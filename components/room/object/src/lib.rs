//! A room: a log of messages, and readers who wait for the next one.
//!
//! There is one live instance for each room, so whoever waits and whoever posts meet in its memory: no
//! queue, no polling. While a reader waits, other calls go on; they interleave at each `await`, and
//! there is only one.
//!
//! A reader who is woken may see a message before it is on disk, but nobody outside learns of it: the
//! host holds the answer back until it is.

use bindings::exports::demo::room::rooms::{Error, Guest, GuestRoom, Message};
use bindings::selvedge::durable::storage::{self, ListOptions};
use bindings::wasi::clocks0_3_0::monotonic_clock;
use signal::Signal;
use std::cell::Cell;

// `wit/` has two versions of some packages; the modules of these are named with their version.
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../wit"],
        world: "demo:room/object",
        generate_all,
    });
}
mod key;
mod signal;

const MESSAGES_MAX: u64 = 1000;
const READ_MESSAGES_MAX: u32 = 100;
const TEXT_BYTES_MAX: usize = 4 * 1024;
/// A call may take 10 seconds unless the manifest says otherwise. The rest is for the way there and back.
const WAIT_MS_MAX: u32 = 8_000;
const NS_PER_MS: u64 = 1_000_000;

struct Rooms;

bindings::export!(Rooms with_types_in bindings);

impl Guest for Rooms {
    type Room = Room;
}

/// The live instance of a room.
struct Room {
    /// The id of the last message, 0 before the first, once it was looked up.
    last: Cell<Option<u64>>,
    posted: Signal,
}

impl GuestRoom for Room {
    fn new(_name: String) -> Self {
        Self { last: Cell::new(None), posted: Signal::default() }
    }

    async fn post(&self, text: String) -> Result<u64, Error> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Error::Invalid("the message is over 4 KiB".to_owned()));
        }
        let id = self.last()?.saturating_add(1);
        // Each message that comes moves out the one that is 1000 older.
        storage::delete(&key::of(id.saturating_sub(MESSAGES_MAX))).map_err(failed)?;
        storage::put(&key::of(id), text.as_bytes()).map_err(failed)?;
        self.last.set(Some(id));
        self.posted.wake_all();
        Ok(id)
    }

    async fn read(&self, after: u64, wait_ms: u32) -> Result<Vec<Message>, Error> {
        let wait_ns = u64::from(wait_ms.min(WAIT_MS_MAX)).saturating_mul(NS_PER_MS);
        let deadline = monotonic_clock::now().saturating_add(wait_ns);
        while self.last()? <= after && monotonic_clock::now() < deadline {
            self.posted.wait(monotonic_clock::wait_until(deadline)).await;
        }
        self.messages(after)
    }
}

impl Room {
    fn last(&self) -> Result<u64, Error> {
        if let Some(last) = self.last.get() {
            return Ok(last);
        }
        let options = ListOptions { reverse: true, limit: Some(1), ..all() };
        let stored = storage::list(&options).map_err(failed)?;
        let last = stored.first().and_then(|(key, _)| key::id(key)).unwrap_or(0);
        self.last.set(Some(last));
        Ok(last)
    }

    fn messages(&self, after: u64) -> Result<Vec<Message>, Error> {
        if self.last()? <= after {
            return Ok(Vec::new());
        }
        let start = Some(key::of(after.saturating_add(1)));
        let options = ListOptions { start, limit: Some(READ_MESSAGES_MAX), ..all() };
        let stored = storage::list(&options).map_err(failed)?;
        let message = |(key, text): (String, Vec<u8>)| {
            let text = String::from_utf8_lossy(&text).into_owned();
            key::id(&key).map(|id| Message { id, text })
        };
        Ok(stored.into_iter().filter_map(message).collect())
    }
}

/// All messages, the oldest first.
fn all() -> ListOptions {
    let prefix = Some(key::PREFIX.to_owned());
    ListOptions { prefix, start: None, end: None, reverse: false, limit: None }
}

fn failed(error: storage::Error) -> Error {
    eprintln!("storage failed: {error}");
    Error::Reset("storage failed".to_owned())
}

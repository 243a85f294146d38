//! A counter: the smallest durable object.
//!
//! The host keeps one live instance for each name and makes its `Counter` once. What the struct holds
//! lives as long as that instance; what is put into storage lives on.
//!
//! No method awaits anything, so each is one turn: nobody comes between its read and its write, and
//! the write is on disk before the caller has the answer. There is nothing to lock and to flush.

use bindings::exports::demo::counter::counters::{Count, Error, Guest, GuestCounter};
use bindings::selvedge::durable::storage;
use std::cell::Cell;

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../wit"],
        world: "demo:counter/object",
        generate_all,
    });
}

/// The one key that a counter stores: eight bytes, the highest first.
const VALUE: &str = "value";

struct Counters;

bindings::export!(Counters with_types_in bindings);

impl Guest for Counters {
    type Counter = Counter;
}

/// The live instance of a counter.
struct Counter {
    /// What is stored, once it was read: storage is read once in an instance's life.
    value: Cell<Option<u64>>,
    visits: Cell<u64>,
}

impl GuestCounter for Counter {
    fn new(_name: String) -> Self {
        Self { value: Cell::new(None), visits: Cell::new(0) }
    }

    async fn get(&self) -> Result<Count, Error> {
        self.value().map(|value| self.count(value))
    }

    async fn add(&self, by: u64) -> Result<Count, Error> {
        let sum = self.value()?.checked_add(by);
        let sum = sum.ok_or_else(|| Error::Invalid("the counter is full".to_owned()))?;
        storage::put(VALUE, &sum.to_be_bytes()).map_err(failed)?;
        // If the turn is not committed, this instance ends, and its memory with it: the two agree.
        self.value.set(Some(sum));
        Ok(self.count(sum))
    }
}

impl Counter {
    fn value(&self) -> Result<u64, Error> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let value = match storage::get(VALUE).map_err(failed)? {
            None => 0,
            Some(bytes) => u64::from_be_bytes(bytes.try_into().map_err(unreadable)?),
        };
        self.value.set(Some(value));
        Ok(value)
    }

    /// Counts this visit.
    fn count(&self, value: u64) -> Count {
        let visits = self.visits.get().saturating_add(1);
        self.visits.set(visits);
        Count { value, visits }
    }
}

fn failed(error: storage::Error) -> Error {
    eprintln!("storage failed: {error}");
    Error::Reset("storage failed".to_owned())
}

fn unreadable(bytes: Vec<u8>) -> Error {
    eprintln!("what is stored at {VALUE:?} is no counter: {bytes:?}");
    Error::Reset("the counter cannot be read".to_owned())
}

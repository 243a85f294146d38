//! A counter: one live instance for each name, wherever it is called from.
//!
//! No method awaits anything, so each is one turn: nobody comes between its read and its write, and
//! what it wrote is on disk before the caller has the answer. There is nothing to lock.

use bindings::exports::me::{{snake}}::counters::{Error, Guest, GuestCounter};
use bindings::selvedge::durable::storage;
use std::cell::Cell;

// Modules and types for everything in the world `object` of `wit/`; `selvedge build` writes them.
#[path = "../bindings/world.rs"]
mod bindings;

const VALUE: &str = "value";

struct Component;

bindings::export!(Component with_types_in bindings);

impl Guest for Component {
    type Counter = Counter;
}

/// What the instance holds lives as long as it does; what is put into storage lives on.
struct Counter {
    /// What is stored, once it was read.
    value: Cell<Option<u64>>,
}

impl GuestCounter for Counter {
    fn new(_name: String) -> Self {
        Self { value: Cell::new(None) }
    }

    async fn get(&self) -> Result<u64, Error> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let value = read(storage::get(VALUE).map_err(failed)?);
        self.value.set(Some(value));
        Ok(value)
    }

    async fn add(&self, by: u64) -> Result<u64, Error> {
        let sum = self.get().await?.checked_add(by);
        let sum = sum.ok_or_else(|| Error::Invalid("the counter is full".to_owned()))?;
        storage::put(VALUE, &sum.to_be_bytes()).map_err(failed)?;
        self.value.set(Some(sum));
        Ok(sum)
    }
}

/// The number in what was stored: eight bytes, the highest first; 0 where nothing was.
fn read(stored: Option<Vec<u8>>) -> u64 {
    stored.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)
}

fn failed(error: storage::Error) -> Error {
    eprintln!("storage failed: {error}");
    Error::Reset("storage failed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_counter_stands_where_it_was_left() {
        assert_eq!(read(None), 0);
        assert_eq!(read(Some(7_u64.to_be_bytes().to_vec())), 7);
    }
}

//! A durable object that keeps nothing in memory: each call reads its number and writes the next.

use bindings::exports::demo::counter::counters::{Count, Error, Guest, GuestCounter};
use bindings::selvedge::durable::storage;

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../../../wit", "../../../../../components/counter/wit"],
        world: "demo:counter/object",
        generate_all,
    });
}

const VALUE: &str = "value";

struct Sums;

bindings::export!(Sums with_types_in bindings);

impl Guest for Sums {
    type Counter = Sum;
}

struct Sum;

impl GuestCounter for Sum {
    fn new(_name: String) -> Self {
        Self
    }

    async fn get(&self) -> Result<Count, Error> {
        Ok(Count { value: stored()?, visits: 0 })
    }

    async fn add(&self, by: u64) -> Result<Count, Error> {
        let value = stored()? + by;
        storage::put(VALUE, &value.to_be_bytes()).map_err(failed)?;
        Ok(Count { value, visits: 0 })
    }
}

fn stored() -> Result<u64, Error> {
    let bytes = storage::get(VALUE).map_err(failed)?;
    Ok(bytes.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes))
}

fn failed(error: storage::Error) -> Error {
    Error::Reset(format!("{error:?}"))
}

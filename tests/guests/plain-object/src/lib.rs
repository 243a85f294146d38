//! An object that exports nothing but its interface: no handler of alarms, no HTTP, no lifecycle.

use bindings::exports::test::objects::plains::{Error, Guest, GuestPlain};
use bindings::selvedge::durable::{alarms, storage};

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../wit-objects"],
        world: "test:objects/plain-object",
        generate_all,
    });
}

const SUM: &str = "sum";

struct Plains;

bindings::export!(Plains with_types_in bindings);

impl Guest for Plains {
    type Plain = Plain;
}

struct Plain;

impl GuestPlain for Plain {
    fn new(_name: String) -> Self {
        Self
    }

    async fn add(&self) -> Result<u64, Error> {
        let failed = |error: storage::Error| Error::Invalid(format!("{error:?}"));
        let stored = storage::get(SUM).map_err(failed)?.unwrap_or_default();
        let sum = String::from_utf8_lossy(&stored).parse().unwrap_or(0) + 1;
        storage::put(SUM, u64::to_string(&sum).as_bytes()).map_err(failed)?;
        Ok(sum)
    }

    async fn set_alarm(&self, at_ms: u64) -> Result<u64, Error> {
        alarms::set(at_ms);
        Ok(at_ms)
    }
}

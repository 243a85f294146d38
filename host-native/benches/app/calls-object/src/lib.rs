//! Counts its calls in memory: as little as an object can do.

use bindings::exports::bench::calls::tallies::{Guest, GuestTally};
use std::cell::Cell;

mod bindings {
    wit_bindgen::generate!({ path: "../wit", world: "bench:calls/object" });
}

struct Tallies;

bindings::export!(Tallies with_types_in bindings);

impl Guest for Tallies {
    type Tally = Tally;
}

struct Tally(Cell<u64>);

impl GuestTally for Tally {
    fn new(_name: String) -> Self {
        Self(Cell::new(0))
    }

    async fn count(&self) -> u64 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

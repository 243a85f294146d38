//! Stands between two components: hands on what the one gives it to the other, and what comes back.

use bindings::exports::test::crossing::between::Guest;
use bindings::test::crossing::streams::{All, Leaf};
use bindings::test::crossing::things::{self, Counter};
use bindings::test::crossing::{calls, streams};
use wit_bindgen::{FutureReader, StreamReader};

mod bindings {
    wit_bindgen::generate!({ path: "../wit", world: "hands-on" });
}

struct Between;

bindings::export!(Between with_types_in bindings);

impl Guest for Between {
    fn sum(one: &Counter, other: &Counter) -> u64 {
        things::sum(&[one, other])
    }
    async fn add_later(counter: &Counter, by: u64) -> u64 {
        counter.add_later(by).await
    }
    fn add_twice(counter: &Counter, by: u64) -> u64 {
        counter.add(by);
        counter.add(by)
    }
    fn swap(counter: Counter) -> Counter {
        let fresh = Counter::new(counter.value());
        things::keep(vec![counter]);
        fresh
    }
    async fn wait(ms: u32, label: String) -> String {
        calls::wait(ms, label).await
    }
    async fn bytes_through(bytes: StreamReader<u8>) -> StreamReader<u8> {
        streams::bytes_through(bytes).await
    }
    async fn leaves_through(leaves: StreamReader<Leaf>) -> StreamReader<Leaf> {
        streams::leaves_through(leaves).await
    }
    async fn future_through(value: FutureReader<All>) -> FutureReader<All> {
        streams::future_through(value).await
    }
}

//! A resource of our own, which others hold, lend and give back.

use crate::Far;
use crate::bindings::exports::test::crossing::things::{
    Counter, CounterBorrow, Guest, GuestCounter,
};
use std::cell::{Cell, RefCell};

thread_local! {
    static ALIVE: Cell<u32> = const { Cell::new(0) };
    static KEPT: RefCell<Vec<Counter>> = const { RefCell::new(Vec::new()) };
}

/// What stands behind a `counter`.
pub struct Count(Cell<u64>);

impl Count {
    pub fn of(start: u64) -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Self(Cell::new(start))
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
    }
}

impl GuestCounter for Count {
    fn new(start: u64) -> Self {
        Self::of(start)
    }
    fn value(&self) -> u64 {
        self.0.get()
    }
    fn add(&self, by: u64) -> u64 {
        self.0.set(self.0.get() + by);
        self.0.get()
    }
    async fn add_later(&self, by: u64) -> u64 {
        wit_bindgen::yield_async().await;
        self.add(by)
    }
    fn join(one: Counter, other: CounterBorrow<'_>) -> Counter {
        let sum = one.get::<Self>().value() + other.get::<Self>().value();
        Counter::new(Self::of(sum))
    }
}

impl Guest for Far {
    type Counter = Count;

    fn keep(counters: Vec<Counter>) {
        KEPT.with_borrow_mut(|kept| kept.extend(counters));
    }
    fn give_back() -> Vec<Counter> {
        KEPT.take()
    }
    fn made(start: Option<u64>) -> Result<Counter, String> {
        let start = start.ok_or_else(|| "nothing to start from".to_owned())?;
        Ok(Counter::new(Count::of(start)))
    }
    fn sum(counters: Vec<CounterBorrow<'_>>) -> u64 {
        counters.iter().map(|counter| counter.get::<Count>().value()).sum()
    }
    async fn sum_later(counters: Vec<CounterBorrow<'_>>) -> u64 {
        wit_bindgen::yield_async().await;
        Self::sum(counters)
    }
    fn alive() -> u32 {
        ALIVE.get()
    }
}

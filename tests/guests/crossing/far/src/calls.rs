//! Calls that wait, and notes of how each of them ended.

use crate::Far;
use crate::bindings::exports::test::crossing::calls::Guest;
use std::cell::{Cell, RefCell};
use wasip3::clocks::monotonic_clock;
use wit_bindgen::{StreamReader, StreamResult};

const MILLISECOND: u64 = 1_000_000;
/// How long `listen` works on.
const AFTER_MS: u32 = 20;

thread_local! {
    static BEGUN: Cell<u32> = const { Cell::new(0) };
    static NOTES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

pub fn note(text: impl Into<String>) {
    NOTES.with_borrow_mut(|notes| notes.push(text.into()));
}

/// Notes a call as it ends, and whether it came to its end.
struct Call {
    label: String,
    is_done: bool,
}

impl Call {
    fn begin(label: String) -> Self {
        BEGUN.set(BEGUN.get() + 1);
        Self { label, is_done: false }
    }
    fn end(mut self) -> String {
        self.is_done = true;
        self.label.clone()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        note(if self.is_done { self.label.clone() } else { format!("!{}", self.label) });
    }
}

pub async fn pause(ms: u32) {
    monotonic_clock::wait_for(u64::from(ms) * MILLISECOND).await;
}

impl Guest for Far {
    async fn wait(ms: u32, label: String) -> String {
        let call = Call::begin(label);
        pause(ms).await;
        call.end()
    }
    async fn wait_for_it(ms: u32, label: String) -> String {
        Self::wait(ms, label).await
    }
    fn block(ms: u32, label: String) -> String {
        wit_bindgen::block_on(Self::wait(ms, label))
    }
    fn block_for_it(ms: u32, label: String) -> String {
        Self::block(ms, label)
    }
    fn stuck(ms: u32) {
        wit_bindgen::block_on(pause(ms));
    }
    fn give_way(count: u32, label: String) {
        note(label.clone());
        for _ in 0..count {
            wit_bindgen::yield_blocking();
        }
        note(label);
    }
    fn block_in_turns(count: u32, label: String) {
        for _ in 0..count {
            note(label.clone());
            wit_bindgen::yield_blocking();
        }
    }
    async fn fail(ms: u32) {
        pause(ms).await;
        unreachable!("this is to trap");
    }
    async fn answer_first(ms: u32, label: String) -> String {
        let later = label.clone();
        wit_bindgen::spawn_local(async move {
            pause(ms).await;
            note(later);
        });
        label
    }
    async fn turns(count: u32, label: String) {
        for _ in 0..count {
            note(label.clone());
            wit_bindgen::yield_async().await;
        }
    }
    fn hold(held: bool) {
        if held { wit_bindgen::backpressure_inc() } else { wit_bindgen::backpressure_dec() }
    }
    fn begun() -> u32 {
        BEGUN.get()
    }
    fn notes() -> Vec<String> {
        NOTES.take()
    }
    async fn listen(mut bytes: StreamReader<u8>, label: String) -> u64 {
        let later = label.clone();
        wit_bindgen::spawn_local(async move {
            pause(AFTER_MS).await;
            note(later);
        });
        let call = Call::begin(label);
        let mut count = 0;
        loop {
            let (result, part) = bytes.read(Vec::with_capacity(16)).await;
            count += part.len() as u64;
            if !matches!(result, StreamResult::Complete(_)) {
                call.end();
                return count;
            }
        }
    }
}

//! A token bucket, one object for each client.
//!
//! It lives in memory, where a call costs no write, and is stored only while it is less than half
//! full. To forget a bucket (the host ends objects that are idle, and may crash) is to fill it: where
//! it was half full anyway that gives little away, and a client who keeps well within the limit never
//! touches the disk. What is refused changes nothing, so a flood of requests writes nothing either.
//!
//! Once a stored bucket is full again it is no different from one that never was. An alarm removes it
//! then, so no client leaves a trace for ever.

use bindings::exports::demo::rate_limit::token_buckets::{Error, Guest, GuestTokenBucket, Verdict};
use bindings::exports::selvedge::durable::alarm_handler;
use bindings::selvedge::durable::{alarms, storage};
use bindings::wasi::clocks0_3_0::system_clock;
use level::{Level, Rate};
use std::cell::Cell;

// `wit/` has two versions of some packages; the modules of these are named with their version.
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../wit"],
        world: "demo:rate-limit/object",
        generate_all,
    });
}
mod level;

const LEVEL: &str = "level";

struct Object;

bindings::export!(Object with_types_in bindings);

impl Guest for Object {
    type TokenBucket = TokenBucket;
}

/// The live instance of a bucket.
struct TokenBucket {
    /// How full it was when it was last used; none before the first call.
    level: Cell<Option<Level>>,
}

impl GuestTokenBucket for TokenBucket {
    fn new(_name: String) -> Self {
        Self { level: Cell::new(None) }
    }

    async fn take(
        &self,
        cost: u32,
        capacity: u32,
        refill_per_second: f64,
    ) -> Result<Verdict, Error> {
        let rate = Rate { capacity, refill_per_second };
        rate.check(cost).map_err(|why| Error::Invalid(why.to_owned()))?;
        let now_ms = now_ms();
        let level = self.level(rate, now_ms)?.refilled(rate, now_ms);
        let (level, allowed) = match level.without(cost) {
            Some(less) => (less, true),
            None => (level, false),
        };
        let full_after_ms = level.ms_until(capacity, rate);
        if allowed && level.is_below_half(rate) {
            // Both are part of one turn: there is no stored bucket that nobody would remove.
            storage::put(LEVEL, &level.to_bytes()).map_err(failed)?;
            alarms::set(now_ms.saturating_add(full_after_ms));
        }
        self.level.set(Some(level));
        Ok(Verdict {
            allowed,
            remaining: level.whole(),
            retry_after_ms: if allowed { 0 } else { level.ms_until(cost, rate) },
            full_after_ms,
        })
    }
}

impl alarm_handler::Guest for Object {
    /// The bucket is full. An instance that is live keeps it in memory, and comes to the same result.
    async fn handle(_alarm: alarm_handler::Alarm) -> Result<(), String> {
        storage::delete_all().map_err(|error| error.to_string())
    }
}

impl TokenBucket {
    fn level(&self, rate: Rate, now_ms: u64) -> Result<Level, Error> {
        if let Some(level) = self.level.get() {
            return Ok(level);
        }
        let stored = storage::get(LEVEL).map_err(failed)?;
        // One that cannot be read is as good as none: it is written anew.
        let stored = stored.and_then(|bytes| Level::from_bytes(&bytes));
        Ok(stored.unwrap_or_else(|| Level::full(rate, now_ms)))
    }
}

fn now_ms() -> u64 {
    let now = system_clock::now();
    let seconds = u64::try_from(now.seconds).unwrap_or(0);
    seconds.saturating_mul(1000).saturating_add(u64::from(now.nanoseconds / 1_000_000))
}

fn failed(error: storage::Error) -> Error {
    eprintln!("storage failed: {error}");
    Error::Reset("storage failed".to_owned())
}

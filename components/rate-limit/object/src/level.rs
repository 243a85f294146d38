//! How full a bucket is, and how that changes.
//!
//! Floats become whole numbers by `as`: nothing else does that, and what is out of range ends at the
//! nearest that is in it.

/// How much a bucket holds, and how fast it fills.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) capacity: u32,
    pub(crate) refill_per_second: f64,
}

/// How full a bucket was at a moment. Tokens have fractions, since they come in all the time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Level {
    tokens: f64,
    at_ms: u64,
}

impl Rate {
    /// Says what is wrong with a bucket of this rate, or with taking `cost` from it.
    pub(crate) fn check(self, cost: u32) -> Result<(), &'static str> {
        if !(self.refill_per_second.is_finite() && self.refill_per_second > 0.0) {
            return Err("the refill is no number above 0");
        }
        if cost > self.capacity {
            return Err("the cost is over the capacity");
        }
        Ok(())
    }
}

impl Level {
    pub(crate) fn full(rate: Rate, at_ms: u64) -> Self {
        Self { tokens: f64::from(rate.capacity), at_ms }
    }

    /// The level after the time that has passed. A clock that was set back adds nothing.
    pub(crate) fn refilled(self, rate: Rate, now_ms: u64) -> Self {
        let passed_ms = now_ms.saturating_sub(self.at_ms);
        let tokens = self.tokens + passed_ms as f64 / 1000.0 * rate.refill_per_second;
        Self { tokens: tokens.min(f64::from(rate.capacity)), at_ms: now_ms }
    }

    /// The level after `cost` tokens were taken, where they are there.
    pub(crate) fn without(self, cost: u32) -> Option<Self> {
        let tokens = self.tokens - f64::from(cost);
        (tokens >= 0.0).then_some(Self { tokens, ..self })
    }

    /// How long it takes until `tokens` are there.
    pub(crate) fn ms_until(self, tokens: u32, rate: Rate) -> u64 {
        let missing = (f64::from(tokens) - self.tokens).max(0.0);
        (missing / rate.refill_per_second * 1000.0).ceil() as u64
    }

    pub(crate) fn is_below_half(self, rate: Rate) -> bool {
        self.tokens < f64::from(rate.capacity) / 2.0
    }

    pub(crate) fn whole(self) -> u32 {
        self.tokens as u32
    }

    pub(crate) fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let (tokens, at) = bytes.split_at_mut(8);
        tokens.copy_from_slice(&self.tokens.to_be_bytes());
        at.copy_from_slice(&self.at_ms.to_be_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tokens, at) = bytes.split_at_checked(8)?;
        let tokens = f64::from_be_bytes(tokens.try_into().ok()?);
        let at_ms = u64::from_be_bytes(at.try_into().ok()?);
        (tokens >= 0.0).then_some(Self { tokens, at_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, Rate};

    const RATE: Rate = Rate { capacity: 10, refill_per_second: 2.0 };

    fn emptied() -> Level {
        Level::full(RATE, 0).without(10).unwrap()
    }

    #[test]
    fn a_full_bucket_gives_its_capacity_and_no_more() {
        assert_eq!(emptied().whole(), 0);
        assert_eq!(emptied().without(1), None);
        assert_eq!(emptied().ms_until(1, RATE), 500);
        assert_eq!(emptied().ms_until(10, RATE), 5000);
    }

    #[test]
    fn tokens_come_with_time_up_to_the_capacity() {
        assert_eq!(emptied().refilled(RATE, 499).whole(), 0);
        assert_eq!(emptied().refilled(RATE, 500).whole(), 1);
        assert_eq!(emptied().refilled(RATE, u64::MAX).whole(), 10);
        // In small steps as many come as in a large one.
        let steps = (1..=1000).fold(emptied(), |level, ms| level.refilled(RATE, ms));
        assert!((steps.tokens - 2.0).abs() < 1e-9, "{steps:?}");
    }

    #[test]
    fn a_clock_that_goes_back_neither_gives_nor_takes() {
        let level = Level { tokens: 3.0, at_ms: 1000 };
        assert_eq!(level.refilled(RATE, 0), Level { tokens: 3.0, at_ms: 0 });
    }

    #[test]
    fn a_smaller_capacity_counts_at_once() {
        let smaller = Rate { capacity: 4, ..RATE };
        assert_eq!(Level::full(RATE, 0).refilled(smaller, 0).whole(), 4);
    }

    #[test]
    fn after_the_time_that_was_told_the_tokens_are_there() {
        for refill_per_second in [0.001, 0.3, 1.0, 7.0, 1e6] {
            let rate = Rate { capacity: 10, refill_per_second };
            let level = Level::full(rate, 0).without(10).unwrap();
            let wait_ms = level.ms_until(3, rate);
            assert!(level.refilled(rate, wait_ms).without(3).is_some(), "{refill_per_second}");
        }
    }

    #[test]
    fn what_is_stored_is_read_back() {
        let level = Level { tokens: 1.25, at_ms: 1_800_000_000_123 };
        assert_eq!(Level::from_bytes(&level.to_bytes()), Some(level));
        for refused in [&[][..], &[0; 15], &[0; 17], &[0xff; 16]] {
            assert_eq!(Level::from_bytes(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn rates_that_would_never_fill_are_refused() {
        assert!(RATE.check(10).is_ok());
        assert!(RATE.check(11).is_err());
        for refill_per_second in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Rate { refill_per_second, ..RATE }.check(1).is_err(), "{refill_per_second}");
        }
    }
}

//! How often and how long something is measured.

use std::time::Duration;

/// How often and how long is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Rounds, whose median is told.
    pub(crate) rounds: usize,
    /// How long something is asked in a round before it counts.
    pub(crate) warm_up: Duration,
    /// How long it counts.
    pub(crate) measured: Duration,
}

impl Effort {
    /// So many rounds of so many seconds; one of each where it is to be quick.
    pub(crate) fn of(is_quick: bool, rounds: usize, seconds: u64) -> Self {
        let (rounds, seconds) = if is_quick { (1, 1) } else { (rounds, seconds) };
        Self {
            rounds: rounds.max(1),
            warm_up: Duration::from_millis(500),
            measured: Duration::from_secs(seconds.max(1)),
        }
    }
}

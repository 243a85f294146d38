//! Counts durations in buckets whose width grows with the duration.
//!
//! A crate for this would bring more than it saves: this is all that a bench needs of one.

use std::time::Duration;

/// Buckets for each doubling; a duration is known to within a 32nd of itself.
const STEPS: usize = 32;
/// Doublings that a `u64` of nanoseconds has beyond the first `STEPS` values.
const DOUBLINGS: usize = 60;

/// How often durations of each size were seen.
#[derive(Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; STEPS * DOUBLINGS], total: 0 }
    }

    /// Counts one duration.
    pub(crate) fn add(&mut self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket_of(nanoseconds)] += 1;
        self.total += 1;
    }

    /// Counts everything that `other` counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
    }

    /// How many durations were counted.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The duration that `fraction` of all do not exceed, as the upper edge of its bucket; zero
    /// where nothing was counted.
    pub(crate) fn quantile(&self, fraction: f64) -> Duration {
        let rank = (self.total as f64 * fraction).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(upper_edge(bucket));
            }
        }
        Duration::ZERO
    }
}

/// Values under `STEPS` have a bucket each; from there on, each doubling has `STEPS` buckets.
fn bucket_of(value: u64) -> usize {
    let doubling = (value / STEPS as u64).checked_ilog2().map_or(0, |log| log as usize + 1);
    let step = (value >> doubling.saturating_sub(1)) as usize % STEPS;
    doubling * STEPS + step
}

/// The largest value that a bucket counts.
fn upper_edge(bucket: usize) -> u64 {
    let (doubling, step) = (bucket / STEPS, (bucket % STEPS) as u64);
    match doubling {
        0 => step,
        _ => ((STEPS as u64 + step) << (doubling - 1)) + ((1 << (doubling - 1)) - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::{Histogram, bucket_of, upper_edge};
    use std::time::Duration;

    #[test]
    fn every_value_lies_in_its_bucket() {
        for value in (0..100_000).chain((0..64).map(|bit| 1 << bit)).chain([u64::MAX]) {
            let bucket = bucket_of(value);
            assert!(value <= upper_edge(bucket), "{value} is over the edge of its bucket");
            assert!(bucket == 0 || value > upper_edge(bucket - 1), "{value} belongs below");
            assert!(upper_edge(bucket) - value <= value / 32, "{value} is told too roughly");
        }
    }

    #[test]
    fn quantiles_are_ranks() {
        let mut histogram = Histogram::new();
        (1..=30).for_each(|nanoseconds| histogram.add(Duration::from_nanos(nanoseconds)));
        assert_eq!(histogram.quantile(0.5), Duration::from_nanos(15));
        assert_eq!(histogram.quantile(0.99), Duration::from_nanos(30));
        assert_eq!(Histogram::new().quantile(0.5), Duration::ZERO);
    }

    #[test]
    fn merging_counts_both() {
        let (mut one, mut other) = (Histogram::new(), Histogram::new());
        one.add(Duration::from_nanos(1));
        other.add(Duration::from_nanos(2));
        other.add(Duration::from_nanos(3));
        one.merge(&other);
        assert_eq!(one.total(), 3);
        assert_eq!(one.quantile(0.6), Duration::from_nanos(2));
    }
}

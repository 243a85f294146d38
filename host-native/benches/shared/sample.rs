//! One measurement: a load for a while, and what came of it.

use super::load::{self, Load};
use std::time::Duration;

/// What a load came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Answers a second.
    pub(crate) requests_per_second: f64,
    /// Half of the answers took no longer.
    pub(crate) p50_ms: f64,
    /// 99 of 100 answers took no longer.
    pub(crate) p99_ms: f64,
    /// Processor time a request, as far as it was observed.
    pub(crate) processor_us: f64,
}

impl Sample {
    /// Puts the load on; `processor_time` tells what the server has used so far.
    ///
    /// # Errors
    /// Where an answer is not a 200.
    pub(crate) fn take(
        load: &Load,
        processor_time: impl FnMut() -> anyhow::Result<Duration>,
    ) -> anyhow::Result<Self> {
        let outcome = load::put_on(load, processor_time)?;
        let requests = outcome.latencies.total() as f64;
        let milliseconds = |fraction| outcome.latencies.quantile(fraction).as_secs_f64() * 1e3;
        let (before, after) = outcome.observed;
        Ok(Self {
            requests_per_second: requests / load.measured.as_secs_f64(),
            p50_ms: milliseconds(0.5),
            p99_ms: milliseconds(0.99),
            processor_us: (after - before).as_secs_f64() * 1e6 / requests,
        })
    }
}

/// The middle one of `values`, or the mean of the middle two; not a number where there are none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }
}

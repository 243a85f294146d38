//! What the manifest allows, and what a client is told of it.

const CAPACITY: u32 = 60;
const PER_SECOND: f64 = 1.0;

/// How much a client may ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limit {
    pub(crate) capacity: u32,
    pub(crate) per_second: f64,
}

/// What a response says of the limit.
#[derive(Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    pub(crate) reset_seconds: u64,
}

impl Limit {
    /// Takes the two vars, where they are there.
    pub(crate) fn parse(capacity: Option<&str>, per_second: Option<&str>) -> Result<Self, String> {
        let capacity = match capacity {
            None => CAPACITY,
            Some(text) => text.parse().ok().filter(|capacity| *capacity > 0).ok_or_else(|| {
                format!("the var \"rate-limit-capacity\" is {text:?}, and no whole number above 0")
            })?,
        };
        let per_second = match per_second {
            None => PER_SECOND,
            Some(text) => {
                let possible = |number: &f64| number.is_finite() && *number > 0.0;
                text.parse().ok().filter(possible).ok_or_else(|| {
                    format!("the var \"rate-limit-per-second\" is {text:?}, and no number above 0")
                })?
            }
        };
        Ok(Self { capacity, per_second })
    }
}

impl Told {
    pub(crate) fn new(limit: Limit, remaining: u32, full_after_ms: u64) -> Self {
        Self { limit: limit.capacity, remaining, reset_seconds: seconds(full_after_ms) }
    }
}

/// Whole seconds, rounded up: whoever waits so long has waited long enough.
pub(crate) fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1000)
}

#[cfg(test)]
mod tests {
    use super::{Limit, seconds};

    #[test]
    fn vars_that_are_not_there_have_a_default() {
        let limit = Limit { capacity: 60, per_second: 1.0 };
        assert_eq!(Limit::parse(None, None), Ok(limit));
        let slow = Limit { capacity: 5, per_second: 0.25 };
        assert_eq!(Limit::parse(Some("5"), Some("0.25")), Ok(slow));
    }

    #[test]
    fn vars_that_would_limit_nothing_or_everything_are_refused() {
        for capacity in ["0", "-1", "1.5", "", "many"] {
            assert!(Limit::parse(Some(capacity), None).is_err(), "{capacity:?}");
        }
        for per_second in ["0", "-1", "inf", "NaN", "", "many"] {
            assert!(Limit::parse(None, Some(per_second)).is_err(), "{per_second:?}");
        }
    }

    #[test]
    fn seconds_are_rounded_up() {
        assert_eq!([0, 1, 1000, 1001].map(seconds), [0, 1, 1, 2]);
    }
}

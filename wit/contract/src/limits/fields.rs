//! Limits as a manifest writes them: their fields, each with the range it may be set to.

use super::{Limits, ObjectLimits};

/// Limits that a manifest sets field by field: those of a service ([`Limits`]), and those of a
/// class of objects ([`ObjectLimits`]).
pub trait Limited: Clone + Default + 'static {
    /// Every field, in the order of the type.
    fn fields() -> &'static [LimitField<Self>];
}

/// One field of the limits `L`.
#[derive(Debug)]
pub struct LimitField<L> {
    /// Its key in a manifest.
    pub key: &'static str,
    /// The least it may be.
    pub min: u64,
    /// The most it may be.
    pub max: u64,
    get: fn(&L) -> u64,
    set: fn(&mut L, u64),
}

/// Some fields of the limits `L`, to be laid over others: an app's over the defaults, a service's
/// over its app's.
#[derive(Debug, Clone, Default)]
pub struct LimitsPatch<L: 'static>(Vec<(&'static LimitField<L>, u64)>);

/// The value is out of the field's range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{key} must be from {min} to {max}")]
pub struct LimitError {
    /// The field.
    pub key: &'static str,
    /// The least it may be.
    pub min: u64,
    /// The most it may be.
    pub max: u64,
}

const HOUR_MS: u64 = 3_600_000;
const PAGE_BYTES: u64 = 64 * 1024;
const MEMORY_BYTES_MAX: u64 = (1 << 32) - PAGE_BYTES;
const TIB: u64 = 1 << 40;

/// What a service may set.
///
/// The ranges are ours: the least still lets a service answer, and what is over the most is a slip
/// of the unit rather than a wish. Nothing (0) is a wish for work after the response and for the
/// body of a request. Linear memory ends at 4 GiB, less one page so that its size fits 32 bits.
static SERVICE_FIELDS: [LimitField<Limits>; 11] = [
    LimitField {
        key: "wall-ms",
        min: 1,
        max: HOUR_MS,
        get: |limits| limits.wall_ms,
        set: |limits, value| limits.wall_ms = value,
    },
    LimitField {
        key: "cpu-ms",
        min: 1,
        max: HOUR_MS,
        get: |limits| limits.cpu_ms,
        set: |limits, value| limits.cpu_ms = value,
    },
    LimitField {
        key: "after-response-ms",
        min: 0,
        max: HOUR_MS,
        get: |limits| limits.after_response_ms,
        set: |limits, value| limits.after_response_ms = value,
    },
    LimitField {
        key: "memory-bytes",
        min: PAGE_BYTES,
        max: MEMORY_BYTES_MAX,
        get: |limits| limits.memory_bytes,
        set: |limits, value| limits.memory_bytes = value,
    },
    LimitField {
        key: "request-body-bytes",
        min: 0,
        max: TIB,
        get: |limits| limits.request_body_bytes,
        set: |limits, value| limits.request_body_bytes = value,
    },
    LimitField {
        key: "response-body-bytes",
        min: 1,
        max: TIB,
        get: |limits| limits.response_body_bytes,
        set: |limits, value| limits.response_body_bytes = value,
    },
    LimitField {
        key: "header-bytes",
        min: 256,
        max: super::HEADER_BYTES_MAX,
        get: |limits| limits.header_bytes,
        set: |limits, value| limits.header_bytes = value,
    },
    LimitField {
        key: "concurrent-requests",
        min: 1,
        max: 1_000_000,
        get: |limits| limits.concurrent_requests.into(),
        set: |limits, value| limits.concurrent_requests = narrow(value),
    },
    LimitField {
        key: "instances",
        min: 1,
        max: 100_000,
        get: |limits| limits.instances.into(),
        set: |limits, value| limits.instances = narrow(value),
    },
    LimitField {
        key: "requests-per-instance",
        min: 1,
        max: 10_000,
        get: |limits| limits.requests_per_instance.into(),
        set: |limits, value| limits.requests_per_instance = narrow(value),
    },
    LimitField {
        key: "instance-requests-total",
        min: 1,
        max: 1_000_000_000,
        get: |limits| limits.instance_requests_total.into(),
        set: |limits, value| limits.instance_requests_total = narrow(value),
    },
];

/// What a class of objects may set; the ranges are ours, for the same reasons.
///
/// An empty database of SQLite with the host's own tables has about 20 KiB. An object may stay live
/// for a day without a call, since keeping what it has in memory is a wish, too.
static OBJECT_FIELDS: [LimitField<ObjectLimits>; 7] = [
    LimitField {
        key: "wall-ms",
        min: 1,
        max: HOUR_MS,
        get: |limits| limits.wall_ms,
        set: |limits, value| limits.wall_ms = value,
    },
    LimitField {
        key: "cpu-ms",
        min: 1,
        max: HOUR_MS,
        get: |limits| limits.cpu_ms,
        set: |limits, value| limits.cpu_ms = value,
    },
    LimitField {
        key: "memory-bytes",
        min: PAGE_BYTES,
        max: MEMORY_BYTES_MAX,
        get: |limits| limits.memory_bytes,
        set: |limits, value| limits.memory_bytes = value,
    },
    LimitField {
        key: "calls",
        min: 1,
        max: 1_000_000,
        get: |limits| limits.calls.into(),
        set: |limits, value| limits.calls = narrow(value),
    },
    LimitField {
        key: "idle-ms",
        min: 1,
        max: 24 * HOUR_MS,
        get: |limits| limits.idle_ms,
        set: |limits, value| limits.idle_ms = value,
    },
    LimitField {
        key: "instances",
        min: 1,
        max: 1_000_000,
        get: |limits| limits.instances.into(),
        set: |limits, value| limits.instances = narrow(value),
    },
    LimitField {
        key: "storage-bytes",
        min: 64 * 1024,
        max: TIB,
        get: |limits| limits.storage_bytes,
        set: |limits, value| limits.storage_bytes = value,
    },
];

impl Limited for Limits {
    fn fields() -> &'static [LimitField<Self>] {
        &SERVICE_FIELDS
    }
}

impl Limited for ObjectLimits {
    fn fields() -> &'static [LimitField<Self>] {
        &OBJECT_FIELDS
    }
}

impl<L: Limited> LimitField<L> {
    /// The field of this key.
    pub fn of(key: &str) -> Option<&'static Self> {
        L::fields().iter().find(|field| field.key == key)
    }

    /// What the field is in these limits.
    pub fn get(&self, limits: &L) -> u64 {
        (self.get)(limits)
    }
}

impl<L: Limited> LimitsPatch<L> {
    /// Sets a field; an earlier value of it is replaced.
    ///
    /// # Errors
    /// [`LimitError`] where the value is out of the field's range; the patch is unchanged.
    pub fn set(&mut self, field: &'static LimitField<L>, value: u64) -> Result<(), LimitError> {
        if !(field.min..=field.max).contains(&value) {
            return Err(LimitError { key: field.key, min: field.min, max: field.max });
        }
        self.0.push((field, value));
        Ok(())
    }

    /// The given limits with this patch laid over them.
    pub fn over(&self, mut limits: L) -> L {
        for (field, value) in &self.0 {
            (field.set)(&mut limits, *value);
        }
        limits
    }
}

/// The ranges above keep every value of a 32-bit field in 32 bits.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{LimitField, Limited, LimitsPatch};
    use crate::limits::{Limits, ObjectLimits};
    use std::collections::BTreeSet;
    use std::fmt::Debug;

    /// Checks one fact of the limits of services and of those of objects.
    macro_rules! for_all_limits {
        ($check:ident) => {
            $check::<Limits>();
            $check::<ObjectLimits>();
        };
    }

    #[test]
    fn every_field_of_the_limits_can_be_set_by_its_own_key() {
        fn check<L: Limited + Debug>() {
            // `Debug` of a struct names every field once: one that is forgotten here shows.
            let text = format!("{:?}", L::default());
            let (_, fields) = text.split_once('{').unwrap();
            let names: Vec<String> = fields
                .split(|found: char| !(found.is_ascii_lowercase() || found == '_'))
                .filter(|word| !word.is_empty())
                .map(|word| word.replace('_', "-"))
                .collect();
            let keys: Vec<&str> = L::fields().iter().map(|field| field.key).collect();
            assert_eq!(keys, names);
            assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
        }
        for_all_limits!(check);
    }

    #[test]
    fn setting_a_field_changes_that_field_alone() {
        fn check<L: Limited>() {
            for field in L::fields() {
                for value in [field.min, field.max] {
                    let mut patch = LimitsPatch::<L>::default();
                    patch.set(field, value).unwrap();
                    let limits = patch.over(L::default());
                    assert_eq!(field.get(&limits), value, "{}", field.key);
                    for other in L::fields().iter().filter(|other| other.key != field.key) {
                        assert_eq!(other.get(&limits), other.get(&L::default()), "{}", other.key);
                    }
                }
            }
        }
        for_all_limits!(check);
    }

    #[test]
    fn a_value_out_of_range_is_refused_and_sets_nothing() {
        fn check<L: Limited + Debug + PartialEq>() {
            for field in L::fields() {
                let mut patch = LimitsPatch::<L>::default();
                let below = field.min.checked_sub(1);
                for value in below.into_iter().chain([field.max + 1, u64::MAX]) {
                    assert_eq!(patch.set(field, value).unwrap_err().key, field.key);
                }
                assert_eq!(patch.over(L::default()), L::default());
            }
        }
        for_all_limits!(check);
    }

    #[test]
    fn every_default_is_in_its_range() {
        fn check<L: Limited>() {
            for field in L::fields() {
                let value = field.get(&L::default());
                assert!((field.min..=field.max).contains(&value), "{}", field.key);
            }
        }
        for_all_limits!(check);
    }

    #[test]
    fn a_later_patch_is_laid_over_an_earlier_one() {
        let mut app = LimitsPatch::default();
        app.set(LimitField::of("wall-ms").unwrap(), 1).unwrap();
        app.set(LimitField::of("cpu-ms").unwrap(), 2).unwrap();
        let mut service = LimitsPatch::default();
        service.set(LimitField::of("cpu-ms").unwrap(), 3).unwrap();
        let limits = service.over(app.over(Limits::default()));
        assert_eq!(limits, Limits { wall_ms: 1, cpu_ms: 3, ..Limits::default() });
    }
}

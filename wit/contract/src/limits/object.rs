//! The bounds of durable objects: what one may store and ask of SQLite, when its alarm is tried
//! again, and [`ObjectLimits`], which a manifest sets.

use serde::{Deserialize, Serialize};

/// Longest name of an object, in bytes of UTF-8.
///
/// Ours: room for an address or a path, and as much as a key of a key-value store has. Workers hash
/// a name and document no bound.
pub const OBJECT_NAME_BYTES_MAX: usize = 512;

/// Longest key in an object's storage, in bytes of UTF-8.
///
/// Source: Durable Objects limits, read 2026-11-21. Objects on SQLite may have 2 MB for key and
/// value together, those of the older kind 2 048 bytes for a key; the stricter leaves the value its
/// room.
pub const STORAGE_KEY_BYTES_MAX: usize = 2_048;
/// Largest value in an object's storage, in bytes.
///
/// Source: the same 2 MB, which workerd keeps as 2 200 000 bytes for a whole row
/// (`src/workerd/util/sqlite.c++`, read 2026-11-21): the longest key and this fit.
pub const STORAGE_VALUE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Most keys in one call to an object's storage, and in one listing.
///
/// Ours: as many as a page of a key-value store. Workers allow 128 in a call of the older kind of
/// objects and set no bound for SQLite.
pub const STORAGE_KEYS_MAX: usize = 1_000;

/// Longest statement of SQL, in bytes.
///
/// Source: Durable Objects SQL storage limits, read 2026-11-21: 100 KB, which workerd keeps as this
/// number. The same source holds for the next two.
pub const SQL_STATEMENT_BYTES_MAX: usize = 100_000;
/// Most parameters of one statement.
pub const SQL_PARAMETERS_MAX: usize = 100;
/// Most columns of a table, and of a result.
pub const SQL_COLUMNS_MAX: usize = 100;
/// Longest pattern of LIKE and GLOB, in bytes.
///
/// Source: what workerd sets (`src/workerd/util/sqlite.c++`, read 2026-11-26). Matching takes a time
/// that grows with the product of pattern and text.
pub const SQL_PATTERN_BYTES_MAX: usize = 50;
/// Most statements in one batch.
///
/// Ours: as many as keys in one call to the storage.
pub const SQL_STATEMENTS_MAX: usize = 1_000;
/// Most rows that one statement gives.
///
/// Ours: a result is one value in the guest's memory; who wants more asks page by page.
pub const SQL_ROWS_MAX: usize = 10_000;
/// Largest result of one call, in bytes of its values.
///
/// Ours: an eighth of the memory that an instance has by default.
pub const SQL_RESULT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest that one call may compute in SQLite, in milliseconds.
///
/// Ours: half of the time that a call to an object has by default.
pub const SQL_MS_MAX: u64 = 5_000;

/// How often an alarm that failed is tried again before it is given up.
///
/// Source: Durable Objects alarms, read 2026-11-21: at least once, with a backoff that begins at 2
/// seconds and doubles, and up to 6 retries. The same holds for the next.
pub const ALARM_RETRIES_MAX: u32 = 6;
/// How long after a failure an alarm is tried again the first time, in milliseconds.
pub const ALARM_RETRY_MS: u64 = 2_000;

/// Most files of objects that the native host keeps open at once.
///
/// Ours: each takes up to three file descriptors (database, log, index), which leaves most of the
/// usual 16 384 for connections.
pub const OBJECTS_OPEN_MAX: usize = 500;

/// What one class of objects may use. Every field has a default that protects the host.
///
/// The `[limits]` of the app are those of its services and do not apply here: a field of one name
/// bounds another thing, and what suits a request is wrong for what lives on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObjectLimits {
    /// Milliseconds from a call to its answer, its wait in the object included.
    pub wall_ms: u64,
    /// Milliseconds of processor time that an instance may compute without waiting for anything.
    pub cpu_ms: u64,
    /// Bytes of linear memory of one instance.
    pub memory_bytes: u64,
    /// Calls that wait or run in one object at once; one more learns that it is overloaded.
    pub calls: u32,
    /// Milliseconds without a call after which an instance is ended.
    pub idle_ms: u64,
    /// Instances of this class that live at once.
    pub instances: u32,
    /// Bytes that one object may store, keys, tables and indexes together.
    pub storage_bytes: u64,
}

impl Default for ObjectLimits {
    fn default() -> Self {
        Self {
            // Ours: a call ends, and can be answered for, before the 30 s of the request behind it.
            wall_ms: 10_000,
            // Ours: the same as of a service, and no more than a call has in all.
            cpu_ms: 10_000,
            // Source: Workers' limit of an isolate is 128 MB.
            memory_bytes: 128 * 1024 * 1024,
            // Source: Workers advise to expect some 1 000 requests a second of one object; a queue
            // that is longer than a second's work only adds to the wait.
            calls: 1_000,
            // Source: Workers evict an object after 10 s where it can hibernate, and after 70 to
            // 140 s where not.
            idle_ms: 60_000,
            // Ours: bounds what one class can take; how many fit is known to each host alone.
            instances: 10_000,
            // Ours: a tenth of what Workers allow, 10 GB, since many objects share one disk.
            storage_bytes: 1024 * 1024 * 1024,
        }
    }
}

/// How long after a failure an alarm is tried again, in milliseconds, where it was tried again
/// `retry_count` times already; `None` where it is given up.
pub fn alarm_retry_delay_ms(retry_count: u32) -> Option<u64> {
    (retry_count < ALARM_RETRIES_MAX).then(|| ALARM_RETRY_MS << retry_count)
}

#[cfg(test)]
mod tests {
    use super::alarm_retry_delay_ms;

    #[test]
    fn an_alarm_is_tried_again_six_times_with_twice_the_delay_each_time() {
        let delays: Vec<_> = (0..7).map(alarm_retry_delay_ms).collect();
        let expected = [2_000, 4_000, 8_000, 16_000, 32_000, 64_000].map(Some);
        assert_eq!(delays, [&expected[..], &[None]].concat());
        assert_eq!(alarm_retry_delay_ms(u32::MAX), None);
    }
}

//! The only place that reads the wall clock, so that a test can move the hour.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Names a file that holds a number of seconds to add to the wall clock; read at each look at the
/// clock while it is set. For tests of what a day or a year brings.
const OFFSET_FILE_VARIABLE: &str = "SELVEDGE_CLOCK_OFFSET_FILE";

/// Time since 1970-01-01T00:00:00Z. A clock before that reads as zero.
pub fn now() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    match offset_file() {
        None => now,
        Some(path) => now + read_offset(path),
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z.
pub fn now_ms() -> u64 {
    u64::try_from(now().as_millis()).unwrap_or(u64::MAX)
}

/// Whether a test may move the clock: whoever waits for an hour then looks often.
pub fn may_be_moved() -> bool {
    offset_file().is_some()
}

/// The clock as guests see it.
pub(crate) struct GuestClock;

impl wasmtime_wasi::HostWallClock for GuestClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        now()
    }
}

fn offset_file() -> Option<&'static PathBuf> {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    FILE.get_or_init(|| std::env::var_os(OFFSET_FILE_VARIABLE).map(PathBuf::from)).as_ref()
}

fn read_offset(path: &PathBuf) -> Duration {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    Duration::from_secs(text.trim().parse().unwrap_or_default())
}

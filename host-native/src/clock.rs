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

fn offset_file() -> Option<&'static PathBuf> {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    FILE.get_or_init(|| std::env::var_os(OFFSET_FILE_VARIABLE).map(PathBuf::from)).as_ref()
}

fn read_offset(path: &PathBuf) -> Duration {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    Duration::from_secs(text.trim().parse().unwrap_or_default())
}

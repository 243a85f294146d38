//! What came of the cases: a line each, the counts, and the matrix.

use anyhow::{Context, Result};
use serde::Serialize;
use std::path::Path;

/// What came of a case on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The host does what the case says.
    Passed,
    /// It does not.
    Failed,
    /// It does not, and `known_differences.toml` says why.
    KnownDifference,
}

/// A case on a host, and what came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// `<area>/<fact>`.
    pub case: String,
    /// The area alone.
    pub area: String,
    /// The host's name.
    pub host: String,
    /// What came of it.
    pub outcome: Verdict,
    /// Why it failed, or what the difference is.
    #[serde(skip)]
    pub why: String,
}

/// One line for people, and below it the reasons of a failure.
pub fn line(entry: &Entry, took_ms: u128) -> String {
    let outcome = match entry.outcome {
        Verdict::Passed => "passed",
        Verdict::Failed => "FAILED",
        Verdict::KnownDifference => "differs",
    };
    let mut text = format!("{outcome:8}{}: {} ({took_ms} ms)", entry.host, entry.case);
    for why in entry.why.lines() {
        text.push_str("\n          ");
        text.push_str(why);
    }
    text
}

/// The counts, the last line of a run.
pub fn counts(entries: &[Entry]) -> String {
    let count = |wanted| entries.iter().filter(|entry| entry.outcome == wanted).count();
    let known = count(Verdict::KnownDifference);
    let known = if known == 0 { String::new() } else { format!("{known} known differences\n") };
    format!("{known}{} passed, {} failed", count(Verdict::Passed), count(Verdict::Failed))
}

/// Writes the matrix: a JSON list of the entries.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_matrix(path: &Path, entries: &[Entry]) -> Result<()> {
    let mut text = serde_json::to_string_pretty(entries)?;
    text.push('\n');
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

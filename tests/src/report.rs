//! What came of the cases: the table of cases and hosts, the counts, and the matrix for programs.

use anyhow::{Context, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

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
    /// How long it took.
    #[serde(skip)]
    pub took: Duration,
}

impl Verdict {
    /// The word for it in what people read.
    fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::KnownDifference => "differs",
        }
    }
}

/// One line for people, and below it the reasons where it did not pass.
pub fn line(entry: &Entry) -> String {
    let Entry { case, host, outcome, took, .. } = entry;
    let mut text = format!("{:8}{host}: {case} ({} ms)", outcome.word(), took.as_millis());
    for why in entry.why.lines() {
        text.push_str("\n          ");
        text.push_str(why);
    }
    text
}

/// A row a case, a column a host.
pub fn table(entries: &[Entry], hosts: &[&str]) -> String {
    let mut rows: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        rows.entry(&entry.case).or_default().push(entry);
    }
    let width = rows.keys().map(|case| case.len()).max().unwrap_or(0);
    let row = |case: &str, cells: &[String]| {
        let cells: String = cells.iter().map(|cell| format!("  {cell:<20}")).collect();
        format!("{case:width$}{}\n", cells.trim_end())
    };
    let names: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut text = row("", &names);
    for (case, entries) in rows {
        let cell = |host: &&str| {
            let entry = entries.iter().find(|entry| entry.host == *host);
            entry.map_or_else(String::new, |entry| {
                format!("{:8}{:>8} ms", entry.outcome.word(), entry.took.as_millis())
            })
        };
        text.push_str(&row(case, &hosts.iter().map(cell).collect::<Vec<_>>()));
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

#[cfg(test)]
mod tests {
    use super::{Entry, Verdict, counts, table};
    use std::time::Duration;

    fn entry(host: &str, outcome: Verdict) -> Entry {
        Entry {
            case: "http/a".to_owned(),
            area: "http".to_owned(),
            host: host.to_owned(),
            outcome,
            why: String::new(),
            took: Duration::from_millis(12),
        }
    }

    #[test]
    fn hosts_stand_side_by_side() {
        let entries = [entry("native", Verdict::Passed), entry("workers", Verdict::Failed)];
        let expected = "        native                workers\n\
            http/a  passed        12 ms   FAILED        12 ms\n";
        assert_eq!(table(&entries, &["native", "workers"]), expected);
    }

    #[test]
    fn known_differences_are_counted_apart() {
        let entries =
            [entry("native", Verdict::Passed), entry("workers", Verdict::KnownDifference)];
        assert_eq!(counts(&entries), "1 known differences\n1 passed, 0 failed");
    }
}

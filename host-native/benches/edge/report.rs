//! The results: what they have to keep, a table for people, a file for programs, and the guide's part.

use super::bound::{Bound, listed};
use super::bundle::Part;
use super::marks;
use super::rounds::Row;
use super::start::Start;
use super::variants::Variant;
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;

/// Most milliseconds that p50 may be over plain JavaScript's at one connection.
const OVER_JAVASCRIPT_MS_MAX: [(&str, f64); 3] =
    [("hello", 2.0), ("keyvalue-get", 3.0), ("object-add", 3.0)];
/// Most that the slowest hundredth may take at many connections, in medians.
const P99_OVER_P50_MAX: f64 = 5.0;
/// Least of stock jco's requests a second at many connections.
const RATIO_TO_STOCK_MIN: f64 = 1.2;
/// Most that the bundle of hello may weigh in KiB, each part compressed by itself.
const GZIP_KIBIBYTES_MAX: f64 = 180.0;
/// Most that a start may take, in starts of plain JavaScript.
const START_RATIO_MAX: f64 = 2.0;

/// Everything that was measured.
pub(crate) struct Results {
    pub(crate) rows: Vec<Row>,
    pub(crate) starts: Vec<Start>,
    pub(crate) parts: Vec<Part>,
}

impl Row {
    fn bounds(&self) -> Vec<Bound> {
        let mut bounds = Vec::new();
        if self.variant != Variant::Selvedge {
            return bounds;
        }
        if self.connections == 1 {
            let most = OVER_JAVASCRIPT_MS_MAX.iter().find(|(name, _)| *name == self.name);
            bounds.extend(most.map(|(_, most)| {
                Bound::at_most(self.over_javascript_ms, *most, " ms over JavaScript")
            }));
        } else {
            let tail = self.p99_ms / self.p50_ms;
            bounds.push(Bound::at_most(tail, P99_OVER_P50_MAX, " p99/p50"));
            bounds.extend(
                self.ratio_to_stock
                    .map(|ratio| Bound::at_least(ratio, RATIO_TO_STOCK_MIN, " × stock")),
            );
        }
        bounds
    }
}

impl Start {
    fn bounds(&self) -> Vec<Bound> {
        let is_ours = self.variant == Variant::Selvedge;
        let bound = || Bound::at_most(self.ratio, START_RATIO_MAX, " × JavaScript");
        is_ours.then(bound).into_iter().collect()
    }
}

impl Results {
    fn gzip_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.gzip_bytes).sum()
    }

    fn weight(&self) -> Bound {
        Bound::at_most(kibibytes(self.gzip_bytes()), GZIP_KIBIBYTES_MAX, " KiB gzip")
    }

    /// How many bounds are not kept.
    pub(crate) fn missed(&self) -> usize {
        let rows = self.rows.iter().flat_map(Row::bounds);
        let starts = self.starts.iter().flat_map(Start::bounds);
        rows.chain(starts).chain([self.weight()]).filter(|bound| !bound.is_kept()).count()
    }

    /// The results in Markdown, which people read as well as it stands.
    pub(crate) fn table(&self) -> String {
        let mut text = "| case | Worker | connections | requests/s | p50 ms | p99 ms | CPU µs | over JavaScript, ms | × stock | |\n\
            |---|---|---:|---:|---:|---:|---:|---:|---:|---|\n"
            .to_owned();
        for row in &self.rows {
            let ratio = row.ratio_to_stock.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            let _ = writeln!(
                text,
                "| {} | {} | {} | {:.0} | {:.2} | {:.2} | {:.0} | {:.2} | {ratio} | {} |",
                row.name,
                name(row.variant),
                row.connections,
                row.requests_per_second,
                row.p50_ms,
                row.p99_ms,
                row.cpu_us_per_request,
                row.over_javascript_ms,
                listed(&row.bounds()),
            );
        }
        text.push_str(
            "\n| Worker | process start to first 200, ms | × JavaScript | |\n|---|---:|---:|---|\n",
        );
        for start in &self.starts {
            let _ = writeln!(
                text,
                "| {} | {:.0} | {:.2} | {} |",
                name(start.variant),
                start.milliseconds,
                start.ratio,
                listed(&start.bounds()),
            );
        }
        text.push_str("\n| part of hello's bundle | KiB | KiB gzip | |\n|---|---:|---:|---|\n");
        for Part { file, what, bytes, gzip_bytes } in &self.parts {
            let (bytes, gzip) = (kibibytes(*bytes), kibibytes(*gzip_bytes));
            let _ = writeln!(text, "| `{file}` | {bytes:.1} | {gzip:.1} | {what} |");
        }
        let bytes = kibibytes(self.parts.iter().map(|part| part.bytes).sum());
        let gzip = kibibytes(self.gzip_bytes());
        let _ = writeln!(text, "| in all | {bytes:.1} | {gzip:.1} | {} |", self.weight());
        text
    }

    /// Writes the results for programs.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(crate) fn write_summary(&self, path: &Path) -> anyhow::Result<()> {
        let summary = json!({ "requests": self.rows, "starts": self.starts, "parts": self.parts });
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, serde_json::to_string_pretty(&summary)? + "\n")?;
        Ok(())
    }

    /// Writes the table between the marks of the guide.
    ///
    /// # Errors
    /// Where there are no marks, or the file cannot be written.
    pub(crate) fn write_readme(&self, path: &Path) -> anyhow::Result<()> {
        marks::fill(path, "bench-edge", &self.table())
    }
}

fn name(variant: Variant) -> &'static str {
    match variant {
        Variant::JavaScript => "JavaScript",
        Variant::Selvedge => "selvedge",
        Variant::Stock => "stock jco",
    }
}

fn kibibytes(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}

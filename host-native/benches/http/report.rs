//! Results, and the bounds that they are to keep.

use super::bound::{Bound, listed};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// What one case did at one number of connections: medians of its rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// The case.
    pub(crate) name: &'static str,
    /// Connections that asked at once.
    pub(crate) connections: usize,
    /// Answers a second.
    pub(crate) requests_per_second: f64,
    /// The same over the baseline's in the same round.
    pub(crate) ratio_to_hyper: f64,
    /// Half of the answers took no longer.
    pub(crate) p50_ms: f64,
    /// 99 of 100 answers took no longer.
    pub(crate) p99_ms: f64,
    /// Processor time of the server, kernel included.
    pub(crate) cpu_us_per_request: f64,
}

/// Any other figure.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    /// What it is.
    pub(crate) name: &'static str,
    /// How much.
    pub(crate) value: f64,
    /// Of what.
    pub(crate) unit: &'static str,
}

impl Figure {
    /// So much of something.
    pub(crate) fn new(name: &'static str, value: f64, unit: &'static str) -> Self {
        Self { name, value, unit }
    }
}

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Results {
    /// By case and connections.
    pub(crate) rows: Vec<Row>,
    /// The rest.
    pub(crate) figures: Vec<Figure>,
}

/// Connections at which the bounds on throughput and latency hold.
const BOUND_CONNECTIONS: usize = 64;
/// The least that a case is to reach of the baseline's requests a second.
const RATIOS_MIN: [(&str, f64); 5] = [
    ("hello", 0.40),
    ("hello-p2", 0.20),
    ("keyvalue-get", 0.25),
    ("object-add-one", 0.08),
    ("object-add-many", 0.10),
];
/// The most that the slowest hundredth is to take, in medians.
const P99_OVER_P50_MAX: f64 = 3.0;
/// The most that a figure is to be, in its unit.
const FIGURES_MAX: [(&str, f64); 9] = [
    ("start", 25.0),
    ("open-component-slowest", 1.0),
    ("resident-idle", 60.0),
    ("call-object-more", 5.0),
    ("object-wake", 1.0),
    ("resident-10000-live-objects", 2048.0),
    // No slower and no larger, by more than two runs of the same differ.
    ("start-100000-over-10-objects", 1.15),
    ("resident-100000-over-10-objects", 1.15),
    ("object-add-over-hyper-and-sync", 4.0),
];
/// The least that a figure is to be, in its unit.
const FIGURES_MIN: [(&str, f64); 2] =
    [("slow-disk-one-object-gain", 20.0), ("slow-disk-64-objects-gain", 20.0)];

impl Row {
    /// What this is to keep.
    pub(crate) fn bounds(&self) -> Vec<Bound> {
        if self.connections != BOUND_CONNECTIONS || self.name == super::cases::BASELINE {
            return Vec::new();
        }
        let least = RATIOS_MIN.iter().find(|(name, _)| *name == self.name);
        let ratio =
            least.map(|(_, least)| Bound::at_least(self.ratio_to_hyper, *least, " × hyper"));
        let tail = Bound::at_most(self.p99_ms / self.p50_ms, P99_OVER_P50_MAX, " p99/p50");
        ratio.into_iter().chain([tail]).collect()
    }
}

impl Figure {
    /// What this is to keep.
    pub(crate) fn bounds(&self) -> Vec<Bound> {
        let most = FIGURES_MAX.iter().find(|(name, _)| *name == self.name);
        let least = FIGURES_MIN.iter().find(|(name, _)| *name == self.name);
        let unit = format!(" {}", self.unit);
        let most = most.map(|(_, most)| Bound::at_most(self.value, *most, &unit));
        let least = least.map(|(_, least)| Bound::at_least(self.value, *least, &unit));
        most.into_iter().chain(least).collect()
    }
}

impl Results {
    /// The results as text, with the bounds beside them.
    pub(crate) fn table(&self) -> String {
        let mut text = format!(
            "{:14} {:>5} {:>10} {:>7} {:>8} {:>8} {:>8}  bounds\n",
            "case", "conns", "requests/s", "× hyper", "p50 ms", "p99 ms", "CPU µs",
        );
        for row in &self.rows {
            let _ = writeln!(
                text,
                "{:14} {:>5} {:>10.0} {:>7.2} {:>8.3} {:>8.3} {:>8.1}  {}",
                row.name,
                row.connections,
                row.requests_per_second,
                row.ratio_to_hyper,
                row.p50_ms,
                row.p99_ms,
                row.cpu_us_per_request,
                listed(&row.bounds()),
            );
        }
        text.push('\n');
        for figure in &self.figures {
            let value = format!("{:.3} {}", figure.value, figure.unit);
            let _ = writeln!(text, "{:32} {value:>18}  {}", figure.name, listed(&figure.bounds()));
        }
        text
    }

    /// How many bounds are not kept.
    pub(crate) fn missed(&self) -> usize {
        let rows = self.rows.iter().flat_map(Row::bounds);
        rows.chain(self.figures.iter().flat_map(Figure::bounds))
            .filter(|bound| !bound.is_kept())
            .count()
    }

    /// Writes the results for programs.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(crate) fn write_summary(&self, path: &Path) -> anyhow::Result<()> {
        let mut list = Vec::new();
        for row in &self.rows {
            list.push(serde_json::to_value(row)?);
        }
        for figure in &self.figures {
            list.push(serde_json::to_value(figure)?);
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, serde_json::to_string_pretty(&list)? + "\n")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Figure, Results, Row, listed};

    fn row(connections: usize, ratio_to_hyper: f64, p99_ms: f64) -> Row {
        Row {
            name: "hello",
            connections,
            requests_per_second: 90_000.0,
            ratio_to_hyper,
            p50_ms: 0.5,
            p99_ms,
            cpu_us_per_request: 10.0,
        }
    }

    #[test]
    fn bounds_hold_at_64_connections() {
        let shown = |row: Row| listed(&row.bounds());
        assert_eq!(shown(row(16, 0.1, 9.0)), "");
        assert_eq!(shown(row(64, 0.45, 1.5)), "≥ 0.40 × hyper kept, ≤ 3 p99/p50 kept");
        assert_eq!(shown(row(64, 0.39, 1.6)), "≥ 0.40 × hyper MISSED, ≤ 3 p99/p50 MISSED");
    }

    #[test]
    fn what_is_missed_is_counted() {
        let figures = vec![
            Figure::new("start", 25.0, "ms"),
            Figure::new("resident-idle", 60.1, "MiB"),
            Figure::new("instantiate", 1e9, "µs"),
        ];
        let results = Results { rows: vec![row(64, 0.39, 1.0)], figures };
        assert_eq!(results.missed(), 2);
    }

    #[test]
    fn the_summary_is_one_list() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/summary.json");
        let figures = vec![Figure::new("start", 12.5, "ms")];
        Results { rows: vec![row(64, 0.45, 1.0)], figures }.write_summary(&path).unwrap();
        let written: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let expected = serde_json::json!([
            {
                "name": "hello", "connections": 64, "requests_per_second": 90_000.0,
                "ratio_to_hyper": 0.45, "p50_ms": 0.5, "p99_ms": 1.0, "cpu_us_per_request": 10.0,
            },
            { "name": "start", "value": 12.5, "unit": "ms" },
        ]);
        assert_eq!(written, expected);
    }
}

//! The results for readers of the README: a table, and a picture beside it.

use super::cases::Case;
use super::load;
use super::report::{Results, Row};
use super::rounds::CONNECTIONS;
use anyhow::Context as _;
use std::fmt::Write as _;
use std::path::Path;

/// Where the picture lies, seen from the README.
pub(crate) const PICTURE: &str = "host-native/benches/http.svg";
const BEGIN: &str = "<!-- bench -->";
const END: &str = "<!-- /bench -->";

/// Replaces what stands between the marks in the README.
///
/// # Errors
/// Where the README has no such marks.
pub(crate) fn write(path: &Path, results: &Results, cases: &[Case]) -> anyhow::Result<()> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = replaced(&text, &markdown(results, cases)).with_context(|| {
        format!(
            "{} has no lines {BEGIN} and {END}; add them where the table belongs",
            path.display()
        )
    })?;
    std::fs::write(path, text)?;
    Ok(())
}

fn replaced(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

/// The picture, then one line a case: requests a second and ratio for each number of connections.
fn markdown(results: &Results, cases: &[Case]) -> String {
    let mut text = format!("\n![Requests a second beside hyper alone]({PICTURE})\n\n| |");
    for connections in CONNECTIONS {
        let _ = write!(text, " {connections} conn. |");
    }
    let most = CONNECTIONS[CONNECTIONS.len() - 1];
    let _ = writeln!(text, " p50 / p99 ms at {most} | CPU µs a request |");
    text.push_str("| --- |");
    text.push_str(&" ---: |".repeat(CONNECTIONS.len() + 2));
    text.push('\n');
    for case in cases {
        let _ = write!(text, "| {} |", case.label);
        let rows: Vec<&Row> = results.rows.iter().filter(|row| row.name == case.name).collect();
        for row in &rows {
            let _ = write!(
                text,
                " {:.1}k ({:.2}) |",
                row.requests_per_second / 1e3,
                row.ratio_to_hyper
            );
        }
        if let Some(last) = rows.last() {
            let (p50, p99, cpu) = (last.p50_ms, last.p99_ms, last.cpu_us_per_request);
            let _ = writeln!(text, " {p50:.2} / {p99:.2} | {cpu:.1} |");
        }
    }
    let _ = writeln!(
        text,
        "\nRequests a second (× hyper in the same rounds) on loopback. The load runs on the same machine, and \
         each server has as many threads as the load beside it: {}.\n",
        load::threads(),
    );
    for (name, label, digits) in FIGURES {
        if let Some(figure) = results.figures.iter().find(|figure| figure.name == name) {
            let _ = writeln!(text, "- {label}: {:.digits$} {}", figure.value, figure.unit);
        }
    }
    text
}

/// The other figures that a reader of the README may want, with digits after the point.
const FIGURES: [(&str, &str, usize); 12] = [
    ("start", "process start to first answer, the whole demo app", 1),
    ("start-hyper", "the same for hyper alone", 1),
    ("open-component-slowest", "opening one more compiled component, the slowest of the demo", 2),
    ("instantiate", "making an instance and dropping it (hello)", 0),
    ("resident-idle", "resident memory of the idle host with the demo app", 0),
    ("resident-per-idle-instance", "… and of each idle instance (hello)", 0),
    ("call-object", "a call to a live object that does not write, from a service", 1),
    ("call-composed", "the same call where both are composed into one component", 1),
    ("object-wake", "the first request to an object that is on disk", 2),
    (
        "slow-disk-one-object-gain",
        "64 connections beside one on a disk that takes 2 ms longer, one object",
        0,
    ),
    ("slow-disk-64-objects-gain", "… and one object a connection", 0),
    ("resident-10000-live-objects", "resident memory with 10 000 live objects", 0),
];

#[cfg(test)]
mod tests {
    use super::super::cases::cases;
    use super::super::report::{Figure, Results, Row};
    use super::{markdown, replaced};

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let text = "a\n<!-- bench -->\nold\n<!-- /bench -->\nb\n";
        let new = replaced(text, "new\n").unwrap();
        assert_eq!(new, "a\n<!-- bench -->\nnew\n<!-- /bench -->\nb\n");
        assert_eq!(replaced(&new, "new\n").unwrap(), new);
        assert_eq!(replaced("<!-- bench -->\nno end\n", "new\n"), None);
    }

    #[test]
    fn every_line_of_the_table_is_as_wide() {
        let rows = |name: &'static str| {
            [1, 16, 64].map(|connections| Row {
                name,
                connections,
                requests_per_second: 12_345.0,
                ratio_to_hyper: 0.5,
                p50_ms: 0.1,
                p99_ms: 0.2,
                cpu_us_per_request: 3.0,
            })
        };
        let rows = cases().iter().flat_map(|case| rows(case.name)).collect();
        let results = Results { rows, figures: vec![Figure::new("start", 12.34, "ms")] };
        let text = markdown(&results, &cases());
        let widths: Vec<usize> = text
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| line.matches('|').count())
            .collect();
        assert_eq!(widths, vec![7; 2 + cases().len()]);
        assert!(text.contains("| 12.3k (0.50) | 0.10 / 0.20 | 3.0 |"), "{text}");
        assert!(text.contains("the whole demo app: 12.3 ms"), "{text}");
    }
}

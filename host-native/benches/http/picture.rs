//! The results as a picture: a bar a case, at the most connections.

use super::bars::{Bar, Line, Picture};
use super::cases::Case;
use super::report::Results;
use super::rounds::CONNECTIONS;

/// The picture, as SVG.
pub(crate) fn svg(results: &Results, cases: &[Case]) -> String {
    let connections = CONNECTIONS[CONNECTIONS.len() - 1];
    let lines = cases.iter().enumerate().filter_map(|(index, case)| {
        let mut rows = results.rows.iter();
        let row = rows.find(|row| row.name == case.name && row.connections == connections)?;
        Some(Line::Bar(Bar {
            label: case.label.to_owned(),
            length: row.ratio_to_hyper,
            value: format!("{:.1}k", row.requests_per_second / 1e3),
            note: format!("{:.0} %", row.ratio_to_hyper * 100.0),
            is_baseline: index == 0,
        }))
    });
    let picture = Picture {
        label: "Requests a second beside hyper alone",
        title: &format!("Requests a second, {connections} connections"),
        subtitle: "each server has the same threads; the share is of hyper alone in the same rounds",
        lines: lines.collect(),
    };
    picture.svg()
}

#[cfg(test)]
mod tests {
    use super::super::cases::cases;
    use super::super::report::{Results, Row};
    use super::svg;

    #[test]
    fn a_bar_is_as_long_as_its_ratio() {
        let row = |name, ratio_to_hyper| Row {
            name,
            connections: 64,
            requests_per_second: 100_000.0 * ratio_to_hyper,
            ratio_to_hyper,
            p50_ms: 0.1,
            p99_ms: 0.2,
            cpu_us_per_request: 3.0,
        };
        let rows = vec![row("hyper", 1.0), row("hello", 0.5)];
        let text = svg(&Results { rows, figures: Vec::new() }, &cases());
        assert!(text.contains(r#"width="330.0" height="24" rx="3" class="base""#), "{text}");
        assert!(text.contains(r#"width="165.0" height="24" rx="3" class="ours""#), "{text}");
        assert!(text.contains(r#"50.0k <tspan class="soft">50 %</tspan>"#), "{text}");
        assert_eq!(text.matches("<rect").count(), 2);
    }
}

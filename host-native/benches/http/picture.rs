//! The results as a picture: a bar a case, at the most connections.
//!
//! The colours stand on a light page and on a dark one; the text follows the reader's scheme.

use super::cases::Case;
use super::report::{Results, Row};
use super::rounds::CONNECTIONS;
use std::fmt::Write as _;

/// Width of the picture, in its own units.
const WIDTH: f64 = 720.0;
/// Where the bars begin, right of their names.
const LEFT: f64 = 220.0;
/// Length of the longest bar; right of it is room for its figures.
const BAR: f64 = 330.0;
/// From one bar to the next.
const STEP: f64 = 34.0;
/// Above the first bar.
const TOP: f64 = 48.0;

/// The picture, as SVG.
pub(crate) fn svg(results: &Results, cases: &[Case]) -> String {
    let connections = CONNECTIONS[CONNECTIONS.len() - 1];
    let rows: Vec<(&Case, &Row)> = cases
        .iter()
        .filter_map(|case| {
            let is_its = |row: &&Row| row.name == case.name && row.connections == connections;
            Some((case, results.rows.iter().find(is_its)?))
        })
        .collect();
    let longest = rows.iter().map(|(_, row)| row.ratio_to_hyper).fold(1.0, f64::max);
    let height = TOP + STEP * rows.len() as f64 + 8.0;
    let mut text = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Requests a second beside hyper alone">
<style>
text {{ font: 14px system-ui, sans-serif; fill: #1f2328 }}
.soft {{ fill: #6b7280 }}
.ours {{ fill: #2f81f7 }}
.base {{ fill: #8b949e }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} .soft {{ fill: #9aa4af }} }}
</style>
<text x="0" y="18" font-weight="600">Requests a second, {connections} connections</text>
<text x="0" y="36" class="soft">each server has the same threads; the share is of hyper alone in the same rounds</text>
"##
    );
    for (index, (case, row)) in rows.iter().enumerate() {
        let y = TOP + STEP * index as f64;
        let width = BAR * row.ratio_to_hyper / longest;
        let (class, text_y) = (if index == 0 { "base" } else { "ours" }, y + 17.0);
        let _ = write!(
            text,
            r#"<text x="{label_x}" y="{text_y}" text-anchor="end">{label}</text>
<rect x="{LEFT}" y="{y}" width="{width:.1}" height="24" rx="3" class="{class}"/>
<text x="{value_x:.1}" y="{text_y}">{thousands:.1}k <tspan class="soft">{share:.0} %</tspan></text>
"#,
            label_x = LEFT - 10.0,
            label = escaped(case.label),
            value_x = LEFT + width + 8.0,
            thousands = row.requests_per_second / 1e3,
            share = row.ratio_to_hyper * 100.0,
        );
    }
    text.push_str("</svg>\n");
    text
}

/// A label without what means something to Markdown or to XML.
fn escaped(label: &str) -> String {
    label.replace('`', "").replace('&', "&amp;").replace('<', "&lt;")
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

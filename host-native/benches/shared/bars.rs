//! Results as a picture: bars below one another.
//!
//! The colours stand on a light page and on a dark one; the text follows the reader's scheme.

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

/// A picture.
pub(crate) struct Picture<'p> {
    /// What it shows, for those who do not see it.
    pub(crate) label: &'p str,
    /// Above it.
    pub(crate) title: &'p str,
    /// Below the title.
    pub(crate) subtitle: &'p str,
    /// What is in it.
    pub(crate) lines: Vec<Line>,
}

/// A line of a picture.
pub(crate) enum Line {
    /// A title for those that follow.
    Heading(String),
    /// A bar.
    Bar(Bar),
}

/// A bar of a picture.
pub(crate) struct Bar {
    /// What it stands for.
    pub(crate) label: String,
    /// Its length, in that of others.
    pub(crate) length: f64,
    /// How much it is.
    pub(crate) value: String,
    /// More of it, less important.
    pub(crate) note: String,
    /// Whether others are measured by it.
    pub(crate) is_baseline: bool,
}

impl Picture<'_> {
    /// The picture, as SVG. No bar is longer than the longest, and one of length 1 is never scaled up.
    pub(crate) fn svg(&self) -> String {
        let Self { label, title, subtitle, lines } = self;
        let bars = lines.iter().filter_map(|line| match line {
            Line::Bar(bar) => Some(bar.length),
            Line::Heading(_) => None,
        });
        let longest = bars.fold(1.0, f64::max);
        let height = TOP + STEP * lines.len() as f64 + 8.0;
        let mut text = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">
<style>
text {{ font: 14px system-ui, sans-serif; fill: #1f2328 }}
.soft {{ fill: #6b7280 }}
.ours {{ fill: #2f81f7 }}
.base {{ fill: #8b949e }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} .soft {{ fill: #9aa4af }} }}
</style>
<text x="0" y="18" font-weight="600">{title}</text>
<text x="0" y="36" class="soft">{subtitle}</text>
"##
        );
        for (index, line) in lines.iter().enumerate() {
            let y = TOP + STEP * index as f64;
            match line {
                Line::Heading(title) => {
                    let y = y + 21.0;
                    let _ = writeln!(
                        text,
                        r#"<text x="0" y="{y}" font-weight="600">{}</text>"#,
                        escaped(title)
                    );
                }
                Line::Bar(bar) => bar.draw(y, longest, &mut text),
            }
        }
        text.push_str("</svg>\n");
        text
    }
}

impl Bar {
    fn draw(&self, y: f64, longest: f64, text: &mut String) {
        let width = BAR * self.length / longest;
        let (class, text_y) = (if self.is_baseline { "base" } else { "ours" }, y + 17.0);
        let _ = write!(
            text,
            r#"<text x="{label_x}" y="{text_y}" text-anchor="end">{label}</text>
<rect x="{LEFT}" y="{y}" width="{width:.1}" height="24" rx="3" class="{class}"/>
<text x="{value_x:.1}" y="{text_y}">{value} <tspan class="soft">{note}</tspan></text>
"#,
            label_x = LEFT - 10.0,
            label = escaped(&self.label),
            value_x = LEFT + width + 8.0,
            value = self.value,
            note = self.note,
        );
    }
}

/// A label without what means something to Markdown or to XML.
fn escaped(label: &str) -> String {
    label.replace('`', "").replace('&', "&amp;").replace('<', "&lt;")
}

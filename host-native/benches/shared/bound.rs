//! What a result has to keep.

/// Something that a result is to keep, and whether it does.
#[derive(Debug, PartialEq)]
pub(crate) struct Bound {
    text: String,
    is_kept: bool,
}

impl Bound {
    /// At least so much.
    pub(crate) fn at_least(value: f64, least: f64, unit: &str) -> Self {
        Self { text: format!("≥ {least:.2}{unit}"), is_kept: value >= least }
    }

    /// At most so much.
    pub(crate) fn at_most(value: f64, most: f64, unit: &str) -> Self {
        Self { text: format!("≤ {most}{unit}"), is_kept: value <= most }
    }

    /// Whether the result keeps it.
    pub(crate) fn is_kept(&self) -> bool {
        self.is_kept
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.text, if self.is_kept { "kept" } else { "MISSED" })
    }
}

/// Bounds as one text; empty where there are none.
pub(crate) fn listed(bounds: &[Bound]) -> String {
    bounds.iter().map(Bound::to_string).collect::<Vec<_>>().join(", ")
}

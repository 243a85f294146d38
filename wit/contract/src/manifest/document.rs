//! A TOML document, read table by table: every wrong value is noted with its place, and reading goes
//! on. Serde would stop at the first.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ManifestError, ManifestErrorKind as Kind};

/// What is wrong, gathered while reading.
pub(super) struct Findings<'t> {
    text: &'t str,
    found: Vec<(usize, Kind)>,
}

/// A table of the document.
pub(super) struct Section<'d> {
    /// Its path, as in `services.hello`; empty at the top.
    pub(super) path: String,
    /// The byte at which it begins.
    pub(super) at: usize,
    entries: &'d DeTable<'d>,
}

/// A text in the document.
#[derive(Clone, Copy)]
pub(super) struct Text<'d> {
    pub(super) text: &'d str,
    pub(super) at: usize,
}

/// A whole number in the document.
pub(super) struct Integer {
    /// `None` where it is below 0 or beyond 64 bits.
    pub(super) number: Option<u64>,
    pub(super) written: String,
    pub(super) at: usize,
}

impl<'t> Findings<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// Notes what is wrong at a byte of the text.
    pub(super) fn add(&mut self, at: usize, kind: Kind) {
        self.found.push((at, kind));
    }

    /// All that was noted, in the order of the text.
    pub(super) fn into_errors(mut self) -> Vec<ManifestError> {
        self.found.sort_by_key(|(at, _)| *at);
        self.found
            .into_iter()
            .map(|(at, kind)| {
                let (line, column) = place(self.text, at);
                ManifestError { line, column, kind }
            })
            .collect()
    }
}

impl<'d> Section<'d> {
    pub(super) fn top(entries: &'d DeTable<'d>) -> Self {
        Self { path: String::new(), at: 0, entries }
    }

    /// Notes every key that is not among the known ones.
    pub(super) fn allow(&self, known: &[&'static str], findings: &mut Findings<'_>) {
        for key in self.entries.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let kind = Kind::UnknownKey {
                    table: self.path.clone(),
                    key: name.to_owned(),
                    nearest: nearest(name, known.iter().copied()),
                    known: known.to_vec(),
                };
                findings.add(key.span().start, kind);
            }
        }
    }

    /// The keys that stand in the table, known or not.
    pub(super) fn keys(&self) -> impl Iterator<Item = Text<'d>> + use<'d> {
        self.entries.keys().map(text_of_key)
    }

    /// The keys in the table of a key; none where it is no table.
    pub(super) fn keys_of(&self, key: &str) -> Vec<&'d str> {
        match self.entries.get(key).map(Spanned::get_ref) {
            Some(DeValue::Table(inner)) => inner.keys().map(|key| key.get_ref().as_ref()).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether a key is not there, or is a list of nothing.
    pub(super) fn is_empty_list(&self, key: &str) -> bool {
        match self.entries.get(key).map(Spanned::get_ref) {
            None => true,
            Some(DeValue::Array(items)) => items.is_empty(),
            Some(_) => false,
        }
    }

    /// The text of a key; notes another type, and an empty text.
    pub(super) fn text(&self, key: &str, findings: &mut Findings<'_>) -> Option<Text<'d>> {
        let value = self.entries.get(key)?;
        self.text_value(key, value, "a string", findings)
    }

    /// The texts in the list of a key; notes another type, and whatever is not a text.
    pub(super) fn texts(&self, key: &str, findings: &mut Findings<'_>) -> Vec<Text<'d>> {
        let Some(value) = self.entries.get(key) else { return Vec::new() };
        let expected = "a list of strings";
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_type(key, value, expected, findings);
            return Vec::new();
        };
        items.iter().filter_map(|item| self.text_value(key, item, expected, findings)).collect()
    }

    /// The whole number of a key; notes another type.
    pub(super) fn integer(&self, key: &str, findings: &mut Findings<'_>) -> Option<Integer> {
        let value = self.entries.get(key)?;
        let DeValue::Integer(integer) = value.get_ref() else {
            self.wrong_type(key, value, "a whole number", findings);
            return None;
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        Some(Integer { number, written: integer.to_string(), at: value.span().start })
    }

    /// The boolean of a key; notes another type.
    pub(super) fn boolean(&self, key: &str, findings: &mut Findings<'_>) -> Option<bool> {
        let value = self.entries.get(key)?;
        if let DeValue::Boolean(boolean) = value.get_ref() {
            return Some(*boolean);
        }
        self.wrong_type(key, value, "a boolean", findings);
        None
    }

    /// All entries of the table as texts, by key; notes those that are none.
    pub(super) fn all_texts(&self, findings: &mut Findings<'_>) -> Vec<(Text<'d>, &'d str)> {
        let mut texts = Vec::new();
        for (key, value) in self.entries {
            let key = text_of_key(key);
            match value.get_ref() {
                DeValue::String(text) => texts.push((key, text.as_ref())),
                _ => self.wrong_type(key.text, value, "a string", findings),
            }
        }
        texts
    }

    /// The table of a key; notes another type.
    pub(super) fn section(&self, key: &str, findings: &mut Findings<'_>) -> Option<Section<'d>> {
        let (name, value) = self.entries.get_key_value(key)?;
        self.section_value(text_of_key(name), value, findings)
    }

    /// All entries of the table as tables, by key; notes those that are none.
    pub(super) fn all_sections(&self, findings: &mut Findings<'_>) -> Vec<(Text<'d>, Section<'d>)> {
        let mut sections = Vec::new();
        for (key, value) in self.entries {
            let key = text_of_key(key);
            if let Some(section) = self.section_value(key, value, findings) {
                sections.push((key, section));
            }
        }
        sections
    }

    fn section_value(
        &self,
        key: Text<'d>,
        value: &'d Spanned<DeValue<'d>>,
        findings: &mut Findings<'_>,
    ) -> Option<Section<'d>> {
        let DeValue::Table(entries) = value.get_ref() else {
            self.wrong_type(key.text, value, "a table", findings);
            return None;
        };
        let dot = if self.path.is_empty() { "" } else { "." };
        Some(Section { path: format!("{}{dot}{}", self.path, key.text), at: key.at, entries })
    }

    fn text_value(
        &self,
        key: &str,
        value: &'d Spanned<DeValue<'d>>,
        expected: &'static str,
        findings: &mut Findings<'_>,
    ) -> Option<Text<'d>> {
        let at = value.span().start;
        match value.get_ref() {
            DeValue::String(text) if text.is_empty() => {
                findings.add(at, Kind::Empty { table: self.path.clone(), key: key.to_owned() });
                None
            }
            DeValue::String(text) => Some(Text { text, at }),
            _ => {
                self.wrong_type(key, value, expected, findings);
                None
            }
        }
    }

    fn wrong_type(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        expected: &'static str,
        findings: &mut Findings<'_>,
    ) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let kind =
            Kind::WrongType { table: self.path.clone(), key: key.to_owned(), expected, found };
        findings.add(value.span().start, kind);
    }
}

/// The candidate that looks most like a text, if one looks like it at all.
pub(super) fn nearest<'c>(text: &str, candidates: impl Iterator<Item = &'c str>) -> Option<String> {
    /// Ours: finds slips and shortened words, and leaves out words that merely begin alike.
    const LIKE_MIN: f64 = 0.8;
    candidates
        .map(|candidate| (strsim::jaro_winkler(text, candidate), candidate))
        .filter(|(like, _)| *like >= LIKE_MIN)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate.to_owned())
}

fn text_of_key<'d>(key: &'d Spanned<toml::de::DeString<'d>>) -> Text<'d> {
    Text { text: key.get_ref(), at: key.span().start }
}

/// Line and column, from 1, of a byte of the text.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or(before);
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::{nearest, place};

    #[test]
    fn places_are_counted_from_one_in_characters() {
        let text = "a\n\u{e9}b = 1\r\nc";
        assert_eq!(place(text, 0), (1, 1));
        assert_eq!(place(text, 2), (2, 1));
        assert_eq!(place(text, 4), (2, 2));
        assert_eq!(place(text, text.len()), (3, 2));
        assert_eq!(place(text, 1000), (3, 2));
        assert_eq!(place("", 0), (1, 1));
    }

    #[test]
    fn the_nearest_is_a_slip_away_or_there_is_none() {
        let keys = ["routes", "component", "middleware", "limits", "wall-ms", "allow-hosts"];
        let near = |text| nearest(text, keys.into_iter());
        assert_eq!(near("rotes").as_deref(), Some("routes"));
        assert_eq!(near("route").as_deref(), Some("routes"));
        assert_eq!(near("limit").as_deref(), Some("limits"));
        assert_eq!(near("allow_hosts").as_deref(), Some("allow-hosts"));
        assert_eq!(near("wall_ms").as_deref(), Some("wall-ms"));
        assert_eq!(near("middlewares").as_deref(), Some("middleware"));
        assert_eq!(near("colour"), None);
        assert_eq!(near(""), None);
    }
}

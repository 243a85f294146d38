//! Placeholders in cases: `{{case}}`, `{{origin}}`, and what a step saved from a reply.

use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use toml::Value;

/// What the placeholders of a case stand for.
#[derive(Debug, Clone)]
pub struct Variables {
    values: BTreeMap<String, String>,
    /// Whether every name counts as known; then nothing is filled in.
    lenient: bool,
}

/// The names that every case has, and one that a step may define.
const GIVEN: [&str; 4] = ["case", "origin", "origin-authority", "address"];

impl Variables {
    /// The variables at the start of a case: its name without a slash, the base URL of the suite's
    /// origin server and its authority alone, and the host's own address.
    pub fn new(case: &str, origin: &str, address: &str) -> Self {
        let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
        let case = case.replace(['/', '_'], "-");
        let given = [case, origin.to_owned(), authority.to_owned(), address.to_owned()];
        let values = GIVEN.iter().map(|name| (*name).to_owned()).zip(given).collect();
        Self { values, lenient: false }
    }

    /// Values that stand in for real ones while a case is checked; saved names are `saved-…`.
    pub fn placeholders() -> Self {
        Self { lenient: true, ..Self::new("area/fact", "http://origin", "127.0.0.1:0") }
    }

    /// Defines `name`.
    pub fn set(&mut self, name: &str, value: String) {
        self.values.insert(name.to_owned(), value);
    }

    /// `value` with every placeholder in its strings filled in.
    ///
    /// # Errors
    /// Where a placeholder has no value.
    pub fn fill(&self, value: &Value) -> Result<Value> {
        Ok(match value {
            Value::String(text) => Value::String(self.fill_text(text)?),
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.fill(item)).collect::<Result<_>>()?)
            }
            Value::Table(table) => {
                let filled = table.iter().map(|(key, item)| Ok((key.clone(), self.fill(item)?)));
                Value::Table(filled.collect::<Result<_>>()?)
            }
            other => other.clone(),
        })
    }

    fn fill_text(&self, text: &str) -> Result<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").context("\"{{\" without \"}}\"")?;
            filled.push_str(before);
            match self.values.get(name) {
                Some(value) => filled.push_str(value),
                None if self.lenient && name.starts_with("saved-") => filled.push('0'),
                None => {
                    bail!("nothing is known of {{{{{name}}}}}; saved names begin with \"saved-\"")
                }
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::Variables;

    #[test]
    fn placeholders_are_filled_at_every_depth() {
        let mut variables = Variables::new("http/a_fact", "http://127.0.0.1:9", "127.0.0.1:8");
        variables.set("saved-cursor", "abc".to_owned());
        let text = "a = [\"{{case}}\", { b = \"{{origin}}/{{saved-cursor}}\" }]";
        let filled = variables.fill(&toml::from_str(text).unwrap()).unwrap();
        assert_eq!(filled["a"][0].as_str(), Some("http-a-fact"));
        assert_eq!(filled["a"][1]["b"].as_str(), Some("http://127.0.0.1:9/abc"));
    }

    #[test]
    fn unknown_placeholder_is_an_error() {
        let variables = Variables::new("a/b", "", "");
        assert!(variables.fill(&toml::Value::String("{{saved-x}}".to_owned())).is_err());
    }
}

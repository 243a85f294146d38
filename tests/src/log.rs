//! A host's log: one JSON object a line, kept, copied to a file, and searched.

use crate::expect::json_has;
use crate::step::LogLine;
use anyhow::{Context, Result};
use serde_json::Value as Json;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Lines that a message shows of a log.
const LAST_LINES: usize = 8;

/// The lines that a host logged so far.
#[derive(Debug, Clone)]
pub struct Log {
    path: Arc<Path>,
    lines: Arc<Mutex<Vec<String>>>,
    file: Arc<std::fs::File>,
}

impl Log {
    /// An empty log whose lines go to the file at `path` too.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn open(path: &Path) -> Result<Self> {
        let file = std::fs::File::create(path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path: path.into(), lines: Arc::default(), file: Arc::new(file) })
    }

    /// Reads lines from `source` until it ends.
    pub async fn follow(self, source: impl AsyncRead + Unpin) {
        let mut source = BufReader::new(source).split(b'\n');
        while let Ok(Some(line)) = source.next_segment().await {
            let line = String::from_utf8_lossy(&line).into_owned();
            // The copy is for people; a full disk must not end the run.
            let _ = writeln!(&*self.file, "{line}");
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    /// Where it is, and its last lines, for a message.
    pub fn end(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let last = lines.iter().rev().take(LAST_LINES).rev();
        let last: String = last.map(|line| format!("\n  {line}")).collect();
        format!("its log, {}, ends with{last}", self.path.display())
    }

    /// Whether a line is as `wanted` says.
    pub fn has(&self, wanted: &LogLine) -> bool {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().any(|line| matches(line, wanted))
    }

    /// Whether any line contains `text`.
    pub fn contains(&self, text: &str) -> bool {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().any(|line| line.contains(text))
    }
}

fn matches(line: &str, wanted: &LogLine) -> bool {
    let Ok(line) = serde_json::from_str::<Json>(line) else { return false };
    let has = |name: &str, is: &dyn Fn(&Json) -> bool| anywhere(&line, name, is);
    wanted.has.iter().all(|(name, value)| has(name, &|found| json_has(found, value)))
        && wanted.contains.iter().all(|(name, part)| {
            has(name, &|found| found.as_str().is_some_and(|found| found.contains(part)))
        })
        && wanted
            .present
            .iter()
            .all(|name| has(name, &|found| found.as_str().is_some_and(|found| !found.is_empty())))
}

/// Whether a member called `name`, at any depth, is as `is` says.
fn anywhere(document: &Json, name: &str, is: &dyn Fn(&Json) -> bool) -> bool {
    match document {
        Json::Object(members) => members
            .iter()
            .any(|(key, value)| (key == name && is(value)) || anywhere(value, name, is)),
        Json::Array(items) => items.iter().any(|item| anywhere(item, name, is)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;
    use crate::step::LogLine;

    const LINE: &str = r#"{"level":"WARN","fields":{"message":"a guest trapped","request":""},"span":{"service":"probe"}}"#;

    fn found(text: &str) -> bool {
        let wanted: LogLine = toml::from_str(text).unwrap();
        matches(LINE, &wanted)
    }

    #[test]
    fn fields_are_found_at_any_depth() {
        assert!(found("has = { level = \"WARN\", service = \"probe\" }"));
        assert!(found("contains = { message = \"trapped\" }"));
    }

    #[test]
    fn every_field_must_be_there() {
        assert!(!found("has = { level = \"WARN\", service = \"other\" }"));
        assert!(!found("has = { nothing = \"WARN\" }"));
        assert!(!found("contains = { message = \"looped\" }"));
    }

    #[test]
    fn empty_field_is_not_present() {
        assert!(found("present = [\"message\", \"service\"]"));
        assert!(!found("present = [\"message\", \"request\"]"));
        assert!(!found("present = [\"nothing\"]"));
    }
}

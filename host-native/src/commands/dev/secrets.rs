//! The secrets of an app, as wrangler's local mode takes them.

use crate::app::App;
use crate::commands::serve;
use crate::edge::bindings;
use anyhow::Context as _;
use std::io::Write as _;

/// The secrets of the manifest, in a file that nobody else can read, and that ends with this.
pub(super) fn secrets(app: &App) -> anyhow::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("selvedge-secrets-").tempfile()?;
    for (name, source) in &app.manifest.secrets {
        let value = serve::read_secret(&app.folders.app, name, source)?;
        let quoted = quoted(&value).with_context(|| {
            format!("secret {name} has every kind of quote in it, which wrangler's local mode cannot read; use another value while developing")
        })?;
        writeln!(file, "{}={quoted}", bindings::secret(name))?;
    }
    file.flush()?;
    Ok(file)
}

/// A value as wrangler reads it: in quotes that it does not have, within which nothing but `$` means
/// anything.
fn quoted(value: &str) -> Option<String> {
    let quote = ['\'', '`'].into_iter().find(|quote| !value.contains(*quote))?;
    // A backslash at the end would escape the quote.
    if value.ends_with('\\') {
        return None;
    }
    Some(format!("{quote}{}{quote}", value.replace('$', "\\$")))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_value_is_quoted_by_what_it_has_not() {
        assert_eq!(quoted("a b").as_deref(), Some("'a b'"));
        assert_eq!(quoted("line\nline").as_deref(), Some("'line\nline'"));
        assert_eq!(quoted("it's").as_deref(), Some("`it's`"));
        assert_eq!(quoted("$HOME").as_deref(), Some("'\\$HOME'"));
        assert_eq!(quoted("'`"), None);
        assert_eq!(quoted("\\"), None);
    }
}

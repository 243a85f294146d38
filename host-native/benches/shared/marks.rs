//! Writes results into a page, between marks that say which.

use anyhow::Context as _;
use std::path::Path;

/// Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->` in a page.
///
/// # Errors
/// Where the page has no such marks, or cannot be written.
pub(crate) fn fill(page: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let old =
        std::fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    let new = replaced(&old, name, text).with_context(|| {
        format!(
            "{} has no lines <!-- {name} --> and <!-- /{name} -->; add them where the table belongs",
            page.display()
        )
    })?;
    std::fs::write(page, new).with_context(|| format!("cannot write {}", page.display()))
}

fn replaced(page: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let text = "a\n<!-- bench -->\nold\n<!-- /bench -->\nb\n";
        let new = replaced(text, "bench", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- bench -->\nnew\n<!-- /bench -->\nb\n");
        assert_eq!(replaced(&new, "bench", "new\n").unwrap(), new);
        assert_eq!(replaced("<!-- bench -->\nno end\n", "bench", "new\n"), None);
        assert_eq!(replaced(text, "other", "new\n"), None);
    }
}

//! A page, and the blocks of code that stand in it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

/// A page whose every block is to be used.
pub(crate) struct Page {
    name: &'static str,
    blocks: Vec<(String, String)>,
    used: RefCell<BTreeSet<usize>>,
}

impl Page {
    pub(crate) fn read(name: &'static str) -> Self {
        let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../components/languages");
        let text = std::fs::read_to_string(pages.join(name)).unwrap();
        Self { name, blocks: blocks(&text), used: RefCell::default() }
    }

    /// The block of a kind, counted from zero.
    pub(crate) fn block(&self, kind: &str, index: usize) -> &str {
        let own = self.blocks.iter().enumerate().filter(|(_, (other, _))| other == kind);
        let (place, (_, text)) = own
            .clone()
            .nth(index)
            .unwrap_or_else(|| panic!("{} has {} blocks of {kind}", self.name, own.count()));
        self.used.borrow_mut().insert(place);
        text
    }

    /// Asserts that every block was used: what a page shows is tried.
    pub(crate) fn is_used_up(&self) {
        let used = self.used.borrow();
        for (place, (kind, text)) in self.blocks.iter().enumerate() {
            assert!(used.contains(&place), "{}: nobody tries this {kind}:\n{text}", self.name);
        }
    }
}

/// The fenced blocks of a page, with their kinds.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (Some(kind), None) => open = Some((kind.to_owned(), String::new())),
            (None, Some((kind, block))) => open = Some((kind, block + line + "\n")),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block has no end");
    blocks
}

#[test]
fn blocks_are_found_with_their_kinds() {
    let text = "a\n```sh\nb\n\nc\n```\nd\n```toml\n```\n";
    let expected = [("sh", "b\n\nc\n"), ("toml", "")];
    assert_eq!(blocks(text), expected.map(|(kind, text)| (kind.to_owned(), text.to_owned())));
}

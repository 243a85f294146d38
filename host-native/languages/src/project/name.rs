//! The names that a project can have: those that WIT and every language can say.

use super::CreateError;
use selvedge_contract::names::Name;

/// The name of a project, which is that of its component, its service and its folder, too.
///
/// # Errors
/// [`CreateError::BadName`] and [`CreateError::Reserved`].
pub fn name(text: &str) -> Result<Name, CreateError> {
    let name =
        Name::parse(text).map_err(|error| CreateError::BadName { name: text.to_owned(), error })?;
    // In WIT, a word behind a hyphen begins with a letter, too.
    let is_word = |word: &str| word.starts_with(|first: char| first.is_ascii_lowercase());
    if RESERVED.contains(&text) || !text.split('-').all(is_word) {
        return Err(CreateError::Reserved { name: text.to_owned() });
    }
    Ok(name)
}

/// Words that are none of one's own in WIT, Rust, Go, JavaScript, Python or C, and names that packages
/// of theirs have.
const RESERVED: &[&str] = &[
    "abstract",
    "and",
    "as",
    "assert",
    "async",
    "auto",
    "await",
    "bool",
    "borrow",
    "box",
    "break",
    "case",
    "catch",
    "chan",
    "char",
    "class",
    "const",
    "constructor",
    "continue",
    "core",
    "crate",
    "debugger",
    "def",
    "default",
    "defer",
    "del",
    "delete",
    "do",
    "double",
    "dyn",
    "elif",
    "else",
    "enum",
    "except",
    "export",
    "extends",
    "extern",
    "fallthrough",
    "false",
    "final",
    "finally",
    "flags",
    "float",
    "fn",
    "for",
    "from",
    "func",
    "function",
    "future",
    "gen",
    "global",
    "go",
    "goto",
    "if",
    "impl",
    "import",
    "in",
    "include",
    "inline",
    "instanceof",
    "int",
    "interface",
    "is",
    "lambda",
    "let",
    "list",
    "long",
    "loop",
    "macro",
    "map",
    "match",
    "mod",
    "move",
    "mut",
    "new",
    "none",
    "nonlocal",
    "not",
    "null",
    "option",
    "or",
    "override",
    "own",
    "package",
    "pass",
    "priv",
    "pub",
    "raise",
    "range",
    "record",
    "ref",
    "register",
    "resource",
    "result",
    "return",
    "select",
    "self",
    "short",
    "signed",
    "sizeof",
    "static",
    "std",
    "stream",
    "string",
    "struct",
    "super",
    "switch",
    "test",
    "this",
    "throw",
    "trait",
    "true",
    "try",
    "tuple",
    "type",
    "typedef",
    "typeof",
    "union",
    "unsafe",
    "unsigned",
    "unsized",
    "use",
    "var",
    "variant",
    "virtual",
    "void",
    "volatile",
    "where",
    "while",
    "with",
    "world",
    "yield",
];

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_are_checked_before_anything_is_written() {
        for good in ["a", "hello", "my-app", "app2", "x9-y"] {
            assert!(name(good).is_ok(), "{good}");
        }
        for bad in
            ["", "Hello", "my_app", "../x", "a/b", "-x", "x-", "2x", "x-2", "type", "world", "test"]
        {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}

//! A statement's text in pieces, cut where SQLite's own tokenizer cuts it.
//!
//! Blanks and comments are left out. What SQLite would not take at all may come as any piece: SQLite
//! has the last word on it.

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, or a name that is not quoted.
    Word,
    /// A name in double quotes, backticks or brackets.
    Quoted,
    /// Text in single quotes, which SQLite takes for a name where only a name can stand.
    Text,
    /// A blob, `x'00ff'`.
    Blob,
    /// A number.
    Number,
    /// A parameter, with its sign: `?`, `?1`, `:a`, `@a`, `$a`.
    Parameter,
    /// One character of anything else.
    Symbol,
}

/// A piece of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'q> {
    pub(super) kind: Kind,
    /// Where it begins, in bytes.
    pub(super) start: usize,
    /// What it says, with its quotes.
    pub(super) text: &'q str,
}

impl<'q> Token<'q> {
    /// Where it ends.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether it is this keyword, and not a quoted name.
    pub(super) fn is(&self, keyword: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// Whether it is one of these keywords.
    pub(super) fn is_any(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(keyword))
    }

    /// Whether it is this character.
    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    /// What it says without its quotes. Quotes within a name are left as they stand.
    pub(super) fn name(&self) -> &'q str {
        match self.kind {
            Kind::Quoted | Kind::Text => {
                let inner = self.text.get(1..).unwrap_or_default();
                inner.strip_suffix(['"', '`', ']', '\'']).unwrap_or(inner)
            }
            _ => self.text,
        }
    }
}

/// Cuts a text.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (kind, length) = piece(rest);
        if let (Some(kind), Some(text)) = (kind, rest.get(..length)) {
            found.push(Token { kind, start: at, text });
        }
        at += length;
    }
    found
}

/// The kind of the first piece, where it is none to leave out, and its length.
fn piece(rest: &str) -> (Option<Kind>, usize) {
    let mut chars = rest.chars();
    let (first, second) = (chars.next().unwrap_or_default(), chars.next());
    match first {
        ' ' | '\t' | '\n' | '\u{c}' | '\r' | '\u{feff}' => (None, first.len_utf8()),
        '-' if second == Some('-') => (None, rest.find('\n').map_or(rest.len(), |at| at + 1)),
        '/' if second == Some('*') => {
            let end = rest.get(2..).and_then(|inner| inner.find("*/"));
            (None, end.map_or(rest.len(), |at| at + 4))
        }
        '\'' => (Some(Kind::Text), quoted(rest, '\'')),
        '"' | '`' => (Some(Kind::Quoted), quoted(rest, first)),
        '[' => (Some(Kind::Quoted), rest.find(']').map_or(rest.len(), |at| at + 1)),
        'x' | 'X' if second == Some('\'') => {
            (Some(Kind::Blob), 1 + quoted(rest.get(1..).unwrap_or_default(), '\''))
        }
        '?' => (Some(Kind::Parameter), 1 + span(rest, 1, |it| it.is_ascii_digit())),
        '$' | '@' | ':' | '#' => match named_parameter(rest) {
            1 => (Some(Kind::Symbol), 1),
            length => (Some(Kind::Parameter), length),
        },
        '0'..='9' => (Some(Kind::Number), number(rest)),
        '.' if second.is_some_and(|it| it.is_ascii_digit()) => (Some(Kind::Number), number(rest)),
        _ if is_name_character(first) => (Some(Kind::Word), span(rest, 0, is_name_character)),
        _ => (Some(Kind::Symbol), first.len_utf8()),
    }
}

/// How many bytes from `from` on are of such characters.
fn span(rest: &str, from: usize, is_part: impl Fn(char) -> bool) -> usize {
    let rest = rest.get(from..).unwrap_or_default();
    rest.find(|it| !is_part(it)).unwrap_or(rest.len())
}

fn is_name_character(it: char) -> bool {
    it.is_ascii_alphanumeric() || it == '_' || it == '$' || !it.is_ascii()
}

/// A text in quotes, which are doubled where they belong to it.
fn quoted(rest: &str, quote: char) -> usize {
    let mut inner = rest.char_indices().skip(1).peekable();
    while let Some((at, it)) = inner.next() {
        if it == quote && inner.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    rest.len()
}

/// A number, with all that SQLite would count to it, a sign in its exponent included.
fn number(rest: &str) -> usize {
    let is_part = |it: char| is_name_character(it) || it == '.';
    let length = span(rest, 0, is_part);
    let is_hexadecimal = rest.get(..2).is_some_and(|head| head.eq_ignore_ascii_case("0x"));
    let has_exponent = rest.get(..length).is_some_and(|it| it.ends_with(['e', 'E']));
    let mut after = rest.get(length..).unwrap_or_default().chars();
    let has_sign = matches!(after.next(), Some('+' | '-'));
    if !is_hexadecimal
        && has_exponent
        && has_sign
        && after.next().is_some_and(|it| it.is_ascii_digit())
    {
        return length + 1 + span(rest, length + 1, is_part);
    }
    length
}

/// A parameter with a name, which may go on as one of Tcl: `$a::b(c)`.
fn named_parameter(rest: &str) -> usize {
    let mut length = 1;
    while let Some(tail) = rest.get(length..) {
        let name = span(tail, 0, is_name_character);
        if name > 0 {
            length += name;
        } else if tail.starts_with("::") {
            length += 2;
        } else {
            break;
        }
    }
    let tail = rest.get(length..).unwrap_or_default();
    if length > 1 && tail.starts_with('(') {
        let inner = span(tail, 1, |it| !it.is_ascii_whitespace() && it != ')');
        if tail.get(1 + inner..).is_some_and(|after| after.starts_with(')')) {
            return length + inner + 2;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::{Kind, tokens};

    fn cut(text: &str) -> Vec<(Kind, &str)> {
        tokens(text).into_iter().map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn comments_and_blanks_are_left_out() {
        let word = |text| (Kind::Word, text);
        assert_eq!(cut("\u{feff} a--b'c\nd/*'e*/f/**/-- g"), [word("a"), word("d"), word("f")]);
        assert_eq!(cut("a /* never ends"), [word("a")]);
        assert_eq!(cut("a -- never ends"), [word("a")]);
    }

    #[test]
    fn quotes_are_doubled_where_they_belong_to_a_name() {
        assert_eq!(
            cut("'it''s'\"a\"\"b\"`c``d`[e]]"),
            [
                (Kind::Text, "'it''s'"),
                (Kind::Quoted, "\"a\"\"b\""),
                (Kind::Quoted, "`c``d`"),
                (Kind::Quoted, "[e]"),
                (Kind::Symbol, "]"),
            ]
        );
        assert_eq!(cut("'open; --"), [(Kind::Text, "'open; --")]);
        assert_eq!(cut("x'00' x"), [(Kind::Blob, "x'00'"), (Kind::Word, "x")]);
        let names: Vec<_> = tokens("a 'b' \"c\" [d] \"e").iter().map(|it| it.name()).collect();
        assert_eq!(names, ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn parameters_are_told_from_names() {
        let parameter = |text| (Kind::Parameter, text);
        assert_eq!(
            cut("?12 ? :a1 @é $b::c(d) a$1 :"),
            [
                parameter("?12"),
                parameter("?"),
                parameter(":a1"),
                parameter("@é"),
                parameter("$b::c(d)"),
                (Kind::Word, "a$1"),
                (Kind::Symbol, ":"),
            ]
        );
    }

    #[test]
    fn numbers_are_whole() {
        let number = |text| (Kind::Number, text);
        assert_eq!(
            cut("1.5e-3 .5 0x1e+1 1_000"),
            [
                number("1.5e-3"),
                number(".5"),
                number("0x1e"),
                (Kind::Symbol, "+"),
                number("1"),
                number("1_000"),
            ]
        );
    }
}

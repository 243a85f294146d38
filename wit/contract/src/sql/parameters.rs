//! Which parameter of a statement is which.

use super::token::{Kind, Token};
use std::collections::HashMap;

/// The numbers of the parameters among `tokens`, in the order in which they stand there, as SQLite
/// counts: `?7` is the seventh, `?` is one after the highest so far, and a name has one number.
pub(super) fn numbers(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut named = HashMap::new();
    let mut highest = 0;
    let mut number = |token: &Token<'_>| {
        let number = match token.text.strip_prefix('?') {
            Some("") => highest + 1,
            Some(digits) => digits.parse().unwrap_or(usize::MAX),
            None => *named.entry(token.text.to_owned()).or_insert(highest + 1),
        };
        highest = highest.max(number);
        number
    };
    tokens.iter().filter(|it| it.kind == Kind::Parameter).map(&mut number).collect()
}

/// `text`, where each parameter whose number `is_integer` is made an integer of what is bound to it.
///
/// A platform that binds numbers as reals gets integers as text. The sign before `CAST` takes the
/// affinity away that it would have and a parameter has not: `'5' = ?1` stays false for the number 5.
pub(super) fn with_integers(
    text: &str,
    tokens: &[Token<'_>],
    is_integer: impl Fn(usize) -> bool,
) -> String {
    let parameters = tokens.iter().filter(|it| it.kind == Kind::Parameter);
    let (mut written, mut from) = (String::with_capacity(text.len()), 0);
    for (token, number) in parameters.zip(numbers(tokens)) {
        if is_integer(number) {
            written.push_str(text.get(from..token.start).unwrap_or_default());
            written.push_str(&as_integer(token.text));
            from = token.end();
        }
    }
    written.push_str(text.get(from..).unwrap_or_default());
    written
}

pub(super) fn as_integer(parameter: &str) -> String {
    format!("(+CAST({parameter} AS INTEGER))")
}

#[cfg(test)]
mod tests {
    use super::super::token::tokens;
    use super::{numbers, with_integers};

    #[test]
    fn parameters_are_counted_as_sqlite_does() {
        assert_eq!(
            numbers(&tokens("?, ?5, ?, :a, @a, :a, ?2, '?9', \"?9\" -- ?9")),
            [1, 5, 6, 7, 8, 7, 2]
        );
        assert_eq!(numbers(&tokens("SELECT 1")), []);
    }

    #[test]
    fn integers_are_made_of_what_is_bound() {
        let text = "SELECT ?1, '?1', :a, ?, ?1 /* ?1 */ FROM \"?1\"";
        assert_eq!(
            with_integers(text, &tokens(text), |number| number != 2),
            "SELECT (+CAST(?1 AS INTEGER)), '?1', :a, (+CAST(? AS INTEGER)), (+CAST(?1 AS INTEGER)) /* ?1 */ FROM \"?1\""
        );
    }
}

//! What a statement that writes and gives rows is asked for besides, to tell the types of its numbers.
//!
//! It cannot be wrapped in another as one that only reads ([`super::typed`]). So each expression of its
//! RETURNING is followed, behind the last, by one that says of a number what it was.

use super::parameters::with_integers;
use super::statement::{Statement, Verb};
use super::token::{Kind, Token, tokens};
use super::typed::REAL;

/// A statement that gives more columns than it was written with.
#[derive(Debug, PartialEq, Eq)]
pub struct Returning {
    /// The statement.
    pub text: String,
    /// How many of its columns, at the end, say of each column before what it is: the digits of an
    /// integer, or [`REAL`].
    pub columns: usize,
}

/// What a RETURNING gives.
#[derive(Debug, PartialEq, Eq)]
enum Item<'q> {
    /// Every column of the table.
    All,
    /// An expression, without the name that it was given.
    Expression(&'q str),
}

impl Statement<'_> {
    /// Whether it writes and gives rows.
    pub fn returns(&self) -> bool {
        self.verb() == Verb::Writes && self.outer().any(|(_, it)| it.is("RETURNING"))
    }

    /// The table whose columns must be known for [`returning`]; `None` where it needs to know none.
    pub fn returns_all_of(&self) -> Option<String> {
        let is_all = items(self)?.contains(&Item::All);
        let all = self.tokens();
        let verb = super::statement::main_verb(all)?;
        let mut rest = all.iter().skip_while(|it| it.start <= verb.start);
        let before = if verb.is("DELETE") { "FROM" } else { "INTO" };
        if verb.is("UPDATE") {
            while rest.clone().next().is_some_and(|it| it.is("OR")) {
                rest.by_ref().nth(1);
            }
        } else {
            rest.find(|it| it.is(before));
        }
        let (first, dot, second) = (rest.next()?, rest.next(), rest.next());
        let table = if dot.is_some_and(|it| it.is_symbol(".")) { second? } else { first };
        is_all.then(|| table.name().to_owned())
    }
}

/// `statement` with the types of what it returns; `columns` are those of the table that
/// [`Statement::returns_all_of`] names. `None` where it returns nothing, or its text does not tell what.
pub fn returning(
    statement: &Statement<'_>,
    columns: &[String],
    is_integer: impl Fn(usize) -> bool,
) -> Option<Returning> {
    let mut expressions = Vec::new();
    for item in items(statement)? {
        match item {
            Item::Expression(text) => expressions.push(text.to_owned()),
            Item::All if columns.is_empty() => return None,
            Item::All => expressions.extend(columns.iter().map(|name| quoted(name))),
        }
    }
    let mut text = statement.text().to_owned();
    for it in &expressions {
        text.push_str(&format!(
            "\n,CASE typeof({it})WHEN'integer'THEN CAST({it} AS TEXT)WHEN'real'THEN'{REAL}'END"
        ));
    }
    let text = with_integers(&text, &tokens(&text), is_integer);
    Some(Returning { text, columns: expressions.len() })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn items<'q>(statement: &Statement<'q>) -> Option<Vec<Item<'q>>> {
    if statement.verb() != Verb::Writes {
        return None;
    }
    let (begin, _) = statement.outer().rfind(|(_, it)| it.is("RETURNING"))?;
    let list = statement.tokens().get(begin + 1..)?;
    // A parameter without a number would be counted once more.
    if list.iter().any(|it| it.kind == Kind::Parameter && it.text == "?") {
        return None;
    }
    let mut commas: Vec<_> = super::statement::outer(list)
        .into_iter()
        .filter_map(|(at, it)| it.is_symbol(",").then_some(at))
        .collect();
    commas.push(list.len());
    let mut from = 0;
    let mut found = Vec::new();
    for comma in commas {
        found.push(item(statement.text(), list.get(from..comma)?)?);
        from = comma + 1;
    }
    Some(found)
}

fn item<'q>(text: &'q str, tokens: &[Token<'q>]) -> Option<Item<'q>> {
    if matches!(tokens, [all] if all.is_symbol("*")) {
        return Some(Item::All);
    }
    let expression = match tokens {
        [expression @ .., by, _] if by.is("AS") => expression,
        // A name without AS stands behind what can end an expression.
        [expression @ .., end, name] if is_name(name) && ends_expression(end) => {
            tokens.get(..=expression.len())?
        }
        all => all,
    };
    let (first, last) = (expression.first()?, expression.last()?);
    text.get(first.start..last.end()).map(Item::Expression)
}

fn is_name(token: &Token<'_>) -> bool {
    matches!(token.kind, Kind::Word | Kind::Quoted | Kind::Text)
        && !token.is_any(&["END", "ISNULL", "NOTNULL", "NULL"])
}

fn ends_expression(token: &Token<'_>) -> bool {
    const OPERATORS: [&str; 18] = [
        "AND", "OR", "NOT", "IS", "IN", "LIKE", "GLOB", "MATCH", "REGEXP", "BETWEEN", "COLLATE",
        "FROM", "ESCAPE", "ELSE", "THEN", "WHEN", "CASE", "DISTINCT",
    ];
    token.is_symbol(")") || (token.kind != Kind::Symbol && !token.is_any(&OPERATORS))
}

#[cfg(test)]
mod tests {
    use super::{Item, items, returning};
    use crate::sql::Statement;

    #[test]
    fn expressions_are_found_without_their_names() {
        let text = "INSERT INTO t VALUES (1) RETURNING a, b + 1 AS c, f(a, b) d, x COLLATE nocase, \
                    CASE WHEN a THEN b END, (SELECT a AS b), a ISNULL, t.a \"n\"";
        let statement = Statement::parse(text).unwrap();
        let found: Vec<_> = items(&statement).unwrap();
        let expected = [
            "a",
            "b + 1",
            "f(a, b)",
            "x COLLATE nocase",
            "CASE WHEN a THEN b END",
            "(SELECT a AS b)",
            "a ISNULL",
            "t.a",
        ];
        assert_eq!(found, expected.map(Item::Expression));
    }

    #[test]
    fn types_stand_behind_the_last() {
        let statement = Statement::parse("DELETE FROM t RETURNING a, ?1 AS b").unwrap();
        let found = returning(&statement, &[], |_| true).unwrap();
        assert_eq!(found.columns, 2);
        assert_eq!(
            found.text,
            "DELETE FROM t RETURNING a, (+CAST(?1 AS INTEGER)) AS b\
             \n,CASE typeof(a)WHEN'integer'THEN CAST(a AS TEXT)WHEN'real'THEN'r'END\
             \n,CASE typeof((+CAST(?1 AS INTEGER)))WHEN'integer'THEN CAST((+CAST(?1 AS INTEGER)) AS TEXT)\
             WHEN'real'THEN'r'END"
        );
        for text in ["DELETE FROM t", "SELECT 1", "DELETE FROM t RETURNING ?"] {
            assert_eq!(returning(&Statement::parse(text).unwrap(), &[], |_| false), None, "{text}");
        }
    }

    #[test]
    fn all_columns_are_those_of_the_table() {
        for text in [
            "DELETE FROM main.\"t t\" RETURNING *",
            "INSERT OR IGNORE INTO \"t t\" VALUES (1) RETURNING *",
            "UPDATE OR FAIL \"t t\" SET a = 1 RETURNING *",
            "WITH a AS (DELETE) REPLACE INTO \"t t\" VALUES (1) RETURNING 1, *",
        ] {
            let table = Statement::parse(text).unwrap().returns_all_of();
            assert_eq!(table.as_deref(), Some("t t"), "{text}");
        }
        let statement = Statement::parse("DELETE FROM t RETURNING *").unwrap();
        assert_eq!(returning(&statement, &[], |_| false), None);
        let found = returning(&statement, &["a\"b".to_owned()], |_| false).unwrap();
        assert!(found.text.ends_with("THEN CAST(\"a\"\"b\" AS TEXT)WHEN'real'THEN'r'END"));
        assert_eq!(Statement::parse("DELETE FROM t RETURNING a").unwrap().returns_all_of(), None);
    }
}

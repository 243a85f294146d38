//! One statement of SQL, known by its text: where it begins and ends, what it does, and what it takes.

use super::Refusal;
use super::judge::{judge, unexplained};
use super::parameters::{numbers, with_integers};
use super::token::{Token, tokens};
use crate::limits::{
    SQL_RESULT_BYTES_MAX, SQL_ROWS_MAX, SQL_STATEMENT_BYTES_MAX, SQL_STATEMENTS_MAX,
};

/// Why a text is no statement that can be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// An object may not use it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It is over a bound.
    #[error(transparent)]
    LimitExceeded(#[from] Exceeded),
    /// It has a zero character, at which SQLite would stop to read.
    #[error("the statement has a zero character; give text that has one as a parameter")]
    ZeroCharacter,
    /// It says nothing.
    #[error("there is no statement")]
    Empty,
    /// It has more than one statement.
    #[error("there is more than one statement; use a batch")]
    Several,
    /// There is not one value for each parameter.
    #[error("the statement has {wanted} parameters, and {given} values were given")]
    Parameters {
        /// How many the statement has.
        wanted: usize,
        /// How many were given.
        given: usize,
    },
}

/// Which bound of SQL is exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// The text of a statement.
    #[error("a statement has at most {SQL_STATEMENT_BYTES_MAX} bytes")]
    StatementBytes,
    /// Statements of a batch.
    #[error("a batch has at most {SQL_STATEMENTS_MAX} statements")]
    Statements,
    /// Rows that a statement gives.
    #[error("the statement gives more than {SQL_ROWS_MAX} rows; add a LIMIT")]
    Rows,
    /// Bytes that a call gives.
    #[error("the statement gives more than {SQL_RESULT_BYTES_MAX} bytes; ask for less")]
    ResultBytes,
    /// Bytes of one value.
    #[error("a value has at most {SQL_RESULT_BYTES_MAX} bytes")]
    ValueBytes,
    /// Bytes that an object stores.
    #[error("the object stores as much as it may: {0} bytes")]
    Storage(u64),
}

/// What a statement does, as far as its first words tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// It gives rows of tables, and writes nothing.
    Reads,
    /// It tells about the schema or about a statement, and writes nothing.
    Looks,
    /// It inserts, changes or removes rows.
    Writes,
    /// It changes the schema, or does what only SQLite knows.
    Changes,
}

/// One statement.
#[derive(Debug)]
pub struct Statement<'q> {
    text: &'q str,
    /// Its pieces, at their places in `text`.
    tokens: Vec<Token<'q>>,
    verb: Verb,
}

impl<'q> Statement<'q> {
    /// Reads a text that a guest gave.
    ///
    /// # Errors
    /// [`StatementError`], whose words are for the guest.
    pub fn parse(query: &'q str) -> Result<Self, StatementError> {
        if query.len() > SQL_STATEMENT_BYTES_MAX {
            return Err(Exceeded::StatementBytes.into());
        }
        if query.contains('\0') {
            return Err(StatementError::ZeroCharacter);
        }
        let all = tokens(query);
        judge(&all)?;
        let tokens = only_statement(&all)?;
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
            return Err(StatementError::Empty);
        };
        let (begin, text) = (first.start, query.get(first.start..last.end()).unwrap_or_default());
        let tokens: Vec<_> =
            tokens.iter().map(|token| Token { start: token.start - begin, ..*token }).collect();
        let verb = verb(&tokens);
        Ok(Self { text, tokens, verb })
    }

    /// What it does.
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// Says whether so many values fit.
    ///
    /// # Errors
    /// [`StatementError::Parameters`]
    pub fn check_parameters(&self, given: usize) -> Result<(), StatementError> {
        let wanted = numbers(&self.tokens).into_iter().max().unwrap_or(0);
        if wanted == given { Ok(()) } else { Err(StatementError::Parameters { wanted, given }) }
    }

    /// The statement without the semicolons around it, in which each parameter whose number
    /// `is_integer` is made an integer of the text that is bound to it.
    pub fn with_integers(&self, is_integer: impl Fn(usize) -> bool) -> String {
        with_integers(self.text, &self.tokens, is_integer)
    }

    /// The same statement, but one that gives no rows: its columns can be asked for at no cost. Also
    /// how many parameters it has then. `None` where the statement is not one that reads.
    pub fn without_rows(&self) -> Option<(String, usize)> {
        if self.verb != Verb::Reads {
            return None;
        }
        let is_of_values = self.outer().rfind(|(_, it)| it.is_any(&["SELECT", "VALUES"]));
        if is_of_values.is_some_and(|(_, it)| it.is("VALUES")) {
            // A LIMIT cannot stand behind these.
            let parameters = numbers(&self.tokens).into_iter().max().unwrap_or(0);
            return Some((format!("SELECT * FROM (\n{}\n) LIMIT 0", self.text), parameters));
        }
        let limit = self.outer().find(|(_, it)| it.is("LIMIT")).map(|(at, _)| at);
        let kept = self.tokens.get(..limit.unwrap_or(self.tokens.len())).unwrap_or_default();
        let end = kept.last().map_or(0, Token::end);
        let text = format!("{}\nLIMIT 0", self.text.get(..end).unwrap_or_default());
        Some((text, numbers(kept).into_iter().max().unwrap_or(0)))
    }

    pub(super) fn text(&self) -> &'q str {
        self.text
    }

    /// The pieces that stand in no parentheses, with their indexes.
    pub(super) fn outer(&self) -> impl DoubleEndedIterator<Item = (usize, &Token<'q>)> {
        outer(&self.tokens).into_iter()
    }

    pub(super) fn tokens(&self) -> &[Token<'q>] {
        &self.tokens
    }
}

/// The pieces that stand in no parentheses, with their indexes.
pub(super) fn outer<'t, 'q>(tokens: &'t [Token<'q>]) -> Vec<(usize, &'t Token<'q>)> {
    let mut depth = 0_usize;
    let outer = tokens.iter().enumerate().filter(|(_, token)| {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
            return false;
        }
        depth == 0
    });
    outer.collect()
}

/// The one statement among semicolons.
fn only_statement<'t, 'q>(all: &'t [Token<'q>]) -> Result<&'t [Token<'q>], StatementError> {
    let begin = all.iter().position(|it| !it.is_symbol(";")).unwrap_or(all.len());
    let all = all.get(begin..).unwrap_or_default();
    let is_trigger = match unexplained(all) {
        [create, trigger, ..] => create.is("CREATE") && trigger.is("TRIGGER"),
        _ => false,
    };
    // The statements within a trigger end with semicolons, too; its own end stands behind one of them.
    let ends = |at: usize| {
        let before = |by: usize| at.checked_sub(by).and_then(|at| all.get(at));
        !is_trigger
            || (before(1).is_some_and(|it| it.is("END"))
                && before(2).is_some_and(|it| it.is_symbol(";")))
    };
    let end = all.iter().enumerate().position(|(at, it)| it.is_symbol(";") && ends(at));
    let (statement, rest) = all.split_at(end.unwrap_or(all.len()));
    if rest.iter().all(|it| it.is_symbol(";")) {
        Ok(statement)
    } else {
        Err(StatementError::Several)
    }
}

fn verb(tokens: &[Token<'_>]) -> Verb {
    const WRITING: [&str; 4] = ["INSERT", "REPLACE", "UPDATE", "DELETE"];
    const READING: [&str; 2] = ["SELECT", "VALUES"];
    match tokens.first() {
        Some(first) if first.is_any(&["EXPLAIN", "PRAGMA"]) => Verb::Looks,
        Some(first) if first.is_any(&READING) => Verb::Reads,
        Some(first) if first.is_any(&WRITING) => Verb::Writes,
        Some(first) if first.is("WITH") => match main_verb(tokens) {
            Some(verb) if verb.is_any(&READING) => Verb::Reads,
            Some(_) => Verb::Writes,
            None => Verb::Changes,
        },
        _ => Verb::Changes,
    }
}

/// The verb behind tables that `WITH` defines, one of which may be called `replace`.
pub(super) fn main_verb<'t, 'q>(tokens: &'t [Token<'q>]) -> Option<&'t Token<'q>> {
    const VERBS: [&str; 5] = ["SELECT", "VALUES", "INSERT", "UPDATE", "DELETE"];
    let outer = outer(tokens);
    let found = outer.iter().enumerate().find(|(at, (_, token))| {
        let next = outer.get(at + 1).map(|(_, next)| next);
        token.is_any(&VERBS) || (token.is("REPLACE") && next.is_some_and(|next| next.is("INTO")))
    });
    found.map(|(_, (_, token))| *token)
}

#[cfg(test)]
mod tests {
    use super::{Exceeded, Statement, StatementError, Verb};
    use crate::limits::SQL_STATEMENT_BYTES_MAX;

    fn error(text: &str) -> StatementError {
        Statement::parse(text).expect_err(text)
    }

    #[test]
    fn there_is_one_statement() {
        for text in ["SELECT 1", ";; SELECT 1 ;; -- a comment", "/* a */ SELECT 1 /* never ends"] {
            assert_eq!(Statement::parse(text).unwrap().text(), "SELECT 1", "{text}");
        }
        for text in ["", " ; -- a comment", "/* SELECT 1"] {
            assert_eq!(error(text), StatementError::Empty, "{text}");
        }
        assert_eq!(error("SELECT 1; SELECT 2"), StatementError::Several);
        assert!(Statement::parse("SELECT ';', \";\"").is_ok());
        assert_eq!(error("SELECT '\0'"), StatementError::ZeroCharacter);
    }

    #[test]
    fn a_trigger_has_statements_within() {
        let trigger = "CREATE TRIGGER r AFTER INSERT ON t BEGIN
            UPDATE t SET x = CASE WHEN 1 THEN 2 END; DELETE FROM t; END";
        assert_eq!(Statement::parse(&format!("{trigger};")).unwrap().text(), trigger);
        assert_eq!(error(&format!("{trigger}; DROP TABLE t")), StatementError::Several);
        assert_eq!(error("CREATE TABLE t(x); SELECT 1; END"), StatementError::Several);
    }

    #[test]
    fn length_of_a_statement_is_bounded() {
        let sized = |bytes: usize| format!("SELECT 7{}", " ".repeat(bytes - 8));
        assert!(Statement::parse(&sized(SQL_STATEMENT_BYTES_MAX)).is_ok());
        let over = error(&sized(SQL_STATEMENT_BYTES_MAX + 1));
        assert_eq!(over, StatementError::LimitExceeded(Exceeded::StatementBytes));
    }

    #[test]
    fn first_words_tell_what_a_statement_does() {
        for (text, verb) in [
            ("select 1", Verb::Reads),
            ("VALUES (1)", Verb::Reads),
            ("WITH insert_(x) AS (SELECT 1) SELECT * FROM insert_", Verb::Reads),
            ("WITH replace AS (SELECT 1) SELECT * FROM replace", Verb::Reads),
            ("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", Verb::Writes),
            ("WITH a AS (SELECT 1) REPLACE INTO t SELECT * FROM a", Verb::Writes),
            ("REPLACE INTO t VALUES (1)", Verb::Writes),
            ("DELETE FROM t", Verb::Writes),
            ("PRAGMA table_info(t)", Verb::Looks),
            ("EXPLAIN QUERY PLAN SELECT 1", Verb::Looks),
            ("CREATE TABLE t AS SELECT 1", Verb::Changes),
            ("SELEC 1", Verb::Changes),
        ] {
            assert_eq!(Statement::parse(text).unwrap().verb(), verb, "{text}");
        }
    }

    #[test]
    fn columns_are_asked_for_without_rows() {
        let without = |text| Statement::parse(text).unwrap().without_rows();
        let some = |text: &str, parameters| Some((text.to_owned(), parameters));
        assert_eq!(without("SELECT ?1 -- a"), some("SELECT ?1\nLIMIT 0", 1));
        assert_eq!(
            without("SELECT a FROM (SELECT 1 AS a LIMIT ?1) ORDER BY 1 LIMIT ?2 OFFSET ?3;"),
            some("SELECT a FROM (SELECT 1 AS a LIMIT ?1) ORDER BY 1\nLIMIT 0", 1)
        );
        assert_eq!(
            without("SELECT 1 UNION VALUES (?)"),
            some("SELECT * FROM (\nSELECT 1 UNION VALUES (?)\n) LIMIT 0", 1)
        );
        assert_eq!(without("DELETE FROM t LIMIT 1"), None);
    }

    #[test]
    fn there_is_a_value_for_each_parameter() {
        let statement = Statement::parse("SELECT ?2, :a").unwrap();
        assert_eq!(statement.check_parameters(3), Ok(()));
        for given in [2, 4] {
            let error = StatementError::Parameters { wanted: 3, given };
            assert_eq!(statement.check_parameters(given), Err(error));
        }
    }
}

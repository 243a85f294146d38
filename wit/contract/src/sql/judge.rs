//! Whether an object may use a statement, judged by its text alone.
//!
//! Every name that begins as the host's or the platform's do is refused, wherever it stands: a view, a
//! trigger or a search index could lead to the table later, when nobody looks any more. Text in single
//! quotes is a value, except where SQLite would take it for a name.

use super::token::{Kind, Token};
use super::{
    OWN_PREFIX, PLATFORM_PREFIX, Refusal, begins_with, is_forbidden_function, is_module, is_pragma,
};

/// Says whether an object may use a statement.
pub(super) fn judge(tokens: &[Token<'_>]) -> Result<(), Refusal> {
    let statement = unexplained(tokens);
    let is_virtual = judge_verb(statement)?;
    judge_names(statement, is_virtual)?;
    judge_rollbacks(statement)
}

/// A statement without what stands before it: semicolons, and the wish to have it explained.
pub(super) fn unexplained<'t, 'q>(tokens: &'t [Token<'q>]) -> &'t [Token<'q>] {
    let begin = tokens.iter().position(|it| !it.is_symbol(";")).unwrap_or(tokens.len());
    let tokens = tokens.get(begin..).unwrap_or_default();
    match tokens {
        [explain, query, plan, rest @ ..]
            if explain.is("EXPLAIN") && query.is("QUERY") && plan.is("PLAN") =>
        {
            rest
        }
        [explain, rest @ ..] if explain.is("EXPLAIN") => rest,
        all => all,
    }
}

/// Judges what a statement is about to do; says whether it makes a virtual table.
fn judge_verb(statement: &[Token<'_>]) -> Result<bool, Refusal> {
    let Some((verb, rest)) = statement.split_first() else { return Ok(false) };
    if verb.kind != Kind::Word {
        return Ok(false);
    }
    match verb.text.to_ascii_uppercase().as_str() {
        "ROLLBACK" if rest.iter().any(|it| it.is("TO")) => Err(Refusal::Savepoint),
        "BEGIN" | "COMMIT" | "END" | "ROLLBACK" => Err(Refusal::Transaction),
        "SAVEPOINT" | "RELEASE" => Err(Refusal::Savepoint),
        word @ ("VACUUM" | "ATTACH" | "DETACH") => Err(Refusal::OtherFile(word.to_owned())),
        "PRAGMA" => judge_pragma(rest).map(|()| false),
        "CREATE" => judge_creation(rest),
        _ => Ok(false),
    }
}

fn judge_pragma(rest: &[Token<'_>]) -> Result<(), Refusal> {
    let name = match rest {
        [_, dot, name, ..] if dot.is_symbol(".") => name.name(),
        [name, ..] => name.name(),
        // SQLite says what is missing.
        [] => return Ok(()),
    };
    if is_pragma(name) { Ok(()) } else { Err(Refusal::Pragma(name.to_ascii_lowercase())) }
}

fn judge_creation(rest: &[Token<'_>]) -> Result<bool, Refusal> {
    let Some((what, rest)) = rest.split_first() else { return Ok(false) };
    if what.is_any(&["TEMP", "TEMPORARY"]) {
        return Err(Refusal::Temporary);
    }
    let is_virtual = what.is("VIRTUAL");
    // The schema stands before a dot, and that before any parenthesis or the body.
    let head =
        rest.iter().take_while(|it| !it.is_symbol("(") && !it.is_any(&["AS", "ON", "USING"]));
    let names: Vec<_> = head.collect();
    if names.windows(2).any(|pair| {
        matches!(pair, [schema, dot] if dot.is_symbol(".") && schema.name().eq_ignore_ascii_case("temp"))
    }) {
        return Err(Refusal::Temporary);
    }
    if is_virtual {
        let using = rest.iter().skip_while(|it| !it.is("USING")).nth(1);
        if let Some(module) = using.filter(|module| !is_module(module.name())) {
            return Err(Refusal::Module(module.name().to_owned()));
        }
    }
    Ok(is_virtual)
}

/// Judges every name, and every function.
fn judge_names(statement: &[Token<'_>], is_virtual: bool) -> Result<(), Refusal> {
    let mut places = Places::default();
    for (at, token) in statement.iter().enumerate() {
        let can_name = match token.kind {
            Kind::Word | Kind::Quoted => true,
            // A search index finds its tables by such texts.
            Kind::Text => is_virtual || places.takes_name(),
            _ => false,
        };
        let name = token.name();
        if can_name && (begins_with(name, OWN_PREFIX) || begins_with(name, PLATFORM_PREFIX)) {
            return Err(Refusal::OwnName(name.to_owned()));
        }
        let is_call = statement.get(at + 1).is_some_and(|next| next.is_symbol("("));
        if can_name && is_call && is_forbidden_function(name) {
            return Err(Refusal::Function(name.to_ascii_lowercase()));
        }
        places.pass(token);
    }
    Ok(())
}

/// Where in a statement a text in single quotes would be a name.
#[derive(Default)]
struct Places<'q> {
    before: Option<Token<'q>>,
    /// For each parenthesis that is open, and for the statement: whether tables are listed there.
    lists_tables: Vec<bool>,
    here: bool,
}

impl<'q> Places<'q> {
    fn takes_name(&self) -> bool {
        const BEFORE_NAMES: [&str; 15] = [
            "FROM",
            "JOIN",
            "INTO",
            "UPDATE",
            "TABLE",
            "EXISTS",
            "ON",
            "INDEX",
            "VIEW",
            "TRIGGER",
            "REFERENCES",
            "TO",
            "IN",
            "ANALYZE",
            "REINDEX",
        ];
        self.before.is_some_and(|before| {
            before.is_any(&BEFORE_NAMES)
                || before.is_symbol(".")
                || (self.here && (before.is_symbol(",") || before.is_symbol("(")))
        })
    }

    fn pass(&mut self, token: &Token<'q>) {
        const ENDS: [&str; 12] = [
            "SELECT",
            "WHERE",
            "GROUP",
            "ORDER",
            "HAVING",
            "LIMIT",
            "WINDOW",
            "SET",
            "VALUES",
            "UNION",
            "EXCEPT",
            "INTERSECT",
        ];
        if token.is_symbol("(") {
            let goes_on = self.takes_name() && self.here;
            self.lists_tables.push(self.here);
            self.here = goes_on;
        } else if token.is_symbol(")") {
            self.here = self.lists_tables.pop().unwrap_or_default();
        } else if token.is_any(&["FROM", "JOIN"]) {
            self.here = true;
        } else if token.is_any(&ENDS) {
            self.here = false;
        }
        self.before = Some(*token);
    }
}

/// Judges what is to happen where a constraint fails.
fn judge_rollbacks(statement: &[Token<'_>]) -> Result<(), Refusal> {
    let undoes = statement.iter().enumerate().any(|(at, rollback)| {
        let before = |by: usize| at.checked_sub(by).and_then(|at| statement.get(at));
        rollback.is("ROLLBACK")
            && (before(1).is_some_and(|it| it.is_any(&["OR", "CONFLICT"]))
                || before(2).is_some_and(|it| it.is("RAISE")))
    });
    if undoes { Err(Refusal::ConflictRollback) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::Refusal;
    use crate::sql::token::tokens;

    fn judge(text: &str) -> Result<(), Refusal> {
        super::judge(&tokens(text))
    }

    fn refused(text: &str) -> Refusal {
        judge(text).expect_err(text)
    }

    #[test]
    fn transactions_by_hand_are_refused() {
        for text in [
            "BEGIN",
            "begin immediate",
            "COMMIT",
            "END",
            "ROLLBACK",
            "/* quietly */ begin",
            "; BEGIN",
            "EXPLAIN COMMIT",
            "EXPLAIN QUERY PLAN BEGIN",
        ] {
            assert_eq!(refused(text), Refusal::Transaction, "{text}");
        }
        for text in ["SAVEPOINT s", "RELEASE s", "ROLLBACK TO s", "ROLLBACK TRANSACTION TO s"] {
            assert_eq!(refused(text), Refusal::Savepoint, "{text}");
        }
        for text in [
            "INSERT OR ROLLBACK INTO t VALUES (1)",
            "CREATE TABLE t(x UNIQUE ON CONFLICT ROLLBACK)",
            "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
        ] {
            assert_eq!(refused(text), Refusal::ConflictRollback, "{text}");
        }
    }

    #[test]
    fn other_files_are_refused() {
        for text in [
            "VACUUM",
            "-- quietly\nvacuum",
            "\u{feff}VACUUM INTO 'x'",
            ";;/**/VACUUM INTO ?1",
            "EXPLAIN VACUUM",
            "ATTACH 'x' AS y",
            "DETACH main",
        ] {
            assert!(matches!(refused(text), Refusal::OtherFile(_)), "{text}");
        }
        for text in [
            "CREATE TEMP TABLE t(x)",
            "create temporary view v as select 1",
            "CREATE TABLE temp.t(x)",
            "CREATE TABLE IF NOT EXISTS \"temp\".t(x)",
            "CREATE TRIGGER temp.r AFTER INSERT ON t BEGIN SELECT 1; END",
        ] {
            assert_eq!(refused(text), Refusal::Temporary, "{text}");
        }
        assert_eq!(judge("CREATE TABLE t(temp, x AS (temp.x))"), Ok(()));
    }

    #[test]
    fn pragmas_and_modules_are_those_that_are_listed() {
        for text in ["PRAGMA table_info(t)", "PRAGMA main.TABLE_LIST", "PRAGMA \"index_list\"(t)"] {
            assert_eq!(judge(text), Ok(()), "{text}");
        }
        for text in
            ["PRAGMA journal_mode", "PRAGMA main.JOURNAL_MODE=off", "EXPLAIN PRAGMA journal_mode"]
        {
            assert_eq!(refused(text), Refusal::Pragma("journal_mode".to_owned()), "{text}");
        }
        assert_eq!(judge("CREATE VIRTUAL TABLE f USING fts5(a)"), Ok(()));
        assert_eq!(judge("CREATE VIRTUAL TABLE f USING \"RTREE\"(id, a, b)"), Ok(()));
        assert_eq!(
            refused("CREATE VIRTUAL TABLE f USING fts4(a)"),
            Refusal::Module("fts4".to_owned())
        );
        assert!(matches!(refused("SELECT load_extension('x')"), Refusal::Function(_)));
    }

    #[test]
    fn names_of_the_host_are_refused_however_they_are_spelled() {
        for text in [
            "SELECT * FROM _selvedge_keys",
            "SELECT * FROM main._Selvedge_Keys",
            "CREATE TABLE _SELVEDGE_mine(v)",
            "REPLACE INTO \"_selvedge_keys\" VALUES (1)",
            "DELETE FROM [_selvedge_keys]",
            "DROP TABLE IF EXISTS `_selvedge_keys`",
            "DROP TABLE IF EXISTS '_selvedge_keys'",
            "SELECT * FROM '_selvedge_keys'",
            "SELECT * FROM t, '_selvedge_keys'",
            "SELECT * FROM (t JOIN ('_selvedge_keys'))",
            "SELECT 1 WHERE 1 IN '_selvedge_keys'",
            "SELECT 1 WHERE 1 IN main.'_selvedge_keys'",
            "ALTER TABLE t RENAME TO '_selvedge_mine'",
            "CREATE VIRTUAL TABLE f USING fts5(a, content='_selvedge_keys')",
            "CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM _selvedge_keys; END",
            "SELECT * FROM _cf_KV",
        ] {
            assert!(matches!(refused(text), Refusal::OwnName(_)), "{text}");
        }
    }

    #[test]
    fn text_is_a_value() {
        for text in [
            "INSERT INTO t VALUES ('_selvedge_x', '; COMMIT')",
            "INSERT INTO t VALUES (1, '_selvedge_x') -- _selvedge_x",
            "SELECT 1 FROM sqlite_master WHERE name = '_selvedge_x' AND f('_selvedge_x', '_cf_x')",
            "SELECT 1 FROM json_each('_selvedge_x', '_selvedge_y') WHERE x IN ('_selvedge_x')",
            "SELECT 1 FROM t JOIN u ON t.x = '_selvedge_x'",
        ] {
            assert_eq!(judge(text), Ok(()), "{text}");
        }
        assert_eq!(judge("SELECT rollback, begin FROM load_extension"), Ok(()));
    }
}

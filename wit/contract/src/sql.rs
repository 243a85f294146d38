//! What a statement of SQL may say in an object, in the words that both hosts answer with.
//!
//! The native host asks SQLite itself, whose authorizer knows what a statement does. A Worker has the
//! platform's SQLite, which asks nobody: there a statement is judged by its text, a little more
//! strictly where text does not tell.

pub use self::returning::{Returning, returning};
pub use self::statement::{Exceeded, Statement, StatementError, Verb};
pub use self::typed::typed;

mod judge;
mod parameters;
mod returning;
mod statement;
mod token;
mod typed;

/// Pragmas that only look at the schema: the ones that an object may use.
pub const PRAGMAS: [&str; 7] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
];
/// Modules of virtual tables that an object may use.
pub const MODULES: [&str; 2] = ["fts5", "rtree"];
/// Functions that an object may not use: they load code, or say where code lies in memory.
pub const FORBIDDEN_FUNCTIONS: [&str; 2] = ["load_extension", "fts3_tokenizer"];
/// How names of the host's own tables begin.
pub const OWN_PREFIX: &str = "_selvedge_";
/// How names of the platform's own tables begin, in a Worker.
pub const PLATFORM_PREFIX: &str = "_cf_";

/// Why an object may not use a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It begins or ends a transaction.
    #[error(
        "BEGIN, COMMIT and ROLLBACK are not for objects: a turn is the transaction, and ends with the next await"
    )]
    Transaction,
    /// It begins or ends a savepoint.
    #[error(
        "SAVEPOINT and RELEASE are not for objects: a turn is the transaction, and ends with the next await"
    )]
    Savepoint,
    /// It would undo the whole turn where a constraint fails. Only the Workers host refuses it: the
    /// platform would commit what the turn writes afterwards.
    #[error(
        "ROLLBACK as an answer to a conflict is not for objects at the edge: a turn is the transaction, and ends with the next await"
    )]
    ConflictRollback,
    /// It opens, closes or copies a file, and SQLite does not say which of these.
    #[error("ATTACH, DETACH and VACUUM are not for objects: an object is one file")]
    OtherFiles,
    /// It opens, closes or copies a file.
    #[error("{0} is not for objects: an object is one file")]
    OtherFile(String),
    /// It sets something, or looks at more than the schema.
    #[error("PRAGMA {0} is not for objects; allowed: {allowed}", allowed = PRAGMAS.join(", "))]
    Pragma(String),
    /// It makes a virtual table that an object cannot have.
    #[error("virtual tables of {0} are not for objects")]
    Module(String),
    /// It calls a function that an object may not call.
    #[error("the function {0} is not for objects")]
    Function(String),
    /// It makes something temporary.
    #[error("temporary tables, views and triggers are not for objects: nothing bounds them")]
    Temporary,
    /// It names a table of the host's.
    #[error("{0} is the host's own; choose another name")]
    OwnName(String),
    /// It gives something a name of the host's.
    #[error("names that begin with _selvedge_ are the host's own")]
    OwnNames,
}

/// Whether objects may use a pragma.
pub fn is_pragma(name: &str) -> bool {
    is_one_of(&PRAGMAS, name)
}

/// Whether objects may have virtual tables of a module.
pub fn is_module(name: &str) -> bool {
    is_one_of(&MODULES, name)
}

/// Whether objects may not call a function.
pub fn is_forbidden_function(name: &str) -> bool {
    is_one_of(&FORBIDDEN_FUNCTIONS, name)
}

/// Whether a table is the host's own.
pub fn is_own(table: &str) -> bool {
    begins_with(table, OWN_PREFIX)
}

fn begins_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

//! SQL on an object's file: what a guest may say, and how much of it.

use super::{ObjectFile, ObjectFileError};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, ToSql};
use selvedge_contract::limits::{
    EPOCH_TICK_MS, SQL_MS_MAX, SQL_RESULT_BYTES_MAX, SQL_ROWS_MAX, SQL_STATEMENT_BYTES_MAX,
    SQL_STATEMENTS_MAX,
};
use selvedge_contract::sql::{
    Exceeded, OWN_PREFIX, Refusal, StatementError, is_forbidden_function, is_module, is_own,
    is_pragma,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A value of SQLite.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SqlValue(pub(crate) Value);

/// What a statement gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Rows {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Value>>,
    /// Rows that were inserted, changed or removed.
    pub(crate) changed: u64,
    pub(crate) last_insert_rowid: i64,
}

/// Why a statement did not succeed. Nothing was written by it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SqlError {
    /// SQLite does not understand it, or a constraint forbids it.
    #[error("{0}")]
    Failed(String),
    /// It is one that an object may not use.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It took too long.
    #[error("the statement, or its batch, took longer than {SQL_MS_MAX} milliseconds")]
    TooSlow,
    /// It would give or store too much.
    #[error(transparent)]
    LimitExceeded(#[from] Exceeded),
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] ObjectFileError),
}

/// Instructions of SQLite's machine between two looks at the time. Few: one of them may call a function
/// that takes milliseconds where its argument has megabytes.
const STEPS_PER_LOOK: i32 = 250;
/// The most that a statement may take.
const SLOWEST: Duration = Duration::from_millis(SQL_MS_MAX);
/// The most that a statement may take on a thread that serves others: a tick of the guests' own
/// interruption.
const QUICK: Duration = Duration::from_millis(EPOCH_TICK_MS);
/// What marks a guest's statement in the cache, so that it can never be taken for one of ours.
const MARK: &str = "/* guest */ ";

/// Decides what a statement may do, while a guest's is prepared or runs.
#[derive(Debug, Default)]
pub(super) struct Judge(Mutex<Case>);

#[derive(Debug, Default)]
struct Case {
    /// Until when the guest's statement may run; `None` while a statement of ours does.
    until: Option<Instant>,
    /// Why it was refused.
    refused: Option<Refusal>,
}

impl Judge {
    /// Lets the connection ask this judge.
    pub(super) fn watch(self: &Arc<Self>, connection: &mut Connection) -> rusqlite::Result<()> {
        let judge = Arc::clone(self);
        connection.authorizer(Some(move |context: AuthContext<'_>| {
            let mut case = judge.case();
            if case.until.is_none() {
                return Authorization::Allow;
            }
            match forbidden(&context) {
                None => Authorization::Allow,
                Some(reason) => {
                    case.refused.get_or_insert(reason);
                    Authorization::Deny
                }
            }
        }))?;
        let judge = Arc::clone(self);
        connection.progress_handler(
            STEPS_PER_LOOK,
            Some(move || judge.case().until.is_some_and(|until| Instant::now() > until)),
        )
    }

    fn case(&self) -> MutexGuard<'_, Case> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on a guest speaks, for as long as the result is kept.
    fn guest_speaks(&self, until: Instant) -> GuestSpeaks<'_> {
        *self.case() = Case { until: Some(until), refused: None };
        GuestSpeaks(self)
    }
}

struct GuestSpeaks<'j>(&'j Judge);

impl GuestSpeaks<'_> {
    fn refused(&self) -> Option<Refusal> {
        self.0.case().refused.take()
    }
}

impl Drop for GuestSpeaks<'_> {
    fn drop(&mut self) {
        *self.0.case() = Case::default();
    }
}

/// Why an action is forbidden, if it is.
fn forbidden(context: &AuthContext<'_>) -> Option<Refusal> {
    use AuthAction::*;
    match context.action {
        Transaction { .. } => Some(Refusal::Transaction),
        Savepoint { .. } => Some(Refusal::Savepoint),
        Attach { .. } | Detach { .. } | Unknown { .. } => Some(Refusal::OtherFiles),
        // Search indexes ask for these themselves.
        Pragma { pragma_name: "data_version" | "page_size", pragma_value: None } => None,
        Pragma { pragma_name, .. } => {
            (!is_pragma(pragma_name)).then(|| Refusal::Pragma(pragma_name.to_owned()))
        }
        CreateVtable { module_name, .. } => {
            (!is_module(module_name)).then(|| Refusal::Module(module_name.to_owned()))
        }
        Function { function_name } => is_forbidden_function(function_name)
            .then(|| Refusal::Function(function_name.to_owned())),
        CreateTempTable { .. }
        | CreateTempView { .. }
        | CreateTempTrigger { .. }
        | CreateTempIndex { .. } => Some(Refusal::Temporary),
        CreateTable { table_name: name }
        | DropTable { table_name: name }
        | Delete { table_name: name }
        | Insert { table_name: name }
        | Read { table_name: name, .. }
        | Update { table_name: name, .. }
        | AlterTable { table_name: name, .. }
        | CreateIndex { table_name: name, .. }
        | DropIndex { table_name: name, .. }
        | CreateTrigger { table_name: name, .. }
        | DropTrigger { table_name: name, .. }
        | Analyze { table_name: name }
        | CreateView { view_name: name }
        | DropView { view_name: name } => is_own(name).then(|| Refusal::OwnName(name.to_owned())),
        _ => None,
    }
}

impl ObjectFile {
    /// Runs statements in order: all of them, or none.
    pub(crate) fn batch<'s>(
        &mut self,
        statements: impl ExactSizeIterator<Item = (&'s str, &'s [SqlValue])>,
    ) -> Result<Vec<Rows>, SqlError> {
        if statements.len() > SQL_STATEMENTS_MAX {
            return Err(Exceeded::Statements.into());
        }
        let open = self.writing()?;
        open.connection.execute_batch("SAVEPOINT batch").map_err(|error| self.failed(error))?;
        let mut all = Vec::new();
        let mut left = SQL_RESULT_BYTES_MAX;
        let mut outcome = Ok(());
        // The time is that of the call, as the bytes are.
        let until = Instant::now() + SLOWEST;
        for (query, parameters) in statements {
            // Many short statements are not interrupted, each by itself.
            let run = match Instant::now() > until {
                true => Err(SqlError::TooSlow),
                false => self.statement(query, parameters, &mut left, until),
            };
            match run {
                Ok(rows) => all.push(rows),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        if let (Some(open), None) = (&self.open, &self.broken) {
            let end = match outcome {
                Ok(()) => "RELEASE batch",
                Err(_) => "ROLLBACK TO batch; RELEASE batch",
            };
            open.connection.execute_batch(end).map_err(|error| self.failed(error))?;
        }
        outcome.map(|()| all)
    }

    /// Runs one statement.
    pub(crate) fn exec(&mut self, query: &str, parameters: &[SqlValue]) -> Result<Rows, SqlError> {
        let mut left = SQL_RESULT_BYTES_MAX;
        self.statement(query, parameters, &mut left, Instant::now() + SLOWEST)
    }

    /// Runs one statement if it only reads and takes next to no time; `None` where whoever asks is
    /// better off to ask on a thread that may wait.
    pub(crate) fn exec_if_quick(
        &mut self,
        query: &str,
        parameters: &[SqlValue],
    ) -> Option<Result<Rows, SqlError>> {
        if !self.is_open() || !matches!(self.reads(query), (Ok(true), _)) {
            return None;
        }
        let mut left = SQL_RESULT_BYTES_MAX;
        match self.statement(query, parameters, &mut left, Instant::now() + QUICK) {
            Err(SqlError::TooSlow) => None,
            outcome => Some(outcome),
        }
    }

    fn statement(
        &mut self,
        query: &str,
        parameters: &[SqlValue],
        bytes_left: &mut usize,
        until: Instant,
    ) -> Result<Rows, SqlError> {
        if query.len() > SQL_STATEMENT_BYTES_MAX {
            return Err(Exceeded::StatementBytes.into());
        }
        if let Some(reason) = forbidden_by_text(query) {
            return Err(SqlError::Refused(reason));
        }
        // Where there is no file yet, even a reading statement makes one: it has to be read by SQLite.
        if !self.open()? {
            self.writing()?;
        }
        let bytes_max = self.bytes_max;
        let (reads, refused) = self.reads(query);
        let reads = reads.map_err(|error| self.judge_error(error, refused))?;
        if !reads {
            let open = self.writing()?;
            let point = open.connection.prepare_cached("SAVEPOINT statement");
            point.and_then(|mut it| it.execute([])).map_err(|error| self.failed(error))?;
        }
        let Some(open) = &self.open else { unreachable!("the file was opened above") };
        let speaks = open.judge.guest_speaks(until);
        let ran = prepare(&open.connection, query)
            .map_err(Ended::Sqlite)
            .and_then(|statement| run(&open.connection, statement, parameters, bytes_left));
        let refused = speaks.refused();
        drop(speaks);
        let mut ran = ran.map_err(|error| match error {
            Ended::Sqlite(error) => self.judge_error(error, refused),
            Ended::Early(error) => error,
        });
        if let (false, Some(open), None) = (reads, &self.open, &self.broken) {
            if ran.is_ok() {
                // A statement may let the file grow by any amount.
                let room = Self::room(open, bytes_max).unwrap_or(Some(0));
                open.room.set(room.unwrap_or_default());
                if room.is_none() {
                    ran = Err(Exceeded::Storage(bytes_max).into());
                }
            }
            let end = match ran {
                Ok(_) => "RELEASE statement",
                Err(_) => "ROLLBACK TO statement; RELEASE statement",
            };
            open.connection.execute_batch(end).map_err(|error| self.failed(error))?;
        }
        ran
    }

    /// Whether a statement only reads, and why it was refused, where it was.
    fn reads(&self, query: &str) -> (rusqlite::Result<bool>, Option<Refusal>) {
        let Some(open) = &self.open else { return (Ok(true), None) };
        let speaks = open.judge.guest_speaks(Instant::now() + SLOWEST);
        let reads = prepare(&open.connection, query).map(|statement| statement.readonly());
        (reads, speaks.refused())
    }

    /// What an error of SQLite means for the guest whose statement met it.
    fn judge_error(&mut self, error: rusqlite::Error, refused: Option<Refusal>) -> SqlError {
        if let Some(reason) = refused {
            return SqlError::Refused(reason);
        }
        let text = match &error {
            rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            rusqlite::Error::MultipleStatement => StatementError::Several.to_string(),
            other => other.to_string(),
        };
        let code = error.sqlite_error_code();
        let error = self.failed(error);
        match code {
            Some(ErrorCode::OperationInterrupted) => SqlError::TooSlow,
            Some(
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen,
            ) => SqlError::File(error),
            Some(ErrorCode::TooBig) => Exceeded::ValueBytes.into(),
            _ => SqlError::Failed(text),
        }
    }
}

/// Why a statement ended before its end.
enum Ended {
    Sqlite(rusqlite::Error),
    Early(SqlError),
}

impl From<rusqlite::Error> for Ended {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn prepare<'c>(connection: &'c Connection, query: &str) -> rusqlite::Result<CachedStatement<'c>> {
    connection.prepare_cached(&format!("{MARK}{query}"))
}

fn run(
    connection: &Connection,
    mut statement: CachedStatement<'_>,
    parameters: &[SqlValue],
    bytes_left: &mut usize,
) -> Result<Rows, Ended> {
    let wanted = statement.parameter_count();
    if wanted != parameters.len() {
        let error = StatementError::Parameters { wanted, given: parameters.len() };
        return Err(Ended::Early(SqlError::Failed(error.to_string())));
    }
    for (index, value) in parameters.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let before = connection.total_changes();
    let (mut rows, mut found) = (statement.raw_query(), Vec::new());
    while let Some(row) = rows.next()? {
        if found.len() == SQL_ROWS_MAX {
            return Err(Ended::Early(Exceeded::Rows.into()));
        }
        let mut values = Vec::with_capacity(columns.len());
        for index in 0..columns.len() {
            let value = row.get_ref(index)?;
            let bytes = 16 + value.as_bytes().map_or(0, <[u8]>::len);
            *bytes_left = bytes_left
                .checked_sub(bytes)
                .ok_or_else(|| Ended::Early(Exceeded::ResultBytes.into()))?;
            values.push(owned(value));
        }
        found.push(values);
    }
    drop(rows);
    let changed = connection.total_changes() != before;
    Ok(Rows {
        columns,
        rows: found,
        changed: if changed { connection.changes() } else { 0 },
        last_insert_rowid: connection.last_insert_rowid(),
    })
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

impl ToSql for SqlValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::from(&self.0)))
    }
}

/// Why a statement is forbidden whose harm SQLite tells nobody before it is done.
fn forbidden_by_text(query: &str) -> Option<Refusal> {
    let word = first_word(query).to_ascii_uppercase();
    match word.as_str() {
        "VACUUM" | "ATTACH" | "DETACH" => Some(Refusal::OtherFile(word)),
        "ALTER" if query.to_ascii_lowercase().contains(OWN_PREFIX) => Some(Refusal::OwnNames),
        _ => None,
    }
}

/// The first word of a statement, behind comments and blanks.
fn first_word(mut query: &str) -> &str {
    loop {
        query = query.trim_start();
        let rest = match (query.strip_prefix("--"), query.strip_prefix("/*")) {
            (Some(comment), _) => comment.split_once('\n').map(|(_, rest)| rest),
            (_, Some(comment)) => comment.split_once("*/").map(|(_, rest)| rest),
            (None, None) => {
                let end = query.find(|found: char| !found.is_ascii_alphabetic());
                return query.get(..end.unwrap_or(query.len())).unwrap_or_default();
            }
        };
        query = rest.unwrap_or_default();
    }
}

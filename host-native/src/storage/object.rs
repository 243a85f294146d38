//! One object's state: a SQLite file, written in turns.
//!
//! A turn is a transaction. It begins with the first write, and [`ObjectFile::end_turn`] commits it
//! into the write-ahead log without waiting for the disk; [`ObjectFile::next_sync`] says what has to
//! reach the disk before anybody may be told: by way of the journal, so that the turns of many
//! objects share one sync. An object goes on with its next turn meanwhile. SQLite itself never syncs
//! (`synchronous=OFF`) but where the log is folded into the file, which happens on another thread,
//! too ([`Lent`]).
//!
//! The file belongs to one process alone (the folder's lock), and in it to one connection: no
//! locks, and the log's index in memory.

mod alarm;
mod disk;
mod functions;
mod keys;
pub(crate) mod look;
mod made;
mod sql;
pub(crate) mod transfer;

pub(crate) use self::alarm::Alarm;
pub(crate) use self::disk::{Lent, Synced, log_name, sync_data};
pub(crate) use self::keys::{KeysError, ListOptions};
pub(crate) use self::sql::{Rows, SqlError, SqlValue};

use self::made::Found;
use self::sql::Judge;
use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use selvedge_contract::limits::{
    SQL_COLUMNS_MAX, SQL_PARAMETERS_MAX, SQL_PATTERN_BYTES_MAX, SQL_RESULT_BYTES_MAX,
    SQL_STATEMENT_BYTES_MAX,
};
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Bytes of a page.
const PAGE_BYTES: u64 = 4096;

/// Most bytes by which an entry lets the file grow beyond its own: the tree's pages that are split for
/// it, on each of its levels.
///
/// Ours: twice what a tree of as many pages as a file may have can need.
const ENTRY_GROWTH_MAX: u64 = 32 * PAGE_BYTES;
/// Pages of one file that are kept in memory.
const CACHE_PAGES: i64 = 64;
/// Pages in the log after which it is folded into the file.
const LOG_PAGES_MAX: u32 = 1_000;
/// Pages that one statement may take a file over its bound before it is stopped at once.
const PAGES_OVER: u64 = 16 * 1024;

const SCHEMA: &str = "
    CREATE TABLE _selvedge_object(field TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE _selvedge_keys(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE _selvedge_alarm(
        one INTEGER PRIMARY KEY CHECK (one = 1),
        scheduled_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, retry_count INTEGER NOT NULL);
";

/// Why an object's state could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{path}: {cause}", path = .path.display())]
pub(crate) struct ObjectFileError {
    path: PathBuf,
    cause: Arc<dyn std::error::Error + Send + Sync>,
}

/// One object's file.
pub(crate) struct ObjectFile {
    path: PathBuf,
    class: Arc<str>,
    name: Arc<str>,
    bytes_max: u64,
    open: Option<Open>,
    /// Another thread has the connection; nobody else may open the file meanwhile.
    is_lent: bool,
    in_turn: bool,
    /// The turns that are committed.
    committed: u64,
    /// Of these, those that are on disk.
    durable: u64,
    /// Why this turn can only be thrown away.
    broken: Option<ObjectFileError>,
}

/// The file while it is open.
struct Open {
    connection: Connection,
    judge: Arc<Judge>,
    log: Option<Arc<fs::File>>,
    /// The file is new: it and its folders are not known to be on disk.
    is_new: bool,
    /// Pages in the log, as SQLite says after each turn.
    log_pages: Arc<AtomicU32>,
    /// Those of them that were given to the journal, or synced.
    journaled_pages: u32,
    /// Bytes by which the file may surely grow without meeting its bound.
    room: Cell<u64>,
}

impl ObjectFile {
    /// The file at `path`, which need not exist, of at most `bytes_max` bytes. Touches no disk.
    pub(crate) fn new(path: PathBuf, class: Arc<str>, name: Arc<str>, bytes_max: u64) -> Self {
        Self {
            path,
            class,
            name,
            bytes_max,
            open: None,
            is_lent: false,
            in_turn: false,
            committed: 0,
            durable: 0,
            broken: None,
        }
    }

    /// Opens the file where there is one, and says whether it is open then.
    ///
    /// # Errors
    /// Where it cannot be opened, or is damaged.
    pub(crate) fn open(&mut self) -> Result<bool, ObjectFileError> {
        assert!(!self.is_lent, "an object is not run while its file is lent");
        if self.open.is_none() {
            match made::find(&self.path).map_err(|error| self.error(error))? {
                Found::Nothing => {}
                Found::Whole => self.open = Some(self.connect()?),
                Found::Damaged => return Err(self.error(made::damage())),
            }
        }
        Ok(self.open.is_some())
    }

    /// Whether the file is open.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The turn up to which everything must be durable before anything that this instance says now
    /// may be heard.
    pub(crate) fn spoken(&self) -> u64 {
        self.committed + u64::from(self.in_turn)
    }

    /// The turn up to which everything is on disk.
    pub(crate) fn durable(&self) -> u64 {
        self.durable
    }

    /// Commits what the turn wrote, if it wrote anything. It is not on disk yet.
    ///
    /// # Errors
    /// Where something of the turn could not be written, or the whole cannot: then nothing is.
    pub(crate) fn end_turn(&mut self) -> Result<(), ObjectFileError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        if !self.in_turn {
            return Ok(());
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        let done = open.connection.prepare_cached("COMMIT").and_then(|mut it| it.execute([]));
        done.map_err(|error| self.error(error))?;
        self.in_turn = false;
        self.committed += 1;
        Ok(())
    }

    /// Forgets what was written since the last turn ended.
    pub(crate) fn discard_turn(&mut self) {
        self.broken = None;
        if std::mem::take(&mut self.in_turn)
            && let Some(open) = &self.open
            && !open.connection.is_autocommit()
            && open.connection.execute_batch("ROLLBACK").is_err()
        {
            // Then closing does it.
            self.open = None;
        }
    }

    /// The value of a field that describes the object.
    fn describe(connection: &Connection, class: &str, name: &str) -> rusqlite::Result<()> {
        let mut insert = connection.prepare_cached(
            "INSERT OR IGNORE INTO _selvedge_object(field, value) VALUES (?1, ?2)",
        )?;
        insert.execute(("class", class))?;
        insert.execute(("name", name))?;
        Ok(())
    }

    /// The open file, for reading; `None` where there is nothing to read.
    fn reading(&mut self) -> Result<Option<&Open>, ObjectFileError> {
        self.open()?;
        Ok(self.open.as_ref())
    }

    /// The open file, for writing: it is made where there is none, and the turn begins.
    fn writing(&mut self) -> Result<&Open, ObjectFileError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        if !self.open()? {
            made::make(&self.path).map_err(|error| self.error(error))?;
            self.open = Some(self.connect()?);
        }
        let Self { open: Some(open), path, class, name, in_turn, .. } = self else {
            unreachable!("the file was opened above")
        };
        let begun = if *in_turn {
            Ok(())
        } else {
            let begin = open.connection.prepare_cached("BEGIN IMMEDIATE");
            begin.and_then(|mut begin| begin.execute([])).map(drop)
        };
        // The turn that made the file may have been thrown away.
        let described = begun.and_then(|()| match open.is_new && !*in_turn {
            true => Self::describe(&open.connection, class, name),
            false => Ok(()),
        });
        described.map_err(|error| ObjectFileError::new(path, error))?;
        *in_turn = true;
        Ok(open)
    }

    /// Takes note of an error of SQLite. Where it took the whole turn with it, the turn is broken.
    fn failed(&mut self, error: rusqlite::Error) -> ObjectFileError {
        let error = self.error(error);
        let lost = |open: &Open| open.connection.is_autocommit();
        if self.in_turn && self.open.as_ref().is_none_or(lost) {
            self.broken = Some(error.clone());
        }
        error
    }

    fn error(&self, cause: impl std::error::Error + Send + Sync + 'static) -> ObjectFileError {
        ObjectFileError::new(&self.path, cause)
    }

    /// Whether the file keeps its bound with so many bytes more, in so many entries. What was freed
    /// counts as room.
    fn has_room(open: &Open, bytes_max: u64, more: u64, entries: u64) -> rusqlite::Result<bool> {
        // Asked with each write, and SQLite prepares its pragmas anew each time: it is asked when so
        // much may have been written that it matters.
        let grows_by = more.saturating_add(entries.saturating_mul(ENTRY_GROWTH_MAX));
        if let Some(left) = open.room.get().checked_sub(grows_by) {
            open.room.set(left);
            return Ok(true);
        }
        let room = Self::room(open, bytes_max)?;
        open.room.set(room.unwrap_or_default().saturating_sub(grows_by));
        Ok(room.is_some_and(|room| more <= room))
    }

    /// The bytes by which the file may grow; `None` where it is over its bound already.
    fn room(open: &Open, bytes_max: u64) -> rusqlite::Result<Option<u64>> {
        let count = |pragma| -> rusqlite::Result<u64> {
            let pages: i64 = open.connection.query_row(pragma, [], |row| row.get(0))?;
            Ok(u64::try_from(pages).unwrap_or_default())
        };
        let pages = count("PRAGMA page_count")?.saturating_sub(count("PRAGMA freelist_count")?);
        Ok(bytes_max.checked_sub(pages.saturating_mul(PAGE_BYTES)))
    }

    fn connect(&self) -> Result<Open, ObjectFileError> {
        let is_new = made::is_new(&self.path);
        let mut connection =
            connect(&self.path, self.bytes_max).map_err(|error| self.error(error))?;
        Open::watch(&mut connection)
            .map(|(judge, log_pages)| Open {
                connection,
                judge,
                log: None,
                is_new,
                log_pages,
                journaled_pages: 0,
                room: Cell::default(),
            })
            .map_err(|error| self.error(error))
    }
}

impl Open {
    /// Lets a connection ask a judge, and tell how long its log is.
    fn watch(connection: &mut Connection) -> rusqlite::Result<(Arc<Judge>, Arc<AtomicU32>)> {
        let judge = Arc::new(Judge::default());
        judge.watch(connection)?;
        let log_pages = Arc::new(AtomicU32::new(0));
        let told = Arc::clone(&log_pages);
        connection.wal_hook(Some(move |_: &mut Wal, pages: i32| {
            told.store(u32::try_from(pages).unwrap_or_default(), Relaxed);
            Ok(())
        }))?;
        Ok((judge, log_pages))
    }
}

impl ObjectFileError {
    fn new(path: &Path, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { path: path.to_owned(), cause: Arc::new(cause) }
    }

    /// What a guest is told: never a path.
    pub(crate) fn for_guest(&self) -> String {
        let code = self.cause.downcast_ref().and_then(rusqlite::Error::sqlite_error_code);
        let kind = self.cause.downcast_ref().map(std::io::Error::kind);
        match (code, kind) {
            (Some(ErrorCode::DiskFull), _) | (_, Some(std::io::ErrorKind::StorageFull)) => {
                "the storage is full".to_owned()
            }
            (Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase), _) => {
                "what the object stored is damaged".to_owned()
            }
            (Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen), _) => {
                "the storage cannot be opened for writing".to_owned()
            }
            _ => "the storage failed".to_owned(),
        }
    }
}

fn connect(path: &Path, bytes_max: u64) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags_and_vfs(path, flags, "unix-none")?;
    // SQLite opens what it may not write for reading alone, and would keep it so for as long as the
    // object lives, even where somebody mends it.
    if connection.is_readonly(rusqlite::MAIN_DB)? {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
        return Err(rusqlite::Error::SqliteFailure(code, None));
    }
    connection.set_prepared_statement_cache_capacity(32);
    // Dropped rather than closed, it must not be folded without a sync.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // No triggers on the tables of a search index, which are written when no guest is judged.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.execute_batch(&format!(
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint=0;
         PRAGMA cache_size={CACHE_PAGES}; PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=ON;
         PRAGMA journal_size_limit=-1; PRAGMA trusted_schema=OFF;"
    ))?;
    // More than the bound, which is looked at after each statement: SQLite's own takes the whole turn.
    let pages_max = i64::try_from(bytes_max / PAGE_BYTES + PAGES_OVER).unwrap_or(i64::MAX);
    connection.pragma_update(None, "max_page_count", pages_max)?;
    // Reads the file, and its log, so that damage shows now.
    connection.query_row("SELECT count(*) FROM _selvedge_alarm", [], |_| Ok(()))?;
    let limit = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
    // A value that no result could hold would still take its memory.
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, limit(SQL_RESULT_BYTES_MAX))?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, limit(SQL_STATEMENT_BYTES_MAX) + 16)?;
    connection.set_limit(Limit::SQLITE_LIMIT_VARIABLE_NUMBER, limit(SQL_PARAMETERS_MAX))?;
    connection.set_limit(Limit::SQLITE_LIMIT_COLUMN, limit(SQL_COLUMNS_MAX))?;
    let pattern = Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH;
    connection.set_limit(pattern, limit(SQL_PATTERN_BYTES_MAX))?;
    functions::replace_slow(&connection)?;
    Ok(connection)
}

#[cfg(test)]
mod tests;

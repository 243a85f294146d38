//! Storage in one SQLite file: many readers, one writer, several processes.
//!
//! Write-ahead log with `synchronous=FULL`: an answered commit has been through `fsync`. Reads run on
//! the caller's thread, on a connection of their own; writes go to a thread that commits whatever is
//! queued as one transaction ([`writer`]).

use self::error::{StoreFile, is_busy};
use super::{BEGINNING_BYTES, Batch, Found, KeyRange, Row, Storage, StorageError};
use futures::future::BoxFuture;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

mod error;
mod writer;

/// Marks a file as ours: "SLVG", where `file` and we look for it.
const APPLICATION_ID: i32 = 0x534C_5647;
/// The layout of the table. A file of another layout is refused, never guessed at.
const LAYOUT: i32 = 1;

/// How long a read waits for another process, in milliseconds. Readers wait for nobody in normal
/// work; another process recovering the log after a crash is the exception. Ours: a read holds up
/// the thread it is on, so that it must not be long.
const READ_BUSY_MS: u64 = 250;
/// How long a write waits for another process that writes, in milliseconds. Ours: longer than any
/// single write of a command takes, shorter than a request may.
const WRITE_BUSY_MS: u64 = 5_000;
/// Connections for reading that are kept when nobody uses them: one a serving thread.
const IDLE_READERS_MAX: usize = 64;
/// Size to which the write-ahead log is cut after a burst, in bytes.
const LOG_BYTES_MAX: i64 = 64 * 1024 * 1024;

/// A value's beginning has a column of its own, so that a listing need not read what follows.
///
/// A table with row numbers and an index, not one `WITHOUT ROWID`: that one compares keys by reading
/// whole entries, large values included, on its way to another key. Measured: a get of 100 bytes
/// takes 2.6 µs in either, one of 100 kB 20 and 143 µs, a grouped put 1.2 and 5 µs.
const CREATE: &str = "CREATE TABLE IF NOT EXISTS entry (
    key BLOB NOT NULL UNIQUE, beginning BLOB NOT NULL, rest BLOB
)";
const GET: &str = "SELECT beginning, length(rest),
    CASE WHEN length(beginning) + length(rest) <= ?2 THEN rest END FROM entry WHERE key = ?1";
const SCAN: &str =
    "SELECT key, beginning FROM entry WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3";
const SCAN_TO_END: &str = "SELECT key, beginning FROM entry WHERE key >= ?1 ORDER BY key LIMIT ?2";

/// Storage in one SQLite file.
pub(crate) struct Sqlite {
    file: StoreFile,
    readers: Mutex<Vec<Connection>>,
    writer: writer::Writer,
}

impl Sqlite {
    /// Opens the file at `path`; makes it, and the folders above it, where there are none.
    ///
    /// # Errors
    /// [`StorageError::NotWritable`], [`StorageError::Damaged`] and [`StorageError::Foreign`] name
    /// the file and what to do; [`StorageError::Unavailable`] where another process keeps it busy.
    pub(crate) fn open(path: &Path) -> Result<Self, StorageError> {
        Self::open_bounded(path, None)
    }

    /// Opens like [`Self::open`] a file that grows to `pages_max` pages at most.
    fn open_bounded(path: &Path, pages_max: Option<u32>) -> Result<Self, StorageError> {
        let file = StoreFile::new(path);
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|error| file.not_writable(folder, error))?;
        let is_new = !path.exists();
        let connection = open_for_writing(&file)?;
        if let Some(pages_max) = pages_max {
            connection
                .pragma_update(None, "max_page_count", pages_max)
                .map_err(|error| file.error(error))?;
        }
        if is_new {
            // A file is there after a crash only when its folder's entry is on disk, too.
            std::fs::File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(|error| file.not_writable(folder, error))?;
        }
        let writer = writer::Writer::start(file.clone(), connection)?;
        let storage = Self { file, readers: Mutex::default(), writer };
        // Damage shows at the first read: better now than at a guest's.
        storage.scan(&KeyRange::prefix(b""), 1)?;
        Ok(storage)
    }

    /// Reads with a connection that nobody else uses meanwhile.
    fn read<R>(
        &self,
        act: impl FnOnce(&Connection) -> rusqlite::Result<R>,
    ) -> Result<R, StorageError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => open_for_reading(self.file.path()).map_err(|error| self.file.error(error))?,
        };
        // After an error the connection is closed: the next reader starts afresh.
        let found = act(&reader).map_err(|error| self.file.error(error))?;
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < IDLE_READERS_MAX {
            readers.push(reader);
        }
        Ok(found)
    }
}

impl Storage for Sqlite {
    fn get(&self, key: &[u8], bytes_max: usize) -> Result<Option<Found>, StorageError> {
        self.read(|connection| get(connection, key, bytes_max))
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Row>, StorageError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            match &range.until {
                Some(until) => connection
                    .prepare_cached(SCAN)?
                    .query_map(params![range.from, until, limit], row)?
                    .collect(),
                None => connection
                    .prepare_cached(SCAN_TO_END)?
                    .query_map(params![range.from, limit], row)?
                    .collect(),
            }
        })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StorageError>> {
        Box::pin(self.writer.commit(batch))
    }
}

/// Reads one value; the same for readers and, within its transaction, for the writer.
fn get(connection: &Connection, key: &[u8], bytes_max: usize) -> rusqlite::Result<Option<Found>> {
    let bytes_max = i64::try_from(bytes_max).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(GET)?;
    let found = statement.query_row(params![key, bytes_max], |row| {
        let beginning = row.get_ref(0)?.as_blob()?;
        let rest_bytes: Option<i64> = row.get(1)?;
        let rest = row.get_ref(2)?.as_blob_or_null()?;
        let bytes = i64::try_from(beginning.len()).unwrap_or(i64::MAX);
        Ok(match (rest_bytes, rest) {
            (None, _) if bytes <= bytes_max => Found::Whole(beginning.to_vec()),
            (Some(_), Some(rest)) => Found::Whole([beginning, rest].concat()),
            _ => Found::Beginning(beginning.to_vec()),
        })
    });
    found.optional()
}

/// A value as its two columns.
fn split(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    match value.split_at_checked(BEGINNING_BYTES) {
        Some((beginning, rest)) if !rest.is_empty() => (beginning, Some(rest)),
        _ => (value, None),
    }
}

fn open_for_reading(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_millis(READ_BUSY_MS))?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn open_for_writing(file: &StoreFile) -> Result<Connection, StorageError> {
    let deadline = Instant::now() + Duration::from_millis(WRITE_BUSY_MS);
    loop {
        match try_open_for_writing(file) {
            // SQLite does not wait for another process that switches the same new file to its log.
            Err(Opening::Sqlite(error)) if is_busy(&error) && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(Opening::Sqlite(error)) => return Err(file.error(error)),
            Err(Opening::Refused(error)) => return Err(error),
            Ok(connection) => return Ok(connection),
        }
    }
}

/// Why a file could not be opened: what SQLite said, or what we found.
enum Opening {
    Sqlite(rusqlite::Error),
    Refused(StorageError),
}

impl From<rusqlite::Error> for Opening {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn try_open_for_writing(file: &StoreFile) -> Result<Connection, Opening> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file.path(), flags)?;
    connection.busy_timeout(Duration::from_millis(WRITE_BUSY_MS))?;
    let marks = |connection: &Connection| -> rusqlite::Result<(i32, i32, i64)> {
        connection.query_row(
            "SELECT (SELECT application_id FROM pragma_application_id),
                    (SELECT user_version FROM pragma_user_version),
                    (SELECT count(*) FROM sqlite_schema)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
    };
    if marks(&connection)? == (0, 0, 0) {
        connection.pragma_update(None, "journal_mode", "wal")?;
        // One transaction, so that another process sees all of it or nothing.
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {CREATE};
             PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {LAYOUT}; COMMIT"
        ))?;
    }
    let (application, layout, _) = marks(&connection)?;
    if (application, layout) != (APPLICATION_ID, LAYOUT) {
        return Err(Opening::Refused(StorageError::Foreign {
            path: PathBuf::from(file.path()),
            found: format!("{application:#x}.{layout}"),
            expected: format!("{APPLICATION_ID:#x}.{LAYOUT}"),
        }));
    }
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)?;
    Ok(connection)
}

#[cfg(test)]
mod tests;

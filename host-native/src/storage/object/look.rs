//! What is in an object's file, for people who look from outside. Nothing here writes a byte of it.

use super::disk::log_path;
use super::made::{self, Found};
use super::{Alarm, CACHE_PAGES};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use serde::{Deserialize, Serialize};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// How an object's file says what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    /// The object's class.
    pub(crate) class: String,
    /// The object's name.
    pub(crate) name: String,
    /// Its alarm.
    pub(crate) alarm: Option<Alarm>,
}

/// What an object stores.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contents {
    /// How many keys there are.
    pub(crate) key_count: u64,
    /// The first of them.
    pub(crate) keys: Vec<KeySize>,
    /// The guest's own tables.
    pub(crate) tables: Vec<TableSize>,
    /// The alarm.
    pub(crate) alarm: Option<AlarmSeen>,
}

/// A key, and the size of its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeySize {
    /// The key.
    pub(crate) key: String,
    /// Bytes of the value.
    pub(crate) bytes: u64,
}

/// A table, and how many rows it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableSize {
    /// The table.
    pub(crate) name: String,
    /// Its rows; none where they cannot be counted.
    pub(crate) rows: Option<u64>,
}

/// An alarm that is set. Times are milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AlarmSeen {
    /// What the object asked for.
    pub(crate) scheduled_ms: u64,
    /// When it is to be delivered next.
    pub(crate) due_ms: u64,
    /// How often it has failed.
    pub(crate) retry_count: u32,
}

/// Whether the file at `path` holds an object, a damaged one included.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn has_object(path: &Path) -> std::io::Result<bool> {
    Ok(made::find(path)? != Found::Nothing)
}

/// Bytes of the file at `path` and of its log; 0 where there is none.
pub(crate) fn bytes_on_disk(path: &Path) -> u64 {
    let bytes = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    bytes(path).saturating_add(bytes(&log_path(path)))
}

/// What tells that the file at `path` was not written between two looks: length and time of the file
/// and of its log.
pub(crate) fn stamp(path: &Path) -> impl PartialEq + use<> {
    let stamp = |path: &Path| {
        let file = fs::metadata(path).ok()?;
        Some((file.len(), file.modified().ok()?))
    };
    (stamp(path), stamp(&log_path(path)))
}

/// Opens the file at `path` for reading what was committed.
///
/// Takes no locks, leaves the log as it is, and makes no index beside it. Where somebody writes
/// meanwhile, what is read may be of two times: the caller sees to it that nobody does, or checks
/// what it reads.
///
/// # Errors
/// Where it cannot be opened, or is damaged.
pub(crate) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    // An empty file is an empty database to SQLite, which would remove its log.
    if let Ok(Found::Damaged) = made::find(path) {
        return Err(made::damage());
    }
    let has_log = fs::metadata(log_path(path)).is_ok_and(|log| log.len() > 0);
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                uri.push(char::from(*byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    if !has_log {
        // Else SQLite would make a log.
        uri.push_str("?immutable=1");
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags_and_vfs(uri, flags, "unix-none")?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch(&format!(
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size={CACHE_PAGES};
         PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;"
    ))?;
    Ok(connection)
}

/// Reads what a file says it is.
///
/// # Errors
/// Where it cannot be read, or is no object's.
pub(crate) fn label(connection: &Connection) -> rusqlite::Result<Label> {
    let mut field = connection.prepare(
        "SELECT value FROM _selvedge_object WHERE field = ?1 AND typeof(value) = 'text'",
    )?;
    let class = field.query_row(["class"], |row| row.get(0))?;
    let name = field.query_row(["name"], |row| row.get(0))?;
    Ok(Label { class, name, alarm: alarm(connection)? })
}

/// Reads what an object stores, with at most `keys_max` keys. Counting reads the whole file.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn contents(connection: &Connection, keys_max: u32) -> rusqlite::Result<Contents> {
    let count: i64 =
        connection.query_row("SELECT count(*) FROM _selvedge_keys", [], |row| row.get(0))?;
    let mut keys = connection
        .prepare("SELECT key, length(value) FROM _selvedge_keys ORDER BY key LIMIT ?1")?;
    let keys = keys.query_map([keys_max], |row| {
        Ok(KeySize { key: row.get(0)?, bytes: unsigned(row.get(1)?) })
    })?;
    let keys = keys.collect::<rusqlite::Result<_>>()?;
    let mut tables = connection.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table'
         AND name NOT LIKE '\\_selvedge\\_%' ESCAPE '\\'
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )?;
    let names = tables.query_map([], |row| row.get::<_, String>(0))?;
    let names = names.collect::<rusqlite::Result<Vec<_>>>()?;
    let tables = names.into_iter().map(|name| {
        let count = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
        let rows = connection.query_row(&count, [], |row| row.get(0)).map(unsigned).ok();
        TableSize { name, rows }
    });
    let tables = tables.collect();
    let alarm = alarm(connection)?.map(AlarmSeen::from);
    Ok(Contents { key_count: unsigned(count), keys, tables, alarm })
}

fn alarm(connection: &Connection) -> rusqlite::Result<Option<Alarm>> {
    let get = "SELECT scheduled_ms, due_ms, retry_count FROM _selvedge_alarm";
    let row = connection.query_row(get, [], |row| {
        let (scheduled_ms, due_ms) = (unsigned(row.get(0)?), unsigned(row.get(1)?));
        Ok(Alarm { scheduled_ms, due_ms, retry_count: row.get(2)? })
    });
    row.optional()
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

impl From<Alarm> for AlarmSeen {
    fn from(alarm: Alarm) -> Self {
        let Alarm { scheduled_ms, due_ms, retry_count } = alarm;
        Self { scheduled_ms, due_ms, retry_count }
    }
}

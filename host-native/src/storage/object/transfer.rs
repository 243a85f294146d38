//! An object's file as one self-contained piece: out of the folder, into it, and away.

use super::disk::log_path;
use super::look::{self, Label};
use super::{CACHE_PAGES, ObjectFile, PAGE_BYTES, SCHEMA, made};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use std::fs;
use std::io::Read as _;
use std::path::Path;

/// What every file of SQLite begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Why a file cannot be moved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransferError {
    /// The file is not what [`export`] writes, or damaged.
    #[error("{0}")]
    NotAnExport(String),
    /// It is larger than the class allows.
    #[error("it has {bytes} bytes, and an object of this class may have {bytes_max}")]
    TooLarge {
        /// The size found.
        bytes: u64,
        /// The bound.
        bytes_max: u64,
    },
    /// SQLite failed.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Writes all that was committed into a new file at `to`, without the room that deleted things left.
///
/// # Errors
/// Where either cannot be read or written; `to` is to be removed then.
pub(crate) fn export(connection: &Connection, to: &Path) -> Result<(), TransferError> {
    let to = to.to_str().ok_or_else(|| {
        std::io::Error::other("the folder's name is no UTF-8, which SQLite needs here")
    })?;
    connection.execute("VACUUM INTO ?1", [to])?;
    Ok(())
}

/// Makes the export at `path` the file of the object `class`/`name`, ready for [`put_in_place`]: it is
/// on disk when this returns, and its label is given.
///
/// # Errors
/// [`TransferError::NotAnExport`] and [`TransferError::TooLarge`]; then the file is as it was, or
/// useless.
pub(crate) fn prepare(
    path: &Path,
    (class, name): (&str, &str),
    bytes_max: u64,
) -> Result<Label, TransferError> {
    let mut head = Vec::new();
    fs::File::open(path)?.take(16).read_to_end(&mut head)?;
    if head != MAGIC {
        return Err(TransferError::NotAnExport("it is no file of SQLite".to_owned()));
    }
    let prepared = relabel(path, (class, name), bytes_max);
    let label = prepared.map_err(|error| match error {
        // Not our disk, but what is in the file.
        TransferError::Sqlite(error) if is_damage(&error) => {
            TransferError::NotAnExport(format!("it is damaged: {error}"))
        }
        error => error,
    })?;
    fs::File::open(path)?.sync_all()?;
    Ok(label)
}

fn relabel(
    path: &Path,
    (class, name): (&str, &str),
    bytes_max: u64,
) -> Result<Label, TransferError> {
    let connection = open_to_write(path)?;
    check(&connection)?;
    // What was freed counts as room, as it does for the guest.
    let pages: i64 = connection.query_row(
        "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count",
        [],
        |row| row.get(0),
    )?;
    let bytes = u64::try_from(pages).unwrap_or_default().saturating_mul(PAGE_BYTES);
    if bytes > bytes_max {
        return Err(TransferError::TooLarge { bytes, bytes_max });
    }
    let write = "INSERT OR REPLACE INTO _selvedge_object(field, value) VALUES (?1, ?2)";
    connection.execute(write, ("class", class))?;
    connection.execute(write, ("name", name))?;
    let label = look::label(&connection)?;
    // An export has no log, an object's file has one.
    let mode: String = connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(std::io::Error::other("SQLite keeps no log for it").into());
    }
    connection.close().map_err(|(_, error)| error)?;
    Ok(label)
}

/// Whether it is what this version of the host writes, and whole.
fn check(connection: &Connection) -> Result<(), TransferError> {
    let wrong = |what: String| Err(TransferError::NotAnExport(what));
    let text = |query: &str| connection.query_row(query, [], |row| row.get::<_, String>(0));
    let number = |query: &str| connection.query_row(query, [], |row| row.get::<_, i64>(0));
    let version = number("PRAGMA user_version")?;
    if version != 0 {
        return wrong(format!("it is of version {version}, and this host knows version 0"));
    }
    if schema(connection)? != schema(&template()?)? {
        return wrong("it has not the tables of an object".to_owned());
    }
    let found = text("PRAGMA integrity_check(1)")?;
    if found != "ok" {
        return wrong(format!("it is damaged: {found}"));
    }
    if number("PRAGMA page_size")? != i64::try_from(PAGE_BYTES).unwrap_or_default() {
        return wrong(format!("its pages have not {PAGE_BYTES} bytes"));
    }
    if text("PRAGMA encoding")? != "UTF-8" {
        return wrong("its texts are not in UTF-8".to_owned());
    }
    let strange = "SELECT
        (SELECT count(*) FROM _selvedge_keys WHERE typeof(key) <> 'text' OR typeof(value) <> 'blob')
        + (SELECT count(*) FROM _selvedge_alarm WHERE typeof(scheduled_ms) <> 'integer'
           OR typeof(due_ms) <> 'integer' OR typeof(retry_count) <> 'integer')";
    match number(strange)? {
        0 => Ok(()),
        _ => wrong("it holds values that no object writes".to_owned()),
    }
}

/// All that belongs to the host's own tables, triggers of a stranger included.
fn schema(connection: &Connection) -> rusqlite::Result<Vec<(String, String, Option<String>)>> {
    let mut rows = connection.prepare(
        "SELECT type, name, sql FROM sqlite_schema
         WHERE lower(name) LIKE '\\_selvedge\\_%' ESCAPE '\\'
         OR lower(tbl_name) LIKE '\\_selvedge\\_%' ESCAPE '\\' ORDER BY name",
    )?;
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

fn template() -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

/// Puts a prepared file where an object's is, or is to be: at once, or not at all. Nothing may be
/// open, and what was there is gone.
///
/// # Errors
/// Where the disk fails; what was there is whole.
pub(crate) fn put_in_place(prepared: &Path, path: &Path) -> Result<(), TransferError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    fold_away(path)?;
    fs::rename(prepared, path)?;
    sync_folders(path)?;
    made::is_on_disk(path)?;
    Ok(())
}

/// Removes an object's file: at once, or not at all. Nothing may be open.
///
/// # Errors
/// Where the disk fails.
pub(crate) fn delete(path: &Path) -> Result<(), TransferError> {
    fold_away(path)?;
    ObjectFile::remove(path)?;
    Ok(())
}

/// Folds the log into the file, so that the file alone can be replaced or removed in one step. The
/// log of a file that is damaged is removed: whoever asked for this does not want to keep either.
fn fold_away(path: &Path) -> Result<(), TransferError> {
    let log = log_path(path);
    if !log.exists() {
        return Ok(());
    }
    let folded = || {
        let connection = open_to_write(path)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        connection.close().map_err(|(_, error)| error)
    };
    match folded() {
        Err(error) if !is_damage(&error) => return Err(error.into()),
        _ => {}
    }
    match fs::remove_file(&log) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn sync_folders(path: &Path) -> std::io::Result<()> {
    // The object's folder and the class's may be new, too; the app's is not.
    path.ancestors().skip(1).take(3).try_for_each(|folder| fs::File::open(folder)?.sync_all())
}

fn open_to_write(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags_and_vfs(path, flags, "unix-none")?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.execute_batch(&format!(
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=FULL; PRAGMA cache_size={CACHE_PAGES};
         PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
    ))?;
    Ok(connection)
}

/// Whether it is the file's fault, not the disk's.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, Unknown};
    // A short read is a file that was cut.
    let is_cut = error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHORT_READ);
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase | Unknown) => true,
        Some(_) => is_cut,
        // A value is not of the type that it should be of.
        None => true,
    }
}

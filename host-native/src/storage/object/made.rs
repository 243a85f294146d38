//! How an object's file is made, and what is found where one may be: no file, a whole one, or one
//! that is damaged.
//!
//! While a file is made, an empty file beside it says so, until the new one is on disk. A file that is
//! not whole counts as unmade only where that is there: nobody could rely on it yet. Without it, what
//! the object stored was damaged, and is left as it is for whoever repairs it.

use super::disk::log_path;
use super::{PAGE_BYTES, SCHEMA};
use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What there is of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing, or a file that was never made to its end.
    Nothing,
    /// A file that may be opened. SQLite looks whether it is sound.
    Whole,
    /// A file that was whole, and is not any more.
    Damaged,
}

/// Looks what there is of the object at `path`.
///
/// # Errors
/// Where the file cannot be read.
pub(super) fn find(path: &Path) -> std::io::Result<Found> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    match (is_whole(&file)?, is_new(path)) {
        (true, _) => Ok(Found::Whole),
        (false, true) => Ok(Found::Nothing),
        (false, false) => Ok(Found::Damaged),
    }
}

/// Makes the file at `path`, which is not on disk yet.
///
/// # Errors
/// Where the disk fails; what there is counts as nothing then.
pub(super) fn make(path: &Path) -> std::io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    fs::write(marker_path(path), [])?;
    // What a file that was never made left behind would be taken for the new one's.
    remove_if_there(&log_path(path))?;
    fs::write(path, template()?)
}

/// Whether the file at `path` was made, and is not known to be on disk.
pub(super) fn is_new(path: &Path) -> bool {
    marker_path(path).exists()
}

/// Takes note that the file at `path` and its folders are on disk.
///
/// # Errors
/// Where the disk fails.
pub(super) fn is_on_disk(path: &Path) -> std::io::Result<()> {
    // That it is gone need not be on disk itself: where it comes back, the file is synced again.
    remove_if_there(&marker_path(path))
}

/// What says that the file at `path` is new.
pub(super) fn marker_path(path: &Path) -> PathBuf {
    let mut marker = path.as_os_str().to_owned();
    marker.push("-new");
    PathBuf::from(marker)
}

/// What SQLite says of a file that is none of its own.
pub(super) fn damage() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB);
    rusqlite::Error::SqliteFailure(code, Some("the file was cut, or a part is empty".to_owned()))
}

/// Whether a file is as long as it was made, and no page of those it began with has nothing but zeros.
fn is_whole(file: &fs::File) -> std::io::Result<bool> {
    let (metadata, made) = (file.metadata()?, template()?);
    let bytes = u64::try_from(made.len()).unwrap_or(u64::MAX);
    if metadata.is_dir() || metadata.len() > bytes {
        return Ok(true);
    }
    if metadata.len() < bytes {
        return Ok(false);
    }
    let mut found = vec![0; made.len()];
    file.read_exact_at(&mut found, 0)?;
    let page_bytes = usize::try_from(PAGE_BYTES).unwrap_or(usize::MAX);
    // No page that a file begins with has a zero there, ever: it is the root of a table.
    Ok(found.chunks(page_bytes).all(|page| page.first() != Some(&0)))
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// An object's file before anything is in it. Made once: copying takes a tenth of the time.
pub(super) fn template() -> std::io::Result<&'static [u8]> {
    static TEMPLATE: OnceLock<Result<Vec<u8>, String>> = OnceLock::new();
    let made = TEMPLATE.get_or_init(|| {
        let make = || -> rusqlite::Result<Vec<u8>> {
            let mut connection = Connection::open_in_memory()?;
            connection.execute_batch(SCHEMA)?;
            Ok(connection.serialize("main")?.to_vec())
        };
        let mut bytes = make().map_err(|error| error.to_string())?;
        // "File format write version" and "read version", 2 for a write-ahead log.
        // Source: https://www.sqlite.org/fileformat.html section 1.3, read 2026-11-21.
        for version in bytes.iter_mut().skip(18).take(2) {
            *version = 2;
        }
        Ok(bytes)
    });
    made.as_deref().map_err(|error| std::io::Error::other(error.clone()))
}

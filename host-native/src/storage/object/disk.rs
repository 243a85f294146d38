//! What has to reach the disk, and the work on the file that waits for it: on other threads.

use super::{LOG_PAGES_MAX, ObjectFile, ObjectFileError, Open, PAGE_BYTES, made};
use crate::storage::journal::{Change, Journal};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::cell::Cell;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::task::spawn_blocking;

/// What must be synced for some turns to be durable.
#[derive(Debug)]
pub(crate) struct ToSync {
    how: How,
    /// The turns that are durable when this is done.
    turns: u64,
}

#[derive(Debug)]
enum How {
    /// A new file: it, its folders and its log are synced.
    Directly { file: PathBuf, log: Arc<fs::File> },
    /// What was added to the log goes into the journal.
    Journal(Change),
}

/// Turns that are durable.
#[derive(Debug)]
pub(crate) struct Synced {
    turns: u64,
    is_file: bool,
}

impl ToSync {
    /// Waits until it is on disk.
    ///
    /// # Errors
    /// Where the disk fails. Nobody may be told of these turns then.
    pub(crate) async fn run(self, journal: &Journal) -> Result<Synced, String> {
        let Self { how, turns } = self;
        match how {
            How::Directly { file, log } => {
                let synced = spawn_blocking(move || sync_new(&file, &log)).await;
                let synced = synced.map_err(|error| error.to_string())?;
                synced.map_err(|error| error.to_string())?;
                Ok(Synced { turns, is_file: true })
            }
            How::Journal(change) => {
                let written = journal.write(change).await;
                let written = written.map_err(|_| "the journal has ended".to_owned())?;
                written.map_err(|error| error.to_string())?;
                Ok(Synced { turns, is_file: false })
            }
        }
    }
}

fn sync_new(file: &Path, log: &fs::File) -> std::io::Result<()> {
    fs::File::open(file)?.sync_all()?;
    // The object's folder and the class's may be new, too; the app's is not.
    for folder in file.ancestors().skip(1).take(3) {
        fs::File::open(folder)?.sync_all()?;
    }
    sync_data(log)?;
    made::is_on_disk(file)
}

/// A file's connection while another thread works with it.
#[derive(Debug)]
pub(crate) struct Lent {
    connection: Connection,
    path: PathBuf,
}

impl Lent {
    /// The connection, for whoever has it now.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Waits until the file and its log are on disk, as they are.
    ///
    /// # Errors
    /// Where the disk fails.
    pub(crate) fn sync(&self) -> Result<(), ObjectFileError> {
        let synced = match fs::File::open(log_path(&self.path)) {
            Ok(log) => sync_new(&self.path, &log),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        synced.map_err(|error| ObjectFileError::new(&self.path, error))
    }

    /// Folds the log into the file.
    ///
    /// # Errors
    /// Where the disk fails; the log is whole still.
    pub(crate) fn fold(&self) -> Result<(), ObjectFileError> {
        let folded = || {
            self.connection.pragma_update(None, "synchronous", "FULL")?;
            let folded =
                self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            // In any case: each turn would wait for the disk on a serving thread.
            self.connection.pragma_update(None, "synchronous", "OFF")?;
            folded
        };
        folded().map_err(|error| ObjectFileError::new(&self.path, error))?;
        // That the log is empty is on disk before anything new of it: were a later frame there first,
        // the old log would be read again, and only in part.
        fs::File::open(log_path(&self.path))
            .and_then(|log| log.sync_all())
            .map_err(|error| ObjectFileError::new(&self.path, error))
    }

    /// Folds the log into the file, and closes it.
    ///
    /// # Errors
    /// Where the disk fails; the log is whole still.
    pub(crate) fn close(self) -> Result<(), ObjectFileError> {
        let closed = self.connection.pragma_update(None, "synchronous", "FULL");
        let closed = closed.and_then(|()| {
            self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
            self.connection.close().map_err(|(_, error)| error)
        });
        closed.map_err(|error| ObjectFileError::new(&self.path, error))
    }
}

impl ObjectFile {
    /// What must be synced for all turns so far to be durable; `None` where they are.
    ///
    /// # Errors
    /// Where the log cannot be opened.
    pub(crate) fn next_sync(&mut self) -> Result<Option<ToSync>, ObjectFileError> {
        if self.durable == self.committed {
            return Ok(None);
        }
        let turns = self.committed;
        let Self { open: Some(open), path, .. } = self else { return Ok(None) };
        let log = match &open.log {
            Some(log) => Arc::clone(log),
            None => {
                let log = fs::File::open(log_path(path));
                let log = log.map_err(|error| ObjectFileError::new(path, error))?;
                Arc::clone(open.log.insert(Arc::new(log)))
            }
        };
        let (from, to) = (open.journaled_pages, open.log_pages.load(Relaxed));
        open.journaled_pages = to;
        if from == to && !open.is_new {
            // What was written is what was there already: SQLite added nothing.
            self.durable = turns;
            return Ok(None);
        }
        if open.is_new {
            let how = How::Directly { file: path.clone(), log };
            return Ok(Some(ToSync { how, turns }));
        }
        let change = change(path, &log, if from < to { from } else { 0 }, to);
        let change = change.map_err(|error| ObjectFileError::new(path, error))?;
        Ok(Some(ToSync { how: How::Journal(change), turns }))
    }

    /// Takes note that a sync is done.
    pub(crate) fn synced(&mut self, done: &Synced) {
        self.durable = self.durable.max(done.turns);
        if let Some(open) = &mut self.open {
            open.is_new &= !done.is_file;
        }
    }

    /// Whether the log should be folded into the file. Only between turns, and when all is durable.
    pub(crate) fn wants_fold(&self) -> bool {
        let Some(open) = &self.open else { return false };
        !self.in_turn && open.log_pages.load(Relaxed) >= LOG_PAGES_MAX
    }

    /// Lends the connection to another thread; until [`Self::give_back`] the file must not be used.
    pub(crate) fn lend(&mut self) -> Option<Lent> {
        let Open { connection, .. } = self.open.take()?;
        connection.flush_prepared_statement_cache();
        self.is_lent = true;
        Some(Lent { connection, path: self.path.clone() })
    }

    /// Takes the file back; the connection where it was lent to be used on, and not to be closed.
    pub(crate) fn give_back(&mut self, lent: Option<Lent>) {
        self.is_lent = false;
        let Some(Lent { mut connection, .. }) = lent else { return };
        if let Ok((judge, log_pages)) = Open::watch(&mut connection) {
            // A file whose first turn was thrown away is not known to be on disk.
            let (log, journaled_pages, is_new) = (None, 0, made::is_new(&self.path));
            let room = Cell::default();
            self.open =
                Some(Open { connection, judge, log, is_new, log_pages, journaled_pages, room });
        }
    }

    /// Removes the file and its log from the disk. Nothing may be open.
    ///
    /// # Errors
    /// Where they cannot be removed.
    pub(crate) fn remove(path: &Path) -> std::io::Result<()> {
        // What says that the file is new goes last: without it, a file in the making is a damaged one.
        for path in [log_path(path), path.to_owned(), made::marker_path(path)] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
    }
}

/// What was added to a log, from one page on to another.
fn change(path: &Path, log: &fs::File, from: u32, to: u32) -> std::io::Result<Change> {
    // Source: https://www.sqlite.org/fileformat.html section 4, read 2026-11-21: a head of 32 bytes,
    // then frames, each a page behind a head of 24 bytes.
    let frame = PAGE_BYTES + 24;
    let start = if from == 0 { 0 } else { 32 + u64::from(from) * frame };
    let end = 32 + u64::from(to) * frame;
    let mut bytes = vec![0; usize::try_from(end - start).unwrap_or(0)];
    log.read_exact_at(&mut bytes, start)?;
    Ok(Change { log: log_name(path), offset: Some(start), bytes })
}

/// What the journal calls the log of an object's file: where the folder of the objects lies is not
/// its business.
pub(crate) fn log_name(path: &Path) -> Arc<str> {
    let log = log_path(path);
    // class/digits/file
    let parts: Vec<&OsStr> = log.iter().rev().take(3).collect();
    let log: PathBuf = parts.into_iter().rev().collect();
    Arc::from(log.to_string_lossy())
}

/// The log of an object's file.
pub(crate) fn log_path(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    PathBuf::from(log)
}

/// Names a file that says what ails the disk, read at each sync: `delay-us N` makes every sync take
/// so much longer, `fail` makes it fail. For tests, and for benches that want a slow disk.
const DISK_FILE_VARIABLE: &str = "SELVEDGE_DISK_FILE";

/// Waits until what was written to a file is on disk.
pub(crate) fn sync_data(file: &fs::File) -> std::io::Result<()> {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let ails = FILE.get_or_init(|| std::env::var_os(DISK_FILE_VARIABLE).map(PathBuf::from));
    if let Some(path) = ails {
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut words = text.split_whitespace();
        match (words.next(), words.next().and_then(|number| number.parse().ok())) {
            (Some("delay-us"), Some(delay)) => std::thread::sleep(Duration::from_micros(delay)),
            (Some("fail"), _) => return Err(std::io::Error::other("the disk was told to fail")),
            _ => {}
        }
    }
    file.sync_data()
}

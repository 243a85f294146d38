//! The folder with every object's file: `<class>/<two digits>/<id>.sqlite`. It belongs to one process.
//!
//! Nothing here is read when a host starts, so that a hundred thousand objects cost it nothing.

use crate::storage::object::ObjectFile;
use selvedge_contract::object::object_id;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The folder of the objects, held by this process.
#[derive(Debug)]
pub(crate) struct ObjectFolder {
    folder: PathBuf,
    /// Locked as long as it is open.
    _lock: fs::File,
}

/// Why the folder cannot be held.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectFolderError {
    /// Another process has it.
    #[error(
        "the objects in {} are in use by another process ({holder}); stop it, or choose another folder with --data",
        .folder.display()
    )]
    Held { folder: PathBuf, holder: String },
    /// It cannot be made or written.
    #[error("cannot write {}: {source}; choose another folder with --data", .folder.display())]
    NotWritable { folder: PathBuf, source: std::io::Error },
}

/// How often a lock that somebody else has is tried again.
const TRY_EVERY: Duration = Duration::from_millis(20);

impl ObjectFolder {
    /// As [`Self::hold`], and waits where another process has the folder: a command that works on a
    /// few objects, or a host that stops, is soon done. Blocks.
    ///
    /// # Errors
    /// [`ObjectFolderError`]; [`ObjectFolderError::Held`] where the other has it after `wait_max`.
    pub(crate) fn hold_within(data: &Path, wait_max: Duration) -> Result<Self, ObjectFolderError> {
        let begun = Instant::now();
        loop {
            match Self::hold(data) {
                Err(ObjectFolderError::Held { .. }) if begun.elapsed() < wait_max => {
                    std::thread::sleep(TRY_EVERY);
                }
                held => return held,
            }
        }
    }

    /// Takes hold of the folder `objects` in `data`; it is made where it is not there.
    ///
    /// # Errors
    /// [`ObjectFolderError`].
    pub(crate) fn hold(data: &Path) -> Result<Self, ObjectFolderError> {
        let folder = data.join("objects");
        let not_writable =
            |source| ObjectFolderError::NotWritable { folder: folder.clone(), source };
        fs::create_dir_all(&folder).map_err(not_writable)?;
        let path = folder.join("host.lock");
        let mut options = fs::OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut lock = options.open(&path).map_err(not_writable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                let holder = holder.trim().to_owned();
                return Err(ObjectFolderError::Held { folder, holder });
            }
            Err(fs::TryLockError::Error(source)) => return Err(not_writable(source)),
        }
        lock.set_len(0)
            .and_then(|()| writeln!(lock, "process {}", std::process::id()))
            .map_err(not_writable)?;
        Ok(Self { folder, _lock: lock })
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// Where an object's file is, or would be.
    pub(crate) fn file_path(&self, class: &str, name: &str) -> PathBuf {
        let id = object_id(class, name);
        let digits = id.get(..2).unwrap_or_default();
        self.folder.join(class).join(digits).join(format!("{id}.sqlite"))
    }

    /// An object's file, of at most `bytes_max` bytes.
    pub(crate) fn file(&self, class: &Arc<str>, name: &Arc<str>, bytes_max: u64) -> ObjectFile {
        let path = self.file_path(class, name);
        ObjectFile::new(path, Arc::clone(class), Arc::clone(name), bytes_max)
    }

    /// The files of all objects of a class that ever stored anything, in the order of their ids.
    pub(crate) fn files(&self, class: &str) -> impl Iterator<Item = PathBuf> + use<> {
        // One folder at a time: a class may have very many objects.
        sorted(self.folder.join(class))
            .flat_map(sorted)
            .filter(|path| path.extension().is_some_and(|extension| extension == "sqlite"))
    }
}

/// What is in a folder, by name; nothing where it cannot be read.
fn sorted(folder: PathBuf) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort_unstable();
    paths.into_iter()
}

//! A file that is on its way into the folder of the objects, or out of it.

use super::ask::OrderError;
use crate::storage::objects::ObjectFolder;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The folder's name. No class is called so.
const FOLDER: &str = ".under-way";

/// A file beside the objects, on the same disk; removed when this is dropped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// A name that nobody else has. There is no file yet.
    pub(super) fn new(folder: &ObjectFolder) -> Result<Self, OrderError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let folder = folder.path().join(FOLDER);
        fs::create_dir_all(&folder).map_err(|error| OrderError::of_io(&folder, &error))?;
        let name = format!("{}.sqlite", NEXT.fetch_add(1, Relaxed));
        Ok(Self(folder.join(name)))
    }

    /// Removes what a process left that ended in the middle.
    pub(super) fn clear(folder: &ObjectFolder) {
        let folder = folder.path().join(FOLDER);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(cause = %error, folder = %folder.display(), "cannot be removed");
            }
            _ => {}
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Its size.
    pub(super) fn bytes(&self) -> Result<u64, OrderError> {
        let file = fs::metadata(&self.0).map_err(|error| OrderError::of_io(&self.0, &error))?;
        Ok(file.len())
    }

    /// Opens it for reading.
    pub(super) fn open(&self) -> Result<fs::File, OrderError> {
        fs::File::open(&self.0).map_err(|error| OrderError::of_io(&self.0, &error))
    }

    /// Writes `bytes` bytes of `from` into it.
    pub(super) fn fill(&self, from: &mut dyn Read, bytes: u64) -> Result<(), OrderError> {
        let copied =
            fs::File::create_new(&self.0).and_then(|mut file| std::io::copy(from, &mut file));
        match copied {
            Ok(copied) if copied == bytes => Ok(()),
            Ok(copied) => Err(OrderError::NotAnExport {
                reason: format!("it ended after {copied} of {bytes} bytes"),
            }),
            Err(error) => Err(OrderError::of_io(&self.0, &error)),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-journal"] {
            let mut path = self.0.clone().into_os_string();
            path.push(ending);
            // Most often it was renamed, or had none beside it.
            let _ = fs::remove_file(path);
        }
    }
}

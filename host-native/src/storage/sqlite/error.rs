//! What SQLite's errors mean to whoever reads them, and the file they are about.

use crate::storage::StorageError;
use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A database's file, which every error about it names.
#[derive(Debug, Clone)]
pub(super) struct StoreFile(Arc<Path>);

impl StoreFile {
    pub(super) fn new(path: &Path) -> Self {
        Self(Arc::from(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The error for what SQLite said about this file.
    pub(super) fn error(&self, error: rusqlite::Error) -> StorageError {
        let path = PathBuf::from(self.path());
        let code = error.sqlite_error_code();
        let cause = Arc::new(error);
        match code {
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                StorageError::NotWritable { path, cause }
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StorageError::Damaged { path, cause }
            }
            Some(ErrorCode::DiskFull) => StorageError::Full { path, cause },
            _ => StorageError::Unavailable { path, cause },
        }
    }

    /// The error where a folder cannot be made or used.
    pub(super) fn not_writable(&self, folder: &Path, error: std::io::Error) -> StorageError {
        StorageError::NotWritable { path: PathBuf::from(folder), cause: Arc::new(error) }
    }

    /// The error where the file cannot be used for a reason of ours.
    pub(super) fn unavailable(&self, reason: &'static str) -> StorageError {
        StorageError::Unavailable {
            path: PathBuf::from(self.path()),
            cause: Arc::new(std::io::Error::other(reason)),
        }
    }
}

/// Whether another process stands in the way, for now.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

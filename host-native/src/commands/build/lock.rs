//! One build of an app at a time.

use super::progress::Progress;
use crate::app::Folders;
use anyhow::Context as _;
use std::fs::{self, File, TryLockError};

/// Waits until no other build of the app is under way; the lock ends with the file or the process.
///
/// # Errors
/// Where the app's folder cannot be written.
pub(super) fn take(folders: &Folders, progress: &Progress) -> anyhow::Result<File> {
    let path = folders.build_lock();
    let context = || format!("cannot write {}", path.display());
    fs::create_dir_all(folders.state()).with_context(context)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(context)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress.begin("Waiting", "for another build of this app to end");
            file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    Ok(file)
}

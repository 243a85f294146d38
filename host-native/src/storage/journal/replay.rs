//! After a crash: writes what the journal holds into the logs again.
//!
//! Where one log cannot be written, all others are; its changes are left in a file of their own, which
//! is read first the next time, and nobody may open that object until then: what lies in its log is
//! behind what was told.

use super::record::{Change, left_path, remove_segments, segment_path};
use super::sync_logs;
use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

/// Writes all changes into their logs, in order, syncs these, and removes the journal. Gives the logs
/// that could not be written.
///
/// # Errors
/// Where a segment cannot be read, or the disk takes nothing: nothing is removed then.
pub(super) fn replay(folder: &Path) -> std::io::Result<HashSet<Arc<str>>> {
    let mut changes = match fs::read(left_path(folder)) {
        Ok(bytes) => read(&bytes).map_or_else(Vec::new, |(_, changes)| changes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut segments = Vec::new();
    for segment in 0..2 {
        match fs::read(segment_path(folder, segment)) {
            Ok(bytes) => segments.extend(read(&bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    if segments.is_empty() && changes.is_empty() {
        remove_segments(folder)?;
        return Ok(HashSet::new());
    }
    segments.sort_by_key(|(segment, _)| *segment);
    changes.extend(segments.into_iter().flat_map(|(_, changes)| changes));
    drop_forgotten(&mut changes);
    let (logs, failed) = write(folder, &changes)?;
    sync_logs(folder, &logs)?;
    let folders: HashSet<_> = logs.iter().filter_map(|log| Path::new(&**log).parent()).collect();
    for inner in folders {
        fs::File::open(folder.join(inner))?.sync_all()?;
    }
    tracing::info!(changes = changes.len(), objects = logs.len(), "the journal was replayed");
    // Before the segments go. Where both are there after a crash, all is written twice, in order.
    leave(folder, changes.iter().filter(|change| failed.contains(&change.log)))?;
    remove_segments(folder)?;
    Ok(failed)
}

/// Leaves changes for the next time, and on disk.
fn leave<'c>(folder: &Path, changes: impl Iterator<Item = &'c Change>) -> std::io::Result<()> {
    let (mut bytes, mut link) = (Vec::new(), 0);
    for change in changes {
        link = change.encode(0, link, &mut bytes);
    }
    let left = left_path(folder);
    if bytes.is_empty() {
        return match fs::remove_file(left) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let written = left.with_extension("journal-new");
    fs::write(&written, bytes)?;
    fs::File::open(&written)?.sync_all()?;
    fs::rename(written, left)?;
    fs::File::open(folder)?.sync_all()
}

/// A segment's number and its changes; `None` where it has none.
fn read(mut bytes: &[u8]) -> Option<(u64, Vec<Change>)> {
    let first = Change::decode(bytes, 0)?.segment;
    let (mut changes, mut link) = (Vec::new(), 0);
    while let Some(record) = Change::decode(bytes, link) {
        // What follows is of an earlier use of the file.
        if record.segment != first {
            break;
        }
        changes.push(record.change);
        bytes = bytes.get(record.length..).unwrap_or_default();
        link = record.sum;
    }
    Some((first, changes))
}

/// Drops what was written to a log before it was forgotten.
fn drop_forgotten(changes: &mut Vec<Change>) {
    let mut forgotten: HashSet<Arc<str>> = HashSet::new();
    let mut index = changes.len();
    while let Some(change) = index.checked_sub(1).and_then(|at| changes.get(at)) {
        index -= 1;
        if change.offset.is_none() {
            forgotten.insert(Arc::clone(&change.log));
        }
        if change.offset.is_none() || forgotten.contains(&change.log) {
            changes.remove(index);
        }
    }
}

/// Gives the logs that were written, and those that could not be.
type Logs = (HashSet<Arc<str>>, HashSet<Arc<str>>);

fn write(folder: &Path, changes: &[Change]) -> std::io::Result<Logs> {
    use std::io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let (mut logs, mut failed) = Logs::default();
    for Change { log, offset, bytes } in changes {
        // The log of an object that is not there any more says nothing.
        let file = log.strip_suffix("-wal").map(|file| folder.join(file));
        let (Some(true), Some(offset)) = (file.map(|file| file.exists()), offset) else { continue };
        if failed.contains(log) {
            continue;
        }
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(folder.join(&**log));
        match file.and_then(|file| file.write_all_at(bytes, *offset)) {
            Ok(()) => drop(logs.insert(Arc::clone(log))),
            // Then no log can be.
            Err(error)
                if [QuotaExceeded, ReadOnlyFilesystem, StorageFull].contains(&error.kind()) =>
            {
                return Err(error);
            }
            Err(error) => {
                let path = folder.join(&**log);
                tracing::error!(
                    cause = %error, path = %path.display(),
                    "the log of an object cannot be written; the object is kept from starting until \
                     it can be and the host is started again"
                );
                logs.remove(log);
                failed.insert(Arc::clone(log));
            }
        }
    }
    Ok((logs, failed))
}

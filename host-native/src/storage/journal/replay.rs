//! After a crash: writes what the journal holds into the logs again.

use super::record::{Change, remove_segments, segment_path};
use super::sync_logs;
use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

/// Writes all changes into their logs, in order, syncs these, and removes the journal.
///
/// # Errors
/// Where a segment cannot be read, or a log cannot be written: nothing is removed then.
pub(super) fn replay(folder: &Path) -> std::io::Result<()> {
    let mut segments = Vec::new();
    for segment in 0..2 {
        match fs::read(segment_path(folder, segment)) {
            Ok(bytes) => segments.extend(read(&bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    if segments.is_empty() {
        return remove_segments(folder);
    }
    segments.sort_by_key(|(segment, _)| *segment);
    let mut changes: Vec<Change> = segments.into_iter().flat_map(|(_, changes)| changes).collect();
    drop_forgotten(&mut changes);
    let logs = write(folder, &changes)?;
    sync_logs(folder, &logs)?;
    let folders: HashSet<_> = logs.iter().filter_map(|log| Path::new(&**log).parent()).collect();
    for inner in folders {
        fs::File::open(folder.join(inner))?.sync_all()?;
    }
    tracing::info!(changes = changes.len(), objects = logs.len(), "the journal was replayed");
    remove_segments(folder)
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

fn write(folder: &Path, changes: &[Change]) -> std::io::Result<HashSet<Arc<str>>> {
    let mut logs: HashSet<Arc<str>> = HashSet::new();
    for Change { log, offset, bytes } in changes {
        // The log of an object that is not there any more says nothing.
        let file = log.strip_suffix("-wal").map(|file| folder.join(file));
        let (Some(true), Some(offset)) = (file.map(|file| file.exists()), offset) else { continue };
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(folder.join(&**log))?;
        file.write_all_at(bytes, *offset)?;
        logs.insert(Arc::clone(log));
    }
    Ok(logs)
}

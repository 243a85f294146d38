//! How a change lies in a segment: a head of fixed size, the log's path, the bytes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a record's head.
const HEAD_BYTES: usize = 36;
/// Marks a record: "SLVJ".
const MAGIC: u32 = 0x534C_564A;
/// The offset that says: forget what was written to this log before.
const FORGET: u64 = u64::MAX;

/// Bytes that a log was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// The log's path within the folder of the objects.
    pub(crate) log: Arc<str>,
    /// Where in the log; none where the log, and its file, are removed.
    pub(crate) offset: Option<u64>,
    /// What was written there.
    pub(crate) bytes: Vec<u8>,
}

/// A record that was read.
pub(super) struct Decoded {
    /// The number of its segment.
    pub(super) segment: u64,
    /// What it says.
    pub(super) change: Change,
    /// Its bytes, head included.
    pub(super) length: usize,
    /// Its checksum.
    pub(super) sum: u32,
}

impl Change {
    /// A change that takes back all that were before of the same log.
    pub(crate) fn forget(log: Arc<str>) -> Self {
        Self { log, offset: None, bytes: Vec::new() }
    }

    /// Puts the record behind others of a segment. `link` is the checksum of the one before, so that
    /// what is left of a write that failed is never taken for what comes next; gives its own.
    pub(super) fn encode(&self, segment: u64, link: u32, into: &mut Vec<u8>) -> u32 {
        let log_bytes = u16::try_from(self.log.len()).unwrap_or(u16::MAX);
        let bytes = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let start = into.len();
        into.extend(MAGIC.to_le_bytes());
        into.extend([0; 4]);
        into.extend(segment.to_le_bytes());
        into.extend(self.offset.unwrap_or(FORGET).to_le_bytes());
        into.extend(bytes.to_le_bytes());
        into.extend(log_bytes.to_le_bytes());
        into.extend([0; 2]);
        into.extend(link.to_le_bytes());
        into.extend(self.log.as_bytes());
        into.extend(&self.bytes);
        let sum = into.get(start + 8..).map_or(0, crc32fast::hash);
        if let Some(place) = into.get_mut(start + 4..start + 8) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
        sum
    }

    /// Reads the first record of `bytes`; `None` where there is no whole one that follows the one with
    /// the checksum `link`: the segment ends there.
    pub(super) fn decode(bytes: &[u8], link: u32) -> Option<Decoded> {
        let head = bytes.get(..HEAD_BYTES)?;
        let u32_at = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
        let u64_at = |at: usize| Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?));
        if u32_at(0)? != MAGIC || u32_at(32)? != link {
            return None;
        }
        let (segment, offset) = (u64_at(8)?, u64_at(16)?);
        let data_bytes = usize::try_from(u32_at(24)?).ok()?;
        let log_bytes = usize::from(u16::from_le_bytes(head.get(28..30)?.try_into().ok()?));
        let end = HEAD_BYTES.checked_add(log_bytes)?.checked_add(data_bytes)?;
        let record = bytes.get(..end)?;
        let sum = u32_at(4)?;
        if crc32fast::hash(record.get(8..)?) != sum {
            return None;
        }
        let log = std::str::from_utf8(record.get(HEAD_BYTES..HEAD_BYTES + log_bytes)?).ok()?;
        let bytes = record.get(HEAD_BYTES + log_bytes..)?.to_vec();
        let offset = (offset != FORGET).then_some(offset);
        let change = Self { log: Arc::from(log), offset, bytes };
        Some(Decoded { segment, change, length: end, sum })
    }
}

/// The file of a segment: two files take turns.
pub(super) fn segment_path(folder: &Path, segment: u64) -> PathBuf {
    folder.join(if segment.is_multiple_of(2) { "a.journal" } else { "b.journal" })
}

/// The file of what could not be written into its log after a crash.
pub(super) fn left_path(folder: &Path) -> PathBuf {
    folder.join("left.journal")
}

/// Removes the files of all segments.
pub(super) fn remove_segments(folder: &Path) -> std::io::Result<()> {
    for segment in 0..2 {
        match std::fs::remove_file(segment_path(folder, segment)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

//! Step 5 of a request's way, keep: ordered bytes that are written together or not at all.
//!
//! Before it comes `capability`, which knows what the bytes mean; nothing comes after it but the
//! disk. A backend knows neither stores nor expiry: those live above the line, once.

use futures::future::BoxFuture;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) mod alarms;
#[cfg(test)]
mod contract;
#[cfg(test)]
pub(crate) mod faulty;
pub(crate) mod journal;
pub(crate) mod object;
pub(crate) mod objects;
pub(crate) mod sqlite;

/// How many bytes of a value [`Storage::scan`] gives; a value up to this size is given whole.
///
/// Ours: room for what a capability writes in front of a value, metadata of 1024 bytes included, so
/// that a listing of a thousand large values never reads the values.
pub(crate) const BEGINNING_BYTES: usize = 2048;

/// An ordered map of bytes whose writes are atomic and durable.
///
/// Reads are made where they are called, on the caller's thread: a microsecond or two for what lies
/// in memory. Whoever asks for many or large values does so on a thread that may wait.
pub(crate) trait Storage: Send + Sync {
    /// The value at `key`, or `None` where nothing was written: whole where it has at most
    /// `bytes_max` bytes, else its beginning.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] and [`StorageError::Damaged`].
    fn get(&self, key: &[u8], bytes_max: usize) -> Result<Option<Found>, StorageError>;

    /// At most `limit` entries of `range`, in byte order: each key, and of its value the beginning,
    /// [`BEGINNING_BYTES`] of it.
    ///
    /// # Errors
    /// As those of [`Self::get`].
    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Row>, StorageError>;

    /// Makes every write of `batch` visible and durable at once, or none of them; answers when they
    /// are on disk. Waits where too much is queued already. A caller that stops waiting does not
    /// learn whether the batch was written.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] where an expectation of the batch does not hold, and
    /// [`StorageError::Full`] where the disk is: nothing was written then. After any other error
    /// whether the batch was written is unknown; it may be tried again with the same expectations.
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StorageError>>;
}

/// What [`Storage::get`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// The whole value.
    Whole(Vec<u8>),
    /// The first [`BEGINNING_BYTES`] of a value that is larger than was asked for, or all of it
    /// where it is smaller than that.
    Beginning(Vec<u8>),
}

/// What [`Storage::scan`] found: a key, and the beginning of its value.
pub(crate) type Row = (Vec<u8>, Vec<u8>);

/// Keys from one, inclusive, to another, exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyRange {
    /// The first key of the range.
    pub(crate) from: Vec<u8>,
    /// The first key behind the range; none where it has no end.
    pub(crate) until: Option<Vec<u8>>,
}

impl KeyRange {
    /// Every key that begins with `prefix`.
    pub(crate) fn prefix(prefix: &[u8]) -> Self {
        let mut until = prefix.to_vec();
        // The next larger text of the same length: behind everything that begins with `prefix`.
        while let Some(last) = until.pop() {
            if let Some(next) = last.checked_add(1) {
                until.push(next);
                return Self { from: prefix.to_vec(), until: Some(until) };
            }
        }
        Self { from: prefix.to_vec(), until: None }
    }

    /// The same range without what is at or before `key`.
    pub(crate) fn after(mut self, key: &[u8]) -> Self {
        let mut from = key.to_vec();
        from.push(0);
        self.from = self.from.max(from);
        self
    }
}

/// Writes that happen together, in their order, and what must hold for them to happen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Batch {
    /// What must hold.
    pub(crate) expectations: Vec<(Vec<u8>, Expected)>,
    /// What is written.
    pub(crate) writes: Vec<Write>,
}

/// What must be at a key for a batch to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Nothing.
    Absent,
    /// This value.
    Whole(Vec<u8>),
    /// A value that begins with this, of at most [`BEGINNING_BYTES`].
    Beginning(Vec<u8>),
}

/// One write.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// Puts a value at a key, in the place of what was there.
    Put(Vec<u8>, Vec<u8>),
    /// Removes a key; where there is none, nothing happens.
    Delete(Vec<u8>),
}

impl Batch {
    /// About as many bytes as this batch takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let writes = self.writes.iter().map(|write| match write {
            Write::Put(key, value) => key.len().saturating_add(value.len()),
            Write::Delete(key) => key.len(),
        });
        let expectations = self.expectations.iter().map(|(key, expected)| match expected {
            Expected::Absent => key.len(),
            Expected::Whole(value) | Expected::Beginning(value) => {
                key.len().saturating_add(value.len())
            }
        });
        writes.chain(expectations).fold(0, usize::saturating_add)
    }
}

/// What a system told us, kept for the log.
pub(crate) type Cause = Arc<dyn Error + Send + Sync>;

/// Why a backend did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum StorageError {
    /// An expectation of a batch does not hold; nothing was written.
    #[error("what was expected of a key does not hold")]
    Conflict,
    /// The file, or the folder it is to be in, cannot be written by this process.
    #[error(
        "{} cannot be opened for writing; let this user write to its folder, or choose another \
         folder with --data", path.display()
    )]
    NotWritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: Cause,
    },
    /// The file is not what was written to it.
    #[error(
        "{} is damaged; stop what uses it, move it aside together with its -wal file, then put a \
         copy in its place, or save what can be read with `sqlite3 FILE .recover`", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        #[source]
        cause: Cause,
    },
    /// The file holds something else.
    #[error(
        "{} is not a store of this version (it is marked {found}, not {expected}); move it aside, \
         or run the version that wrote it", path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The marks found: application and layout.
        found: String,
        /// The marks that this version writes.
        expected: String,
    },
    /// No room is left; nothing was written.
    #[error("no room is left for {}; nothing was written, free some space on its disk", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: Cause,
    },
    /// It does not work right now.
    #[error("{} cannot be used right now", path.display())]
    Unavailable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: Cause,
    },
}

#[cfg(test)]
mod tests {
    use super::KeyRange;

    #[test]
    fn prefix_ends_before_the_next_larger_key() {
        let ends = |prefix: &[u8]| KeyRange::prefix(prefix).until;
        assert_eq!(ends(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(ends(&[7, 255, 255]), Some(vec![8]));
        assert_eq!(ends(&[255]), None);
        assert_eq!(ends(b""), None);
    }

    #[test]
    fn after_never_widens_a_range() {
        assert_eq!(KeyRange::prefix(b"b").after(b"a").from, b"b");
        assert_eq!(KeyRange::prefix(b"b").after(b"bc").from, b"bc\0");
    }
}

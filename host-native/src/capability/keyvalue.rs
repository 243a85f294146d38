//! Key-value stores: what a store, an expiry, a page and a counter mean, once for every interface.
//!
//! Before it come guests, through `selvedge:keyvalue` ([`guest`]) and `wasi:keyvalue`
//! ([`super::wasi_keyvalue`]), and the command `selvedge kv`; after it [`crate::storage`], which
//! knows only bytes. Bounds and names come from the contract, the time from [`crate::clock`].
//!
//! Two key spaces: `e STORE 0 KEY` holds an entry, `x EXPIRY STORE 0 KEY` says that one expires.
//! An expiry is written in the same batch as its entry. One that outlived its entry is harmless:
//! the sweep looks at the entry before it removes anything.

use self::cursor::Positions;
use self::entry::Header;
use crate::storage::sqlite::Sqlite;
use crate::storage::{Batch, Expected, Found, Storage, StorageError, Write};
use selvedge_contract::limits::{
    METADATA_BYTES_MAX, TTL_SECONDS_MAX, TTL_SECONDS_MIN, VALUE_BYTES_MAX,
};
use selvedge_contract::names::{Name, check_key};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

pub(crate) use self::error::{Fault, KeyValueError};
#[expect(unreachable_pub, reason = "the generated bindings name it in public aliases")]
pub use self::guest::Bucket;
pub(crate) use self::guest::{Grants, HasKeyValue, KeyValueView, add_to_linker};
pub(crate) use self::list::{Listed, Page, Query};

mod cursor;
mod entry;
mod error;
pub(in crate::capability) mod guest;
mod list;
mod sweep;

/// The file of a data folder that holds its stores.
const FILE: &str = "keyvalue.sqlite";

/// Largest value that is read on the caller's thread, in bytes; a larger one is read on a thread that
/// may wait. Ours: what is read in less than a tenth of a millisecond.
const READ_HERE_BYTES_MAX: usize = 128 * 1024;

/// How many counters are incremented at once. Two that share a place wait for each other.
const INCREMENT_PLACES: usize = 64;
/// How often an increment is tried when other writers of the key get in between.
const INCREMENT_TRIES: usize = 100;

/// What tells the time since 1970-01-01T00:00:00Z.
type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// The stores of one data folder.
pub(crate) struct KeyValue {
    storage: Arc<dyn Storage>,
    now: Clock,
    /// Increments of one process take turns, so that only other processes make them try again.
    increments: Vec<Mutex<()>>,
    /// Where the numeric cursors of `wasi:keyvalue` point.
    pub(super) positions: Positions,
}

/// A value, with what is kept beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The bytes that were set.
    pub(crate) value: Vec<u8>,
    /// The metadata that was set with them.
    pub(crate) metadata: Option<Vec<u8>>,
}

/// How a value is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SetOptions {
    /// Seconds until the key is gone; none keeps it for ever.
    pub(crate) ttl_seconds: Option<u64>,
    /// A few bytes kept beside the value.
    pub(crate) metadata: Option<Vec<u8>>,
}

/// What a look at a key found without waiting.
enum Look {
    /// The entry.
    Here(Option<Entry>),
    /// The value is too large to be read here.
    Large,
}

impl KeyValue {
    /// Opens the stores of the data folder `folder`, and makes it where there is none. Blocks.
    ///
    /// # Errors
    /// [`StorageError`] names the file or folder, and what to do about it.
    pub(crate) fn open(folder: &Path) -> Result<Arc<Self>, StorageError> {
        let storage = Sqlite::open(&folder.join(FILE))?;
        Ok(Arc::new(Self::new(Arc::new(storage), Arc::new(crate::clock::now))))
    }

    /// Whether anything was ever stored in the data folder `folder`.
    pub(crate) fn is_in(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Stores over `storage`, by the clock `now`.
    fn new(storage: Arc<dyn Storage>, now: Clock) -> Self {
        let increments = (0..INCREMENT_PLACES).map(|_| Mutex::default()).collect();
        Self { storage, now, increments, positions: Positions::default() }
    }

    /// The entry at `key`, or none where there is none or it has expired.
    ///
    /// # Errors
    /// [`KeyValueError::Key`] and [`KeyValueError::Storage`].
    pub(crate) async fn get(
        self: &Arc<Self>,
        store: &Name,
        key: &str,
    ) -> Result<Option<Entry>, KeyValueError> {
        match self.look(store, key)? {
            Look::Here(entry) => Ok(entry),
            Look::Large => self.get_large(store, key).await,
        }
    }

    /// Whether there is an entry at `key` that has not expired.
    ///
    /// # Errors
    /// As those of [`Self::get`].
    pub(crate) fn exists(&self, store: &Name, key: &str) -> Result<bool, KeyValueError> {
        check_key(key)?;
        let found = self.storage.get(&entry::key(store, key), 0)?;
        let Some(Found::Whole(bytes) | Found::Beginning(bytes)) = found else { return Ok(false) };
        Ok(!self.has_expired(&Header::parse(&bytes)?.0))
    }

    /// Sets `key`; answers when that is on disk.
    ///
    /// # Errors
    /// A bound of the contract that does not hold, or [`KeyValueError::Storage`].
    pub(crate) async fn set(
        &self,
        store: &Name,
        key: &str,
        value: &[u8],
        options: SetOptions,
    ) -> Result<(), KeyValueError> {
        self.set_many(store, &[(key, value)], options).await
    }

    /// Sets many keys alike, all or none of them.
    ///
    /// # Errors
    /// As those of [`Self::set`].
    pub(crate) async fn set_many(
        &self,
        store: &Name,
        pairs: &[(&str, &[u8])],
        options: SetOptions,
    ) -> Result<(), KeyValueError> {
        let header = Header { expires_at: self.expiry(&options)?, metadata: options.metadata };
        let mut batch = Batch::default();
        for (key, value) in pairs {
            check_key(key)?;
            check_value(value)?;
            self.forget_expiry(store, key, &mut batch)?;
            put(&mut batch, store, key, &header, value);
        }
        Ok(self.storage.commit(batch).await?)
    }

    /// Removes keys, all or none of them; one that is not there is no error.
    ///
    /// # Errors
    /// [`KeyValueError::Key`] and [`KeyValueError::Storage`].
    pub(crate) async fn delete(&self, store: &Name, keys: &[&str]) -> Result<(), KeyValueError> {
        let mut batch = Batch::default();
        for key in keys {
            check_key(key)?;
            self.forget_expiry(store, key, &mut batch)?;
            batch.writes.push(Write::Delete(entry::key(store, key)));
        }
        Ok(self.storage.commit(batch).await?)
    }

    /// Adds `delta` to the number at `key`, written in decimal digits; what is not there counts as
    /// zero. Metadata and time to live stay as they are. Answers the sum when it is on disk.
    ///
    /// # Errors
    /// [`KeyValueError::NotANumber`], [`KeyValueError::Overflow`], [`KeyValueError::Contended`],
    /// [`KeyValueError::Key`] and [`KeyValueError::Storage`].
    pub(crate) async fn increment(
        &self,
        store: &Name,
        key: &str,
        delta: u64,
    ) -> Result<u64, KeyValueError> {
        check_key(key)?;
        let entry_key = entry::key(store, key);
        let place = BuildHasherDefault::<DefaultHasher>::default().hash_one(&entry_key);
        let place = usize::try_from(place % 64).unwrap_or_default();
        let _turn = match self.increments.get(place) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        for _ in 0..INCREMENT_TRIES {
            let (batch, sum) = self.incremented(store, key, &entry_key, delta)?;
            match self.storage.commit(batch).await {
                Ok(()) => return Ok(sum),
                Err(StorageError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(KeyValueError::Contended)
    }

    /// What writes the sum of an increment, provided that nobody else writes the key meanwhile.
    fn incremented(
        &self,
        store: &Name,
        key: &str,
        entry_key: &[u8],
        delta: u64,
    ) -> Result<(Batch, u64), KeyValueError> {
        let mut batch = Batch::default();
        let (expected, header, number) = match self.storage.get(entry_key, VALUE_BYTES_MAX)? {
            None => (Expected::Absent, Header::default(), 0),
            Some(Found::Beginning(_)) => return Err(KeyValueError::NotANumber),
            Some(Found::Whole(bytes)) => {
                let (header, header_bytes) = Header::parse(&bytes)?;
                let (header, number) = if self.has_expired(&header) {
                    batch.writes.extend(
                        header
                            .expires_at
                            .map(|at| Write::Delete(entry::expiry_key(at, store, key))),
                    );
                    (Header::default(), 0)
                } else {
                    let digits = bytes.get(header_bytes..).unwrap_or_default();
                    (header, parse_number(digits)?)
                };
                (Expected::Whole(bytes), header, number)
            }
        };
        let sum = number.checked_add(delta).ok_or(KeyValueError::Overflow)?;
        batch.expectations.push((entry_key.to_vec(), expected));
        put(&mut batch, store, key, &header, sum.to_string().as_bytes());
        Ok((batch, sum))
    }

    /// Looks at a key without waiting.
    fn look(&self, store: &Name, key: &str) -> Result<Look, KeyValueError> {
        check_key(key)?;
        match self.storage.get(&entry::key(store, key), READ_HERE_BYTES_MAX)? {
            None => Ok(Look::Here(None)),
            Some(Found::Beginning(_)) => Ok(Look::Large),
            Some(Found::Whole(bytes)) => Ok(Look::Here(self.unless_expired(bytes)?)),
        }
    }

    /// Reads a large value where waiting for the disk holds up nobody.
    async fn get_large(
        self: &Arc<Self>,
        store: &Name,
        key: &str,
    ) -> Result<Option<Entry>, KeyValueError> {
        let stores = Arc::clone(self);
        let entry_key = entry::key(store, key);
        run_blocking(move || match stores.storage.get(&entry_key, usize::MAX)? {
            None => Ok(None),
            Some(Found::Whole(bytes) | Found::Beginning(bytes)) => stores.unless_expired(bytes),
        })
        .await
    }

    fn unless_expired(&self, bytes: Vec<u8>) -> Result<Option<Entry>, KeyValueError> {
        let (header, header_bytes) = Header::parse(&bytes)?;
        if self.has_expired(&header) {
            return Ok(None);
        }
        let mut value = bytes;
        value.drain(..header_bytes.min(value.len()));
        Ok(Some(Entry { value, metadata: header.metadata }))
    }

    /// Whether an entry is gone. The clock is read only where it matters.
    fn has_expired(&self, header: &Header) -> bool {
        header.expires_at.is_some_and(|at| at <= (self.now)().as_secs())
    }

    /// Checks how a value is to be kept; says when it expires, in seconds since 1970.
    fn expiry(&self, options: &SetOptions) -> Result<Option<u64>, KeyValueError> {
        let metadata_bytes = options.metadata.as_ref().map_or(0, Vec::len);
        if metadata_bytes > METADATA_BYTES_MAX {
            return Err(KeyValueError::MetadataTooLarge { bytes: metadata_bytes });
        }
        match options.ttl_seconds {
            Some(seconds) if !(TTL_SECONDS_MIN..=TTL_SECONDS_MAX).contains(&seconds) => {
                Err(KeyValueError::TimeToLive { seconds })
            }
            ttl => Ok(ttl.map(|seconds| (self.now)().as_secs().saturating_add(seconds))),
        }
    }

    /// Removes what says that the present entry at `key` expires, which soon will not be true.
    fn forget_expiry(
        &self,
        store: &Name,
        key: &str,
        batch: &mut Batch,
    ) -> Result<(), KeyValueError> {
        let found = self.storage.get(&entry::key(store, key), 0)?;
        if let Some(Found::Whole(bytes) | Found::Beginning(bytes)) = found
            // What cannot be read may still be written over.
            && let Ok((Header { expires_at: Some(at), .. }, _)) = Header::parse(&bytes)
        {
            batch.writes.push(Write::Delete(entry::expiry_key(at, store, key)));
        }
        Ok(())
    }
}

fn put(batch: &mut Batch, store: &Name, key: &str, header: &Header, value: &[u8]) {
    if let Some(at) = header.expires_at {
        batch.writes.push(Write::Put(entry::expiry_key(at, store, key), Vec::new()));
    }
    batch.writes.push(Write::Put(entry::key(store, key), header.write(value)));
}

fn check_value(value: &[u8]) -> Result<(), KeyValueError> {
    match value.len() {
        bytes if bytes > VALUE_BYTES_MAX => Err(KeyValueError::ValueTooLarge { bytes }),
        _ => Ok(()),
    }
}

fn parse_number(digits: &[u8]) -> Result<u64, KeyValueError> {
    let digits = std::str::from_utf8(digits).map_err(|_| KeyValueError::NotANumber)?;
    digits.parse().map_err(|_| KeyValueError::NotANumber)
}

/// Runs what may wait for the disk on a thread where that holds up nobody.
async fn run_blocking<R: Send + 'static>(
    act: impl FnOnce() -> Result<R, KeyValueError> + Send + 'static,
) -> Result<R, KeyValueError> {
    tokio::task::spawn_blocking(act).await.map_err(|_| KeyValueError::Stopping)?
}

#[cfg(test)]
mod crash;
#[cfg(test)]
mod tests;

//! Why a key-value call did not succeed.

use crate::storage::StorageError;
use selvedge_contract::limits::{
    METADATA_BYTES_MAX, TTL_SECONDS_MAX, TTL_SECONDS_MIN, VALUE_BYTES_MAX,
};
use selvedge_contract::names::KeyError;
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::component::ResourceTableError;

/// Why a key-value call did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyValueError {
    /// The app has no store of this name.
    #[error("the app has no such store")]
    NoSuchStore,
    /// The app has the store; the service is not granted it.
    #[error("the store is not granted")]
    AccessDenied,
    /// The key is none that a store takes.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The value is over its bound.
    #[error("the value has {bytes} bytes, and at most {VALUE_BYTES_MAX} are allowed")]
    ValueTooLarge {
        /// The size found.
        bytes: usize,
    },
    /// The metadata is over its bound.
    #[error("the metadata has {bytes} bytes, and at most {METADATA_BYTES_MAX} are allowed")]
    MetadataTooLarge {
        /// The size found.
        bytes: usize,
    },
    /// The time to live is out of its bounds.
    #[error(
        "the time to live is {seconds} seconds, and {TTL_SECONDS_MIN} to {TTL_SECONDS_MAX} are allowed"
    )]
    TimeToLive {
        /// What was asked for.
        seconds: u64,
    },
    /// The cursor is not one that a listing gave, or not for this prefix.
    #[error("the cursor is not one that a listing with this prefix gave")]
    Cursor,
    /// The numeric cursor is not one that is remembered.
    #[error("the cursor is unknown or too old; list from the start again")]
    ForgottenCursor,
    /// A page of no keys was asked for.
    #[error("the limit is 0, and at least 1 is needed")]
    Limit,
    /// What is to be incremented is no number.
    #[error("the value is not a number in decimal digits below 2^64")]
    NotANumber,
    /// A sum does not fit.
    #[error("the sum is over 2^64 - 1")]
    Overflow,
    /// Other writers of a key were always faster.
    #[error("too many others write this key; try again")]
    Contended,
    /// An entry is not one that this version wrote.
    #[error("an entry cannot be read; a newer version may have written it")]
    Unreadable,
    /// The host is ending.
    #[error("the host is stopping")]
    Stopping,
    /// The backend failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A handle is not of this instance, or there is no room for another.
    #[error(transparent)]
    Handle(#[from] ResourceTableError),
}

/// What becomes of an error that is not the guest's.
pub(crate) enum Fault {
    /// The guest may try again; it is told no more than this sentence.
    TryAgain(&'static str),
    /// The guest traps.
    Trap(wasmtime::Error),
}

impl KeyValueError {
    /// Sorts out the errors that a guest could not have prevented, and logs them with their cause.
    ///
    /// # Errors
    /// Gives back what is the guest's own doing.
    pub(crate) fn into_fault(self) -> Result<Fault, Self> {
        match self {
            Self::Handle(error) => Ok(Fault::Trap(error.into())),
            Self::Storage(StorageError::Full { .. }) => {
                self.log();
                Ok(Fault::TryAgain("the store has no room left, nothing was written"))
            }
            Self::Storage(_) | Self::Unreadable | Self::Stopping => {
                self.log();
                Ok(Fault::TryAgain("the store cannot be used right now, try again later"))
            }
            answer => Err(answer),
        }
    }

    /// Logs this with its cause; at most once a second, since what fails once fails at every call.
    fn log(&self) {
        static LAST_SECOND: AtomicU64 = AtomicU64::new(0);
        static UNLOGGED: AtomicU64 = AtomicU64::new(0);
        let second = crate::clock::now().as_secs();
        if LAST_SECOND.swap(second, Ordering::Relaxed) == second {
            UNLOGGED.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let unlogged = UNLOGGED.swap(0, Ordering::Relaxed);
        let cause = std::error::Error::source(self).map(ToString::to_string).unwrap_or_default();
        tracing::error!(%cause, unlogged, "key-value storage failed: {self}");
    }
}

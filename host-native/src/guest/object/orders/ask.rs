//! What may be asked, and what is answered: also what goes over the socket, as JSON.

use crate::storage::object::look::Contents;
use crate::storage::object::transfer::TransferError;
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Read};
use std::path::Path;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ask {
    /// Which objects there are.
    List {
        /// Of this class; none means all.
        class: Option<String>,
    },
    /// What an object stores.
    Show {
        /// Its class.
        class: String,
        /// Its name.
        name: String,
        /// At most so many keys.
        keys_max: u32,
    },
    /// All that an object stores, in one file.
    Export {
        /// Its class.
        class: String,
        /// Its name.
        name: String,
    },
    /// Puts an export in the place of an object. The file's bytes follow.
    Import {
        /// The object's class.
        class: String,
        /// The object's name.
        name: String,
        /// Also where the object stores something already.
        replace: bool,
        /// How many bytes the file has.
        bytes: u64,
    },
    /// Ends an object, and removes all that it stores.
    Delete {
        /// Its class.
        class: String,
        /// Its name.
        name: String,
    },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// One object of a list.
    Listed(Listed),
    /// What an object stores.
    Shown(Shown),
    /// It is done. Last of all answers but [`Answer::Shown`] and [`Answer::Failed`].
    Done(Done),
    /// All were listed.
    ListEnds,
    /// It is not done.
    Failed(OrderError),
}

/// A part of what is answered.
pub(crate) enum Part<'p> {
    /// An answer.
    Answer(Answer),
    /// A file, and how many bytes it has.
    File(&'p mut dyn Read, u64),
}

/// One object of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed {
    /// Its class.
    pub(crate) class: String,
    /// Its name; none where its file cannot be read.
    pub(crate) name: Option<String>,
    /// Its identity.
    pub(crate) id: String,
    /// Whether it is live.
    pub(crate) live: bool,
    /// What it takes on disk.
    pub(crate) bytes: u64,
    /// When its alarm is due, in milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) alarm_ms: Option<u64>,
    /// What is wrong with its file.
    pub(crate) problem: Option<String>,
}

/// What an object stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shown {
    /// Its identity.
    pub(crate) id: String,
    /// Its class.
    pub(crate) class: String,
    /// Its name.
    pub(crate) name: String,
    /// Whether it is live.
    pub(crate) live: bool,
    /// What it takes on disk.
    pub(crate) bytes: u64,
    /// What is in its file.
    #[serde(flatten)]
    pub(crate) contents: Contents,
}

/// What was done to an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Done {
    /// Its identity.
    pub(crate) id: String,
    /// Its class.
    pub(crate) class: String,
    /// Its name.
    pub(crate) name: String,
    /// Bytes that were exported, imported or deleted.
    pub(crate) bytes: u64,
}

/// Why it is not done. The object is as it was, where nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OrderError {
    /// The host that runs has no such class.
    #[error(
        "the host that runs has no class of objects {class:?}; it was started before the class was \
         in the manifest, start it anew"
    )]
    NoSuchClass {
        /// What was asked for.
        class: String,
    },
    /// Nothing is stored under this name, and nothing is live.
    #[error(
        "class {class} has no object {name:?} that stored anything; `selvedge object list {class}` \
         shows those that did"
    )]
    NoSuchObject {
        /// The class.
        class: String,
        /// What was asked for.
        name: String,
    },
    /// The object is there already.
    #[error(
        "object {name:?} of class {class} is there already; import under another name, or put the \
         file in its place with --replace"
    )]
    Exists {
        /// The class.
        class: String,
        /// The name.
        name: String,
    },
    /// Nothing can have this name.
    #[error("{reason}; choose another name")]
    Invalid {
        /// What is wrong with it.
        reason: String,
    },
    /// What is imported is no export.
    #[error("the file is no export of an object: {reason}; make one with `selvedge object export`")]
    NotAnExport {
        /// What was found.
        reason: String,
    },
    /// What is imported is larger than the class allows.
    #[error(
        "the file has {bytes} bytes, and an object of class {class} may store {bytes_max}; set \
         storage-bytes in [objects.{class}.limits] to more"
    )]
    TooLarge {
        /// The class.
        class: String,
        /// The size found.
        bytes: u64,
        /// The bound.
        bytes_max: u64,
    },
    /// No room is left.
    #[error("no room is left for {path}; free some space on its disk, then try again")]
    DiskFull {
        /// The file.
        path: String,
    },
    /// An object's file is not what was written to it.
    #[error(
        "{path} is damaged ({cause}); put a copy in its place with `selvedge object import \
         --replace`, or save what can be read with `sqlite3 FILE .recover`"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What was found.
        cause: String,
    },
    /// A file cannot be read or written.
    #[error("{path} cannot be used ({cause}); see to it that this user may write there")]
    Storage {
        /// The file.
        path: String,
        /// What the system said.
        cause: String,
    },
    /// The host did not begin with it.
    #[error(
        "the host did not do it: it is stopping, or its disk fails, which its log tells; try again \
         when it has ended"
    )]
    Stopping,
    /// The connection to the host ended.
    #[error(
        "the host stopped in the middle ({cause}); whether it was done is unknown: look with \
         `selvedge object list`, then try again"
    )]
    Lost {
        /// What the system said.
        cause: String,
    },
    /// The host is of another version.
    #[error(
        "the host that runs is of another version than this command; use the one that it was \
         started with, or stop it first"
    )]
    Version,
}

/// Why something was not done to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PerformError {
    /// It cannot be done.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// Nobody listens to the answer, or what was told cannot be written.
    #[error(transparent)]
    Told(std::io::Error),
}

impl OrderError {
    /// What went wrong with a file.
    pub(super) fn of(path: &Path, error: TransferError) -> Self {
        match error {
            TransferError::Sqlite(error) => Self::of_sqlite(path, &error),
            TransferError::Io(error) => Self::of_io(path, &error),
            error => Self::Damaged { path: path.display().to_string(), cause: error.to_string() },
        }
    }

    pub(super) fn of_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase, Unknown};
        let (path, cause) = (path.display().to_string(), error.to_string());
        match error.sqlite_error_code() {
            Some(DiskFull) => Self::DiskFull { path },
            Some(DatabaseCorrupt | NotADatabase | Unknown) | None => Self::Damaged { path, cause },
            Some(_) => Self::Storage { path, cause },
        }
    }

    pub(super) fn of_io(path: &Path, error: &std::io::Error) -> Self {
        let path = path.display().to_string();
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Storage { path, cause: error.to_string() },
        }
    }
}

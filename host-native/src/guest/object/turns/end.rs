//! Why an instance ended, and what its callers are told of it.

use crate::guest::object::own::Shared;
use crate::guest::vitals::Vitals;
use crate::storage::object::ObjectFileError;
use selvedge_contract::failure::Failure;

/// Why an instance ended.
#[derive(Debug)]
pub(in crate::guest::object) enum End {
    /// Nobody called for a while, or the host is stopping.
    Idle,
    /// Its class was replaced; the next instance is of the new one.
    Replaced,
    /// An order asks for it.
    Ordered(&'static str),
    /// The object asked for it.
    Aborted(String),
    /// It trapped, or ran into a limit, or its disk failed: the cause for the log.
    Broken(Option<Failure>, String),
}

impl End {
    /// Why an instance ended with an error.
    pub(in crate::guest::object) fn of_error(
        error: &wasmtime::Error,
        vitals: &Vitals,
        shared: &Shared,
    ) -> Self {
        match shared.kept().aborted.take() {
            Some(reason) => Self::Aborted(reason),
            None => Self::Broken(Some(vitals.cause()), format!("{error:#}")),
        }
    }

    pub(super) fn of_file(error: &ObjectFileError) -> Self {
        Self::Broken(None, error.to_string())
    }

    /// What callers are told. Never what the guest or the disk said.
    pub(in crate::guest::object) fn for_callers(&self) -> String {
        match self {
            Self::Idle => "the object was ended".to_owned(),
            Self::Replaced => "the code of the object was replaced".to_owned(),
            Self::Ordered(reason) => (*reason).to_owned(),
            Self::Aborted(reason) => reason.clone(),
            Self::Broken(Some(Failure::CpuTime), _) => {
                "the object used up its processor time".to_owned()
            }
            Self::Broken(Some(Failure::Memory), _) => {
                "the object ran out of the memory it may use".to_owned()
            }
            Self::Broken(Some(Failure::WallTime), _) => {
                "a call of the object went on for longer than it may".to_owned()
            }
            Self::Broken(Some(_), _) => "the object trapped".to_owned(),
            Self::Broken(None, _) => "the object's storage failed".to_owned(),
        }
    }
}

//! Locks on what a panic cannot leave half done.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits for what is behind a lock. For what is whole between any two of its own calls, so that whoever
/// panicked while he held it has left nothing half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

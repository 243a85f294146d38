//! A storage that fails on command, for tests of what stands above it.

use super::{Batch, Found, KeyRange, Row, Storage, StorageError};
use futures::future::BoxFuture;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// What happens to the next commits, one each.
pub(crate) enum Trouble {
    /// It is refused; nothing is written.
    Refuse,
    /// The disk is full; nothing is written.
    Full,
    /// It is written, and the caller is told that it failed.
    LoseAnswer,
    /// Somebody else's batch is written just before it.
    Outrun(Batch),
    /// It waits until the semaphore has a permit.
    Delay(Arc<Semaphore>),
}

/// A storage in front of another, which it keeps from working.
pub(crate) struct Faulty {
    inner: Arc<dyn Storage>,
    troubles: Mutex<VecDeque<Trouble>>,
    refuses_reads: Mutex<bool>,
}

impl Faulty {
    /// A storage that does what `inner` does, until it is told otherwise.
    pub(crate) fn new(inner: Arc<dyn Storage>) -> Self {
        Self { inner, troubles: Mutex::default(), refuses_reads: Mutex::default() }
    }

    /// Lets `trouble` happen to the next commit that has none yet.
    pub(crate) fn plan(&self, trouble: Trouble) {
        self.troubles.lock().unwrap().push_back(trouble);
    }

    /// Lets reads fail from now on, or succeed again.
    pub(crate) fn refuse_reads(&self, refuse: bool) {
        *self.refuses_reads.lock().unwrap() = refuse;
    }

    fn check_reads(&self) -> Result<(), StorageError> {
        if *self.refuses_reads.lock().unwrap() { Err(unavailable()) } else { Ok(()) }
    }
}

fn unavailable() -> StorageError {
    let cause = Arc::new(std::io::Error::other("on command"));
    StorageError::Unavailable { path: PathBuf::from("faulty"), cause }
}

impl Storage for Faulty {
    fn get(&self, key: &[u8], bytes_max: usize) -> Result<Option<Found>, StorageError> {
        self.check_reads()?;
        self.inner.get(key, bytes_max)
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Row>, StorageError> {
        self.check_reads()?;
        self.inner.scan(range, limit)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StorageError>> {
        let trouble = self.troubles.lock().unwrap().pop_front();
        Box::pin(async move {
            match trouble {
                None => {}
                Some(Trouble::Refuse) => return Err(unavailable()),
                Some(Trouble::Full) => {
                    let cause = Arc::new(std::io::Error::other("on command"));
                    return Err(StorageError::Full { path: PathBuf::from("faulty"), cause });
                }
                Some(Trouble::LoseAnswer) => {
                    self.inner.commit(batch).await?;
                    return Err(unavailable());
                }
                Some(Trouble::Outrun(rival)) => self.inner.commit(rival).await?,
                Some(Trouble::Delay(until)) => until.acquire().await.unwrap().forget(),
            }
            self.inner.commit(batch).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Faulty;
    use crate::storage::sqlite::Sqlite;
    use std::sync::Arc;

    crate::storage::contract::contract_tests!({
        let home = tempfile::tempdir().unwrap();
        let inner = Arc::new(Sqlite::open(&home.path().join("store.sqlite")).unwrap());
        (Faulty::new(inner), home)
    });
}

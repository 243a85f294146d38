//! Sweeping: what has expired is never seen, and after a while it is gone from the disk, too.

use super::error::KeyValueError;
use super::{Header, KeyValue, entry};
use crate::storage::{Batch, Expected, Found, KeyRange, StorageError, Write};
use std::sync::Arc;
use std::time::Duration;

/// How long the sweep rests when nothing has expired. A look costs some microseconds.
const REST: Duration = Duration::from_secs(1);
/// How long it rests between two steps when much has expired: others write, too.
const PAUSE: Duration = Duration::from_millis(10);
/// Most keys that one step removes.
const STEP_KEYS_MAX: usize = 200;

impl KeyValue {
    /// Starts the thread that sweeps. It ends soon after the last owner of `self` is gone.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub(crate) fn start_sweeping(self: &Arc<Self>) -> std::io::Result<()> {
        let weak = Arc::downgrade(self);
        // Nothing but waiting for the writer happens on it, so that it needs no drivers.
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        std::thread::Builder::new().name("sweep".to_owned()).spawn(move || {
            while let Some(stores) = weak.upgrade() {
                let swept = runtime.block_on(stores.sweep_step());
                drop(stores);
                std::thread::sleep(match swept {
                    Ok(STEP_KEYS_MAX) => PAUSE,
                    Ok(_) => REST,
                    Err(error) => {
                        tracing::warn!("expired keys could not be swept: {error}");
                        REST * 10
                    }
                });
            }
        })?;
        Ok(())
    }

    /// Removes up to [`STEP_KEYS_MAX`] keys that have expired; says how many expiries it looked at.
    pub(super) async fn sweep_step(&self) -> Result<usize, KeyValueError> {
        let now = (self.now)().as_secs();
        let range = KeyRange {
            from: entry::expiries_until(0),
            until: Some(entry::expiries_until(now.saturating_add(1))),
        };
        let expiries = self.storage.scan(&range, STEP_KEYS_MAX)?;
        let looked_at = expiries.len();
        // Committed together they cost one wait for the disk; apart, none stops another.
        let steps = expiries.into_iter().map(|(key, _)| self.sweep_key(key));
        for outcome in futures::future::join_all(steps).await {
            outcome?;
        }
        Ok(looked_at)
    }

    /// Removes an expiry, and its entry where it is still the one that expires then.
    async fn sweep_key(&self, expiry_key: Vec<u8>) -> Result<(), KeyValueError> {
        let mut batch = Batch::default();
        if let Some((at, entry_key)) = entry::parse_expiry_key(&expiry_key)
            && let Some(Found::Whole(bytes) | Found::Beginning(bytes)) =
                self.storage.get(&entry_key, 0)?
            && let Ok((header, header_bytes)) = Header::parse(&bytes)
            && header.expires_at == Some(at)
        {
            // Whoever sets the key meanwhile gives it a later expiry, or none: a header unlike this.
            let beginning = bytes.get(..header_bytes).unwrap_or_default().to_vec();
            batch.expectations.push((entry_key.clone(), Expected::Beginning(beginning)));
            batch.writes.push(Write::Delete(entry_key));
        }
        batch.writes.push(Write::Delete(expiry_key));
        match self.storage.commit(batch).await {
            // The key was set anew; the next step removes the old expiry alone.
            Ok(()) | Err(StorageError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

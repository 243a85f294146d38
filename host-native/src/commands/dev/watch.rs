//! Hears of changes in folders, not of what is in them further down: those who need that name each.

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Notify;

/// How often to look where the system tells nothing.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Some folders that are watched.
pub(super) struct Watch {
    heard: Arc<Notify>,
    /// None where the system cannot tell of changes.
    watcher: Option<RecommendedWatcher>,
}

impl Watch {
    /// Watches folders. Where the system does not tell of changes (it has a bound on how many folders
    /// are watched, and some file systems tell nothing), there is something to look at twice a second.
    pub(super) fn of(folders: &BTreeSet<PathBuf>) -> Self {
        let heard = Arc::new(Notify::new());
        let watcher = Self::watcher(folders, &heard);
        let watcher = watcher.inspect_err(|error| {
            static TOLD: AtomicBool = AtomicBool::new(false);
            if !TOLD.swap(true, Relaxed) {
                tracing::warn!(cause = %error, "the system does not tell of changes; files are looked at twice a second");
            }
        });
        Self { heard, watcher: watcher.ok() }
    }

    fn watcher(
        folders: &BTreeSet<PathBuf>,
        heard: &Arc<Notify>,
    ) -> notify::Result<RecommendedWatcher> {
        let heard = Arc::clone(heard);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // Where events were lost, there may be something.
            if event.map_or(true, |event| is_change(&event.kind)) {
                heard.notify_one();
            }
        })?;
        for folder in folders {
            // One that is gone shows in the folder above.
            if folder.is_dir() {
                watcher.watch(folder, RecursiveMode::NonRecursive)?;
            }
        }
        Ok(watcher)
    }

    /// Waits until something may have changed.
    pub(super) async fn changed(&mut self) {
        match &self.watcher {
            Some(_) => self.heard.notified().await,
            None => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// Reading, which the looks at the files do themselves, is none.
fn is_change(kind: &EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write))
}

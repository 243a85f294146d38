//! The journal: what the logs of many objects were given, once more in one file, so that one sync
//! makes all of it durable.
//!
//! An object's turn lies in its own log (SQLite's), unsynced. Its bytes go into the journal, too, and
//! the journal is synced: for every object that waits, at once. When the power fails, [`replay`]
//! writes them into the logs again. A segment of the journal is used anew when all logs that it
//! speaks of were synced themselves; that happens beside the work, while the other segment fills.
//!
//! Whatever is in a log and was told to anybody is also in the journal, or synced: from a log's
//! beginning on, in order. So a log that was written again is what it was, or is behind its file, and
//! SQLite reads the same from both.

mod record;
mod relay;
mod replay;

pub(crate) use self::record::Change;
pub(crate) use self::relay::run as run_relay;

use self::relay::Address;
use crate::storage::object::sync_data;
use futures::channel::oneshot;
use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Bytes after which the other segment is used.
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes that are written and synced at once.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Threads that sync logs beside the work.
const SYNCERS: usize = 8;

/// Why something is not in the journal: what the disk said to all who waited.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the journal of objects cannot be written: {0}")]
pub(crate) struct JournalError(Arc<str>);

/// The journal.
#[derive(Debug)]
pub(crate) struct Journal {
    jobs: Mutex<Option<Sender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// The logs that lack what the journal held after a crash.
    left: HashSet<Arc<str>>,
}

struct Job {
    change: Change,
    address: Address,
}

impl Journal {
    /// Opens the journal in the folder of the objects: what it holds is written into the logs again.
    ///
    /// # Errors
    /// Where it cannot be read, or nothing can be written.
    pub(crate) fn open(folder: &Path) -> std::io::Result<Self> {
        let left = replay::replay(folder)?;
        let (jobs, waiting) = channel();
        let writer = Writer::new(folder);
        let writer = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(&waiting))?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), writer: Mutex::new(Some(writer)), left })
    }

    /// The logs that could not be written after a crash: they are behind what was told, and their
    /// objects must neither be opened nor replaced.
    pub(crate) fn left(&self) -> &HashSet<Arc<str>> {
        &self.left
    }

    /// Writes a change; the answer comes when it is on disk.
    pub(crate) fn write(&self, change: Change) -> oneshot::Receiver<Result<(), JournalError>> {
        let (done, answer) = oneshot::channel();
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = &*jobs {
            // Where the thread has ended, the address is dropped, and the answer says so.
            let _ = jobs.send(Job { change, address: Address::of(done) });
        }
        answer
    }

    /// Ends the journal: all logs are synced, and it is removed. Blocks.
    pub(crate) fn close(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the journal of objects was not closed well");
        }
    }
}

/// The logs of a segment, and the thread that syncs them, where one could be started.
type Retiring = (Arc<HashSet<Arc<str>>>, Option<JoinHandle<std::io::Result<()>>>);

/// The thread that writes.
struct Writer {
    folder: PathBuf,
    /// Counts the segments that were begun; its lowest bit says in which file.
    segment: u64,
    file: Option<fs::File>,
    bytes: u64,
    /// The checksum of the last record.
    link: u32,
    /// The logs that the current segment speaks of.
    logs: HashSet<Arc<str>>,
    /// The other segment's logs, while they are synced.
    retiring: Option<Retiring>,
}

impl Writer {
    fn new(folder: &Path) -> Self {
        let folder = folder.to_owned();
        let logs = HashSet::new();
        Self { folder, segment: 1, file: None, bytes: 0, link: 0, logs, retiring: None }
    }

    fn run(mut self, waiting: &Receiver<Job>) {
        let mut buffer = Vec::new();
        while let Ok(first) = waiting.recv() {
            buffer.clear();
            let mut addresses = Vec::new();
            let (mut next, mut link) = (Some(first), self.link);
            while let Some(Job { change, address }) = next {
                link = change.encode(self.segment, link, &mut buffer);
                self.logs.insert(change.log);
                addresses.push(address);
                next = if buffer.len() < BATCH_BYTES { waiting.try_recv().ok() } else { None };
            }
            let written = self.write(&buffer);
            let written = written.map_err(|error| JournalError(error.to_string().into()));
            match &written {
                Ok(()) => self.link = link,
                Err(error) => tracing::error!(cause = %error, "turns of objects are not durable"),
            }
            relay::tell(addresses, &written);
            if self.bytes > SEGMENT_BYTES {
                self.switch();
            }
        }
        if let Err(error) = self.finish() {
            tracing::error!(cause = %error, "the journal of objects cannot be removed");
        }
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let file = match &self.file {
            Some(file) => file,
            None => {
                let path = record::segment_path(&self.folder, self.segment);
                let is_new = !path.exists();
                let mut options = fs::OpenOptions::new();
                let file = options.write(true).create(true).truncate(false).open(path)?;
                if is_new {
                    fs::File::open(&self.folder)?.sync_all()?;
                }
                self.file.insert(file)
            }
        };
        let at = self.bytes;
        // What was written and not synced is not counted: it is written over.
        file.write_all_at(bytes, at)?;
        sync_data(file)?;
        self.bytes = at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Goes on in the other segment, if its logs are synced by now; else this one grows on.
    fn switch(&mut self) {
        if let Some((logs, retiring)) = self.retiring.take() {
            if retiring.as_ref().is_some_and(|retiring| !retiring.is_finished()) {
                self.retiring = Some((logs, retiring));
                return;
            }
            if !matches!(retiring.map(JoinHandle::join), Some(Ok(Ok(())))) {
                // Its records are needed still. The next look tries once more.
                tracing::error!("logs of objects cannot be synced");
                self.retire(logs);
                return;
            }
        }
        let logs = std::mem::take(&mut self.logs);
        self.retire(Arc::new(logs));
        self.segment += 1;
        self.bytes = 0;
        self.link = 0;
        self.file = None;
    }

    /// Begins to sync the logs of a segment.
    fn retire(&mut self, logs: Arc<HashSet<Arc<str>>>) {
        let (folder, mine) = (self.folder.clone(), Arc::clone(&logs));
        let sync = move || sync_logs(&folder, &mine);
        let thread = std::thread::Builder::new().name("journal-retire".to_owned()).spawn(sync);
        self.retiring = Some((logs, thread.ok()));
    }

    fn finish(&mut self) -> std::io::Result<()> {
        if let Some((logs, retiring)) = self.retiring.take()
            && !matches!(retiring.map(JoinHandle::join), Some(Ok(Ok(()))))
        {
            sync_logs(&self.folder, &logs)?;
        }
        sync_logs(&self.folder, &self.logs)?;
        record::remove_segments(&self.folder)
    }
}

/// Syncs the logs that are still there: whoever closed an object has synced its file.
fn sync_logs(folder: &Path, logs: &HashSet<Arc<str>>) -> std::io::Result<()> {
    let logs: Vec<&Arc<str>> = logs.iter().collect();
    let part = logs.len().div_ceil(SYNCERS).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = logs
            .chunks(part)
            .map(|logs| {
                scope.spawn(move || -> std::io::Result<()> {
                    for log in logs {
                        match fs::File::open(folder.join(&***log)) {
                            Ok(log) => log.sync_data()?,
                            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                            Err(error) => return Err(error),
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(std::io::Error::other("a thread panicked")))
        })
    })
}

#[cfg(test)]
mod tests;

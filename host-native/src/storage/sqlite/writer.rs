//! The thread that writes: whatever is queued becomes one transaction, and is answered after it.
//!
//! A commit costs an `fsync`, however much is in it; with many callers a group shares that cost.

use super::error::StoreFile;
use super::{get, split};
use crate::storage::{Batch, Expected, Found, StorageError, Write};
use rusqlite::{Connection, params};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Most bytes of batches that wait or are being written, in KiB; more callers wait before they
/// queue. Ours: two of the largest values, and thousands of small ones.
const QUEUE_KIB_MAX: u32 = 64 * 1024;
/// Most batches in one transaction. Ours: beyond this the `fsync` is below a tenth of the cost.
const GROUP_BATCHES_MAX: usize = 512;
/// Bytes after which a transaction takes no more batches. Ours: bounds how long the first waits.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Changes a row where it is: `REPLACE` would write a new one, and the index with it.
const PUT: &str = "INSERT INTO entry (key, beginning, rest) VALUES (?1, ?2, ?3)
    ON CONFLICT (key) DO UPDATE SET beginning = excluded.beginning, rest = excluded.rest";
const DELETE: &str = "DELETE FROM entry WHERE key = ?1";

/// The thread that writes, and its queue.
pub(super) struct Writer {
    file: StoreFile,
    room: Arc<Semaphore>,
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// A batch, and who waits for it.
struct Job {
    batch: Batch,
    answer: oneshot::Sender<Result<(), StorageError>>,
    /// Gives the room in the queue back when the job is done.
    _room: OwnedSemaphorePermit,
}

impl Writer {
    /// Starts the thread, which writes with `connection`.
    pub(super) fn start(file: StoreFile, connection: Connection) -> Result<Self, StorageError> {
        let (jobs, queue) = channel();
        let thread_file = file.clone();
        let thread = std::thread::Builder::new()
            .name("storage".to_owned())
            .spawn(move || write_until_closed(&thread_file, &connection, &queue))
            .map_err(|_| file.unavailable("no thread can be started"))?;
        let room = Arc::new(Semaphore::new(usize::try_from(QUEUE_KIB_MAX).unwrap_or(usize::MAX)));
        Ok(Self { file, room, jobs: Some(jobs), thread: Some(thread) })
    }

    /// See [`crate::storage::Storage::commit`].
    pub(super) async fn commit(&self, batch: Batch) -> Result<(), StorageError> {
        let kib = u32::try_from(batch.bytes() / 1024).unwrap_or(u32::MAX);
        // A batch that is larger than the whole queue waits until the queue is empty.
        let kib = kib.saturating_add(1).min(QUEUE_KIB_MAX);
        let stopped = || self.file.unavailable("the thread that writes has stopped");
        let room = Arc::clone(&self.room).acquire_many_owned(kib).await.map_err(|_| stopped())?;
        let (answer, answered) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(Job { batch, answer, _room: room }).map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    /// Waits until what is queued is written.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It ended by a panic or not: either way, nothing is left to wait for.
            let _ = thread.join();
        }
    }
}

fn write_until_closed(file: &StoreFile, connection: &Connection, queue: &Receiver<Job>) {
    let opened = identity(file);
    while let Ok(first) = queue.recv() {
        let mut bytes = first.batch.bytes();
        let mut group = vec![first];
        while group.len() < GROUP_BATCHES_MAX && bytes < GROUP_BYTES_MAX {
            let Ok(next) = queue.try_recv() else { break };
            bytes = bytes.saturating_add(next.batch.bytes());
            group.push(next);
        }
        // Written to a file that has no name any more, they would be gone with this process.
        if identity(file) == opened {
            write_group(file, connection, group);
        } else {
            refuse_group(file, group);
        }
    }
}

/// What tells a file from another of its name; none where there is none, or no way to tell.
fn identity(file: &StoreFile) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = std::fs::metadata(file.path()).ok()?;
        Some((metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        None
    }
}

fn refuse_group(file: &StoreFile, group: Vec<Job>) {
    for job in group {
        let error = file.unavailable("it was removed or replaced while it was open; start again");
        // Who no longer waits needs no answer.
        let _ = job.answer.send(Err(error));
    }
}

/// Writes a group, and answers each who waits for a part of it.
fn write_group(file: &StoreFile, connection: &Connection, group: Vec<Job>) {
    let batches: Vec<&Batch> = group.iter().map(|job| &job.batch).collect();
    let outcomes = match write(connection, &batches) {
        Ok(kept) => kept
            .into_iter()
            .map(|kept| if kept { Ok(()) } else { Err(StorageError::Conflict) })
            .collect(),
        Err(error) => match file.error(error) {
            // Where the whole group does not fit, some of it may.
            StorageError::Full { .. } if batches.len() > 1 => {
                batches.iter().map(|batch| write_alone(file, connection, batch)).collect()
            }
            error => vec![Err(error); group.len()],
        },
    };
    for (job, outcome) in group.into_iter().zip(outcomes) {
        // Who no longer waits needs no answer.
        let _ = job.answer.send(outcome);
    }
}

fn write_alone(
    file: &StoreFile,
    connection: &Connection,
    batch: &Batch,
) -> Result<(), StorageError> {
    match write(connection, &[batch]) {
        Ok(kept) if kept.contains(&false) => Err(StorageError::Conflict),
        Ok(_) => Ok(()),
        Err(error) => Err(file.error(error)),
    }
}

/// Writes batches in one transaction; says of each whether what it expected held.
fn write(connection: &Connection, batches: &[&Batch]) -> rusqlite::Result<Vec<bool>> {
    let outcome = write_in_transaction(connection, batches);
    if outcome.is_err() && !connection.is_autocommit() {
        // Where this fails, too, the next transaction cannot begin, and says so.
        let _ = connection.execute_batch("ROLLBACK");
    }
    outcome
}

fn write_in_transaction(
    connection: &Connection,
    batches: &[&Batch],
) -> rusqlite::Result<Vec<bool>> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut kept = Vec::with_capacity(batches.len());
    for batch in batches {
        let holds = holds(connection, batch)?;
        if holds {
            apply(connection, batch)?;
        }
        kept.push(holds);
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(kept)
}

fn apply(connection: &Connection, batch: &Batch) -> rusqlite::Result<()> {
    for write in &batch.writes {
        match write {
            Write::Put(key, value) => {
                let (beginning, rest) = split(value);
                connection.prepare_cached(PUT)?.execute(params![key, beginning, rest])?;
            }
            Write::Delete(key) => {
                connection.prepare_cached(DELETE)?.execute(params![key])?;
            }
        }
    }
    Ok(())
}

fn holds(connection: &Connection, batch: &Batch) -> rusqlite::Result<bool> {
    for (key, expected) in &batch.expectations {
        let holds = match (expected, get(connection, key, bytes_needed(expected))?) {
            (Expected::Absent, found) => found.is_none(),
            (Expected::Whole(value), Some(Found::Whole(found))) => *value == found,
            (Expected::Beginning(start), Some(Found::Whole(found) | Found::Beginning(found))) => {
                found.starts_with(start)
            }
            _ => false,
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How much of a value must be read to compare it.
fn bytes_needed(expected: &Expected) -> usize {
    match expected {
        Expected::Whole(value) => value.len(),
        Expected::Absent | Expected::Beginning(_) => 0,
    }
}

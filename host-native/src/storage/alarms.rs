//! When which object has to be woken: an index beside the objects' files, so that nobody has to open
//! them to know.
//!
//! The truth is in each object's file. The index holds, for each object with an alarm, a time at or
//! before it; an entry that is too early, or of an object without an alarm, only wakes it for
//! nothing. So an entry is written, and on disk, before the turn that sets the alarm is committed,
//! and removed after the turn that took it back.

use crate::locked::lock;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::path::Path;
use std::sync::Mutex;

/// The index.
pub(crate) struct AlarmIndex {
    /// Changes that nobody has written yet, and the number of the last one.
    waiting: Mutex<(Vec<Change>, u64)>,
    written: Mutex<Written>,
}

struct Written {
    connection: Connection,
    /// Every change up to this number was written.
    up_to: u64,
}

/// An entry: wake this object at this time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Wake {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) at_ms: u64,
    /// The object's class.
    pub(crate) class: String,
    /// The object's name.
    pub(crate) name: String,
}

/// A change of the index.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Adds an entry; one that is there already stays.
    Add(Wake),
    /// Removes an entry.
    Remove(Wake),
    /// Removes every entry of an object, which is deleted.
    Forget {
        /// The object's class.
        class: String,
        /// The object's name.
        name: String,
    },
}

impl AlarmIndex {
    /// Opens the index in the folder of the objects.
    ///
    /// # Errors
    /// Where the file cannot be made, read or written.
    pub(crate) fn open(folder: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(folder.join("alarms.sqlite"))?;
        connection.execute_batch(
            "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
             CREATE TABLE IF NOT EXISTS wake(
                 at_ms INTEGER NOT NULL, class TEXT NOT NULL, name TEXT NOT NULL,
                 PRIMARY KEY (at_ms, class, name)) WITHOUT ROWID;
             CREATE INDEX IF NOT EXISTS wake_of_class ON wake(class, at_ms);",
        )?;
        Ok(Self {
            waiting: Mutex::default(),
            written: Mutex::new(Written { connection, up_to: 0 }),
        })
    }

    /// Makes changes, together with those of others that wait; they are on disk when this returns.
    /// Blocks.
    ///
    /// # Errors
    /// Where the disk fails: nothing was changed.
    pub(crate) fn change(&self, changes: impl IntoIterator<Item = Change>) -> rusqlite::Result<()> {
        let number = {
            let mut waiting = lock(&self.waiting);
            waiting.0.extend(changes);
            waiting.1 += 1;
            waiting.1
        };
        let mut written = lock(&self.written);
        if written.up_to >= number {
            return Ok(());
        }
        let (changes, number) = {
            let mut waiting = lock(&self.waiting);
            (std::mem::take(&mut waiting.0), waiting.1)
        };
        let outcome = write(&mut written.connection, &changes);
        match outcome {
            Ok(()) => written.up_to = number,
            // Whoever comes next tries again, for those who wait, too.
            Err(_) => {
                let mut waiting = lock(&self.waiting);
                waiting.0.splice(0..0, changes);
            }
        }
        outcome
    }

    /// The classes that have entries.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(crate) fn classes(&self) -> rusqlite::Result<Vec<String>> {
        let written = lock(&self.written);
        let mut classes = written.connection.prepare("SELECT DISTINCT class FROM wake")?;
        classes.query_map([], |row| row.get(0))?.collect()
    }

    /// The entries of a class whose time has come, at most `limit`, the earliest first.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(crate) fn due(&self, class: &str, now_ms: u64, limit: u32) -> rusqlite::Result<Vec<Wake>> {
        let written = lock(&self.written);
        let mut due = written.connection.prepare_cached(
            "SELECT at_ms, class, name FROM wake WHERE class = ?1 AND at_ms <= ?2
             ORDER BY at_ms LIMIT ?3",
        )?;
        let now = i64::try_from(now_ms).unwrap_or(i64::MAX);
        let rows = due.query_map(params![class, now, limit], |row| {
            let at_ms: i64 = row.get(0)?;
            let at_ms = u64::try_from(at_ms).unwrap_or_default();
            Ok(Wake { at_ms, class: row.get(1)?, name: row.get(2)? })
        })?;
        rows.collect()
    }

    /// The time of the earliest entry after `after_ms`.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(crate) fn next(&self, after_ms: u64) -> rusqlite::Result<Option<u64>> {
        let written = lock(&self.written);
        let mut next =
            written.connection.prepare_cached("SELECT min(at_ms) FROM wake WHERE at_ms > ?1")?;
        let after = i64::try_from(after_ms).unwrap_or(i64::MAX);
        let at: Option<Option<i64>> = next.query_row([after], |row| row.get(0)).optional()?;
        Ok(at.flatten().and_then(|at| u64::try_from(at).ok()))
    }
}

fn write(connection: &mut Connection, changes: &[Change]) -> rusqlite::Result<()> {
    let turn = connection.transaction()?;
    for change in changes {
        let (statement, Wake { at_ms, class, name }) = match change {
            Change::Add(wake) => ("INSERT OR IGNORE INTO wake VALUES (?1, ?2, ?3)", wake),
            Change::Remove(wake) => {
                ("DELETE FROM wake WHERE at_ms = ?1 AND class = ?2 AND name = ?3", wake)
            }
            Change::Forget { class, name } => {
                let forget = "DELETE FROM wake WHERE class = ?1 AND name = ?2";
                turn.prepare_cached(forget)?.execute([class, name])?;
                continue;
            }
        };
        let at_ms = i64::try_from(*at_ms).unwrap_or(i64::MAX);
        turn.prepare_cached(statement)?.execute(params![at_ms, class, name])?;
    }
    turn.commit()
}

#[cfg(test)]
mod tests {
    use super::{AlarmIndex, Change, Wake};

    fn wake(at_ms: u64, name: &str) -> Wake {
        Wake { at_ms, class: "c".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn what_is_due_is_found_in_order_and_survives_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let index = AlarmIndex::open(folder.path()).unwrap();
        let adds = [wake(30, "b"), wake(10, "a"), wake(20, "a")].map(Change::Add);
        index.change(adds).unwrap();
        index.change([Change::Remove(wake(20, "a"))]).unwrap();
        drop(index);
        let index = AlarmIndex::open(folder.path()).unwrap();
        assert_eq!(index.due("c", 30, 9).unwrap(), [wake(10, "a"), wake(30, "b")]);
        assert_eq!(index.due("c", 29, 9).unwrap(), [wake(10, "a")]);
        assert_eq!(index.next(10).unwrap(), Some(30));
        assert_eq!(index.next(30).unwrap(), None);
    }

    #[test]
    fn a_deleted_object_is_woken_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let index = AlarmIndex::open(folder.path()).unwrap();
        index.change([wake(10, "a"), wake(20, "a"), wake(30, "b")].map(Change::Add)).unwrap();
        index.change([Change::Forget { class: "c".to_owned(), name: "a".to_owned() }]).unwrap();
        assert_eq!(index.due("c", 99, 99).unwrap(), [wake(30, "b")]);
    }

    #[test]
    fn entries_of_one_class_do_not_hide_those_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let index = AlarmIndex::open(folder.path()).unwrap();
        let other = Wake { at_ms: 20, class: "d".to_owned(), name: "a".to_owned() };
        index.change((0..9).map(|at| Change::Add(wake(at, "a")))).unwrap();
        index.change([Change::Add(other.clone())]).unwrap();
        assert_eq!(index.due("d", 99, 1).unwrap(), [other]);
        assert_eq!(index.due("c", 99, 3).unwrap().len(), 3);
        assert_eq!(index.classes().unwrap(), ["c", "d"]);
    }

    #[test]
    fn changes_of_many_at_once_are_all_there() {
        let folder = tempfile::tempdir().unwrap();
        let index = AlarmIndex::open(folder.path()).unwrap();
        std::thread::scope(|scope| {
            for at in 0..16 {
                let index = &index;
                scope.spawn(move || index.change([Change::Add(wake(at, "a"))]).unwrap());
            }
        });
        assert_eq!(index.due("c", 99, 99).unwrap().len(), 16);
    }
}

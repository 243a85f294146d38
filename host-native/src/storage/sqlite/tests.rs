//! The contract on SQLite, and what only a file on a disk can suffer.

use super::Sqlite;
use crate::storage::{Batch, Expected, Found, KeyRange, Storage, StorageError, Write};
use futures::future::join_all;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

crate::storage::contract::contract_tests!(open());

fn open() -> (Sqlite, TempDir) {
    let home = tempfile::tempdir().unwrap();
    (Sqlite::open(&file(&home)).unwrap(), home)
}

fn file(home: &TempDir) -> PathBuf {
    home.path().join("store.sqlite")
}

fn put(key: &str, value: &[u8]) -> Batch {
    let writes = vec![Write::Put(key.as_bytes().to_vec(), value.to_vec())];
    Batch { writes, ..Batch::default() }
}

fn get(storage: &Sqlite, key: &str) -> Option<Vec<u8>> {
    storage.get(key.as_bytes(), usize::MAX).unwrap().map(|found| match found {
        Found::Whole(value) | Found::Beginning(value) => value,
    })
}

/// A closed file with a thousand entries in it.
async fn filled() -> (PathBuf, TempDir) {
    let (storage, home) = open();
    let commits = (0..1000).map(|number| storage.commit(put(&format!("key-{number}"), &[7; 300])));
    for outcome in join_all(commits).await {
        outcome.unwrap();
    }
    drop(storage);
    (file(&home), home)
}

fn overwrite(path: &Path, offset: u64, bytes: &[u8]) {
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(bytes).unwrap();
}

fn is_damage(error: &StorageError, path: &Path) -> bool {
    matches!(error, StorageError::Damaged { path: named, .. } if named == path)
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let (path, _home) = filled().await;
    let storage = Sqlite::open(&path).unwrap();
    assert_eq!(storage.scan(&KeyRange::prefix(b"key-"), 9999).unwrap().len(), 1000);
}

#[tokio::test]
async fn two_that_opened_one_file_see_each_others_writes() {
    let (one, home) = open();
    let other = Sqlite::open(&file(&home)).unwrap();
    let writers = (0..200).map(|number| {
        let storage = if number % 2 == 0 { &one } else { &other };
        storage.commit(put(&number.to_string(), b"x"))
    });
    for outcome in join_all(writers).await {
        outcome.unwrap();
    }
    for number in 0..200 {
        assert_eq!(get(&one, &number.to_string()), Some(b"x".to_vec()));
        assert_eq!(get(&other, &number.to_string()), Some(b"x".to_vec()));
    }
    let expected = vec![(b"0".to_vec(), Expected::Absent)];
    let outcome = other.commit(Batch { expectations: expected, writes: Vec::new() }).await;
    assert!(matches!(outcome, Err(StorageError::Conflict)), "{outcome:?}");
}

#[tokio::test]
async fn file_that_is_no_database_is_refused_by_name() {
    let (path, _home) = filled().await;
    overwrite(&path, 0, b"this is not a database, whatever its name says");
    let error = Sqlite::open(&path).err().unwrap();
    assert!(is_damage(&error, &path), "{error:?}");
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn truncated_file_is_refused_by_name() {
    let (path, _home) = filled().await;
    let bytes = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes / 2).unwrap();
    let storage = Sqlite::open(&path);
    // The cut shows at once, or at the first read of what was cut off; it is never read as nothing.
    let error = match storage {
        Err(error) => error,
        Ok(storage) => storage.scan(&KeyRange::prefix(b""), 9999).err().unwrap(),
    };
    assert!(is_damage(&error, &path), "{error:?}");
}

#[tokio::test]
async fn damage_within_fails_the_read_and_not_the_process() {
    let (path, _home) = filled().await;
    // Everything behind the first two pages: the schema and the root survive, the leaves do not.
    let bytes = std::fs::metadata(&path).unwrap().len();
    overwrite(&path, 8192, &vec![0xA5; usize::try_from(bytes).unwrap() - 8192]);
    let error = match Sqlite::open(&path) {
        Err(error) => error,
        Ok(storage) => storage.get(b"key-7", usize::MAX).err().unwrap(),
    };
    assert!(is_damage(&error, &path), "{error:?}");
}

#[test]
fn file_of_another_program_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(file(&home)).unwrap();
    connection.execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)").unwrap();
    drop(connection);
    let before = std::fs::read(file(&home)).unwrap();
    let error = Sqlite::open(&file(&home)).err().unwrap();
    assert!(matches!(error, StorageError::Foreign { .. }), "{error:?}");
    assert_eq!(std::fs::read(file(&home)).unwrap(), before);
}

#[test]
fn file_of_a_newer_layout_is_refused() {
    let (storage, home) = open();
    drop(storage);
    let connection = rusqlite::Connection::open(file(&home)).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    drop(connection);
    let error = Sqlite::open(&file(&home)).err().unwrap();
    assert!(matches!(error, StorageError::Foreign { .. }), "{error:?}");
}

#[test]
fn folder_that_cannot_be_made_or_written_is_named() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("file"), b"").unwrap();
    let below_a_file = home.path().join("file/data/store.sqlite");
    // Nobody, not even root, makes a file or a folder in /proc.
    for path in [below_a_file, "/proc/store.sqlite".into(), "/proc/data/store.sqlite".into()] {
        let error = Sqlite::open(&path).err().unwrap();
        let StorageError::NotWritable { path: named, .. } = &error else { panic!("{error:?}") };
        assert!(path.starts_with(named), "{error}");
    }
}

#[tokio::test]
async fn full_disk_refuses_a_write_and_keeps_the_others() {
    let home = tempfile::tempdir().unwrap();
    let storage = Sqlite::open_bounded(&file(&home), Some(64)).unwrap();
    storage.commit(put("before", b"kept")).await.unwrap();
    // Queued together, so that the large one and small ones share a transaction.
    let large = vec![1; 1 << 20];
    let mut commits = vec![storage.commit(put("first", b"kept"))];
    commits.push(storage.commit(put("large", &large)));
    commits.extend((0..9).map(|_| storage.commit(put("small", b"kept"))));
    let outcomes = join_all(commits).await;
    assert!(matches!(outcomes[1], Err(StorageError::Full { .. })), "{:?}", outcomes[1]);
    for (index, outcome) in outcomes.iter().enumerate().filter(|(index, _)| *index != 1) {
        assert!(outcome.is_ok(), "{index}: {outcome:?}");
    }
    for key in ["before", "first", "small"] {
        assert_eq!(get(&storage, key), Some(b"kept".to_vec()), "{key}");
    }
    assert_eq!(get(&storage, "large"), None);
}

#[tokio::test]
async fn file_removed_meanwhile_takes_no_more_writes() {
    let (storage, home) = open();
    storage.commit(put("before", b"1")).await.unwrap();
    std::fs::remove_file(file(&home)).unwrap();
    let outcome = storage.commit(put("after", b"1")).await;
    assert!(matches!(outcome, Err(StorageError::Unavailable { .. })), "{outcome:?}");
}

#[tokio::test]
async fn write_waits_for_another_process_that_writes() {
    let (storage, home) = open();
    let other = rusqlite::Connection::open(file(&home)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let batch = put("k", b"1");
    let mut commit = storage.commit(batch);
    assert!(futures::poll!(&mut commit).is_pending());
    assert_eq!(get(&storage, "k"), None, "reads do not wait");
    other.execute_batch("ROLLBACK").unwrap();
    commit.await.unwrap();
    assert_eq!(get(&storage, "k"), Some(b"1".to_vec()));
}

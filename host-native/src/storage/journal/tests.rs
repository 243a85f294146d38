use super::record::{Change, segment_path};
use super::{Journal, SEGMENT_BYTES};
use std::fs;
use std::path::Path;
use std::sync::Arc;

fn change(log: &str, offset: u64, bytes: &[u8]) -> Change {
    Change { log: Arc::from(log), offset: Some(offset), bytes: bytes.to_vec() }
}

fn write(journal: &Journal, change: Change) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(journal.write(change)).unwrap().unwrap();
}

/// A folder with two objects' files.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "").unwrap();
    fs::write(folder.path().join("b"), "").unwrap();
    folder
}

/// The process is killed: whatever it had not closed stays as it is.
fn kill(journal: Journal) {
    std::mem::forget(journal);
}

fn log(folder: &Path, name: &str) -> Option<String> {
    fs::read(folder.join(name)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[test]
fn what_was_answered_is_written_into_the_logs_again() {
    let folder = folder();
    let journal = Journal::open(folder.path()).unwrap();
    write(&journal, change("a-wal", 0, b"hello"));
    write(&journal, change("b-wal", 0, b"other"));
    write(&journal, change("a-wal", 5, b" world"));
    write(&journal, change("a-wal", 0, b"J"));
    kill(journal);
    Journal::open(folder.path()).unwrap().close();
    assert_eq!(log(folder.path(), "a-wal").unwrap(), "Jello world");
    assert_eq!(log(folder.path(), "b-wal").unwrap(), "other");
}

#[test]
fn removed_objects_and_forgotten_logs_do_not_come_back() {
    let folder = folder();
    let journal = Journal::open(folder.path()).unwrap();
    write(&journal, change("gone-wal", 0, b"gone"));
    write(&journal, change("a-wal", 0, b"before"));
    write(&journal, Change::forget(Arc::from("a-wal")));
    write(&journal, change("a-wal", 0, b"new"));
    kill(journal);
    Journal::open(folder.path()).unwrap().close();
    assert_eq!(log(folder.path(), "gone-wal"), None);
    assert_eq!(log(folder.path(), "a-wal").unwrap(), "new");
}

#[test]
fn a_record_that_is_not_whole_ends_the_journal() {
    let folder = folder();
    let journal = Journal::open(folder.path()).unwrap();
    write(&journal, change("a-wal", 0, b"whole"));
    write(&journal, change("b-wal", 0, b"torn"));
    kill(journal);
    let path = segment_path(folder.path(), 1);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    Journal::open(folder.path()).unwrap().close();
    assert_eq!(log(folder.path(), "a-wal").unwrap(), "whole");
    assert_eq!(log(folder.path(), "b-wal"), None);
}

#[test]
fn segments_take_turns_and_the_order_stays() {
    let folder = folder();
    let journal = Journal::open(folder.path()).unwrap();
    let piece = 1024 * 1024;
    let pieces = 3 * usize::try_from(SEGMENT_BYTES).unwrap() / piece;
    for index in 0..pieces {
        let byte = u8::try_from(index).unwrap();
        write(&journal, change("a-wal", 0, &vec![byte; piece]));
    }
    let bytes =
        [0, 1].map(|segment| fs::metadata(segment_path(folder.path(), segment)).unwrap().len());
    assert!(bytes.iter().all(|bytes| *bytes < 3 * SEGMENT_BYTES), "{bytes:?}");
    kill(journal);
    Journal::open(folder.path()).unwrap().close();
    let last = u8::try_from(pieces - 1).unwrap();
    assert_eq!(fs::read(folder.path().join("a-wal")).unwrap(), vec![last; piece]);
}

#[test]
fn a_journal_that_was_closed_leaves_nothing() {
    let folder = folder();
    let journal = Journal::open(folder.path()).unwrap();
    write(&journal, change("a-wal", 0, b"hello"));
    journal.close();
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn a_thread_with_a_relay_is_told_of_each_change() {
    let folder = folder();
    let journal = Journal::open(folder.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answers = runtime.block_on(async {
        let writes = async {
            let write = |index| journal.write(change("a-wal", index, b"x"));
            futures::future::join_all((0..100).map(write)).await
        };
        tokio::select! {
            biased;
            () = super::run_relay() => unreachable!("a relay does not end"),
            answers = writes => answers,
        }
    });
    assert!(answers.len() == 100 && answers.iter().all(|answer| matches!(answer, Ok(Ok(())))));
    kill(journal);
    Journal::open(folder.path()).unwrap().close();
    assert_eq!(log(folder.path(), "a-wal").unwrap(), "x".repeat(100));
}

#[test]
fn log_that_cannot_be_written_holds_no_other_up_and_is_written_later() {
    let folder = folder();
    let journal = Journal::open(folder.path()).unwrap();
    write(&journal, change("a-wal", 0, b"told of a"));
    write(&journal, change("b-wal", 0, b"told of b"));
    kill(journal);
    fs::create_dir(folder.path().join("a-wal")).unwrap();
    for round in 0..2 {
        let journal = Journal::open(folder.path()).unwrap();
        assert_eq!(journal.left().iter().map(|log| &**log).collect::<Vec<_>>(), ["a-wal"]);
        assert_eq!(log(folder.path(), "b-wal").unwrap(), "told of b");
        write(&journal, change("b-wal", 0, b"later of b"));
        journal.close();
        assert_eq!(log(folder.path(), "a-wal"), None, "round {round}");
        fs::write(folder.path().join("b-wal"), "told of b").unwrap();
    }
    fs::remove_dir(folder.path().join("a-wal")).unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    assert!(journal.left().is_empty());
    assert_eq!(log(folder.path(), "a-wal").unwrap(), "told of a");
    journal.close();
    assert_eq!(Journal::open(folder.path()).unwrap().left().len(), 0);
    assert!(!folder.path().join("left.journal").exists());
}

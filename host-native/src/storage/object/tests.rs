//! An object's file: what a turn is, what survives, and what a damaged file does.

use super::disk::ToSync;
use super::{Alarm, ObjectFile, ObjectFileError, Synced};
use crate::storage::journal::Journal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

mod keys;
mod refused;
mod sql;

const BYTES_MAX: u64 = 1 << 30;

/// A folder with one object's file.
struct Home {
    folder: TempDir,
    bytes_max: u64,
}

impl Home {
    fn new() -> Self {
        Self::with_room_for(BYTES_MAX)
    }

    fn with_room_for(bytes_max: u64) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), bytes_max }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("class/ab/object.sqlite")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("class/ab/object.sqlite-wal")
    }

    fn marker_path(&self) -> PathBuf {
        self.folder.path().join("class/ab/object.sqlite-new")
    }

    fn file(&self) -> ObjectFile {
        ObjectFile::new(self.path(), Arc::from("class"), Arc::from("name"), self.bytes_max)
    }

    /// The file that another process finds when this one was killed just now.
    fn after_a_kill(&self) -> Self {
        let after = Self::with_room_for(self.bytes_max);
        std::fs::create_dir_all(after.path().parent().unwrap()).unwrap();
        std::fs::copy(self.path(), after.path()).unwrap();
        for (from, to) in
            [(self.log_path(), after.log_path()), (self.marker_path(), after.marker_path())]
        {
            if from.exists() {
                std::fs::copy(from, to).unwrap();
            }
        }
        after
    }
}

fn put(file: &mut ObjectFile, key: &str, value: &[u8]) {
    file.put([(key, value)].into_iter()).unwrap();
}

fn get(file: &mut ObjectFile, key: &str) -> Option<Vec<u8>> {
    file.get(key).unwrap()
}

/// Ends the turn, and waits until it is on disk.
fn settle(file: &mut ObjectFile) {
    file.end_turn().unwrap();
    if let Some(to_sync) = file.next_sync().unwrap() {
        let folder = tempfile::tempdir().unwrap();
        let synced = run(to_sync, &Journal::open(folder.path()).unwrap());
        file.synced(&synced);
    }
    assert_eq!(file.durable(), file.spoken());
}

/// Waits until turns are on disk.
fn run(to_sync: ToSync, journal: &Journal) -> Synced {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(to_sync.run(journal)).unwrap()
}

/// Closes the file as the host does.
fn close(mut file: ObjectFile) {
    file.lend().unwrap().close().unwrap();
    file.give_back(None);
}

fn alarm(at_ms: u64) -> Alarm {
    Alarm { scheduled_ms: at_ms, due_ms: at_ms, retry_count: 0 }
}

#[test]
fn reading_what_was_never_written_makes_no_file() {
    let home = Home::new();
    let mut file = home.file();
    assert!(!file.open().unwrap());
    assert_eq!(get(&mut file, "k"), None);
    assert_eq!(file.alarm().unwrap(), None);
    file.set_alarm(None).unwrap();
    assert_eq!(file.delete(&["k".to_owned()]).unwrap(), 0);
    file.delete_all().unwrap();
    settle(&mut file);
    assert_eq!(file.spoken(), 0);
    assert!(file.lend().is_none());
    assert!(!home.path().exists() && std::fs::read_dir(home.folder.path()).unwrap().count() == 0);
}

#[test]
fn turn_sees_its_writes_and_is_discarded_as_a_whole() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "kept", b"1");
    file.exec("CREATE TABLE t(x)", &[]).unwrap();
    settle(&mut file);
    put(&mut file, "kept", b"2");
    put(&mut file, "more", b"2");
    file.exec("INSERT INTO t VALUES (1)", &[]).unwrap();
    file.exec("CREATE TABLE u(x)", &[]).unwrap();
    file.set_alarm(Some(alarm(7))).unwrap();
    assert_eq!(get(&mut file, "kept").unwrap(), b"2");
    assert_eq!(file.exec("SELECT x FROM t", &[]).unwrap().rows.len(), 1);
    assert_eq!(file.alarm().unwrap(), Some(alarm(7)));
    file.discard_turn();
    assert_eq!(get(&mut file, "kept").unwrap(), b"1");
    assert_eq!(get(&mut file, "more"), None);
    assert_eq!(file.exec("SELECT x FROM t", &[]).unwrap().rows.len(), 0);
    assert!(file.exec("SELECT x FROM u", &[]).is_err());
    assert_eq!(file.alarm().unwrap(), None);
}

#[test]
fn discarded_first_turn_leaves_an_object_that_can_be_written() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "k", b"1");
    file.discard_turn();
    assert_eq!(get(&mut file, "k"), None);
    put(&mut file, "k", b"2");
    settle(&mut file);
    close(file);
    assert_eq!(get(&mut home.file(), "k").unwrap(), b"2");
}

#[test]
fn only_what_was_committed_survives_a_kill() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "a", b"1");
    file.set_alarm(Some(alarm(7))).unwrap();
    file.exec("CREATE TABLE t(x)", &[]).unwrap();
    settle(&mut file);
    put(&mut file, "b", &[7; 100_000]);
    // A turn that is larger than the cache has pages in the log already.
    for index in 0..20 {
        put(&mut file, &format!("c{index}"), &[7; 100_000]);
    }
    file.set_alarm(Some(alarm(8))).unwrap();
    let after = home.after_a_kill();
    let mut killed = after.file();
    assert_eq!(get(&mut killed, "a").unwrap(), b"1");
    assert_eq!(get(&mut killed, "b"), None);
    assert_eq!(get(&mut killed, "c3"), None);
    assert_eq!(killed.alarm().unwrap(), Some(alarm(7)));
    settle(&mut file);
    let after = home.after_a_kill();
    let mut killed = after.file();
    assert_eq!(get(&mut killed, "b").unwrap().len(), 100_000);
    assert_eq!(killed.alarm().unwrap(), Some(alarm(8)));
    // And goes on from there.
    put(&mut killed, "d", b"4");
    settle(&mut killed);
    close(killed);
    assert_eq!(get(&mut after.file(), "d").unwrap(), b"4");
}

#[test]
fn closed_file_has_everything_and_no_log() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "a", b"1");
    settle(&mut file);
    assert!(home.log_path().exists());
    close(file);
    assert!(!home.log_path().exists());
    let mut file = home.file();
    assert!(file.open().unwrap());
    assert_eq!(get(&mut file, "a").unwrap(), b"1");
}

#[test]
fn dropping_the_file_folds_nothing_behind_the_hosts_back() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "a", b"1");
    settle(&mut file);
    drop(file);
    // Folding without a sync would trade a log that is on disk for pages that are not.
    assert!(home.log_path().exists());
    assert_eq!(get(&mut home.file(), "a").unwrap(), b"1");
}

#[test]
fn folding_between_turns_loses_nothing() {
    let home = Home::new();
    let mut file = home.file();
    for round in 0..5u8 {
        put(&mut file, &format!("k{round}"), &[round; 10_000]);
        settle(&mut file);
        let lent = file.lend().unwrap();
        assert!(!file.is_open());
        lent.fold().unwrap();
        file.give_back(Some(lent));
        assert!(file.is_open());
        put(&mut file, "last", &[round]);
        settle(&mut file);
        let after = home.after_a_kill();
        let mut killed = after.file();
        assert_eq!(get(&mut killed, "last").unwrap(), [round]);
        for earlier in 0..=round {
            assert_eq!(get(&mut killed, &format!("k{earlier}")).unwrap(), [earlier; 10_000]);
        }
        // A guest is judged after the connection came back, too.
        assert!(file.exec("SELECT * FROM _selvedge_keys", &[]).is_err());
    }
}

#[test]
fn folded_log_cannot_be_replayed_in_part() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "a", b"old");
    settle(&mut file);
    put(&mut file, "a", b"new");
    settle(&mut file);
    let lent = file.lend().unwrap();
    lent.fold().unwrap();
    file.give_back(Some(lent));
    // The power fails while the log is written anew: of its old frames only the first are left.
    let after = home.after_a_kill();
    let log = std::fs::OpenOptions::new().write(true).open(after.log_path()).unwrap();
    let bytes = log.metadata().unwrap().len();
    log.set_len(bytes.saturating_sub(100)).unwrap();
    assert_eq!(get(&mut after.file(), "a").unwrap(), b"new");
}

#[test]
fn fold_that_fails_leaves_no_turn_waiting_for_the_disk() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "k", b"1");
    settle(&mut file);
    let lent = file.lend().unwrap();
    // A statement in the middle of its work keeps the log from being folded.
    let mut reads = lent.connection().prepare("SELECT key FROM _selvedge_keys").unwrap();
    let mut rows = reads.query([]).unwrap();
    assert!(rows.next().unwrap().is_some());
    assert!(lent.fold().is_err());
    drop(rows);
    drop(reads);
    let synchronous: i64 =
        lent.connection().query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
    assert_eq!(synchronous, 0);
    file.give_back(Some(lent));
    put(&mut file, "k", b"2");
    settle(&mut file);
    assert_eq!(get(&mut file, "k").unwrap(), b"2");
}

#[test]
fn a_long_log_is_folded_into_the_file() {
    let home = Home::new();
    let mut file = home.file();
    for round in 0..100_u8 {
        put(&mut file, "k", &[round; 100_000]);
        settle(&mut file);
        if file.wants_fold() {
            break;
        }
        let bytes = std::fs::metadata(home.log_path()).unwrap().len();
        assert!(bytes < 8_000_000, "the log grows without an end: {bytes} bytes, {round} rounds");
    }
    let lent = file.lend().unwrap();
    lent.fold().unwrap();
    file.give_back(Some(lent));
    assert!(!file.wants_fold());
    assert_eq!(std::fs::metadata(home.log_path()).unwrap().len(), 0);
    assert_eq!(get(&mut file, "k").unwrap().len(), 100_000);
}

/// Ends the turn, and waits until it is on disk by way of this journal.
fn settle_by(file: &mut ObjectFile, journal: &Journal) {
    file.end_turn().unwrap();
    let synced = run(file.next_sync().unwrap().unwrap(), journal);
    file.synced(&synced);
}

#[test]
fn what_is_durable_survives_a_loss_of_power_that_takes_the_log() {
    let home = Home::new();
    let journal = Journal::open(home.folder.path()).unwrap();
    let mut file = home.file();
    put(&mut file, "first", b"1");
    settle_by(&mut file, &journal);
    let on_disk = std::fs::read(home.log_path()).unwrap();
    for turn in 0..20_u8 {
        put(&mut file, "k", &[turn]);
        file.set_alarm(Some(Alarm { scheduled_ms: 1, due_ms: 1, retry_count: 0 })).unwrap();
        settle_by(&mut file, &journal);
    }
    put(&mut file, "k", b"told to nobody");
    file.end_turn().unwrap();
    std::mem::forget((file, journal));
    // Of the log there is what was synced; the rest was in the memory of the machine.
    std::fs::write(home.log_path(), on_disk).unwrap();
    let journal = Journal::open(home.folder.path()).unwrap();
    let mut file = home.file();
    assert_eq!(get(&mut file, "first").unwrap(), b"1");
    assert_eq!(get(&mut file, "k").unwrap(), [19]);
    assert!(file.alarm().unwrap().is_some());
    // And once more, with a log that was folded, and begun anew, meanwhile.
    let lent = file.lend().unwrap();
    lent.fold().unwrap();
    file.give_back(Some(lent));
    put(&mut file, "k", b"after");
    settle_by(&mut file, &journal);
    std::mem::forget((file, journal));
    std::fs::write(home.log_path(), []).unwrap();
    Journal::open(home.folder.path()).unwrap().close();
    assert_eq!(get(&mut home.file(), "k").unwrap(), b"after");
}

#[test]
fn a_journal_behind_a_file_that_was_closed_takes_nothing_back() {
    let home = Home::new();
    let journal = Journal::open(home.folder.path()).unwrap();
    let mut file = home.file();
    for turn in 0..5_u8 {
        put(&mut file, "k", &[turn]);
        settle_by(&mut file, &journal);
    }
    file.lend().unwrap().close().unwrap();
    file.give_back(None);
    let mut file = home.file();
    put(&mut file, "k", b"later");
    settle_by(&mut file, &journal);
    file.lend().unwrap().close().unwrap();
    std::mem::forget(journal);
    Journal::open(home.folder.path()).unwrap().close();
    assert_eq!(get(&mut home.file(), "k").unwrap(), b"later");
}

#[test]
fn turns_are_durable_when_their_sync_is_done() {
    let home = Home::new();
    let mut file = home.file();
    assert_eq!((file.spoken(), file.durable()), (0, 0));
    assert!(file.next_sync().unwrap().is_none());
    put(&mut file, "a", b"1");
    assert_eq!((file.spoken(), file.durable()), (1, 0), "this turn counts already");
    file.end_turn().unwrap();
    file.end_turn().unwrap();
    assert_eq!((file.spoken(), file.durable()), (1, 0), "an empty turn is none");
    let first = file.next_sync().unwrap().unwrap();
    put(&mut file, "a", b"2");
    file.end_turn().unwrap();
    put(&mut file, "a", b"3");
    file.end_turn().unwrap();
    let journal = Journal::open(home.folder.path()).unwrap();
    let first = run(first, &journal);
    file.synced(&first);
    assert_eq!((file.spoken(), file.durable()), (3, 1));
    let both = run(file.next_sync().unwrap().unwrap(), &journal);
    file.synced(&both);
    assert_eq!((file.spoken(), file.durable()), (3, 3));
    file.synced(&first);
    assert_eq!(file.durable(), 3, "a late word changes nothing");
    assert!(file.next_sync().unwrap().is_none());
    get(&mut file, "a");
    assert_eq!(file.spoken(), 3, "who only reads owes the disk nothing");
    put(&mut file, "a", b"4");
    file.discard_turn();
    assert_eq!((file.spoken(), file.durable()), (3, 3));
}

/// What may be found of a file that is not whole.
fn parts() -> Vec<Vec<u8>> {
    let whole = super::made::template().unwrap();
    let mut without_a_page = whole.to_vec();
    without_a_page[8192..12288].fill(0);
    let [none, page, zeros] = [0, 4096, whole.len()].map(|bytes| vec![0; bytes]);
    vec![none, page, zeros, whole[..5000].to_vec(), without_a_page, b"garbage".to_vec()]
}

#[test]
fn file_that_was_being_made_is_as_good_as_none() {
    for bytes in parts() {
        let home = Home::new();
        std::fs::create_dir_all(home.path().parent().unwrap()).unwrap();
        std::fs::write(home.marker_path(), []).unwrap();
        std::fs::write(home.path(), &bytes).unwrap();
        let mut file = home.file();
        assert!(!file.open().unwrap(), "{} bytes", bytes.len());
        assert!(!super::look::has_object(&home.path()).unwrap());
        assert_eq!(get(&mut file, "k"), None);
        put(&mut file, "k", b"v");
        settle(&mut file);
        close(file);
        assert!(!home.marker_path().exists());
        assert_eq!(get(&mut home.file(), "k").unwrap(), b"v");
    }
}

#[test]
fn file_that_was_made_and_is_not_whole_is_damaged_and_left_as_it_is() {
    for bytes in parts() {
        let home = Home::new();
        let mut file = home.file();
        put(&mut file, "k", b"v");
        settle(&mut file);
        let log = std::fs::read(home.log_path()).unwrap();
        drop(file);
        std::fs::write(home.path(), &bytes).unwrap();
        let mut file = home.file();
        let error = file.open().unwrap_err();
        assert_eq!(error.for_guest(), "what the object stored is damaged", "{error}");
        assert!(file.get("k").is_err());
        assert!(file.put([("k", &b"v"[..])].into_iter()).is_err());
        assert!(super::look::has_object(&home.path()).unwrap());
        let label = super::look::open_to_read(&home.path());
        assert!(label.and_then(|open| super::look::label(&open)).is_err());
        drop(file);
        assert_eq!(std::fs::read(home.path()).unwrap(), bytes);
        assert_eq!(std::fs::read(home.log_path()).unwrap(), log);
        // It can be removed, and the object begins anew.
        super::transfer::delete(&home.path()).unwrap();
        assert_eq!(get(&mut home.file(), "k"), None);
    }
}

#[test]
fn whole_file_that_may_not_be_on_disk_is_synced_before_anything_is_told() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "a", b"1");
    file.end_turn().unwrap();
    let after = home.after_a_kill();
    assert!(after.marker_path().exists());
    let mut file = after.file();
    put(&mut file, "b", b"2");
    settle(&mut file);
    assert!(!after.marker_path().exists());
    assert_eq!(get(&mut file, "a").unwrap(), b"1");
    let open = super::look::open_to_read(&after.path()).unwrap();
    assert_eq!(super::look::label(&open).unwrap().name, "name");
}

#[test]
fn object_whose_first_turn_was_discarded_says_its_name_all_the_same() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "a", b"1");
    file.discard_turn();
    put(&mut file, "a", b"2");
    settle(&mut file);
    close(file);
    let open = super::look::open_to_read(&home.path()).unwrap();
    assert_eq!(super::look::label(&open).unwrap().name, "name");
}

#[test]
fn log_without_its_file_is_forgotten() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "a", b"1");
    file.end_turn().unwrap();
    let after = home.after_a_kill();
    std::fs::write(after.path(), vec![0; super::made::template().unwrap().len()]).unwrap();
    let mut file = after.file();
    assert_eq!(get(&mut file, "a"), None);
    put(&mut file, "b", b"2");
    assert_eq!(get(&mut file, "a"), None);
    settle(&mut file);
    close(file);
    let mut file = after.file();
    assert_eq!((get(&mut file, "a"), get(&mut file, "b").unwrap()), (None, b"2".to_vec()));
}

/// A file with a few megabytes in it, closed.
fn filled() -> Home {
    let home = Home::new();
    let mut file = home.file();
    file.exec("CREATE TABLE t(x)", &[]).unwrap();
    for index in 0..200 {
        put(&mut file, &format!("k{index:04}"), &[7; 10_000]);
    }
    settle(&mut file);
    close(file);
    home
}

fn overwrite(path: &Path, from: u64, bytes: &[u8]) {
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(bytes, from).unwrap();
}

#[test]
fn damaged_head_is_an_error_that_tells_the_guest_no_path() {
    for garbage in [&b"this is no database"[..], &[0; 4096], &[0xff; 4096]] {
        let home = filled();
        overwrite(&home.path(), 0, garbage);
        let mut file = home.file();
        let error = file.open().unwrap_err();
        assert!(error.to_string().contains("object.sqlite"), "{error}");
        assert_eq!(error.for_guest(), "what the object stored is damaged");
        assert!(file.get("k0001").is_err());
        assert!(file.put([("k", &b"v"[..])].into_iter()).is_err());
        assert!(file.exec("SELECT 1", &[]).is_err());
        assert!(file.batch([("SELECT 1", &[][..])].into_iter()).is_err());
        assert!(file.list(&super::ListOptions::default()).is_err());
        assert!(file.alarm().is_err() && file.set_alarm(Some(alarm(1))).is_err());
        assert!(file.delete_all().is_err());
        // Whatever was there is there for whoever repairs it.
        assert!(std::fs::metadata(home.path()).unwrap().len() > 2_000_000);
    }
}

#[test]
fn damaged_middle_is_an_error_at_the_latest_where_it_is_read() {
    let home = filled();
    let bytes = std::fs::metadata(home.path()).unwrap().len();
    // Every page but the first: whichever is looked at.
    overwrite(&home.path(), 4096, &vec![0xa5; usize::try_from(bytes).unwrap() - 4096]);
    let mut file = home.file();
    let error: Result<(), ObjectFileError> = file.open().map(drop);
    assert!(error.is_err() || file.get("k0100").is_err());
    file.discard_turn();
    assert!(file.list(&super::ListOptions::default()).is_err());
}

#[test]
fn path_that_is_a_folder_is_an_error() {
    let home = Home::new();
    std::fs::create_dir_all(home.path()).unwrap();
    let mut file = home.file();
    assert!(file.open().is_err());
    assert!(file.get("k").is_err());
    let error = file.put([("k", &b"v"[..])].into_iter()).unwrap_err();
    assert!(error.to_string().contains("object.sqlite"), "{error}");
}

#[test]
fn file_and_log_can_be_removed() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "a", b"1");
    settle(&mut file);
    let after = home.after_a_kill();
    ObjectFile::remove(&after.path()).unwrap();
    assert!(!after.path().exists() && !after.log_path().exists());
    ObjectFile::remove(&after.path()).unwrap();
    assert_eq!(get(&mut after.file(), "a"), None);
}

#[test]
fn alarm_keeps_its_times_and_tries() {
    let home = Home::new();
    let mut file = home.file();
    let failed = Alarm { scheduled_ms: 5, due_ms: 2_005, retry_count: 3 };
    file.set_alarm(Some(failed)).unwrap();
    settle(&mut file);
    close(file);
    let mut file = home.file();
    assert_eq!(file.alarm().unwrap(), Some(failed));
    file.set_alarm(Some(alarm(9))).unwrap();
    file.set_alarm(None).unwrap();
    settle(&mut file);
    assert_eq!(file.alarm().unwrap(), None);
    let last = Alarm { scheduled_ms: u64::MAX, due_ms: u64::MAX, retry_count: 0 };
    file.set_alarm(Some(last)).unwrap();
    assert_eq!(file.alarm().unwrap().unwrap().due_ms, i64::MAX.unsigned_abs());
}

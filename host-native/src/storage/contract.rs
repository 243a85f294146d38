//! What every backend does, written once. A backend's file runs it on itself with
//! [`contract_tests`](crate::storage::contract::contract_tests).

use super::{BEGINNING_BYTES, Batch, Expected, Found, KeyRange, Storage, StorageError, Write};
use futures::future::join_all;

/// Runs the contract on `$open`: an expression that gives an empty storage, and what it lives in.
macro_rules! contract_tests {
    ($open:expr; $($fact:ident)*) => {
        $(
            #[tokio::test]
            async fn $fact() {
                let (storage, _home) = $open;
                crate::storage::contract::$fact(&storage).await;
            }
        )*
    };
    ($open:expr) => {
        crate::storage::contract::contract_tests! { $open;
            value_of_any_size_comes_back_whole
            large_value_shows_its_beginning_where_less_is_asked_for
            scan_gives_keys_in_byte_order
            scan_gives_beginnings_only
            writes_of_a_batch_happen_in_their_order
            refused_batch_writes_nothing
            expectations_hold_for_what_is_there
            one_of_many_rivals_wins
            concurrent_commits_are_all_kept
            batch_larger_than_the_queue_is_written
        }
    };
}
pub(crate) use contract_tests;

fn put(key: &[u8], value: &[u8]) -> Write {
    Write::Put(key.to_vec(), value.to_vec())
}

async fn write(storage: &dyn Storage, writes: Vec<Write>) {
    storage.commit(Batch { writes, expectations: Vec::new() }).await.unwrap();
}

fn whole(storage: &dyn Storage, key: &[u8]) -> Option<Vec<u8>> {
    match storage.get(key, usize::MAX).unwrap() {
        None => None,
        Some(Found::Whole(value)) => Some(value),
        Some(Found::Beginning(_)) => panic!("{key:?} has no bound and yet is cut"),
    }
}

fn keys(storage: &dyn Storage, range: &KeyRange, limit: usize) -> Vec<Vec<u8>> {
    storage.scan(range, limit).unwrap().into_iter().map(|(key, _)| key).collect()
}

pub(crate) async fn value_of_any_size_comes_back_whole(storage: &dyn Storage) {
    assert_eq!(whole(storage, b"k"), None);
    let sizes = [0, 1, 100, 1003, 4096, BEGINNING_BYTES - 1, BEGINNING_BYTES, BEGINNING_BYTES + 1];
    for bytes in sizes.into_iter().chain([1 << 20, 26 << 20, 3]) {
        let value: Vec<u8> = (0..bytes).map(|index| (index % 251) as u8).collect();
        write(storage, vec![put(b"k", &value)]).await;
        assert!(whole(storage, b"k") == Some(value), "a value of {bytes} bytes");
    }
    write(storage, vec![Write::Delete(b"k".to_vec()), Write::Delete(b"none".to_vec())]).await;
    assert_eq!(whole(storage, b"k"), None);
}

pub(crate) async fn large_value_shows_its_beginning_where_less_is_asked_for(storage: &dyn Storage) {
    let value = vec![7; BEGINNING_BYTES * 3];
    write(storage, vec![put(b"large", &value), put(b"small", b"abc")]).await;
    let get = |key: &[u8], bytes_max| storage.get(key, bytes_max).unwrap().unwrap();
    let beginning = Found::Beginning(vec![7; BEGINNING_BYTES]);
    assert_eq!(get(b"large", 0), beginning);
    assert_eq!(get(b"large", value.len() - 1), beginning);
    assert_eq!(get(b"large", value.len()), Found::Whole(value));
    assert_eq!(get(b"small", 2), Found::Beginning(b"abc".to_vec()));
    assert_eq!(get(b"small", 3), Found::Whole(b"abc".to_vec()));
}

pub(crate) async fn scan_gives_keys_in_byte_order(storage: &dyn Storage) {
    let all: [&[u8]; 8] = [b"a", b"a\0", b"a\0b", b"ab", b"a\xff", b"a\xff\xff", b"b", b"\xff\xff"];
    for key in all.iter().rev() {
        write(storage, vec![put(key, b"")]).await;
    }
    assert_eq!(keys(storage, &KeyRange::prefix(b""), 100), all);
    assert_eq!(keys(storage, &KeyRange::prefix(b"a"), 100), all[..6]);
    assert_eq!(keys(storage, &KeyRange::prefix(b"a\xff"), 100), all[4..6]);
    assert_eq!(keys(storage, &KeyRange::prefix(b"\xff"), 100), all[7..]);
    assert_eq!(keys(storage, &KeyRange::prefix(b"a").after(b"a\0b"), 2), all[3..5]);
    assert_eq!(keys(storage, &KeyRange::prefix(b"a").after(b"a\xff\xff"), 2), [b""; 0]);
    assert_eq!(keys(storage, &KeyRange::prefix(b""), 0), [b""; 0]);
    let range = KeyRange { from: b"a\0".to_vec(), until: Some(b"ab".to_vec()) };
    assert_eq!(keys(storage, &range, 100), all[1..3]);
}

pub(crate) async fn scan_gives_beginnings_only(storage: &dyn Storage) {
    write(storage, vec![put(b"1", &vec![7; BEGINNING_BYTES * 2]), put(b"2", b"abc")]).await;
    let rows = storage.scan(&KeyRange::prefix(b""), 9).unwrap();
    let expected = [(b"1".to_vec(), vec![7; BEGINNING_BYTES]), (b"2".to_vec(), b"abc".to_vec())];
    assert_eq!(rows, expected);
}

pub(crate) async fn writes_of_a_batch_happen_in_their_order(storage: &dyn Storage) {
    let delete = Write::Delete(b"k".to_vec());
    write(storage, vec![put(b"k", b"1"), delete.clone(), put(b"k", b"2")]).await;
    assert_eq!(whole(storage, b"k"), Some(b"2".to_vec()));
    write(storage, vec![put(b"k", b"3"), delete]).await;
    assert_eq!(whole(storage, b"k"), None);
}

/// A batch whose expectation fails writes nothing, not even its unrelated keys.
pub(crate) async fn refused_batch_writes_nothing(storage: &dyn Storage) {
    write(storage, vec![put(b"k", b"1")]).await;
    let refused = Batch {
        expectations: vec![
            (b"k".to_vec(), Expected::Whole(b"1".to_vec())),
            (b"other".to_vec(), Expected::Whole(b"1".to_vec())),
        ],
        writes: vec![put(b"k", b"2"), put(b"unrelated", b"2")],
    };
    let outcome = storage.commit(refused).await;
    assert!(matches!(outcome, Err(StorageError::Conflict)), "{outcome:?}");
    assert_eq!(whole(storage, b"k"), Some(b"1".to_vec()));
    assert_eq!(whole(storage, b"unrelated"), None);
}

pub(crate) async fn expectations_hold_for_what_is_there(storage: &dyn Storage) {
    let large = vec![7; BEGINNING_BYTES * 2];
    write(storage, vec![put(b"small", b"abc"), put(b"large", &large)]).await;
    let whole = |value: &[u8]| Expected::Whole(value.to_vec());
    let beginning = |value: &[u8]| Expected::Beginning(value.to_vec());
    for (key, expected, holds) in [
        ("none", Expected::Absent, true),
        ("none", whole(b""), false),
        ("none", beginning(b""), false),
        ("small", Expected::Absent, false),
        ("small", whole(b"abc"), true),
        ("small", whole(b"ab"), false),
        ("small", whole(b"abcd"), false),
        ("small", beginning(b""), true),
        ("small", beginning(b"ab"), true),
        ("small", beginning(b"abcd"), false),
        ("large", whole(&large), true),
        ("large", whole(&large[1..]), false),
        ("large", beginning(&large[..BEGINNING_BYTES]), true),
        ("large", beginning(b"ab"), false),
    ] {
        let expectations = vec![(key.as_bytes().to_vec(), expected.clone())];
        let outcome = storage.commit(Batch { expectations, writes: Vec::new() }).await;
        assert_eq!(outcome.is_ok(), holds, "{key}: {outcome:?}");
    }
}

/// Also where rivals end up in one transaction, each sees what those before it wrote.
pub(crate) async fn one_of_many_rivals_wins(storage: &dyn Storage) {
    let rivals = (0..100_u8).map(|rival| {
        storage.commit(Batch {
            expectations: vec![(b"prize".to_vec(), Expected::Absent)],
            writes: vec![put(b"prize", &[rival])],
        })
    });
    let outcomes = join_all(rivals).await;
    let winners: Vec<usize> = outcomes
        .iter()
        .enumerate()
        .filter(|(_, won)| won.is_ok())
        .map(|(index, _)| index)
        .collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(whole(storage, b"prize"), Some(vec![winners[0] as u8]));
}

pub(crate) async fn concurrent_commits_are_all_kept(storage: &dyn Storage) {
    let commits = (0..1000_u32).map(|number| {
        let writes = vec![put(&number.to_be_bytes(), &number.to_le_bytes())];
        storage.commit(Batch { writes, expectations: Vec::new() })
    });
    for outcome in join_all(commits).await {
        outcome.unwrap();
    }
    for number in 0..1000_u32 {
        let value = whole(storage, &number.to_be_bytes());
        assert_eq!(value, Some(number.to_le_bytes().to_vec()));
    }
}

pub(crate) async fn batch_larger_than_the_queue_is_written(storage: &dyn Storage) {
    let value = vec![1; 24 << 20];
    let writes: Vec<Write> = (0..3_u8).map(|key| put(&[key], &value)).collect();
    let commits =
        (0..2).map(|_| storage.commit(Batch { writes: writes.clone(), expectations: Vec::new() }));
    for outcome in join_all(commits).await {
        outcome.unwrap();
    }
    assert!(whole(storage, &[2]) == Some(value));
}

//! What stores do, seen from above: over SQLite, by a clock that the test moves.

use super::{Entry, KeyValue, KeyValueError, Page, Query, SetOptions, entry};
use crate::storage::faulty::{Faulty, Trouble};
use crate::storage::sqlite::Sqlite;
use crate::storage::{Batch, KeyRange, Storage as _, Write};
use futures::future::join_all;
use selvedge_contract::limits::{
    KEY_BYTES_MAX, METADATA_BYTES_MAX, TTL_SECONDS_MAX, VALUE_BYTES_MAX,
};
use selvedge_contract::names::Name;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::Semaphore;

struct World {
    stores: Arc<KeyValue>,
    faulty: Arc<Faulty>,
    seconds: Arc<AtomicU64>,
    store: Name,
    _home: TempDir,
}

impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::open(&home.path().join("store.sqlite")).unwrap();
        let faulty = Arc::new(Faulty::new(Arc::new(sqlite)));
        let seconds = Arc::new(AtomicU64::new(1_000_000));
        let clock = Arc::clone(&seconds);
        let now = move || Duration::from_secs(clock.load(Ordering::Relaxed));
        let stores = Arc::new(KeyValue::new(faulty.clone(), Arc::new(now)));
        Self { stores, faulty, seconds, store: Name::parse("visitors").unwrap(), _home: home }
    }

    fn advance(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    async fn set(&self, key: &str, value: &str, ttl_seconds: Option<u64>) {
        let options = SetOptions { ttl_seconds, metadata: None };
        self.stores.set(&self.store, key, value.as_bytes(), options).await.unwrap();
    }

    async fn get(&self, key: &str) -> Option<String> {
        let entry = self.stores.get(&self.store, key).await.unwrap();
        entry.map(|entry| String::from_utf8(entry.value).unwrap())
    }

    async fn list(&self, query: Query) -> Page {
        self.stores.list(&self.store, query).await.unwrap()
    }

    async fn names(&self) -> Vec<String> {
        self.list(Query::default()).await.keys.into_iter().map(|key| key.name).collect()
    }

    /// Everything that lies in the storage.
    fn rows(&self) -> usize {
        self.faulty.scan(&KeyRange::prefix(b""), 99_999).unwrap().len()
    }
}

#[tokio::test]
async fn set_replaces_value_metadata_and_time_to_live() {
    let world = World::new();
    let options = SetOptions { ttl_seconds: Some(60), metadata: Some(b"m".to_vec()) };
    world.stores.set(&world.store, "k", b"one", options).await.unwrap();
    let entry = world.stores.get(&world.store, "k").await.unwrap();
    assert_eq!(entry, Some(Entry { value: b"one".to_vec(), metadata: Some(b"m".to_vec()) }));
    world.set("k", "two", None).await;
    world.advance(9999);
    let entry = world.stores.get(&world.store, "k").await.unwrap();
    assert_eq!(entry, Some(Entry { value: b"two".to_vec(), metadata: None }));
    assert_eq!(world.rows(), 1, "no expiry is left behind");
}

#[tokio::test]
async fn stores_do_not_see_each_other() {
    let world = World::new();
    let other = Name::parse("visitors-2").unwrap();
    world.set("k", "mine", None).await;
    assert_eq!(world.stores.get(&other, "k").await.unwrap(), None);
    assert_eq!(world.stores.list(&other, Query::default()).await.unwrap(), Page::default());
    world.stores.delete(&other, &["k"]).await.unwrap();
    assert_eq!(world.get("k").await.as_deref(), Some("mine"));
}

#[tokio::test]
async fn expired_key_is_never_seen() {
    let world = World::new();
    world.set("short", "x", Some(60)).await;
    world.set("long", "x", Some(61)).await;
    world.set("number", "41", Some(60)).await;
    world.advance(59);
    assert_eq!(world.get("short").await.as_deref(), Some("x"));
    assert_eq!(world.list(Query::default()).await.keys[1].expires_at, Some(1_000_060));
    world.advance(1);
    assert_eq!(world.get("short").await, None);
    assert!(!world.stores.exists(&world.store, "short").unwrap());
    assert!(world.stores.exists(&world.store, "long").unwrap());
    assert_eq!(world.names().await, ["long"]);
    assert_eq!(world.stores.increment(&world.store, "number", 1).await.unwrap(), 1);
    world.advance(9999);
    assert_eq!(world.get("number").await.as_deref(), Some("1"), "a new number has no expiry");
}

#[tokio::test]
async fn large_expired_value_is_not_seen_either() {
    let world = World::new();
    let large = "x".repeat(1 << 20);
    world.set("k", &large, Some(60)).await;
    assert!(world.get("k").await == Some(large));
    world.advance(60);
    assert_eq!(world.get("k").await, None);
}

#[tokio::test]
async fn sweep_removes_what_expired_and_nothing_else() {
    let world = World::new();
    for number in 0..450 {
        world.set(&format!("short-{number}"), "x", Some(60)).await;
    }
    world.set("long", "x", Some(600)).await;
    world.set("ever", "x", None).await;
    assert_eq!(world.stores.sweep_step().await.unwrap(), 0);
    world.advance(60);
    let mut steps = Vec::new();
    while steps.last() != Some(&0) {
        steps.push(world.stores.sweep_step().await.unwrap());
    }
    assert_eq!(steps, [200, 200, 50, 0], "each step is bounded");
    assert_eq!(world.rows(), 3, "two entries and one expiry are left");
    assert_eq!(world.names().await, ["ever", "long"]);
}

#[tokio::test]
async fn sweep_spares_a_key_that_is_set_anew_meanwhile() {
    let world = World::new();
    world.set("k", "old", Some(60)).await;
    world.advance(60);
    // Another process sets the key after the sweep has looked at it and before it writes.
    let header = entry::Header { expires_at: Some(1_000_120), metadata: None };
    let rival = Batch {
        writes: vec![Write::Put(entry::key(&world.store, "k"), header.write(b"new"))],
        ..Batch::default()
    };
    world.faulty.plan(Trouble::Outrun(rival));
    assert_eq!(world.stores.sweep_step().await.unwrap(), 1);
    assert_eq!(world.get("k").await.as_deref(), Some("new"));
    assert_eq!(world.stores.sweep_step().await.unwrap(), 1, "the old expiry is still there");
    assert_eq!(world.stores.sweep_step().await.unwrap(), 0);
    assert_eq!(world.get("k").await.as_deref(), Some("new"));
}

#[tokio::test]
async fn sweep_goes_on_after_a_fault() {
    let world = World::new();
    world.set("k", "x", Some(60)).await;
    world.advance(60);
    world.faulty.plan(Trouble::Refuse);
    assert!(matches!(world.stores.sweep_step().await, Err(KeyValueError::Storage(_))));
    assert_eq!(world.stores.sweep_step().await.unwrap(), 1);
    assert_eq!(world.rows(), 0);
}

#[tokio::test]
async fn sweeping_thread_sweeps_by_itself() {
    let world = World::new();
    world.set("k", "x", Some(60)).await;
    world.advance(60);
    world.stores.start_sweeping().unwrap();
    for _ in 0..1000 {
        if world.rows() == 0 {
            return;
        }
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(10)))
            .await
            .unwrap();
    }
    panic!("not swept within ten seconds");
}

#[tokio::test]
async fn pages_cover_all_keys_once_while_others_come_and_go() {
    let world = World::new();
    for number in 0..50 {
        world.set(&format!("user:{number:02}"), "x", (number % 7 == 0).then_some(60)).await;
    }
    world.set("zebra", "x", None).await;
    world.advance(60);
    let (mut names, mut cursor) = (Vec::new(), None);
    loop {
        let query = Query { prefix: "user:".to_owned(), cursor, limit: Some(7) };
        let page = world.list(query).await;
        assert!(page.keys.len() <= 7);
        names.extend(page.keys.into_iter().map(|key| key.name));
        // The key that the cursor points at goes, and one before it comes.
        world.stores.delete(&world.store, &[names.last().unwrap()]).await.unwrap();
        world.set("user:", "x", None).await;
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..50)
        .filter(|number| number % 7 != 0)
        .map(|number| format!("user:{number:02}"))
        .collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn page_has_a_thousand_keys_at_most_and_skips_many_expired_ones() {
    let world = World::new();
    let keys: Vec<String> = (0..6000).map(|number| format!("{number:04}")).collect();
    let pairs = |keys: &[String]| -> Vec<(String, Vec<u8>)> {
        keys.iter().map(|key| (key.clone(), vec![1; 10])).collect()
    };
    let set = async |keys: &[String], ttl_seconds| {
        let pairs = pairs(keys);
        let pairs: Vec<(&str, &[u8])> =
            pairs.iter().map(|(key, value)| (key.as_str(), value.as_slice())).collect();
        let options = SetOptions { ttl_seconds, metadata: None };
        world.stores.set_many(&world.store, &pairs, options).await.unwrap();
    };
    set(&keys, None).await;
    let page = world.list(Query { limit: Some(u32::MAX), ..Query::default() }).await;
    assert_eq!(page.keys.len(), 1000);
    set(&keys[..5500], Some(60)).await;
    world.advance(60);
    let (mut pages, mut found, mut cursor) = (0, 0, None);
    loop {
        let page = world.list(Query { cursor, ..Query::default() }).await;
        (pages, found, cursor) = (pages + 1, found + page.keys.len(), page.cursor);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, 500);
    assert!(pages <= 3, "{pages} pages");
}

#[tokio::test]
async fn exact_last_page_has_no_cursor() {
    let world = World::new();
    for key in ["a", "b", "c"] {
        world.set(key, "x", None).await;
    }
    let page = world.list(Query { limit: Some(3), ..Query::default() }).await;
    assert_eq!((page.keys.len(), page.cursor), (3, None));
    let page = world.list(Query { limit: Some(2), ..Query::default() }).await;
    assert_eq!(page.keys.len(), 2);
    let page = world.list(Query { cursor: page.cursor, ..Query::default() }).await;
    assert_eq!((page.keys.len(), page.cursor), (1, None));
}

#[tokio::test]
async fn bounds_are_kept_before_anything_is_written() {
    let world = World::new();
    let set = async |key: &str, value: &[u8], options| {
        world.stores.set(&world.store, key, value, options).await
    };
    let long_key = "k".repeat(KEY_BYTES_MAX + 1);
    for key in ["", ".", "..", &long_key] {
        let outcome = set(key, b"x", SetOptions::default()).await;
        assert!(matches!(outcome, Err(KeyValueError::Key(_))), "{key:?}: {outcome:?}");
        let outcome = world.stores.get(&world.store, key).await;
        assert!(matches!(outcome, Err(KeyValueError::Key(_))), "{key:?}: {outcome:?}");
        let outcome = world.stores.delete(&world.store, &["fine", key]).await;
        assert!(matches!(outcome, Err(KeyValueError::Key(_))), "{key:?}: {outcome:?}");
    }
    let outcome = set("k", &vec![0; VALUE_BYTES_MAX + 1], SetOptions::default()).await;
    assert!(matches!(outcome, Err(KeyValueError::ValueTooLarge { .. })), "{outcome:?}");
    let metadata = Some(vec![0; METADATA_BYTES_MAX + 1]);
    let outcome = set("k", b"", SetOptions { ttl_seconds: None, metadata }).await;
    assert!(matches!(outcome, Err(KeyValueError::MetadataTooLarge { .. })), "{outcome:?}");
    for seconds in [0, 59, TTL_SECONDS_MAX + 1, u64::MAX] {
        let options = SetOptions { ttl_seconds: Some(seconds), metadata: None };
        let outcome = set("k", b"", options).await;
        assert!(matches!(outcome, Err(KeyValueError::TimeToLive { .. })), "{outcome:?}");
    }
    assert_eq!(world.rows(), 0);
    let metadata = Some(vec![7; METADATA_BYTES_MAX]);
    let options = SetOptions { ttl_seconds: Some(TTL_SECONDS_MAX), metadata };
    let key = "k".repeat(KEY_BYTES_MAX);
    set(&key, &vec![0; VALUE_BYTES_MAX], options.clone()).await.unwrap();
    let entry = world.stores.get(&world.store, &key).await.unwrap().unwrap();
    assert_eq!((entry.value.len(), entry.metadata), (VALUE_BYTES_MAX, options.metadata.clone()));
    assert_eq!(world.list(Query::default()).await.keys[0].metadata, options.metadata);
}

#[tokio::test]
async fn concurrent_increments_are_all_counted() {
    let world = World::new();
    let increments = (0..200).map(|_| world.stores.increment(&world.store, "n", 2));
    let mut sums: Vec<u64> = join_all(increments).await.into_iter().map(Result::unwrap).collect();
    sums.sort_unstable();
    assert_eq!(sums, (1..=200).map(|count| count * 2).collect::<Vec<u64>>());
    assert_eq!(world.get("n").await.as_deref(), Some("400"));
}

#[tokio::test]
async fn increment_tries_again_where_another_process_was_faster() {
    let world = World::new();
    world.set("n", "1", Some(60)).await;
    let header = entry::Header { expires_at: Some(1_000_060), metadata: None };
    let rival = Batch {
        writes: vec![Write::Put(entry::key(&world.store, "n"), header.write(b"10"))],
        ..Batch::default()
    };
    world.faulty.plan(Trouble::Outrun(rival));
    assert_eq!(world.stores.increment(&world.store, "n", 5).await.unwrap(), 15);
    let keys = world.list(Query::default()).await.keys;
    assert_eq!(keys[0].expires_at, Some(1_000_060), "the time to live stays");
}

#[tokio::test]
async fn only_numbers_are_incremented() {
    let world = World::new();
    for value in ["", "x", "-1", "1.5", "18446744073709551616", &"1".repeat(1 << 20)] {
        world.set("n", value, None).await;
        let outcome = world.stores.increment(&world.store, "n", 1).await;
        assert!(matches!(outcome, Err(KeyValueError::NotANumber)), "{outcome:?}");
    }
    world.set("n", "18446744073709551615", None).await;
    assert_eq!(world.stores.increment(&world.store, "n", 0).await.unwrap(), u64::MAX);
    let outcome = world.stores.increment(&world.store, "n", 1).await;
    assert!(matches!(outcome, Err(KeyValueError::Overflow)), "{outcome:?}");
}

#[tokio::test]
async fn refused_write_is_told_and_harms_nothing() {
    let world = World::new();
    world.set("k", "kept", None).await;
    for trouble in [Trouble::Refuse, Trouble::Full] {
        world.faulty.plan(trouble);
        let outcome = world.stores.set(&world.store, "k", b"x", SetOptions::default()).await;
        assert!(matches!(outcome, Err(KeyValueError::Storage(_))), "{outcome:?}");
        assert_eq!(world.get("k").await.as_deref(), Some("kept"));
    }
    world.faulty.plan(Trouble::LoseAnswer);
    let outcome = world.stores.increment(&world.store, "n", 1).await;
    assert!(matches!(outcome, Err(KeyValueError::Storage(_))), "{outcome:?}");
    world.faulty.refuse_reads(true);
    let outcome = world.stores.get(&world.store, "k").await;
    assert!(matches!(outcome, Err(KeyValueError::Storage(_))), "{outcome:?}");
    world.faulty.refuse_reads(false);
    assert_eq!(world.get("k").await.as_deref(), Some("kept"));
}

#[tokio::test]
async fn slow_write_holds_up_no_read() {
    let world = World::new();
    world.set("k", "old", None).await;
    let gate = Arc::new(Semaphore::new(0));
    world.faulty.plan(Trouble::Delay(Arc::clone(&gate)));
    let mut set = Box::pin(world.set("k", "new", None));
    assert!(futures::poll!(&mut set).is_pending());
    assert_eq!(world.get("k").await.as_deref(), Some("old"));
    gate.add_permits(1);
    set.await;
    assert_eq!(world.get("k").await.as_deref(), Some("new"));
}

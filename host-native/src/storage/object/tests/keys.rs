//! Keys and values: bounds, order, and all or none.

use super::{Home, alarm, close, get, put, settle};
use crate::storage::object::{KeysError, ListOptions, ObjectFile};
use selvedge_contract::limits::{STORAGE_KEY_BYTES_MAX, STORAGE_KEYS_MAX, STORAGE_VALUE_BYTES_MAX};

fn keys(file: &mut ObjectFile, options: &ListOptions) -> Vec<String> {
    file.list(options).unwrap().into_iter().map(|(key, _)| key).collect()
}

fn prefix(prefix: &str) -> ListOptions {
    ListOptions { prefix: Some(prefix.to_owned()), ..ListOptions::default() }
}

fn with_keys(file: &mut ObjectFile, keys: &[&str]) {
    file.put(keys.iter().map(|key| (*key, key.as_bytes()))).unwrap();
}

fn owned(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

#[test]
fn values_come_back_byte_by_byte() {
    let home = Home::new();
    let mut file = home.file();
    let all: Vec<u8> = (0..=255).cycle().take(STORAGE_VALUE_BYTES_MAX).collect();
    let longest = "é".repeat(STORAGE_KEY_BYTES_MAX / 2);
    for (key, value) in [("empty", &b""[..]), ("all", &all), (&longest, b"x"), ("a\0b", b"y")] {
        put(&mut file, key, value);
    }
    settle(&mut file);
    close(file);
    let mut file = home.file();
    assert_eq!(get(&mut file, "empty").unwrap(), b"");
    assert!(get(&mut file, "all").unwrap() == all);
    assert_eq!(get(&mut file, &longest).unwrap(), b"x");
    assert_eq!((get(&mut file, "a\0b").unwrap(), get(&mut file, "a")), (b"y".to_vec(), None));
}

#[test]
fn put_many_writes_all_or_none() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "a", b"before");
    let long = "k".repeat(STORAGE_KEY_BYTES_MAX + 1);
    let large = vec![0; STORAGE_VALUE_BYTES_MAX + 1];
    for (key, value) in [("", &b"v"[..]), (&long, b"v"), ("large", &large)] {
        let refused = file.put([("a", &b"after"[..]), (key, value), ("b", b"after")].into_iter());
        match refused.unwrap_err() {
            KeysError::InvalidKey(_) => assert_ne!(key, "large"),
            KeysError::TooLarge(text) => assert!(text.contains("2097153"), "{text}"),
            other => panic!("{other}"),
        }
    }
    let names: Vec<String> = (0..=STORAGE_KEYS_MAX).map(|index| format!("k{index}")).collect();
    let entries = names.iter().map(|name| (name.as_str(), &b"v"[..]));
    assert!(matches!(file.put(entries.clone()), Err(KeysError::TooLarge(_))));
    assert_eq!(keys(&mut file, &ListOptions::default()), ["a"]);
    assert_eq!(get(&mut file, "a").unwrap(), b"before");
    file.put(names[1..].iter().map(|name| (name.as_str(), &b"v"[..]))).unwrap();
    assert_eq!(file.list(&prefix("k")).unwrap().len(), STORAGE_KEYS_MAX);
}

#[test]
fn bounds_of_keys_hold_for_every_operation() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "a", b"v");
    for bad in [String::new(), "k".repeat(STORAGE_KEY_BYTES_MAX + 1)] {
        assert!(matches!(file.get(&bad), Err(KeysError::InvalidKey(_))));
        let both = ["a".to_owned(), bad];
        assert!(matches!(file.get_many(&both), Err(KeysError::InvalidKey(_))));
        assert!(matches!(file.delete(&both), Err(KeysError::InvalidKey(_))));
    }
    let many = vec!["a".to_owned(); STORAGE_KEYS_MAX + 1];
    assert!(matches!(file.get_many(&many), Err(KeysError::TooLarge(_))));
    assert!(matches!(file.delete(&many), Err(KeysError::TooLarge(_))));
    assert_eq!(get(&mut file, "a").unwrap(), b"v");
}

#[test]
fn get_many_gives_what_is_there_in_the_order_of_bytes() {
    let home = Home::new();
    let mut file = home.file();
    with_keys(&mut file, &["b", "a", "é", "Z"]);
    let found = file.get_many(&owned(&["é", "b", "none", "Z", "b"])).unwrap();
    let found: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(found, ["Z", "b", "é"]);
}

#[test]
fn delete_counts_what_was_there() {
    let home = Home::new();
    let mut file = home.file();
    with_keys(&mut file, &["a", "b", "c"]);
    settle(&mut file);
    assert_eq!(file.delete(&owned(&["a", "none", "b", "a"])).unwrap(), 2);
    assert_eq!(file.delete(&owned(&["a"])).unwrap(), 0);
    assert_eq!(file.delete(&[]).unwrap(), 0);
    assert_eq!(keys(&mut file, &ListOptions::default()), ["c"]);
    file.discard_turn();
    assert_eq!(keys(&mut file, &ListOptions::default()), ["a", "b", "c"]);
}

#[test]
fn list_is_in_the_order_of_bytes() {
    let home = Home::new();
    let mut file = home.file();
    // The last is behind the one before in UTF-8, and in front of it in UTF-16.
    let sorted = ["\0", "A", "Z", "a", "a\0", "a\0b", "aa", "b", "é", "\u{ffff}", "\u{10000}"];
    let mut mixed = sorted;
    mixed.reverse();
    mixed.swap(2, 7);
    with_keys(&mut file, &mixed);
    assert_eq!(keys(&mut file, &ListOptions::default()), sorted);
    let mut backwards = owned(&sorted);
    backwards.reverse();
    let reverse = ListOptions { reverse: true, ..ListOptions::default() };
    assert_eq!(keys(&mut file, &reverse), backwards);
    for (key, value) in file.list(&ListOptions::default()).unwrap() {
        assert_eq!(key.as_bytes(), value);
    }
}

#[test]
fn prefix_is_taken_byte_by_byte() {
    let home = Home::new();
    let mut file = home.file();
    let all = [
        "%",
        "%a",
        "A",
        "_",
        "a",
        "a\0",
        "a\0b",
        "a\x7f",
        "a\x7fz",
        "a\u{80}",
        "aé",
        "aéz",
        "aê",
        "b",
        "\u{d7ff}",
        "\u{d7ff}a",
        "\u{e000}",
        "\u{10ffff}",
        "\u{10ffff}\u{10ffff}",
        "\u{10ffff}a",
    ];
    with_keys(&mut file, &all);
    for wanted in all.iter().copied().chain(["", "none", "aéz-", "\u{10fffe}"]) {
        let mut expected: Vec<&str> =
            all.iter().copied().filter(|key| key.starts_with(wanted)).collect();
        expected.sort_unstable();
        assert_eq!(keys(&mut file, &prefix(wanted)), expected, "{wanted:?}");
        let reverse = ListOptions { reverse: true, ..prefix(wanted) };
        expected.reverse();
        assert_eq!(keys(&mut file, &reverse), expected, "{wanted:?}");
    }
}

#[test]
fn range_has_its_start_and_not_its_end() {
    let home = Home::new();
    let mut file = home.file();
    with_keys(&mut file, &["a", "b1", "b2", "b3", "c", "é"]);
    let mut list = |prefix: &str, start: &str, end: &str, reverse, limit| {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (prefix, start, end) = (some(prefix), some(start), some(end));
        keys(&mut file, &ListOptions { prefix, start, end, reverse, limit })
    };
    assert_eq!(list("", "b1", "c", false, None), ["b1", "b2", "b3"]);
    assert_eq!(list("", "b", "b3", false, None), ["b1", "b2"]);
    assert_eq!(list("b", "a", "z", false, None), ["b1", "b2", "b3"]);
    assert_eq!(list("b", "b2", "", true, None), ["b3", "b2"]);
    assert_eq!(list("b", "", "b3", true, Some(1)), ["b2"]);
    assert_eq!(list("", "c", "", false, None), ["c", "é"]);
    assert_eq!(list("", "c", "b", false, None), [""; 0]);
    assert_eq!(list("", "", "", false, Some(2)), ["a", "b1"]);
    assert_eq!(list("", "", "", false, Some(0)), [""; 0]);
    assert_eq!(list("b", "c", "", false, None), [""; 0]);
}

#[test]
fn list_gives_at_most_a_thousand() {
    let home = Home::new();
    let mut file = home.file();
    for half in ["a", "b"] {
        let names: Vec<String> = (0..600).map(|index| format!("{half}{index:04}")).collect();
        file.put(names.iter().map(|name| (name.as_str(), &b"v"[..]))).unwrap();
    }
    for limit in [None, Some(1_000), Some(1_001), Some(u32::MAX)] {
        let options = ListOptions { limit, ..ListOptions::default() };
        assert_eq!(file.list(&options).unwrap().len(), 1_000);
    }
}

#[test]
fn delete_all_leaves_nothing() {
    let home = Home::new();
    let mut file = home.file();
    with_keys(&mut file, &["a", "b"]);
    file.set_alarm(Some(alarm(5))).unwrap();
    for statement in [
        "CREATE TABLE parent(id INTEGER PRIMARY KEY AUTOINCREMENT, x UNIQUE)",
        "CREATE TABLE child(p INTEGER NOT NULL REFERENCES parent(id))",
        "CREATE TABLE strict_child(p INTEGER NOT NULL REFERENCES parent(id) ON DELETE RESTRICT)",
        "INSERT INTO parent VALUES (1, 'x')",
        "INSERT INTO child VALUES (1)",
        "INSERT INTO strict_child VALUES (1)",
        "CREATE TABLE \"odd \"\" name\"(x)",
        "CREATE INDEX i ON parent(x)",
        "CREATE VIEW v AS SELECT * FROM parent",
        "CREATE VIEW w AS SELECT * FROM v",
        "CREATE TRIGGER r AFTER DELETE ON parent BEGIN INSERT INTO parent(x) VALUES (old.x); END",
        "CREATE VIRTUAL TABLE words USING fts5(word)",
        "INSERT INTO words VALUES ('hello world')",
        "ANALYZE parent",
    ] {
        file.exec(statement, &[]).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    settle(&mut file);
    file.delete_all().unwrap();
    let is_empty = |file: &mut ObjectFile| {
        let tables = file.exec(
            "SELECT name FROM sqlite_schema
             WHERE name NOT LIKE '\\_selvedge%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'",
            &[],
        );
        tables.unwrap().rows.is_empty()
            && file.alarm().unwrap().is_none()
            && file.list(&ListOptions::default()).unwrap().is_empty()
    };
    assert!(is_empty(&mut file));
    file.discard_turn();
    assert!(!is_empty(&mut file));
    file.delete_all().unwrap();
    // The turn goes on, and what it writes from here on is there; its references are checked.
    put(&mut file, "a", b"new");
    file.exec("CREATE TABLE parent(id INTEGER PRIMARY KEY)", &[]).unwrap();
    file.exec("CREATE TABLE child(p REFERENCES parent)", &[]).unwrap();
    assert!(file.exec("INSERT INTO child VALUES (7)", &[]).is_err());
    settle(&mut file);
    close(file);
    let mut file = home.file();
    assert_eq!(keys(&mut file, &ListOptions::default()), ["a"]);
    assert_eq!(file.exec("SELECT * FROM parent", &[]).unwrap().rows.len(), 0);
}

#[test]
fn full_object_refuses_writes_and_keeps_what_it_has() {
    let home = Home::with_room_for(1 << 20);
    let mut file = home.file();
    put(&mut file, "a", &[1; 300_000]);
    put(&mut file, "b", &[2; 300_000]);
    settle(&mut file);
    put(&mut file, "c", &[3; 300_000]);
    let refused = file.put([("small", &b"1"[..]), ("d", &[4; 300_000])].into_iter());
    assert!(matches!(refused, Err(KeysError::Full { bytes_max: 1_048_576 })), "{refused:?}");
    // The turn goes on.
    assert_eq!(get(&mut file, "small"), None);
    put(&mut file, "small", b"2");
    settle(&mut file);
    let after = home.after_a_kill();
    let mut file = after.file();
    assert_eq!(keys(&mut file, &ListOptions::default()), ["a", "b", "c", "small"]);
    assert_eq!(get(&mut file, "a").unwrap(), [1; 300_000]);
}

#[test]
fn full_object_has_room_again_when_something_was_deleted() {
    let home = Home::with_room_for(1 << 20);
    let mut file = home.file();
    for round in 0..4 {
        for key in ["a", "b", "c"] {
            put(&mut file, key, &[round; 300_000]);
        }
        settle(&mut file);
        assert!(file.put([("d", &[4; 300_000][..])].into_iter()).is_err());
        file.delete(&owned(&["b"])).unwrap();
        settle(&mut file);
        put(&mut file, "d", &[4; 300_000]);
        settle(&mut file);
        file.delete_all().unwrap();
        settle(&mut file);
    }
}

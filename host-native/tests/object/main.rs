//! `selvedge object`: what it tells and does, beside a host that serves and without one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails panics"
)]

mod app;
#[path = "../serving/host.rs"]
mod host;
#[path = "../serving/app.rs"]
mod serving;

use app::{Data, app, start};
use host::{Answer, SELVEDGE, text};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

fn stored() -> Value {
    json!([
        ["put", "b", "four"],
        ["put", "a", "x"],
        ["sql", "CREATE TABLE notes(text TEXT)"],
        ["sql", "INSERT INTO notes VALUES ('one'), ('two')"],
        ["alarm-at", 4_000_000_000_000_u64]
    ])
}

/// What `show --json` says of [`stored`].
fn assert_shown(shown: &Value, name: &str, live: bool) {
    assert_eq!(shown["class"], "subject");
    assert_eq!((&shown["name"], &shown["live"]), (&json!(name), &json!(live)));
    assert_eq!(shown["id"].as_str().unwrap().len(), 64);
    assert!(shown["bytes"].as_u64().unwrap() >= 4096);
    let keys = shown["keys"].as_array().unwrap();
    assert!(keys.contains(&json!({ "key": "a", "bytes": 1 })), "{shown}");
    assert!(keys.contains(&json!({ "key": "b", "bytes": 4 })), "{shown}");
    assert_eq!(shown["key_count"].as_u64().unwrap(), u64::try_from(keys.len()).unwrap());
    assert_eq!(shown["tables"], json!([{ "name": "notes", "rows": 2 }]));
    let at_ms = 4_000_000_000_000_u64;
    assert_eq!(shown["alarm"], json!({ "scheduled_ms": at_ms, "due_ms": at_ms, "retry_count": 0 }));
}

#[test]
fn objects_are_seen_while_they_live_and_afterwards() {
    let data = Data::new();
    let host = start(&data.path());
    host.results("one", &stored());
    host.results("two", &json!([["put", "k", "v"]]));
    assert_eq!(data.listed(), [("one".to_owned(), true), ("two".to_owned(), true)]);
    assert_shown(&data.json(&["show", "subject", "one"]), "one", true);
    // Looking did not end the instance.
    assert_eq!(host.results("one", &json!([["bump"]])), json!([{ "bumps": 1 }]));
    data.ok(&["show", "subject", "one"]);
    assert_eq!(host.results("one", &json!([["bump"]])), json!([{ "bumps": 2 }]));
    host.stop();
    assert!(!data.socket().exists());

    assert_eq!(data.listed(), [("one".to_owned(), false), ("two".to_owned(), false)]);
    assert_shown(&data.json(&["show", "subject", "one"]), "one", false);
    let all = data.json(&["list"]);
    let one = all.as_array().unwrap().iter().find(|it| it["name"] == "one").unwrap();
    assert_eq!(one["alarm_ms"], 4_000_000_000_000_u64);
    assert_eq!((&one["class"], &one["problem"]), (&json!("subject"), &Value::Null));

    // A new host has started neither, and sees both.
    let host = start(&data.path());
    assert_eq!(data.listed(), [("one".to_owned(), false), ("two".to_owned(), false)]);
    assert_shown(&data.json(&["show", "subject", "one"]), "one", false);
    drop(host);
    let lines = text(&data.ok(&["list", "subject"]));
    assert!(lines.lines().any(|line| line.starts_with("subject\tone\t-\t")), "{lines}");
    assert!(lines.contains("\talarm in "), "{lines}");
    let shown = text(&data.ok(&["show", "subject", "one"]));
    for part in ["name    one", "  b\t4 bytes", "  notes\t2 rows", "alarm   in "] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn nothing_is_listed_where_nothing_was_stored() {
    let data = Data::new();
    let message = data.fails(&["list"]);
    assert!(message.contains("--data") && message.contains("there are no objects"), "{message}");
    let host = start(&data.path());
    assert_eq!(data.json(&["list", "subject"]), json!([]));
    assert_eq!(data.ok(&["list"]), b"");
    let message = data.fails(&["show", "subject", "nobody"]);
    assert!(message.contains("\"nobody\"") && message.contains("object list subject"), "{message}");
    data.fails(&["export", "subject", "nobody", "--output", "/dev/null"]);
    data.fails(&["delete", "subject", "nobody", "--yes"]);
    host.stop();
    assert_eq!(data.json(&["list", "subject"]), json!([]));
    data.fails(&["show", "subject", "nobody"]);
    data.fails(&["delete", "subject", "nobody", "--yes"]);
}

#[test]
fn unknown_class_is_answered_with_the_nearest() {
    let data = Data::new();
    let message = data.fails(&["list", "subjct"]);
    for part in ["\"subjct\"", "did you mean \"subject\"", "plain, subject"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

/// An export of an object that stores what [`stored`] says.
fn exported(data: &Data, name: &str) -> PathBuf {
    let file = data.file("export.sqlite");
    data.ok(&["export", "subject", name, "--output", file.to_str().unwrap()]);
    file
}

#[test]
fn export_is_whole_and_comes_back_under_another_name() {
    let data = Data::new();
    let host = start(&data.path());
    host.results("one", &stored());
    let file = exported(&data, "one");
    let export = rusqlite::Connection::open(&file).unwrap();
    let value: Vec<u8> = export
        .query_row("SELECT value FROM _selvedge_keys WHERE key = 'b'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(value, b"four");
    drop(export);
    let standard = data.ok(&["export", "subject", "one"]);
    assert!(standard.starts_with(b"SQLite format 3\0"));

    let file = file.to_str().unwrap();
    let done = data.json(&["import", "subject", "copy", file]);
    assert_eq!((&done["class"], &done["name"]), (&json!("subject"), &json!("copy")));
    let given = host.results("copy", &json!([["get", "b"], ["sql", "SELECT count(*) FROM notes"]]));
    assert_eq!((&given[0]["value"], &given[1]["rows"]), (&json!("four"), &json!([[2]])));
    host.results("copy", &json!([["put", "own", "x"]]));
    assert_eq!(host.results("one", &json!([["get", "own"]])), json!(["missing"]));
    host.stop();

    // The same without a host.
    let again = data.file("again.sqlite");
    let again = again.to_str().unwrap();
    data.ok(&["export", "subject", "one", "-o", again]);
    data.ok(&["import", "subject", "third", again]);
    assert_shown(&data.json(&["show", "subject", "third"]), "third", false);
    let names: Vec<_> = data.listed().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["copy", "one", "third"]);
    let host = start(&data.path());
    assert_eq!(host.results("third", &json!([["get", "a"]]))[0]["value"], "x");
}

#[test]
fn export_goes_into_a_pipe_that_is_there() {
    let data = Data::with(&[("one", stored())]);
    let pipe = data.file("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let read = std::thread::scope(|scope| {
        let reader = scope.spawn(|| fs::read(&pipe).unwrap());
        data.ok(&["export", "subject", "one", "--output", pipe.to_str().unwrap()]);
        reader.join().unwrap()
    });
    assert!(read.starts_with(b"SQLite format 3\0"));
    // A file gets its name when it is whole, and nothing else is left beside it.
    let file = exported(&data, "one");
    assert_eq!(fs::read(&file).unwrap(), read);
    exported(&data, "one");
    data.fails(&["export", "subject", "two", "--output", file.to_str().unwrap()]);
    assert_eq!(fs::read(&file).unwrap(), read, "what was there is kept");
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 3, "data, pipe and export");
}

#[test]
fn alarm_of_an_import_fires() {
    let data = Data::with(&[("one", json!([["alarm-in", 3_000]]))]);
    let file = exported(&data, "one");
    let file = file.to_str().unwrap();
    data.ok(&["delete", "subject", "one", "--yes"]);
    data.ok(&["import", "subject", "direct", file]);
    let host = start(&data.path());
    data.ok(&["import", "subject", "served", file]);
    for name in ["direct", "served"] {
        let has_fired = || {
            let shown = data.json(&["show", "subject", name]);
            shown["alarm"].is_null() && shown["keys"].to_string().contains("~alarm-log")
        };
        assert!((0..200).any(|_| {
            let fired = has_fired();
            if !fired {
                std::thread::sleep(Duration::from_millis(50));
            }
            fired
        }));
    }
    // Nothing wakes what was deleted.
    let names: Vec<_> = data.listed().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["direct", "served"]);
    host.stop();
}

#[test]
fn import_over_an_object_needs_replace_and_resets_it() {
    let data = Data::new();
    let host = start(&data.path());
    host.results("one", &stored());
    let file = exported(&data, "one");
    let file = file.to_str().unwrap();
    host.results("one", &json!([["put", "b", "changed"], ["bump"]]));
    let message = data.fails(&["import", "subject", "one", file]);
    assert!(message.contains("--replace"), "{message}");
    assert_eq!(
        host.results("one", &json!([["bump"]])),
        json!([{ "bumps": 2 }]),
        "it was not ended"
    );
    data.ok(&["import", "subject", "one", file, "--replace"]);
    let given = host.results("one", &json!([["get", "b"], ["bump"]]));
    assert_eq!((&given[0]["value"], &given[1]["bumps"]), (&json!("four"), &json!(1)));
    host.stop();
    let message = data.fails(&["import", "subject", "one", file]);
    assert!(message.contains("--replace"), "{message}");
    data.ok(&["import", "subject", "one", file, "--replace"]);
}

#[test]
fn delete_resets_a_live_object_and_its_callers() {
    let data = Data::new();
    let host = start(&data.path());
    host.results("one", &json!([["put", "k", "v"], ["bump"]]));
    let message = data.fails(&["delete", "subject", "one"]);
    assert!(message.contains("--yes"), "{message}");
    let Answer { status, body, .. } = std::thread::scope(|scope| {
        let waiting =
            scope.spawn(|| host.run("one", &json!([["put", "m", "x"], ["sleep", 8_000]])));
        // The call has begun as soon as what it wrote can be seen.
        while !data.json(&["show", "subject", "one"])["keys"].to_string().contains("\"m\"") {}
        let done = data.json(&["delete", "subject", "one", "--yes"]);
        assert!(done["bytes"].as_u64().unwrap() >= 4096, "{done}");
        waiting.join().unwrap()
    });
    assert_eq!(status, 409, "{body}");
    assert!(
        body["error"] == "reset" && body.to_string().contains("the object was deleted"),
        "{body}"
    );
    assert_eq!(data.listed(), []);
    let given = host.results("one", &json!([["get", "k"], ["bump"]]));
    assert_eq!(given, json!(["missing", { "bumps": 1 }]));
    host.stop();
    data.ok(&["delete", "subject", "one", "--yes"]);
    assert_eq!(data.listed(), []);
}

#[test]
fn file_that_is_no_export_is_refused() {
    let data = Data::with(&[("one", stored())]);
    let good = fs::read(exported(&data, "one")).unwrap();
    let file = data.file("bad.sqlite");
    let refused = |bytes: &[u8], class: &str| {
        fs::write(&file, bytes).unwrap();
        data.fails(&["import", class, "new", file.to_str().unwrap()])
    };
    let all_refused = || {
        let message = refused(b"no database at all", "subject");
        assert!(
            message.contains("bad.sqlite") && message.contains("no file of SQLite"),
            "{message}"
        );
        let mut damaged = good.clone();
        damaged[4096..4096 + 2048].fill(0x5A);
        for bytes in [&damaged[..], &good[..good.len() - 4096], &good[..100]] {
            let message = refused(bytes, "subject");
            assert!(message.contains("no export") && message.contains("damaged"), "{message}");
        }
        fs::remove_file(&file).unwrap();
        let other = rusqlite::Connection::open(&file).unwrap();
        other.execute_batch("CREATE TABLE _selvedge_object(field, value)").unwrap();
        drop(other);
        let message = data.fails(&["import", "subject", "new", file.to_str().unwrap()]);
        assert!(message.contains("tables of an object"), "{message}");
        fs::write(&file, &good).unwrap();
        let newer = rusqlite::Connection::open(&file).unwrap();
        newer.execute_batch("PRAGMA user_version = 9").unwrap();
        drop(newer);
        let message = data.fails(&["import", "subject", "new", file.to_str().unwrap()]);
        assert!(message.contains("version 9"), "{message}");
        let message = refused(&vec![0; 2 << 20], "subject");
        assert!(message.contains("1048576") && message.contains("storage-bytes"), "{message}");
        let message = data.fails(&["import", "subject", "new", "/no/such/file"]);
        assert!(message.contains("/no/such/file"), "{message}");
        data.fails(&["show", "subject", "new"]);
    };
    all_refused();
    let _host = start(&data.path());
    all_refused();
    let left = fs::read_dir(data.path().join("objects/.under-way")).unwrap().count();
    assert_eq!(left, 0, "nothing is left of what was refused");
}

#[test]
fn what_a_killed_host_left_is_seen_and_its_socket_replaced() {
    let data = Data::new();
    let host = start(&data.path());
    host.results("one", &stored());
    // The socket may come a moment after the first answer.
    data.ok(&["list"]);
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(data.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    host.kill();
    assert!(data.socket().exists(), "nobody could remove it");
    // All is in the log still.
    assert_shown(&data.json(&["show", "subject", "one"]), "one", false);
    assert_eq!(data.listed(), [("one".to_owned(), false)]);
    let host = start(&data.path());
    assert_eq!(data.listed(), [("one".to_owned(), false)]);
    assert_shown(&data.json(&["show", "subject", "one"]), "one", false);
    let file = exported(&data, "one");
    data.ok(&["import", "subject", "one", file.to_str().unwrap(), "--replace"]);
    assert_eq!(host.results("one", &json!([["get", "b"]]))[0]["value"], "four");
    host.stop();
}

/// The turns of a host that was killed lie in its journal, too: it must not bring them back.
#[test]
fn what_is_deleted_after_a_kill_stays_deleted() {
    let data = Data::new();
    let host = start(&data.path());
    for name in ["one", "two", "three"] {
        host.results(name, &stored());
        host.results(name, &json!([["put", "b", "later"]]));
    }
    host.kill();
    let file = exported(&data, "three");
    data.ok(&["delete", "subject", "one", "--yes"]);
    data.ok(&["import", "subject", "one", file.to_str().unwrap()]);
    data.ok(&["delete", "subject", "two", "--yes"]);
    let host = start(&data.path());
    assert_eq!(host.results("one", &json!([["get", "b"]]))[0]["value"], "later");
    assert_eq!(host.results("two", &json!([["get", "b"]])), json!(["missing"]));
    host.results("one", &json!([["put", "b", "last"]]));
    host.results("one", &json!([["put", "c", "last"]]));
    // The same where the host itself does it before it is killed.
    data.ok(&["import", "subject", "one", file.to_str().unwrap(), "--replace"]);
    data.ok(&["delete", "subject", "three", "--yes"]);
    host.kill();
    let host = start(&data.path());
    let given = host.results("one", &json!([["get", "b"], ["get", "c"]]));
    assert_eq!((&given[0]["value"], &given[1]), (&json!("later"), &json!("missing")));
    assert_eq!(host.results("three", &json!([["get", "b"]])), json!(["missing"]));
}

#[test]
fn folder_with_a_long_path_has_a_socket_too() {
    let data = Data::new();
    let long = data.path().join("d".repeat(120));
    fs::create_dir_all(&long).unwrap();
    let host = start(&long);
    host.results("one", &json!([["put", "k", "v"]]));
    let output = Command::new(SELVEDGE)
        .args(["object", "list", "--app"])
        .arg(app())
        .arg("--data")
        .arg(&long)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("subject\tone\tlive\t"), "{}", text(&output.stdout));
    host.stop();
}

#[test]
fn damaged_object_is_told_and_the_others_are_listed() {
    let data = Data::with(&[("one", stored()), ("two", stored())]);
    let id = data.json(&["show", "subject", "one"])["id"].as_str().unwrap().to_owned();
    let path = data.path().join("objects/subject").join(&id[..2]).join(format!("{id}.sqlite"));
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..].fill(0x5A);
    fs::write(&path, &bytes).unwrap();
    let host = start(&data.path());
    let check = || {
        let listed = data.json(&["list", "subject"]);
        let listed = listed.as_array().unwrap();
        assert_eq!(listed.len(), 2);
        let one = listed.iter().find(|it| it["id"] == id.as_str()).unwrap();
        assert!(one["name"].is_null() && one["problem"].is_string(), "{one}");
        let message = data.fails(&["show", "subject", "one"]);
        assert!(message.contains("damaged") && message.contains("--replace"), "{message}");
    };
    check();
    host.stop();
    check();
    let file = data.file("two.sqlite");
    data.ok(&["export", "subject", "two", "-o", file.to_str().unwrap()]);
    data.ok(&["import", "subject", "one", file.to_str().unwrap(), "--replace"]);
    assert_shown(&data.json(&["show", "subject", "one"]), "one", false);
}

#[test]
fn names_of_any_text_are_objects() {
    let data = Data::with(&[("a%2Fb%20%C3%A9", json!([["put", "k", "v"]]))]);
    let listed = data.json(&["list"]);
    let name = listed[0]["name"].as_str().unwrap();
    assert_eq!(data.json(&["show", "subject", name])["name"], name);
    let message = data.fails(&["show", "subject", &"n".repeat(513)]);
    assert!(message.contains("513") && message.contains("512"), "{message}");
}

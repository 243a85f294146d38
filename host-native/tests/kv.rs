//! `selvedge kv`: what it prints and takes, and what it says where something is wrong.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const MANIFEST: &str = "name = \"demo\"\n[keyvalue.visitors]\n[keyvalue.pages]\n";

/// An app without components, in a folder of its own.
struct App {
    home: TempDir,
}

impl App {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("selvedge.toml"), MANIFEST).unwrap();
        Self { home }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_selvedge"));
        command.arg("kv").args(arguments).arg("--app").arg(self.home.path());
        command
    }

    fn kv(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that succeeds; gives what it wrote to standard output.
    fn ok(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.kv(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "", "{arguments:?}");
        output.stdout
    }

    /// Runs a command that fails; gives what it wrote to standard error.
    fn fails(&self, arguments: &[&str]) -> String {
        let output = self.kv(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        text(&output.stderr)
    }

    fn data(&self) -> PathBuf {
        self.home.path().join(".selvedge/data")
    }

    fn file(&self) -> PathBuf {
        self.data().join("keyvalue.sqlite")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn put_from_stdin(app: &App, key: &str, value: &[u8]) -> Output {
    let mut child = app
        .command(&["put", "visitors", key, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may stop reading where there is too much.
    let _ = child.stdin.take().unwrap().write_all(value);
    child.wait_with_output().unwrap()
}

#[test]
fn value_comes_back_as_it_was_put() {
    let app = App::new();
    app.ok(&["put", "visitors", "greeting", "hello"]);
    assert_eq!(app.ok(&["get", "visitors", "greeting"]), b"hello");
    app.ok(&["put", "visitors", "greeting", ""]);
    assert_eq!(app.ok(&["get", "visitors", "greeting"]), b"");
    app.ok(&["delete", "visitors", "greeting"]);
    app.ok(&["delete", "visitors", "greeting"]);
    let message = app.fails(&["get", "visitors", "greeting"]);
    assert!(message.contains("greeting") && message.contains("visitors"), "{message}");
}

#[test]
fn standard_input_is_taken_byte_by_byte() {
    let app = App::new();
    let value: Vec<u8> = (0..=255).cycle().take(3 << 20).collect();
    let output = put_from_stdin(&app, "bytes", &value);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(app.ok(&["get", "visitors", "bytes"]) == value);
}

#[test]
fn bounds_of_the_stores_hold_here_too() {
    let app = App::new();
    let message = app.fails(&["put", "visitors", "k", "x", "--ttl", "59"]);
    assert!(message.contains("59") && message.contains("60"), "{message}");
    let message = app.fails(&["put", "visitors", "..", "x"]);
    assert!(message.contains("\"..\""), "{message}");
    let message = app.fails(&["put", "visitors", "k", "x", "--metadata", &"m".repeat(1025)]);
    assert!(message.contains("1025") && message.contains("1024"), "{message}");
    let output = put_from_stdin(&app, "k", &vec![0; (25 << 20) + 9]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("26214400"), "{}", text(&output.stderr));
    assert_eq!(app.ok(&["list", "visitors"]), b"");
}

#[test]
fn list_shows_name_expiry_and_metadata() {
    let app = App::new();
    assert_eq!(text(&app.ok(&["list", "visitors", "--json"])), "[]\n");
    app.ok(&["put", "visitors", "b", "x", "--ttl", "3600", "--metadata", "seen"]);
    app.ok(&["put", "visitors", "a", "x"]);
    app.ok(&["put", "visitors", "c\nd", "x"]);
    app.ok(&["put", "pages", "elsewhere", "x"]);
    let lines = text(&app.ok(&["list", "visitors"]));
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!((lines[0], lines[2]), ("a\tnever expires", "c\\nd\tnever expires"));
    assert!(lines[1].starts_with("b\texpires in 3") && lines[1].ends_with(" s\tseen"), "{lines:?}");
    let json = app.ok(&["list", "visitors", "--prefix", "b", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 1);
    assert_eq!((&json[0]["name"], &json[0]["metadata"]), (&"b".into(), &"seen".into()));
    assert!(json[0]["expires_at"].as_u64().unwrap() > 1_700_000_000, "{json}");
}

#[test]
fn list_goes_on_beyond_a_page() {
    let app = App::new();
    app.ok(&["put", "visitors", "k", "x"]);
    // One process each would take long for so many: the file is written here.
    let connection = rusqlite::Connection::open(app.file()).unwrap();
    let template: Vec<u8> =
        connection.query_row("SELECT beginning FROM entry", [], |row| row.get(0)).unwrap();
    connection.execute_batch("BEGIN").unwrap();
    for number in 0..2500 {
        let key = format!("evisitors\0k{number:04}").into_bytes();
        connection
            .execute("INSERT INTO entry (key, beginning) VALUES (?1, ?2)", (key, &template))
            .unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
    let lines = text(&app.ok(&["list", "visitors"]));
    assert_eq!(lines.lines().count(), 2501);
    let json = app.ok(&["list", "visitors", "--prefix", "k1", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 1000);
}

#[test]
fn expired_key_is_gone_when_the_hour_moves() {
    let app = App::new();
    app.ok(&["put", "visitors", "k", "x", "--ttl", "60"]);
    let offset = app.home.path().join("offset");
    fs::write(&offset, "61").unwrap();
    let run = |arguments: &[&str]| {
        app.command(arguments).env("SELVEDGE_CLOCK_OFFSET_FILE", &offset).output().unwrap()
    };
    assert_eq!(run(&["get", "visitors", "k"]).status.code(), Some(1));
    assert_eq!(run(&["list", "visitors"]).stdout, b"");
    assert_eq!(app.ok(&["get", "visitors", "k"]), b"x", "only the hour had moved");
}

#[test]
fn unknown_store_is_answered_with_the_known_ones() {
    let app = App::new();
    let message = app.fails(&["get", "visitor", "k"]);
    for part in ["demo", "\"visitor\"", "pages, visitors"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    fs::write(app.home.path().join("selvedge.toml"), "name = \"demo\"").unwrap();
    let message = app.fails(&["get", "visitor", "k"]);
    assert!(message.contains("[keyvalue."), "{message}");
}

#[test]
fn manifest_that_is_missing_or_wrong_is_named() {
    let app = App::new();
    fs::write(app.home.path().join("selvedge.toml"), "name = \"demo\"\nkeyvalu = 1").unwrap();
    let message = app.fails(&["list", "visitors"]);
    assert!(message.contains("keyvalu"), "{message}");
    fs::remove_file(app.home.path().join("selvedge.toml")).unwrap();
    let message = app.fails(&["list", "visitors"]);
    assert!(message.contains("selvedge.toml"), "{message}");
}

#[test]
fn looking_makes_no_stores() {
    let app = App::new();
    app.ok(&["list", "visitors"]);
    app.fails(&["get", "visitors", "k"]);
    app.ok(&["delete", "visitors", "k"]);
    assert!(!app.data().exists());
    let message = app.fails(&["get", "visitors", "k", "--data", "/no/such/folder"]);
    assert!(message.contains("/no/such/folder") && message.contains("--data"), "{message}");
}

#[test]
fn other_data_folder_is_used_where_named() {
    let app = App::new();
    let other = app.home.path().join("other");
    let other = other.to_str().unwrap();
    app.ok(&["put", "visitors", "k", "there", "--data", other]);
    assert!(Path::new(other).join("keyvalue.sqlite").exists());
    assert_eq!(app.ok(&["get", "visitors", "k", "--data", other]), b"there");
    app.fails(&["get", "visitors", "k"]);
}

#[test]
fn damaged_file_is_named_with_the_next_step_and_left_alone() {
    let app = App::new();
    app.ok(&["put", "visitors", "k", "x"]);
    let mut bytes = fs::read(app.file()).unwrap();
    bytes[..64].fill(0x5A);
    fs::write(app.file(), &bytes).unwrap();
    for arguments in [&["get", "visitors", "k"][..], &["put", "visitors", "k", "y"]] {
        let message = app.fails(arguments);
        for part in [app.file().to_str().unwrap(), "damaged", "copy", ".recover"] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
    assert!(fs::read(app.file()).unwrap() == bytes);
}

#[test]
fn folder_that_cannot_be_written_is_named() {
    let app = App::new();
    // Nobody, not even root, makes a file in /proc.
    let message = app.fails(&["put", "visitors", "k", "x", "--data", "/proc"]);
    for part in ["/proc", "--data"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn many_processes_write_at_once_and_none_fails() {
    let app = App::new();
    // The file is not there yet: they race for making it, too.
    let children: Vec<_> = (0..12)
        .map(|number| {
            let key = format!("k{number}");
            app.command(&["put", "visitors", &key, "x"]).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    assert_eq!(text(&app.ok(&["list", "visitors"])).lines().count(), 12);
}

#[test]
fn reader_that_stops_reading_is_no_error() {
    let app = App::new();
    let value = vec![b'x'; 1 << 20];
    assert!(put_from_stdin(&app, "k", &value).status.success());
    let mut child = app
        .command(&["get", "visitors", "k"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
}

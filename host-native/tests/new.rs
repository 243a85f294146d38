//! `selvedge new`: what it creates is checked, built, served, bundled and answers, in every language and of
//! every template that the language has. The tools of the languages have to be installed (`just setup`).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails panics"
)]

#[path = "serving/host.rs"]
mod host;

use host::{ANY, Host, SELVEDGE, serve};
use serde_json::{Value, json};
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The most that the command may take, of which the start of a debugged process is the half.
const NEW_WITHIN: Duration = Duration::from_millis(200);
/// How often its time is taken.
const TRIES: usize = 5;

fn selvedge(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(SELVEDGE);
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

fn ok(folder: &Path, arguments: &[&str]) -> String {
    let output = selvedge(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?} in {}: {said}", folder.display());
    said
}

fn fails(folder: &Path, arguments: &[&str]) -> String {
    let output = selvedge(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
    assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    said
}

/// A response's text, and all of it with the head.
fn get(host: &Host, method: &str, path: &str) -> (String, String) {
    let mut stream = host.ask(method, path, "").unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    let body = all.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    (body.unwrap_or_default(), all)
}

/// The time that a command takes in a folder of its own. Other tests build on the same cores meanwhile, which
/// only ever adds to it: the least of some tries is the nearest to its own.
fn least_of_tries(arguments: &[&str]) -> Duration {
    let one = || {
        let place = tempfile::tempdir().unwrap();
        let began = Instant::now();
        ok(place.path(), arguments);
        began.elapsed()
    };
    std::iter::repeat_with(one).take(TRIES).min().unwrap()
}

/// Has a bundle made of an app, which the command tries in workerd before it calls it good.
fn bundles(app: &Path) {
    let output = selvedge(app, &["bundle", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "{report:#}");
    assert_eq!(report["warnings"], json!([]), "{report:#}");
    let asked = report["verified"]["asked"].as_array().unwrap();
    let statuses: Vec<_> = asked.iter().map(|asked| asked["status"].as_u64()).collect();
    assert_eq!(statuses, [Some(200)], "{report:#}");
}

/// Scaffolds, checks, builds, serves and bundles.
fn begun(language: &str, template: &str, act: impl FnOnce(&Host)) {
    let place = tempfile::tempdir().unwrap();
    let name = format!("a-{language}");
    let arguments = ["new", &name, "--lang", language, "--template", template];
    let said = ok(place.path(), &arguments);
    assert!(said.contains("selvedge dev"), "{said}");
    let took = least_of_tries(&arguments);
    assert!(took < NEW_WITHIN, "{took:?}");
    let app = place.path().join(&name);
    ok(&app, &["check"]);
    ok(&app, &["build"]);
    let again = ok(&app, &["build"]);
    assert!(again.contains("nothing has changed"), "{again}");
    let said = ok(&app, &["check"]);
    assert!(!said.contains("warning"), "{said}");
    let host = Host::start(serve(&app, ANY), place.path().join("log"));
    act(&host);
    host.stop();
    bundles(&app);
}

fn greets(language: &str) {
    begun(language, "http", |host| {
        let greeting = get(host, "GET", "/?name=Ada+Lovelace").0;
        assert_eq!(greeting, "Hello, Ada Lovelace! This is visit 1.\n");
        assert_eq!(
            get(host, "GET", "/?name=Ada+Lovelace").0,
            "Hello, Ada Lovelace! This is visit 2.\n"
        );
        assert_eq!(get(host, "GET", "/").0, "Hello, world! This is visit 1.\n");
        let (_, all) = get(host, "POST", "/");
        assert!(all.lines().next().unwrap().contains(" 405 "), "{all}");
    });
}

#[test]
fn a_service_in_rust_answers() {
    greets("rust");
}

#[test]
fn a_service_in_go_answers() {
    greets("go");
}

#[test]
fn a_service_in_javascript_answers() {
    greets("js");
}

#[test]
fn a_service_in_typescript_answers() {
    greets("ts");
}

#[test]
fn a_service_in_python_answers() {
    greets("python");
}

#[test]
fn a_service_in_c_answers() {
    greets("c");
}

fn counts(language: &str) {
    begun(language, "object", |host| {
        assert_eq!(get(host, "POST", "/?name=x").0, "x stands at 1\n");
        assert_eq!(get(host, "POST", "/?name=x").0, "x stands at 2\n");
        assert_eq!(get(host, "GET", "/?name=x").0, "x stands at 2\n");
        assert_eq!(get(host, "GET", "/?name=y").0, "y stands at 0\n");
    });
}

#[test]
fn an_object_in_rust_counts() {
    counts("rust");
}

#[test]
fn an_object_in_go_counts() {
    counts("go");
}

#[test]
fn an_object_in_python_counts() {
    counts("python");
}

#[test]
fn a_middleware_in_rust_gives_numbers() {
    begun("rust", "middleware", |host| {
        let (body, all) = get(host, "GET", "/");
        let id = all.lines().find_map(|line| line.strip_prefix("x-request-id: "));
        assert_eq!(body, format!("Hello from request {}!\n", id.unwrap()));
    });
}

#[test]
fn a_project_joins_an_app() {
    let place = tempfile::tempdir().unwrap();
    ok(place.path(), &["new", "one", "--lang", "c"]);
    let app = place.path().join("one");
    std::fs::write(app.join("selvedge.toml"), "name = \"one\"\n").unwrap();
    ok(&app, &["new", "two", "--lang", "c", "--into", "."]);
    ok(&app, &["build"]);
    let host = Host::start(serve(&app, ANY), place.path().join("log"));
    assert_eq!(get(&host, "GET", "/two?name=Ada").0, "Hello, Ada! This is visit 1.\n");
    host.stop();
}

#[test]
fn what_cannot_be_is_told_in_one_sentence_and_creates_nothing() {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir(place.path().join("there")).unwrap();
    for (arguments, sentence) in [
        (&["new"][..], "say the name and the language, as in `selvedge new my-app --lang go`"),
        (&["new", "a"], "say the name and the language, as in `selvedge new a --lang go`"),
        (&["new", "My-App", "--lang", "go"], "\"My-App\" cannot be a name: it begins with 'M'"),
        (&["new", "../a", "--lang", "go"], "\"../a\" cannot be a name"),
        (&["new", "world", "--lang", "go"], "is a word of a language"),
        (&["new", "there", "--lang", "go"], "there is already a ./there; take another name"),
        (
            &["new", "a", "--lang", "js", "--template", "middleware"],
            "javascript has no template middleware: ",
        ),
        (
            &["new", "a", "--lang", "c", "--into", "nowhere"],
            "there is no nowhere/selvedge.toml; name the folder of an app",
        ),
    ] {
        let said = fails(place.path(), arguments);
        assert!(said.contains(sentence), "{arguments:?}: {said}");
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
}

/// The project's own test, as its README has it.
fn tests_itself(language: &str, template: &str, path: &str) {
    let place = tempfile::tempdir().unwrap();
    ok(place.path(), &["new", "mine", "--lang", language, "--template", template]);
    let app = place.path().join("mine");
    let readme = std::fs::read_to_string(app.join("README.md")).unwrap();
    let line = readme.lines().map(str::trim).skip_while(|line| !line.starts_with("curl ")).nth(1);
    let mut shell = Command::new("sh");
    shell.args(["-c", line.unwrap()]).current_dir(&app).env("PATH", path);
    let output = shell.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line:?}: {said}");
}

#[test]
fn projects_test_themselves() {
    let own = std::env::var("PATH").unwrap();
    // Where the compilers were installed for Selvedge alone, they are not on PATH.
    let cache = selvedge_languages::cache::languages().unwrap().join("bin");
    let path = format!("{own}:{}", cache.display());
    for language in ["rust", "go", "python", "c"] {
        tests_itself(language, "http", &path);
    }
    for (language, template) in
        [("rust", "object"), ("rust", "middleware"), ("go", "object"), ("python", "object")]
    {
        tests_itself(language, template, &path);
    }
    let node = selvedge_languages::npm::node(&selvedge_languages::tool::Silent).unwrap();
    let node = node.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    for language in ["js", "ts"] {
        tests_itself(language, "http", &format!("{node}:{path}"));
    }
}

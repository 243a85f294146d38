//! What has not changed is left alone; what was interrupted leaves nothing half done.

use crate::app::{App, Ran, touch};
use crate::parts;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A component that a command copies from its source, and counts how often it did.
const COPIED: &str = r#"
[components.one]
source = "one"
build = "echo run >> ../runs; cp service.bin out.wasm"
wasm = "one/out.wasm"
[services.one]
component = "one"
routes = ["/*"]
"#;

fn copied() -> App {
    App::new(COPIED, &[("one/service.bin", &parts::service("0.3.0", 200, None))])
}

fn runs(app: &App) -> usize {
    String::from_utf8(app.read("runs")).unwrap().lines().count()
}

#[test]
fn a_command_runs_again_only_when_its_sources_change() {
    let app = copied();
    app.build();
    assert_eq!(runs(&app), 1);
    let again = app.run(&["build", "--json"]);
    assert_eq!((again.code, runs(&app)), (Some(0), 1));
    assert_eq!(again.of("components", "one")["status"], "fresh");
    assert_eq!(again.of("services", "one")["status"], "fresh");

    app.write("one/service.bin", &parts::service("0.3.0", 204, None));
    let changed = app.run(&["build", "--json"]);
    assert_eq!((changed.code, runs(&app)), (Some(0), 2));
    assert_eq!(changed.of("components", "one")["status"], "built");
    assert_eq!(changed.of("services", "one")["status"], "built");
    assert_eq!(app.service("one"), parts::service("0.3.0", 204, None));

    touch(&app.path("one/service.bin"));
    app.build();
    assert_eq!(runs(&app), 3, "a file that was written is built");
    app.write("one/new.txt", b"");
    app.build();
    assert_eq!(runs(&app), 4, "a file that is new is built");
    std::fs::remove_file(app.path("one/new.txt")).unwrap();
    app.build();
    assert_eq!(runs(&app), 5, "a file that is gone is built");
    std::fs::remove_file(app.path("one/out.wasm")).unwrap();
    app.build();
    assert_eq!(runs(&app), 6, "a component that is gone is built");
    app.build();
    assert_eq!(runs(&app), 6);
}

#[test]
fn another_command_builds_again() {
    let app = copied();
    app.build();
    let manifest = String::from_utf8(app.read("selvedge.toml")).unwrap();
    app.write("selvedge.toml", manifest.replace("; cp ", "; true; cp ").as_bytes());
    app.build();
    assert_eq!(runs(&app), 2);
}

#[test]
fn a_command_that_fails_is_shown_with_its_own_words() {
    let manifest = COPIED.replace("echo run >> ../runs;", "echo said; echo wailed >&2; exit 3;");
    let app = App::new(&manifest, &[("one/service.bin", b"")]);
    let ran = app.run(&["build"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    for line in ["said", "wailed"] {
        assert!(ran.stderr.lines().any(|is| is == line), "no {line:?} in\n{}", ran.stderr);
    }
    assert!(ran.stderr.contains("error: component \"one\": `echo said;"), "{}", ran.stderr);
    assert!(ran.stderr.contains("failed (exit status: 3); what it said is above"));
    assert!(app.list(".selvedge/services").is_empty());
}

#[test]
fn a_command_that_writes_nothing_is_told() {
    let app = App::new(&COPIED.replace("cp service.bin out.wasm", "true"), &[("one/a", b"")]);
    let ran = app.run(&["build"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("ended well, but wrote no "), "{}", ran.stderr);
}

#[test]
fn one_command_may_write_several_components() {
    let manifest = format!(
        "{}[components.two]\nsource = \"one\"\nbuild = \"echo run >> ../runs; cp service.bin out.wasm\"\nwasm = \"one/out.wasm\"\n[services.two]\ncomponent = \"two\"\nroutes = [\"/two\"]\n",
        COPIED
    );
    let app = App::new(&manifest, &[("one/service.bin", &parts::service("0.3.0", 200, None))]);
    app.build();
    assert_eq!(runs(&app), 1);
    assert_eq!(app.service("one"), app.service("two"));
    app.build();
    assert_eq!(runs(&app), 1);
}

#[test]
fn the_record_names_what_serving_needs() {
    let app = copied();
    app.build();
    let record: serde_json::Value =
        serde_json::from_slice(&app.read(".selvedge/build.json")).unwrap();
    let service = &record["services"]["one"];
    let compiled = service["compiled"].as_str().unwrap();
    assert_eq!(app.list(".selvedge/cache"), [compiled]);
    assert!(compiled.starts_with(service["wasm"]["sha256"].as_str().unwrap()));
    assert_eq!(service["wiring"], "one");
    assert_eq!(
        service["wasm"]["stamp"]["bytes"].as_u64().unwrap(),
        u64::try_from(app.service("one").len()).unwrap()
    );
}

#[test]
fn what_no_service_uses_any_more_is_dropped() {
    let app = copied();
    app.build();
    let before = app.list(".selvedge/cache");
    app.write("one/service.bin", &parts::service("0.3.0", 299, None));
    let manifest = String::from_utf8(app.read("selvedge.toml")).unwrap();
    app.write("selvedge.toml", manifest.replace("services.one", "services.renamed").as_bytes());
    app.build();
    assert_eq!(app.list(".selvedge/services"), ["renamed.wasm"]);
    let after = app.list(".selvedge/cache");
    assert_eq!(after.len(), 1);
    assert_ne!(after, before);
}

/// A component whose command says that it has begun, and ends when it is told.
const SLOW: &str = r#"
[components.one]
source = "one"
build = """
echo run >> ../runs; touch ../begun
i=0; while [ ! -e ../go ] && [ $i -lt 3000 ]; do sleep 0.01; i=$((i + 1)); done
cp service.bin out.wasm
"""
wasm = "one/out.wasm"
[services.one]
component = "one"
routes = ["/*"]
"#;

fn wait_for(path: &Path) {
    let began = Instant::now();
    while !path.exists() {
        assert!(began.elapsed() < Duration::from_secs(30), "no {}", path.display());
        std::thread::yield_now();
    }
}

#[test]
fn two_builds_of_one_app_take_turns() {
    let app = App::new(SLOW, &[("one/service.bin", &parts::service("0.3.0", 200, None))]);
    let first = app.command(&["build"]).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&app.path("begun"));
    let mut second = app.command(&["build"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(second.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("Waiting for another build of this app"), "{line}");
    app.write("go", b"");
    let first = Ran::from(first.wait_with_output().unwrap());
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(second.wait().unwrap().success());
    assert_eq!(runs(&app), 1, "the second finds everything built");
}

#[test]
fn a_killed_build_leaves_nothing_half_done() {
    let app = App::new(SLOW, &[("one/service.bin", &parts::service("0.3.0", 200, None))]);
    let mut build = app.command(&["build"]).stderr(Stdio::null()).spawn().unwrap();
    wait_for(&app.path("begun"));
    build.kill().unwrap();
    build.wait().unwrap();
    assert!(app.list(".selvedge/services").is_empty());
    let served = app.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(served.code, Some(1));
    assert!(served.stderr.contains("service \"one\" is not built; run `selvedge build`"));
    app.write("go", b"");
    app.build();
    assert_eq!(app.service("one"), parts::service("0.3.0", 200, None));
}

#[test]
fn a_middleware_added_since_the_build_is_not_left_out() {
    let app = copied();
    app.write("front.wasm", &parts::middleware("0.3.0", "add", 1));
    app.build();
    let manifest = String::from_utf8(app.read("selvedge.toml")).unwrap();
    let manifest =
        format!("{manifest}middleware = [\"front\"]\n[components.front]\nwasm = \"front.wasm\"\n");
    app.write("selvedge.toml", manifest.as_bytes());
    let served = app.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(served.code, Some(1));
    let sentence = "service \"one\" was built as \"one\", and the manifest says \"front > one\"";
    assert!(served.stderr.contains(sentence), "{}", served.stderr);
}

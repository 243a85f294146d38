//! `selvedge bundle` and `selvedge deploy --dry-run`: what they make, and what they say where they
//! cannot. What a bundle does when it runs is for the conformance suite.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails panics"
)]

#[path = "serving/host.rs"]
mod host;
#[path = "serving/app.rs"]
mod serving;

use host::{SELVEDGE, text};
use serde_json::{Value, json};
use serving::App;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output};
use wasmparser::{Parser, Payload};

const MANIFEST: &str = r#"
name = "app"
[components.counter]
wasm = "counter.wasm"
objects = ["counter"]
[components.counter-object]
wasm = "counter-object.wasm"
[services.counter]
component = "counter"
routes = ["/counter/{name}"]
[objects.counter]
component = "counter-object"
[keyvalue.visitors]
[secrets.key]
env = "SELVEDGE_TEST_KEY"
"#;

fn selvedge(app: &App, command: &str) -> Command {
    let mut selvedge = Command::new(SELVEDGE);
    selvedge.arg(command).arg("--app").arg(app.path(""));
    selvedge
}

/// What a command says that fails.
fn refused(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert_eq!(status.code(), Some(1), "{}{}", text(&stdout), text(&stderr));
    text(&stderr)
}

/// Puts another component in the place of the service's.
fn replace_component(app: &App, component: &[u8]) {
    fs::write(app.path("counter.wasm"), component).unwrap();
    // The app is a copy, and what was noted of its build names the files of the original.
    fs::remove_file(app.path(".selvedge/build.json")).unwrap();
}

fn json_of(mut command: Command) -> Value {
    let output = command.arg("--json").output().unwrap();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn bundle_of(app: &App) -> PathBuf {
    app.path(".selvedge/edge/worker")
}

#[test]
fn a_bundle_is_good_when_each_service_has_answered() {
    let app = App::of(MANIFEST);
    let report = json_of(selvedge(&app, "bundle"));
    assert_eq!(report["ok"], true);
    let [asked] = report["verified"]["asked"].as_array().unwrap().as_slice() else {
        panic!("{report}")
    };
    assert_eq!(asked["service"], "counter");
    assert_eq!(asked["path"], "/counter/selvedge");
    assert_eq!(asked["status"], 200);
    assert!(report["sizes"]["gzip_bytes"].as_u64() > Some(10_000), "{report}");
    for file in ["worker.js", "host.wasm", "wrangler.jsonc"] {
        assert!(bundle_of(&app).join(file).is_file(), "{file}");
    }
    let history = fs::read(app.path("selvedge.migrations.json")).unwrap();
    let history: Value = serde_json::from_slice(&history).unwrap();
    assert_eq!(history["migrations"], json!([{ "tag": "v1", "new_sqlite_classes": ["Counter"] }]));
    // Nothing is left but the bundle and what makes the next one faster.
    let mut left: Vec<String> = fs::read_dir(app.path(".selvedge/edge"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["bundle.lock", "modules", "worker"]);
}

#[test]
fn deploying_is_tried_without_an_account() {
    let app = App::of(MANIFEST);
    let report = json_of({
        let mut deploy = selvedge(&app, "deploy");
        deploy.arg("--dry-run");
        deploy
    });
    assert_eq!(report["ok"], true);
    assert_eq!(report["planned"]["worker"], "app");
    assert_eq!(
        report["planned"]["stores"],
        json!([{ "name": "visitors", "binding": "KV_VISITORS" }])
    );
    assert_eq!(report["planned"]["secrets"][0]["binding"], "SECRET_KEY");
    let mut deploy = selvedge(&app, "deploy");
    deploy.args(["--dry-run", "--secrets"]).env_remove("SELVEDGE_TEST_KEY");
    assert!(refused(deploy).contains("the environment variable SELVEDGE_TEST_KEY is not usable"));
    let mut deploy = selvedge(&app, "deploy");
    deploy.args(["--dry-run", "--secrets"]).env("SELVEDGE_TEST_KEY", "hush");
    assert_eq!(json_of(deploy)["planned"]["with_secrets"], true);
    let mut deploy = selvedge(&app, "deploy");
    let output = deploy.arg("--dry-run").env_remove("SELVEDGE_TEST_KEY").output().unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    for part in [
        "the Worker \"app\"",
        "KV_VISITORS",
        "key from $SELVEDGE_TEST_KEY, as SECRET_KEY: missing on this machine",
        "Nothing was deployed",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn without_node_and_npm_the_next_step_is_told() {
    let app = App::of(MANIFEST);
    let (path, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut bundle = selvedge(&app, "bundle");
    bundle.env("PATH", path.path()).env("XDG_CACHE_HOME", cache.path());
    let said = refused(bundle);
    assert!(
        said.contains(
            "error: Node 22.12 or newer is needed, and there is none on PATH; install Node"
        ),
        "{said}"
    );
}

#[test]
fn what_npm_says_is_passed_on_and_nothing_is_left_half_installed() {
    let app = App::of(MANIFEST);
    let (path, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let npm = path.path().join("npm");
    fs::write(&npm, "#!/bin/sh\necho 'npm error: no network today' >&2\nexit 1\n").unwrap();
    // A Node that is too old is passed by, as if there were none.
    let node = path.path().join("node");
    fs::write(&node, "#!/bin/sh\necho v18.20.0\n").unwrap();
    assert!(Command::new("chmod").arg("+x").args([&npm, &node]).status().unwrap().success());
    let mut bundle = selvedge(&app, "bundle");
    bundle.env("PATH", path.path()).env("XDG_CACHE_HOME", cache.path());
    let said = refused(bundle);
    assert!(said.contains("npm error: no network today"), "{said}");
    assert!(said.contains("error: npm could not install Node"), "{said}");
    let left = fs::read_dir(cache.path().join("selvedge/edge")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["install.lock"]);
}

#[test]
fn a_core_module_is_no_component() {
    let app = App::of(MANIFEST);
    replace_component(&app, &wat::parse_str("(module)").unwrap());
    let said = refused(selvedge(&app, "bundle"));
    assert!(said.contains("is a core module, not a component"), "{said}");
    assert!(!bundle_of(&app).exists());
}

#[test]
fn an_import_that_nobody_has_stops_the_bundle() {
    let app = App::of(MANIFEST);
    let wat = r#"(component (import "acme:gpu/shader@1.0.0" (instance (export "run" (func)))))"#;
    replace_component(&app, &wat::parse_str(wat).unwrap());
    let said = refused(selvedge(&app, "bundle"));
    assert!(said.contains("imports acme:gpu/shader@1.0.0, which no host offers"), "{said}");
}

#[test]
fn a_component_that_traps_when_it_starts_is_told_with_its_error() {
    let app = App::of(MANIFEST);
    json_of(selvedge(&app, "bundle"));
    let before = fs::read(bundle_of(&app).join("worker.js")).unwrap();
    let component = fs::read(app.path("counter.wasm")).unwrap();
    replace_component(&app, &trapping_at_start(component));
    let said = refused(selvedge(&app, "bundle"));
    assert!(
        said.contains("service \"counter\" does not answer GET http://localhost/counter/selvedge"),
        "{said}"
    );
    assert!(said.contains("unreachable"), "{said}");
    // The bundle that was good is still there.
    assert_eq!(fs::read(bundle_of(&app).join("worker.js")).unwrap(), before);
}

#[test]
fn a_class_that_is_gone_has_to_be_named() {
    let app = App::of(MANIFEST);
    json_of(selvedge(&app, "bundle"));
    let renamed = MANIFEST
        .replace("[objects.counter]", "[objects.tally]")
        .replace("objects = [\"counter\"]", "objects = [\"tally\"]");
    fs::write(app.path("selvedge.toml"), renamed).unwrap();
    let said = refused(selvedge(&app, "bundle"));
    assert!(said.contains("--delete-class counter"), "{said}");
    let mut bundle = selvedge(&app, "bundle");
    bundle.args(["--delete-class", "counter", "--no-verify"]);
    json_of(bundle);
    let config = fs::read_to_string(bundle_of(&app).join("wrangler.jsonc")).unwrap();
    assert!(config.contains("\"deleted_classes\""), "{config}");
}

#[test]
fn what_is_no_bundle_is_not_replaced() {
    let app = App::of(MANIFEST);
    fs::create_dir(app.path("src")).unwrap();
    fs::write(app.path("src/precious"), "work").unwrap();
    let mut bundle = selvedge(&app, "bundle");
    bundle.arg("--out").arg(app.path("src"));
    let said = refused(bundle);
    assert!(said.contains("is there and is no bundle"), "{said}");
    assert_eq!(fs::read(app.path("src/precious")).unwrap(), b"work");
}

#[test]
fn a_worker_that_somebody_wrote_is_not_replaced() {
    let app = App::of(MANIFEST);
    fs::create_dir(app.path("own")).unwrap();
    let config = "// Mine.\n{ \"name\": \"mine\" }\n";
    fs::write(app.path("own/wrangler.jsonc"), config).unwrap();
    fs::write(app.path("own/index.js"), "work").unwrap();
    let mut bundle = selvedge(&app, "bundle");
    bundle.arg("--out").arg(app.path("own"));
    let said = refused(bundle);
    assert!(said.contains("is there and is no bundle"), "{said}");
    assert_eq!(fs::read(app.path("own/index.js")).unwrap(), b"work");
    // A bundle is replaced, and so is an empty folder.
    fs::create_dir(app.path("empty")).unwrap();
    for _ in 0..2 {
        let mut bundle = selvedge(&app, "bundle");
        bundle.arg("--no-verify").arg("--out").arg(app.path("empty"));
        json_of(bundle);
    }
}

#[test]
fn only_what_changed_is_transpiled() {
    let app = App::of(MANIFEST);
    let transpiled = || {
        let mut bundle = selvedge(&app, "bundle");
        let output = bundle.arg("--no-verify").output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr).matches("Transpiled ").count()
    };
    assert_eq!(transpiled(), 2);
    assert_eq!(transpiled(), 0);
    let mut component = fs::read(app.path("counter.wasm")).unwrap();
    // A custom section: its id, its length, and a name of one letter.
    component.extend([0, 2, 1, b'x']);
    replace_component(&app, &component);
    assert_eq!(transpiled(), 1);
    assert_eq!(transpiled(), 0);
}

#[test]
fn a_component_that_starts_with_too_much_memory_is_told() {
    let limits = "[services.counter.limits]\nmemory-bytes = 65536\n[objects.counter]";
    let app = App::of(&MANIFEST.replace("[objects.counter]", limits));
    let said = refused(selvedge(&app, "bundle"));
    assert!(
        said.contains("service \"counter\" cannot be turned into JavaScript: it starts with"),
        "{said}"
    );
    assert!(said.contains("and memory-bytes allows 65536; "), "{said}");
}

#[test]
fn limits_that_the_platform_cuts_short_are_told() {
    let limits = "[services.counter.limits]\nmemory-bytes = 268435456\n[objects.counter]";
    let app = App::of(&MANIFEST.replace("[objects.counter]", limits));
    let mut bundle = selvedge(&app, "bundle");
    bundle.arg("--no-verify");
    let warnings = json_of(bundle)["warnings"].to_string();
    assert!(warnings.contains("has memory-bytes = 268435456"), "{warnings}");
}

#[test]
fn a_worker_that_throws_when_it_starts_is_told() {
    let app = App::of(MANIFEST);
    let cache = altered_cache(&app, "glue/worker.js", |text| {
        format!("{text}\nthrow new Error(\"thrown at the start\");\n")
    });
    let mut bundle = selvedge(&app, "bundle");
    bundle.env("XDG_CACHE_HOME", cache.path());
    let said = refused(bundle);
    assert!(said.contains("the Worker does not start"), "{said}");
    assert!(said.contains("thrown at the start"), "{said}");
    assert!(!bundle_of(&app).exists());
}

/// A cache with the tools of the user's, in which one of this command's own files is another.
fn altered_cache(app: &App, file: &str, change: impl Fn(&str) -> String) -> tempfile::TempDir {
    // Installs what is missing, and says where this command's files lie.
    let mut bundle = selvedge(app, "bundle");
    bundle.arg("--no-verify");
    let report = json_of(bundle);
    fs::remove_dir_all(bundle_of(app)).unwrap();
    let script = PathBuf::from(report["run"][1].as_str().unwrap());
    let files = script.ancestors().nth(2).unwrap();
    let tools = files.parent().unwrap();
    let theirs = tools.parent().unwrap();
    let home = tempfile::tempdir().unwrap();
    let edge = home.path().join("selvedge/edge");
    let own = edge.join(tools.file_name().unwrap());
    fs::create_dir_all(&own).unwrap();
    for entry in fs::read_dir(theirs).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_name().to_string_lossy().starts_with("node-") {
            symlink(entry.path(), edge.join(entry.file_name())).unwrap();
        }
    }
    symlink(tools.join("node_modules"), own.join("node_modules")).unwrap();
    let files_here = own.join(files.file_name().unwrap());
    let copied = Command::new("cp").arg("-r").arg(files).arg(&files_here).status().unwrap();
    assert!(copied.success());
    let path = files_here.join(file);
    fs::write(&path, change(&fs::read_to_string(&path).unwrap())).unwrap();
    home
}

/// The component with one more module in it, whose start traps when the component is instantiated.
fn trapping_at_start(mut component: Vec<u8>) -> Vec<u8> {
    let (mut depth, mut modules) = (0, 0_u8);
    for payload in Parser::new(0).parse_all(&component) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } => {
                modules += u8::from(depth == 0);
                depth += 1;
            }
            Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            _ => {}
        }
    }
    let module = wat::parse_str("(module (func $f unreachable) (start $f))").unwrap();
    // One core instance: of that module, with no arguments.
    let instance = vec![1, 0, modules, 0];
    for (section, content) in [(1, module), (2, instance)] {
        component.push(section);
        component.push(u8::try_from(content.len()).unwrap());
        component.extend(content);
    }
    component
}

//! `selvedge check`: what components are, ask for and are granted.

use crate::app::App;
use crate::parts;
use serde_json::json;

const APP: &str = r#"
[components.one]
wasm = "one.wasm"
[components.old]
wasm = "old.wasm"
[components.front]
wasm = "front.wasm"
[components.idle]
wasm = "one.wasm"
[components.later]
source = "later"
build = "true"
wasm = "later/later.wasm"
[services.one]
component = "one"
middleware = ["front"]
routes = ["/one", "example.com/one/*"]
[services.old]
component = "old"
routes = ["/old"]
"#;

#[test]
fn worlds_and_hosts_are_told_without_building() {
    let app = App::new(
        APP,
        &[
            ("one.wasm", &parts::service("0.3.2", 200, None)),
            ("old.wasm", &parts::service_02()),
            ("front.wasm", &parts::middleware("0.3.0", "add", 1)),
            ("later/source", b""),
        ],
    );
    let ran = app.run(&["check", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert_eq!(ran.json()["ok"], true);
    for (name, world) in [
        ("one", json!("service-0.3")),
        ("old", json!("service-0.2")),
        ("front", json!("middleware")),
    ] {
        assert_eq!(ran.of("components", name)["world"], world);
    }
    assert_eq!(ran.of("components", "later")["world"], json!(null));
    let one = ran.of("components", "one");
    assert_eq!(one["exports"], json!(["wasi:http/handler@0.3.2"]));
    assert_eq!(
        one["imports"],
        json!([{
            "name": "wasi:http/types@0.3.2", "components": [], "objects": [],
            "native": "yes", "workers": "yes",
        }])
    );
    assert_eq!(ran.of("services", "one")["wiring"], "front > one");
    let said = app.run(&["check"]);
    for line in [
        "component one: service 0.3 (one.wasm)",
        "component old: service 0.2 (old.wasm)",
        "component front: middleware (front.wasm)",
        "service one: front > one",
        "  answers example.com/one/*",
    ] {
        assert!(said.stdout.lines().any(|is| is == line), "no {line:?} in\n{}", said.stdout);
    }
    assert!(said.stdout.contains("native yes, workers yes"), "{}", said.stdout);
    for told in
        ["warning: component \"later\" is not built", "note: component \"idle\" is in no service"]
    {
        assert!(said.stderr.contains(told), "no {told:?} in\n{}", said.stderr);
    }
    assert!(app.list(".selvedge").is_empty(), "a check writes nothing");
}

/// What looks from outside like a 0.3 service that imports one function of an interface.
fn asking(import: &str, function: &str) -> Vec<u8> {
    parts::parse(&format!(
        r#"(component
  (import "{import}" (instance {function}))
  (import "wasi:http/types@0.3.0" (instance (export "request" (type (sub resource)))))
  (instance $e) (export "wasi:http/handler@0.3.0" (instance $e)))"#
    ))
}

const ASKING: &str = r#"
[components.one]
wasm = "one.wasm"
GRANTS
[services.one]
component = "one"
routes = ["/*"]
[keyvalue.visitors]
"#;

fn check(import: &str, function: &str, grants: &str) -> crate::app::Ran {
    let manifest = ASKING.replace("GRANTS", grants);
    App::new(&manifest, &[("one.wasm", &asking(import, function))]).run(&["check"])
}

#[test]
fn what_is_asked_for_is_compared_with_what_is_granted() {
    let open = r#"(export "open" (func))"#;
    let keyvalue = "selvedge:keyvalue/store@0.1.0";
    let ran = check(keyvalue, open, "");
    assert_eq!(ran.code, Some(0));
    let warning =
        "warning: component \"one\" imports selvedge:keyvalue/store@0.1.0, but no store is granted";
    assert!(ran.stderr.contains(warning), "{}", ran.stderr);
    let ran = check(keyvalue, open, "keyvalue = [\"visitors\"]");
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.contains("  granted keyvalue visitors"), "{}", ran.stdout);

    let send = r#"(export "send" (func))"#;
    let ran = check("wasi:http/client@0.3.0", send, "");
    assert!(ran.stderr.contains(
        "note: component \"one\" imports wasi:http/client@0.3.0, but no host is granted"
    ));
    let ran = check("wasi:http/client@0.3.0", send, "allow-hosts = [\"example.com\"]");
    assert_eq!(ran.stderr, "");

    let ran =
        check("wasi:random/random@0.2.0", "", "keyvalue = [\"visitors\"]\nvars = { a = \"b\" }");
    assert!(
        ran.stderr.contains("note: component \"one\" is granted keyvalue, but imports nothing")
    );
    assert!(ran.stderr.contains("note: component \"one\" is granted vars, but imports nothing"));
}

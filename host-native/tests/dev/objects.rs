//! What becomes of live objects.

use crate::host::read;
use crate::host_of::Developed;
use serde_json::Value;
use std::time::{Duration, Instant};

const MANIFEST: &str = r#"
name = "app"
[components.counter]
wasm = "counter.wasm"
objects = ["counter"]
[components.counter-object]
wasm = "counter-object.wasm"
[components.probe]
wasm = "probe.wasm"
objects = ["subject", "plain"]
[components.subject]
wasm = "subject.wasm"
objects = ["subject", "plain"]
[components.plain]
wasm = "plain.wasm"
[services.counter]
component = "counter"
routes = ["/counter/{name}"]
[services.probe]
component = "probe"
routes = ["/probe/*"]
[objects.counter]
component = "counter-object"
[objects.subject]
component = "subject"
[objects.plain]
component = "plain"
"#;

#[test]
fn an_object_keeps_its_memory_while_others_are_swapped() {
    let mut app = Developed::of(MANIFEST);
    let bump = |app: &Developed| app.host.results("one", r#"[["bump"], ["identity"]]"#);
    let before = bump(&app);
    assert_eq!(before[0]["bumps"], 1);
    // A service that calls it, another class that it calls, and others still.
    for (file, what) in [
        ("probe.wasm", "probe"),
        ("plain.wasm", "plain"),
        ("counter-object.wasm", "counter"),
        ("counter.wasm", "counter"),
    ] {
        app.rewrite(file, 1);
        app.says(&format!("Swapped {what} in "));
    }
    let after = bump(&app);
    assert_eq!(after[0]["bumps"], 2);
    assert_eq!(after[1]["instance"], before[1]["instance"]);
    assert_eq!(after[1]["starts"], before[1]["starts"]);
}

#[test]
fn an_object_of_a_changed_class_begins_anew_with_what_it_stored() {
    let mut app = Developed::of(MANIFEST);
    let begun =
        app.host.results("one", r#"[["bump"], ["put", "key", "stored"], ["alarm-in", 4000]]"#);
    assert_eq!(begun[0]["bumps"], 1);
    // Whatever it has begun, it ends.
    let under_way = Instant::now();
    let path = "/probe/objects/run?name=one";
    let slow = app.host.ask("POST", path, r#"[["sleep", 4000], ["bump"], ["identity"]]"#).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    app.rewrite("subject.wasm", 1);
    app.says("Swapped subject in ");
    assert!(under_way.elapsed() < Duration::from_secs(4), "too slow to show anything");
    // This one waits for that.
    let waits = app.host.ask("POST", path, r#"[["bump"], ["get", "key"], ["identity"]]"#).unwrap();
    let slow = read(slow).unwrap();
    assert_eq!(slow.status, 200, "{}", slow.body);
    assert_eq!(slow.body["results"][1]["bumps"], 2);
    let after = read(waits).unwrap();
    assert_eq!(after.status, 200, "{}", after.body);
    let (slow, after) = (&slow.body["results"], &after.body["results"]);
    assert_eq!(after[0]["bumps"], 1);
    assert_eq!(after[1]["value"], "stored");
    assert_ne!(after[2]["instance"], slow[2]["instance"]);
    // The alarm of before wakes the object of now.
    let deadline = Instant::now() + Duration::from_secs(20);
    let fired = |app: &Developed| app.host.results("one", r#"[["alarm-log"]]"#)[0]["tries"] == 1;
    while !fired(&app) {
        assert!(Instant::now() < deadline, "the alarm does not fire");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_changed_grant_or_bound_of_a_class_holds_for_its_live_objects() {
    let mut app = Developed::of(MANIFEST);
    let script = r#"[["bump"], ["put", "key", "stored"], ["call-plain", "other"]]"#;
    let called = app.host.run("one", script);
    assert_eq!(called.status, 200, "{}", called.body);
    let manifest = app.manifest();
    let denied = manifest.replace(
        "wasm = \"subject.wasm\"\nobjects = [\"subject\", \"plain\"]",
        "wasm = \"subject.wasm\"\nobjects = [\"subject\"]",
    );
    assert_ne!(manifest, denied);
    app.save("selvedge.toml", denied.as_bytes());
    app.says("Swapped subject in ");
    let called = app.host.run("one", r#"[["get", "key"], ["call-plain", "other"]]"#);
    let text = called.body.to_string();
    assert!(text.contains("stored") && text.contains("access-denied"), "{text}");
}

#[test]
fn a_class_that_goes_and_comes_back_has_its_objects_as_they_were_stored() {
    let mut app = Developed::of(MANIFEST);
    assert_eq!(app.host.add("one").status, 200);
    assert_eq!(app.host.add("one").status, 200);
    let with = app.manifest();
    let without = with
        .replace("[objects.counter]\ncomponent = \"counter-object\"\n", "")
        .replace("[components.counter-object]\nwasm = \"counter-object.wasm\"\n", "")
        .replace("[components.counter]\nwasm = \"counter.wasm\"\nobjects = [\"counter\"]\n", "")
        .replace(
            "[services.counter]\ncomponent = \"counter\"\nroutes = [\"/counter/{name}\"]\n",
            "",
        );
    app.save("selvedge.toml", without.as_bytes());
    app.says("Swapped counter in ");
    assert_eq!(app.status("/counter/one"), 404);
    app.save("selvedge.toml", with.as_bytes());
    app.says("Swapped counter in ");
    assert_eq!(app.host.value("one"), 2);
}

/// Many calls while the class of their objects is swapped again and again: each is answered, and nothing
/// that was answered is lost.
#[test]
fn no_call_is_lost_to_a_swap() {
    let mut app = Developed::of(MANIFEST);
    let address = app.host.address.clone();
    let calling: Vec<_> = (0..4)
        .map(|object| {
            let address = address.clone();
            std::thread::spawn(move || {
                let path = format!("/counter/of-{object}");
                let mut last = Value::Null;
                for _ in 0..150 {
                    let asked = crate::host::ask(&address, "POST", &path, "").unwrap();
                    let answer = read(asked).unwrap();
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    last = answer.body["value"].clone();
                    std::thread::sleep(Duration::from_millis(20));
                }
                last
            })
        })
        .collect();
    let mut swaps = 0;
    while calling.iter().any(|caller| !caller.is_finished()) && swaps < 20 {
        swaps += 1;
        app.rewrite(if swaps % 2 == 0 { "counter.wasm" } else { "counter-object.wasm" }, swaps);
        app.says("Swapped counter in ");
    }
    for caller in calling {
        assert_eq!(caller.join().unwrap(), 150);
    }
    assert!(swaps > 1, "nothing was swapped meanwhile");
}

//! What becomes of live objects.

use crate::host::{ask, read};
use crate::host_of::{Developed, MANIFEST};
use std::time::{Duration, Instant};

#[test]
fn an_object_keeps_its_memory_while_others_are_swapped() {
    let mut app = Developed::of(MANIFEST);
    let bump = |app: &Developed| app.host.results("one", r#"[["bump"], ["identity"]]"#);
    let before = bump(&app);
    assert_eq!(before[0]["bumps"], 1);
    // A service that calls it, another class that it calls, and others still.
    for (file, what) in [("probe.wasm", "probe"), ("plain.wasm", "plain")] {
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
    let script = r#"[["bump"], ["put", "key", "stored"], ["call-class-plain", "other"]]"#;
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
    let called = app.host.run("one", r#"[["get", "key"], ["call-class-plain", "other"]]"#);
    let text = called.body.to_string();
    assert!(text.contains("stored") && text.contains("access-denied"), "{text}");
}

#[test]
fn a_class_that_goes_and_comes_back_has_its_objects_as_they_were_stored() {
    let mut app = Developed::of(MANIFEST);
    assert_eq!(add(&app.host.address, "one"), 1);
    assert_eq!(add(&app.host.address, "one"), 2);
    let with = app.manifest();
    // Another class with the same objects takes its place, and its callers.
    let without = with
        .replace("[objects.plain]", "[objects.other]")
        .replace("objects = [\"subject\", \"plain\"]", "objects = [\"subject\", \"other\"]");
    app.save("selvedge.toml", without.as_bytes());
    app.says("Swapped other, plain, probe, subject in ");
    assert_eq!(add(&app.host.address, "one"), 1);
    app.save("selvedge.toml", with.as_bytes());
    app.says("Swapped other, plain, probe, subject in ");
    assert_eq!(add(&app.host.address, "one"), 3);
}

/// Adds one to what an object keeps on disk; gives the sum.
fn add(address: &str, object: &str) -> u64 {
    let path = format!("/probe/objects/plain-add?name={object}");
    let answer = read(ask(address, "POST", &path, "").unwrap()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["sum"].as_u64().unwrap()
}

/// Many calls while the class of their objects is swapped again and again, and their caller: each is
/// answered, and nothing that was answered is lost.
#[test]
fn no_call_is_lost_to_a_swap() {
    let mut app = Developed::of(MANIFEST);
    let calling: Vec<_> = (0..4)
        .map(|object| {
            let address = app.host.address.clone();
            std::thread::spawn(move || {
                for sum in 1..=150 {
                    assert_eq!(add(&address, &format!("of-{object}")), sum);
                    std::thread::sleep(Duration::from_millis(20));
                }
            })
        })
        .collect();
    let mut swaps = 0;
    while calling.iter().any(|caller| !caller.is_finished()) && swaps < 20 {
        swaps += 1;
        let (file, what) = if swaps % 3 == 0 { ("probe", "probe") } else { ("plain", "plain") };
        app.rewrite(&format!("{file}.wasm"), swaps);
        app.says(&format!("Swapped {what} in "));
    }
    for caller in calling {
        caller.join().unwrap();
    }
    assert!(swaps > 1, "nothing was swapped meanwhile");
}

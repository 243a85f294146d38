//! Swaps of services and of the manifest.

use crate::host::read;
use crate::host_of::{Developed, MANIFEST, answering, small};
use std::fs;
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

const SMALL: &str = r#"
name = "small"
[components.one]
wasm = "one.wasm"
[services.one]
component = "one"
routes = ["/one"]
"#;

/// Whatever was begun ends on the version it began on; what comes after the swap gets the new one, on
/// connections that were there before as well.
#[test]
fn requests_under_way_end_on_the_version_they_began_on() {
    let mut app = Developed::of(MANIFEST);
    let mut kept = app.host.connect();
    let mut on_kept = || {
        kept.write_all(b"GET /probe/http/hello HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let mut answer = [0; 4096];
        let read = kept.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    };
    assert!(on_kept().starts_with("HTTP/1.1 200"));
    let begun = Instant::now();
    let slow = app.host.ask("GET", "/probe/http/sleep?ms=4000", "").unwrap();
    let mut streamed = app.host.ask("GET", "/probe/http/slow?n=21&ms=200", "").unwrap();
    let mut head = [0; 12];
    streamed.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.0 200");
    // It has answered, and works on.
    let later = "/probe/keyvalue/set-later?store=notes&key=later&value=written&ms=4000";
    assert_eq!(app.status(later), 200);
    let probe = fs::read(app.folder.join("probe.wasm")).unwrap();

    app.save("probe.wasm", &answering(299));
    let line = app.says("Swapped");
    assert!(line.contains("Swapped probe in "), "{line}");
    assert_eq!(app.status("/probe/http/hello"), 299);
    assert!(on_kept().starts_with("HTTP/1.1 299"), "a connection that was there");
    let swapped = begun.elapsed();

    let slow = read(slow).unwrap();
    assert_eq!((slow.status, slow.body.as_str()), (200, Some("slept")));
    let mut body = String::new();
    streamed.read_to_string(&mut body).unwrap();
    assert!(body.ends_with(&"x".repeat(21)), "{body:?}");
    assert!(swapped < Duration::from_secs(4), "too slow to show anything: {swapped:?}");

    app.save("probe.wasm", &probe);
    app.says("Swapped probe in ");
    let answer = app.host.request("GET", "/probe/keyvalue/get?store=notes&key=later", "");
    assert_eq!((answer.status, answer.body.as_str()), (200, Some("written")));
}

#[test]
fn what_fails_to_build_leaves_the_last_good_version_until_it_is_good_again() {
    let mut app = Developed::of_small(small(SMALL, &[("one.wasm", &answering(201))]));
    app.save("one.wasm", b"no component at all");
    app.says("error: component \"one\"");
    app.says("the last good version is served");
    assert_eq!(app.status("/one"), 201);
    app.save("one.wasm", &answering(202));
    app.says("Swapped one in ");
    assert_eq!(app.status("/one"), 202);
    // What the tool of a language says comes through.
    let manifest = app.manifest().replace(
        "wasm = \"one.wasm\"",
        "source = \"src\"\nbuild = \"cp text out.wasm\"\nwasm = \"src/out.wasm\"",
    );
    fs::create_dir(app.folder.join("src")).unwrap();
    app.save("selvedge.toml", manifest.as_bytes());
    app.says("cannot stat");
    app.says("the last good version is served");
    assert_eq!(app.status("/one"), 202);
    app.save("src/text", &answering(203));
    app.says("Swapped one in ");
    assert_eq!(app.status("/one"), 203);
    app.save("src/text", &answering(204));
    app.says("Swapped one in ");
    assert_eq!(app.status("/one"), 204);
}

#[test]
fn the_manifest_is_swapped_too_and_one_in_disorder_changes_nothing() {
    let files = [("one.wasm", &*answering(201)), ("two.wasm", &*answering(202))];
    let mut app = Developed::of_small(small(SMALL, &files));
    assert_eq!(app.status("/more"), 404);
    let manifest = app.manifest();
    app.save("selvedge.toml", format!("{manifest}routs = 1\n").as_bytes());
    app.says("selvedge.toml:8:1: error:");
    app.says("the last good version is served");
    assert_eq!(app.status("/one"), 201);
    let manifest = manifest.replace("[\"/one\"]", "[\"/one\", \"/more\"]");
    app.save("selvedge.toml", manifest.as_bytes());
    app.says("Swapped selvedge.toml in ");
    assert_eq!(app.status("/more"), 201);
    let more = "[components.two]\nwasm = \"two.wasm\"\n[services.two]\ncomponent = \"two\"\nroutes = [\"/two\"]\n";
    app.save("selvedge.toml", format!("{manifest}{more}").as_bytes());
    app.says("Swapped two in ");
    assert_eq!((app.status("/one"), app.status("/two")), (201, 202));
    // Another bound: on the size of a head.
    let tight = "[services.one.limits]\nheader-bytes = 16384\n";
    let long = format!("/one?{}", "x".repeat(20_000));
    assert_eq!(app.status(&long), 201);
    app.save("selvedge.toml", format!("{manifest}{tight}").as_bytes());
    app.says("Swapped one, two in ");
    assert_eq!((app.status("/one"), app.status("/two")), (201, 404));
    assert_eq!(app.status(&long), 431);
}

#[test]
fn a_store_and_a_grant_that_are_added_can_be_used() {
    let without =
        MANIFEST.replace("keyvalue = [\"notes\"]\n", "").replace("[keyvalue.notes]\n", "");
    let mut app = Developed::of(&without);
    let open = "/probe/keyvalue/open?store=notes";
    assert_eq!(app.status(open), 409);
    app.save("selvedge.toml", MANIFEST.as_bytes());
    app.says("Swapped probe in ");
    assert_eq!(app.status(open), 200);
    app.save("selvedge.toml", without.as_bytes());
    app.says("Swapped probe in ");
    assert_eq!(app.status(open), 409);
}

#[test]
fn an_app_that_is_not_good_at_first_is_served_as_soon_as_it_is() {
    let folder = small(SMALL, &[("one.wasm", b"no component")]);
    let path = folder.path().to_owned();
    let good = std::thread::spawn({
        let path = path.clone();
        move || {
            let log = || fs::read_to_string(path.join("log")).unwrap_or_default();
            let begun = Instant::now();
            while !log().contains("Waiting for the next change") {
                assert!(begun.elapsed() < Duration::from_secs(30), "{}", log());
                std::thread::sleep(Duration::from_millis(5));
            }
            fs::write(path.join("one.wasm"), answering(201)).unwrap();
        }
    });
    let app = Developed::of_small(folder);
    good.join().unwrap();
    assert_eq!(app.status("/one"), 201);
}

/// Memory, mappings, threads and open files are what they were after some swaps.
#[test]
fn a_hundred_swaps_leave_nothing_behind() {
    let mut app = Developed::of_small(small(SMALL, &[("one.wasm", &answering(200))]));
    let process = format!("/proc/{}", app.host.child.id());
    let count = |what: &str| match what {
        "fd" | "task" => fs::read_dir(format!("{process}/{what}")).unwrap().count(),
        "maps" => fs::read_to_string(format!("{process}/maps")).unwrap().lines().count(),
        _ => {
            let status = fs::read_to_string(format!("{process}/status")).unwrap();
            let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        }
    };
    let mut before = Vec::new();
    // Beside the number, how much more is no growth: what a hundred swaps would leave, if each left
    // one of a kind, or the code of one version, is far more.
    let counted = [("fd", 10), ("task", 10), ("maps", 20), ("rss", 6 * 1024)];
    for swap in 0..160_u16 {
        let status = 201 + swap % 90;
        app.save("one.wasm", &answering(status));
        app.says("Swapped one in ");
        assert_eq!(app.status("/one"), status, "after swap {swap}");
        // By then the places of instances, which are kept, have all been used once.
        if swap == 59 {
            before = counted.iter().map(|(what, _)| count(what)).collect();
        }
    }
    // Old instances are given up soon, not at once.
    std::thread::sleep(Duration::from_millis(500));
    for ((what, more), before) in counted.into_iter().zip(before) {
        let after = count(what);
        assert!(after <= before + more, "{what}: {before} before, {after} after");
    }
}

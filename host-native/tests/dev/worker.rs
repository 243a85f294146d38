//! `selvedge dev --edge`: the same with the bundle, in workerd.

use crate::host::{Host, SELVEDGE};
use crate::host_of::MANIFEST;
use crate::serving::App;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

fn wait_for(what: &str, host: &Host, times: usize) {
    let begun = Instant::now();
    while host.log().matches(what).count() < times {
        assert!(begun.elapsed() < Duration::from_secs(120), "no {what:?}: {}", host.log());
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_worker_is_swapped_keeps_what_it_stored_and_survives_a_build_that_fails() {
    let app = App::of(MANIFEST);
    let mut command = Command::new(SELVEDGE);
    // Wrangler takes the port itself; a free one is as good as any.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = free.local_addr().unwrap().to_string();
    drop(free);
    command.args(["dev", "--edge", "--listen", &listen, "--app"]).arg(app.path(""));
    let mut host = Host::start(command, app.path("log"));
    assert_eq!(host.address, listen);
    let add = |host: &Host, service: &str| {
        host.request("POST", &format!("/{service}/objects/plain-add?name=one"), "").body["sum"]
            .as_u64()
    };
    assert_eq!(add(&host, "probe"), Some(1));
    wait_for("Watching", &host, 1);

    let manifest = fs::read_to_string(app.path("selvedge.toml")).unwrap();
    let more = manifest.replace("[\"/probe/*\"]", "[\"/probe/*\", \"/more/*\"]");
    fs::write(app.path("selvedge.toml"), &more).unwrap();
    wait_for("Swapped app in ", &host, 1);
    assert_eq!(add(&host, "more"), Some(2));

    let good = fs::read(app.path("plain.wasm")).unwrap();
    fs::write(app.path("plain.wasm"), "no component").unwrap();
    wait_for("the last good version is served", &host, 1);
    assert_eq!(add(&host, "probe"), Some(3));
    // The good one, in other bytes.
    let section = [&[0, 6, 4][..], b"note1"].concat();
    fs::write(app.path("plain.wasm"), [&good[..], &section].concat()).unwrap();
    let begun = Instant::now();
    while !host.log().contains("the same as") && host.log().matches("Swapped app").count() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(120), "{}", host.log());
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(add(&host, "probe"), Some(4));
    host.signal("TERM");
    assert_eq!(host.ended_within(Duration::from_secs(15)), Some(0), "{}", host.log());
    assert!(std::net::TcpStream::connect(&listen).is_err(), "workerd is left");
}

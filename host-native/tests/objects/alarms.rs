//! How soon alarms are delivered, and that none wakes an object for nothing.

use crate::host::Host;
use crate::serving::App;
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

/// Alarms whose delay is measured.
const ALARMS: usize = 50;
/// What half of them keep, in milliseconds; on a machine that does nothing else, all do.
const LATE_MS_MEDIAN: u64 = 50;

/// The log of an object's alarms, when it was told of so many.
fn told(host: &Host, object: &str, tries: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let log = host.results(object, &json!([["alarm-log"]]))[0]["log"].clone();
        let log = log.as_array().cloned().unwrap_or_default();
        if log.len() >= tries {
            return log;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{object}: {log:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn alarms_are_delivered_within_fifty_milliseconds() {
    let app = App::new();
    let host = app.start();
    // The component is compiled, and the object's folder is there.
    host.results("warm", &json!([["alarm-in", 10]]));
    told(&host, "warm", 1);
    for object in 0..ALARMS {
        host.results(&format!("o{object}"), &json!([["alarm-in", 1_000 + 10 * object]]));
    }
    let late =
        (0..ALARMS).map(|object| told(&host, &format!("o{object}"), 1)[0]["late-ms"].clone());
    let mut late: Vec<u64> = late.map(|late_ms| late_ms.as_u64().unwrap()).collect();
    late.sort_unstable();
    let (median, p95) = (late[ALARMS / 2], late[ALARMS * 95 / 100]);
    println!("late by {median} ms in the middle, {p95} ms at p95");
    assert!(median < LATE_MS_MEDIAN, "{late:?}");
    host.stop();
}

/// How often the host has written anything.
fn writes(host: &Host) -> u64 {
    let io = fs::read_to_string(format!("/proc/{}/io", host.child.id())).unwrap();
    let count = io.lines().find_map(|line| line.strip_prefix("syscw: ")).unwrap();
    count.parse().unwrap()
}

#[test]
fn alarm_whose_handler_waits_wakes_its_object_once() {
    let app = App::new();
    let host = app.start();
    let plan = json!({"scripts": [[["sleep", 1_500]]]});
    host.results("o", &json!([["alarm-plan", plan], ["alarm-at", 1_000]]));
    told(&host, "o", 1);
    // The handler waits. Each entry of the index would be a few writes.
    let before = writes(&host);
    std::thread::sleep(Duration::from_millis(700));
    let more = writes(&host) - before;
    assert!(more < 50, "{more} writes while nothing happens");
    host.stop();
}

//! Many callers, many objects, two hosts, and the end.

use crate::host::{ANY, Host, read};
use crate::serving::App;
use std::fs;
use std::time::{Duration, Instant};

/// Open files of the host.
fn open_files(host: &Host) -> usize {
    fs::read_dir(format!("/proc/{}/fd", host.child.id())).unwrap().count()
}

#[test]
fn second_host_on_a_folder_is_refused() {
    let app = App::new();
    let host = app.start();
    assert_eq!(host.add("c").status, 200);
    let said = app.refused(ANY);
    assert!(said.contains("in use by another process"), "{said}");
    assert!(said.contains(&host.child.id().to_string()) && said.contains("--data"), "{said}");
    assert_eq!(host.add("c").body["value"], 2);
    host.kill();
    // A lock of a host that was killed holds nobody up.
    assert_eq!(app.start().add("c").body["value"], 3);
}

#[test]
fn host_waits_for_a_command_that_has_the_folder() {
    let app = App::new();
    let host = app.start();
    assert_eq!(host.add("c").body["value"], 1);
    host.stop();
    let lock = fs::File::open(app.path(".selvedge/data/objects/host.lock")).unwrap();
    lock.lock().unwrap();
    let begun = Instant::now();
    let held = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(700));
        drop(lock);
    });
    let host = app.start();
    assert!(begun.elapsed() >= Duration::from_millis(700));
    assert_eq!(host.add("c").body["value"], 2);
    held.join().unwrap();
}

#[test]
fn first_calls_that_race_meet_in_one_instance() {
    const CALLS: u64 = 2_000;
    let app = App::new();
    let host = app.start();
    let asked: Vec<_> =
        (0..CALLS).map(|_| host.ask("POST", "/counter/race", "").unwrap()).collect();
    let (mut values, mut visits) = (Vec::new(), Vec::new());
    for stream in asked {
        let answer = read(stream).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        values.push(answer.body["value"].as_u64().unwrap());
        visits.push(answer.body["visits"].as_u64().unwrap());
    }
    values.sort_unstable();
    visits.sort_unstable();
    let each_once: Vec<u64> = (1..=CALLS).collect();
    assert!(values == each_once, "an increment is lost or was made twice");
    assert!(visits == each_once, "there was more than one instance");
}

#[test]
fn more_live_objects_than_open_files() {
    const OBJECTS: usize = 700;
    let app = App::new();
    let host = app.start();
    let before = open_files(&host);
    for round in 1..=3 {
        for chunk in (0..OBJECTS).collect::<Vec<_>>().chunks(50) {
            let asked: Vec<_> = chunk
                .iter()
                .map(|index| host.ask("POST", &format!("/counter/c{index}"), "").unwrap())
                .collect();
            for stream in asked {
                let body = read(stream).unwrap().body;
                // As many visits as rounds: each is live still, though its file was closed meanwhile.
                assert_eq!(
                    (&body["value"], &body["visits"]),
                    (&round.into(), &round.into()),
                    "{body}"
                );
            }
        }
        let open = open_files(&host) - before;
        assert!(open < 3 * 500 + 100, "{open} files are open");
    }
    host.stop();
    let host = app.start();
    for index in [0, 1, OBJECTS / 2, OBJECTS - 1] {
        assert_eq!(host.value(&format!("c{index}")), 3);
    }
}

/// Objects that have stored nothing have no file, and take places all the same; and they are more
/// than there is room for from the start.
#[test]
fn more_live_objects_than_the_first_room_has_places() {
    const OBJECTS: usize = 1_500;
    let app = App::new();
    let host = app.start();
    for round in 1..=2 {
        for chunk in (0..OBJECTS).collect::<Vec<_>>().chunks(50) {
            let asked: Vec<_> = chunk
                .iter()
                .map(|index| host.ask("GET", &format!("/counter/c{index}"), "").unwrap())
                .collect();
            for stream in asked {
                let body = read(stream).unwrap().body;
                // As many visits as rounds: nobody was ended to make room.
                assert_eq!((&body["value"], &body["visits"]), (&0.into(), &round.into()), "{body}");
            }
        }
    }
    assert!(host.log().contains("room for more instances was opened"), "{}", host.log());
    // They can write, too, and services go on.
    assert_eq!(host.add("c1499").body["value"], 1);
    assert_eq!(host.results("k", r#"[["put", "a", "1"], ["get", "a"]]"#)[1]["value"], "1");
    host.stop();
    assert_eq!(app.start().value("c1499"), 1);
}

#[test]
fn host_that_stops_folds_what_its_objects_wrote() {
    let app = App::new();
    let host = app.start();
    for index in 0..20 {
        host.add(&format!("c{index}"));
        host.results(&format!("k{index}"), r#"[["put", "a", "1"], ["alarm-in", 3600000]]"#);
    }
    assert_eq!(app.logs().len(), 40);
    host.stop();
    assert_eq!(app.logs(), [""; 0].map(std::path::PathBuf::from));
    let host = app.start();
    assert_eq!(host.value("c7"), 1);
    let results = host.results("k7", r#"[["get", "a"], ["alarm-get"]]"#);
    assert_eq!(results[0]["value"], "1");
    assert!(results[1]["at-ms"].is_u64(), "{results}");
}

//! A disk that is full, slow, broken or damaged: one object's trouble is nobody else's.

use crate::host::read;
use crate::serving::App;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// What the host takes for the disk's state.
const DISK_FILE_VARIABLE: &str = "SELVEDGE_DISK_FILE";

fn overwrite(path: &Path, from: u64, bytes: &[u8]) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(bytes, from).unwrap();
}

#[test]
fn file_that_cannot_grow_is_an_error_of_one_object_and_loses_nothing() {
    let app = App::new();
    // No file may have more than 40 MiB. The shell's SIGXFSZ is ignored, so that writing fails.
    let host = app.start_behind("trap '' XFSZ; ulimit -f 40960;", &[]);
    // Told to be stored, or not told at all.
    let (mut acknowledged, mut refused, mut others) = (Vec::new(), Vec::new(), 0);
    for number in 0..100 {
        let answer = host.run("full", &format!(r#"[["put-sized", "k{number}", 2000000]]"#));
        match answer.status == 200 && answer.body["results"][0] == "ok" {
            true => acknowledged.push(number),
            false => refused.push(answer.body.to_string()),
        }
        others += 1;
        assert_eq!(host.add("other").body["value"], others, "{refused:?}");
        if refused.len() == 8 {
            break;
        }
    }
    assert!(acknowledged.len() > 10 && refused.len() == 8, "{acknowledged:?}: {refused:?}");
    assert_eq!(host.add("new").body["value"], 1);
    host.stop();
    let host = app.start();
    assert_eq!((host.value("other"), host.value("new")), (others, 1));
    for number in acknowledged {
        let results = host.results("full", &format!(r#"[["size", "k{number}"]]"#));
        assert_eq!(results[0]["bytes"], 2_000_000, "k{number}: {refused:?}");
    }
    assert_eq!(host.results("full", r#"[["put-sized", "last", 60000]]"#)[0], "ok");
}

#[test]
fn journal_that_cannot_grow_loses_nothing_that_was_answered() {
    let app = App::new();
    let host = app.start_behind("trap '' XFSZ; ulimit -f 400;", &[]);
    let (mut acknowledged, mut refused) = (BTreeMap::new(), 0);
    for number in 0..200 {
        let name = format!("c{}", number % 10);
        let answer = host.add(&name);
        match answer.status {
            200 => drop(acknowledged.insert(name, answer.body["value"].as_u64().unwrap())),
            503 => refused += 1,
            other => panic!("{other}: {}", answer.body),
        }
        assert_eq!(host.request("GET", "/probe/http/hello", "").status, 200);
    }
    assert!(acknowledged.len() == 10 && refused > 0, "{refused}: {acknowledged:?}");
    host.kill();
    let host = app.start();
    for (name, value) in acknowledged {
        let found = host.value(&name);
        assert!(found >= value, "{name} answered {value} and stands at {found}");
        assert_eq!(host.add(&name).body["value"], found + 1);
    }
}

#[test]
fn file_that_cannot_be_opened_is_an_error_of_one_object() {
    let app = App::new();
    fs::create_dir_all(app.file("counter", "bad")).unwrap();
    let host = app.start();
    for method in ["GET", "POST", "POST"] {
        assert_eq!(host.request(method, "/counter/bad", "").status, 503);
        assert_eq!(host.add("good").status, 200);
    }
    assert!(
        host.log().contains(&app.file("counter", "bad").display().to_string()),
        "{}",
        host.log()
    );
    // Whoever repairs it needs not restart the host.
    fs::remove_dir(app.file("counter", "bad")).unwrap();
    assert_eq!(host.add("bad").body["value"], 1);
    host.stop();
}

#[test]
fn file_that_may_not_be_written_is_an_error_of_one_object() {
    let app = App::new();
    let host = app.start();
    for name in ["sealed", "good"] {
        assert_eq!(host.add(name).body["value"], 1);
    }
    host.stop();
    let sealed = app.file("counter", "sealed");
    let permit = |mode| fs::set_permissions(&sealed, fs::Permissions::from_mode(mode)).unwrap();
    permit(0o444);
    // Permissions are nothing to root: then the host runs as nobody.
    let host = app.start_behind(&app.unprivileged(), &[]);
    assert_eq!(host.request("POST", "/counter/sealed", "").status, 503);
    assert_eq!(host.add("good").body["value"], 2);
    assert_eq!(host.request("POST", "/counter/sealed", "").status, 503);
    assert!(host.log().contains(&sealed.display().to_string()), "{}", host.log());
    permit(0o644);
    assert_eq!(host.add("sealed").body["value"], 2);
    host.stop();
}

#[test]
fn damaged_file_is_an_error_of_one_object_and_is_left_as_it_is() {
    let app = App::new();
    let host = app.start();
    for name in ["head", "middle", "good"] {
        assert_eq!(host.add(name).body["value"], 1);
    }
    host.stop();
    let (head, middle) = (app.file("counter", "head"), app.file("counter", "middle"));
    overwrite(&head, 0, &[0x5a; 512]);
    let bytes = fs::metadata(&middle).unwrap().len();
    overwrite(&middle, 4096, &vec![0x5a; usize::try_from(bytes - 4096).unwrap()]);
    let damaged = fs::read(&head).unwrap();
    let host = app.start();
    for name in ["head", "middle"] {
        for method in ["GET", "POST", "GET"] {
            assert_eq!(host.request(method, &format!("/counter/{name}"), "").status, 503, "{name}");
        }
        let path = app.file("counter", name).display().to_string();
        assert!(host.log().contains(&path), "{}", host.log());
    }
    assert_eq!(host.add("good").body["value"], 2);
    host.stop();
    assert!(fs::read(&head).unwrap() == damaged);
}

#[test]
fn failing_sync_is_never_answered_as_a_success() {
    let app = App::new();
    let host = app.start();
    // One that is there already, and one that is new, are brought to the disk in different ways.
    assert_eq!(host.add("old").body["value"], 1);
    host.stop();
    let disk = app.path("disk");
    fs::write(&disk, "").unwrap();
    let host = app.start_behind("", &[(DISK_FILE_VARIABLE, &disk)]);
    for value in 2..=6 {
        assert_eq!(host.add("old").body["value"], value);
        assert_eq!(host.add("new").body["value"], value - 1);
    }
    host.results("k", r#"[["put", "a", "1"]]"#);
    fs::write(&disk, "fail").unwrap();
    for _ in 0..3 {
        assert_eq!(host.add("old").status, 503);
        assert_eq!(host.add("new").status, 503);
        assert_eq!(host.add("first").status, 503);
        let answer = host.run("k", r#"[["put", "a", "2"]]"#);
        assert_eq!((answer.status, &answer.body["error"]), (409, &"reset".into()));
    }
    fs::write(&disk, "").unwrap();
    let (old, new) = (host.value("old"), host.value("new"));
    assert!((6..=9).contains(&old) && (5..=8).contains(&new), "{old} and {new}");
    // Who has read it can rely on it, too.
    host.kill();
    let host = app.start_behind("", &[(DISK_FILE_VARIABLE, &disk)]);
    assert_eq!((host.value("old"), host.value("new")), (old, new));
    assert_eq!(host.add("old").body["value"], old + 1);
    assert_eq!(host.add("new").body["value"], new + 1);
    assert!(host.add("first").body["value"].as_u64().unwrap() >= 1);
    host.results("k", r#"[["put", "a", "3"]]"#);
    host.kill();
    let host = app.start();
    assert_eq!((host.value("old"), host.value("new")), (old + 1, new + 1));
    assert_eq!(host.results("k", r#"[["get", "a"]]"#)[0]["value"], "3");
}

#[test]
fn callers_share_the_syncs_of_a_slow_disk_and_wait_for_them() {
    let app = App::new();
    let disk = app.path("disk");
    fs::write(&disk, "").unwrap();
    let host = app.start_behind("", &[(DISK_FILE_VARIABLE, &disk)]);
    host.add("c");
    fs::write(&disk, "delay-us 100000").unwrap();
    let begun = Instant::now();
    host.add("c");
    assert!(begun.elapsed() >= Duration::from_millis(100), "{:?}", begun.elapsed());
    let begun = Instant::now();
    let asked: Vec<_> = (0..32).map(|_| host.ask("POST", "/counter/c", "").unwrap()).collect();
    let mut values: Vec<u64> = asked
        .into_iter()
        .map(|stream| read(stream).unwrap().body["value"].as_u64().unwrap())
        .collect();
    let took = begun.elapsed();
    values.sort_unstable();
    assert_eq!(values, (3..35).collect::<Vec<u64>>());
    assert!(took >= Duration::from_millis(100), "{took:?}");
    assert!(took < Duration::from_millis(1600), "32 syncs of 100 ms are not shared: {took:?}");
}

#[test]
fn reader_does_not_wait_for_the_disk() {
    let app = App::new();
    let disk = app.path("disk");
    fs::write(&disk, "").unwrap();
    let host = app.start_behind("", &[(DISK_FILE_VARIABLE, &disk)]);
    host.add("c");
    fs::write(&disk, "delay-us 3000000").unwrap();
    let begun = Instant::now();
    for _ in 0..10 {
        assert_eq!(host.value("c"), 1);
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn piece_of_a_request_waits_for_what_was_written_before_it() {
    const DELAY: Duration = Duration::from_millis(400);
    let app = App::new();
    let disk = app.path("disk");
    fs::write(&disk, "").unwrap();
    let host = app.start_behind("", &[(DISK_FILE_VARIABLE, &disk)]);
    // Started, and with a file.
    host.results("u", r#"[["put", "a", "1"]]"#);
    let origin = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", origin.local_addr().unwrap());
    // When each of the two pieces has come.
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = origin.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
        let mut times = Vec::new();
        for piece in [&b"first-piece"[..], b"second-piece"] {
            while !all.windows(piece.len()).any(|part| part == piece) {
                let read = stream.read(&mut buffer).unwrap();
                assert!(read > 0, "{:?} ended before {piece:?}", String::from_utf8_lossy(&all));
                all.extend_from_slice(&buffer[..read]);
            }
            times.push(Instant::now());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
        times
    });
    fs::write(&disk, format!("delay-us {}", DELAY.as_micros())).unwrap();
    let script = format!(r#"[["upload", "{url}", "first-piece", "b", "2", "second-piece"]]"#);
    assert_eq!(host.results("u", &script)[0]["body"], "ok");
    let times = heard.join().unwrap();
    assert!(times[1] - times[0] >= DELAY, "{:?} between the pieces", times[1] - times[0]);
}

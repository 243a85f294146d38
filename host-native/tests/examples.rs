//! The demo's example objects, each through the service or the middleware that calls it: what they
//! promise over HTTP, over time and over restarts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails panics"
)]

#[path = "serving/demo.rs"]
mod demo;
#[path = "serving/host.rs"]
mod host;
#[path = "serving/app.rs"]
mod serving;

use demo::Script;
use host::{Answer, Host, read, until};
use serde_json::{Value, json};
use serving::App;
use std::io::{ErrorKind, Read as _};
use std::time::{Duration, Instant};

fn start(app: &App) -> Host {
    app.start_demo(Script::read().key())
}

/// Asserts that a request was refused, and that the client is told why.
fn assert_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert!(answer.body["reason"].as_str().is_some_and(|reason| reason.len() > 5));
}

fn number(answer: &Answer, field: &str) -> u64 {
    let value = answer.header(field).unwrap_or_else(|| panic!("no {field} in {}", answer.head));
    value.parse().unwrap()
}

#[test]
fn rate_limit_tells_what_is_left_and_when_to_come_back() {
    // Slow enough that a slow machine is limited, too.
    let slow = ("rate-limit-per-second = \"0.5\"", "rate-limit-per-second = \"0.01\"");
    let app = App::demo(&[slow]);
    let host = start(&app);
    let ask = |client| host.send("GET", "/limited", &[("cf-connecting-ip", client)], "");
    for left in (0..5).rev() {
        let answer = ask("203.0.113.7");
        assert_eq!(answer.status, 200);
        assert_eq!(number(&answer, "ratelimit-limit"), 5);
        assert_eq!(number(&answer, "ratelimit-remaining"), left);
        // One token takes 100 s; some of the time has passed.
        let reset = number(&answer, "ratelimit-reset");
        assert!(reset <= (5 - left) * 100 && reset + 50 > (5 - left) * 100, "{reset}");
    }
    let refused = ask("203.0.113.7");
    assert_refused(&refused, 429);
    let wait = number(&refused, "retry-after");
    assert!((50..=100).contains(&wait), "{wait}");
    assert_eq!(number(&refused, "ratelimit-limit"), 5);
    assert_eq!(number(&refused, "ratelimit-remaining"), 0);
    // Others have buckets of their own.
    assert_eq!(number(&ask("203.0.113.8"), "ratelimit-remaining"), 4);

    // Whoever waits as long as was said may ask once.
    app.set_clock_ahead(wait);
    assert_eq!(ask("203.0.113.7").status, 200);
    assert_eq!(ask("203.0.113.7").status, 429);
    // A bucket that is nearly empty is on disk.
    host.kill();
    let host = start(&app);
    let ask = |client| host.send("GET", "/limited", &[("cf-connecting-ip", client)], "");
    assert_eq!(ask("203.0.113.7").status, 429);
    app.set_clock_ahead(wait + 10_000);
    assert_eq!(number(&ask("203.0.113.7"), "ratelimit-remaining"), 4);
}

#[test]
fn session_lives_while_it_is_used_and_its_alarm_removes_it() {
    let app = App::demo(&[]);
    let host = start(&app);
    let begun = host.request("POST", "/session", "");
    assert_eq!((begun.status, &begun.body["seconds"]), (201, &json!(1800)));
    let id = begun.body["id"].as_str().unwrap();
    let cookie = format!("session={id}");
    let set = begun.header("set-cookie").unwrap();
    assert_eq!(set, format!("{cookie}; Max-Age=1800; Path=/session; HttpOnly; SameSite=Lax"));
    let ask = |method, body: &str| host.send(method, "/session", &[("cookie", &cookie)], body);
    let document = json!({ "cart": ["A-17"] });
    assert_eq!(ask("PUT", &document.to_string()).status, 204);
    assert_eq!((ask("GET", "").status, ask("GET", "").body), (200, document.clone()));
    // It slides: twice 1200 s are more than 1800.
    for seconds in [1200, 2400] {
        app.set_clock_ahead(seconds);
        assert_eq!((ask("GET", "").status, ask("GET", "").body), (200, document.clone()));
    }
    let stored = || {
        let shown = app.command(&["object", "show", "session", id, "--json"]);
        serde_json::from_slice::<Value>(&shown).unwrap()
    };
    assert_eq!(stored()["key_count"], 2);
    app.set_clock_ahead(2400 + 1900);
    // Nobody asks for it: it is the alarm that leaves nothing.
    until("nothing is left of the session", || stored()["key_count"] == 0);
    assert_eq!(stored()["alarm"], Value::Null);
    let gone = ask("GET", "");
    assert_refused(&gone, 401);
    assert_eq!(gone.header("www-authenticate"), Some("Session"));
}

#[test]
fn session_refuses_what_is_none() {
    let app = App::demo(&[]);
    let host = start(&app);
    assert_refused(&host.request("GET", "/session", ""), 401);
    let begun = host.request("POST", "/session", "");
    let fields = [("x-session", begun.body["id"].as_str().unwrap())];
    let ask = |method, body: &str| host.send(method, "/session", &fields, body);
    assert_refused(&ask("PUT", "no JSON"), 400);
    assert_refused(&ask("PUT", &json!("x".repeat(65_536)).to_string()), 413);
    assert_eq!(ask("PUT", &json!("x".repeat(65_534)).to_string()).status, 204);
    let patched = ask("PATCH", "{}");
    assert_refused(&patched, 405);
    assert_eq!(patched.header("allow"), Some("GET, HEAD, POST, PUT, DELETE"));
    let ended = ask("DELETE", "");
    assert_eq!(ended.status, 204);
    assert!(ended.header("set-cookie").unwrap().contains("Max-Age=0;"), "{}", ended.head);
    assert_refused(&ask("GET", ""), 401);
    assert_refused(&ask("DELETE", ""), 401);
}

#[test]
fn flag_is_on_for_the_same_users_after_a_restart() {
    const FLAG: &str = "/flags/staging/dark-mode";
    let app = App::demo(&[]);
    let on = |host: &Host| -> Vec<u32> {
        let is_on = |user: &u32| {
            let answer = host.request("GET", &format!("{FLAG}?user=user-{user}"), "");
            assert_eq!((answer.status, &answer.body["flag"]), (200, &json!("dark-mode")));
            answer.body["enabled"].as_bool().unwrap()
        };
        (0..60).filter(is_on).collect()
    };
    let host = start(&app);
    assert_refused(&host.request("GET", &format!("{FLAG}?user=ada"), ""), 404);
    let setting = json!({ "enabled": true, "percent": 25 });
    let set = host.request("PUT", FLAG, &setting.to_string());
    let flag = json!({ "flag": "dark-mode", "enabled": true, "percent": 25 });
    assert_eq!((set.status, &set.body), (200, &flag));
    let before = on(&host);
    assert!(!before.is_empty() && before.len() < 60, "{before:?}");
    host.kill();
    let host = start(&app);
    assert_eq!(on(&host), before);
    let list = host.request("GET", "/flags/staging", "");
    assert_eq!((list.status, list.body), (200, json!({ "flags": [flag] })));
    // Who has a feature keeps it when more get it.
    let more = json!({ "enabled": true, "percent": 60 }).to_string();
    assert_eq!(host.request("PUT", FLAG, &more).status, 200);
    let after = on(&host);
    assert!(after.len() > before.len() && before.iter().all(|user| after.contains(user)));
    // Environments are apart.
    assert_refused(&host.request("GET", "/flags/production/dark-mode?user=ada", ""), 404);
    assert_eq!(host.request("DELETE", FLAG, "").status, 200);
    assert_refused(&host.request("DELETE", FLAG, ""), 404);
}

#[test]
fn flags_refuse_what_is_no_setting() {
    const FLAG: &str = "/flags/staging/dark-mode";
    let app = App::demo(&[]);
    let host = start(&app);
    for body in ["", "{}", r#"{"enabled":true,"percent":101}"#, r#"{"enabled":1,"percent":1}"#] {
        assert_refused(&host.request("PUT", FLAG, body), 400);
    }
    assert_refused(&host.request("GET", FLAG, ""), 400);
    let long = format!("/flags/staging/{}", "f".repeat(129));
    assert_refused(&host.request("GET", &long, ""), 400);
    let posted = host.request("POST", FLAG, "{}");
    assert_refused(&posted, 405);
    assert_eq!(posted.header("allow"), Some("GET, HEAD, PUT, DELETE"));
    assert_refused(&host.request("PUT", "/flags/staging", "{}"), 405);
}

#[test]
fn room_keeps_the_order_and_wakes_who_waits() {
    let app = App::demo(&[]);
    let host = start(&app);
    for (index, text) in ["one", "two", "three"].into_iter().enumerate() {
        let posted = host.request("POST", "/room/lobby", text);
        assert_eq!((posted.status, posted.body), (200, json!({ "id": index + 1 })));
    }
    let log = |host: &Host, after| host.request("GET", &format!("/room/lobby?after={after}"), "");
    let messages = json!({
        "messages": [{ "id": 2, "text": "two" }, { "id": 3, "text": "three" }],
        "last": 3,
    });
    assert_eq!(log(&host, 1).body, messages);
    assert_eq!(log(&host, 3).body, json!({ "messages": [], "last": 3 }));

    let mut waiting = host.ask("GET", "/room/lobby?after=3&wait=25", "").unwrap();
    waiting.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let early = waiting.read(&mut [0]).unwrap_err();
    assert!(matches!(early.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{early}");
    let begun = Instant::now();
    assert_eq!(host.request("POST", "/room/lobby", "four").status, 200);
    waiting.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let woken = read(waiting).unwrap().body;
    assert_eq!(woken, json!({ "messages": [{ "id": 4, "text": "four" }], "last": 4 }));
    // A wait that nobody ends takes 25 s.
    assert!(begun.elapsed() < Duration::from_secs(5));

    host.kill();
    let host = start(&app);
    assert_eq!(log(&host, 1).body["last"], 4);
    assert_eq!(host.request("POST", "/room/lobby", "five").body, json!({ "id": 5 }));
}

#[test]
fn room_refuses_what_is_no_message() {
    let app = App::demo(&[]);
    let host = start(&app);
    assert_refused(&host.request("POST", "/room/lobby", ""), 400);
    assert_refused(&host.request("POST", "/room/lobby", &"x".repeat(4097)), 413);
    assert_eq!(host.request("POST", "/room/lobby", &"x".repeat(4096)).status, 200);
    for query in ["after=x", "wait=26"] {
        assert_refused(&host.request("GET", &format!("/room/lobby?{query}"), ""), 400);
    }
    let deleted = host.request("DELETE", "/room/lobby", "");
    assert_refused(&deleted, 405);
    assert_eq!(deleted.header("allow"), Some("GET, HEAD, POST"));
    // The route has one segment.
    assert_eq!(host.request("GET", "/room/lobby/door", "").status, 404);
}

#[test]
fn counter_is_on_disk() {
    let app = App::demo(&[]);
    let host = start(&app);
    let answer = |value: u64, visits: u64| json!({ "name": "a", "value": value, "visits": visits });
    assert_eq!(host.request("POST", "/counter/a?by=3", "").body, answer(3, 1));
    assert_eq!(host.request("POST", "/counter/a", "").body, answer(4, 2));
    host.kill();
    let host = start(&app);
    assert_eq!(host.request("GET", "/counter/a", "").body, answer(4, 1));
    host.stop();
    assert_eq!(start(&app).request("POST", "/counter/a", "").body, answer(5, 1));
}

#[test]
fn counter_refuses_what_is_no_amount() {
    let app = App::demo(&[]);
    let host = start(&app);
    for path in ["/counter/a?by=one".to_owned(), format!("/counter/{}", "a".repeat(129))] {
        assert_refused(&host.request("POST", &path, ""), 400);
    }
    let most = u64::MAX;
    assert_eq!(host.request("POST", &format!("/counter/a?by={most}"), "").status, 200);
    assert_refused(&host.request("POST", "/counter/a", ""), 400);
    assert_eq!(host.value("a"), most);
    let deleted = host.request("DELETE", "/counter/a", "");
    assert_refused(&deleted, 405);
    assert_eq!(deleted.header("allow"), Some("GET, HEAD, POST"));
}

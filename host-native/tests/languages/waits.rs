//! What `go.md` says of waiting: mutexes, channels, `context` and timers work across requests, in one
//! instance that answers others meanwhile.

use crate::host::{ANY, Host, serve};
use crate::project::Project;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

/// As many as an instance has at once.
const REQUESTS: usize = 16;
/// How long the origin takes for an answer.
const ORIGIN_TAKES: Duration = Duration::from_millis(30);

/// A server that answers late.
fn origin() -> SocketAddr {
    let listener = TcpListener::bind(ANY).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut head = [0; 4096];
                // A client that keeps connections asks again, or closes it.
                while stream.read(&mut head).is_ok_and(|bytes| bytes > 0) {
                    thread::sleep(ORIGIN_TAKES);
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
                    if stream.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Asks for all at once; gives the texts in their order, and how long all of them took.
fn ask(host: &Host, paths: &[String]) -> (Vec<String>, Duration) {
    let begin = Instant::now();
    let asked: Vec<_> = paths.iter().map(|path| host.ask("GET", path, "").unwrap()).collect();
    let texts = asked.into_iter().zip(paths).map(|(mut stream, path)| {
        let mut all = String::new();
        stream.read_to_string(&mut all).unwrap();
        assert!(all.contains(" 200 "), "{path}: {all}\n{}", host.log());
        all.split_once("\r\n\r\n").unwrap().1.to_owned()
    });
    (texts.collect(), begin.elapsed())
}

fn times(path: &str) -> Vec<String> {
    vec![path.to_owned(); REQUESTS]
}

#[test]
fn go_waits_by_whatever_go_has() {
    let origin = origin();
    let manifest = format!(
        "[components.waits]\nsource = \"waits\"\nlanguage = \"go\"\nallow-hosts = [\"{origin}\"]\n\
         [services.waits]\ncomponent = \"waits\"\nroutes = [\"/*\"]\n\
         [services.waits.limits]\ninstances = 1\n"
    );
    let project = Project::of(&manifest)
        .with_copy("waits/go.mod", "host-native/tests/languages/waits/go.mod")
        .with_copy("waits/main.go", "host-native/tests/languages/waits/main.go");
    project.is_built();
    let mut serve = serve(&project.app(), ANY);
    serve.args(["--threads", "1"]);
    let host = Host::start(serve, project.app().join("log"));

    let lock = format!("/lock?http://{origin}/");
    let (texts, took) = ask(&host, &times(&lock));
    assert_eq!(texts, times("hello"));
    // One after the other, since each holds the mutex while it waits.
    assert!(took >= ORIGIN_TAKES * 16, "{took:?}");

    // Whoever takes has come first, and waits for a request that comes later.
    let both: Vec<String> = [times("/take"), times("/give")].concat()[8..24].to_vec();
    let (texts, _) = ask(&host, &both);
    assert_eq!(texts, [vec!["7".to_owned(); 8], vec!["given".to_owned(); 8]].concat());

    // All sleep at the same time.
    let (texts, took) = ask(&host, &times("/sleep"));
    assert_eq!(texts, times("slept"));
    assert!(took < Duration::from_millis(300) * 8, "{took:?}");

    for (path, text) in
        [("/deadline", "context deadline exceeded"), ("/cancel", "cancelled"), ("/after", "ran")]
    {
        assert_eq!(ask(&host, &times(path)).0, times(text));
    }
    let group = format!("/group?http://{origin}/");
    assert_eq!(ask(&host, &vec![group.clone(); 4]).0, vec!["[5 5 5 5]".to_owned(); 4]);

    // All kinds at once, and what is quick is not held up by what waits.
    let mixed: Vec<String> =
        ["/sleep", "/take", "/deadline", &lock, "/after", &group, "/give", "/cancel"]
            .map(ToOwned::to_owned)
            .into();
    let (texts, _) = ask(&host, &mixed);
    assert_eq!(
        texts,
        [
            "slept",
            "7",
            "context deadline exceeded",
            "hello",
            "ran",
            "[5 5 5 5]",
            "given",
            "cancelled"
        ]
    );
    let slow = host.ask("GET", "/sleep", "").unwrap();
    let begin = Instant::now();
    assert_eq!(ask(&host, &["/cancel".to_owned()]).0, ["cancelled"]);
    assert!(begin.elapsed() < Duration::from_millis(250), "{:?}", begin.elapsed());
    drop(slow);
    host.stop();
}

//! How `selvedge dev` ends.

use crate::host::{Host, text};
use crate::host_of::{Developed, answering, dev, small};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A component whose command never ends; `seconds` tells it from those of other tests.
fn endless(seconds: &str) -> String {
    format!(
        r#"
name = "small"
[components.one]
source = "src"
build = "echo half > out.wasm; sleep {seconds} & sleep {seconds}; true"
wasm = "src/out.wasm"
[services.one]
component = "one"
routes = ["/one"]
"#
    )
}

/// How many processes there are that sleep for so long.
fn sleeping(seconds: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|it| fs::read(it.path().join("cmdline")).ok());
    lines.filter(|line| text(line) == format!("sleep\0{seconds}\0")).count()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn ended(child: &mut std::process::Child) -> Option<i32> {
    let mut status = None;
    wait_until("it does not end", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap().code()
}

fn signal(pid: u32, name: &str) {
    let pid = pid.to_string();
    let sent = std::process::Command::new("kill").args(["-s", name, &pid]).status();
    assert!(sent.unwrap().success());
}

/// The files below a folder that end like this.
fn files(folder: &Path, end: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let found = paths.flat_map(|path| match path.is_dir() {
        true => files(&path, end),
        false => vec![path.display().to_string()],
    });
    found.filter(|path| path.ends_with(end)).collect()
}

#[test]
fn ctrl_c_ends_the_first_build_and_everything_that_it_started() {
    for (name, seconds) in [("INT", "300.0171"), ("TERM", "300.0172")] {
        let app = small(&endless(seconds), &[("src/input", b"")]);
        let log = fs::File::create(app.path().join("log")).unwrap();
        let mut host = dev(app.path()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        wait_until("nothing is built", || sleeping(seconds) == 2);
        signal(host.id(), name);
        assert_eq!(ended(&mut host), Some(0), "{name}");
        wait_until("something goes on", || sleeping(seconds) == 0);
        let state = app.path().join(".selvedge");
        assert_eq!(files(&state, ".part"), [""; 0]);
        assert_eq!(files(&state.join("services"), ""), [""; 0]);
        // What was half written is no result.
        fs::write(app.path().join("good.wasm"), answering(201)).unwrap();
        let manifest = endless(seconds).replace(
            &format!("sleep {seconds} & sleep {seconds}; true"),
            "cp ../good.wasm out.wasm",
        );
        fs::write(app.path().join("selvedge.toml"), manifest).unwrap();
        let app = Developed::of_small(app);
        assert_eq!(app.status("/one"), 201);
    }
}

#[test]
fn ctrl_c_ends_a_build_while_the_last_good_version_is_served() {
    let seconds = "300.0173";
    let good = endless(seconds)
        .replace(&format!("sleep {seconds} & sleep {seconds}; true"), "cp ../good.wasm out.wasm");
    let files = [("src/input", &b""[..]), ("good.wasm", &*answering(201))];
    let mut app = Developed::of_small(small(&good, &files));
    app.save("selvedge.toml", endless(seconds).as_bytes());
    wait_until("nothing is built", || sleeping(seconds) == 2);
    assert_eq!(app.status("/one"), 201);
    app.host.signal("INT");
    assert_eq!(app.host.ended_within(Duration::from_secs(10)), Some(0), "{}", app.host.log());
    assert_eq!(sleeping(seconds), 0);
}

#[test]
fn a_port_in_use_is_told_before_anything_is_built() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let app = small(&endless("300.0174"), &[("src/input", b"")]);
    let mut command = std::process::Command::new(crate::host::SELVEDGE);
    command.args(["dev", "--listen", &address, "--app"]).arg(app.path());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
    assert_eq!(sleeping("300.0174"), 0);
}

#[test]
fn a_folder_without_a_manifest_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for flags in [&[][..], &["--edge"]] {
        let output = dev(folder.path()).args(flags).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(said.contains(&folder.path().display().to_string()), "{said}");
    }
}

#[test]
fn a_request_under_way_is_answered_before_the_end() {
    let manifest = "name = \"app\"\n[components.probe]\nwasm = \"probe.wasm\"\n[services.probe]\ncomponent = \"probe\"\nroutes = [\"/probe/*\"]\n";
    // The probe calls objects of these classes.
    let manifest = format!(
        "{}[components.subject]\nwasm = \"subject.wasm\"\n[components.plain]\nwasm = \"plain.wasm\"\n[objects.subject]\ncomponent = \"subject\"\n[objects.plain]\ncomponent = \"plain\"\n",
        manifest.replace("probe.wasm\"\n", "probe.wasm\"\nobjects = [\"subject\", \"plain\"]\n"),
    )
    .replace("subject.wasm\"\n", "subject.wasm\"\nobjects = [\"subject\", \"plain\"]\n");
    let Developed { mut host, .. } = Developed::of(&manifest);
    let slow = host.ask("GET", "/probe/http/sleep?ms=1500", "").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    host.signal("INT");
    assert_eq!(crate::host::read(slow).unwrap().status, 200);
    assert_eq!(Host::ended_within(&mut host, Duration::from_secs(5)), Some(0));
}

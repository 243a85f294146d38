//! What a killed process leaves behind: every write that it answered.

use super::{KeyValue, SetOptions};
use selvedge_contract::names::Name;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Set for the process that is to be killed: the folder that it writes to, and its round.
const FOLDER_VARIABLE: &str = "SELVEDGE_TEST_CRASH_FOLDER";
const ROUND_VARIABLE: &str = "SELVEDGE_TEST_CRASH_ROUND";
const ROUNDS: usize = 6;
const WRITERS: usize = 8;

fn store() -> Name {
    Name::parse("crash").unwrap()
}

fn value(key: &str) -> Vec<u8> {
    // Some fit a page, some do not.
    key.as_bytes().repeat(1 + key.len() * key.len() % 400)
}

/// Runs itself as the process that writes, kills that at a moment of its own, and looks what is there.
#[test]
fn answered_writes_survive_a_kill() {
    if let Some(folder) = std::env::var_os(FOLDER_VARIABLE) {
        write_until_killed(Path::new(&folder), &std::env::var(ROUND_VARIABLE).unwrap());
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut answered = Vec::new();
    for round in 0..ROUNDS {
        answered.extend(write_and_kill(home.path(), round));
        let stores = KeyValue::open(home.path()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for key in &answered {
            let entry = runtime.block_on(stores.get(&store(), key)).unwrap();
            let entry = entry.unwrap_or_else(|| panic!("{key} was answered and is not there"));
            assert!(entry.value == value(key), "{key} has another value");
        }
    }
    assert!(answered.len() > ROUNDS * WRITERS, "too few writes to tell: {}", answered.len());
}

fn write_and_kill(folder: &Path, round: usize) -> Vec<String> {
    let name = concat!(module_path!(), "::answered_writes_survive_a_kill");
    let (_, name) = name.split_once("::").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(FOLDER_VARIABLE, folder)
        .env(ROUND_VARIABLE, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let kill_after = 20 + round * 137;
    let mut answered = Vec::new();
    // What is in the pipe when the process dies was answered, too: read to the end.
    for line in lines.map_while(Result::ok) {
        let Some((_, key)) = line.split_once("answered ") else { continue };
        answered.push(key.to_owned());
        if answered.len() == kill_after {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success(), "it ended before it was killed");
    answered
}

fn write_until_killed(folder: &Path, round: &str) {
    let stores = KeyValue::open(folder).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let stores = &stores;
        async move {
            // A bound, so that it ends where nobody kills it.
            for number in 0..100_000 {
                let key = format!("{round}/{writer}/{number}");
                let options = SetOptions { ttl_seconds: Some(3600), metadata: None };
                stores.set(&store(), &key, &value(&key), options).await.unwrap();
                println!("answered {key}");
            }
        }
    });
    runtime.block_on(futures::future::join_all(writers));
}

//! A host that is killed at any moment: whatever it has answered holds.

use crate::host::{Host, ask, read};
use crate::serving::App;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Rounds, for longer runs; each takes about a second.
const ROUNDS_VARIABLE: &str = "SELVEDGE_TEST_CRASH_ROUNDS";
/// What all that is random follows from; told where a run fails.
const SEED_VARIABLE: &str = "SELVEDGE_TEST_SEED";

const COUNTERS: u64 = 3;
const PAIRS: u64 = 2;
const CLIENTS: u64 = 4;

/// What clients were told, in all rounds.
#[derive(Default)]
struct Told {
    /// Values of each counter, and from which round.
    counted: BTreeMap<(u64, u64), u64>,
    /// The last number that was put into a client's own pair.
    paired: BTreeMap<u64, u64>,
    /// Objects whose alarm was set.
    alarms: Vec<String>,
}

/// How many increments of each counter were asked for.
#[derive(Default)]
struct Asked([AtomicU64; 3]);

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn what_was_answered_holds_after_a_kill() {
    let rounds = variable(ROUNDS_VARIABLE).unwrap_or(15);
    let seed = variable(SEED_VARIABLE).unwrap_or_else(|| u64::from(std::process::id()));
    // Shown where the test fails.
    println!("{SEED_VARIABLE}={seed}");
    let mut random = Random(seed);
    let app = App::new();
    let (mut told, asked) = (Told::default(), Asked::default());
    for round in 0..rounds {
        let host = app.start();
        verify(&host, &told, &asked, round);
        let until = Duration::from_millis(200 + random.below(400));
        let seeds: Vec<u64> = (0..CLIENTS).map(|_| random.below(u64::MAX)).collect();
        let address = host.address.clone();
        std::thread::scope(|scope| {
            let clients: Vec<_> = seeds
                .into_iter()
                .enumerate()
                .map(|(client, seed)| {
                    let (address, asked) = (address.as_str(), &asked);
                    let client = u64::try_from(client).unwrap();
                    scope.spawn(move || load(address, round, client, Random(seed), asked))
                })
                .collect();
            std::thread::sleep(until);
            host.kill();
            for client in clients {
                let heard = client.join().unwrap();
                for (key, value) in heard.counted {
                    let twice = told.counted.insert(key, value);
                    assert_eq!(twice, None, "counter {} answered {} twice", key.0, key.1);
                }
                told.paired.extend(heard.paired);
                told.alarms.extend(heard.alarms);
            }
        });
    }
    let host = app.start();
    verify(&host, &told, &asked, rounds);
    host.stop();
    let (counted, alarms) = (told.counted.len(), told.alarms.len());
    println!("{counted} increments and {alarms} alarms in {rounds} rounds");
    assert!(counted > usize::try_from(rounds).unwrap() * 10 && alarms > 0, "too few to tell");
}

/// Asks until the host is gone; gives what it was told.
fn load(address: &str, round: u64, client: u64, mut random: Random, asked: &Asked) -> Told {
    let mut told = Told::default();
    let mut last = BTreeMap::<u64, u64>::new();
    for number in 0.. {
        let send = |path: &str, body: &str| ask(address, "POST", path, body).and_then(read);
        let step = round * 1_000_000 + number;
        match random.below(10) {
            0..=4 => {
                let counter = random.below(COUNTERS);
                asked.0[usize::try_from(counter).unwrap()].fetch_add(1, Relaxed);
                let Ok(answer) = send(&format!("/counter/c{counter}"), "") else { return told };
                assert_eq!(answer.status, 200, "{}", answer.body);
                let value = answer.body["value"].as_u64().unwrap();
                let earlier = last.insert(counter, value).unwrap_or_default();
                assert!(value > earlier, "counter {counter} went back from {earlier} to {value}");
                told.counted.insert((counter, value), round);
            }
            5..=7 => {
                // Its own pair, or one that others write, too.
                let own = random.below(2) == 0;
                let name =
                    if own { format!("own{client}") } else { format!("p{}", random.below(PAIRS)) };
                // Some values need pages of their own.
                let filler = "x".repeat(usize::try_from(random.below(3)).unwrap() * 3000);
                let value = format!("{client} {step} {filler}");
                // Keys and tables share one transaction.
                let script = format!(
                    r#"[["put", "a", "{value}"],
                    ["sql", "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, x)", []],
                    ["sql", "INSERT OR REPLACE INTO t VALUES (1, '{value}')", []],
                    ["put", "b", "{value}"]]"#
                );
                let path = format!("/probe/objects/run?name={name}");
                let Ok(answer) = send(&path, &script) else { return told };
                assert_eq!(answer.status, 200, "{}", answer.body);
                if own {
                    told.paired.insert(client, step);
                }
            }
            _ => {
                let name = format!("alarm-{client}-{step}");
                let script = format!(r#"[["alarm-in", {}]]"#, random.below(300));
                let path = format!("/probe/objects/run?name={name}");
                let Ok(answer) = send(&path, &script) else { return told };
                assert_eq!(answer.status, 200, "{}", answer.body);
                told.alarms.push(name);
            }
        }
    }
    told
}

/// Looks whether everything that was told holds.
fn verify(host: &Host, told: &Told, asked: &Asked, round: u64) {
    for counter in 0..COUNTERS {
        let value = host.value(&format!("c{counter}"));
        let values = told.counted.range((counter, 0)..=(counter, u64::MAX));
        let highest = values.clone().next_back().map_or(0, |((_, value), _)| *value);
        assert!(value >= highest, "counter {counter} answered {highest} and stands at {value}");
        let asked = asked.0[usize::try_from(counter).unwrap()].load(Relaxed);
        assert!(value <= asked, "counter {counter} was asked {asked} times and stands at {value}");
        let rounds: Vec<u64> = values.map(|(_, round)| *round).collect();
        assert!(rounds.is_sorted(), "counter {counter} gave a value again in a later round");
    }
    let pair = |name: &str| {
        let results = host.results(
            name,
            r#"[["get", "a"], ["get", "b"],
            ["sql", "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, x)", []],
            ["sql", "SELECT x FROM t", []]]"#,
        );
        assert_eq!(results[0], results[1], "{name} is half in round {round}");
        let row = &results[3]["rows"][0][0];
        assert_eq!(*row, results[0]["value"], "the table of {name} in round {round}");
        results[0].clone()
    };
    for index in 0..PAIRS {
        pair(&format!("p{index}"));
    }
    for (client, step) in &told.paired {
        let found = pair(&format!("own{client}"));
        let found = found["value"].as_str().unwrap_or_default().to_owned();
        let found: u64 = found.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(found >= *step, "pair of {client} answered {step} and has {found}");
    }
    // Those of earlier rounds were looked at already.
    let before = round.saturating_sub(1) * 1_000_000;
    for name in &told.alarms {
        let step: u64 = name.rsplit('-').next().unwrap().parse().unwrap();
        if step >= before {
            has_fired(host, name);
        }
    }
}

/// Waits until an alarm has been handled.
fn has_fired(host: &Host, name: &str) {
    let begun = Instant::now();
    loop {
        let results: Value = host.results(name, r#"[["alarm-log"], ["alarm-get"]]"#);
        if results[0]["tries"].as_u64().unwrap() > 0 && results[1] == "none" {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{name} did not fire: {results}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

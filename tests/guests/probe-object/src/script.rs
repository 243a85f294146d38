//! Runs scripts: lists of steps in JSON, such as `[["put", "key", "value"], ["trap"]]`.
//!
//! A script gives a list with what each step gave: `"ok"` where there is nothing to tell, and
//! `{"error": …}` where the host refused. Only the step `fail` ends a script before its end.

use crate::bindings::selvedge::durable::self_;
use crate::{STARTS_TO_FAIL, Subject, alarm, identity, outside, sql, storage};
use serde_json::{Value, json};
use std::hint::black_box;
use std::io::Write as _;
use wasip3::clocks::monotonic_clock;

const MILLISECOND: u64 = 1_000_000;
const MEBIBYTE: usize = 1024 * 1024;

/// What a step gives that has nothing to tell.
pub const OK: &str = "ok";

/// Does the steps of `script`, and gives what they gave, as JSON.
///
/// # Errors
/// The text of a step `fail`, or what is wrong with the script.
pub async fn run(subject: &Subject, script: &str) -> Result<String, String> {
    let steps: Vec<Vec<Value>> =
        serde_json::from_str(script).map_err(|error| format!("no script: {error}"))?;
    let mut given = Vec::new();
    for step in &steps {
        given.push(one(subject, step).await?);
    }
    Ok(Value::from(given).to_string())
}

async fn one(subject: &Subject, step: &[Value]) -> Result<Value, String> {
    let (name, arguments) = step.split_first().ok_or("an empty step")?;
    let name = name.as_str().ok_or("a step begins with its name")?;
    if let Some(given) = storage::step(name, arguments).await {
        return Ok(given);
    }
    if let Some(given) = sql::step(name, arguments) {
        return Ok(given);
    }
    if let Some(given) = alarm::step(name, arguments) {
        return Ok(given);
    }
    if let Some(given) = outside::step(name, arguments).await {
        return Ok(given);
    }
    own(subject, name, arguments).await
}

/// The steps that need nobody else.
async fn own(subject: &Subject, name: &str, arguments: &[Value]) -> Result<Value, String> {
    Ok(match name {
        "identity" => identity(subject),
        "bump" => {
            subject.bumps.set(subject.bumps.get() + 1);
            json!({ "bumps": subject.bumps.get() })
        }
        // Reads, waits, and writes what it has read, plus one.
        "bump-slowly" => {
            let before = subject.bumps.get();
            pause(number(arguments, 0)).await;
            subject.bumps.set(before + 1);
            json!({ "bumps": subject.bumps.get() })
        }
        // Waits until so many calls are here at once, at most so many milliseconds.
        "meet" => {
            subject.met.set(subject.met.get() + 1);
            let met = meet(subject, number(arguments, 0), number(arguments, 1)).await;
            subject.met.set(subject.met.get().saturating_sub(u64::from(!met)));
            json!({ "met": met })
        }
        "note" => {
            subject.notes.borrow_mut().extend(arguments.iter().cloned());
            json!(OK)
        }
        "notes" => json!({ "notes": *subject.notes.borrow() }),
        "sleep" => {
            pause(number(arguments, 0)).await;
            json!(OK)
        }
        "print" => {
            println!("{}", text(arguments, 0));
            json!(OK)
        }
        // Without a line's end.
        "print-part" => {
            print!("{}", text(arguments, 0));
            let _ = std::io::stdout().flush();
            json!(OK)
        }
        "fail" => return Err(text(arguments, 0).to_owned()),
        "start-fails" => {
            let times = number(arguments, 0).to_string();
            storage::told(storage::keys::put(STARTS_TO_FAIL, times.as_bytes()), |()| json!(OK))
        }
        "abort" => {
            self_::abort(text(arguments, 0));
            json!("abort came back")
        }
        "trap" => trap(),
        "panic" => panic!("the object was asked to panic: {}", text(arguments, 0)),
        "spin" => loop {
            black_box(());
        },
        "allocate" => {
            let mebibytes = usize::try_from(number(arguments, 0)).unwrap_or(0);
            // A vector of ones touches every page.
            let hoard = black_box(vec![1u8; mebibytes * MEBIBYTE]);
            json!({ "mib": hoard.len() / MEBIBYTE })
        }
        "hoard" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(black_box(vec![1u8; MEBIBYTE]));
            }
        }
        _ => return Err(format!("there is no step {name:?}")),
    })
}

async fn meet(subject: &Subject, wanted: u64, milliseconds: u64) -> bool {
    for _ in 0..milliseconds / 2 {
        if subject.met.get() >= wanted {
            return true;
        }
        pause(2).await;
    }
    false
}

/// Waits for so many milliseconds.
pub async fn pause(milliseconds: u64) {
    monotonic_clock::wait_for(milliseconds * MILLISECOND).await;
}

/// Ends the instance by the one instruction that is made for it.
pub fn trap() -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    std::process::abort()
}

/// The argument at `index` as text, or nothing.
pub fn text(arguments: &[Value], index: usize) -> &str {
    arguments.get(index).and_then(Value::as_str).unwrap_or_default()
}

/// The argument at `index` as a number, or 0.
pub fn number(arguments: &[Value], index: usize) -> u64 {
    arguments.get(index).and_then(Value::as_u64).unwrap_or(0)
}

/// The argument at `index` as a list, or an empty one.
pub fn list(arguments: &[Value], index: usize) -> &[Value] {
    arguments.get(index).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

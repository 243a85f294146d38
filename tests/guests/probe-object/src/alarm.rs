//! `selvedge:durable/alarms`, and the handler: it keeps what it saw, and does what was planned.
//!
//! A plan is `{"fail": n, "trap": n, "scripts": […]}`: the tries below `fail` answer an error, those
//! below `trap` trap, and the n-th delivery runs the n-th script first.

use crate::Subject;
use crate::bindings::exports::selvedge::durable::alarm_handler::Alarm;
use crate::bindings::selvedge::durable::alarms;
use crate::script::{self, OK, number};
use crate::storage::{keys, told};
use serde_json::{Value, json};
use wasip3::clocks::system_clock;

const LOG: &str = "~alarm-log";
const PLAN: &str = "~alarm-plan";

/// Does the step, where it is one of alarms.
pub fn step(name: &str, arguments: &[Value]) -> Option<Value> {
    Some(match name {
        "alarm-at" => {
            alarms::set(number(arguments, 0));
            json!(OK)
        }
        // So many milliseconds from now.
        "alarm-in" => {
            alarms::set(now_ms() + number(arguments, 0));
            json!(OK)
        }
        "alarm-cancel" => {
            alarms::cancel();
            json!(OK)
        }
        "alarm-get" => match alarms::get() {
            None => json!("none"),
            Some(at_ms) => json!({ "at-ms": at_ms }),
        },
        "alarm-plan" => {
            let plan = arguments.first().map(Value::to_string).unwrap_or_default();
            told(keys::put(PLAN, plan.as_bytes()), |()| json!(OK))
        }
        "alarm-log" => {
            let log = stored(LOG);
            json!({ "tries": log.as_array().map_or(0, Vec::len), "log": log })
        }
        _ => return None,
    })
}

/// Handles an alarm as planned.
pub async fn handle(alarm: Alarm) -> Result<(), String> {
    let plan = stored(PLAN);
    let mut log = stored(LOG).as_array().cloned().unwrap_or_default();
    let delivery = log.len();
    let retry_count = u64::from(alarm.retry_count);
    let late_ms = now_ms().saturating_sub(alarm.scheduled_ms);
    log.push(json!({
        "scheduled-ms": alarm.scheduled_ms, "retry-count": retry_count, "late-ms": late_ms,
    }));
    keep(&log)?;
    // What was seen is to be there after a trap, too.
    keys::sync().await.map_err(|error| format!("{error:?}"))?;

    let script = plan.pointer(&format!("/scripts/{delivery}"));
    if let Some(script) = script {
        let given = script::run(&Subject::default(), &script.to_string()).await?;
        if let Some(entry) = log.last_mut() {
            entry["given"] = serde_json::from_str(&given).unwrap_or_default();
        }
        keep(&log)?;
    }
    let is_below = |name: &str| retry_count < plan[name].as_u64().unwrap_or(0);
    if is_below("trap") {
        script::trap();
    }
    if is_below("fail") { Err("the alarm was asked to fail".to_owned()) } else { Ok(()) }
}

fn keep(log: &[Value]) -> Result<(), String> {
    keys::put(LOG, json!(log).to_string().as_bytes()).map_err(|error| format!("{error:?}"))
}

fn stored(key: &str) -> Value {
    let bytes = keys::get(key).ok().flatten().unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_else(|_| json!([]))
}

fn now_ms() -> u64 {
    let now = system_clock::now();
    u64::try_from(now.seconds).unwrap_or(0) * 1000 + u64::from(now.nanoseconds / 1_000_000)
}

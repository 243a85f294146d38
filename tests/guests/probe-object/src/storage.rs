//! `selvedge:durable/storage`, a step an operation.

pub use crate::bindings::selvedge::durable::storage as keys;
use crate::script::{OK, list, number, text};
use keys::{Error, ListOptions};
use serde_json::{Value, json};

/// Does the step, where it is one of storage.
pub async fn step(name: &str, arguments: &[Value]) -> Option<Value> {
    let ok = |()| json!(OK);
    let key = text(arguments, 0);
    Some(match name {
        "put" => told(keys::put(key, text(arguments, 1).as_bytes()), ok),
        "put-sized" => told(keys::put(key, &letters(number(arguments, 1))), ok),
        // A key of so many letters.
        "put-long-key" => {
            let key = "k".repeat(usize::try_from(number(arguments, 0)).unwrap_or(0));
            told(keys::put(&key, b"v"), ok)
        }
        "get" => told(keys::get(key), |value| match value {
            None => json!("missing"),
            Some(value) => json!({ "value": spelled(&value) }),
        }),
        "size" => told(keys::get(key), |value| json!({ "bytes": value.map(|value| value.len()) })),
        "get-many" => told(keys::get_many(&texts(arguments, 0)), entries),
        "put-many" => told(keys::put_many(&pairs(list(arguments, 0))), ok),
        // So many keys that begin with this, in one call.
        "fill" => {
            let numbered = |index| (format!("{key}{index:05}"), b"v".to_vec());
            let all: Vec<_> = (0..number(arguments, 1)).map(numbered).collect();
            told(keys::put_many(&all), ok)
        }
        "delete" => told(keys::delete(key), |deleted| json!({ "deleted": deleted })),
        "delete-many" => {
            told(keys::delete_many(&texts(arguments, 0)), |deleted| json!({ "deleted": deleted }))
        }
        "list" => told(keys::list(&options(arguments.first())), entries),
        "list-count" => told(
            keys::list(&options(arguments.first())),
            |entries| json!({ "count": entries.len() }),
        ),
        "delete-all" => told(keys::delete_all(), ok),
        "sync" => told(keys::sync().await, ok),
        _ => return None,
    })
}

/// What `tell` makes of what came, or the error.
pub fn told<T>(outcome: Result<T, Error>, tell: impl FnOnce(T) -> Value) -> Value {
    let (name, detail) = match outcome {
        Ok(value) => return tell(value),
        Err(Error::InvalidKey(detail)) => ("invalid-key", detail),
        Err(Error::TooLarge(detail)) => ("too-large", detail),
        Err(Error::Unavailable(detail)) => ("unavailable", detail),
    };
    json!({ "error": name, "detail": detail })
}

fn entries(entries: Vec<(String, Vec<u8>)>) -> Value {
    let keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
    let values: Vec<String> = entries.iter().map(|(_, value)| spelled(value)).collect();
    json!({ "keys": keys, "values": values })
}

fn options(argument: Option<&Value>) -> ListOptions {
    let member = |name: &str| argument.and_then(|argument| argument.get(name));
    let text = |name: &str| member(name).and_then(Value::as_str).map(str::to_owned);
    ListOptions {
        prefix: text("prefix"),
        start: text("start"),
        end: text("end"),
        reverse: member("reverse").and_then(Value::as_bool).unwrap_or(false),
        limit: member("limit").and_then(Value::as_u64).and_then(|limit| u32::try_from(limit).ok()),
    }
}

fn pairs(entries: &[Value]) -> Vec<(String, Vec<u8>)> {
    let part = |entry: &Value, index: usize| {
        entry.get(index).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    entries.iter().map(|entry| (part(entry, 0), part(entry, 1).into_bytes())).collect()
}

fn texts(arguments: &[Value], index: usize) -> Vec<String> {
    list(arguments, index).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn letters(count: u64) -> Vec<u8> {
    vec![b'x'; usize::try_from(count).unwrap_or(0)]
}

fn spelled(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

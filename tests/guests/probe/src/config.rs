//! `wasi:config`: the variables and secrets that the manifest gives.

use crate::arguments::Arguments;
use crate::host::wasi::config::store;
use crate::reply::{self, Answer};
use serde_json::{Value, json};

/// Answers `/…/config/<action>`.
pub fn answer(arguments: &Arguments) -> Answer {
    match arguments.action.as_str() {
        "get" => match store::get(arguments.text("key")) {
            Ok(value) => reply::json(200, &json!({ "value": value })),
            Err(error) => reply::json(200, &json!({ "error": format!("{error:?}") })),
        },
        "all" => match store::get_all() {
            Ok(all) => {
                let all: Value =
                    all.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
                reply::json(200, &all)
            }
            Err(error) => reply::json(200, &json!({ "error": format!("{error:?}") })),
        },
        // What a guest sees of the process that it runs in: nothing.
        "environment" => {
            let environment: Value = wasip3::cli::environment::get_environment()
                .into_iter()
                .map(|(name, value)| (name, Value::from(value)))
                .collect();
            reply::json(
                200,
                &json!({
                    "environment": environment,
                    "arguments": wasip3::cli::environment::get_arguments(),
                    "directories": wasip3::filesystem::preopens::get_directories().len(),
                }),
            )
        }
        other => reply::unknown(other),
    }
}

/// Says which component answers: the variable `name`, and the path that it saw.
pub fn identity(arguments: &Arguments) -> Answer {
    let name = store::get("name").ok().flatten();
    reply::json(200, &json!({ "name": name, "path": arguments.path }))
}

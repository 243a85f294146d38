//! `selvedge:durable`: calls the object that the query names, typed and through the untyped door.

use crate::arguments::Arguments;
use crate::reply::{self, Answer};
use bindings::selvedge::durable::namespace;
use bindings::selvedge::durable::types::Error;
use bindings::test::objects::plains::Plain;
use bindings::test::objects::subjects::{Failure, Subject};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wasip3::http::types::{Fields, Request, Scheme};
use wasip3::wit_future;

mod extremes;
mod values;

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../wit-objects"],
        world: "test:objects/caller",
        with: { "wasi:http/types@0.3.0": wasip3::http::types },
        generate_all,
    });
}

/// Answers `/…/objects/<action>?name=…`. A failure of the platform has the status 409.
pub async fn answer(request: Request, arguments: &Arguments) -> Answer {
    match arguments.action.as_str() {
        "door" => return door(request, arguments).await,
        "door-made" => return door_made(arguments).await,
        _ => {}
    }
    let name = match arguments.number("name-letters") {
        None => arguments.text("name").to_owned(),
        Some(letters) => sized(arguments.text("name"), letters),
    };
    let body = reply::read_all(crate::http::body_of(request).0).await;
    let script = String::from_utf8_lossy(&body).into_owned();
    let subject = Subject::new(&name);
    let outcome = match arguments.action.as_str() {
        // Each flavour of error type does the script of the body.
        "run" => subject.run(script).await.map(|given| results(&given)),
        "run-within" => match subject.run_within(script).await {
            Ok(given) => Ok(results(&given)),
            Err(Failure::Refused(text)) => return reply::json(409, &json!({ "refused": text })),
            Err(Failure::Platform(error)) => {
                return reply::json(409, &json!({ "platform": describe(&error) }));
            }
        },
        "run-text" => match subject.run_text(script).await {
            Ok(given) => Ok(results(&given)),
            Err(text) => return reply::json(409, &json!({ "text": text })),
        },
        "run-plain" => Ok(results(&subject.run_plain(script).await)),
        "together" => Ok(together(&subject, scripts(&script)).await),
        "crowd" => Ok(together(&subject, crowd(&script, arguments)).await),
        "count" => Ok(json!({ "count": subject.count() })),
        "sum" => {
            let numbers = arguments.pairs().filter(|(name, _)| *name == "n");
            let numbers: Vec<u64> = numbers.filter_map(|(_, n)| n.parse().ok()).collect();
            subject.sum(&numbers).map(|sum| json!({ "sum": sum }))
        }
        "touch" => {
            subject.touch().await;
            Ok(json!({ "touched": true }))
        }
        "echo" => values::echo(&subject, arguments).await,
        "join" => values::join(&subject).await.map(|joined| json!({ "joined": joined })),
        // The other class, whose component exports nothing but its interface.
        "plain-add" => Plain::new(&name).add().await.map(|sum| json!({ "sum": sum })),
        "plain-set-alarm" => {
            Plain::new(&name).set_alarm(1000).await.map(|at_ms| json!({ "at-ms": at_ms }))
        }
        other => return reply::unknown(other),
    };
    match outcome {
        Ok(value) => reply::json(200, &value),
        Err(error) => reply::json(409, &describe(&error)),
    }
}

/// Passes the request on to the object of `class` and `name`, with the path `to`.
async fn door(request: Request, arguments: &Arguments) -> Answer {
    let to = arguments.get("to").unwrap_or("/");
    request.set_path_with_query(Some(to)).map_err(|()| reply::internal("path"))?;
    fetched(request, arguments).await
}

/// Sends a request of its own to that object: one without an authority, and with a path and a scheme
/// where the query names them.
async fn door_made(arguments: &Arguments) -> Answer {
    let (_, end) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), None, end, None);
    request.set_path_with_query(arguments.get("to")).map_err(|()| reply::internal("path"))?;
    let scheme = arguments.get("scheme").map(|scheme| Scheme::Other(scheme.to_owned()));
    request.set_scheme(scheme.as_ref()).map_err(|()| reply::internal("scheme"))?;
    fetched(request, arguments).await
}

async fn fetched(request: Request, arguments: &Arguments) -> Answer {
    let (class, name) = (arguments.text("class"), arguments.text("name"));
    match namespace::fetch(class.to_owned(), name.to_owned(), request).await {
        Ok(response) => Ok(response),
        Err(error) => reply::json(409, &describe(&error)),
    }
}

/// Begins a call for each script, in order, and tells what came of each, and how often.
async fn together(subject: &Subject, scripts: Vec<String>) -> Value {
    let calls = scripts.into_iter().map(async |script| match subject.run(script).await {
        Ok(given) => ("ok".to_owned(), results(&given)),
        Err(error) => {
            let error = describe(&error);
            (error["error"].as_str().unwrap_or_default().to_owned(), error)
        }
    });
    let (mut outcomes, mut calls_given) = (BTreeMap::<String, u64>::new(), Vec::new());
    for (outcome, given) in join_all(calls).await {
        *outcomes.entry(outcome).or_default() += 1;
        calls_given.push(given);
    }
    json!({ "outcomes": outcomes, "calls": calls_given })
}

/// The scripts of a list of them.
fn scripts(body: &str) -> Vec<String> {
    let scripts: Vec<Value> = serde_json::from_str(body).unwrap_or_default();
    scripts.iter().map(Value::to_string).collect()
}

/// `n` times the script, with its number in the place of `$i`.
fn crowd(script: &str, arguments: &Arguments) -> Vec<String> {
    let count = arguments.number("n").unwrap_or(1);
    (0..count).map(|index| script.replace("$i", &index.to_string())).collect()
}

/// A name that begins like this and has so many characters.
fn sized(name: &str, letters: u64) -> String {
    let letters = usize::try_from(letters).unwrap_or(0);
    format!("{name:n<letters$}")
}

fn results(given: &str) -> Value {
    json!({ "results": serde_json::from_str::<Value>(given).unwrap_or_else(|_| json!(given)) })
}

fn describe(error: &Error) -> Value {
    let (name, detail) = match error {
        Error::NoSuchClass => ("no-such-class", None),
        Error::AccessDenied => ("access-denied", None),
        Error::Overloaded => ("overloaded", None),
        Error::Timeout => ("timeout", None),
        Error::Reset(detail) => ("reset", Some(detail)),
        Error::Invalid(detail) => ("invalid", Some(detail)),
    };
    json!({ "error": name, "detail": detail })
}

//! Compares a reply with what a case expects, and says every difference.

use crate::reply::{Outcome, Reply};
use crate::step::Expect;
use serde::Serialize;
use serde_json::Value as Json;
use std::time::Duration;
use toml::Value as Toml;

/// Every way in which `outcome` is not what `expect` says; none where it is.
pub fn differences(expect: &Expect, outcome: &Outcome) -> Vec<String> {
    let reply = match outcome {
        Outcome::Reply(reply) if expect.no_reply => {
            return vec![format!("expected no reply, got status {}", reply.status)];
        }
        Outcome::Reply(reply) => reply,
        Outcome::Nothing(_) if expect.no_reply || expect.or_no_reply => return Vec::new(),
        Outcome::Nothing(why) => return vec![format!("expected a reply, got none: {why}")],
        Outcome::Left if *expect == Expect::default() => return Vec::new(),
        Outcome::Left => return vec!["expected a reply, but the client left".to_owned()],
    };
    let mut found = Vec::new();
    head(expect, reply, &mut found);
    body(expect, reply, &mut found);
    json(expect, reply, &mut found);
    times(expect, reply, &mut found);
    if !found.is_empty() {
        found.push(format!("got {}", outcome.summary()));
    }
    found
}

/// Whether the JSON `found` has everything that `wanted` says.
pub fn json_has(found: &Json, wanted: &Toml) -> bool {
    match (wanted, found) {
        (Toml::Table(wanted), Json::Object(found)) => wanted
            .iter()
            .all(|(name, wanted)| found.get(name).is_some_and(|found| json_has(found, wanted))),
        (Toml::Array(wanted), Json::Array(found)) => {
            wanted.len() == found.len()
                && found.iter().zip(wanted).all(|(found, wanted)| json_has(found, wanted))
        }
        (Toml::String(wanted), Json::String(found)) => wanted == found,
        (Toml::Boolean(wanted), Json::Bool(found)) => wanted == found,
        (Toml::Integer(wanted), Json::Number(found)) => found.as_i64() == Some(*wanted),
        _ => false,
    }
}

/// A value of a case, spelled as JSON.
pub fn spelled(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn head(expect: &Expect, reply: &Reply, found: &mut Vec<String>) {
    if let Some(status) = expect.status
        && status != reply.status
    {
        found.push(format!("status: expected {status}, got {}", reply.status));
    }
    if let Some(failure) = &expect.failure {
        let named = reply.header("selvedge-failure");
        if named.as_deref() != Some(failure) {
            found.push(format!("failure: expected {failure:?}, got {named:?}"));
        }
        problem(failure, reply, found);
    }
    for (name, wanted) in &expect.headers {
        let value = reply.header(name);
        if value.as_ref() != Some(wanted) {
            found.push(format!("header {name}: expected {wanted:?}, got {value:?}"));
        }
    }
    for (name, wanted) in &expect.headers_contain {
        let value = reply.header(name);
        if !value.as_ref().is_some_and(|value| value.contains(wanted)) {
            found.push(format!("header {name}: expected {wanted:?} in it, got {value:?}"));
        }
    }
    for name in &expect.headers_present {
        if reply.header(name).is_none() {
            found.push(format!("header {name}: expected one, got none"));
        }
    }
    for name in &expect.headers_absent {
        if let Some(value) = reply.header(name) {
            found.push(format!("header {name}: expected none, got {value:?}"));
        }
    }
    if let Some(closed) = expect.closed
        && reply.closed != Some(closed)
    {
        found.push(format!("connection closed: expected {closed}, got {:?}", reply.closed));
    }
}

/// A host's own answer is a problem document that says the same as the head.
fn problem(failure: &str, reply: &Reply, found: &mut Vec<String>) {
    let content_type = reply.header("content-type");
    if content_type.as_deref() != Some("application/problem+json") {
        found.push(format!("a failure is application/problem+json, got {content_type:?}"));
    }
    let document: Json = serde_json::from_slice(&reply.body).unwrap_or_default();
    let is = |name: &str, wanted: Json| document.get(name) == Some(&wanted);
    let told = document.get("detail").and_then(Json::as_str).is_some_and(|text| text.len() > 10);
    if !(is("title", failure.into()) && is("status", reply.status.into()) && told) {
        found.push(format!("the problem document does not say what its head says: {document}"));
    }
}

fn body(expect: &Expect, reply: &Reply, found: &mut Vec<String>) {
    let text = reply.text();
    if let Some(wanted) = &expect.body
        && *wanted != text
    {
        found.push(format!("body: expected {wanted:?}"));
    }
    for wanted in &expect.body_contains {
        if !text.contains(wanted) {
            found.push(format!("body: expected {wanted:?} in it"));
        }
    }
    for unwanted in &expect.body_lacks {
        if text.contains(unwanted) {
            found.push(format!("body: expected no {unwanted:?} in it"));
        }
    }
    let bytes = reply.body.len();
    if expect.body_bytes.is_some_and(|wanted| wanted != bytes) {
        found.push(format!("body: expected {:?} bytes, got {bytes}", expect.body_bytes));
    }
    if expect.body_bytes_at_most.is_some_and(|most| bytes > most) {
        found.push(format!(
            "body: expected at most {:?} bytes, got {bytes}",
            expect.body_bytes_at_most
        ));
    }
    for (name, wanted) in &expect.trailers {
        let value = reply.trailer(name);
        if value.as_ref() != Some(wanted) {
            found.push(format!("trailer {name}: expected {wanted:?}, got {value:?}"));
        }
    }
    match (&reply.broken, expect.broken) {
        (Some(why), false) if !expect.or_no_reply => {
            found.push(format!("body: expected it whole, it broke off: {why}"))
        }
        (None, true) => found.push("body: expected it to break off, it is whole".to_owned()),
        _ => {}
    }
}

fn json(expect: &Expect, reply: &Reply, found: &mut Vec<String>) {
    let wants_json = expect.body_json.is_some()
        || !expect.body_json_differs.is_empty()
        || !expect.body_json_null.is_empty();
    if !wants_json {
        return;
    }
    let document: Json = match serde_json::from_slice(&reply.body) {
        Ok(document) => document,
        Err(error) => return found.push(format!("body: expected JSON, {error}")),
    };
    if let Some(wanted) = &expect.body_json
        && !json_has(&document, &Toml::Table(wanted.clone()))
    {
        found.push(format!("body: expected the JSON {}", spelled(wanted)));
    }
    for (name, unwanted) in &expect.body_json_differs {
        if document.get(name).is_none_or(|value| json_has(value, unwanted)) {
            found.push(format!("body: expected a {name:?} that is not {}", spelled(unwanted)));
        }
    }
    for pointer in &expect.body_json_null {
        if document.pointer(pointer) != Some(&Json::Null) {
            found.push(format!("body: expected null at {pointer}"));
        }
    }
}

fn times(expect: &Expect, reply: &Reply, found: &mut Vec<String>) {
    let over = |bound: Option<u64>, took: Duration| {
        bound.is_some_and(|bound| took > Duration::from_millis(bound))
    };
    if over(expect.within_ms, reply.took) {
        found.push(format!("took {} ms, over {:?}", reply.took.as_millis(), expect.within_ms));
    }
    if over(expect.head_within_ms, reply.head_after) {
        let took = reply.head_after.as_millis();
        found.push(format!("the head took {took} ms, over {:?}", expect.head_within_ms));
    }
    if expect.at_least_ms.is_some_and(|least| reply.took < Duration::from_millis(least)) {
        found.push(format!("took {} ms, under {:?}", reply.took.as_millis(), expect.at_least_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::differences;
    use crate::reply::{Outcome, Reply};
    use crate::step::Expect;

    fn expect(text: &str) -> Expect {
        toml::from_str(text).unwrap()
    }

    fn reply() -> Outcome {
        Outcome::Reply(Reply {
            status: 200,
            headers: vec![("x-a".to_owned(), "1".to_owned()), ("x-a".to_owned(), "2".to_owned())],
            body: br#"{"a":{"b":1,"c":null},"list":[1,2]}"#.to_vec(),
            ..Reply::default()
        })
    }

    #[test]
    fn reply_that_is_as_expected_has_no_difference() {
        let text = "status = 200\nheaders = { x-a = \"1, 2\" }\nheaders-absent = [\"x-b\"]\n\
                    body-json = { a = { b = 1 }, list = [1, 2] }\nbody-json-null = [\"/a/c\"]\n\
                    body-contains = [\"list\"]\nbody-bytes = 35\nbody-json-differs = { list = [1] }";
        assert_eq!(differences(&expect(text), &reply()), Vec::<String>::new());
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        for text in [
            "status = 201",
            "failure = \"trap\"",
            "headers = { x-a = \"1\" }",
            "headers-contain = { x-a = \"3\" }",
            "headers-present = [\"x-b\"]",
            "headers-absent = [\"x-a\"]",
            "body = \"\"",
            "body-contains = [\"nothing\"]",
            "body-lacks = [\"list\"]",
            "body-json = { a = { b = 2 } }",
            "body-json = { list = [1] }",
            "body-json-differs = { list = [1, 2] }",
            "body-json-null = [\"/a/b\"]",
            "body-bytes = 1",
            "body-bytes-at-most = 1",
            "trailers = { x = \"1\" }",
            "broken = true",
            "no-reply = true",
            "closed = true",
            "at-least-ms = 1",
        ] {
            assert!(!differences(&expect(text), &reply()).is_empty(), "{text}");
        }
        let nothing = Outcome::Nothing("refused".to_owned());
        assert!(!differences(&expect("status = 200"), &nothing).is_empty());
        assert!(differences(&expect("no-reply = true"), &nothing).is_empty());
    }
}

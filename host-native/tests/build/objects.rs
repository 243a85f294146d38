//! Components that cannot be objects: `build` and `check` say why, and name the method.

use crate::app::App;
use crate::parts;

const APP: &str = r#"
[components.one]
wasm = "one.wasm"
[components.odd]
wasm = "odd.wasm"
[services.one]
component = "one"
routes = ["/*"]
[objects.odd]
component = "odd"
"#;
const COUNTERS: &str = "acme:counter/counters@0.1.0";
const CONSTRUCTOR: &str = r#"(export "counter" (type $r (sub resource)))
    (export "[constructor]counter" (func (param "name" string) (result (own $r))))"#;
/// A resource of somebody else's.
const STREAMS: &str = r#"(import "wasi:io/streams@0.2.6"
        (instance $streams (export "input-stream" (type (sub resource)))))
    (alias export $streams "input-stream" (type $input))"#;

/// A component that exports one interface with these items. No code is needed: a component that it
/// imports makes the interface.
fn exporting(before: &str, items: &str) -> Vec<u8> {
    parts::parse(&format!(
        r#"(component {before}
            (import "made" (component $made (export "{COUNTERS}" (instance {items}))))
            (instance $i (instantiate $made))
            (export "{COUNTERS}" (instance $i "{COUNTERS}")))"#
    ))
}

fn must_be_told(odd: &[u8], sentence: &str) {
    let files: [(&str, &[u8]); 2] =
        [("one.wasm", &parts::service("0.3.2", 200, None)), ("odd.wasm", odd)];
    App::new(APP, &files).must_fail(sentence);
}

/// A counter whose method `watch` has this signature, after `types`.
fn watch(types: &str, signature: &str) -> String {
    format!(
        r#"{CONSTRUCTOR} {types}
        (export "[method]counter.watch" (func async (param "self" (borrow $r)) {signature}))"#
    )
}

#[test]
fn method_with_a_stream_is_named() {
    let odd = exporting("", &watch("", r#"(param "from" (stream u8))"#));
    must_be_told(&odd, "counter.watch has a stream in parameter \"from\"");
}

#[test]
fn method_with_a_future_is_named() {
    let odd = exporting("", &watch("", "(result (future u8))"));
    must_be_told(&odd, "counter.watch has a future in its result");
}

#[test]
fn method_with_a_foreign_handle_is_named() {
    let uses = r#"(export "source" (type $in (eq $input)))"#;
    let odd = exporting(STREAMS, &watch(uses, r#"(param "from" (borrow $in))"#));
    must_be_told(&odd, "counter.watch has a handle (borrow<source>) in parameter \"from\"");
}

#[test]
fn component_without_a_resource_is_told() {
    let odd = exporting("", r#"(export "add" (func))"#);
    must_be_told(&odd, "exports no interface with a resource of its own");
}

#[test]
fn several_resources_are_named() {
    let odd = exporting("", &format!(r#"{CONSTRUCTOR} (export "meter" (type (sub resource)))"#));
    must_be_told(&odd, "has several resources (counter, meter)");
}

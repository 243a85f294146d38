#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails panics"
)]

use crate::types::camel_case;
use crate::{TranspileError, transpile};
use serde_json::{Value, json};

fn described(wat: &str) -> (Value, usize) {
    let made = transpile(&wat::parse_str(wat).unwrap()).unwrap();
    (serde_json::from_str(&made.description).unwrap(), made.modules.len())
}

fn refused(component: &[u8]) -> String {
    let error = transpile(component).unwrap_err();
    assert!(matches!(error, TranspileError::Unreadable(_)), "{error:?}");
    error.to_string()
}

#[test]
fn an_import_is_a_trampoline_and_an_export_is_lifted() {
    let (told, modules) = described(
        r#"(component
            (import "a:b/log@1.2.3" (instance $log
                (export "write-line" (func (param "text" string) (result bool)))))
            (core module $libc (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
            (core instance $libc (instantiate $libc))
            (core func $write (canon lower (func $log "write-line") (memory (core memory $libc "memory"))))
            (core module $main
                (import "log" "write" (func $write (param i32 i32) (result i32)))
                (func (export "run") (param i64) (drop (call $write (i32.const 0) (i32.const 0)))))
            (core instance $main (instantiate $main
                (with "log" (instance (export "write" (func $write))))))
            (func $run (param "id" u64) (canon lift (core func $main "run")))
            (instance $out (export "run-it" (func $run)))
            (export "a:b/run@1.0.0" (instance $out)))"#,
    );
    assert_eq!(modules, 2);
    assert_eq!(told["imports"], json!([["a:b/log@1.2.3", "write-line"]]));
    assert_eq!(told["trampolines"][0][0], "lower");
    assert_eq!(told["trampolines"][0][2][0], json!(["string"]));
    assert_eq!(told["trampolines"][0][2][1], json!(["bool"]));
    let run = &told["exports"]["a:b/run@1.0.0"]["run-it"];
    assert_eq!(run[0], json!(["export", 1, "run"]));
    assert_eq!(run[1][0], json!(["u64"]));
    let instantiated: Vec<_> =
        told["steps"].as_array().unwrap().iter().filter(|step| step[0] == "instantiate").collect();
    assert_eq!(instantiated.len(), 2);
    assert_eq!(instantiated[1][2], json!([["log", "write", ["trampoline", 0]]]));
}

#[test]
fn a_type_is_told_once_and_by_names_of_javascript() {
    let (told, _) = described(
        r#"(component
            (type $point' (record (field "x-axis" u32) (field "label" (option string))))
            (import "a:b/points" (instance $points
                (export "point" (type $point (eq $point')))
                (export "move" (func (param "from" $point) (param "to" $point)))))
            (core module $libc (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
            (core instance $libc (instantiate $libc))
            (core func $move (canon lower (func $points "move") (memory (core memory $libc "memory"))))
            (core module $main (import "" "move" (func (param i32 i32 i32 i32 i32 i32 i32 i32))))
            (core instance (instantiate $main (with "" (instance (export "move" (func $move)))))))"#,
    );
    let parameters = &told["trampolines"][0][2][0];
    assert_eq!(parameters[0], parameters[1]);
    let index = usize::try_from(parameters[0].as_u64().unwrap()).unwrap();
    assert_eq!(told["types"][index][0], "record");
    assert_eq!(told["types"][index][1][0], json!(["xAxis", "u32"]));
}

#[test]
fn components_within_are_joined_by_an_adapter() {
    let (told, modules) = described(
        r#"(component
            (component $inner
                (core module $m (func (export "one") (result i32) (i32.const 1)))
                (core instance $i (instantiate $m))
                (func (export "one") (result u32) (canon lift (core func $i "one"))))
            (instance $inner (instantiate $inner))
            (component $outer
                (import "one" (func $one (result u32)))
                (core func $one' (canon lower (func $one)))
                (core module $m (import "" "one" (func $one (result i32)))
                    (func (export "two") (result i32) (i32.add (call $one) (call $one))))
                (core instance $i (instantiate $m (with "" (instance (export "one" (func $one'))))))
                (func (export "two") (result u32) (canon lift (core func $i "two"))))
            (instance $outer (instantiate $outer (with "one" (func $inner "one"))))
            (export "two" (func $outer "two")))"#,
    );
    // The two, and the adapter between them.
    assert_eq!(modules, 3);
    let kinds: Vec<_> =
        told["trampolines"].as_array().unwrap().iter().map(|told| told[0].clone()).collect();
    assert!(kinds.contains(&json!("enter-sync-call")), "{kinds:?}");
    assert!(told["instances"].as_u64().unwrap() >= 2);
}

/// A component whose module imports by way of a shim, as composers of components write it.
fn shimmed(fixups: &str) -> String {
    format!(
        r#"(component
            (import "a:b/log" (instance $log (export "write" (func (param "text" string)))))
            (core module $shim
                (type $t (func (param i32 i32)))
                (table (export "$imports") 1 1 funcref)
                (func (export "0") (type $t)
                    (call_indirect (type $t) (local.get 0) (local.get 1) (i32.const 0))))
            (core instance $shim (instantiate $shim))
            (core module $main
                (import "log" "write" (func (param i32 i32)))
                (memory (export "memory") 1))
            (core instance $main (instantiate $main
                (with "log" (instance (export "write" (func $shim "0"))))))
            (core func $write (canon lower (func $log "write") (memory (core memory $main "memory"))))
            (core module $fixups {fixups})
            (core instance (instantiate $fixups (with "" (instance
                (export "$imports" (table $shim "$imports"))
                (export "0" (func $write)))))))"#
    )
}

#[test]
fn a_module_is_given_a_trampoline_without_its_shim() {
    let (told, _) = described(&shimmed(
        r#"(import "" "0" (func (param i32 i32))) (import "" "$imports" (table 1 1 funcref))
            (elem (i32.const 0) func 0)"#,
    ));
    let steps = told["steps"].as_array().unwrap();
    let kinds: Vec<_> = steps.iter().map(|step| step[0].as_str().unwrap()).collect();
    assert_eq!(kinds, ["leave-out", "instantiate", "memory", "leave-out"]);
    assert_eq!(steps[1][2], json!([["log", "write", ["trampoline", 0]]]));
    assert_eq!(told["modules"].as_array().unwrap().len(), 1);
}

#[test]
fn a_shim_that_is_more_than_that_stays() {
    for fixups in [
        // It exports something, or fills the table from elsewhere.
        r#"(import "" "0" (func (param i32 i32))) (import "" "$imports" (table 1 1 funcref))
            (elem (i32.const 0) func 0) (func (export "more"))"#,
        r#"(import "" "0" (func (param i32 i32))) (import "" "$imports" (table 1 1 funcref))
            (global i32 (i32.const 0)) (elem (global.get 0) func 0)"#,
    ] {
        let (told, _) = described(&shimmed(fixups));
        let instantiated = told["steps"].as_array().unwrap().iter();
        assert_eq!(instantiated.filter(|step| step[0] == "instantiate").count(), 3);
    }
}

#[test]
fn a_module_that_is_instantiated_again_is_there_once() {
    let (told, _) = described(
        r#"(component
            (core module $a) (core module $b)
            (core instance (instantiate $a)) (core instance (instantiate $b))
            (core instance (instantiate $a)))"#,
    );
    assert_eq!(told["modules"], json!([0, 1]));
    assert_eq!(told["steps"].as_array().unwrap().len(), 3);
}

#[test]
fn what_is_no_component_is_told_with_its_cause() {
    assert!(refused(b"not wasm").starts_with("it is no component that can be read: "));
    refused(b"\0asm\x0d\0\x01\0\xff");
    // A core module is none.
    refused(&wat::parse_str("(module)").unwrap());
    let cut = wat::parse_str("(component (core module (func)))").unwrap();
    refused(&cut[..cut.len() - 3]);
}

#[test]
fn proposals_that_the_native_host_refuses_are_refused() {
    let exceptions = wat::parse_str("(component (core module (tag)))").unwrap();
    assert!(refused(&exceptions).contains("exceptions"));
    let contexts = wat::parse_str(
        r#"(component
            (core module $m (memory (export "memory") 1))
            (core instance $i (instantiate $m))
            (core func (canon error-context.new (memory (core memory $i "memory")))))"#,
    );
    assert!(refused(&contexts.unwrap()).contains("error-context"));
}

#[test]
fn names_are_spelled_as_in_javascript() {
    for (name, spelled) in [
        ("set", "set"),
        ("set-status-code", "setStatusCode"),
        ("http2-settings", "http2Settings"),
        ("HTTP-status", "httpStatus"),
        ("is-TLS", "isTls"),
    ] {
        assert_eq!(camel_case(name), spelled);
    }
}

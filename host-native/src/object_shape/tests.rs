//! Which components are objects, and what is said of the others.

use super::error::{Held, Place};
use super::{Difference, ObjectShape, Read, ShapeError, difference};

const COUNTERS: &str = "acme:counter/counters@0.1.0";
/// The least that an object exports. `$r` is its resource.
const COUNTER: &str = r#"(export "counter" (type $r (sub resource)))
    (export "[constructor]counter" (func (param "name" string) (result (own $r))))"#;
const INPUT: &str = r#"(import "wasi:io/streams@0.2.6"
        (instance $streams (export "input-stream" (type (sub resource)))))
    (alias export $streams "input-stream" (type $input))"#;

/// A component that exports instances of these types. No code is needed: what it exports is made
/// by a component that it imports, and of which only the type is known.
fn of_types(before: &str, instances: &[(&str, &str)]) -> Vec<u8> {
    let mut made = String::new();
    let mut exports = String::new();
    for (name, ty) in instances {
        made += &format!("(export {name:?} (instance {ty}))\n");
        exports += &format!("(export {name:?} (instance $i {name:?}))\n");
    }
    wat::parse_str(format!(
        "(component {before} (import \"made\" (component $made {made}))
            (instance $i (instantiate $made)) {exports})"
    ))
    .unwrap()
}

fn object(bytes: &[u8]) -> Result<ObjectShape, Vec<ShapeError>> {
    Read::of(bytes).object
}

fn shape(instances: &[(&str, &str)]) -> ObjectShape {
    object(&of_types("", instances)).unwrap()
}

fn errors(instances: &[(&str, &str)]) -> Vec<ShapeError> {
    object(&of_types("", instances)).unwrap_err()
}

/// A counter with more in its interface.
fn counter_with(items: &str) -> String {
    format!("{COUNTER} {items}")
}

/// A counter with a method `m` of this signature, after `types`.
fn method(types: &str, signature: &str) -> String {
    counter_with(&format!(
        r#"{types} (export "[method]counter.m"
            (func async (param "self" (borrow $r)) {signature}))"#
    ))
}

fn not_a_value(method: &str, place: Place, held: Held) -> ShapeError {
    let (interface, method) = (COUNTERS.to_owned(), format!("counter.{method}"));
    ShapeError::NotAValue { interface, method, place, held }
}

fn parameter(name: &str) -> Place {
    Place::Parameter(name.to_owned())
}

fn own(resource: &str) -> Held {
    Held::Own { resource: resource.to_owned() }
}

fn borrow(resource: &str) -> Held {
    Held::Borrow { resource: resource.to_owned() }
}

#[test]
fn an_object_is_told_by_its_one_resource() {
    let counters = counter_with(
        r#"(export "[method]counter.get"
            (func (param "self" (borrow $r)) (result u64)))
        (export "[method]counter.add-many"
            (func async (param "self" (borrow $r)) (param "n" u64) (result (result u64))))"#,
    );
    let found = shape(&[(COUNTERS, &counters)]);
    let functions: Vec<&String> = found.signatures.keys().collect();
    assert_eq!(
        functions,
        ["[constructor]counter", "[method]counter.add-many", "[method]counter.get"]
    );
    let expected = ObjectShape {
        interface: COUNTERS.to_owned(),
        resource: "counter".to_owned(),
        methods: vec!["get".to_owned(), "add-many".to_owned()],
        signatures: found.signatures.clone(),
        handles_alarms: false,
        has_lifecycle: false,
        answers_http: false,
    };
    assert_eq!(found, expected);
    // The name of the parameter is the author's, and a constructor alone is enough.
    let bare = r#"(export "counter" (type $r (sub resource)))
        (type $text' string) (export "text" (type $text (eq $text')))
        (export "[constructor]counter" (func (param "of" $text) (result (own $r))))"#;
    assert!(shape(&[(COUNTERS, bare)]).methods.is_empty());
    assert!(shape(&[("counters", COUNTER)]).interface == "counters");
}

#[test]
fn values_of_every_kind_are_taken() {
    let types = r#"
        (type $record' (record (field "a" bool) (field "b" (option char))))
        (export "rec" (type $record (eq $record')))
        (type $variant' (variant (case "none") (case "some" $record)))
        (export "var" (type $variant (eq $variant')))
        (type $enum' (enum "red" "green")) (export "enu" (type $enum (eq $enum')))
        (type $flags' (flags "read" "write")) (export "fla" (type $flags (eq $flags')))
        (type $alias' u32) (export "ali" (type $alias (eq $alias')))"#;
    let signature = r#"
        (param "a" s8) (param "b" u8) (param "c" s16) (param "d" u16) (param "e" s32)
        (param "f" s64) (param "g" f32) (param "h" f64) (param "i" string)
        (param "j" (list (tuple $variant $enum))) (param "k" (list u8 16))
        (param "l" (map string $record)) (param "m" $alias)
        (result (result $flags (error $record)))"#;
    assert_eq!(shape(&[(COUNTERS, &method(types, signature))]).methods, ["m"]);
    assert_eq!(shape(&[(COUNTERS, &method("", "(result (result))"))]).methods, ["m"]);
}

#[test]
fn the_rest_that_a_host_calls_is_told_by_version() {
    let with = |name: &str| shape(&[(name, ""), (COUNTERS, COUNTER)]);
    let found = with("selvedge:durable/alarm-handler@0.1.7");
    assert!(found.handles_alarms && !found.has_lifecycle && !found.answers_http);
    let found = with("selvedge:durable/lifecycle@0.1.0");
    assert!(!found.handles_alarms && found.has_lifecycle && !found.answers_http);
    let found = with("wasi:http/handler@0.3.2");
    assert!(!found.handles_alarms && !found.has_lifecycle && found.answers_http);
    for other in [
        "selvedge:durable/alarm-handler",
        "selvedge:durable/alarm-handler@0.2.0",
        "selvedge:durable/lifecycle@0.10.0",
        "wasi:http/handler@0.3.0-rc-2026-01-01",
        "wasi:http/incoming-handler@0.2.0",
    ] {
        let found = with(other);
        assert!(!found.handles_alarms && !found.has_lifecycle && !found.answers_http);
    }
}

#[test]
fn what_is_the_platforms_or_the_toolchains_is_ignored() {
    let found = shape(&[
        ("exports", r#"(export "init" (func (param "app-name" string)))"#),
        ("wasi:cli/run@0.2.6", r#"(export "run" (func (result (result))))"#),
        ("wasi:io/error@0.2.6", r#"(export "error" (type (sub resource)))"#),
        ("acme:counter/types@0.1.0", r#"(type $n u8) (export "n" (type (eq $n)))"#),
        (COUNTERS, COUNTER),
    ]);
    assert_eq!(found.interface, COUNTERS);
}

#[test]
fn names_inside_of_components_are_left_out() {
    let bytes = wat::parse_str(format!(
        r#"(component
            (component (instance $e) (export "acme:inner/only" (instance $e)))
            (core module (func unreachable))
            (import "made" (component $made (export {COUNTERS:?} (instance {COUNTER}))))
            (instance $i (instantiate $made))
            (export {COUNTERS:?} (instance $i {COUNTERS:?})))"#
    ));
    assert_eq!(object(&bytes.unwrap()).unwrap().interface, COUNTERS);
}

#[test]
fn what_has_no_resource_of_its_own_is_refused() {
    let none = |exports: &[&str]| {
        let exports = exports.iter().map(ToString::to_string).collect();
        vec![ShapeError::NoResource { exports }]
    };
    assert_eq!(errors(&[]), none(&[]));
    let handler = "wasi:http/handler@0.3.0";
    assert_eq!(errors(&[(handler, ""), ("exports", "")]), none(&[handler, "exports"]));
    let function = r#"(export "add" (func))"#;
    assert_eq!(errors(&[(COUNTERS, function)]), none(&[COUNTERS]));
    // What was imported is somebody else's.
    let through = wat::parse_str(format!(
        "(component (import {COUNTERS:?} (instance $i {COUNTER}))
            (export {COUNTERS:?} (instance $i)))"
    ));
    assert_eq!(object(&through.unwrap()).unwrap_err(), none(&[COUNTERS]));
    let uses = r#"(export "input-stream" (type (eq $input)))"#;
    let bytes = of_types(INPUT, &[(COUNTERS, uses)]);
    assert_eq!(object(&bytes).unwrap_err(), none(&[COUNTERS]));
}

#[test]
fn several_interfaces_are_refused_by_name() {
    let other = "acme:counter/others@0.1.0";
    let interfaces = vec![COUNTERS.to_owned(), other.to_owned()];
    assert_eq!(
        errors(&[(COUNTERS, COUNTER), (other, COUNTER)]),
        [ShapeError::SeveralInterfaces { interfaces }]
    );
    let function = r#"(export "add" (func))"#;
    assert_eq!(
        errors(&[(other, function), (COUNTERS, COUNTER)]),
        [ShapeError::ExtraInterface { interface: other.to_owned() }]
    );
}

#[test]
fn a_resource_belongs_to_the_interface_that_defines_it() {
    let user = "acme:counter/user@0.1.0";
    let bytes = wat::parse_str(format!(
        r#"(component (import "made" (component $made
                (export {COUNTERS:?} (instance $counters {COUNTER}))
                (alias export $counters "counter" (type $counter))
                (export {user:?} (instance (export "counter" (type (eq $counter)))))))
            (instance $i (instantiate $made))
            (export {COUNTERS:?} (instance $i {COUNTERS:?}))
            (export {user:?} (instance $i {user:?})))"#
    ));
    assert_eq!(object(&bytes.unwrap()).unwrap().interface, COUNTERS);
}

#[test]
fn several_resources_are_refused_by_name() {
    let two = counter_with(r#"(export "cursor" (type (sub resource)))"#);
    let resources = vec!["counter".to_owned(), "cursor".to_owned()];
    let interface = COUNTERS.to_owned();
    assert_eq!(
        errors(&[(COUNTERS, &two)]),
        [ShapeError::SeveralResources { interface, resources }]
    );
}

#[test]
fn a_constructor_takes_one_string_and_cannot_fail() {
    let error = |constructor: &str| {
        let text = format!(r#"(export "counter" (type $r (sub resource))) {constructor}"#);
        let [error] = errors(&[(COUNTERS, &text)]).try_into().unwrap();
        error
    };
    assert!(matches!(error(""), ShapeError::NoConstructor { .. }));
    for parameters in ["", r#"(param "n" u32)"#, r#"(param "a" string) (param "b" string)"#] {
        let text =
            format!(r#"(export "[constructor]counter" (func {parameters} (result (own $r))))"#);
        assert!(matches!(error(&text), ShapeError::ConstructorParameters { .. }));
    }
    let fallible = r#"(export "[constructor]counter"
        (func (param "name" string) (result (result (own $r) (error string)))))"#;
    assert!(matches!(error(fallible), ShapeError::ConstructorFallible { .. }));
}

#[test]
fn functions_that_are_not_methods_are_refused_by_name() {
    let text = counter_with(
        r#"(export "reset-all" (func))
        (export "[static]counter.parse" (func (param "text" string) (result u64)))
        (export "[method]counter.get" (func (param "self" (borrow $r)) (result u64)))
        (export "inner" (instance))"#,
    );
    let error = |item: &str| ShapeError::NotAMethod {
        interface: COUNTERS.to_owned(),
        resource: "counter".to_owned(),
        item: item.to_owned(),
    };
    assert_eq!(
        errors(&[(COUNTERS, &text)]),
        [error("reset-all"), error("counter.parse"), error("inner")]
    );
}

#[test]
fn what_is_not_a_value_is_refused_with_its_place() {
    let cases: &[(&str, Place, Held)] = &[
        ("(param \"from\" (stream u8))", parameter("from"), Held::Stream),
        ("(result (stream))", Place::Result, Held::Stream),
        ("(result (result (tuple (future)) (error string)))", Place::Result, Held::Future),
        ("(param \"f\" (list (option (future u8))))", parameter("f"), Held::Future),
        ("(param \"e\" error-context)", parameter("e"), Held::ErrorContext),
        ("(result (tuple u8 error-context))", Place::Result, Held::ErrorContext),
        ("(result (own $r))", Place::Result, own("counter")),
        ("(param \"other\" (borrow $r))", parameter("other"), borrow("counter")),
        ("(result (result u8 (error (own $r))))", Place::Result, own("counter")),
        ("(param \"k\" (list (own $r) 2))", parameter("k"), own("counter")),
        ("(param \"l\" (map u8 (own $r)))", parameter("l"), own("counter")),
    ];
    for (signature, place, held) in cases {
        let found = errors(&[(COUNTERS, &method("", signature))]);
        assert_eq!(found, [not_a_value("m", place.clone(), held.clone())], "{signature}");
    }
    // In what the interface names, too.
    let types = r#"(type $inner' (record (field "owned" (own $r))))
        (export "inner" (type $inner (eq $inner')))
        (type $s (stream))
        (type $outer' (variant (case "one" $inner) (case "two" $s) (case "three" $inner)))
        (export "outer" (type $outer (eq $outer')))"#;
    let found = errors(&[(COUNTERS, &method(types, "(result $outer)"))]);
    let held = [own("counter"), Held::Stream];
    assert_eq!(found, held.map(|held| not_a_value("m", Place::Result, held)));
}

#[test]
fn foreign_handles_are_refused_by_name() {
    let uses = r#"(export "source" (type $in (eq $input)))"#;
    let named = method(uses, "(param \"from\" (borrow $in))");
    let found = object(&of_types(INPUT, &[(COUNTERS, &named)])).unwrap_err();
    assert_eq!(found, [not_a_value("m", parameter("from"), borrow("source"))]);
    // Naming it without using it harms nobody.
    let bytes = of_types(INPUT, &[(COUNTERS, &method(uses, ""))]);
    assert_eq!(object(&bytes).unwrap().resource, "counter");
}

#[test]
fn all_that_is_wrong_is_reported_at_once() {
    let text = r#"(export "counter" (type $r (sub resource)))
        (export "reset-all" (func))
        (export "[method]counter.watch"
            (func (param "self" (borrow $r)) (param "from" (stream u8)) (result (future u8))))
        (export "[method]counter.get" (func (param "self" (borrow $r)) (result u64)))
        (export "[method]counter.copy" (func (param "self" (borrow $r)) (result (own $r))))"#;
    let other = "acme:counter/admin@0.1.0";
    let admin = r#"(export "add" (func))"#;
    let found = errors(&[(COUNTERS, text), (other, admin)]);
    let (interface, resource) = (COUNTERS.to_owned(), "counter".to_owned());
    let item = "reset-all".to_owned();
    assert_eq!(
        found,
        [
            ShapeError::NotAMethod {
                interface: interface.clone(),
                resource: resource.clone(),
                item
            },
            not_a_value("watch", parameter("from"), Held::Stream),
            not_a_value("watch", Place::Result, Held::Future),
            not_a_value("copy", Place::Result, own("counter")),
            ShapeError::NoConstructor { interface, resource },
            ShapeError::ExtraInterface { interface: other.to_owned() },
        ]
    );
}

#[test]
fn what_is_damaged_is_refused() {
    let refused = |bytes: &[u8]| {
        let found = object(bytes).unwrap_err();
        assert!(matches!(found.as_slice(), [ShapeError::Invalid { .. }]), "{found:?}");
    };
    refused(b"");
    refused(b"(component)");
    refused(&wat::parse_str("(module)").unwrap());
    let whole = of_types(INPUT, &[(COUNTERS, &method("", "(result (own $r))"))]);
    for cut in 0..whole.len() {
        // A component may end after any of its sections.
        assert!(object(whole.get(..cut).unwrap()).is_err());
        let mut flipped = whole.clone();
        *flipped.get_mut(cut).unwrap() ^= 0x41;
        assert!(object(&flipped).is_err_and(|errors| !errors.is_empty()));
    }
}

/// How a caller that imports `imported` differs from an object that exports `exported`.
fn differing(imported: &str, exported: &str) -> Option<Difference> {
    let object = shape(&[(COUNTERS, exported)]);
    let caller = format!("(component (import {COUNTERS:?} (instance {imported})))");
    let caller = Read::of(&wat::parse_str(caller).unwrap());
    difference(&caller.imports[COUNTERS], &object.signatures)
}

#[test]
fn a_caller_may_import_less_and_in_its_own_words() {
    let exported = counter_with(
        r#"(type $e' (enum "red" "green")) (export "colour" (type $e (eq $e')))
        (export "[method]counter.add"
            (func async (param "self" (borrow $r)) (param "n" u64) (result (result $e))))
        (export "[method]counter.get" (func (param "self" (borrow $r)) (result u64)))"#,
    );
    assert_eq!(differing(&exported, &exported), None);
    assert_eq!(differing(r#"(export "counter" (type (sub resource)))"#, &exported), None);
    // Names of types and of parameters are each side's own; so is whether it waits.
    let imported = counter_with(
        r#"(type $e' (enum "red" "green")) (export "paint" (type $e (eq $e')))
        (export "[method]counter.add"
            (func (param "self" (borrow $r)) (param "by" u64) (result (result $e))))"#,
    );
    assert_eq!(differing(&imported, &exported), None);
}

#[test]
fn the_first_difference_is_told_by_function_and_type() {
    let function = || "counter.m".to_owned();
    let ty = |place: &str, imported: &str, exported: &str| Difference::Type {
        function: function(),
        place: place.to_owned(),
        imported: imported.to_owned(),
        exported: exported.to_owned(),
    };
    let method = |signature: &str| method("", signature);
    let cases = [
        ("(param \"n\" u64)", "(param \"n\" u32)", ty("parameter n", "u64", "u32")),
        ("", "(result u8)", ty("result", "nothing", "u8")),
        (
            "(param \"n\" (list (option (tuple u8 string))))",
            "(param \"n\" (list (option (tuple u8 char))))",
            ty("parameter n.item.some.1", "string", "char"),
        ),
        (
            "(result (result u8 (error string)))",
            "(result (result u8))",
            ty("result.error", "string", "nothing"),
        ),
        (
            "(param \"k\" (list u8 16)) (result u8)",
            "(param \"k\" (list u8 17)) (result u8)",
            ty("parameter k", "list of 16<u8>", "list of 17<u8>"),
        ),
        (
            "(param \"a\" u8)",
            "(param \"a\" u8) (param \"b\" u8)",
            Difference::Parameters { function: function(), imported: 1, exported: 2 },
        ),
    ];
    for (imported, exported, expected) in cases {
        assert_eq!(differing(&method(imported), &method(exported)), Some(expected), "{imported}");
    }
    let missing = Difference::Missing { function: function() };
    assert_eq!(differing(&method(""), COUNTER), Some(missing));
    let named = |fields: &str| {
        let types = format!(r#"(type $v' (record {fields})) (export "entry" (type $v (eq $v')))"#);
        super::tests::method(&types, "(result (list $v))")
    };
    let one = r#"(field "key" string) (field "at" (option u64))"#;
    let other = r#"(field "key" string) (field "when" (option u64))"#;
    let (left, right) =
        ("record { key: string, at: option<u64> }", "record { key: string, when: option<u64> }");
    assert_eq!(differing(&named(one), &named(other)), Some(ty("result.item", left, right)));
}

#[test]
fn types_that_name_each_other_many_times_are_read_in_part() {
    let mut types = "(type $t0 (tuple u8 u8))".to_owned();
    for depth in 1..13 {
        let inner = depth - 1;
        types += &format!("(type $t{depth} (tuple $t{inner} $t{inner}))");
    }
    let (types, signature) = (types.as_str(), "(param \"t\" $t12)");
    let found = format!("{:?}", shape(&[(COUNTERS, &method(types, signature))]).signatures);
    assert!(found.contains('…') && found.len() < 1_000_000, "{} bytes", found.len());
}

//! Components that call objects by another interface than these export.

use crate::app::App;
use crate::parts;

/// Two classes with one interface, of which one is granted.
const APP: &str = r#"
[components.caller]
wasm = "caller.wasm"
objects = ["narrow"]
[components.narrow]
wasm = "narrow.wasm"
[components.wide]
wasm = "wide.wasm"
[services.caller]
component = "caller"
routes = ["/*"]
[objects.narrow]
component = "narrow"
[objects.wide]
component = "wide"
"#;

fn app(caller: &str, narrow: &str) -> App {
    let files: [(&str, &[u8]); 3] = [
        ("caller.wasm", &parts::calling(caller)),
        ("narrow.wasm", &parts::object(narrow)),
        ("wide.wasm", &parts::object("u64")),
    ];
    App::new(APP, &files)
}

const TOLD: &str = "error: component \"caller\" imports acme:counter/counters@0.1.0 in another \
    shape than the objects of class \"narrow\" export it: counter.add has u64 as its parameter \
    number where the object's has u32; build both with the same WIT";

#[test]
fn a_call_in_another_shape_is_told_with_its_function_and_type() {
    app("u64", "u32").must_fail(TOLD);
}

#[test]
fn a_call_in_the_same_shape_is_not_told() {
    let app = app("u32", "u32");
    app.build();
    assert_eq!(app.run(&["check"]).code, Some(0));
    // The one that was built before is told, too, where the other changes.
    app.write("narrow.wasm", &parts::object("s32"));
    app.must_fail("counter.add has u32 as its parameter number where the object's has s32");
}

//! Middleware chains and dependencies: what is composed runs under any host with WASI alone.

use crate::app::App;
use crate::{parts, plain};

const TWO: &str = r#"
[components.service]
wasm = "service.wasm"
[components.double]
wasm = "double.wasm"
[components.add]
wasm = "add.wasm"
[services.one]
component = "service"
middleware = ["double", "add"]
routes = ["/one"]
[services.other]
component = "service"
middleware = ["add", "double"]
routes = ["/other"]
[services.alone]
component = "service"
routes = ["/alone"]
"#;

#[test]
fn the_first_middleware_is_the_outermost() {
    // Three versions of one interface, as three toolchains would use them.
    let service = parts::service("0.3.2", 201, None);
    let app = App::new(
        TWO,
        &[
            ("service.wasm", &service),
            ("double.wasm", &parts::middleware("0.3.1", "mul", 2)),
            ("add.wasm", &parts::middleware("0.3.0", "add", 3)),
        ],
    );
    app.build();
    assert_eq!(plain::get(&app.service("one")).unwrap().0, (201 + 3) * 2);
    assert_eq!(plain::get(&app.service("other")).unwrap().0, 201 * 2 + 3);
    assert_eq!(plain::get(&app.service("alone")).unwrap().0, 201);
    assert_eq!(app.service("alone"), service, "a service of one part is that part");
}

const DEPENDENCY: &str = r#"
[components.service]
wasm = "service.wasm"
dependencies = ["library"]
[components.library]
wasm = "library.wasm"
[components.add]
wasm = "add.wasm"
[services.alone]
component = "service"
routes = ["/alone"]
[services.chained]
component = "service"
middleware = ["add"]
routes = ["/chained"]
"#;

#[test]
fn a_dependency_satisfies_an_import_of_a_compatible_version() {
    let app = App::new(
        DEPENDENCY,
        &[
            ("service.wasm", &parts::service("0.3.0", 200, Some("1.0.0"))),
            ("library.wasm", &parts::library("1.2.0", 7)),
            ("add.wasm", &parts::middleware("0.3.0", "add", 3)),
        ],
    );
    app.build();
    assert_eq!(plain::get(&app.service("alone")).unwrap().0, 207);
    assert_eq!(plain::get(&app.service("chained")).unwrap().0, 210);
    let check = app.run(&["check", "--json"]);
    assert_eq!(check.code, Some(0), "{}", check.stderr);
    let service = check.of("components", "service");
    let import = service["imports"].as_array().unwrap().iter();
    let import = import.clone().find(|import| import["name"] == "acme:math/offset@1.0.0").unwrap();
    assert_eq!(import["components"], serde_json::json!(["library"]));
    assert_eq!(import["native"], serde_json::Value::Null);
}

#[test]
fn a_composition_imports_each_interface_once() {
    let app = App::new(
        TWO,
        &[
            ("service.wasm", &parts::service("0.3.2", 200, None)),
            ("double.wasm", &parts::middleware("0.3.1", "mul", 2)),
            ("add.wasm", &parts::middleware("0.3.0", "add", 3)),
        ],
    );
    let built = app.run(&["build", "--json"]);
    let service = built.of("services", "one");
    assert_eq!(service["imports"], serde_json::json!(["wasi:http/types@0.3.2"]));
    assert_eq!(service["wiring"], "double > add > service");
    assert_eq!(service["world"], "service-0.3");
}

#[test]
fn a_library_of_another_shape_is_refused() {
    let app = App::new(
        DEPENDENCY,
        &[
            ("service.wasm", &parts::service("0.3.0", 200, Some("1.0.0"))),
            ("library.wasm", &parts::odd_library()),
            ("add.wasm", &parts::middleware("0.3.0", "add", 3)),
        ],
    );
    let ran = app.run(&["build"]);
    assert_eq!(ran.code, Some(1));
    let sentence = "component \"library\" exports acme:math/offset@1.0.0, but not in the shape in \
                    which \"service\" imports it";
    assert!(ran.stderr.contains(sentence), "{}", ran.stderr);
    assert!(app.list(".selvedge/services").is_empty());
}

//! What a manifest means, and what is told about one that is wrong.
//!
//! A wrong manifest is a file of data: `manifests/<fact>.toml`, and beside it `<fact>.errors` with
//! everything that is to be told, one `line:column: sentence` a line.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where something is not as it says"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use selvedge_contract::language::{Engine, Language};
use selvedge_contract::limits::{Limits, ObjectLimits};
use selvedge_contract::manifest::{Grants, HostPattern, Manifest, SecretSource, Source};
use selvedge_contract::names::Name;

const DEMO: &str = r#"
name = "demo"

[components.hello]
source = "hello"
[components.other]
source = "../shared/other"
build = "make"
wasm = "other/out.wasm"
vars = { greeting = "hi", colour = "" }
keyvalue = ["visitors"]
[components.ready]
wasm = "ready.wasm"
[components.plain]
source = "plain"
language = "rust"
[components.notes]
source = "notes"
language = "typescript"
world = "service"
engine = "quickjs"
[components.jwt-auth]
source = "jwt-auth"
dependencies = ["greeter"]
secrets = ["jwt-key"]
vars = { greeting = "hello", issuer = "me" }
objects = ["counter"]
allow-hosts = ["127.0.0.1:9000"]
[components.fast-user]
source = "fast-user"
dependencies = ["greeter", "other"]
keyvalue = ["visitors", "pages"]
allow-hosts = ["api.example.com", "127.0.0.1:9000"]
[components.greeter]
source = "greeter"
dependencies = ["ready"]
vars = { greeting = "moin", fallback = "yes" }
[components.rooms]
source = "rooms"
dependencies = ["jwt-auth"]
keyvalue = ["pages"]
objects = ["counter", "chat-room"]

[services.hello]
component = "hello"
routes = ["/hello", "/hello/*", "api.example.com/v1/{name}"]
limits = { wall-ms = 5000 }

[services.users]
component = "fast-user"
routes = ["/users/{id}"]
middleware = ["hello", "jwt-auth"]

[objects.counter]
component = "ready"

[objects.chat-room]
component = "rooms"
serial = true
limits = { calls = 2, storage-bytes = 0x10000 }

[keyvalue.visitors]
[keyvalue.pages]

[secrets.jwt-key]
env = "JWT_KEY"
[secrets.other]
file = "/run/secrets/other"

[limits]
wall-ms = 9000
memory-bytes = 0x4000000
"#;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn demo() -> Manifest {
    Manifest::parse(DEMO).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

#[test]
fn everything_in_a_manifest_reaches_its_place() {
    let demo = demo();
    assert_eq!(demo.name.as_str(), "demo");
    assert_eq!(demo.components.len(), 9);
    assert_eq!(demo.components["hello"].source, Source::Cargo { folder: "hello".into() });
    assert_eq!(
        demo.components["other"].source,
        Source::Command {
            folder: "../shared/other".into(),
            command: "make".to_owned(),
            wasm: "other/out.wasm".into(),
        }
    );
    assert_eq!(demo.components["plain"].source, Source::Cargo { folder: "plain".into() });
    assert_eq!(
        demo.components["notes"].source,
        Source::Language {
            folder: "notes".into(),
            language: Language::TypeScript,
            world: Some("service".to_owned()),
            engine: Some(Engine::QuickJs),
        }
    );
    assert_eq!(demo.components["ready"].source, Source::Ready { wasm: "ready.wasm".into() });
    assert_eq!(demo.components["fast-user"].dependencies, [name("greeter"), name("other")]);
    assert_eq!(demo.components["jwt-auth"].secrets, [name("jwt-key")]);
    assert_eq!(demo.components["other"].vars["colour"], "");
    assert_eq!(demo.services["users"].middleware, [name("hello"), name("jwt-auth")]);
    assert_eq!(demo.services["users"].component, name("fast-user"));
    assert_eq!(demo.components["rooms"].objects, [name("counter"), name("chat-room")]);
    let classes: Vec<_> = demo.objects.keys().map(Name::as_str).collect();
    assert_eq!(classes, ["chat-room", "counter"]);
    assert_eq!(demo.objects["counter"].component, name("ready"));
    assert!(demo.objects["chat-room"].serial && !demo.objects["counter"].serial);
    let routes: Vec<_> = demo.services["hello"].routes.iter().map(ToString::to_string).collect();
    assert_eq!(routes, ["/hello", "/hello/*", "api.example.com/v1/{name}"]);
    assert_eq!(demo.keyvalue.keys().map(Name::as_str).collect::<Vec<_>>(), ["pages", "visitors"]);
    assert_eq!(demo.secrets["jwt-key"], SecretSource::Env("JWT_KEY".to_owned()));
    assert_eq!(demo.secrets["other"], SecretSource::File("/run/secrets/other".into()));
}

#[test]
fn a_services_limits_are_laid_over_its_apps_and_those_over_the_defaults() {
    let demo = demo();
    let app = Limits { wall_ms: 9000, memory_bytes: 64 << 20, ..Limits::default() };
    assert_eq!(demo.services["users"].limits, app);
    assert_eq!(demo.services["hello"].limits, Limits { wall_ms: 5000, ..app });
}

#[test]
fn an_objects_limits_are_laid_over_the_defaults_and_not_over_its_apps() {
    let demo = demo();
    assert_eq!(demo.objects["counter"].limits, ObjectLimits::default());
    let own = ObjectLimits { calls: 2, storage_bytes: 64 << 10, ..ObjectLimits::default() };
    assert_eq!(demo.objects["chat-room"].limits, own);
}

#[test]
fn a_composition_has_each_part_once_with_the_outermost_middleware_first() {
    let demo = demo();
    let parts = |service| {
        let parts = demo.parts(&demo.services[service]);
        parts.into_iter().map(Name::as_str).collect::<Vec<_>>()
    };
    assert_eq!(parts("hello"), ["hello"]);
    assert_eq!(parts("users"), ["hello", "jwt-auth", "fast-user", "greeter", "other", "ready"]);
}

#[test]
fn a_composition_is_granted_what_its_parts_are() {
    let demo = demo();
    let grants = demo.grants(&demo.services["users"]);
    let hosts = ["api.example.com", "127.0.0.1:9000"].map(|host| HostPattern::parse(host).unwrap());
    assert_eq!(grants.allow_hosts, hosts);
    assert_eq!(grants.keyvalue, [name("pages"), name("visitors")].into());
    assert_eq!(grants.objects, [name("counter")].into());
    assert_eq!(grants.secrets, [name("jwt-key")].into());
    assert_eq!(demo.grants(&demo.services["hello"]), Grants::default());
}

#[test]
fn an_object_is_granted_what_its_component_and_the_dependencies_of_it_are() {
    let demo = demo();
    let component = &demo.objects["chat-room"].component;
    let parts = demo.parts_of(component, &[]);
    assert_eq!(
        parts.into_iter().map(Name::as_str).collect::<Vec<_>>(),
        ["rooms", "jwt-auth", "greeter", "ready"]
    );
    let grants = demo.grants_of(component, &[]);
    assert_eq!(grants.keyvalue, [name("pages")].into());
    assert_eq!(grants.objects, [name("chat-room"), name("counter")].into());
    assert_eq!(grants.secrets, [name("jwt-key")].into());
    assert_eq!(grants.vars["greeting"], "hello");
    let counter = &demo.objects["counter"].component;
    assert_eq!(demo.grants_of(counter, &[]), Grants::default());
}

#[test]
fn of_two_vars_the_own_components_counts_and_then_that_of_the_earlier_part() {
    let mut demo = demo();
    let vars = |demo: &Manifest| demo.grants(&demo.services["users"]).vars;
    let expected = |greeting: &str| -> BTreeMap<String, String> {
        let pairs = [("colour", ""), ("fallback", "yes"), ("greeting", greeting), ("issuer", "me")];
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    };
    assert_eq!(vars(&demo), expected("hello"));
    let own = demo.components.get_mut("fast-user").unwrap();
    own.vars.insert("greeting".to_owned(), "mine".to_owned());
    assert_eq!(vars(&demo), expected("mine"));
}

#[test]
fn the_table_finds_the_service_of_a_request() {
    let table = demo().routes().unwrap();
    let find = |host, path| table.find(host, path).map(Name::as_str);
    assert_eq!(find(None, "/hello/x/y"), Some("hello"));
    assert_eq!(find(Some("api.example.com:80"), "/v1/me"), Some("hello"));
    assert_eq!(find(Some("example.com"), "/v1/me"), None);
    assert_eq!(find(None, "/users/7"), Some("users"));
    assert_eq!(find(None, "/users/7/"), None);
}

#[test]
fn the_least_manifest_is_a_name() {
    let least = Manifest::parse("name = \"a\"").unwrap();
    assert!(least.components.is_empty() && least.services.is_empty());
}

#[test]
fn any_text_is_answered_and_every_error_is_in_the_text() {
    let answer = |text: &str| {
        let Err(errors) = Manifest::parse(text) else { return };
        assert!(!errors.is_empty(), "refused without a reason: {text:?}");
        for error in errors {
            let lines: Vec<&str> = text.split('\n').collect();
            let line = lines[error.line - 1];
            assert!(
                (1..=line.chars().count() + 1).contains(&error.column),
                "{error:?} in {text:?}"
            );
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    };
    for (at, _) in DEMO.char_indices() {
        let (before, after) = DEMO.split_at(at);
        answer(before);
        answer(after);
        for put in ["\"", "\0", "é", "[", "=", "\r\n", "1"] {
            answer(&format!("{before}{put}{}", after.get(1..).unwrap_or_default()));
        }
    }
    // Deep enough to overflow a stack where nesting has no bound.
    for nesting in ["[", "{a=", "a.", "[["] {
        answer(&format!("name = \"app\"\nkeyvalue = {}", nesting.repeat(100_000)));
        answer(&nesting.repeat(100_000));
    }
}

#[test]
fn a_wrong_manifest_is_told_everything_that_is_wrong() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests");
    let mut facts = 0;
    let mut failed = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            assert!(path.with_extension("toml").exists(), "{path:?} has no manifest beside it");
            continue;
        }
        facts += 1;
        let found = match Manifest::parse(&fs::read_to_string(&path).unwrap()) {
            Ok(_) => "nothing is wrong".to_owned(),
            Err(errors) => errors
                .iter()
                .map(|error| format!("{}:{}: {error}\n", error.line, error.column))
                .collect(),
        };
        let expected = fs::read_to_string(path.with_extension("errors")).unwrap_or_default();
        if found != expected {
            failed.push(format!("{}\n--- expected\n{expected}--- found\n{found}", path.display()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(facts >= 20, "only {facts} manifests in {}", folder.display());
}

//! `wrangler.jsonc`, written from the manifest: what wrangler, and whatever else runs a bundle, must
//! know of it.

use crate::edge::bindings;
use crate::edge::migrations::Migration;
use selvedge_contract::manifest::{Composition, Manifest, SecretSource};
use selvedge_contract::object::javascript_class;
use selvedge_contract::route::Pattern;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The name of the file in a bundle.
pub(crate) const FILE: &str = "wrangler.jsonc";
/// What the file begins with, whatever version wrote it: by this a bundle is told from somebody's own
/// Worker, whose `wrangler.jsonc` has the same name.
pub(crate) const FIRST_WORDS: &str = "// Written by `selvedge bundle` ";

/// Which behaviour of the platform a Worker is written for. It changes only with a new version of
/// Selvedge, which was tested with it.
///
/// Source: the day of the workerd that is pinned in `host-worker/bundle/package.json`; no workerd
/// takes a later day than its own.
pub(crate) const COMPATIBILITY_DATE: &str = "2026-11-17";

/// The text of the file.
pub(crate) fn config(manifest: &Manifest, migrations: &[Migration]) -> String {
    let (routes, any_host) = routes(manifest);
    let mut config = Map::new();
    let mut set = |key: &str, value: Value| config.insert(key.to_owned(), value);
    set("name", json!(manifest.name.as_str()));
    set("main", json!("worker.js"));
    set("compatibility_date", json!(COMPATIBILITY_DATE));
    // What is in the folder is uploaded as it is.
    set("no_bundle", json!(true));
    set("find_additional_modules", json!(true));
    set(
        "rules",
        json!([
            { "type": "ESModule", "globs": ["**/*.js"], "fallthrough": false },
            { "type": "CompiledWasm", "globs": ["**/*.wasm"], "fallthrough": false },
        ]),
    );
    set("observability", json!({ "enabled": true }));
    if !routes.is_empty() {
        // With routes, wrangler leaves out the address under workers.dev unless it is asked for.
        set("workers_dev", json!(!any_host.is_empty()));
        set("routes", json!(routes));
    }
    if !manifest.keyvalue.is_empty() {
        let stores = manifest.keyvalue.keys();
        let stores: Vec<_> =
            stores.map(|store| json!({ "binding": bindings::store(store) })).collect();
        set("kv_namespaces", json!(stores));
    }
    if !manifest.objects.is_empty() {
        let classes = manifest.objects.keys().map(javascript_class);
        let bound: Vec<_> =
            classes.map(|class| json!({ "name": class, "class_name": class })).collect();
        set("durable_objects", json!({ "bindings": bound }));
    }
    if !migrations.is_empty() {
        set("migrations", json!(migrations));
    }
    if !manifest.secrets.is_empty() {
        let names: Vec<String> = manifest.secrets.keys().map(bindings::secret).collect();
        set("secrets", json!({ "required": names }));
    }
    let vars = vars(manifest);
    if !vars.is_empty() {
        set("vars", json!(vars));
    }
    let text = serde_json::to_string_pretty(&config).unwrap_or_default();
    format!("{}{text}\n", comment(manifest, &any_host))
}

/// What `vars` gives, by the variable that holds it.
fn vars(manifest: &Manifest) -> BTreeMap<String, BTreeMap<String, String>> {
    let services = manifest.services.keys().cloned().map(Composition::Service);
    let classes = manifest.objects.keys().cloned().map(Composition::Object);
    let mut all = BTreeMap::new();
    for composition in services.chain(classes) {
        let Some((component, middleware)) = manifest.composed(&composition) else { continue };
        let vars = manifest.grants_of(component, middleware).vars;
        if !vars.is_empty() {
            all.insert(bindings::vars(&composition), vars);
        }
    }
    all
}

/// The routes that name a host, as Cloudflare writes them; and those of every host, as the manifest
/// does.
fn routes(manifest: &Manifest) -> (Vec<String>, Vec<String>) {
    let (mut routes, mut any_host) = (Vec::new(), Vec::new());
    for (name, service) in &manifest.services {
        for route in &service.routes {
            match cloudflare_route(route) {
                Some(route) if routes.contains(&route) => {}
                Some(route) => routes.push(route),
                None => any_host.push(format!("{route} ({name})")),
            }
        }
    }
    (routes, any_host)
}

/// A route as Cloudflare writes it, where it names a host that Cloudflare can have. It covers what the
/// manifest's route covers, and may cover more: the Worker chooses among what it is asked.
fn cloudflare_route(route: &Pattern) -> Option<String> {
    let text = route.to_string();
    let (host, path) = text.split_once('/')?;
    let is_address = host.ends_with(']') || host.parse::<std::net::Ipv4Addr>().is_ok();
    // A name without a dot (`localhost`) is in no zone.
    if is_address || !host.contains('.') {
        return None;
    }
    // A star may stand at the end alone.
    Some(match path.split_once('{') {
        Some((before, _)) => format!("{host}/{before}*"),
        None => format!("{host}/{path}"),
    })
}

fn comment(manifest: &Manifest, any_host: &[String]) -> String {
    let mut text = format!(
        "{FIRST_WORDS}{} from selvedge.toml, and written anew by the next: change that instead.\n",
        env!("CARGO_PKG_VERSION")
    );
    if !any_host.is_empty() {
        text.push_str("//\n// Answered on every host that the Worker has:\n");
        for route in any_host {
            text.push_str(&format!("//   {route}\n"));
        }
    }
    if !manifest.secrets.is_empty() {
        text.push_str("//\n// Secrets, uploaded by `selvedge deploy --secrets`, or set with `wrangler secret put NAME`:\n");
        for (secret, source) in &manifest.secrets {
            let source = match source {
                SecretSource::Env(variable) => format!("the environment variable {variable}"),
                SecretSource::File(path) => format!("the file {}", path.display()),
            };
            let binding = bindings::secret(secret);
            text.push_str(&format!("//   {binding} is {secret}, here from {source}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{cloudflare_route, config};
    use crate::edge::migrations::Migration;
    use selvedge_contract::manifest::Manifest;
    use selvedge_contract::route::Pattern;
    use serde_json::{Value, json};

    const MANIFEST: &str = r#"
name = "app"
[components.one]
wasm = "one.wasm"
keyvalue = ["visitors"]
objects = ["chat-room"]
secrets = ["jwt-key"]
vars = { greeting = "hi" }
[components.two]
wasm = "two.wasm"
[services.one]
component = "one"
routes = ["/one/*", "example.com/one/{name}/x"]
[objects.chat-room]
component = "two"
[keyvalue.visitors]
[secrets.jwt-key]
env = "JWT_KEY"
"#;

    fn parsed(text: &str) -> Value {
        let lines = text.lines().filter(|line| !line.starts_with("//"));
        serde_json::from_str(&lines.collect::<Vec<_>>().join("\n")).unwrap()
    }

    #[test]
    fn all_of_the_manifest_is_bound() {
        let manifest = Manifest::parse(MANIFEST).unwrap();
        let migrations = [Migration::created("v1", vec!["ChatRoom".to_owned()])];
        let text = config(&manifest, &migrations);
        assert!(text.starts_with(super::FIRST_WORDS), "{text}");
        let config = parsed(&text);
        assert_eq!(config["name"], "app");
        assert_eq!(config["kv_namespaces"], json!([{ "binding": "KV_VISITORS" }]));
        assert_eq!(
            config["durable_objects"]["bindings"],
            json!([{ "name": "ChatRoom", "class_name": "ChatRoom" }])
        );
        assert_eq!(
            config["migrations"],
            json!([{ "tag": "v1", "new_sqlite_classes": ["ChatRoom"] }])
        );
        assert_eq!(config["secrets"], json!({ "required": ["SECRET_JWT_KEY"] }));
        assert_eq!(config["vars"], json!({ "VARS_SERVICE_ONE": { "greeting": "hi" } }));
        assert_eq!(config["routes"], json!(["example.com/one/*"]));
        assert_eq!(config["workers_dev"], true);
        assert!(text.contains("//   /one/* (one)\n"), "{text}");
        assert!(text.contains("SECRET_JWT_KEY is jwt-key, here from the environment variable"));
    }

    #[test]
    fn what_the_manifest_has_not_is_left_out() {
        let manifest = Manifest::parse(
            "name = \"app\"\n[components.one]\nwasm = \"one.wasm\"\n[services.one]\ncomponent = \"one\"\nroutes = [\"/\"]\n",
        );
        let config = parsed(&config(&manifest.unwrap(), &[]));
        for key in [
            "routes",
            "workers_dev",
            "kv_namespaces",
            "durable_objects",
            "migrations",
            "secrets",
            "vars",
        ] {
            assert_eq!(config.get(key), None, "{key}");
        }
    }

    #[test]
    fn only_a_route_in_a_zone_is_one_of_cloudflare() {
        for (route, expected) in [
            ("example.com/a", Some("example.com/a")),
            ("example.com/a/*", Some("example.com/a/*")),
            ("*.example.com/", Some("*.example.com/")),
            ("example.com/{id}", Some("example.com/*")),
            ("example.com/a/{id}/b/*", Some("example.com/a/*")),
            ("/a", None),
            ("localhost/a", None),
            ("127.0.0.1/a", None),
            ("[::1]/a", None),
        ] {
            let route = Pattern::parse(route).unwrap();
            assert_eq!(cloudflare_route(&route).as_deref(), expected, "{route}");
        }
    }
}

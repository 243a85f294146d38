//! THE TABLE: every interface that a guest may import, and which host offers it.
//!
//! What the native host links, `capability::link` says; a test below holds the two together.

use wac_graph::types::are_semver_compatible;

/// Interfaces of one package and one version.
#[derive(Debug)]
pub(crate) struct Row {
    package: &'static str,
    interfaces: &'static [&'static str],
    /// A version that stands for all that are compatible with it; drafts only for themselves.
    version: &'static str,
    /// What a manifest has to grant before calls succeed.
    pub(crate) needs: Option<Need>,
    /// Whether the native host offers it.
    pub(crate) native: Offer,
    /// Whether the Workers host offers it.
    pub(crate) workers: Offer,
}

/// Whether a host offers an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Offer {
    /// It does.
    Yes,
    /// It links the interface, and answers every call with an error: `edge::lacking` says why.
    Refused,
}

/// What a manifest grants.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Need {
    /// Stores: `keyvalue`.
    KeyValue,
    /// Hosts: `allow-hosts`.
    Outbound,
    /// Classes of objects: `objects`.
    Objects,
    /// Values: `vars` and `secrets`; calls succeed without, and find nothing.
    Config,
}

const V02: &str = "0.2.0";
const V03: &str = "0.3.0";
const TERMINALS: [&str; 5] =
    ["terminal-input", "terminal-output", "terminal-stdin", "terminal-stdout", "terminal-stderr"];

/// The rows. What the Workers host links is listed in `host-worker/glue/interfaces.json`, and a test
/// below holds the two together.
const TABLE: &[Row] = &[
    row("wasi:io", &["error", "poll", "streams"], V02, None),
    row("wasi:clocks", &["monotonic-clock", "wall-clock"], V02, None),
    row("wasi:random", &["insecure", "insecure-seed", "random"], V02, None),
    row("wasi:cli", &["environment", "exit", "stderr", "stdin", "stdout"], V02, None),
    row("wasi:cli", &TERMINALS, V02, None),
    row("wasi:filesystem", &["preopens", "types"], V02, None),
    row("wasi:sockets", &["instance-network", "ip-name-lookup", "network"], V02, None),
    row("wasi:sockets", &["tcp", "tcp-create-socket", "udp", "udp-create-socket"], V02, None),
    row("wasi:http", &["types"], V02, None),
    row("wasi:http", &["outgoing-handler"], V02, Some(Need::Outbound)),
    row("wasi:clocks", &["monotonic-clock", "system-clock", "types"], V03, None),
    row("wasi:random", &["insecure", "insecure-seed", "random"], V03, None),
    row("wasi:cli", &["environment", "exit", "stderr", "stdin", "stdout", "types"], V03, None),
    row("wasi:cli", &TERMINALS, V03, None),
    row("wasi:filesystem", &["preopens", "types"], V03, None),
    row("wasi:sockets", &["ip-name-lookup", "types"], V03, None),
    row("wasi:http", &["types"], V03, None),
    row("wasi:http", &["client"], V03, Some(Need::Outbound)),
    row("wasi:config", &["store"], "0.2.0-rc.1", Some(Need::Config)),
    row("wasi:keyvalue", &["batch", "store"], "0.2.0-draft", Some(Need::KeyValue)),
    Row {
        workers: Offer::Refused,
        ..row("wasi:keyvalue", &["atomics"], "0.2.0-draft", Some(Need::KeyValue))
    },
    row("selvedge:keyvalue", &["store"], "0.1.0", Some(Need::KeyValue)),
    row("selvedge:durable", &["types", "self", "storage", "sql", "alarms"], "0.1.0", None),
    row("selvedge:durable", &["namespace"], "0.1.0", Some(Need::Objects)),
];

const fn row(
    package: &'static str,
    interfaces: &'static [&'static str],
    version: &'static str,
    needs: Option<Need>,
) -> Row {
    Row { package, interfaces, version, needs, native: Offer::Yes, workers: Offer::Yes }
}

impl Row {
    fn names(&self) -> impl Iterator<Item = String> {
        let Self { package, version, .. } = self;
        self.interfaces.iter().map(move |interface| format!("{package}/{interface}@{version}"))
    }
}

/// The row that offers what an import asks for.
pub(crate) fn find(import: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.names().any(|name| are_semver_compatible(&name, import)))
}

/// The names under which an interface is offered in other versions than an import's.
pub(crate) fn other_versions(import: &str) -> Vec<String> {
    let path = import.split('@').next().unwrap_or(import);
    TABLE.iter().flat_map(Row::names).filter(|name| name.split('@').next() == Some(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::{TABLE, find, other_versions};
    use std::collections::BTreeSet;

    /// Something that each interface has, so that a component which imports it needs it linked.
    const ITEMS: &[(&str, &str)] = &[
        ("wasi:io/error@0.2.0", "error"),
        ("wasi:io/poll@0.2.0", "pollable"),
        ("wasi:io/streams@0.2.0", "input-stream"),
        ("wasi:clocks/monotonic-clock@0.2.0", "now()"),
        ("wasi:clocks/wall-clock@0.2.0", "now()"),
        ("wasi:random/insecure@0.2.0", "get-insecure-random-u64()"),
        ("wasi:random/insecure-seed@0.2.0", "insecure-seed()"),
        ("wasi:random/random@0.2.0", "get-random-u64()"),
        ("wasi:cli/environment@0.2.0", "get-arguments()"),
        ("wasi:cli/exit@0.2.0", "exit()"),
        ("wasi:cli/stderr@0.2.0", "get-stderr()"),
        ("wasi:cli/stdin@0.2.0", "get-stdin()"),
        ("wasi:cli/stdout@0.2.0", "get-stdout()"),
        ("wasi:cli/terminal-input@0.2.0", "terminal-input"),
        ("wasi:cli/terminal-output@0.2.0", "terminal-output"),
        ("wasi:cli/terminal-stdin@0.2.0", "get-terminal-stdin()"),
        ("wasi:cli/terminal-stdout@0.2.0", "get-terminal-stdout()"),
        ("wasi:cli/terminal-stderr@0.2.0", "get-terminal-stderr()"),
        ("wasi:filesystem/preopens@0.2.0", "get-directories()"),
        ("wasi:filesystem/types@0.2.0", "descriptor"),
        ("wasi:sockets/instance-network@0.2.0", "instance-network()"),
        ("wasi:sockets/ip-name-lookup@0.2.0", "resolve-address-stream"),
        ("wasi:sockets/network@0.2.0", "network"),
        ("wasi:sockets/tcp@0.2.0", "tcp-socket"),
        ("wasi:sockets/tcp-create-socket@0.2.0", "create-tcp-socket()"),
        ("wasi:sockets/udp@0.2.0", "udp-socket"),
        ("wasi:sockets/udp-create-socket@0.2.0", "create-udp-socket()"),
        ("wasi:http/types@0.2.0", "fields"),
        ("wasi:http/outgoing-handler@0.2.0", "handle()"),
        ("wasi:clocks/monotonic-clock@0.3.0", "now()"),
        ("wasi:clocks/system-clock@0.3.0", "now()"),
        ("wasi:random/insecure@0.3.0", "get-insecure-random-u64()"),
        ("wasi:random/insecure-seed@0.3.0", "get-insecure-seed()"),
        ("wasi:random/random@0.3.0", "get-random-u64()"),
        ("wasi:cli/environment@0.3.0", "get-arguments()"),
        ("wasi:cli/exit@0.3.0", "exit()"),
        ("wasi:cli/stderr@0.3.0", "write-via-stream()"),
        ("wasi:cli/stdin@0.3.0", "read-via-stream()"),
        ("wasi:cli/stdout@0.3.0", "write-via-stream()"),
        ("wasi:cli/terminal-input@0.3.0", "terminal-input"),
        ("wasi:cli/terminal-output@0.3.0", "terminal-output"),
        ("wasi:cli/terminal-stdin@0.3.0", "get-terminal-stdin()"),
        ("wasi:cli/terminal-stdout@0.3.0", "get-terminal-stdout()"),
        ("wasi:cli/terminal-stderr@0.3.0", "get-terminal-stderr()"),
        ("wasi:filesystem/preopens@0.3.0", "get-directories()"),
        ("wasi:filesystem/types@0.3.0", "descriptor"),
        ("wasi:sockets/ip-name-lookup@0.3.0", "resolve-addresses()"),
        ("wasi:sockets/types@0.3.0", "tcp-socket"),
        ("wasi:http/types@0.3.0", "fields"),
        ("wasi:http/client@0.3.0", "send()"),
        ("wasi:config/store@0.2.0-rc.1", "get()"),
        ("selvedge:durable/self@0.1.0", "id()"),
        ("selvedge:durable/storage@0.1.0", "get()"),
        ("selvedge:durable/sql@0.1.0", "exec()"),
        ("selvedge:durable/alarms@0.1.0", "cancel()"),
        ("selvedge:durable/namespace@0.1.0", "fetch()"),
        ("wasi:keyvalue/atomics@0.2.0-draft", "increment()"),
        ("wasi:keyvalue/batch@0.2.0-draft", "get-many()"),
        ("wasi:keyvalue/store@0.2.0-draft", "bucket"),
        ("selvedge:keyvalue/store@0.1.0", "bucket"),
    ];

    /// Interfaces that hold nothing but types have nothing to link.
    const TYPES_ONLY: &[&str] =
        &["wasi:clocks/types@0.3.0", "wasi:cli/types@0.3.0", "selvedge:durable/types@0.1.0"];

    #[test]
    fn every_interface_of_the_table_is_linked() {
        let engine = crate::guest::engine::open_compiler(None).unwrap();
        let linker = crate::capability::link(&engine).unwrap();
        for name in TABLE.iter().flat_map(super::Row::names) {
            if TYPES_ONLY.contains(&name.as_str()) {
                continue;
            }
            let item = ITEMS.iter().find(|(interface, _)| *interface == name);
            let item = item.unwrap_or_else(|| panic!("no item of {name} to try")).1;
            if let Some(missing) = missing(&engine, &linker, &name, item) {
                panic!("{name} is in the table, and its {item} is not linked: {missing}");
            }
        }
    }

    /// The Workers host is JavaScript here: what it links is data, by interface and minor version.
    #[test]
    fn the_workers_host_links_the_same_interfaces() {
        const LINKED: &str = include_str!("../../../host-worker/glue/interfaces.json");
        let linked: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(LINKED).unwrap();
        let linked: BTreeSet<&str> = linked.keys().map(String::as_str).collect();
        let to_minor = |name: String| {
            let (path, version) = name.split_once('@').unwrap();
            let (number, draft) = version.split_once('-').unwrap_or((version, ""));
            let dash = if draft.is_empty() { "" } else { "-" };
            format!("{path}@{}{dash}{draft}", number.rsplit_once('.').unwrap().0)
        };
        let names: BTreeSet<String> =
            TABLE.iter().flat_map(super::Row::names).map(to_minor).collect();
        assert_eq!(linked, names.iter().map(String::as_str).collect());
    }

    #[test]
    fn an_interface_that_is_not_linked_is_noticed() {
        let engine = crate::guest::engine::open_compiler(None).unwrap();
        let linker = crate::capability::link(&engine).unwrap();
        assert!(missing(&engine, &linker, "wasi:io/poll@0.2.0", "no-such()").is_some());
        assert!(missing(&engine, &linker, "acme:db/query@1.0.0", "query()").is_some());
        assert!(missing(&engine, &linker, "acme:db/query@1.0.0", "connection").is_some());
    }

    /// What the linker says where it lacks an item; a function of another type is not lacking.
    fn missing(
        engine: &wasmtime::Engine,
        linker: &wasmtime::component::Linker<selvedge_wasi::State>,
        interface: &str,
        item: &str,
    ) -> Option<String> {
        let kind = if item.ends_with("()") { "(func)" } else { "(type (sub resource))" };
        let item = item.trim_end_matches("()");
        let text =
            format!(r#"(component (import "{interface}" (instance (export "{item}" {kind}))))"#);
        let component =
            wasmtime::component::Component::new(engine, wat::parse_str(text).unwrap()).unwrap();
        let error = linker.instantiate_pre(&component).err()?;
        let text = format!("{error:?}");
        (!text.contains("type mismatch")).then_some(text)
    }

    #[test]
    fn versions_match_as_the_engine_matches_them() {
        assert!(find("wasi:cli/stdout@0.2.9").is_some());
        assert!(find("wasi:http/types@0.3.2").is_some());
        assert!(find("wasi:http/types@0.4.0").is_none());
        assert!(find("wasi:http/types@0.3.0-rc-2026-01-01").is_none());
        assert!(find("wasi:keyvalue/store@0.2.0-draft2").is_none());
        assert!(find("wasi:keyvalue/store@0.2.0-draft").is_some());
        assert!(find("wasi:http/handler@0.3.0").is_none());
        assert_eq!(
            other_versions("wasi:keyvalue/store@0.2.0-draft2"),
            ["wasi:keyvalue/store@0.2.0-draft"]
        );
        assert!(other_versions("acme:db/query@1.0.0").is_empty());
    }
}

//! THE TABLE of interfaces that a Worker can only refuse: a component that imports one is bundled, and
//! each of its calls is answered with an error, as far as the interface has errors.

use wac_graph::types::are_semver_compatible;

/// By interface, and why there is nothing behind it.
const ROWS: [(&str, &str); 1] = [(
    "wasi:keyvalue/atomics@0.2.0-draft",
    "a KV namespace has no atomic operations, so each call answers an error; count in a durable object instead",
)];

/// Why a Worker refuses what an interface asks for, where it does.
pub(crate) fn reason(interface: &str) -> Option<&'static str> {
    let row =
        ROWS.iter().find(|(name, _)| *name == interface || are_semver_compatible(name, interface));
    row.map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    #[test]
    fn atomics_are_refused_and_stores_are_not() {
        assert!(super::reason("wasi:keyvalue/atomics@0.2.0-draft").is_some());
        assert_eq!(super::reason("wasi:keyvalue/store@0.2.0-draft"), None);
    }
}

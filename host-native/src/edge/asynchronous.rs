//! THE TABLE of functions that are synchronous in WIT and that a Worker can only answer later: each
//! call of one suspends the guest.
//!
//! A function that is missing here cannot wait; one that is here and need not be makes each of its
//! calls slower. Functions that WIT itself calls async need no row.

use wac_graph::types::are_semver_compatible;

/// Functions of one interface.
struct Row {
    /// With a version that stands for all that are compatible with it.
    interface: &'static str,
    functions: Functions,
    /// Why it cannot be answered at once.
    reason: &'static str,
}

/// Which functions of an interface.
enum Functions {
    All,
    Named(&'static [&'static str]),
}

const ROWS: [Row; 5] = [
    Row {
        interface: "wasi:keyvalue/store@0.2.0-draft",
        functions: Functions::All,
        reason: "a KV namespace answers with promises",
    },
    Row {
        interface: "wasi:keyvalue/batch@0.2.0-draft",
        functions: Functions::All,
        reason: "a KV namespace answers with promises",
    },
    Row {
        interface: "wasi:keyvalue/atomics@0.2.0-draft",
        functions: Functions::All,
        reason: "a KV namespace answers with promises",
    },
    Row {
        interface: "wasi:io/poll@0.2.0",
        functions: Functions::Named(&["poll", "[method]pollable.block"]),
        reason: "what is waited for is a timer, a body or a response, and comes by the event loop",
    },
    Row {
        interface: "wasi:io/streams@0.2.0",
        functions: Functions::Named(&[
            "[method]input-stream.blocking-read",
            "[method]input-stream.blocking-skip",
            "[method]output-stream.blocking-flush",
            "[method]output-stream.blocking-splice",
            "[method]output-stream.blocking-write-and-flush",
            "[method]output-stream.blocking-write-zeroes-and-flush",
        ]),
        reason: "bytes of a body come and go by the event loop",
    },
];

/// Why a synchronous function can only be answered later, where that is so.
pub(crate) fn reason(interface: &str, function: &str) -> Option<&'static str> {
    let row = ROWS.iter().find(|row| {
        row.interface == interface || are_semver_compatible(row.interface, interface)
    })?;
    let is_named = match row.functions {
        Functions::All => true,
        Functions::Named(names) => names.contains(&function),
    };
    is_named.then_some(row.reason)
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn what_waits_is_told_in_every_version_that_fits() {
        for (interface, function) in [
            ("wasi:io/poll@0.2.0", "poll"),
            ("wasi:io/poll@0.2.9", "[method]pollable.block"),
            ("wasi:io/streams@0.2.6", "[method]input-stream.blocking-read"),
            ("wasi:keyvalue/store@0.2.0-draft", "[method]bucket.get"),
        ] {
            assert!(reason(interface, function).is_some(), "{interface}#{function}");
        }
        for (interface, function) in [
            ("wasi:io/poll@0.2.0", "[method]pollable.ready"),
            ("wasi:io/streams@0.2.6", "[method]input-stream.read"),
            ("wasi:keyvalue/store@0.2.0-draft2", "open"),
            ("selvedge:durable/storage@0.1.0", "get"),
        ] {
            assert_eq!(reason(interface, function), None, "{interface}#{function}");
        }
    }
}

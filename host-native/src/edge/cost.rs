//! What a bundle weighs, part by part, beside what the platform allows.

use selvedge_contract::manifest::{Composition, Manifest};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Largest Worker, in bytes before compression, on every plan.
///
/// Source: Workers limits and the changelog of 2026-09-04, read 2026-11-26. Until then it was 3 MB
/// after compression on the free plan and 10 MB on a paid one.
pub(crate) const WORKER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Longest that a Worker may take to start, in milliseconds of processor time.
///
/// Source: Workers limits, read 2026-11-26. Until 2025-10-10 it was 400 ms.
pub(crate) const START_MS_MAX: u64 = 1_000;

/// Memory of all instances of a Worker that run in one isolate together, in bytes.
///
/// Source: Workers limits, read 2026-11-26.
pub(crate) const ISOLATE_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Longest that a Worker may go on after its response, in milliseconds.
///
/// Source: Workers limits, `waitUntil`, read 2026-11-26.
pub(crate) const AFTER_RESPONSE_MS_MAX: u64 = 30_000;

/// A bundle's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Sizes {
    /// Part by part, the largest first.
    pub(crate) parts: Vec<Part>,
    /// Of all parts.
    pub(crate) bytes: u64,
    /// Of all parts, each compressed by itself.
    pub(crate) gzip_bytes: u64,
}

/// A file of a bundle that is uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Its name in the bundle.
    pub(crate) file: String,
    /// What it is for, in a few words.
    #[serde(default)]
    pub(crate) what: String,
    /// Its length.
    pub(crate) bytes: u64,
    /// Its length after gzip.
    pub(crate) gzip_bytes: u64,
}

/// What the platform allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// Bytes of a Worker, before compression.
    pub(crate) bytes: u64,
}

impl Allowed {
    /// What is documented.
    pub(crate) const fn documented() -> Self {
        Self { bytes: WORKER_BYTES_MAX }
    }
}

impl Sizes {
    /// Sums up parts.
    pub(crate) fn of(mut parts: Vec<Part>) -> Self {
        parts.sort_by(|left, right| {
            right.gzip_bytes.cmp(&left.gzip_bytes).then_with(|| left.file.cmp(&right.file))
        });
        let bytes = parts.iter().map(|part| part.bytes).sum();
        let gzip_bytes = parts.iter().map(|part| part.gzip_bytes).sum();
        Self { parts, bytes, gzip_bytes }
    }
}

/// What a bundle has too much of.
pub(crate) fn warnings(sizes: &Sizes, allowed: &Allowed) -> Vec<String> {
    let mut warnings = Vec::new();
    if sizes.bytes > allowed.bytes {
        let largest = sizes.parts.iter().max_by_key(|part| part.bytes);
        warnings.push(format!(
            "the bundle has {}, and a Worker may have {} on every plan; the largest part is {}, leave it out or make it smaller",
            Bytes(sizes.bytes),
            Bytes(allowed.bytes),
            largest.map_or_else(String::new, |part| format!("{} ({})", part.file, part.what)),
        ));
    }
    warnings
}

/// Limits of the manifest that the platform cuts short.
pub(crate) fn of_limits(manifest: &Manifest) -> Vec<String> {
    let mut warnings = Vec::new();
    let memory = |composition: Composition, bytes: u64| {
        (bytes > ISOLATE_BYTES_MAX).then(|| {
            format!(
                "{composition} has memory-bytes = {bytes}, and at the edge everything that runs in one isolate has {ISOLATE_BYTES_MAX} bytes together; what needs more ends there, so lower it or keep this part on `selvedge serve`"
            )
        })
    };
    for (name, service) in &manifest.services {
        let composition = || Composition::Service(name.clone());
        warnings.extend(memory(composition(), service.limits.memory_bytes));
        let after = service.limits.after_response_ms;
        if after > AFTER_RESPONSE_MS_MAX {
            warnings.push(format!(
                "{} has after-response-ms = {after}, and the platform ends what goes on {AFTER_RESPONSE_MS_MAX} ms after a response; do the rest in an object with an alarm",
                composition()
            ));
        }
    }
    for (name, object) in &manifest.objects {
        warnings.extend(memory(Composition::Object(name.clone()), object.limits.memory_bytes));
    }
    warnings
}

/// What is to be said of the processor time until the first answer.
pub(crate) fn of_start(cpu_milliseconds: u64) -> Option<String> {
    (cpu_milliseconds > START_MS_MAX).then(|| {
        format!(
            "workerd used {cpu_milliseconds} ms of processor time on this machine until the first answer, and a Worker may use {START_MS_MAX} ms to start; a smaller component starts faster"
        )
    })
}

/// A number of bytes as people read it.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = self;
        match bytes {
            0..1024 => write!(formatter, "{bytes} B"),
            1024..1_048_576 => {
                write!(formatter, "{}.{} KiB", bytes / 1024, bytes % 1024 * 10 / 1024)
            }
            _ => write!(
                formatter,
                "{}.{} MiB",
                bytes / 1_048_576,
                bytes % 1_048_576 * 10 / 1_048_576
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowed, Bytes, Part, Sizes, of_limits, of_start, warnings};
    use selvedge_contract::manifest::Manifest;

    fn part(file: &str, bytes: u64, gzip_bytes: u64) -> Part {
        Part { file: file.to_owned(), what: "service \"a\"".to_owned(), bytes, gzip_bytes }
    }

    #[test]
    fn the_heaviest_part_comes_first() {
        let sizes = Sizes::of(vec![part("a.js", 10, 2), part("b.wasm", 20, 7)]);
        assert_eq!((sizes.bytes, sizes.gzip_bytes), (30, 9));
        assert_eq!(sizes.parts.first().unwrap().file, "b.wasm");
    }

    #[test]
    fn a_bundle_over_the_limit_is_told_with_its_largest_part() {
        let sizes = Sizes::of(vec![part("a.js", 1000, 900), part("b.wasm", 2000, 7)]);
        assert_eq!(warnings(&sizes, &Allowed { bytes: 3000 }), [""; 0]);
        let [warning] = warnings(&sizes, &Allowed { bytes: 2999 }).try_into().unwrap();
        assert!(warning.contains("b.wasm (service \"a\")"), "{warning}");
    }

    #[test]
    fn a_slow_start_is_told() {
        assert_eq!(of_start(1000), None);
        assert!(of_start(1001).is_some());
    }

    #[test]
    fn limits_that_the_platform_cuts_short_are_told() {
        const MANIFEST: &str = r#"
name = "app"
[components.one]
wasm = "one.wasm"
[services.plain]
component = "one"
routes = ["/plain"]
[services.large]
component = "one"
routes = ["/large"]
[services.large.limits]
memory-bytes = 268435456
after-response-ms = 60000
[objects.room]
component = "one"
[objects.room.limits]
memory-bytes = 268435456
"#;
        let [memory, after, room] =
            of_limits(&Manifest::parse(MANIFEST).unwrap()).try_into().unwrap();
        assert!(memory.contains("service \"large\" has memory-bytes = 268435456"), "{memory}");
        assert!(after.contains("service \"large\" has after-response-ms = 60000"), "{after}");
        assert!(room.contains("\"room\" has memory-bytes"), "{room}");
    }

    #[test]
    fn bytes_are_read_by_people() {
        let text = |bytes| Bytes(bytes).to_string();
        assert_eq!(text(0), "0 B");
        assert_eq!(text(1023), "1023 B");
        assert_eq!(text(1536), "1.5 KiB");
        assert_eq!(text(64 * 1024 * 1024), "64.0 MiB");
    }
}

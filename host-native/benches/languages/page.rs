//! The results for readers of the page about languages: tables, and a picture between them.

use super::load;
use super::marks;
use super::report::Results;
use super::rounds::CONNECTIONS;
use super::services::Host;
use std::path::Path;

/// The page, seen from the repository.
pub(crate) const PAGE: &str = "components/languages/README.md";
/// The picture, likewise.
pub(crate) const PICTURE: &str = "host-native/benches/languages.svg";

/// Writes the results between the marks of the page.
///
/// # Errors
/// Where the page has no such marks, or cannot be written.
pub(crate) fn write(path: &Path, results: &Results) -> anyhow::Result<()> {
    marks::fill(path, "bench-languages", &markdown(results))
}

fn markdown(results: &Results) -> String {
    let threads = load::threads();
    format!(
        "\n![Requests a second beside Rust](../../{PICTURE})\n\n\
         On the native host:\n\n{}\n\
         In workerd, with what `selvedge bundle` makes; its build is the bundling, its rebuild \
         `selvedge dev --edge`:\n\n{}\n\
         {CONNECTIONS} connections on loopback. The load runs on the same machine; it and the native host have as \
         many threads each: {threads}. workerd serves with one.\n\n\
         A new project, from nothing to its first answer:\n\n{}",
        results.table(Host::Native, false),
        results.table(Host::Workerd, false),
        results.table_of_beginnings(false),
    )
}

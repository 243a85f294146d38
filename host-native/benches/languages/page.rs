//! The results for readers of the page about languages: tables, and a picture between them.

use super::app::SERVER_THREADS;
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
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "\n![Requests a second beside Rust](../../{PICTURE})\n\n\
         On the native host, {SERVER_THREADS} threads:\n\n{}\n\
         In workerd, with what `selvedge bundle` makes; its build is the bundling, its rebuild \
         `selvedge dev --edge`:\n\n{}\n\
         {CONNECTIONS} connections on loopback, the load on the same {cores} cores.\n\n\
         A new project, from nothing to its first answer:\n\n{}",
        results.table(Host::Native, false),
        results.table(Host::Workerd, false),
        results.table_of_beginnings(false),
    )
}

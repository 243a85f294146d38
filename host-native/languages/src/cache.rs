//! Where tools are kept that were installed for Selvedge alone: folders of the user's cache.

use std::path::PathBuf;

/// The user's cache of Selvedge; `None` where there is neither `XDG_CACHE_HOME` nor `HOME`.
pub fn folder() -> Option<PathBuf> {
    let set = |variable| std::env::var_os(variable).filter(|value| !value.is_empty());
    let cache = set("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    Some(cache.join("selvedge"))
}

/// The virtual environment of Python that holds the compilers of guests: Go, zig and componentize-py
/// are all packages of PyPI.
pub fn languages() -> Option<PathBuf> {
    folder().map(|folder| folder.join("languages"))
}

/// What npm installed, and Node. It is named after what needed npm first.
pub fn npm() -> Option<PathBuf> {
    folder().map(|folder| folder.join("edge"))
}

//! The WIT that travels inside this command: the repository's `wit/`, package by package.

use crate::world::WorldError;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::sync::OnceLock;
use wit_parser::{PackageName, Resolve, SourceMap};

/// Paths in `wit/`, and texts; in the order of paths.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/wit_files.rs"));

/// A package of WIT.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name, with its version.
    pub name: PackageName,
    /// The folder in `deps/` that it takes.
    pub folder: String,
    /// Its files, by name.
    pub files: Vec<(&'static str, String)>,
}

/// All packages, ours first.
pub fn packages() -> &'static [Package] {
    static PACKAGES: OnceLock<Vec<Package>> = OnceLock::new();
    PACKAGES.get_or_init(read)
}

/// The package that declares this command's own worlds.
pub fn worlds() -> Option<&'static Package> {
    let is_ours = |it: &&Package| it.name.namespace == "selvedge" && it.name.name == "app";
    packages().iter().find(is_ours)
}

/// A file of [`worlds`] with some of its worlds, and those that they include. Together they need
/// WASI in two versions, and the names in bindings would tell them apart.
pub fn with_worlds(text: &str, wanted: &BTreeSet<String>) -> String {
    let parts: Vec<&str> = text.split("\n\n").collect();
    let mut kept = wanted.clone();
    loop {
        let of_kept =
            parts.iter().filter(|part| world_in(part).is_some_and(|it| kept.contains(it)));
        let included = of_kept.flat_map(|part| part.lines()).filter_map(|line| {
            line.trim().strip_prefix("include ")?.strip_suffix(';').map(str::to_owned)
        });
        let more: Vec<String> = included.filter(|name| !kept.contains(name)).collect();
        if more.is_empty() {
            break;
        }
        kept.extend(more);
    }
    let is_kept = |part: &&&str| world_in(part).is_none_or(|name| kept.contains(name));
    parts.iter().filter(is_kept).copied().collect::<Vec<_>>().join("\n\n")
}

/// The world that a part of a file declares.
fn world_in(part: &str) -> Option<&str> {
    part.lines().find_map(|line| line.strip_prefix("world ")?.split(' ').next())
}

/// The package of exactly this name.
pub fn package(name: &PackageName) -> Option<&'static Package> {
    packages().iter().find(|package| package.name == *name)
}

/// All packages together.
///
/// # Errors
/// Never, as a test shows.
pub fn resolve() -> Result<&'static Resolve, WorldError> {
    static RESOLVE: OnceLock<Result<Resolve, String>> = OnceLock::new();
    let made = RESOLVE.get_or_init(|| {
        let parse = |package: &Package| {
            let mut sources = SourceMap::new();
            for (name, text) in &package.files {
                sources.push_str(&format!("{}/{name}", package.folder), text.as_str());
            }
            sources.parse().map_err(|(sources, error)| error.render(&sources))
        };
        let main = parse(worlds().ok_or("there is no selvedge:app")?)?;
        let others = packages().iter().filter(|package| package.name != main.main.name);
        let others = others.map(parse).collect::<Result<Vec<_>, _>>()?;
        let mut resolve = Resolve::default();
        resolve.push_groups(main, others).map_err(|error| format!("{error:#}"))?;
        Ok(resolve)
    });
    made.as_ref().map_err(|reason| WorldError::Invalid(reason.clone()))
}

/// Tells one state of the WIT from another.
pub fn fingerprint() -> String {
    let mut hash = Sha256::new();
    for (path, text) in FILES {
        hash.update(path);
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    let mut key = format!("{:x}", hash.finalize());
    key.truncate(16);
    key
}

fn read() -> Vec<Package> {
    let mut folders: Vec<(&str, Vec<(&'static str, String)>)> = Vec::new();
    for (path, text) in FILES {
        let (folder, file) = path.rsplit_once('/').unwrap_or((path, path));
        match folders.last_mut() {
            Some((known, files)) if *known == folder => files.push((file, (*text).to_owned())),
            _ => folders.push((folder, vec![(file, on_its_own(text))])),
        }
    }
    // Ours have no `/`, and their folder is the file.
    folders.sort_by_key(|(folder, _)| folder.contains('/'));
    folders.into_iter().filter_map(|(_, files)| package_of(files)).collect()
}

fn package_of(files: Vec<(&'static str, String)>) -> Option<Package> {
    let mut sources = SourceMap::new();
    for (name, text) in &files {
        sources.push_str(name, text.as_str());
    }
    // A test reads all of them.
    let name = sources.parse().ok()?.main.name;
    let version = name.version.as_ref().map(|version| format!("-{version}")).unwrap_or_default();
    let folder = format!("{}-{}{version}", name.namespace, name.name);
    Some(Package { name, folder, files })
}

/// A file's text as that of a package by itself: in `wit/` itself, packages beside the main one are
/// written in braces, since there may be one without.
fn on_its_own(text: &str) -> String {
    let mut lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
    let opening = lines.iter().position(|line| line.starts_with("package ") && line.ends_with('{'));
    let closing = lines.iter().rposition(|line| line == "}");
    let (Some(opening), Some(closing)) = (opening, closing) else { return text.to_owned() };
    lines.truncate(closing);
    if let Some(line) = lines.get_mut(opening) {
        *line = format!("{};", line.trim_end_matches('{').trim_end());
    }
    for line in lines.iter_mut().skip(opening + 1) {
        if let Some(rest) = line.strip_prefix("  ") {
            *line = rest.to_owned();
        }
    }
    // What was inside the braces has a distance from the header.
    lines.insert(opening + 1, String::new());
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::{FILES, packages};

    #[test]
    fn every_package_is_there_by_itself() {
        let names: Vec<String> =
            packages().iter().map(|package| package.name.to_string()).collect();
        for name in [
            "selvedge:app@0.1.0",
            "selvedge:durable@0.1.0",
            "selvedge:keyvalue@0.1.0",
            "wasi:http@0.3.0",
            "wasi:http@0.2.12",
            "wasi:io@0.2.12",
            "wasi:keyvalue@0.2.0-draft",
        ] {
            assert!(names.iter().any(|is| is == name), "{name} in {names:?}");
        }
        let files: usize = packages().iter().map(|package| package.files.len()).sum();
        assert_eq!(files, FILES.len());
    }

    #[test]
    fn all_packages_are_one_whole() {
        assert_eq!(super::resolve().unwrap().packages.len(), packages().len());
    }

    #[test]
    fn folders_are_told_apart() {
        let mut folders: Vec<&str> =
            packages().iter().map(|package| package.folder.as_str()).collect();
        folders.sort_unstable();
        folders.dedup();
        assert_eq!(folders.len(), packages().len());
    }
}

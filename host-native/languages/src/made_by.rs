//! Tells one state of what makes a language's components from another: of this crate's own code, the
//! files that it puts beside an author's, what npm is to install, and the crates that generate and encode.
//! `build.rs` reads it while the crate is compiled; here, only tests do.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};

/// What has a say in no component, as files and folders: projects as they are begun.
const NOT_MADE_BY: [&str; 2] = ["project", "templates"];

/// Beginnings of the names of crates whose release changes what comes out.
const CRATES: [&str; 4] = ["wit-", "wasm-encoder", "wasmparser", "wasi-preview1-component-adapter"];

/// A key for `part`, which is the name of a file and a folder of `sources`, and one of `parts`: it changes
/// where anything does that all parts have in common, or this one has alone. `lock` is the text of cargo's lock file.
///
/// # Errors
/// Where a file cannot be read.
pub(crate) fn key(sources: &Path, parts: &[&str], part: &str, lock: &str) -> io::Result<String> {
    let mut hash = DefaultHasher::new();
    let mut add = |piece: &[u8]| {
        hash.write_usize(piece.len());
        hash.write(piece);
    };
    for path in files(sources)? {
        let inner = path.strip_prefix(sources).unwrap_or(&path);
        let first = inner.iter().next().map(|first| first.to_string_lossy()).unwrap_or_default();
        let owner = first.trim_end_matches(".rs");
        if NOT_MADE_BY.contains(&owner) || (owner != part && parts.contains(&owner)) {
            continue;
        }
        add(inner.to_string_lossy().as_bytes());
        add(&fs::read(&path)?);
    }
    for entry in lock.split("[[package]]") {
        let line = |word: &str| entry.lines().find_map(|line| line.strip_prefix(word));
        let name = line("name = \"").unwrap_or_default();
        if CRATES.iter().any(|start| name.starts_with(start)) {
            add(name.as_bytes());
            add(line("version = ").unwrap_or_default().as_bytes());
        }
    }
    Ok(format!("{:016x}", hash.finish()))
}

/// Every file below a folder, in the order of their paths.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{files, key};
    use std::fs;
    use std::path::Path;

    const PARTS: [&str; 4] = ["c", "go", "javascript", "python"];
    const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"));

    fn keys(sources: &Path, lock: &str) -> [String; 4] {
        PARTS.map(|part| key(sources, &PARTS, part, lock).unwrap())
    }

    /// The parts whose key is another where `file` has other bytes, in a copy of the crate's sources.
    fn changed_by(file: &str) -> Vec<&'static str> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let copy = tempfile::tempdir().unwrap();
        for path in files(&here).unwrap() {
            let to = copy.path().join(path.strip_prefix(&here).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(path, to).unwrap();
        }
        let before = keys(copy.path(), LOCK);
        let file = copy.path().join(file);
        let content = fs::read_to_string(&file).unwrap();
        fs::write(&file, content + "\n").unwrap();
        let after = keys(copy.path(), LOCK);
        PARTS
            .into_iter()
            .zip(before.iter().zip(&after))
            .filter(|(_, (a, b))| a != b)
            .map(|(part, _)| part)
            .collect()
    }

    #[test]
    fn a_carried_file_changes_its_language_and_no_other() {
        for (file, part) in [
            ("javascript/quickjs/url.js", "javascript"),
            ("javascript/build.mjs", "javascript"),
            ("javascript/npm/package-lock.json", "javascript"),
            ("python/selvedge_http.py", "python"),
            ("c/selvedge_http.c", "c"),
            ("c.rs", "c"),
            ("go/wit/async/async.go", "go"),
            ("go/web/server.go", "go"),
        ] {
            assert_eq!(changed_by(file), [part], "{file}");
        }
    }

    #[test]
    fn what_languages_share_changes_all_and_a_template_none() {
        assert_eq!(changed_by("componentize.rs"), PARTS);
        assert!(changed_by("project.rs").is_empty());
        assert!(changed_by("templates/python/http/service/src/app.py").is_empty());
    }

    #[test]
    fn another_generator_changes_all_and_another_server_none() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let version = |name: &str| {
            let name = format!("name = \"{name}\"\nversion = \"");
            assert!(LOCK.contains(&name), "{name}");
            keys(&sources, &LOCK.replace(&name, &format!("{name}9")))
        };
        let now = keys(&sources, LOCK);
        assert!(now.iter().zip(version("wit-bindgen-c")).all(|(now, then)| *now != then));
        assert_eq!(now, version("hyper"));
    }
}

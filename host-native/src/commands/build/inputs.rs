//! Whether the files that a component was built from have changed since.

use crate::built::{Inputs, Stamp};
use selvedge_languages::generated::is_generated;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The states of files.
pub(in crate::commands) type Files = BTreeMap<PathBuf, Stamp>;

/// Folders of what is made, not written; hidden ones are left out, too.
const MADE: [&str; 3] = ["target", "node_modules", "__pycache__"];

/// The states of what is in some folders, and of the files elsewhere that were used before.
pub(in crate::commands) fn look(folders: &[PathBuf], known: &Inputs) -> Files {
    let mut files = Files::new();
    for folder in folders {
        scan(folder, &mut files);
    }
    let elsewhere = known.files.keys().filter(|path| !is_in(path, folders));
    add(&mut files, elsewhere);
    files
}

/// Whether a file lies in one of the folders.
pub(super) fn is_in(path: &Path, folders: &[PathBuf]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

/// Adds the states of files that exist.
pub(in crate::commands) fn add<'p>(files: &mut Files, paths: impl Iterator<Item = &'p PathBuf>) {
    for path in paths {
        if let Some(stamp) = Stamp::of(path) {
            files.insert(path.clone(), stamp);
        }
    }
}

/// Whether nothing has changed since a component was built.
pub(super) fn are_fresh(folders: &[PathBuf], known: &Inputs) -> bool {
    look(folders, known) == known.files
}

/// What to remember after a build that saw the files `before` and left them as `after`.
///
/// A file that appeared meanwhile was written by the build. One that changed meanwhile may have
/// been saved by an editor after the compiler had read it: the old state is remembered, so that the
/// next build looks again; if it changes again then, building is what writes it.
pub(super) fn settle(before: &Files, after: Files, known: &Inputs) -> Inputs {
    let mut settled = Inputs::default();
    for (path, stamp) in after {
        let was = before.get(&path);
        let is_output = was.is_none() || known.outputs.contains(&path);
        let stamp = match was {
            Some(was) if *was != stamp && !is_output => {
                if known.suspects.contains(&path) {
                    settled.outputs.insert(path.clone());
                    stamp
                } else {
                    settled.suspects.insert(path.clone());
                    *was
                }
            }
            _ => stamp,
        };
        if is_output {
            settled.outputs.insert(path.clone());
        }
        settled.files.insert(path, stamp);
    }
    settled
}

/// A folder and those in it whose files are looked at.
pub(in crate::commands) fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_path_buf()];
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if kind_of_input(&entry).is_some_and(|kind| kind.is_dir()) {
            found.extend(folders(&entry.path()));
        }
    }
    found
}

/// What an entry of a folder is; nothing where it is hidden, made or generated.
fn kind_of_input(entry: &fs::DirEntry) -> Option<fs::FileType> {
    let name = entry.file_name();
    let name = name.to_string_lossy();
    let kind = entry.file_type().ok()?;
    let is_made = || MADE.contains(&name.as_ref()) || is_generated(&entry.path());
    let is_left_out = name.starts_with('.') || (kind.is_dir() && is_made());
    (!is_left_out).then_some(kind)
}

fn scan(folder: &Path, files: &mut Files) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Some(kind) = kind_of_input(&entry) else { continue };
        if kind.is_dir() {
            scan(&entry.path(), files);
        } else {
            // Follows a link to a file, and none to a folder, which may lead in circles.
            add(files, std::iter::once(&entry.path()));
        }
    }
}

/// Adds what cargo read outside of a crate's folder: the files on the list that it writes beside an
/// artefact, the manifests of their crates, and what belongs to the workspace.
///
/// They are added to `before`, too, where nobody knew of them; one that changed after cargo `began`
/// may have changed too late for it, and counts as changed.
pub(super) fn add_of_cargo(
    folder: &Path,
    root: &Path,
    artefact: &Path,
    began: Duration,
    before: &mut Files,
    after: &mut Files,
) {
    let text = fs::read_to_string(artefact.with_extension("d")).unwrap_or_default();
    let mut used: BTreeSet<PathBuf> = parse_dep_info(&text).into_iter().collect();
    let folders: BTreeSet<&Path> = used.iter().filter_map(|file| file.parent()).collect();
    let manifests: Vec<PathBuf> = folders
        .into_iter()
        .filter_map(|folder| {
            folder.ancestors().map(|at| at.join("Cargo.toml")).find(|path| path.is_file())
        })
        .collect();
    used.extend(manifests);
    for name in ["Cargo.toml", ".cargo/config.toml", "rust-toolchain.toml"] {
        used.insert(root.join(name));
    }
    let lock = root.join("Cargo.lock");
    // `<target>/<triple>/<profile>/<file>`
    let target = artefact.ancestors().nth(3).unwrap_or(artefact);
    let began_ns = u64::try_from(began.as_nanos()).unwrap_or_default();
    used.insert(lock.clone());
    used.retain(|path| !path.starts_with(folder) && !path.starts_with(target));
    for path in used {
        let Some(stamp) = Stamp::of(&path) else { continue };
        if path != lock {
            let was = if stamp.modified_ns < began_ns { stamp } else { Stamp::default() };
            before.entry(path.clone()).or_insert(was);
        }
        after.insert(path, stamp);
    }
}

/// The prerequisites of a makefile's rule; a space in a name is escaped.
fn parse_dep_info(text: &str) -> Vec<PathBuf> {
    let line = text.lines().next().unwrap_or_default();
    let Some((_, list)) = line.split_once(": ") else { return Vec::new() };
    let mut files = Vec::new();
    let mut file = String::new();
    let mut characters = list.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&' ') => {
                file.push(' ');
                characters.next();
            }
            ' ' => files.push(std::mem::take(&mut file)),
            character => file.push(character),
        }
    }
    files.push(file);
    files.into_iter().filter(|file| !file.is_empty()).map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::{Files, Inputs, parse_dep_info, settle};
    use crate::built::Stamp;
    use std::path::PathBuf;

    fn files(list: &[(&str, u64)]) -> Files {
        let stamp = |bytes: u64| Stamp { bytes, modified_ns: 0 };
        list.iter().map(|(path, bytes)| (PathBuf::from(path), stamp(*bytes))).collect()
    }

    #[test]
    fn a_file_that_the_build_wrote_does_not_ask_for_another() {
        let after = files(&[("a.c", 1), ("a.o", 5)]);
        let settled = settle(&files(&[("a.c", 1)]), after.clone(), &Inputs::default());
        assert_eq!(settled.files, after);
        // Written again by the second build.
        let again = files(&[("a.c", 2), ("a.o", 6)]);
        let settled = settle(&files(&[("a.c", 2), ("a.o", 5)]), again.clone(), &settled);
        assert_eq!(settled.files, again);
    }

    #[test]
    fn a_file_saved_during_the_build_asks_for_another() {
        let before = files(&[("a.c", 1)]);
        let settled = settle(&before, files(&[("a.c", 2)]), &Inputs::default());
        assert_eq!(settled.files, before);
        // The next build leaves it alone, and all is well.
        let now = files(&[("a.c", 2)]);
        let settled = settle(&now, now.clone(), &settled);
        assert_eq!((settled.files, settled.suspects.len()), (now, 0));
    }

    #[test]
    fn a_file_that_every_build_rewrites_is_an_output() {
        let first = settle(&files(&[("o", 1)]), files(&[("o", 2)]), &Inputs::default());
        let second = settle(&files(&[("o", 2)]), files(&[("o", 3)]), &first);
        assert_eq!(second.files, files(&[("o", 3)]));
    }

    #[test]
    fn dep_info_is_read_with_its_escapes() {
        let text = "/t/a.wasm: /s/a\\ b.rs /s/c.rs\n\n/s/c.rs:\n";
        assert_eq!(parse_dep_info(text), [PathBuf::from("/s/a b.rs"), PathBuf::from("/s/c.rs")]);
        assert!(parse_dep_info("").is_empty());
    }
}

//! What of the Workers host travels in this command: its WebAssembly and JavaScript, the glue, and the
//! scripts that bundle. Embedded by `build.rs`.

use selvedge_languages::npm::{drop_unused, key, note_use, settle};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Names with `/`, and contents; in the order of names.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/edge_files.rs"));

/// What the names of folders begin with.
const NAME: &str = "selvedge";

/// Where the embedded files lie, once they are on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unpacked {
    folder: PathBuf,
}

impl Unpacked {
    /// The Workers host as wasm-bindgen wrote it.
    pub(crate) fn host(&self) -> PathBuf {
        self.folder.join("host")
    }

    /// The JavaScript that runs in a Worker beside it.
    pub(crate) fn glue(&self) -> PathBuf {
        self.folder.join("glue")
    }

    /// A script for Node.
    pub(crate) fn script(&self, name: &str) -> PathBuf {
        self.folder.join("bundle").join(name)
    }
}

/// The content of an embedded file.
pub(crate) fn content(name: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, content)| *content)
}

/// Writes all files into a folder of `parent` that is named after their content, unless they are
/// there: it appears whole or not at all.
///
/// # Errors
/// Where `parent` cannot be written.
pub(crate) fn unpack(parent: &Path) -> io::Result<Unpacked> {
    let folder = parent.join(format!("{NAME}-{}", key(FILES.iter().copied())));
    if folder.is_dir() {
        note_use(&folder);
    } else {
        drop_unused(parent, NAME);
        let part = tempfile::Builder::new().prefix("part-").tempdir_in(parent)?;
        for (name, content) in FILES {
            let path = part.path().join(name);
            fs::create_dir_all(path.parent().unwrap_or(parent))?;
            fs::write(path, content)?;
        }
        settle(part, &folder)?;
    }
    Ok(Unpacked { folder })
}

#[cfg(test)]
mod tests {
    use super::{content, unpack};

    #[test]
    fn everything_that_bundles_is_embedded() {
        for name in [
            "host/host.js",
            "host/host_bg.js",
            "host/host_bg.wasm",
            "bundle/bundle.mjs",
            "bundle/run.mjs",
            "bundle/package.json",
            "bundle/package-lock.json",
            "bundle/node/package.json",
            "bundle/node/package-lock.json",
        ] {
            assert!(content(name).is_some_and(|content| !content.is_empty()), "{name}");
        }
    }

    #[test]
    fn lock_files_name_no_registry() {
        for name in ["bundle/package-lock.json", "bundle/node/package-lock.json"] {
            let text = String::from_utf8_lossy(content(name).unwrap());
            assert!(!text.contains("\"resolved\""), "{name}");
        }
    }

    #[test]
    fn files_are_unpacked_once() {
        let parent = tempfile::tempdir().unwrap();
        let first = unpack(parent.path()).unwrap();
        assert!(first.host().join("host_bg.wasm").is_file());
        assert!(first.script("bundle.mjs").is_file());
        assert_eq!(unpack(parent.path()).unwrap(), first);
        assert_eq!(parent.path().read_dir().unwrap().count(), 1);
    }
}

//! Node and packages of npm, installed once, into a folder of the user's cache that appears whole or
//! not at all. What is installed is pinned by a lock file, and runs nothing while it is installed.

use crate::cache;
use crate::tool::Tell;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// The oldest Node that the pinned tools take, as major and minor version.
///
/// Source: `engines` of wrangler 4.164.0, read 2026-11-26.
const NODE_OLDEST: (u32, u32) = (22, 12);

/// Packages that npm installs together.
#[derive(Debug, Clone, Copy)]
pub struct Packages {
    /// What they are, for people: `the tools that bundle`.
    pub what: &'static str,
    /// What their folder's name begins with.
    pub name: &'static str,
    /// The file that names them.
    pub package_json: &'static [u8],
    /// The file that pins them.
    pub package_lock: &'static [u8],
}

const NODE: Packages = Packages {
    what: "Node",
    name: "node",
    package_json: include_bytes!("../../../host-worker/bundle/node/package.json"),
    package_lock: include_bytes!("../../../host-worker/bundle/node/package-lock.json"),
};

/// Why there is no Node, or no packages.
#[derive(Debug, thiserror::Error)]
pub enum NpmError {
    /// No folder for the cache.
    #[error("there is no folder for {what}, since HOME is not set; set it, or XDG_CACHE_HOME")]
    NoCache {
        /// What was to be put there.
        what: &'static str,
    },
    /// Neither Node nor npm.
    #[error(
        "Node {}.{} or newer is needed, and {found}; install Node with npm from https://nodejs.org, then run this again",
        NODE_OLDEST.0, NODE_OLDEST.1
    )]
    NoNode {
        /// What there is, in words.
        found: String,
    },
    /// Node without npm.
    #[error(
        "npm is needed once to install {what}, and is not on PATH; install it, then run this again"
    )]
    NoNpm {
        /// What was to be installed.
        what: &'static str,
    },
    /// npm failed, and has said why.
    #[error(
        "npm could not install {what} (what it said is above); check the network and npm's registry, then run this again"
    )]
    NpmFailed {
        /// What was to be installed.
        what: &'static str,
    },
    /// npm installed no Node for this machine.
    #[error("npm has no Node for this machine; install Node {}.{} or newer from https://nodejs.org, then run this again", NODE_OLDEST.0, NODE_OLDEST.1)]
    NoNodeForMachine,
    /// The cache cannot be written.
    #[error("cannot write {}: {source}", .folder.display())]
    Cache {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// A Node that is new enough: that on PATH, else one from npm.
///
/// # Errors
/// [`NpmError`], each with the next step.
pub fn node(tell: &dyn Tell) -> Result<PathBuf, NpmError> {
    let found = match usable_node(Path::new("node")) {
        Ok(()) => return Ok(PathBuf::from("node")),
        Err(found) => found,
    };
    let no_npm = |error| match error {
        NpmError::NoNpm { .. } => NpmError::NoNode { found },
        error => error,
    };
    let folder = install(&NODE, tell).map_err(no_npm)?.join("node_modules");
    // npm takes the one package that fits the machine.
    let packages = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut nodes = packages.map(|package| package.path().join("bin/node"));
    nodes.find(|node| usable_node(node).is_ok()).ok_or(NpmError::NoNodeForMachine)
}

/// Whether [`node`] and [`install`] can do their part, as far as that can be told without installing.
///
/// # Errors
/// [`NpmError`], each with the next step.
pub fn check(packages: &Packages) -> Result<(), NpmError> {
    let has_npm = || {
        let npm = Command::new("npm").arg("--version").stdin(Stdio::null()).output();
        npm.is_ok_and(|output| output.status.success())
    };
    let is_there = |packages| place(packages).is_some_and(|(_, folder)| folder.is_dir());
    if let Err(found) = usable_node(Path::new("node"))
        && !is_there(&NODE)
        && !has_npm()
    {
        return Err(NpmError::NoNode { found });
    }
    match is_there(packages) || has_npm() {
        true => Ok(()),
        false => Err(NpmError::NoNpm { what: packages.what }),
    }
}

/// The folder in which packages are installed, in its `node_modules`; npm does it where that was not
/// done before.
///
/// # Errors
/// [`NpmError`], each with the next step.
pub fn install(packages: &Packages, tell: &dyn Tell) -> Result<PathBuf, NpmError> {
    let what = packages.what;
    let (cache, folder) = place(packages).ok_or(NpmError::NoCache { what })?;
    let failed = |source| NpmError::Cache { folder: cache.clone(), source };
    if folder.is_dir() {
        note_use(&folder);
        return Ok(folder);
    }
    fs::create_dir_all(&cache).map_err(failed)?;
    let _lock = lock(&cache, tell).map_err(failed)?;
    if folder.is_dir() {
        return Ok(folder);
    }
    drop_left_behind(&cache);
    drop_unused(&cache, packages.name);
    let part = tempfile::Builder::new().prefix("part-").tempdir_in(&cache).map_err(failed)?;
    for (name, content) in files(packages) {
        fs::write(part.path().join(name), content).map_err(failed)?;
    }
    let started = Instant::now();
    let what = format!("{} (once, into {})", packages.what, cache.display());
    tell.begin("Installing", &what);
    npm(part.path(), packages.what)?;
    settle(part, &folder).map_err(failed)?;
    tell.done("Installed", packages.what, started.elapsed());
    Ok(folder)
}

/// The cache, and the folder of packages in it, which is named after what they are.
fn place(packages: &Packages) -> Option<(PathBuf, PathBuf)> {
    let cache = cache::npm()?;
    let machine = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let key = key(files(packages).into_iter().chain([("machine", machine.as_bytes())]));
    let folder = cache.join(format!("{}-{key}", packages.name));
    Some((cache, folder))
}

fn files(packages: &Packages) -> [(&'static str, &'static [u8]); 2] {
    [("package.json", packages.package_json), ("package-lock.json", packages.package_lock)]
}

/// Gives a folder that is complete its name; where another process was faster, its folder is as good.
///
/// # Errors
/// Where the file system refuses it.
pub fn settle(part: tempfile::TempDir, folder: &Path) -> io::Result<()> {
    let part = part.keep();
    match fs::rename(&part, folder) {
        Err(_) if folder.is_dir() => fs::remove_dir_all(&part),
        renamed => renamed,
    }
}

/// A name for files by what is in them.
pub fn key<'f>(files: impl Iterator<Item = (&'f str, &'f [u8])>) -> String {
    let mut hash = Sha256::new();
    for (name, content) in files {
        hash.update(name.len().to_le_bytes());
        hash.update(name);
        hash.update(content.len().to_le_bytes());
        hash.update(content);
    }
    let mut key = format!("{:x}", hash.finalize());
    key.truncate(16);
    key
}

/// Whether a Node is there and new enough; else what there is, in words.
fn usable_node(node: &Path) -> Result<(), String> {
    let output = Command::new(node).arg("--version").stdin(Stdio::null()).output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    match version {
        Err(_) => Err("there is none on PATH".to_owned()),
        Ok(version) if is_new_enough(&version) => Ok(()),
        Ok(version) => Err(format!("the one on PATH is {version}")),
    }
}

/// Whether what `node --version` says is new enough.
fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= NODE_OLDEST,
        _ => false,
    }
}

/// Has npm install what a lock file says. Nothing of what it installs may run anything.
fn npm(folder: &Path, what: &'static str) -> Result<(), NpmError> {
    let output = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--include=optional", "--omit=dev"])
        .args(["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            Err(NpmError::NpmFailed { what })
        }
        Err(_) => Err(NpmError::NoNpm { what }),
    }
}

/// Waits until nobody else installs; the lock ends with the file or the process.
fn lock(cache: &Path, tell: &dyn Tell) -> io::Result<File> {
    let path = cache.join("install.lock");
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            tell.begin("Waiting", "for another installation of tools to end");
            file.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(file)
}

/// Removes what installations left that were killed; called while nobody else installs.
fn drop_left_behind(cache: &Path) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("part-") {
            // What cannot be removed does no harm.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// How long a folder of other versions is kept that nobody uses any more.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// Notes that a folder is in use: by its time of modification.
#[expect(clippy::disallowed_methods, reason = "the times of files are the system's")]
pub fn note_use(folder: &Path) {
    // A cache that cannot be written is kept by whoever can.
    let _ = File::open(folder).and_then(|folder| folder.set_modified(SystemTime::now()));
}

/// Removes the folders `NAME-KEY` that have not been used for a month: those of other versions.
pub fn drop_unused(parent: &Path, name: &str) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let file_name = entry.file_name();
        let key = file_name.to_str().and_then(|it| it.strip_prefix(name)?.strip_prefix('-'));
        let is_ours = key.is_some_and(|key| key.chars().all(|letter| letter.is_ascii_hexdigit()));
        let used = entry.metadata().and_then(|metadata| metadata.modified());
        let is_unused = used.is_ok_and(|used| used.elapsed().is_ok_and(|since| since > KEPT));
        if is_ours && is_unused {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, drop_unused, is_new_enough, key, note_use};
    use std::fs::{self, File};
    use std::time::SystemTime;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the times of files are the system's")]
    fn folders_that_nobody_uses_are_removed_after_a_month() {
        let cache = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - KEPT - KEPT;
        for name in ["tools-00ff", "tools-0aa0", "tools-mine", "other-00ff"] {
            fs::create_dir(cache.path().join(name)).unwrap();
            File::open(cache.path().join(name)).unwrap().set_modified(old).unwrap();
        }
        fs::create_dir(cache.path().join("tools-beef")).unwrap();
        note_use(&cache.path().join("tools-0aa0"));
        drop_unused(cache.path(), "tools");
        let mut left: Vec<_> =
            cache.path().read_dir().unwrap().map(|it| it.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["other-00ff", "tools-0aa0", "tools-beef", "tools-mine"]);
    }

    #[test]
    fn a_node_is_judged_by_major_and_minor_version() {
        for version in ["v22.12.0", "v24.21.0", "v30.0.0", "22.13.1"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["v20.20.2", "v22.11.9", "v9.99.0", "", "v", "node"] {
            assert!(!is_new_enough(version), "{version}");
        }
    }

    #[test]
    fn a_key_tells_names_from_contents() {
        let key = |files: &[(&str, &str)]| {
            key(files.iter().map(|(name, content)| (*name, content.as_bytes())))
        };
        assert_eq!(key(&[("a", "b")]).len(), 16);
        assert_ne!(key(&[("a", "bc")]), key(&[("ab", "c")]));
        assert_ne!(key(&[("a", "b"), ("c", "d")]), key(&[("a", "b")]));
    }
}

//! The tools that bundle and run a Worker: Node, and the pinned packages of npm. Installed once, into a
//! folder of the user's cache that appears whole or not at all.

use crate::commands::build::progress::Progress;
use crate::edge::files::{self, Unpacked};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The oldest Node that the pinned tools take, as major and minor version.
///
/// Source: `engines` of wrangler 4.164.0, read 2026-11-26.
const NODE_OLDEST: (u32, u32) = (22, 12);

/// Everything that is needed to bundle.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    /// A Node that is new enough.
    pub(crate) node: PathBuf,
    /// The embedded files, which find the packages of npm from where they are.
    pub(crate) files: Unpacked,
    /// Where the packages are.
    packages: PathBuf,
}

/// Why there are no tools.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolsError {
    /// No folder for the cache.
    #[error(
        "there is no folder for the tools that bundle, since HOME is not set; set it, or XDG_CACHE_HOME"
    )]
    NoCache,
    /// Neither Node nor npm.
    #[error(
        "bundling needs Node {}.{} or newer, and {found}; install Node with npm from https://nodejs.org, then run this again",
        NODE_OLDEST.0, NODE_OLDEST.1
    )]
    NoNode { found: String },
    /// Node without npm.
    #[error(
        "npm is needed once to install the tools that bundle, and is not on PATH; install it, then run this again"
    )]
    NoNpm,
    /// npm failed, and has said why.
    #[error(
        "npm could not install {what} (what it said is above); check the network and npm's registry, then run this again"
    )]
    NpmFailed { what: &'static str },
    /// npm installed no Node for this machine.
    #[error("npm has no Node for this machine; install Node {}.{} or newer from https://nodejs.org, then run this again", NODE_OLDEST.0, NODE_OLDEST.1)]
    NoNodeForMachine,
    /// The cache cannot be written.
    #[error("cannot write {}: {source}", .folder.display())]
    Cache { folder: PathBuf, source: io::Error },
}

/// Packages that npm installs together.
struct Packages {
    /// What they are, for people.
    what: &'static str,
    /// Where their two files are among the embedded ones.
    prefix: &'static str,
    /// What their folder's name begins with.
    name: &'static str,
}

const BUNDLING: Packages =
    Packages { what: "the tools that bundle", prefix: "bundle", name: "tools" };
const NODE: Packages = Packages { what: "Node", prefix: "bundle/node", name: "node" };

impl Tools {
    /// Finds the tools; installs those that are missing.
    ///
    /// # Errors
    /// [`ToolsError`], each with the next step.
    pub(crate) fn ready(progress: &Progress) -> Result<Self, ToolsError> {
        let cache = cache().ok_or(ToolsError::NoCache)?;
        let failed = |source| ToolsError::Cache { folder: cache.clone(), source };
        fs::create_dir_all(&cache).map_err(failed)?;
        let node = match usable_node(Path::new("node")) {
            Ok(()) => PathBuf::from("node"),
            Err(found) => cached_node(&cache, &found, progress)?,
        };
        let packages = install(&BUNDLING, &cache, progress)?;
        let files = files::unpack(&packages).map_err(failed)?;
        Ok(Self { node, files, packages })
    }

    /// Runs a script of ours.
    pub(crate) fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.node);
        command.arg(self.files.script(name)).stdin(Stdio::null());
        command
    }

    /// The command that runs a bundle in workerd, word by word.
    pub(crate) fn run(&self, bundle: &Path) -> Vec<String> {
        let script = self.files.script("run.mjs");
        [self.node.as_path(), &script, bundle].map(|word| word.display().to_string()).to_vec()
    }

    /// Runs wrangler, which asks nothing and sends nothing about its use.
    pub(crate) fn wrangler(&self) -> Command {
        let mut command = Command::new(&self.node);
        command.arg(self.packages.join("node_modules/wrangler/bin/wrangler.js"));
        for (variable, value) in [
            ("WRANGLER_SEND_METRICS", "false"),
            ("WRANGLER_SEND_ERROR_REPORTS", "false"),
            // Facts about the place of this machine, for local mode; without network it waits for them.
            ("CLOUDFLARE_CF_FETCH_ENABLED", "false"),
        ] {
            command.env(variable, value);
        }
        command
    }
}

/// The folder of the cache for bundling.
fn cache() -> Option<PathBuf> {
    let set = |variable| std::env::var_os(variable).filter(|value| !value.is_empty());
    let cache = set("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    Some(cache.join("selvedge/edge"))
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

/// The Node in the cache, installed where it is not there.
fn cached_node(cache: &Path, found: &str, progress: &Progress) -> Result<PathBuf, ToolsError> {
    let no_npm = |error| match error {
        ToolsError::NoNpm => ToolsError::NoNode { found: found.to_owned() },
        error => error,
    };
    let folder = install(&NODE, cache, progress).map_err(no_npm)?.join("node_modules");
    // npm takes the one package that fits the machine.
    let packages = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut nodes = packages.map(|package| package.path().join("bin/node"));
    nodes.find(|node| usable_node(node).is_ok()).ok_or(ToolsError::NoNodeForMachine)
}

/// The folder in which packages are installed; npm does it where that was not done before.
fn install(packages: &Packages, cache: &Path, progress: &Progress) -> Result<PathBuf, ToolsError> {
    let names = ["package.json", "package-lock.json"];
    let contents = names
        .map(|name| files::content(&format!("{}/{name}", packages.prefix)).unwrap_or_default());
    let machine = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let keyed = names.into_iter().zip(contents).chain([("machine", machine.as_bytes())]);
    let folder = cache.join(format!("{}-{}", packages.name, files::key(keyed)));
    if folder.is_dir() {
        return Ok(folder);
    }
    let failed = |source| ToolsError::Cache { folder: cache.to_path_buf(), source };
    let _lock = lock(cache, progress).map_err(failed)?;
    if folder.is_dir() {
        return Ok(folder);
    }
    drop_left_behind(cache);
    let part = tempfile::Builder::new().prefix("part-").tempdir_in(cache).map_err(failed)?;
    for (name, content) in names.into_iter().zip(contents) {
        fs::write(part.path().join(name), content).map_err(failed)?;
    }
    let started = Instant::now();
    let what = format!("{} (once, into {})", packages.what, cache.display());
    progress.begin("Installing", &what);
    npm(part.path(), packages.what)?;
    files::settle(part, &folder).map_err(failed)?;
    progress.done("Installed", packages.what, started.elapsed());
    Ok(folder)
}

/// Has npm install what a lock file says. Nothing of what it installs may run anything.
fn npm(folder: &Path, what: &'static str) -> Result<(), ToolsError> {
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
            Err(ToolsError::NpmFailed { what })
        }
        Err(_) => Err(ToolsError::NoNpm),
    }
}

/// Waits until nobody else installs; the lock ends with the file or the process.
fn lock(cache: &Path, progress: &Progress) -> io::Result<File> {
    let path = cache.join("install.lock");
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress.begin("Waiting", "for another installation of the tools to end");
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

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn a_node_is_judged_by_major_and_minor_version() {
        for version in ["v22.12.0", "v24.21.0", "v30.0.0", "22.13.1"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["v20.20.2", "v22.11.9", "v9.99.0", "", "v", "node"] {
            assert!(!is_new_enough(version), "{version}");
        }
    }
}

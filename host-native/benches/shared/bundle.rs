//! Bundles: what `selvedge bundle` makes, and how it is served in workerd.

use super::process::Server;
use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file of a bundle.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Part {
    pub(crate) file: String,
    #[serde(default)]
    pub(crate) what: String,
    pub(crate) bytes: u64,
    pub(crate) gzip_bytes: u64,
}

/// What is read of the report of `selvedge bundle --json`.
#[derive(Deserialize)]
pub(crate) struct Bundle {
    /// How a bundle is run: a command that wants the folder as its last word but flags.
    pub(crate) run: Vec<String>,
    /// What it weighs.
    pub(crate) sizes: Sizes,
}

/// What a bundle weighs.
#[derive(Deserialize)]
pub(crate) struct Sizes {
    /// By file.
    pub(crate) parts: Vec<Part>,
    /// All of them, each compressed by itself.
    pub(crate) gzip_bytes: u64,
}

impl Bundle {
    /// Where the packages of npm lie that bundle and run it.
    ///
    /// # Errors
    /// Where they are not beside what runs it.
    pub(crate) fn packages(&self) -> anyhow::Result<PathBuf> {
        let script = self.run.get(1).context("the report names no command to run a bundle")?;
        let packages = Path::new(script).ancestors().map(|above| above.join("node_modules"));
        let found = packages.into_iter().find(|packages| packages.is_dir());
        found.context("there are no packages beside what runs a bundle")
    }
}

/// The program in npm's package for this machine.
///
/// # Errors
/// Where there is none.
pub(crate) fn workerd(packages: &Path) -> anyhow::Result<PathBuf> {
    for entry in std::fs::read_dir(packages.join("@cloudflare"))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("workerd-") {
            return Ok(entry.path().join("bin/workerd"));
        }
    }
    anyhow::bail!("there is no workerd in {}", packages.display())
}

/// Bundles the app in `app`, without asking it anything.
///
/// # Errors
/// Where it cannot be bundled; the command says why.
pub(crate) fn make(app: &Path, out: &Path) -> anyhow::Result<Bundle> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_selvedge"));
    command.arg("bundle").arg("--app").arg(app).arg("--out").arg(out);
    command.args(["--json", "--no-verify"]).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{command:?}: {}, {said}", output.status);
    let mut bundle: Bundle = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{command:?} said {said}"))?;
    // The folder, which may be another.
    bundle.run.pop();
    Ok(bundle)
}

/// Serves the bundle in a folder; what it stores and writes goes below `data`, by `name`.
///
/// # Errors
/// Where it does not come up.
pub(crate) fn serve(
    run: &[String],
    bundle: &Path,
    data: &Path,
    name: &str,
) -> anyhow::Result<Server> {
    let (program, words) = run.split_first().context("there is no command to run a bundle")?;
    let mut command = Command::new(program);
    command.args(words).arg(bundle).args(["--listen", "127.0.0.1:0"]);
    command.arg("--persist").arg(data.join(name));
    Server::start(command, &data.join(format!("{name}.log")))
}

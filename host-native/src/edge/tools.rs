//! The tools that bundle and run a Worker: Node, and the pinned packages of npm. Installed once, into a
//! folder of the user's cache that appears whole or not at all.

use crate::commands::build::progress::Progress;
use crate::edge::files::{self, Unpacked};
use selvedge_languages::cache;
use selvedge_languages::npm::{self, NpmError, Packages};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

impl Tools {
    /// Finds the tools; installs those that are missing.
    ///
    /// # Errors
    /// [`NpmError`], each with the next step.
    pub(crate) fn ready(progress: &Progress) -> Result<Self, NpmError> {
        let what = "the tools that bundle";
        let content = |name| files::content(name).unwrap_or_default();
        let bundling = Packages {
            what,
            name: "tools",
            package_json: content("bundle/package.json"),
            package_lock: content("bundle/package-lock.json"),
        };
        let node = npm::node(progress)?;
        let packages = npm::install(&bundling, progress)?;
        let cache = cache::npm().ok_or(NpmError::NoCache { what })?;
        let files =
            files::unpack(&packages).map_err(|source| NpmError::Cache { folder: cache, source })?;
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

//! The servers that are measured, and how each is started.

use super::load;
use super::process::Server;
use anyhow::{Context as _, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The argument that makes this program the bare server.
pub(crate) const BARE_SERVER: &str = "bare-server";

/// A key that signs nothing: the demo needs some key to start.
const DEMO_KEY: &str = "a key for the bench, which signs nothing";

/// A server of this bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum App {
    /// hyper and nothing else.
    Bare,
    /// The demo, in `components/`.
    Demo,
    /// The bench's own guests.
    Bench,
}

impl App {
    /// Where the app's manifest lies; none for the bare server.
    pub(crate) fn folder(self) -> Option<PathBuf> {
        let host = Path::new(env!("CARGO_MANIFEST_DIR"));
        match self {
            Self::Bare => None,
            Self::Demo => Some(host.join("../components")),
            Self::Bench => Some(host.join("benches/app")),
        }
    }

    /// Builds what is served.
    ///
    /// # Errors
    /// Where `selvedge build` fails; it says why.
    pub(crate) fn build(self) -> anyhow::Result<()> {
        let Some(folder) = self.folder() else { return Ok(()) };
        let mut build = selvedge();
        build.arg("build").arg("--app").arg(&folder).stdin(Stdio::null());
        let status = build.status().with_context(|| format!("cannot run {build:?}"))?;
        ensure!(status.success(), "{build:?} ended with {status}");
        Ok(())
    }

    /// Starts the server; what it writes goes into `folder`.
    ///
    /// # Errors
    /// Where it does not come up.
    pub(crate) fn start(self, folder: &Path) -> anyhow::Result<Server> {
        self.start_with(folder, &[])
    }

    /// Where a server that was started with `folder` keeps what its guests store.
    pub(crate) fn data(self, folder: &Path) -> PathBuf {
        folder.join(format!("{self:?}-data"))
    }

    /// As [`Self::start`], with variables in the server's environment.
    ///
    /// # Errors
    /// Where it does not come up.
    pub(crate) fn start_with(
        self,
        folder: &Path,
        variables: &[(&str, &Path)],
    ) -> anyhow::Result<Server> {
        let log = folder.join(format!("{self:?}.log"));
        let mut command = match self.folder() {
            None => {
                let mut bare = Command::new(std::env::current_exe()?);
                bare.arg(BARE_SERVER).arg(load::threads().to_string());
                bare
            }
            Some(app) => {
                let mut serve = selvedge();
                serve.arg("serve").arg("--app").arg(app);
                serve.arg("--data").arg(self.data(folder));
                serve.args(["--listen", "127.0.0.1:0", "--threads", &load::threads().to_string()]);
                serve.env("JWT_KEY", DEMO_KEY).env_remove("SELVEDGE_LOG");
                serve
            }
        };
        command.envs(variables.iter().copied());
        Server::start(command, &log)
    }
}

/// The command under test: cargo built it for this bench.
fn selvedge() -> Command {
    Command::new(env!("CARGO_BIN_EXE_selvedge"))
}

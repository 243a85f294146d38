//! Wrangler in its local mode, which serves a bundle, and serves it anew when its files change.
//!
//! It watches files, and no folder that takes another's place. So it has a folder of its own, into which
//! what is new of each bundle is moved.

use super::{END_MAX, secrets};
use crate::app::App;
use crate::commands::build::progress::Progress;
use crate::edge::tools::Tools;
use crate::edge::wrangler;
use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use selvedge_contract::manifest::Manifest;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long wrangler may take to serve a bundle.
///
/// Ours: it takes one to three seconds; a busy machine gets its time.
const SERVE_MAX: Duration = Duration::from_secs(60);
/// How long wrangler must have begun nothing more before it is believed to serve all that is new: it
/// may begin with the first of several files.
const QUIET: Duration = Duration::from_millis(250);

/// Wrangler, which serves a bundle.
pub(super) struct Worker {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// The app as it is served.
    pub(super) manifest: Manifest,
    child: Child,
    words: mpsc::UnboundedReceiver<Word>,
    folder: PathBuf,
    /// They go with this, so that a signal must not end this process before.
    secrets: tempfile::NamedTempFile,
}

/// What wrangler says that is of interest here.
enum Word {
    /// It serves for the first time, here.
    Ready(SocketAddr),
    /// It has noticed that something changed.
    Begins,
    /// It serves what changed.
    Updated,
}

impl Worker {
    /// Starts wrangler with the bundle of an app.
    ///
    /// # Errors
    /// Where something that it needs is not there.
    pub(super) fn start(
        app: &App,
        listen: SocketAddr,
        progress: &Progress,
    ) -> anyhow::Result<Self> {
        let tools = Tools::ready(progress)?;
        let folder = app.folders.edge().join("dev");
        let _ = fs::remove_dir_all(&folder);
        bring(&app.folders.bundle(), &folder)
            .with_context(|| format!("cannot write {}", folder.display()))?;
        let secrets = secrets::secrets(app)?;
        let mut command = tools.wrangler();
        command.arg("dev").arg("--config").arg(folder.join(wrangler::FILE));
        command.args(["--local", "--show-interactive-dev-session=false", "--inspector-port=0"]);
        command.arg("--ip").arg(listen.ip().to_string());
        command.arg("--port").arg(listen.port().to_string());
        command.arg("--persist-to").arg(app.folders.edge().join("state"));
        command.arg("--env-file").arg(secrets.path());
        command.current_dir(&folder).stdout(Stdio::piped());
        let child = Command::from(command).kill_on_drop(true).spawn();
        let mut child = child
            .with_context(|| format!("cannot start wrangler with {}", tools.node.display()))?;
        let (heard, words) = mpsc::unbounded_channel();
        let stdout = child.stdout.take().context("wrangler has an output")?;
        tokio::spawn(listen_to(stdout, heard));
        let manifest = app.manifest.clone();
        Ok(Self { address: listen, manifest, child, words, folder, secrets })
    }

    /// Waits until it serves for the first time.
    ///
    /// # Errors
    /// Where it does not; it has said why.
    pub(super) async fn serves(&mut self) -> anyhow::Result<()> {
        while let Ok(Some(word)) = timeout(SERVE_MAX, self.words.recv()).await {
            if let Word::Ready(address) = word {
                self.address = address;
                return Ok(());
            }
        }
        self.end().await?;
        anyhow::bail!("wrangler does not serve the bundle; what it said is above")
    }

    /// Serves the bundle of an app as it is now; says whether anything in it is new.
    ///
    /// # Errors
    /// Where that does not come about.
    pub(super) async fn take(&mut self, app: &App) -> anyhow::Result<bool> {
        while self.words.try_recv().is_ok() {}
        let is_new = bring(&app.folders.bundle(), &self.folder)
            .with_context(|| format!("cannot write {}", self.folder.display()))?;
        if !is_new {
            return Ok(false);
        }
        let mut wait = SERVE_MAX;
        loop {
            match timeout(wait, self.words.recv()).await {
                Ok(Some(Word::Updated)) => wait = QUIET,
                Ok(Some(Word::Begins | Word::Ready(_))) => wait = SERVE_MAX,
                Err(_) if wait == QUIET => return Ok(true),
                Ok(None) | Err(_) => {
                    anyhow::bail!("wrangler does not serve what changed; what it said is above")
                }
            }
        }
    }

    /// Whether the secrets are what wrangler was given.
    ///
    /// # Errors
    /// Where one cannot be read.
    pub(super) fn has_secrets_of(&self, app: &App) -> anyhow::Result<bool> {
        Ok(fs::read(secrets::secrets(app)?.path())? == fs::read(self.secrets.path())?)
    }

    /// Waits until it ends of itself.
    pub(super) async fn ended(&mut self) -> anyhow::Result<ExitCode> {
        let status = self.child.wait().await?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Ends it.
    pub(super) async fn end(&mut self) -> io::Result<()> {
        // Ctrl-C has reached it already; whoever sends a signal to this process alone has not.
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
        if timeout(END_MAX, self.child.wait()).await.is_err() {
            self.child.kill().await?;
        }
        Ok(())
    }
}

/// Passes on what wrangler prints, but for what is told better in one line.
async fn listen_to(stdout: ChildStdout, heard: mpsc::UnboundedSender<Word>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let said = line.trim();
        let word = match said.split_once("Ready on http://") {
            Some((_, address)) => address.trim().parse().ok().map(Word::Ready),
            None if said.starts_with("Attaching additional modules") => Some(Word::Begins),
            None if said.contains("Reloading local server") => Some(Word::Begins),
            None if said.contains("Local server updated and ready") => Some(Word::Updated),
            None if said.starts_with("Using secrets defined in") => continue,
            None if said.starts_with(['┌', '├', '│', '└']) => continue,
            None => None,
        };
        match word {
            Some(word) => drop(heard.send(word)),
            None => {
                // As the log of the native host; nobody has to read it.
                let _ = writeln!(io::stderr().lock(), "{line}");
            }
        }
    }
}

/// Brings a folder to the state of a bundle: what is new first, `worker.js` and what it is configured by
/// after what they name, and last goes what nobody names any more. Says whether anything was to do.
fn bring(bundle: &Path, folder: &Path) -> io::Result<bool> {
    let (new, old) = (files(bundle)?, files(folder).unwrap_or_default());
    let scratch = folder.parent().unwrap_or(folder);
    fs::create_dir_all(scratch)?;
    let scratch = tempfile::Builder::new().prefix("dev-").tempdir_in(scratch)?;
    let mut changed: Vec<&PathBuf> = Vec::new();
    for file in &new {
        if !old.contains(file) || fs::read(bundle.join(file))? != fs::read(folder.join(file))? {
            changed.push(file);
        }
    }
    // Modules lie deeper than what names them.
    changed.sort_by_key(|file| (std::cmp::Reverse(file.components().count()), *file));
    for file in &changed {
        let (part, to) = (scratch.path().join("part"), folder.join(file));
        fs::create_dir_all(to.parent().unwrap_or(folder))?;
        fs::copy(bundle.join(file), &part)?;
        // Whole or not at all: wrangler may look at any time.
        fs::rename(&part, to)?;
    }
    let stale: Vec<_> = old.difference(&new).collect();
    for file in &stale {
        fs::remove_file(folder.join(file))?;
    }
    Ok(!changed.is_empty() || !stale.is_empty())
}

/// The files in a folder, relative to it.
fn files(folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = PathBuf::from(entry.file_name());
        // What wrangler keeps for itself.
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?.into_iter().map(|file| name.join(file)));
        } else {
            found.insert(name);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{bring, files};
    use std::fs;
    use std::path::PathBuf;

    #[test]
    fn a_folder_is_brought_to_the_state_of_a_bundle() {
        let home = tempfile::tempdir().unwrap();
        let (bundle, folder) = (home.path().join("bundle"), home.path().join("dev"));
        fs::create_dir_all(bundle.join("modules")).unwrap();
        fs::write(bundle.join("worker.js"), "import one").unwrap();
        fs::write(bundle.join("modules/one.js"), "one").unwrap();
        assert!(bring(&bundle, &folder).unwrap());
        assert!(!bring(&bundle, &folder).unwrap(), "nothing is new");
        fs::create_dir_all(folder.join(".wrangler")).unwrap();
        fs::write(folder.join(".wrangler/own"), "kept").unwrap();
        fs::remove_file(bundle.join("modules/one.js")).unwrap();
        fs::write(bundle.join("modules/two.js"), "two").unwrap();
        fs::write(bundle.join("worker.js"), "import two").unwrap();
        assert!(bring(&bundle, &folder).unwrap());
        assert_eq!(files(&folder).unwrap(), files(&bundle).unwrap());
        assert_eq!(fs::read(folder.join("worker.js")).unwrap(), b"import two");
        assert!(folder.join(".wrangler/own").is_file());
        let left: Vec<PathBuf> =
            fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }
}

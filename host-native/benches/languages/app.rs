//! A service as an app of its own, in a folder that nothing was built in: what a user would have.

use super::bundle::{self, Bundle};
use super::load;
use super::process::Server;
use super::services::{Host, Service, TEXT, Work};
use anyhow::{Context as _, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Folders of what is made.
const MADE: [&str; 4] = ["target", "bindings", "node_modules", "__pycache__"];

/// An app of one service.
pub(crate) struct App {
    /// What it serves.
    pub(crate) service: &'static Service,
    /// Where its manifest is.
    pub(crate) folder: PathBuf,
    /// What bundling it told, once it is bundled.
    pub(crate) bundle: Option<Bundle>,
}

impl App {
    /// Copies the service's sources below `out`, in the place of what was there.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub(crate) fn create(service: &'static Service, out: &Path) -> anyhow::Result<Self> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let home = out.join(service.name);
        if home.exists() {
            fs::remove_dir_all(&home)
                .with_context(|| format!("cannot empty {}", home.display()))?;
        }
        let (root, folder) = (repository.join(service.root), home.join("app"));
        copy(&root.join(service.folder), &folder.join(service.folder))?;
        copy(&repository.join("wit"), &home.join("wit"))?;
        if service.work == Work::Notes {
            copy(&root.join("notes/wit"), &folder.join("notes/wit"))?;
        }
        if service.table.is_empty() {
            let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
            fs::write(folder.join("Cargo.toml"), with_one_member(&manifest, service.folder)?)?;
            fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        }
        fs::write(folder.join("selvedge.toml"), manifest(service))?;
        Ok(Self { service, folder, bundle: None })
    }

    /// The component, once it is built.
    pub(crate) fn component(&self) -> PathBuf {
        self.folder.join(".selvedge/services/it.wasm")
    }

    /// Where its bundle is put.
    pub(crate) fn bundle_folder(&self) -> PathBuf {
        self.folder.with_file_name("bundle")
    }

    /// Starts the host of an app that is built; what is stored and written goes below `scratch`.
    ///
    /// # Errors
    /// Where it does not come up.
    pub(crate) fn start(&self, host: Host, scratch: &Path) -> anyhow::Result<Server> {
        let name = format!("{}-{}", self.service.name, host.name());
        match host {
            Host::Native => {
                let mut serve = selvedge("serve", &self.folder);
                serve.arg("--data").arg(scratch.join(&name));
                serve.args(["--listen", "127.0.0.1:0", "--threads", &load::threads().to_string()]);
                Server::start(serve, &scratch.join(format!("{name}.log")))
            }
            Host::Workerd => {
                let bundle = self.bundle.as_ref().context("it was not bundled")?;
                bundle::serve(&bundle.run, &self.bundle_folder(), scratch, &name)
            }
        }
    }

    /// The request that is measured. Where it reads a note, that is written first.
    ///
    /// # Errors
    /// Where the server does not take the note.
    pub(crate) async fn request(&self, server: &Server) -> anyhow::Result<Vec<u8>> {
        let length = TEXT.len();
        let post = |path: &str| {
            format!(
                "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n{TEXT}"
            )
            .into_bytes()
        };
        match self.service.work {
            Work::Echo => Ok(post("/bench/echo?name=Ada&place=London")),
            Work::Notes => {
                let note = load::ask_for(server.address, &post("/bench/notes"), 201)
                    .await
                    .with_context(|| format!("{}; {}", self.service.label, server.said()))?;
                let note: serde_json::Value = serde_json::from_slice(&note)?;
                let id = note.get("id").and_then(|id| id.as_str()).context("a note has an id")?;
                Ok(get_note(id))
            }
        }
    }

    /// The request for a note that a store has under every key.
    pub(crate) fn any_request(&self) -> Vec<u8> {
        match self.service.work {
            Work::Echo => b"GET /bench/echo?name=Ada HTTP/1.1\r\nhost: bench\r\n\r\n".to_vec(),
            Work::Notes => get_note("0123456789abcdef"),
        }
    }

    /// Makes the change of a line, or takes it back.
    ///
    /// # Errors
    /// Where the line is not there.
    pub(crate) fn save(&self, is_changed: bool) -> anyhow::Result<()> {
        let change = self.service.change;
        let path = self.folder.join(self.service.folder).join(change.file);
        let text = fs::read_to_string(&path)?;
        let (old, new) = match is_changed {
            true => (change.from, change.to),
            false => (change.to, change.from),
        };
        ensure!(text.contains(old), "{} has no {old:?}", path.display());
        fs::write(&path, text.replace(old, new))?;
        Ok(())
    }
}

/// A command of `selvedge` on the app in a folder, silent but for errors.
pub(crate) fn selvedge(command: &str, folder: &Path) -> Command {
    let mut selvedge = Command::new(env!("CARGO_BIN_EXE_selvedge"));
    selvedge.arg(command).arg("--app").arg(folder);
    selvedge.stdin(Stdio::null()).env_remove("SELVEDGE_LOG");
    selvedge
}

/// Runs a command to its end, which must be a good one.
///
/// # Errors
/// Where it is not; with what it said.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {said}", output.status);
    Ok(())
}

fn get_note(id: &str) -> Vec<u8> {
    format!("GET /bench/notes/{id} HTTP/1.1\r\nhost: bench\r\n\r\n").into_bytes()
}

fn manifest(service: &Service) -> String {
    let (folder, table) = (service.folder, service.table);
    let (grants, store) = match service.work {
        Work::Notes => {
            ("keyvalue = [\"notes\"]\nallow-hosts = [\"127.0.0.1:8788\"]", "\n[keyvalue.notes]\n")
        }
        Work::Echo => ("", ""),
    };
    format!(
        "name = \"bench\"\n\n[components.it]\nsource = \"{folder}\"\n{table}\n{grants}\n\n\
         [services.it]\ncomponent = \"it\"\nroutes = [\"/*\"]\n{store}"
    )
}

/// The manifest of a workspace whose only member is this.
fn with_one_member(manifest: &str, member: &str) -> anyhow::Result<String> {
    let (before, rest) = manifest.split_once("members = [").context("a workspace has members")?;
    let (_, after) = rest.split_once(']').context("the list of members ends")?;
    Ok(format!("{before}members = [\"{member}\"]{after}"))
}

/// Copies a folder without what is made or hidden.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let is_made =
            name.to_str().is_none_or(|name| name.starts_with('.') || MADE.contains(&name));
        match entry.file_type()?.is_dir() {
            _ if is_made => {}
            true => copy(&entry.path(), &to.join(&name))?,
            false => fs::copy(entry.path(), to.join(&name)).map(|_| ())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{manifest, with_one_member};
    use crate::services::ALL;

    #[test]
    fn a_workspace_keeps_all_but_its_members() {
        let manifest = "[workspace]\nmembers = [\n  \"a\",\n  \"b\",\n]\n[profile]\nx = [1]\n";
        let one = with_one_member(manifest, "b").unwrap();
        assert_eq!(one, "[workspace]\nmembers = [\"b\"]\n[profile]\nx = [1]\n");
        assert!(with_one_member("[package]", "b").is_err());
    }

    #[test]
    fn every_manifest_is_in_order() {
        for service in &ALL {
            let text = manifest(service);
            assert!(selvedge_contract::manifest::Manifest::parse(&text).is_ok(), "{text}");
        }
    }
}

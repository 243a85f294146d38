//! Builds components that are Rust crates: one call of cargo for each workspace.

use super::progress::Progress;
use super::toolchain;
use selvedge_contract::names::Name;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// What Rust guests are compiled for.
const TARGET: &str = "wasm32-wasip2";

/// A workspace, with those of its members that are components of the app.
#[derive(Debug)]
pub(super) struct Workspace {
    /// Its folder.
    pub(super) root: PathBuf,
    /// The components.
    pub(super) members: Vec<Member>,
}

/// A crate that is a component.
#[derive(Debug)]
pub(super) struct Member {
    /// The component.
    pub(super) name: Name,
    /// The crate's folder.
    pub(super) folder: PathBuf,
    manifest: PathBuf,
    package: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    target: Option<Target>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

/// Sorts crates by workspace; beside them, what is wrong with those that are in none.
pub(super) fn workspaces(crates: &[(Name, PathBuf)]) -> (Vec<Workspace>, BTreeMap<Name, String>) {
    let (mut found, mut wrong) = (Vec::<Workspace>::new(), BTreeMap::new());
    let mut told = BTreeSet::new();
    for (name, folder) in crates {
        let known = found.iter().flat_map(|workspace| &workspace.members);
        if known.into_iter().any(|member| member.name == *name) || wrong.contains_key(name) {
            continue;
        }
        match workspace_of(folder, crates, &mut told) {
            Ok(workspace) if workspace.members.iter().any(|member| member.name == *name) => {
                found.push(workspace);
            }
            Ok(_) => {
                let folder = folder.display();
                let reason = format!(
                    "{folder} holds a workspace and no crate; name the folder of one of its members in `source`"
                );
                wrong.insert(name.clone(), reason);
            }
            Err(reason) => {
                wrong.insert(name.clone(), reason);
            }
        }
    }
    (found, wrong)
}

/// The workspace that a folder is in. What cargo has against it is told once, though it says it for
/// each member.
fn workspace_of(
    folder: &Path,
    crates: &[(Name, PathBuf)],
    told: &mut BTreeSet<Vec<u8>>,
) -> Result<Workspace, String> {
    let output = toolchain::command("cargo", folder)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .map_err(|error| format!("cannot start cargo: {error}; install it with rustup"))?;
    if !output.status.success() {
        if told.insert(output.stderr.clone()) {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
        }
        return Err(format!("cargo cannot read {}; what it said is above", folder.display()));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cannot read what `cargo metadata` wrote: {error}"))?;
    let mut members = Vec::new();
    for (name, folder) in crates {
        // Cargo names paths without links.
        let manifest = folder.join("Cargo.toml").canonicalize().unwrap_or_default();
        let package = metadata.packages.iter().find(|package| package.manifest_path == manifest);
        if let Some(package) = package {
            members.push(Member {
                name: name.clone(),
                folder: folder.clone(),
                manifest,
                package: package.id.clone(),
            });
        }
    }
    Ok(Workspace { root: metadata.workspace_root, members })
}

/// Builds the members of a workspace, all of them: which features their common dependencies have
/// depends on who is built together.
///
/// Cargo's own progress and the compiler's errors go to standard error as they come.
pub(super) fn build(
    workspace: &Workspace,
    progress: &Progress,
) -> BTreeMap<Name, Result<PathBuf, String>> {
    let built = run(workspace, progress);
    let of_member = |member: &Member| {
        let (ended_well, messages) = built.as_ref().map_err(Clone::clone)?;
        artefact(member, messages).and_then(|file| match file {
            Some(file) => Ok(file),
            None if *ended_well => Err("its crate makes no component; add crate-type = [\"cdylib\"] to [lib] in its Cargo.toml".to_owned()),
            None => Err("cargo failed; what the compiler said is above".to_owned()),
        })
    };
    let members = workspace.members.iter();
    members.map(|member| (member.name.clone(), of_member(member))).collect()
}

/// Whether cargo ended well, and what it says that it made.
fn run(workspace: &Workspace, progress: &Progress) -> Result<(bool, Vec<Message>), String> {
    let mut cargo = toolchain::cargo(&workspace.root, TARGET)?;
    cargo.args(["build", "--release", "--keep-going", "--target", TARGET]);
    cargo.arg("--message-format=json-render-diagnostics");
    if progress.is_quiet() {
        cargo.arg("--quiet");
    }
    for member in &workspace.members {
        cargo.args(["--package", &member.package]);
    }
    let output = cargo
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot start cargo: {error}; install it with rustup"))?;
    // Build scripts and macros may print among the messages.
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
    Ok((output.status.success(), messages))
}

/// The component that cargo made of a crate, if it made one.
fn artefact(member: &Member, messages: &[Message]) -> Result<Option<PathBuf>, String> {
    let made_by = |kind: &str| -> Vec<&PathBuf> {
        messages
            .iter()
            .filter(|message| message.reason == "compiler-artifact")
            .filter(|message| message.manifest_path == member.manifest)
            .filter(|message| {
                message
                    .target
                    .as_ref()
                    .is_some_and(|target| target.kind.iter().any(|is| is == kind))
            })
            .flat_map(|message| &message.filenames)
            .filter(|file| file.extension().is_some_and(|extension| extension == "wasm"))
            .collect()
    };
    let libraries = made_by("cdylib");
    let made = if libraries.is_empty() { made_by("bin") } else { libraries };
    match made.as_slice() {
        [] => Ok(None),
        [file] => Ok(Some((*file).clone())),
        [first, second, ..] => Err(format!(
            "its crate makes several components, {} and {}; leave one in it",
            first.display(),
            second.display()
        )),
    }
}

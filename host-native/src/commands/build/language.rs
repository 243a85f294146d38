//! Builds components in other languages than Rust, by the crate `selvedge-languages`.

use super::progress::Progress;
use crate::app::App;
use selvedge_contract::language::Language;
use selvedge_contract::manifest::Source;
use selvedge_contract::names::Name;
use selvedge_languages::tool::Tools;
use selvedge_languages::{self as languages, Project};
use std::path::{Path, PathBuf};

/// Builds a component.
///
/// # Errors
/// One sentence; what the language's tools said is on standard error.
pub(super) fn build(
    app: &App,
    name: &Name,
    source: &Source,
    progress: &Progress,
) -> Result<PathBuf, String> {
    let out = app.folders.language(name);
    let built = with_project(Some(app), name, source, &out, |language, project| {
        languages::build(language, project, &Tools { tell: progress })
    });
    let built = built.ok_or_else(|| "its table names no language".to_owned())?;
    built.map_err(|error| error.to_string())
}

/// What there is to say of a component before it is built: what its author should know of, or why it
/// cannot be built here.
///
/// # Errors
/// One sentence, the one that building would end in.
pub(in crate::commands) fn check(
    app: &App,
    name: &Name,
    source: &Source,
) -> Result<Vec<String>, String> {
    let out = app.folders.language(name);
    let checked = with_project(Some(app), name, source, &out, |language, project| {
        languages::check(language, project)
    });
    checked.unwrap_or_else(|| Ok(Vec::new())).map_err(|error| error.to_string())
}

/// By what a component is built, beside its sources.
pub(super) fn recipe(name: &Name, source: &Source) -> String {
    let recipe = |language, project: &Project<'_>| languages::recipe(language, project);
    with_project(None, name, source, Path::new(""), recipe).unwrap_or_default()
}

fn with_project<R>(
    app: Option<&App>,
    name: &Name,
    source: &Source,
    out: &Path,
    act: impl FnOnce(Language, &Project<'_>) -> R,
) -> Option<R> {
    let Source::Language { folder, language, world, engine } = source else { return None };
    let folder = app.map_or_else(|| folder.clone(), |app| app.folders.app.join(folder));
    let (name, world) = (name.as_str(), world.as_deref());
    Some(act(*language, &Project { name, folder: &folder, world, engine: *engine, out }))
}

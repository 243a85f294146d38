//! From sources to components: whichever changed is built, the others are left alone.

use super::progress::Progress;
use super::{ComponentReport, cargo, declared, inputs, language, parallel};
use crate::app::App;
use crate::built::{Artefact, ComponentRecord, Inputs, Record};
use crate::clock;
use crate::inspect::Inspection;
use crate::problem::Problem;
use selvedge_contract::manifest::Source;
use selvedge_contract::names::Name;
use selvedge_languages::rust;
use selvedge_languages::world::wit_of;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The components of an app after a build.
pub(super) struct Components {
    /// Those that are as their sources are.
    pub(super) there: BTreeMap<Name, ComponentRecord>,
    /// What is said of them.
    pub(super) reports: Vec<ComponentReport>,
    /// What is wrong with the others.
    pub(super) problems: Vec<Problem>,
}

/// Builds every component that changed, and keeps what was made in `record`. A component that has
/// problems stays as it was there, so that taking a change back needs no build.
pub(super) fn build(app: &App, record: &mut Record, progress: &Progress) -> Components {
    let mut problems = Vec::new();
    let mut fresh = BTreeMap::new();
    let mut stale = Vec::new();
    for (name, component) in &app.manifest.components {
        let known = record.components.get(name).filter(|known| is_fresh(app, name, known));
        if let Some(known) = known {
            fresh.insert(name.clone(), known.clone());
        } else if let Err(problem) = check_source(app, name, &component.source) {
            problems.push(problem);
        } else {
            stale.push(name.clone());
        }
    }
    let (jobs, wrong) = plan(app, record, &stale);
    problems.extend(wrong);
    let outcomes = parallel::each(&jobs, |job| job.run(app, record, progress));
    let mut reports: Vec<_> =
        fresh.iter().map(|(name, known)| ComponentReport::fresh(app, name, known)).collect();
    let mut there = fresh;
    for (name, took, outcome) in outcomes.into_iter().flatten() {
        reports.retain(|report| report.name != name);
        match outcome {
            Ok(built) => {
                // A workspace is built as a whole; what came out the same is not new.
                let known = record.components.get(&name);
                let same = known.is_some_and(|known| known.wasm.sha256 == built.wasm.sha256);
                reports.push(ComponentReport::built(app, &name, &built, took, !same));
                there.insert(name, built);
            }
            Err(problem) => {
                there.remove(&name);
                problems.push(problem);
            }
        }
    }
    reports.sort_by(|left, right| left.name.cmp(&right.name));
    record.components.extend(there.clone());
    record.components.retain(|name, _| app.manifest.components.contains_key(name));
    Components { there, reports, problems }
}

/// Reads a component that is there, and says what it is.
///
/// # Errors
/// [`Problem`] where it cannot be read or is no component.
pub(in crate::commands) fn inspect(
    app: &App,
    name: &Name,
    path: &Path,
) -> Result<(Artefact, Inspection), Problem> {
    let shown = || app.folders.show(path).to_string();
    let bytes = fs::read(path).map_err(|error| Problem::Unreadable {
        component: name.clone(),
        path: shown(),
        reason: error.to_string(),
    })?;
    let inspection = Inspection::of(&bytes).map_err(|error| Problem::NotAComponent {
        component: name.clone(),
        path: shown(),
        error,
    })?;
    Ok((Artefact::of(path, &bytes), inspection))
}

/// Finds out whether a component's sources are where the manifest says.
///
/// # Errors
/// [`Problem`] where they are not.
pub(in crate::commands) fn check_source(
    app: &App,
    name: &Name,
    source: &Source,
) -> Result<(), Problem> {
    let Some(folder) = app.folders.source(source) else { return Ok(()) };
    let shown = || app.folders.show(&folder).to_string();
    if !folder.is_dir() {
        return Err(Problem::NoFolder { component: name.clone(), folder: shown() });
    }
    if matches!(source, Source::Cargo { .. }) && !folder.join("Cargo.toml").is_file() {
        return Err(Problem::NoCrate { component: name.clone(), folder: shown() });
    }
    Ok(())
}

/// Whether a component is as its sources are.
pub(in crate::commands) fn is_fresh(app: &App, name: &Name, known: &ComponentRecord) -> bool {
    let Some(component) = app.manifest.components.get(name) else { return false };
    let inputs_fresh = || {
        let folders = folders(app, &component.source);
        folders.is_empty() || inputs::are_fresh(&folders, &known.inputs)
    };
    // Where the app's folder was copied, the record still names the files of the original.
    let is_here = match &component.source {
        Source::Ready { wasm } => known.wasm.path == app.folders.app.join(wasm),
        _ => true,
    };
    is_here
        && known.recipe == recipe(name, &component.source)
        && known.wasm.is_unchanged()
        && inputs_fresh()
}

/// The folders that a component is built from: its own, and that of the WIT it shares with others.
pub(in crate::commands) fn folders(app: &App, source: &Source) -> Vec<PathBuf> {
    let own = app.folders.source(source);
    let wit = match (source, &own) {
        (Source::Language { .. }, Some(own)) => wit_of(own),
        // Others name their WIT to a macro, and cargo tells what that reads.
        (Source::Cargo { .. }, Some(own)) if rust::world_of(own).is_some() => wit_of(own),
        _ => None,
    };
    let wit = wit.filter(|wit| own.as_ref().is_some_and(|own| !wit.starts_with(own)));
    own.into_iter().chain(wit).collect()
}

fn recipe(name: &Name, source: &Source) -> String {
    match source {
        Source::Language { folder, language, .. } => {
            let made = language::recipe(name, source);
            format!("{language} in {} by {made}", folder.display())
        }
        Source::Cargo { folder } => format!("cargo in {}", folder.display()),
        Source::Command { folder, command, wasm } => {
            format!("`{command}` in {} writes {}", folder.display(), wasm.display())
        }
        Source::Ready { wasm } => format!("ready in {}", wasm.display()),
    }
}

/// Something that is built by itself.
enum Job {
    Workspace(cargo::Workspace),
    /// The components of one folder in other languages, one after the other: they share bindings.
    Language(Vec<Name>),
    /// The commands of one folder, one after the other: they may write the same files.
    Folder(Vec<Name>),
    Ready(Name),
}

type Outcome = (Name, Duration, Result<ComponentRecord, Problem>);

fn plan(app: &App, record: &Record, stale: &[Name]) -> (Vec<Job>, Vec<Problem>) {
    let mut jobs = Vec::new();
    let mut problems = Vec::new();
    let mut folders: BTreeMap<PathBuf, Vec<Name>> = BTreeMap::new();
    let mut languages: BTreeMap<PathBuf, Vec<Name>> = BTreeMap::new();
    let mut crates = Vec::new();
    for (name, component) in &app.manifest.components {
        let is_stale = stale.contains(name);
        match &component.source {
            Source::Cargo { folder } if is_stale || record.components.contains_key(name) => {
                crates.push((name.clone(), app.folders.app.join(folder)));
            }
            Source::Command { folder, .. } if is_stale => {
                folders.entry(app.folders.app.join(folder)).or_default().push(name.clone());
            }
            Source::Language { folder, .. } if is_stale => {
                languages.entry(app.folders.app.join(folder)).or_default().push(name.clone());
            }
            Source::Ready { .. } if is_stale => jobs.push(Job::Ready(name.clone())),
            _ => {}
        }
    }
    if crates.iter().any(|(name, _)| stale.contains(name)) {
        let (workspaces, wrong) = cargo::workspaces(&crates);
        let is_stale = |workspace: &cargo::Workspace| {
            workspace.members.iter().any(|member| stale.contains(&member.name))
        };
        jobs.extend(workspaces.into_iter().filter(is_stale).map(Job::Workspace));
        for (component, reason) in wrong {
            problems.push(Problem::BuildFailed { component, reason });
        }
    }
    jobs.extend(languages.into_values().map(Job::Language));
    jobs.extend(folders.into_values().map(Job::Folder));
    (jobs, problems)
}

impl Job {
    fn run(&self, app: &App, record: &Record, progress: &Progress) -> Vec<Outcome> {
        let started = Instant::now();
        match self {
            Self::Workspace(workspace) => build_workspace(app, record, progress, workspace),
            Self::Language(names) => build_languages(app, record, progress, names),
            Self::Folder(names) => build_folder(app, record, progress, names),
            Self::Ready(name) => {
                let built = settle(app, record, name, &inputs::Files::new(), None, |wasm| {
                    Ok(wasm.to_path_buf())
                });
                vec![(name.clone(), started.elapsed(), built)]
            }
        }
    }
}

fn build_workspace(
    app: &App,
    record: &Record,
    progress: &Progress,
    workspace: &cargo::Workspace,
) -> Vec<Outcome> {
    let started = Instant::now();
    let names: Vec<&str> = workspace.members.iter().map(|member| member.name.as_str()).collect();
    progress.begin("Building", &names.join(", "));
    let began = clock::now();
    let mut before = inputs::Files::new();
    for member in &workspace.members {
        let component = app.manifest.components.get(&member.name);
        let folders = component.map(|component| folders(app, &component.source));
        let known = known_inputs(record, &member.name);
        before.extend(inputs::look(&folders.unwrap_or_default(), &known));
    }
    let unbound = workspace.members.iter().find_map(|member| {
        let error = rust::bind(&member.folder).err()?;
        Some((member.name.clone(), error.to_string()))
    });
    let mut built = match unbound {
        None => cargo::build(workspace, progress),
        // Cargo would say that a module is missing, or build with another than the WIT has.
        Some((name, reason)) => {
            let others = workspace.members.iter().filter(|member| member.name != name);
            let waits = format!("it was not built, since there are no bindings of {name}");
            let others = others.map(|member| (member.name.clone(), Err(waits.clone())));
            others.chain([(name.clone(), Err(reason))]).collect()
        }
    };
    let took = started.elapsed();
    let mut outcomes = Vec::new();
    for member in &workspace.members {
        let made = built.remove(&member.name).unwrap_or_else(|| Err("it was not built".to_owned()));
        let elsewhere = Elsewhere { root: &workspace.root, began };
        let outcome = settle(app, record, &member.name, &before, Some(elsewhere), |_| made);
        outcomes.push((member.name.clone(), took, outcome));
    }
    if outcomes.iter().all(|(_, _, outcome)| outcome.is_ok()) {
        progress.done("Built", &names.join(", "), took);
    }
    outcomes
}

fn build_languages(
    app: &App,
    record: &Record,
    progress: &Progress,
    names: &[Name],
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for name in names {
        let Some(component) = app.manifest.components.get(name) else { continue };
        let started = Instant::now();
        progress.begin("Building", name.as_str());
        let folders = folders(app, &component.source);
        let before = inputs::look(&folders, &known_inputs(record, name));
        let made = language::build(app, name, &component.source, progress);
        if made.is_ok() {
            progress.done("Built", name.as_str(), started.elapsed());
        }
        let outcome = settle(app, record, name, &before, None, |_| made);
        outcomes.push((name.clone(), started.elapsed(), outcome));
    }
    outcomes
}

fn build_folder(app: &App, record: &Record, progress: &Progress, names: &[Name]) -> Vec<Outcome> {
    let mut ran: BTreeMap<&str, inputs::Files> = BTreeMap::new();
    let mut outcomes = Vec::new();
    for name in names {
        let Some(component) = app.manifest.components.get(name) else { continue };
        let Source::Command { folder, command, wasm } = &component.source else { continue };
        let started = Instant::now();
        let (folder, wasm) = (app.folders.app.join(folder), app.folders.app.join(wasm));
        let outcome = if let Some(before) = ran.get(command.as_str()) {
            // One command may write several components.
            settle(app, record, name, before, None, |_| declared::find(command, &wasm))
        } else {
            progress.begin("Building", name.as_str());
            let before = inputs::look(std::slice::from_ref(&folder), &known_inputs(record, name));
            let made = declared::run(&folder, command, &wasm);
            if made.is_ok() {
                progress.done("Built", name.as_str(), started.elapsed());
            }
            let outcome = settle(app, record, name, &before, None, |_| made);
            ran.insert(command, before);
            outcome
        };
        outcomes.push((name.clone(), started.elapsed(), outcome));
    }
    outcomes
}

fn known_inputs(record: &Record, name: &Name) -> Inputs {
    record.components.get(name).map(|known| known.inputs.clone()).unwrap_or_default()
}

/// Where cargo finds what lies outside of a crate's folder, and when it began to look.
struct Elsewhere<'w> {
    root: &'w Path,
    began: Duration,
}

/// Looks at what was made, and remembers what it was made from.
fn settle(
    app: &App,
    record: &Record,
    name: &Name,
    before: &inputs::Files,
    elsewhere: Option<Elsewhere<'_>>,
    made: impl FnOnce(&Path) -> Result<PathBuf, String>,
) -> Result<ComponentRecord, Problem> {
    let failed = |reason| Problem::BuildFailed { component: name.clone(), reason };
    let component = app.manifest.components.get(name);
    let source = &component.ok_or_else(|| failed("it is not in the manifest".to_owned()))?.source;
    let ready = match source {
        Source::Ready { wasm } => app.folders.app.join(wasm),
        _ => PathBuf::new(),
    };
    let path = made(&ready).map_err(failed)?;
    let (wasm, inspection) = inspect(app, name, &path)?;
    let folders = folders(app, source);
    let known = known_inputs(record, name);
    let mut after = inputs::look(&folders, &Inputs::default());
    let mut before = before.clone();
    before.retain(|path, _| inputs::is_in(path, &folders) || known.files.contains_key(path));
    if let (Some(Elsewhere { root, began }), Some(folder)) = (elsewhere, folders.first()) {
        inputs::add_of_cargo(folder, root, &path, began, &mut before, &mut after);
    }
    let inputs = inputs::settle(&before, after, &known);
    Ok(ComponentRecord { recipe: recipe(name, source), inputs, wasm, inspection })
}

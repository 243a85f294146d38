//! `selvedge check`: says what is wrong with an app, and what its components are, without running
//! or building anything.

mod report;

use crate::app::App;
use crate::built::{Artefact, Record};
use crate::cli::CheckArgs;
use crate::commands::build::{self, language, progress::Progress, sources};
use crate::grants;
use crate::inspect::Inspection;
use crate::problem::Problem;
use crate::wiring::{Inspections, Wiring, wire};
use report::Report;
use selvedge_contract::manifest::{Composition, Source};
use selvedge_contract::names::Name;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Checks, prints what was found, and says yes or no by the exit code.
///
/// # Errors
/// Where the app cannot be opened for another reason than what is in its manifest.
pub(super) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let app = match App::open(&args.app.app) {
        Ok(app) => app,
        Err(error) if args.json => {
            println!("{}", build::report_of_app_error(&error)?);
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return build::tell_app_error(error),
    };
    let findings = Findings::of(&app);
    let report = Report::new(&app, &findings);
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        write!(out, "{report}")?;
        out.flush()?;
        for problem in &findings.problems {
            Progress::on_stderr().problem(problem);
        }
    }
    let ok = !findings.problems.iter().any(Problem::is_error);
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is known of an app.
struct Findings {
    /// The components that are there.
    found: BTreeMap<Name, Found>,
    /// What they import and export.
    inspections: Inspections,
    /// How services and objects are put together, where that is known.
    wirings: BTreeMap<Composition, Wiring>,
    /// What is wrong.
    problems: Vec<Problem>,
}

/// A component that is there.
struct Found {
    artefact: Artefact,
    inspection: Inspection,
    /// Whether its sources are as they were when it was built.
    is_fresh: bool,
}

impl Findings {
    fn of(app: &App) -> Self {
        let record = Record::read(&app.folders);
        let mut problems = Vec::new();
        let mut found = BTreeMap::new();
        for name in app.manifest.components.keys() {
            match find(app, &record, name) {
                Ok(component) => {
                    found.insert(name.clone(), component);
                }
                Err(problem) => problems.push(problem),
            }
            let is_fresh = found.get(name).is_some_and(|found| found.is_fresh);
            problems.extend(of_language(app, name, is_fresh));
        }
        let inspections: Inspections = found
            .iter()
            .map(|(name, component)| (name.clone(), component.inspection.clone()))
            .collect();
        let mut wirings = BTreeMap::new();
        for composition in app.manifest.compositions() {
            if let Some(wiring) = wire(&app.manifest, &composition, &inspections, &mut problems) {
                wirings.insert(composition, wiring);
            }
        }
        problems.extend(grants::compare(&app.manifest, &inspections, &wirings));
        problems.sort_by_key(Problem::severity);
        Self { found, inspections, wirings, problems }
    }
}

/// What is said of a component in another language than Rust: why it cannot be built here, where that
/// has to be done, and what its author should know of.
fn of_language(app: &App, name: &Name, is_fresh: bool) -> Vec<Problem> {
    let Some(component) = app.manifest.components.get(name) else { return Vec::new() };
    let is_there = app.folders.source(&component.source).is_some_and(|folder| folder.is_dir());
    if !is_there || !matches!(component.source, Source::Language { .. }) {
        return Vec::new();
    }
    let component_name = || name.clone();
    match language::check(app, name, &component.source) {
        Ok(notes) => notes
            .into_iter()
            .map(|note| Problem::OfLanguage { component: component_name(), note })
            .collect(),
        Err(_) if is_fresh => Vec::new(),
        Err(reason) => vec![Problem::BuildFailed { component: component_name(), reason }],
    }
}

/// Finds a component where the manifest or the last build says that it is.
fn find(app: &App, record: &Record, name: &Name) -> Result<Found, Problem> {
    let not_built = || Problem::NotBuilt { component: name.clone() };
    let component = app.manifest.components.get(name).ok_or_else(not_built)?;
    sources::check_source(app, name, &component.source)?;
    let known = record.components.get(name);
    if let Some(known) = known.filter(|known| known.wasm.is_unchanged()) {
        let is_fresh = sources::is_fresh(app, name, known);
        let (artefact, inspection) = (known.wasm.clone(), known.inspection.clone());
        return Ok(Found { artefact, inspection, is_fresh });
    }
    let path: Option<PathBuf> = match &component.source {
        Source::Ready { wasm } => Some(app.folders.app.join(wasm)),
        // Who runs the command by hand has built it, too.
        Source::Command { wasm, .. } => {
            Some(app.folders.app.join(wasm)).filter(|path| path.exists())
        }
        Source::Cargo { .. } | Source::Language { .. } => {
            known.map(|known| known.wasm.path.clone()).filter(|path| path.exists())
        }
    };
    let path = path.ok_or_else(not_built)?;
    let is_fresh = matches!(component.source, Source::Ready { .. });
    let (artefact, inspection) = sources::inspect(app, name, &path)?;
    Ok(Found { artefact, inspection, is_fresh })
}

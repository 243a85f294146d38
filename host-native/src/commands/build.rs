//! `selvedge build`: builds the components that changed, composes the services and compiles them
//! ahead of time.

mod cargo;
mod compositions;
mod declared;
pub(super) mod inputs;
pub(super) mod language;
mod lock;
pub(super) mod parallel;
pub(crate) mod progress;
mod report;
pub(super) mod sources;
mod toolchain;
mod world;

use crate::app::{App, AppError};
use crate::built::Record;
use crate::cli::BuildArgs;
use crate::problem::Problem;
use progress::Progress;
use report::{ComponentReport, CompositionReport, Report};
pub(super) use report::{
    ProblemReport, of_app_error as report_of_app_error, of_error as report_of_error,
};
use std::process::ExitCode;
use std::time::Instant;

/// Builds, and says on standard error what is done; with `--json`, prints the result.
///
/// # Errors
/// Where the app cannot be opened, or this machine refuses something.
pub(super) fn run(args: &BuildArgs) -> anyhow::Result<ExitCode> {
    let app = match App::open(&args.app.app) {
        Ok(app) => app,
        Err(error) if args.json => {
            println!("{}", report_of_app_error(&error)?);
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return tell_app_error(error),
    };
    let progress = if args.quiet { Progress::of_problems() } else { Progress::on_stderr() };
    let outcome = build(&app, &progress)?;
    if args.json {
        println!("{}", outcome.to_json()?);
    }
    Ok(if outcome.is_built() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what is wrong with an app that cannot be opened; a manifest's errors begin with their
/// place, as editors expect it.
///
/// # Errors
/// Whatever is not about the manifest's text.
pub(super) fn tell_app_error(error: AppError) -> anyhow::Result<ExitCode> {
    match error {
        AppError::Invalid { .. } => {
            eprintln!("{error}");
            Ok(ExitCode::FAILURE)
        }
        error => Err(error.into()),
    }
}

/// What a build came to.
pub(crate) struct Outcome {
    /// What was done.
    report: Report,
}

impl Outcome {
    /// Whether every service is built.
    pub(crate) fn is_built(&self) -> bool {
        self.report.ok
    }

    /// What was done and what is wrong, for scripts.
    ///
    /// # Errors
    /// Never, as far as is known.
    pub(crate) fn to_json(&self) -> serde_json::Result<String> {
        self.report.to_json()
    }
}

/// Builds an app; problems are told on `progress` and are in the outcome.
///
/// # Errors
/// Where this machine refuses something: a folder that cannot be written, a compiler that cannot
/// be started.
pub(crate) fn build(app: &App, progress: &Progress) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let _lock = lock::take(&app.folders, progress)?;
    let mut record = Record::read(&app.folders);
    if record.selvedge != env!("CARGO_PKG_VERSION") {
        record = Record::default();
        env!("CARGO_PKG_VERSION").clone_into(&mut record.selvedge);
    }
    let before = record.clone();
    let mut components = sources::build(app, &mut record, progress);
    if record != before {
        // What was built stays built, whatever happens next.
        record.write(&app.folders)?;
    }
    let compositions = compositions::build(app, &mut components, &mut record, progress)?;
    let sources::Components { reports: components, problems, .. } = components;
    let warnings = problems.iter().filter(|problem| !problem.is_error());
    record.warnings = warnings.map(Problem::to_string).collect();
    record.write(&app.folders)?;
    for problem in &problems {
        // Who builds at each change has read it the last time.
        let is_known = !problem.is_error() && before.warnings.contains(&problem.to_string());
        if !(progress.is_quiet() && is_known) {
            progress.problem(problem);
        }
    }
    let ok = !problems.iter().any(Problem::is_error);
    if ok {
        compositions::drop_stale(app, &record);
    }
    let report = Report::new(app, ok, started.elapsed(), components, compositions, &problems);
    finish(progress, &report, &problems);
    Ok(Outcome { report })
}

fn finish(progress: &Progress, report: &Report, problems: &[Problem]) {
    if !report.ok {
        let errors = problems.iter().filter(|problem| problem.is_error()).count();
        progress.failed(&format!("{} not built: {}", report.app, count(errors, "error")));
        return;
    }
    let built = report.components.iter().filter(|component| component.was_built()).count();
    let composed = report.compositions().filter(|made| made.was_built()).count();
    let changes = match (built, composed) {
        (0, 0) => "nothing has changed".to_owned(),
        _ => {
            format!("{} built, {composed} composed", count(built, "component"))
        }
    };
    let mut services = count(report.services.len(), "service");
    if !report.objects.is_empty() {
        let classes = report.objects.len();
        let noun = if classes == 1 { "class" } else { "classes" };
        services.push_str(&format!(" and {classes} {noun} of objects"));
    }
    progress.finished(&format!("{services} of {}: {changes}", report.app), report.took());
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

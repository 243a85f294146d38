//! What a build came to, for scripts.

use crate::app::{App, AppError, MANIFEST_FILE};
use crate::built::{ComponentRecord, CompositionRecord};
use crate::inspect::World;
use crate::problem::{Problem, Severity};
use selvedge_contract::manifest::{Composition, ManifestError, Source};
use selvedge_contract::names::Name;
use serde::Serialize;
use std::time::Duration;

/// The whole.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) app: Name,
    /// Whether every service is built.
    pub(super) ok: bool,
    milliseconds: u64,
    pub(super) components: Vec<ComponentReport>,
    pub(super) services: Vec<CompositionReport>,
    pub(super) objects: Vec<CompositionReport>,
    problems: Vec<ProblemReport>,
}

/// A component that is there.
#[derive(Debug, Serialize)]
pub(super) struct ComponentReport {
    pub(super) name: Name,
    status: Status,
    world: World,
    wasm: String,
    bytes: u64,
    sha256: String,
    milliseconds: u64,
}

/// A service, or a class of objects, that is there.
#[derive(Debug, Serialize)]
pub(super) struct CompositionReport {
    #[serde(skip)]
    pub(super) is_object: bool,
    pub(super) name: Name,
    status: Status,
    world: World,
    /// How it is put together.
    wiring: String,
    wasm: String,
    bytes: u64,
    sha256: String,
    compiled: String,
    imports: Vec<String>,
    milliseconds: u64,
}

/// Something that is wrong.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct ProblemReport {
    severity: Severity,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    /// It was made, and is another than before.
    Built,
    /// It is as it was.
    Fresh,
    /// Nothing has to be done for it.
    Ready,
}

impl Report {
    pub(super) fn new(
        app: &App,
        ok: bool,
        took: Duration,
        components: Vec<ComponentReport>,
        compositions: Vec<CompositionReport>,
        problems: &[Problem],
    ) -> Self {
        let (objects, services) = compositions.into_iter().partition(|it| it.is_object);
        let problems = problems.iter().map(ProblemReport::of).collect();
        let app = app.manifest.name.clone();
        Self { app, ok, milliseconds: milliseconds(took), components, services, objects, problems }
    }

    /// The services and the classes of objects.
    pub(super) fn compositions(&self) -> impl Iterator<Item = &CompositionReport> {
        self.services.iter().chain(&self.objects)
    }

    pub(super) fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// How long all of it took.
    pub(super) fn took(&self) -> Duration {
        Duration::from_millis(self.milliseconds)
    }
}

impl ComponentReport {
    /// A component whose sources have not changed.
    pub(super) fn fresh(app: &App, name: &Name, known: &ComponentRecord) -> Self {
        Self::built(app, name, known, Duration::ZERO, false)
    }

    /// A component that was made, and whether that changed it.
    pub(super) fn built(
        app: &App,
        name: &Name,
        built: &ComponentRecord,
        took: Duration,
        changed: bool,
    ) -> Self {
        let source = app.manifest.components.get(name).map(|component| &component.source);
        let status = match source {
            Some(Source::Ready { .. }) => Status::Ready,
            _ if changed => Status::Built,
            _ => Status::Fresh,
        };
        Self {
            name: name.clone(),
            status,
            world: built.inspection.world(),
            wasm: app.folders.show(&built.wasm.path).to_string(),
            bytes: built.wasm.stamp.bytes,
            sha256: built.wasm.sha256.clone(),
            milliseconds: milliseconds(took),
        }
    }

    pub(super) fn was_built(&self) -> bool {
        self.status == Status::Built
    }
}

impl CompositionReport {
    /// What it is, and how long it took where it was made.
    pub(super) fn of(
        app: &App,
        composition: &Composition,
        made: &CompositionRecord,
        took: Option<Duration>,
    ) -> Self {
        Self {
            is_object: matches!(composition, Composition::Object(_)),
            name: composition.name().clone(),
            status: if took.is_some() { Status::Built } else { Status::Fresh },
            world: made.world,
            wiring: made.wiring.clone(),
            wasm: app.folders.show(&made.wasm.path).to_string(),
            bytes: made.wasm.stamp.bytes,
            sha256: made.wasm.sha256.clone(),
            compiled: made.compiled.clone(),
            imports: made.imports.clone(),
            milliseconds: milliseconds(took.unwrap_or_default()),
        }
    }

    pub(super) fn was_built(&self) -> bool {
        self.status == Status::Built
    }
}

impl ProblemReport {
    /// A problem, as scripts read it.
    pub(in crate::commands) fn of(problem: &Problem) -> Self {
        let (severity, message) = (problem.severity(), problem.to_string());
        Self { severity, message, file: None, line: None, column: None }
    }

    /// What is wrong with an app that cannot be opened.
    pub(in crate::commands) fn of_app_error(error: &AppError) -> Vec<Self> {
        let severity = Severity::Error;
        let AppError::Invalid { errors } = error else {
            let message = error.to_string();
            return vec![Self { severity, message, file: None, line: None, column: None }];
        };
        let of = |error: &ManifestError| Self {
            severity,
            message: error.to_string(),
            file: Some(MANIFEST_FILE),
            line: Some(error.line),
            column: Some(error.column),
        };
        errors.iter().map(of).collect()
    }
}

/// The report on an app that cannot be opened.
pub(in crate::commands) fn of_app_error(error: &AppError) -> serde_json::Result<String> {
    of_problems(ProblemReport::of_app_error(error))
}

/// The report on what failed for one reason.
pub(in crate::commands) fn of_error(error: &anyhow::Error) -> serde_json::Result<String> {
    let (severity, message) = (Severity::Error, format!("{error:#}"));
    of_problems(vec![ProblemReport { severity, message, file: None, line: None, column: None }])
}

fn of_problems(problems: Vec<ProblemReport>) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Failed {
        ok: bool,
        problems: Vec<ProblemReport>,
    }
    serde_json::to_string_pretty(&Failed { ok: false, problems })
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

//! From components to services: composed, validated, compiled ahead of time, and written.

use super::progress::Progress;
use super::sources::Components;
use super::{ServiceReport, parallel, world};
use crate::app::App;
use crate::built::{Artefact, Record, ServiceRecord};
use crate::capability::{self, table};
use crate::clock;
use crate::compose::compose;
use crate::grants;
use crate::guest::engine;
use crate::guest::load::{Cache, PART_SUFFIX, content_hash, open_compiled, prepare, write_whole};
use crate::guest::state::State;
use crate::inspect::Inspection;
use crate::problem::{Problem, Severity};
use crate::wiring::{Inspections, Wiring, wire};
use selvedge_contract::names::Name;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wasmtime::Engine;
use wasmtime::component::Linker;

/// A part file that nobody has touched for this long was left behind by a build that was killed.
const PART_AGE_MAX: Duration = Duration::from_secs(3600);

/// Composes and compiles every service whose parts changed, and keeps what was made in `record`. A
/// service that has problems stays as it was; they are added to those of the components.
///
/// # Errors
/// Where there is no compiler for this machine.
pub(super) fn build(
    app: &App,
    components: &mut Components,
    record: &mut Record,
    progress: &Progress,
) -> anyhow::Result<Vec<ServiceReport>> {
    let Components { there, problems, .. } = components;
    let engine = engine::open_compiler()?;
    let bench = Bench { app, record, progress, cache: Cache::new(app.folders.cache()), engine };
    let known = there.iter();
    let inspections: Inspections =
        known.map(|(name, known)| (name.clone(), known.inspection.clone())).collect();
    let mut reports = Vec::new();
    let mut stale = Vec::new();
    let mut wirings = BTreeMap::new();
    for (name, service) in &app.manifest.services {
        let Some(wiring) = wire(&app.manifest, (name, service), &inspections, problems) else {
            continue;
        };
        wirings.insert(name.clone(), wiring.clone());
        let plan = Plan { name: name.clone(), recipe: bench.recipe(&wiring), wiring };
        match bench.fresh(&plan) {
            Some(known) => reports.push(ServiceReport::of(app, name, known, None)),
            None => stale.push(plan),
        }
    }
    // Notes are for those who ask by `selvedge check`.
    let compared = grants::compare(&app.manifest, &inspections, &wirings).into_iter();
    problems.extend(compared.filter(|problem| problem.severity() <= Severity::Warning));
    let composed = parallel::each(&stale, |plan| bench.compose(plan));
    let mut compiled = BTreeMap::new();
    let made = if stale.is_empty() {
        Vec::new()
    } else {
        let contents = contents(&composed, problems);
        let linker = capability::link(&bench.engine)?;
        parallel::each(&contents, |content| bench.compile(content, &linker))
    };
    for outcome in made {
        match outcome {
            Ok((names, finished)) => {
                compiled.extend(names.into_iter().map(|name| (name, finished.clone())));
            }
            Err(problem) => problems.push(problem),
        }
    }
    let mut services = Vec::new();
    for plan in stale {
        let Some(finished) = compiled.get(&plan.name) else { continue };
        match bench.keep(&plan, finished) {
            Ok(service) => {
                let report = ServiceReport::of(app, &plan.name, &service, Some(finished.took));
                reports.push(report);
                services.push((plan.name, service));
            }
            Err(problem) => problems.push(problem),
        }
    }
    record.services.extend(services);
    record.services.retain(|name, _| app.manifest.services.contains_key(name));
    reports.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(reports)
}

/// Removes what no service uses any more. What cannot be removed does no harm.
pub(super) fn drop_stale(app: &App, record: &Record) {
    let used: BTreeSet<PathBuf> = record
        .services
        .iter()
        .flat_map(|(name, service)| {
            [app.folders.service(name.as_str()), app.folders.cache().join(&service.compiled)]
        })
        .collect();
    for folder in [app.folders.services(), app.folders.cache(), app.folders.state()] {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let ours = path.extension().is_some_and(|is| is == "wasm" || is == "cwasm");
            if (ours && !used.contains(&path)) || is_left_behind(&path) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

fn is_left_behind(path: &Path) -> bool {
    let is_part = path.to_string_lossy().ends_with(PART_SUFFIX);
    let changed = crate::built::Stamp::of(path).map(|stamp| stamp.modified_ns);
    let changed = Duration::from_nanos(changed.unwrap_or(u64::MAX));
    is_part && clock::now().saturating_sub(changed) > PART_AGE_MAX
}

/// Where services are put together.
struct Bench<'a> {
    app: &'a App,
    record: &'a Record,
    progress: &'a Progress,
    cache: Cache,
    engine: Engine,
}

/// What is to be made.
struct Plan {
    name: Name,
    wiring: Wiring,
    recipe: String,
}

/// A component, and the services that it is the composition of.
struct Content<'c> {
    names: Vec<Name>,
    wasm: &'c [u8],
    took: Duration,
}

#[derive(Clone)]
struct Finished<'c> {
    wasm: &'c [u8],
    inspection: Inspection,
    compiled: PathBuf,
    took: Duration,
}

type Composed = (Name, Duration, Result<Vec<u8>, Problem>);

/// Composed components that are the same are compiled once.
fn contents<'c>(composed: &'c [Composed], problems: &mut Vec<Problem>) -> Vec<Content<'c>> {
    let mut contents: BTreeMap<&[u8], Content<'c>> = BTreeMap::new();
    for (name, took, outcome) in composed {
        match outcome {
            Ok(wasm) => {
                let new = || Content { names: Vec::new(), wasm, took: *took };
                contents.entry(wasm).or_insert_with(new).names.push(name.clone());
            }
            Err(problem) => problems.push(problem.clone()),
        }
    }
    contents.into_values().collect()
}

impl Bench<'_> {
    /// A hash of everything that a composition depends on.
    fn recipe(&self, wiring: &Wiring) -> String {
        let mut text = format!("{}\n{:?}\n", env!("CARGO_PKG_VERSION"), wiring);
        for part in &wiring.parts {
            if let Some(known) = self.record.components.get(part) {
                text.push_str(&format!("{part} {}\n", known.wasm.sha256));
            }
        }
        content_hash(text.as_bytes())
    }

    /// What was built before, where it is still right.
    fn fresh(&self, plan: &Plan) -> Option<&ServiceRecord> {
        let known = self.record.services.get(&plan.name)?;
        let compiled = self.cache.path(&self.engine, &known.wasm.sha256);
        let is_fresh = known.recipe == plan.recipe
            && known.wiring == self.app.wiring_line(&plan.name)
            && known.wasm.is_unchanged()
            && compiled.is_file();
        is_fresh.then_some(known)
    }

    fn compose(&self, plan: &Plan) -> Composed {
        let started = Instant::now();
        let outcome = self.read_parts(plan).and_then(|parts| {
            let several = parts.len() > 1;
            let wasm = compose(&plan.name, &plan.wiring, parts)?;
            if several {
                let what = format!("{} ({})", plan.name, self.app.wiring_line(&plan.name));
                self.progress.done("Composed", &what, started.elapsed());
            }
            Ok(wasm)
        });
        (plan.name.clone(), started.elapsed(), outcome)
    }

    fn read_parts(&self, plan: &Plan) -> Result<BTreeMap<Name, Vec<u8>>, Problem> {
        let mut parts = BTreeMap::new();
        for part in &plan.wiring.parts {
            let Some(known) = self.record.components.get(part) else { continue };
            let bytes = fs::read(&known.wasm.path).map_err(|error| Problem::Unreadable {
                component: part.clone(),
                path: self.app.folders.show(&known.wasm.path).to_string(),
                reason: error.to_string(),
            })?;
            parts.insert(part.clone(), bytes);
        }
        Ok(parts)
    }

    /// Validates a composition, compiles it, and links it as serving will: every import there, and
    /// of the right type.
    fn compile<'c>(
        &self,
        content: &Content<'c>,
        linker: &Linker<State>,
    ) -> Result<(Vec<Name>, Finished<'c>), Problem> {
        let started = Instant::now();
        let service = content.names.first().cloned();
        let service = service.ok_or_else(|| system("compile", &"nothing to compile"))?;
        let list: Vec<&str> = content.names.iter().map(Name::as_str).collect();
        let (list, wasm) = (list.join(", "), content.wasm);
        let not_composed = |reason| Problem::NotComposed { service: service.clone(), reason };
        let inspection =
            Inspection::of(wasm).map_err(|error| not_composed(format!("the result {error}")))?;
        let compiled = self.cache.path(&self.engine, &content_hash(wasm));
        if !compiled.is_file() {
            self.progress.begin("Compiling", &format!("{list} (ahead of time)"));
            self.cache
                .compile(&self.engine, wasm)
                .map_err(|error| not_composed(format!("{error:#}")))?;
            self.progress.done("Compiled", &list, started.elapsed());
        }
        let not_linked = |error: wasmtime::Error| Problem::NotLinked {
            service: service.clone(),
            reason: one_line(&error),
        };
        let component = open_compiled(&self.engine, &compiled).map_err(not_linked)?;
        prepare(linker, &component).map_err(not_linked)?;
        world::check(&self.engine, linker, &component).map_err(not_linked)?;
        let took = content.took.saturating_add(started.elapsed());
        Ok((content.names.clone(), Finished { wasm, inspection, compiled, took }))
    }

    /// Writes a composed component.
    fn keep(&self, plan: &Plan, finished: &Finished<'_>) -> Result<ServiceRecord, Problem> {
        let path = self.app.folders.service(plan.name.as_str());
        write_whole(&path, finished.wasm).map_err(|error| {
            system(&format!("cannot write {}", self.app.folders.show(&path)), &error)
        })?;
        let imports = &finished.inspection.imports;
        let compiled = finished.compiled.file_name().unwrap_or_default();
        Ok(ServiceRecord {
            wiring: self.app.wiring_line(&plan.name),
            recipe: plan.recipe.clone(),
            wasm: Artefact::of(&path, finished.wasm),
            compiled: compiled.to_string_lossy().into_owned(),
            world: finished.inspection.world(),
            imports: imports.clone(),
            needs: imports.iter().filter_map(|name| table::find(name)?.needs).collect(),
        })
    }
}

fn system(action: &str, error: &dyn std::fmt::Display) -> Problem {
    Problem::System { action: action.to_owned(), reason: error.to_string() }
}

/// An error with its causes, in one line.
fn one_line(error: &wasmtime::Error) -> String {
    format!("{error:#}").replace('\n', " ")
}

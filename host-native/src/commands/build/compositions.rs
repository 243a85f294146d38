//! From components to services and objects: composed, validated, compiled ahead of time, and written.

use super::progress::Progress;
use super::sources::Components;
use super::{CompositionReport, parallel, world};
use crate::app::App;
use crate::built::{Artefact, CompositionRecord, Record};
use crate::capability::durable::stub;
use crate::capability::{self, table};
use crate::clock;
use crate::compose::compose;
use crate::grants;
use crate::guest::engine;
use crate::guest::functions::Functions;
use crate::guest::load::{Cache, PART_SUFFIX, content_hash, open_compiled, write_whole};
use crate::inspect::Inspection;
use crate::problem::{Problem, Severity};
use crate::wiring::{Inspections, Wiring, classes, wire};
use selvedge_contract::manifest::Composition;
use selvedge_contract::names::Name;
use selvedge_wasi::State;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
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
) -> anyhow::Result<Vec<CompositionReport>> {
    let Components { there, problems, .. } = components;
    // What is wrong with that file costs time, and nothing else.
    let functions = Arc::new(Functions::new(app.folders.functions()));
    let engine = engine::open_compiler(Some(Arc::clone(&functions) as _))?;
    let known = there.iter();
    let inspections: Inspections =
        known.map(|(name, known)| (name.clone(), known.inspection.clone())).collect();
    let cache = Cache::new(app.folders.cache());
    let bench = Bench { app, record, progress, cache, engine, inspections };
    let mut reports = Vec::new();
    let mut stale = Vec::new();
    let mut wirings = BTreeMap::new();
    for composition in app.manifest.compositions() {
        let Some(wiring) = wire(&app.manifest, &composition, &bench.inspections, problems) else {
            continue;
        };
        wirings.insert(composition.clone(), wiring.clone());
        let plan = Plan { recipe: bench.recipe(&wiring), composition, wiring };
        match bench.fresh(&plan) {
            Some(known) => reports.push(CompositionReport::of(app, &plan.composition, known, None)),
            None => stale.push(plan),
        }
    }
    // Notes are for those who ask by `selvedge check`.
    let compared = grants::compare(&app.manifest, &bench.inspections, &wirings).into_iter();
    problems.extend(compared.filter(|problem| problem.severity() <= Severity::Warning));
    let composed = parallel::each(&stale, |plan| bench.compose(plan));
    let mut compiled = BTreeMap::new();
    let made = if stale.is_empty() {
        Vec::new()
    } else {
        let contents = contents(&composed, problems);
        let linker = capability::link(&bench.engine)?;
        // How objects are called is judged below, where all of them are there.
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
    let _ = functions.keep();
    let mut kept = Vec::new();
    for plan in stale {
        let Some(finished) = compiled.get(&plan.composition) else { continue };
        match bench.keep(&plan, finished) {
            Ok(made) => {
                let took = Some(finished.took);
                reports.push(CompositionReport::of(app, &plan.composition, &made, took));
                kept.push((plan.composition, made));
            }
            Err(problem) => problems.push(problem),
        }
    }
    for (composition, made) in kept {
        record.keep(composition, made);
    }
    record.services.retain(|name, _| app.manifest.services.contains_key(name));
    record.objects.retain(|name, _| app.manifest.objects.contains_key(name));
    reports.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(reports)
}

/// Removes what no service uses any more. What cannot be removed does no harm.
pub(super) fn drop_stale(app: &App, record: &Record) {
    let known = app.manifest.compositions().filter_map(|it| Some((record.composition(&it)?, it)));
    let used: BTreeSet<PathBuf> = known
        .flat_map(|(known, it)| {
            [app.folders.composed(&it), app.folders.cache().join(&known.compiled)]
        })
        .collect();
    for folder in
        [app.folders.services(), app.folders.objects(), app.folders.cache(), app.folders.state()]
    {
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
    inspections: Inspections,
}

/// What is to be made.
struct Plan {
    composition: Composition,
    wiring: Wiring,
    recipe: String,
}

/// A component, and what it is the composition of.
struct Content<'c> {
    compositions: Vec<Composition>,
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

type Composed = (Composition, Duration, Result<Vec<u8>, Problem>);

/// Composed components that are the same are compiled once.
fn contents<'c>(composed: &'c [Composed], problems: &mut Vec<Problem>) -> Vec<Content<'c>> {
    let mut contents: BTreeMap<&[u8], Content<'c>> = BTreeMap::new();
    for (name, took, outcome) in composed {
        match outcome {
            Ok(wasm) => {
                let new = || Content { compositions: Vec::new(), wasm, took: *took };
                contents.entry(wasm).or_insert_with(new).compositions.push(name.clone());
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
    fn fresh(&self, plan: &Plan) -> Option<&CompositionRecord> {
        let known = self.record.composition(&plan.composition)?;
        let compiled = self.cache.path(&self.engine, &known.wasm.sha256);
        let is_fresh = known.recipe == plan.recipe
            && known.wiring == self.app.wiring_line(&plan.composition)
            // A copy of the app's folder has a record that names the original's files.
            && known.wasm.path == self.app.folders.composed(&plan.composition)
            && known.wasm.is_unchanged()
            && compiled.is_file();
        is_fresh.then_some(known)
    }

    fn compose(&self, plan: &Plan) -> Composed {
        let started = Instant::now();
        let outcome = self.read_parts(plan).and_then(|parts| {
            let several = parts.len() > 1;
            let wasm = compose(&plan.composition, &plan.wiring, parts)?;
            if several {
                let what = format!(
                    "{} ({})",
                    plan.composition.name(),
                    self.app.wiring_line(&plan.composition)
                );
                self.progress.done("Composed", &what, started.elapsed());
            }
            Ok(wasm)
        });
        (plan.composition.clone(), started.elapsed(), outcome)
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
    ) -> Result<(Vec<Composition>, Finished<'c>), Problem> {
        let started = Instant::now();
        let composition = content.compositions.first().cloned();
        let composition = composition.ok_or_else(|| system("compile", &"nothing to compile"))?;
        let list: Vec<&str> = content.compositions.iter().map(|it| it.name().as_str()).collect();
        let (list, wasm) = (list.join(", "), content.wasm);
        let not_composed =
            |reason| Problem::NotComposed { composition: composition.clone(), reason };
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
            composition: composition.clone(),
            reason: one_line(&error),
        };
        let component = open_compiled(&self.engine, &compiled).map_err(not_linked)?;
        let mut linker = linker.clone();
        for import in self.imported_of_objects(&inspection) {
            stub::stand_in(&mut linker, &self.engine, &component, import).map_err(not_linked)?;
        }
        let is_service = |it: &Composition| matches!(it, Composition::Service(_));
        if content.compositions.iter().any(is_service) {
            selvedge_wasi::prepare(&linker, &component).map_err(not_linked)?;
            world::check(&self.engine, &linker, &component).map_err(not_linked)?;
        } else {
            linker.instantiate_pre(&component).map_err(not_linked)?;
        }
        let took = content.took.saturating_add(started.elapsed());
        Ok((content.compositions.clone(), Finished { wasm, inspection, compiled, took }))
    }

    /// The imports that objects of the app have.
    fn imported_of_objects<'i>(&self, inspection: &'i Inspection) -> impl Iterator<Item = &'i str> {
        let imports = inspection.imports.iter().map(String::as_str);
        imports.filter(|import| {
            classes(&self.app.manifest, &self.inspections, import).next().is_some()
        })
    }

    /// Writes a composed component.
    fn keep(&self, plan: &Plan, finished: &Finished<'_>) -> Result<CompositionRecord, Problem> {
        let path = self.app.folders.composed(&plan.composition);
        write_whole(&path, finished.wasm).map_err(|error| {
            system(&format!("cannot write {}", self.app.folders.show(&path)), &error)
        })?;
        let imports = &finished.inspection.imports;
        let compiled = finished.compiled.file_name().unwrap_or_default();
        Ok(CompositionRecord {
            wiring: self.app.wiring_line(&plan.composition),
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

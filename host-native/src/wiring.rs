//! Which export goes into which import, in the composition of a service: found from the names alone,
//! before anything is composed. For building and checking; no request passes here.

use crate::capability::table;
use crate::inspect::{HANDLER, Inspection, World};
use crate::problem::Problem;
use selvedge_contract::manifest::{Composition, Manifest};
use selvedge_contract::names::Name;
use std::collections::BTreeMap;

/// How the parts of one service are put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wiring {
    /// The part whose handler the host calls.
    pub(crate) outermost: Name,
    /// All parts, each once.
    pub(crate) parts: Vec<Name>,
    /// What goes where.
    pub(crate) plugs: Vec<Plug>,
}

/// An export that satisfies an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plug {
    /// The part that imports.
    pub(crate) into: Name,
    /// Its import.
    pub(crate) import: String,
    /// The part that exports.
    pub(crate) from: Name,
    /// Its export; of a compatible version.
    pub(crate) export: String,
}

/// What is known of the app's components; those that could not be read are not there.
pub(crate) type Inspections = BTreeMap<Name, Inspection>;

/// Finds out how a service or an object is put together. `None` where a part is not known, or something is
/// wrong, which then stands in `problems`.
pub(crate) fn wire(
    manifest: &Manifest,
    composition: &Composition,
    inspections: &Inspections,
    problems: &mut Vec<Problem>,
) -> Option<Wiring> {
    let (component, middleware) = manifest.composed(composition)?;
    let parts = manifest.parts_of(component, middleware).into_iter().cloned().collect::<Vec<_>>();
    let outermost = middleware.first().unwrap_or(component).clone();
    if !parts.iter().all(|part| inspections.contains_key(part)) {
        return None;
    }
    let mut wirer = Wirer { inspections, problems: Vec::new(), plugs: Vec::new() };
    match composition {
        Composition::Service(name) => wirer.chain(name, component, middleware),
        Composition::Object(class) => wirer.check_object(class, component),
    }
    for part in &parts {
        let dependencies = manifest.components.get(part).map(|part| part.dependencies.as_slice());
        wirer.plug_dependencies(part, dependencies.unwrap_or_default());
    }
    for part in &parts {
        wirer.find_missing(manifest, part, composition);
    }
    let Wirer { plugs, problems: found, .. } = wirer;
    let whole = found.is_empty();
    for problem in found {
        // A component that is in several services has its problems once.
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    whole.then_some(Wiring { outermost, parts, plugs })
}

struct Wirer<'i> {
    inspections: &'i Inspections,
    problems: Vec<Problem>,
    plugs: Vec<Plug>,
}

impl<'i> Wirer<'i> {
    /// Plugs each handler of the chain into the one before it.
    fn chain(&mut self, service: &Name, component: &Name, middleware: &[Name]) {
        let inner = middleware.iter().skip(1).chain([component]);
        for (outer, inner) in middleware.iter().zip(inner) {
            self.chain_two(service, outer, inner);
        }
        self.check_answers(service, component);
    }

    /// Notes why a component cannot be an object.
    fn check_object(&mut self, class: &Name, component: &Name) {
        let Some(Err(reasons)) = self.of(component).map(|inspection| &inspection.object) else {
            return;
        };
        for reason in reasons {
            let (component, class) = (component.clone(), class.clone());
            self.problems.push(Problem::NotAnObject { component, class, reason: reason.clone() });
        }
    }

    fn chain_two(&mut self, service: &Name, outer: &Name, inner: &Name) {
        let (Some(outside), Some(inside)) = (self.of(outer), self.of(inner)) else { return };
        let not_middleware = |lacks| Problem::NotMiddleware {
            component: outer.clone(),
            service: service.clone(),
            lacks,
        };
        if outside.export(HANDLER).is_none() {
            self.problems.push(not_middleware("export"));
            return;
        }
        let Some(import) = outside.import(HANDLER) else {
            self.problems.push(not_middleware("import"));
            return;
        };
        match (inside.export(HANDLER), inside.world()) {
            (Some(export), _) => self.plugs.push(Plug {
                into: outer.clone(),
                import: import.to_owned(),
                from: inner.clone(),
                export: export.to_owned(),
            }),
            (None, World::Service02) => self.problems.push(Problem::MiddlewareBefore02 {
                middleware: outer.clone(),
                service: service.clone(),
                component: inner.clone(),
                export: inside
                    .export(crate::inspect::INCOMING_HANDLER)
                    .unwrap_or_default()
                    .to_owned(),
            }),
            // That the inner one answers no requests is told where its own turn comes.
            (None, _) => {}
        }
    }

    fn check_answers(&mut self, service: &Name, component: &Name) {
        let Some(inspection) = self.of(component) else { return };
        let what = match inspection.world() {
            World::Service03 | World::Service02 | World::Middleware => return,
            _ if inspection.draft_handler().is_some() => {
                let export = inspection.draft_handler().unwrap_or_default().to_owned();
                self.problems.push(Problem::Draft { component: component.clone(), export });
                return;
            }
            World::Command => "is a command (it exports wasi:cli/run)".to_owned(),
            World::Nothing => "exports nothing".to_owned(),
            World::Library => format!("exports only {}", inspection.exports.join(", ")),
        };
        let (component, service) = (component.clone(), service.clone());
        self.problems.push(Problem::NoHandler { component, service, what });
    }

    /// Plugs what the dependencies of a part export into what it imports.
    fn plug_dependencies(&mut self, part: &Name, dependencies: &[Name]) {
        let Some(inspection) = self.of(part) else { return };
        for dependency in dependencies {
            let Some(offered) = self.of(dependency) else { continue };
            let mut useful = false;
            for import in &inspection.imports {
                let Some(export) = offered.export(import) else { continue };
                useful |= self.plug(part, import, dependency, export);
            }
            if !useful {
                self.problems.push(Problem::UselessDependency {
                    component: part.clone(),
                    dependency: dependency.clone(),
                    exports: list(&offered.exports),
                });
            }
        }
    }

    /// Plugs one import, and says whether somebody gains by it. What stands behind a middleware in
    /// a chain goes before a dependency's handler.
    fn plug(&mut self, into: &Name, import: &str, from: &Name, export: &str) -> bool {
        let taken = self.plugs.iter().find(|plug| plug.into == *into && plug.import == import);
        match taken {
            Some(plug) if crate::inspect::is_handler(import) => plug.from == *from,
            Some(plug) => {
                let problem = Problem::AmbiguousDependency {
                    component: into.clone(),
                    import: import.to_owned(),
                    first: plug.from.clone(),
                    second: from.clone(),
                };
                self.problems.push(problem);
                true
            }
            None => {
                self.plugs.push(Plug {
                    into: into.clone(),
                    import: import.to_owned(),
                    from: from.clone(),
                    export: export.to_owned(),
                });
                true
            }
        }
    }

    /// Finds what a part imports that neither a dependency nor a host offers.
    fn find_missing(&mut self, manifest: &Manifest, part: &Name, composition: &Composition) {
        let Some(inspection) = self.of(part) else { return };
        for import in &inspection.imports {
            let plugged =
                self.plugs.iter().any(|plug| plug.into == *part && plug.import == *import);
            if plugged || table::find(import).is_some() || self.is_of_object(manifest, import) {
                continue;
            }
            let is_inner =
                manifest.composed(composition).is_some_and(|(component, _)| component == part);
            let problem = if crate::inspect::is_handler(import) && is_inner {
                let service = composition.name().clone();
                Problem::NothingBehind { component: part.clone(), service }
            } else {
                let hint = self.hint(part, import);
                Problem::MissingImport { component: part.clone(), import: import.clone(), hint }
            };
            // Where a chain is broken, its open end was told already.
            let told = crate::inspect::is_handler(import) && !self.problems.is_empty();
            if !told {
                self.problems.push(problem);
            }
        }
    }

    /// Whether objects of some class of the app have this interface.
    fn is_of_object(&self, manifest: &Manifest, import: &str) -> bool {
        classes(manifest, self.inspections, import).next().is_some()
    }

    fn hint(&self, part: &Name, import: &str) -> String {
        let offering = |(name, inspection): &(&Name, &Inspection)| {
            *name != part && inspection.export(import).is_some()
        };
        if let Some((name, _)) = self.inspections.iter().find(offering) {
            return format!("add \"{name}\", which exports it, to dependencies");
        }
        match table::other_versions(import).as_slice() {
            [] => "add a component that exports it to dependencies".to_owned(),
            versions => format!("the native host offers {}", versions.join(" and ")),
        }
    }

    fn of(&self, name: &Name) -> Option<&'i Inspection> {
        self.inspections.get(name)
    }
}

/// The classes whose objects have an interface.
pub(crate) fn classes<'m>(
    manifest: &'m Manifest,
    inspections: &'m Inspections,
    import: &'m str,
) -> impl Iterator<Item = &'m Name> {
    let classes = manifest.objects.iter().filter(move |(_, object)| {
        let object = inspections.get(&object.component).map(|known| &known.object);
        matches!(object, Some(Ok(shape)) if shape.interface == import)
    });
    classes.map(|(class, _)| class)
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

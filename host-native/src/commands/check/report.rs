//! What `selvedge check` found, for people and for scripts.

use super::{Findings, Found};
use crate::app::App;
use crate::capability::table::{self, Need, Offer};
use crate::commands::build::ProblemReport;
use crate::inspect::World;
use crate::problem::Problem;
use crate::wiring::classes;
use selvedge_contract::manifest::{Component, Composition, Grants};
use selvedge_contract::names::Name;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// The whole.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    app: Name,
    /// Whether the app can be built and served.
    ok: bool,
    components: Vec<ComponentReport>,
    services: Vec<ServiceReport>,
    objects: Vec<ObjectReport>,
    problems: Vec<ProblemReport>,
}

#[derive(Debug, Serialize)]
struct ComponentReport {
    name: Name,
    /// What it can be used as; none where it is not built.
    world: Option<World>,
    wasm: Option<String>,
    /// Whether its sources are as they were when it was built.
    fresh: bool,
    exports: Vec<String>,
    imports: Vec<ImportReport>,
    /// What a manifest has to grant for its imports.
    asks: BTreeSet<Need>,
    granted: GrantReport,
}

#[derive(Debug, Serialize)]
struct ImportReport {
    name: String,
    /// The dependencies and middleware neighbours that satisfy it.
    components: BTreeSet<Name>,
    /// The classes of objects that have it.
    objects: BTreeSet<Name>,
    native: Option<Offer>,
    workers: Option<Offer>,
}

#[derive(Debug, Serialize)]
struct ServiceReport {
    name: Name,
    routes: Vec<String>,
    /// How it is put together.
    wiring: String,
    granted: GrantReport,
}

#[derive(Debug, Serialize)]
struct ObjectReport {
    class: Name,
    /// What others import to call its objects; none where it is not known.
    interface: Option<String>,
    serial: bool,
    /// How it is put together.
    wiring: String,
    granted: GrantReport,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct GrantReport {
    objects: Vec<String>,
    keyvalue: Vec<String>,
    allow_hosts: Vec<String>,
    vars: Vec<String>,
    secrets: Vec<String>,
}

impl Report {
    pub(super) fn new(app: &App, findings: &Findings) -> Self {
        let components = app.manifest.components.iter();
        let components = components
            .map(|(name, component)| ComponentReport::new(app, findings, name, component));
        let services = app.manifest.services.iter().map(|(name, service)| ServiceReport {
            name: name.clone(),
            routes: service.routes.iter().map(ToString::to_string).collect(),
            wiring: app.wiring_line(&Composition::Service(name.clone())),
            granted: GrantReport::of(app.manifest.grants(service)),
        });
        let objects = app.manifest.objects.iter().map(|(class, object)| ObjectReport {
            class: class.clone(),
            interface: findings
                .found
                .get(&object.component)
                .and_then(|found| Some(found.inspection.object.as_ref().ok()?.interface.clone())),
            serial: object.serial,
            wiring: app.wiring_line(&Composition::Object(class.clone())),
            granted: GrantReport::of(app.manifest.grants_of(&object.component, &[])),
        });
        Self {
            app: app.manifest.name.clone(),
            ok: !findings.problems.iter().any(Problem::is_error),
            components: components.collect(),
            services: services.collect(),
            objects: objects.collect(),
            problems: findings.problems.iter().map(ProblemReport::of).collect(),
        }
    }
}

impl ComponentReport {
    fn new(app: &App, findings: &Findings, name: &Name, component: &Component) -> Self {
        let granted = GrantReport::of_component(component);
        let name = name.clone();
        let Some(Found { artefact, inspection, is_fresh }) = findings.found.get(&name) else {
            return Self {
                name,
                world: None,
                wasm: None,
                fresh: false,
                exports: Vec::new(),
                imports: Vec::new(),
                asks: BTreeSet::new(),
                granted,
            };
        };
        let needs = inspection.imports.iter().filter_map(|import| table::find(import)?.needs);
        let imports = inspection.imports.iter();
        Self {
            world: Some(inspection.world()),
            wasm: Some(app.folders.show(&artefact.path).to_string()),
            fresh: *is_fresh,
            exports: inspection.exports.clone(),
            imports: imports
                .map(|import| ImportReport::new(app, findings, &name, import))
                .collect(),
            asks: needs.collect(),
            granted,
            name,
        }
    }
}

impl ImportReport {
    fn new(app: &App, findings: &Findings, component: &Name, import: &str) -> Self {
        let plugs = findings.wirings.values().flat_map(|wiring| &wiring.plugs);
        let plugs = plugs
            .filter(|plug| plug.into == *component && plug.import == import)
            .map(|plug| &plug.from);
        // Where a service cannot be wired, its dependencies still say what they export.
        let dependencies = app.manifest.components.get(component);
        let dependencies =
            dependencies.into_iter().flat_map(|component| &component.dependencies).filter(|name| {
                findings
                    .found
                    .get(*name)
                    .is_some_and(|dependency| dependency.inspection.export(import).is_some())
            });
        let components = plugs.chain(dependencies).cloned().collect();
        let row = table::find(import);
        Self {
            name: import.to_owned(),
            components,
            objects: classes(&app.manifest, &findings.inspections, import).cloned().collect(),
            native: row.map(|row| row.native),
            workers: row.map(|row| row.workers),
        }
    }
}

impl GrantReport {
    fn of_component(component: &Component) -> Self {
        Self {
            objects: component.objects.iter().map(ToString::to_string).collect(),
            keyvalue: component.keyvalue.iter().map(ToString::to_string).collect(),
            allow_hosts: component.allow_hosts.iter().map(ToString::to_string).collect(),
            vars: component.vars.keys().cloned().collect(),
            secrets: component.secrets.iter().map(ToString::to_string).collect(),
        }
    }

    fn of(grants: Grants) -> Self {
        Self {
            objects: grants.objects.iter().map(ToString::to_string).collect(),
            keyvalue: grants.keyvalue.iter().map(ToString::to_string).collect(),
            allow_hosts: grants.allow_hosts.iter().map(ToString::to_string).collect(),
            vars: grants.vars.into_keys().collect(),
            secrets: grants.secrets.iter().map(ToString::to_string).collect(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "app {}", self.app)?;
        for component in &self.components {
            write!(formatter, "\n{component}")?;
        }
        for service in &self.services {
            write!(formatter, "\n{service}")?;
        }
        for object in &self.objects {
            write!(formatter, "\n{object}")?;
        }
        writeln!(formatter)
    }
}

impl fmt::Display for ObjectReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let serial = if self.serial { ", one call at a time" } else { "" };
        writeln!(formatter, "object class {}: {}{serial}", self.class, self.wiring)?;
        if let Some(interface) = &self.interface {
            writeln!(formatter, "  is called by {interface}")?;
        }
        write!(formatter, "{}", self.granted)
    }
}

impl fmt::Display for ComponentReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(world), Some(wasm)) = (self.world, &self.wasm) else {
            return writeln!(formatter, "component {} (not built, or no component)", self.name);
        };
        let age = if self.fresh { "" } else { ", sources changed since" };
        writeln!(formatter, "component {}: {world} ({wasm}{age})", self.name)?;
        for export in &self.exports {
            writeln!(formatter, "  exports {export}")?;
        }
        for import in &self.imports {
            writeln!(formatter, "  imports {import}")?;
        }
        write!(formatter, "{}", self.granted)
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:<42} ", self.name)?;
        if !self.components.is_empty() {
            let components: Vec<&str> = self.components.iter().map(Name::as_str).collect();
            return write!(formatter, "from {}", components.join(", "));
        }
        if !self.objects.is_empty() {
            let classes: Vec<&str> = self.objects.iter().map(Name::as_str).collect();
            return write!(formatter, "of objects {}", classes.join(", "));
        }
        let (Some(native), Some(workers)) = (self.native, self.workers) else {
            return formatter.write_str("from nobody");
        };
        write!(formatter, "native {native}, workers {workers}")
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Yes => "yes",
            Self::Refused => "refused",
        })
    }
}

impl fmt::Display for ServiceReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "service {}: {}", self.name, self.wiring)?;
        for route in &self.routes {
            writeln!(formatter, "  answers {route}")?;
        }
        write!(formatter, "{}", self.granted)
    }
}

impl fmt::Display for GrantReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [
            ("objects", &self.objects),
            ("keyvalue", &self.keyvalue),
            ("allow-hosts", &self.allow_hosts),
            ("vars", &self.vars),
            ("secrets", &self.secrets),
        ];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            writeln!(formatter, "  granted {name} {}", list.join(", "))?;
        }
        Ok(())
    }
}

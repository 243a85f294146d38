//! What `selvedge check` found, for people and for scripts.

use super::{Findings, Found};
use crate::app::App;
use crate::capability::table::{self, Need, Offer};
use crate::commands::build::ProblemReport;
use crate::inspect::World;
use crate::problem::Problem;
use selvedge_contract::manifest::{Component, Grants};
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
#[serde(rename_all = "kebab-case")]
struct GrantReport {
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
            wiring: app.wiring_line(name),
            granted: GrantReport::of_service(app.manifest.grants(service)),
        });
        Self {
            app: app.manifest.name.clone(),
            ok: !findings.problems.iter().any(Problem::is_error),
            components: components.collect(),
            services: services.collect(),
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
            native: row.map(|row| row.native),
            workers: row.map(|row| row.workers),
        }
    }
}

impl GrantReport {
    fn of_component(component: &Component) -> Self {
        Self {
            keyvalue: component.keyvalue.iter().map(ToString::to_string).collect(),
            allow_hosts: component.allow_hosts.iter().map(ToString::to_string).collect(),
            vars: component.vars.keys().cloned().collect(),
            secrets: component.secrets.iter().map(ToString::to_string).collect(),
        }
    }

    fn of_service(grants: Grants) -> Self {
        Self {
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
        writeln!(formatter)
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
            Self::NotYet => "not yet",
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

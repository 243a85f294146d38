//! What a manifest grants, beside what components ask for. For building and checking; what a guest
//! may do is decided anew at each of its calls.

use crate::capability::table::{self, Need};
use crate::problem::Problem;
use crate::wiring::{Inspections, Wiring};
use selvedge_contract::manifest::{Component, Manifest};
use selvedge_contract::names::Name;
use std::collections::{BTreeMap, BTreeSet};

/// Finds what is asked for and not granted, or granted and not asked for, in the services whose
/// wiring is known, and components that no service uses.
pub(crate) fn compare(
    manifest: &Manifest,
    inspections: &Inspections,
    wirings: &BTreeMap<Name, Wiring>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut used: BTreeSet<(&Name, Need)> = BTreeSet::new();
    for (name, wiring) in wirings {
        let Some(service) = manifest.services.get(name) else { continue };
        let grants = manifest.grants(service);
        for (need, component, import) in asked(wiring, inspections) {
            used.extend(wiring.parts.iter().map(|part| (part, need)));
            let (component, import) = (component.clone(), import.to_owned());
            match need {
                Need::KeyValue if grants.keyvalue.is_empty() => {
                    problems.push(Problem::NoStoreGranted { component, import });
                }
                Need::Outbound if grants.allow_hosts.is_empty() => {
                    problems.push(Problem::NoHostGranted { component, import });
                }
                _ => {}
            }
        }
    }
    for (name, component) in &manifest.components {
        let mut services = manifest.services.iter();
        if !services.any(|(_, service)| manifest.parts(service).contains(&name)) {
            problems.push(Problem::UnusedComponent { component: name.clone() });
        } else if is_known(manifest, name, wirings) {
            let unused = granted(component).into_iter();
            let unused = unused.filter(|(need, _)| !used.contains(&(name, *need)));
            problems.extend(
                unused.map(|(_, grant)| Problem::UnusedGrant { component: name.clone(), grant }),
            );
        }
    }
    problems.dedup();
    problems
}

/// What a component's part of the manifest grants.
fn granted(component: &Component) -> Vec<(Need, &'static str)> {
    let mut granted = Vec::new();
    if !component.keyvalue.is_empty() {
        granted.push((Need::KeyValue, "keyvalue"));
    }
    if !component.allow_hosts.is_empty() {
        granted.push((Need::Outbound, "allow-hosts"));
    }
    if !component.vars.is_empty() {
        granted.push((Need::Config, "vars"));
    }
    if !component.secrets.is_empty() {
        granted.push((Need::Config, "secrets"));
    }
    granted
}

/// Whether everything is known of all services that a component is in.
fn is_known(manifest: &Manifest, name: &Name, wirings: &BTreeMap<Name, Wiring>) -> bool {
    let mut services = manifest.services.iter();
    services.all(|(service_name, service)| {
        wirings.contains_key(service_name) || !manifest.parts(service).contains(&name)
    })
}

/// What the parts of a service ask the host for, each need once, with the first part that has it.
fn asked<'a>(wiring: &'a Wiring, inspections: &'a Inspections) -> Vec<(Need, &'a Name, &'a str)> {
    let mut asked: Vec<(Need, &Name, &str)> = Vec::new();
    for part in &wiring.parts {
        let imports = inspections.get(part).into_iter().flat_map(|known| &known.imports);
        for import in imports {
            let plugged =
                wiring.plugs.iter().any(|plug| plug.into == *part && plug.import == *import);
            let need = table::find(import).and_then(|row| row.needs).filter(|_| !plugged);
            if let Some(need) = need.filter(|need| asked.iter().all(|(known, ..)| known != need)) {
                asked.push((need, part, import));
            }
        }
    }
    asked
}

//! What a manifest grants, beside what components ask for. For building and checking; what a guest
//! may do is decided anew at each of its calls.

use crate::callee::callee;
use crate::capability::table::{self, Need};
use crate::object_shape::{Difference, difference};
use crate::problem::Problem;
use crate::wiring::{Inspections, Wiring, classes};
use selvedge_contract::manifest::{Component, Composition, Manifest};
use selvedge_contract::names::Name;
use std::collections::{BTreeMap, BTreeSet};

/// Finds what is asked for and not granted, or granted and not asked for, in the services whose
/// wiring is known, and components that no service uses.
pub(crate) fn compare(
    manifest: &Manifest,
    inspections: &Inspections,
    wirings: &BTreeMap<Composition, Wiring>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut used: BTreeSet<(&Name, Need)> = BTreeSet::new();
    // The components that call objects.
    let mut calling: BTreeSet<&Name> = BTreeSet::new();
    for (composition, wiring) in wirings {
        let Some((component, middleware)) = manifest.composed(composition) else { continue };
        let grants = manifest.grants_of(component, middleware);
        for (part, import) in unplugged(wiring, inspections) {
            let component = part.clone();
            let all = classes(manifest, inspections, import);
            let class = match callee(import, all, &grants.objects) {
                Ok(None) => continue,
                Ok(Some(class)) => class.clone(),
                Err(ambiguous) => {
                    calling.extend(wiring.parts.iter());
                    problems.push(Problem::AmbiguousClass { component, ambiguous });
                    continue;
                }
            };
            calling.extend(wiring.parts.iter());
            let import = import.to_owned();
            if let Some(difference) = shape_differs(manifest, inspections, (part, &import), &class)
            {
                let (component, import, class) = (component.clone(), import.clone(), class.clone());
                let difference = Box::new(difference);
                problems.push(Problem::OtherShape { component, import, class, difference });
            }
            if !grants.objects.contains(&class) {
                problems.push(Problem::NoClassGranted { component, import, class });
            }
        }
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
        if !manifest.compositions().any(|it| is_part(manifest, name, &it)) {
            problems.push(Problem::UnusedComponent { component: name.clone() });
        } else if is_known(manifest, name, wirings) {
            let unused = granted(component).into_iter();
            let unused = unused.filter(|(need, _)| !used.contains(&(name, *need)));
            problems.extend(
                unused.map(|(_, grant)| Problem::UnusedGrant { component: name.clone(), grant }),
            );
            // The untyped door takes the class as text.
            let fetches = used.contains(&(name, Need::Objects));
            if !component.objects.is_empty() && !calling.contains(name) && !fetches {
                problems.push(Problem::UnusedGrant { component: name.clone(), grant: "objects" });
            }
        }
    }
    problems.dedup();
    problems
}

/// Where a component calls objects of a class by functions that are not theirs.
fn shape_differs(
    manifest: &Manifest,
    inspections: &Inspections,
    (component, import): (&Name, &str),
    class: &Name,
) -> Option<Difference> {
    let object = inspections.get(&manifest.objects.get(class)?.component)?;
    let calls = inspections.get(component)?.calls.get(import)?;
    difference(calls, &object.object.as_ref().ok()?.signatures)
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

/// Whether everything is known of all compositions that a component is in.
fn is_known(manifest: &Manifest, name: &Name, wirings: &BTreeMap<Composition, Wiring>) -> bool {
    let mut compositions = manifest.compositions();
    compositions.all(|it| wirings.contains_key(&it) || !is_part(manifest, name, &it))
}

fn is_part(manifest: &Manifest, name: &Name, composition: &Composition) -> bool {
    let composed = manifest.composed(composition);
    composed.is_some_and(|(component, middleware)| {
        manifest.parts_of(component, middleware).contains(&name)
    })
}

/// What the parts of a service ask the host for, each need once, with the first part that has it.
fn asked<'a>(wiring: &'a Wiring, inspections: &'a Inspections) -> Vec<(Need, &'a Name, &'a str)> {
    let mut asked: Vec<(Need, &Name, &str)> = Vec::new();
    for (part, import) in unplugged(wiring, inspections) {
        let need = table::find(import).and_then(|row| row.needs);
        if let Some(need) = need.filter(|need| asked.iter().all(|(known, ..)| known != need)) {
            asked.push((need, part, import));
        }
    }
    asked
}

/// What the parts of a composition import, and no other part satisfies.
fn unplugged<'a>(
    wiring: &'a Wiring,
    inspections: &'a Inspections,
) -> impl Iterator<Item = (&'a Name, &'a str)> {
    wiring.parts.iter().flat_map(move |part| {
        let imports = inspections.get(part).into_iter().flat_map(|known| &known.imports);
        let is_plugged = move |import: &String| {
            wiring.plugs.iter().any(|plug| plug.into == *part && plug.import == *import)
        };
        imports.filter(move |import| !is_plugged(import)).map(move |it| (part, it.as_str()))
    })
}

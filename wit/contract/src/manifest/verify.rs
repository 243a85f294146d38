//! What only the manifest as a whole shows: circles, routes claimed twice, classes with one name in JavaScript,
//! configuration that clashes.

use std::collections::{BTreeMap, BTreeSet};

use super::Manifest;
use super::document::Findings;
use super::error::{Composition, ManifestErrorKind as Kind};
use crate::names::Name;
use crate::object::javascript_class;
use crate::route::Pattern;

/// Where things stand in the text that are judged together.
#[derive(Default)]
pub(super) struct Places {
    /// Each dependency: its byte, the component that has it, the component it is.
    pub(super) dependencies: Vec<(usize, Name, Name)>,
    /// Each route of each service.
    pub(super) claims: Vec<Claim>,
    /// The byte of each class of objects.
    pub(super) classes: Vec<(usize, Name)>,
    /// The byte of each var, by component and key.
    pub(super) vars: BTreeMap<(Name, String), usize>,
}

/// A route that a service asks for.
pub(super) struct Claim {
    pub(super) at: usize,
    pub(super) service: Name,
    pub(super) route: Pattern,
}

/// Notes each dependency that closes a circle.
pub(super) fn dependencies(places: &Places, findings: &mut Findings<'_>) {
    let mut edges: BTreeMap<&Name, Vec<(usize, &Name)>> = BTreeMap::new();
    for (at, from, to) in &places.dependencies {
        edges.entry(from).or_default().push((*at, to));
    }
    let mut done = BTreeSet::new();
    for start in edges.keys().copied() {
        if done.contains(start) {
            continue;
        }
        // A way through the graph, with the dependencies of each step that are still to be taken.
        let mut way = vec![(start, edges.get(start).map_or(&[][..], Vec::as_slice).iter())];
        while let Some((name, left)) = way.last_mut() {
            let Some((at, next)) = left.next().copied() else {
                done.insert(*name);
                way.pop();
                continue;
            };
            if let Some(from) = way.iter().position(|(name, _)| *name == next) {
                let circle = way.iter().skip(from).map(|(name, _)| (*name).clone()).collect();
                findings.add(at, Kind::DependencyCycle { components: circle });
            } else if !done.contains(next) {
                way.push((next, edges.get(next).map_or(&[][..], Vec::as_slice).iter()));
            }
        }
    }
}

/// Notes each route whose requests an earlier one in the text claims.
pub(super) fn routes(mut claims: Vec<Claim>, findings: &mut Findings<'_>) {
    claims.sort_by_key(|claim| claim.at);
    let mut taken: BTreeMap<String, Claim> = BTreeMap::new();
    for claim in claims {
        let shape = claim.route.shape();
        match taken.get(&shape) {
            None => {
                taken.insert(shape, claim);
            }
            Some(other) => {
                let kind = Kind::RouteTaken {
                    route: claim.route,
                    service: claim.service,
                    other: other.service.clone(),
                    other_route: other.route.clone(),
                };
                findings.add(claim.at, kind);
            }
        }
    }
}

/// Notes each class of objects that has in JavaScript the name of an earlier one in the text.
pub(super) fn classes(mut classes: Vec<(usize, Name)>, findings: &mut Findings<'_>) {
    classes.sort();
    let mut taken: BTreeMap<String, Name> = BTreeMap::new();
    for (at, class) in classes {
        let javascript = javascript_class(&class);
        match taken.get(&javascript) {
            None => {
                taken.insert(javascript, class);
            }
            Some(other) => {
                let other = other.clone();
                findings.add(at, Kind::SameClass { class, other, javascript });
            }
        }
    }
}

/// Notes each var that has the name of a secret in the same composition.
pub(super) fn vars(
    manifest: &Manifest,
    places: &BTreeMap<(Name, String), usize>,
    findings: &mut Findings<'_>,
) {
    let mut at = |component: &Name, key: &str, kind: Kind| {
        let place = places.get(&(component.clone(), key.to_owned()));
        findings.add(place.copied().unwrap_or_default(), kind);
    };
    for (name, component) in &manifest.components {
        for secret in &component.secrets {
            if component.vars.contains_key(secret.as_str()) {
                let (component, name) = (name.clone(), secret.to_string());
                at(
                    &component,
                    secret.as_str(),
                    Kind::VarIsSecret { name, component: component.clone() },
                );
            }
        }
    }
    let services = manifest
        .services
        .iter()
        .map(|(name, service)| (Composition::Service(name.clone()), manifest.parts(service)));
    let objects = manifest.objects.iter().map(|(class, object)| {
        (Composition::Object(class.clone()), manifest.parts_of(&object.component, &[]))
    });
    let mut told = BTreeSet::new();
    for (composition, parts) in services.chain(objects) {
        let pairs = parts.iter().flat_map(|left| parts.iter().map(move |right| (*left, *right)));
        for (var_of, secret_of) in pairs.filter(|(left, right)| left != right) {
            let Some(vars) = manifest.components.get(var_of).map(|part| &part.vars) else {
                continue;
            };
            let secrets = manifest.components.get(secret_of).into_iter();
            for secret in secrets.flat_map(|part| &part.secrets) {
                if vars.contains_key(secret.as_str()) && told.insert((var_of, secret_of, secret)) {
                    let kind = Kind::SharedVarIsSecret {
                        name: secret.to_string(),
                        var_of: var_of.clone(),
                        secret_of: secret_of.clone(),
                        composition: composition.clone(),
                    };
                    at(var_of, secret.as_str(), kind);
                }
            }
        }
    }
}

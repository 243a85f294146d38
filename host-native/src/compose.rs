//! Puts the parts of a service, or of an object, together into one component. For building; no request passes here.

use crate::problem::Problem;
use crate::wiring::{Plug, Wiring};
use selvedge_contract::manifest::Composition;
use selvedge_contract::names::Name;
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wac_graph::types::{ItemKind, Package};
use wac_graph::{
    CompositionGraph, EncodeError, EncodeOptions, InstantiationArgumentError, NodeId, PackageId,
};

/// Composes a service or an object. One of one part is that part, byte for byte.
///
/// Each part is instantiated once, so that parts which share a dependency share its state and its
/// resources. Imports that are not plugged stay imports; those of compatible versions are merged.
///
/// # Errors
/// [`Problem::Mismatch`] where an export has another shape than the import it is plugged into, and
/// [`Problem::NotComposed`] for what only the composer can find.
pub(crate) fn compose(
    composition: &Composition,
    wiring: &Wiring,
    parts: BTreeMap<Name, Vec<u8>>,
) -> Result<Vec<u8>, Problem> {
    if let [_] = wiring.parts.as_slice() {
        return Ok(parts.into_values().next().unwrap_or_default());
    }
    // The composer panics on a few rare types that it has not learnt yet.
    catch_unwind(AssertUnwindSafe(|| compose_parts(composition, wiring, parts))).unwrap_or_else(
        |panic| Err(not_composed(composition, format!("wac-graph: {}", text(&*panic)))),
    )
}

fn compose_parts(
    composition: &Composition,
    wiring: &Wiring,
    parts: BTreeMap<Name, Vec<u8>>,
) -> Result<Vec<u8>, Problem> {
    let mut graph = CompositionGraph::new();
    let mut instances: BTreeMap<Name, (PackageId, NodeId)> = BTreeMap::new();
    for (name, bytes) in parts {
        let package_name = format!("part:{name}");
        let package = Package::from_bytes(&package_name, None, bytes, graph.types_mut())
            .map_err(|error| not_composed(composition, format!("{name}: {error:#}")))?;
        let package = graph
            .register_package(package)
            .map_err(|error| not_composed(composition, format!("{name}: {error}")))?;
        let instance = graph.instantiate(package);
        instances.insert(name, (package, instance));
    }
    let instance_of = |name: &Name| {
        let unknown = || not_composed(composition, format!("{name} is not among its parts"));
        instances.get(name).copied().ok_or_else(unknown)
    };
    for plug in &wiring.plugs {
        let ((_, into), (_, from)) = (instance_of(&plug.into)?, instance_of(&plug.from)?);
        let export = graph
            .alias_instance_export(from, &plug.export)
            .map_err(|error| not_composed(composition, error.to_string()))?;
        graph
            .set_instantiation_argument(into, &plug.import, export)
            .map_err(|error| argument_problem(composition, plug, error))?;
    }
    let (package, outermost) = instance_of(&wiring.outermost)?;
    export_all(&mut graph, package, outermost)
        .map_err(|reason| not_composed(composition, reason))?;
    graph.encode(EncodeOptions { validate: false, ..EncodeOptions::default() }).map_err(|error| {
        let reason = match error {
            EncodeError::GraphContainsCycle { .. } => "its parts need each other in a circle; \
                remove a dependency that points at a component in front of it"
                .to_owned(),
            error => format!("{:#}", anyhow::Error::from(error)),
        };
        not_composed(composition, reason)
    })
}

/// Exports every interface that a part exports.
fn export_all(
    graph: &mut CompositionGraph,
    package: PackageId,
    instance: NodeId,
) -> Result<(), String> {
    let world = &graph.types()[graph[package].ty()];
    let interfaces = world.exports.iter().filter(|(_, kind)| matches!(kind, ItemKind::Instance(_)));
    let names: Vec<String> = interfaces.map(|(name, _)| name.clone()).collect();
    for name in names {
        let export =
            graph.alias_instance_export(instance, &name).map_err(|error| error.to_string())?;
        graph.export(export, &name).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn argument_problem(
    composition: &Composition,
    plug: &Plug,
    error: InstantiationArgumentError,
) -> Problem {
    match error {
        InstantiationArgumentError::ArgumentTypeMismatch { source, .. } => Problem::Mismatch {
            into: plug.into.clone(),
            from: plug.from.clone(),
            export: plug.export.clone(),
            reason: format!("{source:#}"),
        },
        error => not_composed(composition, error.to_string()),
    }
}

fn not_composed(composition: &Composition, reason: String) -> Problem {
    Problem::NotComposed { composition: composition.clone(), reason }
}

fn text(panic: &dyn Any) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it failed")
}

//! Whether a handler has the type that its world gives it. Linking judges imports alone; a handler
//! of another type would fail at each request.

use crate::inspect::{INCOMING_HANDLER, is_handler};
use wac_graph::types::are_semver_compatible;
use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, Linker, ResourceType};
use wasmtime_wasi_http::p2::bindings::http::types as p2;
use wasmtime_wasi_http::p3;

/// Checks the handlers that a component exports.
///
/// # Errors
/// One sentence about the first that is wrong.
pub(super) fn check<T: 'static>(
    engine: &Engine,
    linker: &Linker<T>,
    component: &Component,
) -> wasmtime::Result<()> {
    let world = linker.substituted_component_type(component)?;
    for (name, export) in world.exports(engine) {
        let fits: fn(&ComponentFunc) -> bool = if is_handler(name) {
            fits_03
        } else if are_semver_compatible(name, INCOMING_HANDLER) {
            fits_02
        } else {
            continue;
        };
        let ComponentItem::ComponentInstance(interface) = export.ty else {
            wasmtime::bail!("its export {name} is not an interface");
        };
        match interface.get_export(engine, "handle").map(|function| function.ty) {
            Some(ComponentItem::ComponentFunc(handle)) if fits(&handle) => {}
            _ => wasmtime::bail!(
                "its export {name} has no function `handle` of the standard's type; build it again with the standard's WIT"
            ),
        }
    }
    Ok(())
}

/// `async func(request) -> result<response, error-code>`
fn fits_03(handle: &ComponentFunc) -> bool {
    let params: Vec<Type> = handle.params().map(|(_, ty)| ty).collect();
    let results: Vec<Type> = handle.results().collect();
    let ([Type::Own(request)], [Type::Result(result)]) = (params.as_slice(), results.as_slice())
    else {
        return false;
    };
    let answers =
        matches!(result.ok(), Some(Type::Own(it)) if it == ResourceType::host::<p3::Response>());
    handle.async_()
        && *request == ResourceType::host::<p3::Request>()
        && answers
        && matches!(result.err(), Some(Type::Variant(_)))
}

/// `func(incoming-request, response-outparam)`
fn fits_02(handle: &ComponentFunc) -> bool {
    let params: Vec<Type> = handle.params().map(|(_, ty)| ty).collect();
    let [Type::Own(request), Type::Own(out)] = params.as_slice() else { return false };
    !handle.async_()
        && handle.results().len() == 0
        && *request == ResourceType::host::<p2::IncomingRequest>()
        && *out == ResourceType::host::<p2::ResponseOutparam>()
}

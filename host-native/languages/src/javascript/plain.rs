//! The world as an engine can have it. Neither engine calls an `async` import: the call is spelled
//! without the word, and the component waits in it. The host answers either spelling.

use crate::world::World;
use crate::{BuildError, Engine};
use wit_component::{OutputToString, WitPrinter};
use wit_parser::{Function, FunctionKind, InterfaceId, PackageId, Resolve, WorldId, WorldItem};

/// The 0.2 that is linked with: StarlingMonkey is made for exactly this one, and every host of 0.2.12
/// takes it.
const STARLINGMONKEY_WASI: &str = "0.2.10";

/// The name that the world has there, whatever the author's is; `build.mjs` knows it.
const NAME: &str = "app";

/// A world with no more in it than it says, and with what it imports called at once.
pub(super) struct Plain {
    /// All of it as one text, for any tool that reads WIT.
    pub(super) wit: String,
    /// The names of all interfaces that it imports, with their versions.
    pub(super) imports: Vec<String>,
    /// Those of them that others await.
    pub(super) awaited: Vec<String>,
    /// How it answers HTTP.
    pub(super) http: Option<Http>,
}

/// An interface that answers HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Http {
    /// `wasi:http/incoming-handler@0.2`.
    P2,
    /// `wasi:http/handler@0.3`.
    P3,
}

impl Plain {
    /// Takes what the engine can have of a world.
    ///
    /// # Errors
    /// Where the world exports what the engine cannot.
    pub(super) fn of(world: &World, engine: Engine) -> Result<Self, BuildError> {
        let mut resolve = world.resolve.clone();
        let misfit = |reason: String| {
            BuildError::Other(format!(
                "{} cannot be built for {engine}: {reason}",
                world.full_name()
            ))
        };
        let imports = interfaces(&resolve, world.id, Side::Imports);
        let exports = interfaces(&resolve, world.id, Side::Exports);
        let names = |resolve: &Resolve, ids: &[InterfaceId]| -> Vec<String> {
            ids.iter().filter_map(|id| resolve.id_of(*id)).collect()
        };
        let http = http(&names(&resolve, &exports));
        refuse(&resolve, world.id, engine, http).map_err(misfit)?;
        if let Some(both) = imports.iter().find(|id| exports.contains(id)) {
            let name = resolve.id_of(*both).unwrap_or_default();
            return Err(misfit(format!(
                "it both imports and exports {name}; write that in Rust or Go"
            )));
        }
        let awaited = imports.iter().copied().filter(|id| is_awaited(&resolve, *id));
        let awaited = names(&resolve, &awaited.collect::<Vec<_>>());
        call_at_once(&mut resolve, world.id, &imports);
        let package = bare(&mut resolve, world, &[imports.as_slice(), &exports].concat());
        if engine == Engine::StarlingMonkey {
            rename_wasi(&mut resolve);
        }
        let imports = names(&resolve, &imports);
        let wit = print(&resolve, package).map_err(|error| misfit(error.to_string()))?;
        Ok(Self { wit, imports, awaited, http })
    }
}

enum Side {
    Imports,
    Exports,
}

fn interfaces(resolve: &Resolve, world: WorldId, side: Side) -> Vec<InterfaceId> {
    let Some(world) = resolve.worlds.get(world) else { return Vec::new() };
    let items = match side {
        Side::Imports => &world.imports,
        Side::Exports => &world.exports,
    };
    let interface = |item: &WorldItem| match item {
        WorldItem::Interface { id, .. } => Some(*id),
        WorldItem::Function(_) | WorldItem::Type { .. } => None,
    };
    items.values().filter_map(interface).collect()
}

fn http(exports: &[String]) -> Option<Http> {
    exports.iter().find_map(|name| {
        if name.starts_with("wasi:http/handler@0.3.") {
            Some(Http::P3)
        } else if name.starts_with("wasi:http/incoming-handler@0.2.") {
            Some(Http::P2)
        } else {
            None
        }
    })
}

/// What an engine cannot do at all, in words for people.
fn refuse(
    resolve: &Resolve,
    world: WorldId,
    engine: Engine,
    http: Option<Http>,
) -> Result<(), String> {
    match (engine, http) {
        (Engine::StarlingMonkey, Some(Http::P3)) => {
            return Err("it answers HTTP by WASI 0.2; include selvedge:app/service-p2@0.1.0 in the world, or say `engine = \"quickjs\"`".to_owned());
        }
        (Engine::QuickJs, Some(Http::P2)) => {
            return Err("it answers HTTP by WASI 0.3; include selvedge:app/service-quickjs@0.1.0 in the world, or leave `engine` out".to_owned());
        }
        _ => {}
    }
    if engine == Engine::QuickJs {
        let imports = interfaces(resolve, world, Side::Imports);
        let names = imports.iter().filter_map(|id| resolve.id_of(*id));
        let mut outbound = names.filter(|name| {
            name.starts_with("wasi:http/client@") || name.starts_with("wasi:http/outgoing-handler@")
        });
        if let Some(name) = outbound.next() {
            return Err(format!(
                "it makes no outbound calls, and the world imports {name}; include selvedge:app/service-quickjs@0.1.0 instead, or leave `engine` out"
            ));
        }
        return Ok(());
    }
    for id in interfaces(resolve, world, Side::Exports) {
        let functions = resolve.interfaces.get(id).map(|interface| &interface.functions);
        let mut functions = functions.into_iter().flatten();
        if let Some((function, _)) = functions.find(|(_, function)| function.kind.is_async()) {
            let name = resolve.id_of(id).unwrap_or_default();
            return Err(format!(
                "its functions are not async, and {name} has {function}; say `engine = \"quickjs\"`"
            ));
        }
    }
    Ok(())
}

fn is_awaited(resolve: &Resolve, id: InterfaceId) -> bool {
    let interface = resolve.interfaces.get(id);
    interface.is_some_and(|is| is.functions.values().any(|function| function.kind.is_async()))
}

/// Takes the `async` from what is imported.
fn call_at_once(resolve: &mut Resolve, world: WorldId, imports: &[InterfaceId]) {
    for id in imports {
        let functions = resolve.interfaces.get_mut(*id).map(|interface| &mut interface.functions);
        for function in functions.into_iter().flat_map(|functions| functions.values_mut()) {
            make_sync(function);
        }
    }
    let items = resolve.worlds.get_mut(world).map(|world| world.imports.values_mut());
    for item in items.into_iter().flatten() {
        if let WorldItem::Function(function) = item {
            make_sync(function);
        }
    }
}

fn make_sync(function: &mut Function) {
    function.kind = match function.kind.clone() {
        FunctionKind::AsyncFreestanding => FunctionKind::Freestanding,
        FunctionKind::AsyncMethod(resource) => FunctionKind::Method(resource),
        FunctionKind::AsyncStatic(resource) => FunctionKind::Static(resource),
        kind => kind,
    };
}

/// Leaves no interface in any package but those of the world, and the world as the only one.
fn bare(resolve: &mut Resolve, world: &World, kept: &[InterfaceId]) -> PackageId {
    for (_, package) in resolve.packages.iter_mut() {
        package.interfaces.retain(|_, id| kept.contains(id));
        package.worlds.clear();
    }
    let mut home = world.package;
    if let Some(is) = resolve.worlds.get_mut(world.id) {
        home = is.package.unwrap_or(home);
        NAME.clone_into(&mut is.name);
    }
    if let Some(package) = resolve.packages.get_mut(home) {
        package.worlds.insert(NAME.to_owned(), world.id);
    }
    home
}

fn rename_wasi(resolve: &mut Resolve) {
    for (_, package) in resolve.packages.iter_mut() {
        let is_p2 = package.name.version.as_ref().is_some_and(|version| {
            (version.major, version.minor) == (0, 2) && version.patch > 0 && version.pre.is_empty()
        });
        if package.name.namespace == "wasi" && is_p2 {
            package.name.version = STARLINGMONKEY_WASI.parse().ok();
        }
    }
}

fn print(resolve: &Resolve, home: PackageId) -> anyhow::Result<String> {
    let others: Vec<PackageId> = resolve
        .packages
        .iter()
        .filter(|(id, package)| *id != home && !package.interfaces.is_empty())
        .map(|(id, _)| id)
        .collect();
    let mut printer = WitPrinter::<OutputToString>::default();
    printer.print(resolve, home, &others)?;
    Ok(printer.output.to_string())
}

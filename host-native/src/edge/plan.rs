//! The plan that `bundle.mjs` works by, and the part of it that the Workers host reads when it starts:
//! everything that is known of an app before anything runs.

use crate::app::App;
use crate::built::Record;
use crate::callee::{AmbiguousClass, callee};
use crate::capability::table;
use crate::edge::files::Unpacked;
use crate::edge::stub::Stub;
use crate::edge::{bindings, lacking};
use crate::object_shape::{self, ObjectShape};
use crate::typed::Typed;
use selvedge_contract::limits::{Limits, ObjectLimits};
use selvedge_contract::manifest::{Composition, Grants};
use selvedge_contract::names::Name;
use selvedge_contract::object::javascript_class;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What `bundle.mjs` is told. Paths are absolute.
#[derive(Debug, Serialize)]
pub(crate) struct Plan {
    /// The folder to fill.
    pub(crate) out: PathBuf,
    /// Where what was made of components is kept between bundles.
    pub(crate) cache: PathBuf,
    /// The Workers host, as wasm-bindgen wrote it.
    pub(crate) host: PathBuf,
    /// The JavaScript beside it.
    pub(crate) glue: PathBuf,
    /// Whether JavaScript is minified.
    pub(crate) minify: bool,
    /// The components, each once.
    pub(crate) modules: Vec<Module>,
    /// What the Workers host reads.
    pub(crate) app: AppPart,
}

/// A composed component.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Module {
    /// Told by its content, and by what else changes what is made of it.
    pub(crate) id: String,
    /// The file.
    pub(crate) wasm: PathBuf,
    /// What it was turned into: its description, and its core modules by their number.
    pub(crate) parts: PathBuf,
    /// What it imports, by full name.
    pub(crate) imports: Vec<String>,
    /// What it exports, by full name.
    pub(crate) exports: Vec<String>,
    /// The memory that an instance may have.
    pub(crate) memory_bytes: u64,
    /// What runs it, for messages.
    #[serde(skip)]
    pub(crate) compositions: Vec<Composition>,
}

/// What the Workers host reads when it starts.
#[derive(Debug, Serialize)]
pub(crate) struct AppPart {
    name: Name,
    compositions: Vec<Composed>,
    /// All stores of the app.
    stores: Vec<Name>,
    /// All classes of the app, with their bindings.
    classes: BTreeMap<Name, String>,
}

/// A service, or a class of objects.
#[derive(Debug, Serialize)]
struct Composed {
    kind: Kind,
    name: Name,
    component: Name,
    module: String,
    limits: AnyLimits,
    keyvalue: BTreeMap<Name, String>,
    objects: BTreeMap<Name, String>,
    allow_hosts: Vec<String>,
    /// By key, the variable of the Worker that has it.
    vars: BTreeMap<String, String>,
    secrets: BTreeMap<Name, String>,
    stubs: Vec<ImportedStub>,
    #[serde(flatten)]
    own: Own,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Service,
    Object,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum AnyLimits {
    Service(Limits),
    Object(ObjectLimits),
}

/// An object's interface that a composition imports.
#[derive(Debug, Serialize)]
struct ImportedStub {
    #[serde(flatten)]
    stub: Stub,
    class: Name,
    granted: bool,
}

/// What only services, or only objects have.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Own {
    Service { routes: Vec<String> },
    Object { serial: bool, shape: Stub, has: Has },
}

#[derive(Debug, Serialize)]
struct Has {
    alarm: bool,
    lifecycle: bool,
    fetch: bool,
}

/// Why an app cannot be a Worker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    /// Nothing would answer.
    #[error(
        "the app has no service, so a Worker would answer nothing; add [services.NAME] with a component and routes"
    )]
    NoService,
    /// Something of the last build is not there.
    #[error("{composition} cannot be read: {reason}; run `selvedge build`")]
    Unreadable { composition: Composition, reason: String },
    /// An import that nobody answers in a Worker.
    #[error(
        "{composition} imports {import}, which the Workers host does not offer; build its component without that import, or serve the app with `selvedge serve`"
    )]
    NotOffered { composition: Composition, import: String },
    /// Two granted classes for one import.
    #[error("{composition} {ambiguous}")]
    Ambiguous { composition: Composition, ambiguous: AmbiguousClass },
}

/// A composition of the last build, with its types.
struct Read {
    composition: Composition,
    wasm: PathBuf,
    sha256: String,
    typed: Typed,
    shape: Option<ObjectShape>,
}

impl Plan {
    /// The plan for an app that is built; beside it, what calls of it will be refused, in sentences.
    ///
    /// # Errors
    /// [`PlanError`]: what can be known before anything is bundled.
    pub(crate) fn of(
        app: &App,
        record: &Record,
        out: PathBuf,
        files: &Unpacked,
    ) -> Result<(Self, Vec<String>), PlanError> {
        if app.manifest.services.is_empty() {
            return Err(PlanError::NoService);
        }
        let compositions = app.manifest.compositions();
        let read: Vec<Read> =
            compositions.map(|it| read(app, record, it)).collect::<Result<_, _>>()?;
        let cache = app.folders.edge().join("modules");
        let (mut modules, mut composed) = (Vec::<Module>::new(), Vec::new());
        for it in &read {
            let stubs = stubs(app, it, &read)?;
            let module = module(app, it, &cache);
            if let Some(import) = not_offered(&module.imports, &stubs) {
                let (composition, import) = (it.composition.clone(), import.to_owned());
                return Err(PlanError::NotOffered { composition, import });
            }
            composed.extend(compose(app, it, &module.id, stubs));
            match modules.iter_mut().find(|known| known.id == module.id) {
                Some(known) => known.compositions.push(it.composition.clone()),
                None => modules.push(module),
            }
        }
        let refused = refused(&modules);
        let app_part = AppPart {
            name: app.manifest.name.clone(),
            compositions: composed,
            stores: app.manifest.keyvalue.keys().cloned().collect(),
            classes: named(app.manifest.objects.keys(), javascript_class),
        };
        let (host, glue) = (files.host(), files.glue());
        Ok((Self { out, cache, host, glue, minify: true, modules, app: app_part }, refused))
    }
}

fn read(app: &App, record: &Record, composition: Composition) -> Result<Read, PlanError> {
    let wasm = app.folders.composed(&composition);
    let unreadable =
        |reason: String| PlanError::Unreadable { composition: composition.clone(), reason };
    let known = record.composition(&composition);
    let sha256 = known.map(|known| known.wasm.sha256.clone());
    let sha256 = sha256.ok_or_else(|| unreadable("it is not built".to_owned()))?;
    let bytes = std::fs::read(&wasm).map_err(|error| unreadable(error.to_string()))?;
    let typed = Typed::read(&bytes).map_err(unreadable)?;
    let shape = match &composition {
        Composition::Service(_) => None,
        Composition::Object(_) => {
            Some(object_shape::Read::of(&bytes).object.map_err(|errors| {
                let first = errors.first().map(ToString::to_string);
                unreadable(first.unwrap_or_default())
            })?)
        }
    };
    Ok(Read { composition, wasm, sha256, typed, shape })
}

/// The stubs of objects that a composition imports; that they fit, the build has seen to.
fn stubs(app: &App, it: &Read, all: &[Read]) -> Result<Vec<ImportedStub>, PlanError> {
    let granted = grants(app, &it.composition).objects;
    let mut stubs = Vec::new();
    for import in &it.typed.imports {
        let objects = all.iter().filter_map(|object| Some((object, object.shape.as_ref()?)));
        let objects: Vec<_> = objects.filter(|(_, shape)| shape.interface == *import).collect();
        let classes = objects.iter().map(|(object, _)| object.composition.name());
        let class = callee(import, classes, &granted).map_err(|ambiguous| {
            PlanError::Ambiguous { composition: it.composition.clone(), ambiguous }
        })?;
        let (Some(class), Some((_, shape))) = (class, objects.first()) else { continue };
        let Some(stub) = Stub::imported(&it.typed, import, &shape.resource) else { continue };
        stubs.push(ImportedStub { stub, class: class.clone(), granted: granted.contains(class) });
    }
    Ok(stubs)
}

/// An import that neither THE TABLE nor an object answers: it is told before anything is transpiled.
fn not_offered<'m>(imports: &'m [String], stubs: &[ImportedStub]) -> Option<&'m str> {
    let is_offered = |import: &&String| {
        table::find(import).is_some() || stubs.iter().any(|stub| stub.stub.is_of(import))
    };
    imports.iter().find(|import| !is_offered(import)).map(String::as_str)
}

fn module(app: &App, it: &Read, cache: &Path) -> Module {
    let memory_bytes = match &it.composition {
        Composition::Service(name) => {
            app.manifest.services.get(name).map(|service| service.limits.memory_bytes)
        }
        Composition::Object(name) => {
            app.manifest.objects.get(name).map(|object| object.limits.memory_bytes)
        }
    }
    .unwrap_or_default();
    // An interface is imported by its types alone, too; whoever transpiles asks for those with functions.
    let imports = it.typed.imports.iter().filter(|name| it.typed.imported(name).is_some());
    let keyed = format!("{} {memory_bytes}", it.sha256);
    let mut id = crate::guest::load::content_hash(keyed.as_bytes());
    id.truncate(16);
    Module {
        wasm: it.wasm.clone(),
        parts: cache.join(format!("{id}-parts-{}", selvedge_transpile::FORMAT)),
        id,
        imports: imports.cloned().collect(),
        exports: it.typed.exports.clone(),
        memory_bytes,
        compositions: vec![it.composition.clone()],
    }
}

fn compose(app: &App, it: &Read, module: &str, stubs: Vec<ImportedStub>) -> Option<Composed> {
    let Grants { keyvalue, objects, allow_hosts, vars, secrets } = grants(app, &it.composition);
    let (component, _) = app.manifest.composed(&it.composition)?;
    let (kind, limits, own) = match &it.composition {
        Composition::Service(name) => {
            let service = app.manifest.services.get(name)?;
            let routes = service.routes.iter().map(ToString::to_string).collect();
            let limits = AnyLimits::Service(service.limits.clone());
            (Kind::Service, limits, Own::Service { routes })
        }
        Composition::Object(name) => {
            let object = app.manifest.objects.get(name)?;
            let shape = it.shape.as_ref()?;
            let has = Has {
                alarm: shape.handles_alarms,
                lifecycle: shape.has_lifecycle,
                fetch: shape.answers_http,
            };
            let shape = Stub::exported(&it.typed, &shape.interface, &shape.resource)?;
            let own = Own::Object { serial: object.serial, shape, has };
            (Kind::Object, AnyLimits::Object(object.limits.clone()), own)
        }
    };
    Some(Composed {
        kind,
        name: it.composition.name().clone(),
        component: component.clone(),
        module: module.to_owned(),
        limits,
        keyvalue: named(keyvalue.iter(), bindings::store),
        objects: named(objects.iter(), javascript_class),
        allow_hosts: allow_hosts.iter().map(ToString::to_string).collect(),
        vars: vars.into_keys().map(|key| (key, bindings::vars(&it.composition))).collect(),
        secrets: named(secrets.iter(), bindings::secret),
        stubs,
        own,
    })
}

fn grants(app: &App, composition: &Composition) -> Grants {
    let composed = app.manifest.composed(composition);
    composed
        .map(|(component, middleware)| app.manifest.grants_of(component, middleware))
        .unwrap_or_default()
}

fn named<'n>(
    names: impl Iterator<Item = &'n Name>,
    binding: impl Fn(&Name) -> String,
) -> BTreeMap<Name, String> {
    names.map(|name| (name.clone(), binding(name))).collect()
}

/// What is imported, and refused at each call.
fn refused(modules: &[Module]) -> Vec<String> {
    let mut sentences = BTreeSet::new();
    for module in modules {
        for import in &module.imports {
            let Some(reason) = lacking::reason(import) else { continue };
            for composition in &module.compositions {
                sentences.insert(format!("{composition} imports {import}: {reason}"));
            }
        }
    }
    sentences.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::{ImportedStub, PlanError, Stub, not_offered};
    use selvedge_contract::manifest::Composition;
    use selvedge_contract::names::Name;

    #[test]
    fn an_import_is_answered_by_the_host_or_by_an_object() {
        let stub = Stub {
            interface: "demo:counter/counters".to_owned(),
            version: "0.1.0".to_owned(),
            resource: "counter".to_owned(),
            methods: Vec::new(),
        };
        let class = Name::parse("counter").unwrap();
        let stubs = [ImportedStub { stub, class: class.clone(), granted: true }];
        let imports = |name: &str| ["wasi:http/types@0.3.0".to_owned(), name.to_owned()];
        let offered = imports("demo:counter/counters@0.1.0");
        assert_eq!(not_offered(&offered, &stubs), None);
        for import in ["demo:counter/counters@0.2.0", "acme:gpu/shader@1.0.0"] {
            assert_eq!(not_offered(&imports(import), &stubs), Some(import));
            let composition = Composition::Service(class.clone());
            let said = PlanError::NotOffered { composition, import: import.to_owned() }.to_string();
            assert!(said.starts_with(&format!("service \"counter\" imports {import}")), "{said}");
            assert!(said.contains("selvedge serve"), "{said}");
        }
    }
}

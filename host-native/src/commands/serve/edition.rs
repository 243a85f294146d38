//! Opens an app as it was built last: for the first time, or beside an edition that is served.
//!
//! What is the same in both is taken over as it is, with its instances, objects and requests.

use super::prepare::{self, Part, Shapes};
use crate::app::App as Folder;
use crate::built::{Built, built};
use crate::capability::keyvalue::{Grants as StoreGrants, KeyValue};
use crate::capability::outbound::Allowed;
use crate::commands::build::parallel;
use crate::dispatch::App;
use crate::guest::load::content_hash;
use crate::guest::object::class::{Class, Settings as ClassSettings};
use crate::guest::object::directory::Objects;
use crate::guest::room::{InRooms, Rooms};
use crate::guest::service::{Service, Settings as ServiceSettings};
use crate::guest::state::Provision;
use crate::server::HEADER_BYTES_MIN;
use anyhow::Context as _;
use selvedge_contract::manifest::{Composition, Grants, SecretSource};
use selvedge_contract::names::Name;
use selvedge_contract::route::Table;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use wasmtime::component::Component;
use wasmtime_wasi_config::WasiConfigVariables;

/// What every edition of an app is served with, and outlives it.
pub(in crate::commands) struct House {
    /// Where instances are made.
    pub(super) rooms: Arc<Rooms>,
    /// Every store.
    pub(super) stores: Arc<KeyValue>,
    /// Every object.
    pub(super) objects: Arc<Objects>,
    /// What the objects of each class exported last that the app ever had: the places of methods are
    /// kept from edition to edition.
    pub(super) shapes: Shapes,
}

impl House {
    /// Ends what is kept in the background. Objects have ended before.
    pub(in crate::commands) fn close(&self) {
        self.objects.journal.close();
    }

    /// Opens the app as it was built last. Of the edition that is served, what is the same goes on.
    ///
    /// # Errors
    /// Where anything that the app asks for is not there; the edition that is served stays as it is.
    pub(in crate::commands) fn open(
        &mut self,
        folder: &Folder,
        served: Option<&App>,
    ) -> anyhow::Result<App> {
        let engine = &self.rooms.first().engine;
        let built = built(folder, engine)?;
        let files: Vec<_> = built.iter().map(Opened::new).collect();
        let served = Served::of(served);
        // What is not opened here is opened below only where it is linked.
        let is_new_class = |file: &&Opened<'_>| match &file.built.composition {
            Composition::Object(name) => served.shape(name, file.built).is_none(),
            Composition::Service(_) => false,
        };
        let new_classes: Vec<_> = files.iter().filter(is_new_class).collect();
        for opened in parallel::each(&new_classes, |file| file.open(engine).map(drop)) {
            opened?;
        }
        let mut shapes = Shapes::new();
        for file in &files {
            let Composition::Object(name) = &file.built.composition else { continue };
            let known = served.shape(name, file.built);
            let shape = match known {
                Some(known) => Arc::clone(known),
                None => {
                    let component = file.open(engine)?;
                    prepare::shape(engine, file.built, component, self.shapes.get(name))?
                }
            };
            shapes.insert(name.clone(), shape);
        }
        let plans = files.iter().map(|file| Plan::new(self, folder, file, &shapes));
        let plans = plans.collect::<anyhow::Result<Vec<_>>>()?;
        let made = parallel::each(&plans, |plan| plan.make(self, folder, &shapes, &served));
        let app = self.put_together(folder, made.into_iter().collect::<anyhow::Result<_>>()?)?;
        self.shapes.extend(shapes);
        Ok(app)
    }

    fn put_together(&self, folder: &Folder, made: Vec<Made>) -> anyhow::Result<App> {
        let (mut services, mut classes) = (Vec::new(), BTreeMap::new());
        let (mut routes, mut header_bytes_max) = (Table::default(), HEADER_BYTES_MIN);
        for made in made {
            match made {
                Made::Service(service) => {
                    let known = folder.manifest.services.get(&*service.name);
                    for route in &known.context("a service")?.routes {
                        routes.insert(route.clone(), services.len())?;
                    }
                    let header_bytes = usize::try_from(service.limits.header_bytes)?;
                    header_bytes_max = header_bytes_max.max(header_bytes);
                    services.push(service);
                }
                Made::Class(class) => drop(classes.insert(Arc::clone(&class.name), class)),
            }
        }
        let objects = Arc::clone(&self.objects);
        Ok(App { services, classes, routes, header_bytes_max, objects })
    }
}

/// A composition whose component is opened when it is needed.
struct Opened<'b> {
    built: &'b Built,
    component: OnceLock<Component>,
}

impl<'b> Opened<'b> {
    fn new(built: &'b Built) -> Self {
        Self { built, component: OnceLock::new() }
    }

    fn open(&self, engine: &wasmtime::Engine) -> anyhow::Result<&Component> {
        if let Some(component) = self.component.get() {
            return Ok(component);
        }
        let component = self.built.open(engine)?;
        Ok(self.component.get_or_init(|| component))
    }
}

/// What is served, by name.
#[derive(Default)]
struct Served<'a> {
    services: BTreeMap<&'a str, &'a Arc<Service>>,
    classes: BTreeMap<&'a str, &'a Arc<Class>>,
}

impl<'a> Served<'a> {
    fn of(app: Option<&'a App>) -> Self {
        let Some(app) = app else { return Self::default() };
        let services = app.services.iter().map(|it| (&*it.name, it)).collect();
        let classes = app.classes.iter().map(|(name, it)| (&**name, it)).collect();
        Self { services, classes }
    }

    /// What the objects of a class export, where its component is the same.
    fn shape(
        &self,
        name: &Name,
        built: &Built,
    ) -> Option<&Arc<crate::guest::object::class::Shape>> {
        let class = self.classes.get(name.as_str())?;
        class.identity.starts_with(built.sha256()).then_some(&class.shape)
    }
}

/// A composition, and everything that its service or class is to be made of.
struct Plan<'p> {
    file: &'p Opened<'p>,
    callees: prepare::Callees,
    provision: Arc<Provision>,
    /// Tells whether what is served is the same.
    identity: String,
}

enum Made {
    Service(Arc<Service>),
    Class(Arc<Class>),
}

impl<'p> Plan<'p> {
    fn new(
        house: &House,
        folder: &Folder,
        file: &'p Opened<'p>,
        shapes: &Shapes,
    ) -> anyhow::Result<Self> {
        let (manifest, composition) = (&folder.manifest, &file.built.composition);
        let callees = prepare::callees(manifest, file.built, shapes)?;
        let (component, middleware) = manifest.composed(composition).context("a composition")?;
        let grants = manifest.grants_of(component, middleware);
        let config = config(folder, &grants)?;
        let called: Vec<&Name> = callees.iter().map(|(class, _)| class).collect();
        let mut parts = format!("{component} {grants:?} {config:?} {called:?}");
        match composition {
            Composition::Service(name) => {
                let service = manifest.services.get(name).context("a service")?;
                // Which stores there are decides how one is refused that is not granted.
                parts.push_str(&format!("{:?} {:?}", service.limits, manifest.keyvalue.keys()));
            }
            // The same is no reason to take an object what it has in memory.
            Composition::Object(name) => {
                let object = manifest.objects.get(name).context("a class of objects")?;
                parts.push_str(&format!("{} {:?}", object.serial, object.limits));
            }
        }
        // Secrets are in there: only the hash is kept.
        let identity = format!("{} {}", file.built.sha256(), content_hash(parts.as_bytes()));
        let provision = provide(house, folder, composition, component, grants, config);
        Ok(Self { file, callees, provision, identity })
    }

    fn make(
        &self,
        house: &House,
        folder: &Folder,
        shapes: &Shapes,
        served: &Served<'_>,
    ) -> anyhow::Result<Made> {
        let rooms = &house.rooms;
        let (identity, provision) = (self.identity.clone(), Arc::clone(&self.provision));
        match &self.file.built.composition {
            Composition::Service(name) => {
                let same = served.services.get(name.as_str());
                if let Some(same) = same.filter(|service| service.identity == identity) {
                    return Ok(Made::Service(Arc::clone(same)));
                }
                let service = folder.manifest.services.get(name).context("a service")?;
                let (limits, name) = (service.limits.clone(), Arc::from(name.as_str()));
                let part = self.part(rooms)?;
                let handler = InRooms::new(rooms, move |room| part.service(room))?;
                let settings = ServiceSettings { name, limits, identity, provision };
                Ok(Made::Service(Arc::new(Service::new(settings, handler, rooms))))
            }
            Composition::Object(name) => {
                let same = served.classes.get(name.as_str());
                if let Some(same) = same.filter(|class| class.identity == identity) {
                    return Ok(Made::Class(Arc::clone(same)));
                }
                let object = folder.manifest.objects.get(name).context("a class of objects")?;
                let shape = Arc::clone(shapes.get(name).context("a shape of each class")?);
                let part = self.part(rooms)?;
                let linked = InRooms::new(rooms, move |room| part.class(room, &shape))?;
                let (serial, limits) = (object.serial, object.limits.clone());
                let name = Arc::from(name.as_str());
                let settings = ClassSettings { name, serial, limits, identity, provision };
                Ok(Made::Class(Arc::new(Class::new(settings, linked, rooms))))
            }
        }
    }

    fn part(&self, rooms: &Rooms) -> anyhow::Result<Part> {
        let component = self.file.open(&rooms.first().engine)?.clone();
        Ok(Part { built: self.file.built.clone(), component, callees: self.callees.clone() })
    }
}

/// Gathers what a composition is granted.
fn provide(
    house: &House,
    folder: &Folder,
    composition: &Composition,
    component: &Name,
    grants: Grants,
    config: Vec<(String, String)>,
) -> Arc<Provision> {
    let Grants { keyvalue, allow_hosts, objects, .. } = grants;
    let name: Arc<str> = Arc::from(composition.name().as_str());
    let stores = folder.manifest.keyvalue.keys().cloned();
    Arc::new(Provision {
        service: Arc::clone(&name),
        component: Arc::from(component.as_str()),
        config: config.into_iter().collect::<WasiConfigVariables>(),
        allowed: Arc::new(Allowed { service: name, hosts: allow_hosts }),
        stores: Arc::clone(&house.stores),
        store_grants: Arc::new(StoreGrants::new(keyvalue, stores)),
        objects: Arc::clone(&house.objects),
        object_grants: Arc::new(objects),
    })
}

/// Vars and secrets, each with its value.
///
/// # Errors
/// Where a secret is not there.
fn config(folder: &Folder, grants: &Grants) -> anyhow::Result<Vec<(String, String)>> {
    let vars = grants.vars.iter().map(|(key, value)| Ok((key.clone(), value.clone())));
    let secrets = grants.secrets.iter().map(|secret| {
        let source = folder.manifest.secrets.get(secret).context("a secret of the manifest")?;
        Ok((secret.to_string(), read_secret(&folder.folders.app, secret, source)?))
    });
    vars.chain(secrets).collect()
}

/// The value of a secret, from where the manifest says.
///
/// # Errors
/// Where it is not there: one sentence with the next step.
pub(in crate::commands) fn read_secret(
    app: &Path,
    name: &Name,
    source: &SecretSource,
) -> anyhow::Result<String> {
    match source {
        SecretSource::Env(variable) => std::env::var(variable).map_err(|error| {
            anyhow::anyhow!("secret {name}: the environment variable {variable} is not usable ({error}); set it before serving")
        }),
        SecretSource::File(path) => {
            let path = app.join(path);
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("secret {name}: cannot read {}", path.display()))?;
            // Editors and `echo` end a file with a line break that is no part of the secret.
            Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
        }
    }
}

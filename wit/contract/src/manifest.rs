//! The app manifest, `selvedge.toml`: what an app is made of, and what each part may reach.
//!
//! Both hosts read the same text with the same rules. A manifest that is parsed is whole: every
//! name it uses is declared, every limit is in range, no two services claim one route, no two
//! classes of objects have one name in JavaScript.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub use self::error::{Composition, ManifestError, ManifestErrorKind, Sort};
pub use crate::host::HostPattern;
use crate::language::{Engine, Language};
use crate::limits::{Limits, ObjectLimits};
use crate::names::Name;
use crate::route::{Conflict, Pattern, Table};

mod document;
mod error;
mod read;
mod verify;

/// An app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The app's name.
    pub name: Name,
    /// The components, by name.
    pub components: BTreeMap<Name, Component>,
    /// The services, by name.
    pub services: BTreeMap<Name, Service>,
    /// The classes of durable objects, by name.
    pub objects: BTreeMap<Name, Object>,
    /// The key-value stores, by name.
    pub keyvalue: BTreeMap<Name, KeyValueStore>,
    /// Where the secrets come from, by name.
    pub secrets: BTreeMap<Name, SecretSource>,
}

/// A component: where it comes from, and what it is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Where it comes from.
    pub source: Source,
    /// Components whose exports are plugged into its imports.
    pub dependencies: Vec<Name>,
    /// Stores that it may open.
    pub keyvalue: Vec<Name>,
    /// Classes of objects that it may call.
    pub objects: Vec<Name>,
    /// Hosts that it may send requests to.
    pub allow_hosts: Vec<HostPattern>,
    /// Values of `wasi:config` that are no secret.
    pub vars: BTreeMap<String, String>,
    /// Values of `wasi:config` that are.
    pub secrets: Vec<Name>,
}

/// Where a component comes from. Paths are relative to the app's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A crate, built by cargo for `wasm32-wasip2`.
    Cargo {
        /// The folder with its `Cargo.toml`.
        folder: PathBuf,
    },
    /// A folder in another language than Rust.
    Language {
        /// The folder of the sources.
        folder: PathBuf,
        /// What they are written in.
        language: Language,
        /// The world that they are built for, where their WIT has several.
        world: Option<String>,
        /// What runs them, where they are JavaScript.
        engine: Option<Engine>,
    },
    /// A folder with a command that builds it.
    Command {
        /// The folder in which the command runs.
        folder: PathBuf,
        /// What `sh -c` runs.
        command: String,
        /// The file that the command writes.
        wasm: PathBuf,
    },
    /// A component that is ready.
    Ready {
        /// The file.
        wasm: PathBuf,
    },
}

/// A service: a component with the middleware in front of it, and the routes it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The component that answers.
    pub component: Name,
    /// The routes; there is at least one.
    pub routes: Vec<Pattern>,
    /// Components in front of it, outermost first.
    pub middleware: Vec<Name>,
    /// The defaults, the app's and the service's own limits, merged.
    pub limits: Limits,
}

/// A class of durable objects: a component of which each name has one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The component that an object runs, with grants of its own as that of a service has.
    pub component: Name,
    /// Whether an object finishes one call before it begins the next.
    pub serial: bool,
    /// The defaults and the class's own limits, merged; the app's do not apply.
    pub limits: ObjectLimits,
}

/// A key-value store of the app. It has no settings yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyValueStore {}

/// Where the value of a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A variable of the host's environment.
    Env(String),
    /// A file, relative to the app's folder or absolute.
    File(PathBuf),
}

/// What a service or an object may reach: the union of what its parts are granted, since a
/// composition is one domain of trust.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// Stores that it may open.
    pub keyvalue: BTreeSet<Name>,
    /// Classes of objects that it may call.
    pub objects: BTreeSet<Name>,
    /// Hosts that it may send requests to, each once.
    pub allow_hosts: Vec<HostPattern>,
    /// Values of `wasi:config` that are no secret.
    pub vars: BTreeMap<String, String>,
    /// Values of `wasi:config` that are.
    pub secrets: BTreeSet<Name>,
}

impl Composition {
    /// Its name in the manifest.
    pub fn name(&self) -> &Name {
        match self {
            Self::Service(name) | Self::Object(name) => name,
        }
    }
}

impl Manifest {
    /// Everything that is put together from components: the services, then the classes of objects.
    pub fn compositions(&self) -> impl Iterator<Item = Composition> {
        let services = self.services.keys().cloned().map(Composition::Service);
        services.chain(self.objects.keys().cloned().map(Composition::Object))
    }

    /// The component of a composition, and the middleware in front of it; `None` where it is not of
    /// this app.
    pub fn composed(&self, composition: &Composition) -> Option<(&Name, &[Name])> {
        match composition {
            Composition::Service(name) => {
                self.services.get(name).map(|it| (&it.component, it.middleware.as_slice()))
            }
            Composition::Object(name) => {
                self.objects.get(name).map(|it| (&it.component, Default::default()))
            }
        }
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the text. Where the text is not TOML, only
    /// that is told.
    pub fn parse(text: &str) -> Result<Self, Vec<ManifestError>> {
        read::manifest(text)
    }

    /// [`Self::parts_of`] a service.
    pub fn parts<'m>(&'m self, service: &'m Service) -> Vec<&'m Name> {
        self.parts_of(&service.component, &service.middleware)
    }

    /// [`Self::grants_of`] a service.
    pub fn grants(&self, service: &Service) -> Grants {
        self.grants_of(&service.component, &service.middleware)
    }

    /// All parts of a composition, each once: the middleware, outermost first, then the component,
    /// then the dependencies of all of these. An object has no middleware.
    pub fn parts_of<'m>(&'m self, component: &'m Name, middleware: &'m [Name]) -> Vec<&'m Name> {
        let mut parts: Vec<&Name> = Vec::new();
        let mut waiting: Vec<&Name> = middleware.iter().collect();
        waiting.push(component);
        while !waiting.is_empty() {
            let mut next = Vec::new();
            for name in waiting {
                if !parts.contains(&name) {
                    parts.push(name);
                    next.extend(
                        self.components.get(name).into_iter().flat_map(|part| &part.dependencies),
                    );
                }
            }
            waiting = next;
        }
        parts
    }

    /// What a composition may reach. Where two parts have a var of one name, that of `component`
    /// counts, then that of the part which [`Self::parts_of`] gives first.
    pub fn grants_of(&self, component: &Name, middleware: &[Name]) -> Grants {
        let mut grants = Grants::default();
        let own = std::iter::once(component);
        for name in own.chain(self.parts_of(component, middleware)) {
            let Some(part) = self.components.get(name) else { continue };
            grants.keyvalue.extend(part.keyvalue.iter().cloned());
            grants.objects.extend(part.objects.iter().cloned());
            grants.secrets.extend(part.secrets.iter().cloned());
            for host in &part.allow_hosts {
                if !grants.allow_hosts.contains(host) {
                    grants.allow_hosts.push(host.clone());
                }
            }
            for (key, value) in &part.vars {
                grants.vars.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        grants
    }

    /// The table that finds the service for a request.
    ///
    /// # Errors
    /// [`Conflict`] where two services claim one route, which a manifest that was parsed has not.
    pub fn routes(&self) -> Result<Table<Name>, Conflict> {
        let mut table = Table::new();
        for (name, service) in &self.services {
            for route in &service.routes {
                table.insert(route.clone(), name.clone())?;
            }
        }
        Ok(table)
    }
}

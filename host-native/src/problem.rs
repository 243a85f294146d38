//! What can be wrong with an app whose manifest is in order: one sentence each, with the next step.
//! Found by `wiring`, told by `selvedge build` and `selvedge check`.

use crate::callee::AmbiguousClass;
use crate::inspect::{HANDLER, InspectError};
use crate::object_shape::Difference;
use selvedge_contract::manifest::Composition;
use selvedge_contract::names::Name;
use serde::Serialize;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Severity {
    /// The app cannot be built or served.
    Error,
    /// It can, and a part of it will not do what it was made for.
    Warning,
    /// It can, and somebody may wonder.
    Note,
}

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// A folder of sources that is not there.
    #[error(
        "component \"{component}\": there is no folder {folder}; create it, or correct `source`"
    )]
    NoFolder { component: Name, folder: String },
    /// A folder without a crate.
    #[error(
        "component \"{component}\": {folder} holds no Cargo.toml; add one, or say how it is built with `build` and `wasm`"
    )]
    NoCrate { component: Name, folder: String },
    /// Sources that do not build; the compiler has said why.
    #[error("component \"{component}\": {reason}")]
    BuildFailed { component: Name, reason: String },
    /// Something about a component's language that its author should know of.
    #[error("component \"{component}\": {note}")]
    OfLanguage { component: Name, note: String },
    /// A file that cannot be read.
    #[error("component \"{component}\": cannot read {path}: {reason}; correct `wasm`")]
    Unreadable { component: Name, path: String, reason: String },
    /// A component that was not built yet.
    #[error(
        "component \"{component}\" is not built, so its imports and exports were not checked; run `selvedge build`"
    )]
    NotBuilt { component: Name },
    /// A file that is no component.
    #[error("component \"{component}\": {path} {error}")]
    NotAComponent { component: Name, path: String, error: InspectError },
    /// A component for a draft of WASI 0.3.
    #[error(
        "component \"{component}\" exports {export}, a draft that no host takes; build it again with bindings for {HANDLER}"
    )]
    Draft { component: Name, export: String },
    /// A service's component that answers no requests.
    #[error(
        "component \"{component}\" {what}, so service \"{service}\" cannot answer with it; export {HANDLER} (or wasi:http/incoming-handler@0.2.0)"
    )]
    NoHandler { component: Name, service: Name, what: String },
    /// A middleware where a service should be.
    #[error(
        "component \"{component}\" of service \"{service}\" is a middleware: it imports {HANDLER} and has nothing behind it; name it in `middleware`, and the component behind it in `component`"
    )]
    NothingBehind { component: Name, service: Name },
    /// A middleware that is none.
    #[error(
        "component \"{component}\" cannot be middleware of service \"{service}\": it does not {lacks} {HANDLER}"
    )]
    NotMiddleware { component: Name, service: Name, lacks: &'static str },
    /// Middleware in front of a handler that knows none.
    #[error(
        "middleware \"{middleware}\" of service \"{service}\" needs a component behind it that exports {HANDLER}, and \"{component}\" exports {export}; build \"{component}\" for WASI 0.3, or leave the middleware out"
    )]
    MiddlewareBefore02 { middleware: Name, service: Name, component: Name, export: String },
    /// An import that nobody satisfies.
    #[error(
        "component \"{component}\" imports {import}, which no host offers and no dependency exports; {hint}"
    )]
    MissingImport { component: Name, import: String, hint: String },
    /// A dependency that satisfies nothing.
    #[error(
        "component \"{component}\" imports nothing that its dependency \"{dependency}\" exports ({exports}); leave the dependency out"
    )]
    UselessDependency { component: Name, dependency: Name, exports: String },
    /// Two dependencies for one import.
    #[error(
        "component \"{component}\" imports {import}, which both of its dependencies \"{first}\" and \"{second}\" export; leave one of them out"
    )]
    AmbiguousDependency { component: Name, import: String, first: Name, second: Name },
    /// A component that cannot be an object.
    #[error("component \"{component}\" cannot be object class \"{class}\": {reason}")]
    NotAnObject { component: Name, class: Name, reason: String },
    /// Two classes whose objects have one interface, for a component that imports it.
    #[error("component \"{component}\" {ambiguous}")]
    AmbiguousClass { component: Name, ambiguous: AmbiguousClass },
    /// A component that calls objects in another way than they are called.
    #[error(
        "component \"{component}\" imports {import} in another shape than the objects of class \"{class}\" export it: {difference}; build both with the same WIT"
    )]
    OtherShape { component: Name, import: String, class: Name, difference: Box<Difference> },
    /// A class of objects that is called, and not granted.
    #[error(
        "component \"{component}\" imports {import} of object class \"{class}\", which is not granted to it, so its calls are refused; add objects = [\"{class}\"] to [components.{component}]"
    )]
    NoClassGranted { component: Name, import: String, class: Name },
    /// An export that does not fit the import of the same name.
    #[error(
        "component \"{from}\" exports {export}, but not in the shape in which \"{into}\" imports it: {reason}; build both from the same WIT"
    )]
    Mismatch { into: Name, from: Name, export: String, reason: String },
    /// Parts that cannot be composed for another reason.
    #[error("{composition} cannot be composed: {reason}")]
    NotComposed { composition: Composition, reason: String },
    /// A composition that the host cannot link.
    #[error("{composition} does not fit this host: {reason}")]
    NotLinked { composition: Composition, reason: String },
    /// Something that this machine refuses.
    #[error("{action}: {reason}")]
    System { action: String, reason: String },
    /// Stores asked for, and none granted.
    #[error(
        "component \"{component}\" imports {import}, but no store is granted, so it can open none; add keyvalue = [\"…\"] to [components.{component}]"
    )]
    NoStoreGranted { component: Name, import: String },
    /// Outbound requests asked for, and no host granted.
    #[error(
        "component \"{component}\" imports {import}, but no host is granted, so its requests are refused; add allow-hosts = [\"…\"] to [components.{component}] if it sends any"
    )]
    NoHostGranted { component: Name, import: String },
    /// A grant that nobody asks for.
    #[error("component \"{component}\" is granted {grant}, but imports nothing that uses it")]
    UnusedGrant { component: Name, grant: &'static str },
    /// A component that is in no service.
    #[error("component \"{component}\" is in no service, so nothing runs it")]
    UnusedComponent { component: Name },
}

impl Problem {
    /// How bad it is.
    pub(crate) const fn severity(&self) -> Severity {
        match self {
            Self::NotBuilt { .. } | Self::NoStoreGranted { .. } | Self::NoClassGranted { .. } => {
                Severity::Warning
            }
            Self::NoHostGranted { .. }
            | Self::OfLanguage { .. }
            | Self::UnusedGrant { .. }
            | Self::UnusedComponent { .. } => Severity::Note,
            _ => Severity::Error,
        }
    }

    /// Whether it stops a build.
    pub(crate) fn is_error(&self) -> bool {
        self.severity() == Severity::Error
    }
}

impl Severity {
    /// How it is called in a line of output.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

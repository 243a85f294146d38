//! Why a component cannot be a durable object, in words for its author.

use std::fmt;

/// One reason why a component cannot be a durable object. Interfaces are named with package and
/// version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ShapeError {
    /// It is no component, or damaged. Whoever validated the bytes before has said more.
    #[error("is not a valid component ({reason}); build it again")]
    Invalid {
        /// What the parser found.
        reason: String,
    },
    /// Nothing that it exports has a resource of its own.
    #[error(
        "exports no interface with a resource of its own, so nothing of it can be called as an object (it exports {}); export an interface with one resource, whose constructor takes the object's name",
        List(.exports)
    )]
    NoResource {
        /// All that it exports, in the component's order.
        exports: Vec<String>,
    },
    /// More than one interface has a resource of its own.
    #[error(
        "exports several interfaces with a resource ({}), and a class of objects has one; put each into a component of its own",
        List(.interfaces)
    )]
    SeveralInterfaces {
        /// Those with a resource, in the component's order.
        interfaces: Vec<String>,
    },
    /// Another interface beside the object's has functions, which nobody could call.
    #[error(
        "exports {interface} beside the object's interface, and only a constructor and methods can be called on an object; remove it from the world, or make its functions methods of the resource"
    )]
    ExtraInterface {
        /// The interface, which has no resource of its own.
        interface: String,
    },
    /// The interface has more than one resource of its own.
    #[error(
        "{interface}: has several resources ({}), and a class of objects has one; keep the one that callers construct by name, and give the others' parts as values",
        List(.resources)
    )]
    SeveralResources {
        /// The interface.
        interface: String,
        /// Its own resources, in the component's order.
        resources: Vec<String>,
    },
    /// Callers have no way to name an object.
    #[error(
        "{interface}: resource {resource} has no constructor; add `constructor(name: string);`, by which callers name the object"
    )]
    NoConstructor {
        /// The interface.
        interface: String,
        /// The resource.
        resource: String,
    },
    /// The constructor takes something else than one name.
    #[error(
        "{interface}: the constructor of {resource} takes {found}, and must take the object's name; make it `constructor(name: string);`"
    )]
    ConstructorParameters {
        /// The interface.
        interface: String,
        /// The resource.
        resource: String,
        /// What it takes, in words.
        found: String,
    },
    /// The constructor may answer an error. Making a stub calls nobody, so nobody could answer it.
    #[error(
        "{interface}: the constructor of {resource} gives a result, and making a stub cannot fail; make it `constructor(name: string);`, and let methods answer errors"
    )]
    ConstructorFallible {
        /// The interface.
        interface: String,
        /// The resource.
        resource: String,
    },
    /// The interface has something that is neither the resource's constructor nor its method.
    #[error(
        "{interface}: {item} is not a method of {resource}, and only a constructor and methods can be called on an object; make it a method or remove it"
    )]
    NotAMethod {
        /// The interface.
        interface: String,
        /// The resource.
        resource: String,
        /// `reset-all` for a free function, `counter.parse` for a static one.
        item: String,
    },
    /// A method takes or gives something that is not a value.
    #[error(
        "{interface}: {method} has {held} in {place}, and only values reach an object; {}",
        .held.remedy()
    )]
    NotAValue {
        /// The interface.
        interface: String,
        /// Resource and method: `counter.add`.
        method: String,
        /// Where in the method's signature.
        place: Place,
        /// What is there.
        held: Held,
    },
}

/// A part of a method's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// The parameter of this name, or a part of it.
    Parameter(String),
    /// The result, or a part of it.
    Result,
}

/// What belongs to one instance, and cannot be copied to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Held {
    /// A stream, of whatever.
    Stream,
    /// A future, of whatever.
    Future,
    /// An error-context.
    ErrorContext,
    /// An owned handle of a resource, the object's own or another.
    Own {
        /// The resource, as the interface calls it.
        resource: String,
    },
    /// A borrowed handle of a resource, the object's own or another.
    Borrow {
        /// The resource, as the interface calls it.
        resource: String,
    },
}

impl Held {
    /// What an author may do instead.
    fn remedy(&self) -> &'static str {
        match self {
            Self::Stream => "pass a list, in parts over several calls where it is long",
            Self::Future => "pass the value itself, from an async method",
            Self::ErrorContext => "pass a string",
            Self::Own { .. } | Self::Borrow { .. } => {
                "pass what it holds, or a name by which the other side opens its own"
            }
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream => formatter.write_str("a stream"),
            Self::Future => formatter.write_str("a future"),
            Self::ErrorContext => formatter.write_str("an error-context"),
            Self::Own { resource } => write!(formatter, "a handle (own<{resource}>)"),
            Self::Borrow { resource } => write!(formatter, "a handle (borrow<{resource}>)"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name) => write!(formatter, "parameter {name:?}"),
            Self::Result => formatter.write_str("its result"),
        }
    }
}

/// Names with commas between them.
struct List<'n>(&'n [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(names) = self;
        formatter.write_str(if names.is_empty() { "nothing" } else { "" })?;
        formatter.write_str(&names.join(", "))
    }
}

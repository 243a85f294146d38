//! What can be wrong with a manifest, told in one sentence with the next step.

use std::fmt;

use crate::host::HostError;
use crate::language::Language;
use crate::limits::LimitError;
use crate::names::{Name, NameError};
use crate::route::{Pattern, PatternError};

/// Something wrong in a manifest. Its text does not tell the place; `line` and `column` do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ManifestError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub kind: ManifestErrorKind,
}

/// What is declared in a table of its own, and referred to by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// In `[components]`.
    Component,
    /// In `[keyvalue]`.
    KeyValueStore,
    /// In `[objects]`.
    Object,
    /// In `[secrets]`.
    Secret,
}

/// What components are composed to, by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Composition {
    /// A service, with its middleware.
    Service(Name),
    /// A class of objects.
    Object(Name),
}

/// What is wrong. `table` is the path of a table, as in `services.hello`, and empty at the top.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestErrorKind {
    /// The text is not TOML.
    #[error("the manifest is not valid TOML: {message}")]
    Syntax {
        /// What the parser found.
        message: String,
    },
    /// A key that has no meaning there.
    #[error("unknown key {key:?} {}; {}", In(table), nearest_key(nearest.as_deref(), known))]
    UnknownKey {
        /// Where it stands.
        table: String,
        /// The key.
        key: String,
        /// The known key that looks most like it.
        nearest: Option<String>,
        /// All keys that have a meaning there.
        known: Vec<&'static str>,
    },
    /// A key that has to be there.
    #[error("key {key:?} is missing {}; add {example}", In(table))]
    MissingKey {
        /// Where it should stand.
        table: String,
        /// The key.
        key: &'static str,
        /// A line that mends it.
        example: &'static str,
    },
    /// A value of another type.
    #[error("{key:?} {} is {found}, and must be {expected}", In(table))]
    WrongType {
        /// Where it stands.
        table: String,
        /// The key.
        key: String,
        /// What the value must be, with its article.
        expected: &'static str,
        /// What it is, with its article.
        found: &'static str,
    },
    /// A text that is none of those that have a meaning.
    #[error("{value:?} is no {key} {}; {}", In(table), nearest_value(nearest.as_deref(), known))]
    UnknownValue {
        /// Where it stands.
        table: String,
        /// The key.
        key: &'static str,
        /// The text.
        value: String,
        /// The known text that looks most like it.
        nearest: Option<String>,
        /// All texts that have a meaning there.
        known: Vec<&'static str>,
    },
    /// A key that has no meaning for the language beside it.
    #[error("{key:?} {} has no meaning where the language is {}; leave it out", In(table), language.name())]
    NotOfLanguage {
        /// Where it stands.
        table: String,
        /// The key.
        key: &'static str,
        /// The language.
        language: Language,
    },
    /// A text without characters.
    #[error("{key:?} {} has an empty text; write something or leave it out", In(table))]
    Empty {
        /// Where it stands.
        table: String,
        /// The key.
        key: String,
    },
    /// A name that is not kebab-case.
    #[error("{name:?} {} cannot be a name: {error}; write it like \"my-name\"", In(table))]
    BadName {
        /// Where it stands.
        table: String,
        /// The text.
        name: String,
        /// The rule it breaks.
        error: NameError,
    },
    /// A text that is no route.
    #[error("{route:?} {} is not a route: {error}", In(table))]
    BadRoute {
        /// Where it stands.
        table: String,
        /// The text.
        route: String,
        /// The rule it breaks.
        error: PatternError,
    },
    /// A text that is no pattern of hosts.
    #[error("{host:?} {} is not a host: {error}", In(table))]
    BadHost {
        /// Where it stands.
        table: String,
        /// The text.
        host: String,
        /// The rule it breaks.
        error: HostError,
    },
    /// A path that names a place on one machine.
    #[error("{key:?} {} is the absolute path {path:?}; write it relative to the app", In(table))]
    AbsolutePath {
        /// Where it stands.
        table: String,
        /// The key.
        key: &'static str,
        /// The path.
        path: String,
    },
    /// A limit over or under what it can be.
    #[error("{} {} is {found}; write a number from {} to {}", error.key, In(table), error.min, error.max)]
    LimitOutOfRange {
        /// Where it stands.
        table: String,
        /// The number.
        found: String,
        /// The range.
        error: LimitError,
    },
    /// A name that is used but nowhere declared.
    #[error("{sort} {name:?}, used {}, is not declared; {}", In(table), nearest_name(*sort, name, nearest.as_deref()))]
    Undeclared {
        /// Where it is used.
        table: String,
        /// What it should be.
        sort: Sort,
        /// The name.
        name: String,
        /// The declared name that looks most like it.
        nearest: Option<String>,
    },
    /// One thing named twice in a list.
    #[error("{item:?} is twice in {key:?} {}; leave one out", In(table))]
    Repeated {
        /// Where the list stands.
        table: String,
        /// The key of the list.
        key: &'static str,
        /// What is there twice.
        item: String,
    },
    /// Keys that mean something only together with another.
    #[error(
        "{} has {} but no {needs:?}; add {needs:?}, or leave out {or_drop:?}",
        At(table),
        Keys(has)
    )]
    NeedsKey {
        /// Where they stand.
        table: String,
        /// The keys that are there.
        has: &'static [&'static str],
        /// The key that is not.
        needs: &'static str,
        /// The key to leave out where that is not wanted.
        or_drop: &'static str,
    },
    /// Neither of two keys.
    #[error("{} has neither {first:?} nor {second:?}; add {example}", At(table))]
    Neither {
        /// Where one of them should stand.
        table: String,
        /// One key.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// A line that mends it.
        example: &'static str,
    },
    /// Both of two keys, of which one is allowed.
    #[error("{} has both {first:?} and {second:?}; keep one", At(table))]
    Both {
        /// Where they stand.
        table: String,
        /// One key.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A service that no request can reach.
    #[error(
        "service \"{service}\" has no routes, so nothing can reach it; add routes = [\"/{service}\"]"
    )]
    NoRoutes {
        /// The service.
        service: Name,
    },
    /// Two services, or one service twice, claim the same requests.
    #[error(
        "route \"{route}\" of service \"{service}\" is taken: service \"{other}\" has \"{other_route}\"; change one of them"
    )]
    RouteTaken {
        /// The route.
        route: Pattern,
        /// The service that asks for it.
        service: Name,
        /// The service that has it.
        other: Name,
        /// How that service writes it.
        other_route: Pattern,
    },
    /// A service whose component stands in front of itself.
    #[error(
        "service \"{service}\" has its own component \"{component}\" as middleware; name it only once"
    )]
    OwnMiddleware {
        /// The service.
        service: Name,
        /// The component.
        component: Name,
    },
    /// Components that need each other.
    #[error(
        "components depend on each other in a circle, {}; remove one of these dependencies",
        Circle(components)
    )]
    DependencyCycle {
        /// The components, each depending on the next, and the last on the first.
        components: Vec<Name>,
    },
    /// One key of `wasi:config` with two meanings in one component.
    #[error("{name:?} is a var and a secret of component \"{component}\"; rename one of them")]
    VarIsSecret {
        /// The key.
        name: String,
        /// The component.
        component: Name,
    },
    /// One key of `wasi:config` with two meanings in one composition.
    #[error(
        "{name:?} is a var of component \"{var_of}\" and a secret of component \"{secret_of}\", \
         which share their configuration in {composition}; rename one of them"
    )]
    SharedVarIsSecret {
        /// The key.
        name: String,
        /// The part that has it as a var.
        var_of: Name,
        /// The part that is granted it as a secret.
        secret_of: Name,
        /// What they are parts of.
        composition: Composition,
    },
    /// Two classes of objects that JavaScript cannot tell apart.
    #[error(
        "object classes \"{class}\" and \"{other}\" are both {javascript:?} in the JavaScript of \
         Workers; rename one of them"
    )]
    SameClass {
        /// The class.
        class: Name,
        /// The class that has the name already.
        other: Name,
        /// What both are called there.
        javascript: String,
    },
}

impl Sort {
    /// The table that declares it.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Component => "components",
            Self::KeyValueStore => "keyvalue",
            Self::Object => "objects",
            Self::Secret => "secrets",
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Component => "component",
            Self::KeyValueStore => "key-value store",
            Self::Object => "object class",
            Self::Secret => "secret",
        })
    }
}

impl fmt::Display for Composition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(name) => write!(formatter, "service \"{name}\""),
            Self::Object(class) => write!(formatter, "object class \"{class}\""),
        }
    }
}

struct At<'e>(&'e str);
struct In<'e>(&'e str);
struct Keys<'e>(&'e [&'static str]);
struct Circle<'e>(&'e [Name]);

impl fmt::Display for At<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            formatter.write_str("the manifest")
        } else {
            write!(formatter, "[{}]", self.0)
        }
    }
}

impl fmt::Display for In<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            formatter.write_str("at the top")
        } else {
            write!(formatter, "in [{}]", self.0)
        }
    }
}

impl fmt::Display for Keys<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted: Vec<String> = self.0.iter().map(|key| format!("{key:?}")).collect();
        formatter.write_str(&quoted.join(" and "))
    }
}

impl fmt::Display for Circle<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let around = self.0.iter().chain(self.0.first());
        let names: Vec<&str> = around.map(Name::as_str).collect();
        formatter.write_str(&names.join(" -> "))
    }
}

fn nearest_key(nearest: Option<&str>, known: &[&str]) -> String {
    match nearest {
        Some(nearest) => format!("did you mean {nearest:?}?"),
        None if known.is_empty() => "no key is known there, leave it out".to_owned(),
        None => format!("the known keys are {}", known.join(", ")),
    }
}

fn nearest_value(nearest: Option<&str>, known: &[&str]) -> String {
    match nearest {
        Some(nearest) => format!("did you mean {nearest:?}?"),
        None => format!("known are {}", known.join(", ")),
    }
}

fn nearest_name(sort: Sort, name: &str, nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("did you mean {nearest:?}?"),
        None => format!("add [{}.{name}]", sort.table()),
    }
}

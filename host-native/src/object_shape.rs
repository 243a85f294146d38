//! Whether a component can be a durable object, and what it then offers, read from its types without
//! running or compiling it. For building, checking and starting; no call passes here.
//!
//! An object's component exports one interface with one resource, which is its callers' stub: the
//! constructor takes the object's name, and methods take and give values only, since a handle, a
//! stream or a future cannot reach an instance that lives elsewhere, or outlives its caller.
//!
//! Longer than other files, since a third of it is what is said to the author of a component that
//! is refused, and the rules and their words are best read together.

use crate::typed::Typed;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fmt;
use wasmparser::PrimitiveValType;
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentDefinedTypeId, ComponentEntityType,
    ComponentFuncType, ComponentInstanceType, ComponentValType, ResourceId,
};
use wasmparser::types::Types;

/// What a durable object offers: the interface that its callers import, and what the host may call
/// beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectShape {
    /// The interface, with package and version: `acme:counter/counters@0.1.0`.
    pub(crate) interface: String,
    /// The interface's one resource: `counter`.
    pub(crate) resource: String,
    /// The resource's methods by their WIT names, in the component's order; there may be none.
    pub(crate) methods: Vec<String>,
    /// It exports `selvedge:durable/alarm-handler`, and so may set alarms.
    pub(crate) handles_alarms: bool,
    /// It exports `selvedge:durable/lifecycle`, and so is told of its start.
    pub(crate) has_lifecycle: bool,
    /// It exports `wasi:http/handler`, and so can be called through the untyped door.
    pub(crate) answers_http: bool,
}

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

impl ObjectShape {
    /// Reads the shape of a component whose bytes were validated; code is not looked at again.
    ///
    /// # Errors
    /// Every reason why it cannot be an object; never an empty list. What its methods take and give
    /// is judged only where it is clear which resource is the object.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, Vec<ShapeError>> {
        let component = Component::read(bytes).map_err(|reason| vec![invalid(reason)])?;
        let (objects, extras): (Vec<_>, Vec<_>) =
            component.interfaces().into_iter().partition(|found| !found.resources.is_empty());
        let mut errors = Vec::new();
        let shape = match objects.as_slice() {
            [] => {
                let exports = component.typed.exports.clone();
                return Err(vec![ShapeError::NoResource { exports }]);
            }
            [object] => component.object(object, &mut errors),
            several => {
                let interfaces = several.iter().map(|object| object.name.to_owned()).collect();
                errors.push(ShapeError::SeveralInterfaces { interfaces });
                None
            }
        };
        for extra in extras.iter().filter(|extra| extra.has_functions()) {
            errors.push(ShapeError::ExtraInterface { interface: extra.name.to_owned() });
        }
        shape.filter(|_| errors.is_empty()).ok_or(errors)
    }
}

/// A component, and which of its resources are its own.
struct Component {
    typed: Typed,
    /// The resources that the component imports.
    imported: HashSet<ResourceId>,
}

impl Component {
    fn read(bytes: &[u8]) -> Result<Self, String> {
        let typed = Typed::read(bytes)?;
        let imported = imported_resources(&typed);
        Ok(Self { typed, imported })
    }

    /// The interfaces that may be the object's: those of the platform are not, and neither are
    /// instances without a package and a resource, which toolchains add (componentize-py's
    /// `exports`).
    fn interfaces(&self) -> Vec<Interface<'_>> {
        let mut named = self.imported.clone();
        let mut interfaces = Vec::new();
        for name in &self.typed.exports {
            let Some(instance) = self.typed.exported(name) else { continue };
            // A resource belongs to the first interface that names it; others only use it.
            let resources: Vec<_> = resources_of(instance)
                .filter(|(_, id)| named.insert(*id))
                .map(|(label, _)| label)
                .collect();
            let is_platform = name.starts_with("wasi:") || name.starts_with("selvedge:");
            if !is_platform && (name.contains(':') || !resources.is_empty()) {
                interfaces.push(Interface { name, instance, resources });
            }
        }
        interfaces
    }

    /// The shape, where the interface has but one resource; what is wrong goes to `errors`.
    fn object(&self, object: &Interface<'_>, errors: &mut Vec<ShapeError>) -> Option<ObjectShape> {
        let [resource] = object.resources.as_slice() else {
            errors.push(ShapeError::SeveralResources {
                interface: object.name.to_owned(),
                resources: object.resources.iter().map(ToString::to_string).collect(),
            });
            return None;
        };
        let mut judge = Judge {
            types: &self.typed.types,
            names: resources_of(object.instance).map(|(label, id)| (id, label)).collect(),
            interface: object.name,
            resource,
            methods: Vec::new(),
            errors,
        };
        judge.judge(object.instance);
        Some(ObjectShape {
            interface: object.name.to_owned(),
            resource: (*resource).to_owned(),
            methods: judge.methods,
            handles_alarms: self.has("selvedge:durable/alarm-handler", "0.1."),
            has_lifecycle: self.has("selvedge:durable/lifecycle", "0.1."),
            answers_http: self.has("wasi:http/handler", "0.3."),
        })
    }

    /// Whether it exports an interface of the platform, in a version of which we know that it fits.
    fn has(&self, interface: &str, version_prefix: &str) -> bool {
        self.typed.exports.iter().any(|name| {
            name.split_once('@').is_some_and(|(path, version)| {
                // A draft (`0.3.0-rc-…`) fits nothing but itself.
                path == interface && version.starts_with(version_prefix) && !version.contains('-')
            })
        })
    }
}

/// An exported instance.
struct Interface<'c> {
    name: &'c str,
    instance: &'c ComponentInstanceType,
    /// Those that are neither imported nor of an earlier interface.
    resources: Vec<&'c str>,
}

impl Interface<'_> {
    fn has_functions(&self) -> bool {
        self.instance.exports.values().any(|item| matches!(item.ty, ComponentEntityType::Func(_)))
    }
}

/// Goes through an interface and its one resource, and says what does not fit.
struct Judge<'a> {
    types: &'a Types,
    /// What the interface calls the resources that its functions can take.
    names: HashMap<ResourceId, &'a str>,
    interface: &'a str,
    resource: &'a str,
    methods: Vec<String>,
    errors: &'a mut Vec<ShapeError>,
}

impl Judge<'_> {
    fn judge(&mut self, instance: &ComponentInstanceType) {
        let mut has_constructor = false;
        for (name, item) in &instance.exports {
            let function = match item.ty {
                ComponentEntityType::Func(id) => self.types.as_ref().get(id),
                ComponentEntityType::Type { .. } => continue,
                // Modules, components and the like, which WIT has no words for.
                _ => None,
            };
            let method =
                name.strip_prefix("[method]").and_then(|path| self.of_resource(path)).zip(function);
            if let Some((method, function)) = method {
                self.methods.push(method.to_owned());
                self.method(method, function);
                continue;
            }
            let constructed = name.strip_prefix("[constructor]").zip(function);
            if let Some((_, function)) = constructed.filter(|(path, _)| *path == self.resource) {
                has_constructor = true;
                self.constructor(function);
                continue;
            }
            // `[static]counter.parse` is `counter.parse` in WIT, and so are other resources' own.
            let item = name.split_once(']').map_or(name.as_str(), |(_, path)| path).to_owned();
            let (interface, resource) = self.owner();
            self.errors.push(ShapeError::NotAMethod { interface, resource, item });
        }
        if !has_constructor {
            let (interface, resource) = self.owner();
            self.errors.push(ShapeError::NoConstructor { interface, resource });
        }
    }

    /// The last part of `counter.add`, where the first is the resource.
    fn of_resource<'n>(&self, path: &'n str) -> Option<&'n str> {
        path.split_once('.')
            .filter(|(resource, _)| *resource == self.resource)
            .map(|(_, name)| name)
    }

    fn owner(&self) -> (String, String) {
        (self.interface.to_owned(), self.resource.to_owned())
    }

    fn constructor(&mut self, function: &ComponentFuncType) {
        let found = match function.params.as_ref() {
            [] => Some("nothing".to_owned()),
            [(_, ty)] if self.is_string(ty) => None,
            [(name, _)] => Some(format!("{:?}, which is no string", name.as_str())),
            several => Some(format!("{} parameters", several.len())),
        };
        if let Some(found) = found {
            let (interface, resource) = self.owner();
            self.errors.push(ShapeError::ConstructorParameters { interface, resource, found });
        }
        // The validator has seen to it that what it gives is the resource, or a result with it.
        let gives = function.result.as_ref().and_then(|ty| self.defined(ty));
        if !matches!(gives, Some(ComponentDefinedType::Own(_))) {
            let (interface, resource) = self.owner();
            self.errors.push(ShapeError::ConstructorFallible { interface, resource });
        }
    }

    fn method(&mut self, name: &str, function: &ComponentFuncType) {
        // The first is the object, as the validator has seen to.
        let parameters = function.params.iter().skip(1);
        let mut parts: Vec<_> = parameters
            .map(|(name, ty)| (Place::Parameter(name.as_str().to_owned()), *ty))
            .collect();
        parts.extend(function.result.map(|ty| (Place::Result, ty)));
        for (place, ty) in parts {
            let mut walk = Walk { judge: self, seen: HashSet::new(), found: Vec::new() };
            walk.visit(&ty);
            for held in walk.found {
                self.errors.push(ShapeError::NotAValue {
                    interface: self.interface.to_owned(),
                    method: format!("{}.{name}", self.resource),
                    place: place.clone(),
                    held,
                });
            }
        }
    }

    fn is_string(&self, ty: &ComponentValType) -> bool {
        let primitive = match ty {
            ComponentValType::Primitive(primitive) => Some(primitive),
            ComponentValType::Type(_) => match self.defined(ty) {
                Some(ComponentDefinedType::Primitive(primitive)) => Some(primitive),
                _ => None,
            },
        };
        primitive == Some(&PrimitiveValType::String)
    }

    fn defined(&self, ty: &ComponentValType) -> Option<&ComponentDefinedType> {
        match ty {
            ComponentValType::Primitive(_) => None,
            // Its identifier is from these very types, so it is there.
            ComponentValType::Type(id) => self.types.as_ref().get(*id),
        }
    }

    fn name_of(&self, resource: ResourceId) -> String {
        self.names.get(&resource).copied().unwrap_or("_").to_owned()
    }
}

/// Everything in one type that is not a value, each once.
struct Walk<'j, 'a> {
    judge: &'j Judge<'a>,
    seen: HashSet<ComponentDefinedTypeId>,
    found: Vec<Held>,
}

impl Walk<'_, '_> {
    /// Types are at most 100 deep, which the validator has seen to, so this may recurse.
    fn visit(&mut self, ty: &ComponentValType) {
        match ty {
            ComponentValType::Primitive(primitive) => self.primitive(*primitive),
            ComponentValType::Type(id) => {
                let judge = self.judge;
                if let Some(defined) = judge.defined(ty)
                    && self.seen.insert(*id)
                {
                    self.defined(defined);
                }
            }
        }
    }

    /// No arm for the rest: a kind of type that is new to the parser has to be decided on here.
    fn defined(&mut self, defined: &ComponentDefinedType) {
        match defined {
            ComponentDefinedType::Primitive(primitive) => self.primitive(*primitive),
            ComponentDefinedType::Flags(_) | ComponentDefinedType::Enum(_) => {}
            ComponentDefinedType::List { element, .. }
            | ComponentDefinedType::FixedLengthList { element, .. } => self.visit(element),
            ComponentDefinedType::Option { ty, .. } => self.visit(ty),
            ComponentDefinedType::Map { key, value, .. } => self.all([key, value]),
            ComponentDefinedType::Record(record) => self.all(record.fields.values()),
            ComponentDefinedType::Tuple(tuple) => self.all(tuple.types.iter()),
            ComponentDefinedType::Variant(variant) => {
                self.all(variant.cases.values().filter_map(|case| case.ty.as_ref()));
            }
            ComponentDefinedType::Result { ok, err, .. } => self.all(ok.iter().chain(err)),
            ComponentDefinedType::Stream { .. } => self.note(Held::Stream),
            ComponentDefinedType::Future { .. } => self.note(Held::Future),
            ComponentDefinedType::Own(id) => {
                let resource = self.judge.name_of(id.resource());
                self.note(Held::Own { resource });
            }
            ComponentDefinedType::Borrow(id) => {
                let resource = self.judge.name_of(id.resource());
                self.note(Held::Borrow { resource });
            }
        }
    }

    fn all<'t>(&mut self, types: impl IntoIterator<Item = &'t ComponentValType>) {
        for ty in types {
            self.visit(ty);
        }
    }

    fn primitive(&mut self, primitive: PrimitiveValType) {
        if primitive == PrimitiveValType::ErrorContext {
            self.note(Held::ErrorContext);
        }
    }

    fn note(&mut self, held: Held) {
        if !self.found.contains(&held) {
            self.found.push(held);
        }
    }
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

/// The resources that an instance names, whether they are its own or not.
fn resources_of(instance: &ComponentInstanceType) -> impl Iterator<Item = (&str, ResourceId)> {
    let named = |(label, ty)| resource_id(ty).map(|id| (label, id));
    instance.exports.iter().map(|(label, item)| (label.as_str(), &item.ty)).filter_map(named)
}

/// The resources that a component imports.
fn imported_resources(typed: &Typed) -> HashSet<ResourceId> {
    let mut ids = HashSet::new();
    for import in &typed.imports {
        let item = typed.types.component_item_for_import(import);
        ids.extend(item.and_then(|item| resource_id(&item.ty)));
        let instance = typed.imported(import);
        ids.extend(instance.into_iter().flat_map(resources_of).map(|(_, id)| id));
    }
    ids
}

fn resource_id(ty: &ComponentEntityType) -> Option<ResourceId> {
    match ty {
        ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(id), .. } => {
            Some(id.resource())
        }
        _ => None,
    }
}

fn invalid(reason: String) -> ShapeError {
    ShapeError::Invalid { reason }
}

#[cfg(test)]
mod tests {
    use super::{Held, ObjectShape, Place, ShapeError};

    const COUNTERS: &str = "acme:counter/counters@0.1.0";
    /// The least that an object exports. `$r` is its resource.
    const COUNTER: &str = r#"(export "counter" (type $r (sub resource)))
        (export "[constructor]counter" (func (param "name" string) (result (own $r))))"#;
    const INPUT: &str = r#"(import "wasi:io/streams@0.2.6"
            (instance $streams (export "input-stream" (type (sub resource)))))
        (alias export $streams "input-stream" (type $input))"#;

    /// A component that exports instances of these types. No code is needed: what it exports is made
    /// by a component that it imports, and of which only the type is known.
    fn of_types(before: &str, instances: &[(&str, &str)]) -> Vec<u8> {
        let mut made = String::new();
        let mut exports = String::new();
        for (name, ty) in instances {
            made += &format!("(export {name:?} (instance {ty}))\n");
            exports += &format!("(export {name:?} (instance $i {name:?}))\n");
        }
        wat::parse_str(format!(
            "(component {before} (import \"made\" (component $made {made}))
                (instance $i (instantiate $made)) {exports})"
        ))
        .unwrap()
    }

    fn shape(instances: &[(&str, &str)]) -> ObjectShape {
        ObjectShape::of(&of_types("", instances)).unwrap()
    }

    fn errors(instances: &[(&str, &str)]) -> Vec<ShapeError> {
        ObjectShape::of(&of_types("", instances)).unwrap_err()
    }

    /// A counter with more in its interface.
    fn counter_with(items: &str) -> String {
        format!("{COUNTER} {items}")
    }

    /// A counter with a method `m` of this signature, after `types`.
    fn method(types: &str, signature: &str) -> String {
        counter_with(&format!(
            r#"{types} (export "[method]counter.m"
                (func async (param "self" (borrow $r)) {signature}))"#
        ))
    }

    fn not_a_value(method: &str, place: Place, held: Held) -> ShapeError {
        let (interface, method) = (COUNTERS.to_owned(), format!("counter.{method}"));
        ShapeError::NotAValue { interface, method, place, held }
    }

    fn parameter(name: &str) -> Place {
        Place::Parameter(name.to_owned())
    }

    fn own(resource: &str) -> Held {
        Held::Own { resource: resource.to_owned() }
    }

    fn borrow(resource: &str) -> Held {
        Held::Borrow { resource: resource.to_owned() }
    }

    #[test]
    fn an_object_is_told_by_its_one_resource() {
        let counters = counter_with(
            r#"(export "[method]counter.get"
                (func (param "self" (borrow $r)) (result u64)))
            (export "[method]counter.add-many"
                (func async (param "self" (borrow $r)) (param "n" u64) (result (result u64))))"#,
        );
        let expected = ObjectShape {
            interface: COUNTERS.to_owned(),
            resource: "counter".to_owned(),
            methods: vec!["get".to_owned(), "add-many".to_owned()],
            handles_alarms: false,
            has_lifecycle: false,
            answers_http: false,
        };
        assert_eq!(shape(&[(COUNTERS, &counters)]), expected);
        // The name of the parameter is the author's, and a constructor alone is enough.
        let bare = r#"(export "counter" (type $r (sub resource)))
            (type $text' string) (export "text" (type $text (eq $text')))
            (export "[constructor]counter" (func (param "of" $text) (result (own $r))))"#;
        assert!(shape(&[(COUNTERS, bare)]).methods.is_empty());
        assert!(shape(&[("counters", COUNTER)]).interface == "counters");
    }

    #[test]
    fn values_of_every_kind_are_taken() {
        let types = r#"
            (type $record' (record (field "a" bool) (field "b" (option char))))
            (export "rec" (type $record (eq $record')))
            (type $variant' (variant (case "none") (case "some" $record)))
            (export "var" (type $variant (eq $variant')))
            (type $enum' (enum "red" "green")) (export "enu" (type $enum (eq $enum')))
            (type $flags' (flags "read" "write")) (export "fla" (type $flags (eq $flags')))
            (type $alias' u32) (export "ali" (type $alias (eq $alias')))"#;
        let signature = r#"
            (param "a" s8) (param "b" u8) (param "c" s16) (param "d" u16) (param "e" s32)
            (param "f" s64) (param "g" f32) (param "h" f64) (param "i" string)
            (param "j" (list (tuple $variant $enum))) (param "k" (list u8 16))
            (param "l" (map string $record)) (param "m" $alias)
            (result (result $flags (error $record)))"#;
        assert_eq!(shape(&[(COUNTERS, &method(types, signature))]).methods, ["m"]);
        assert_eq!(shape(&[(COUNTERS, &method("", "(result (result))"))]).methods, ["m"]);
    }

    #[test]
    fn the_rest_that_a_host_calls_is_told_by_version() {
        let with = |name: &str| shape(&[(name, ""), (COUNTERS, COUNTER)]);
        let found = with("selvedge:durable/alarm-handler@0.1.7");
        assert!(found.handles_alarms && !found.has_lifecycle && !found.answers_http);
        let found = with("selvedge:durable/lifecycle@0.1.0");
        assert!(!found.handles_alarms && found.has_lifecycle && !found.answers_http);
        let found = with("wasi:http/handler@0.3.2");
        assert!(!found.handles_alarms && !found.has_lifecycle && found.answers_http);
        for other in [
            "selvedge:durable/alarm-handler",
            "selvedge:durable/alarm-handler@0.2.0",
            "selvedge:durable/lifecycle@0.10.0",
            "wasi:http/handler@0.3.0-rc-2026-01-01",
            "wasi:http/incoming-handler@0.2.0",
        ] {
            let found = with(other);
            assert!(!found.handles_alarms && !found.has_lifecycle && !found.answers_http);
        }
    }

    #[test]
    fn what_is_the_platforms_or_the_toolchains_is_ignored() {
        let found = shape(&[
            ("exports", r#"(export "init" (func (param "app-name" string)))"#),
            ("wasi:cli/run@0.2.6", r#"(export "run" (func (result (result))))"#),
            ("wasi:io/error@0.2.6", r#"(export "error" (type (sub resource)))"#),
            ("acme:counter/types@0.1.0", r#"(type $n u8) (export "n" (type (eq $n)))"#),
            (COUNTERS, COUNTER),
        ]);
        assert_eq!(found.interface, COUNTERS);
    }

    #[test]
    fn names_inside_of_components_are_left_out() {
        let bytes = wat::parse_str(format!(
            r#"(component
                (component (instance $e) (export "acme:inner/only" (instance $e)))
                (core module (func unreachable))
                (import "made" (component $made (export {COUNTERS:?} (instance {COUNTER}))))
                (instance $i (instantiate $made))
                (export {COUNTERS:?} (instance $i {COUNTERS:?})))"#
        ));
        assert_eq!(ObjectShape::of(&bytes.unwrap()).unwrap().interface, COUNTERS);
    }

    #[test]
    fn what_has_no_resource_of_its_own_is_refused() {
        let none = |exports: &[&str]| {
            let exports = exports.iter().map(ToString::to_string).collect();
            vec![ShapeError::NoResource { exports }]
        };
        assert_eq!(errors(&[]), none(&[]));
        let handler = "wasi:http/handler@0.3.0";
        assert_eq!(errors(&[(handler, ""), ("exports", "")]), none(&[handler, "exports"]));
        let function = r#"(export "add" (func))"#;
        assert_eq!(errors(&[(COUNTERS, function)]), none(&[COUNTERS]));
        // What was imported is somebody else's.
        let through = wat::parse_str(format!(
            "(component (import {COUNTERS:?} (instance $i {COUNTER}))
                (export {COUNTERS:?} (instance $i)))"
        ));
        assert_eq!(ObjectShape::of(&through.unwrap()).unwrap_err(), none(&[COUNTERS]));
        let uses = r#"(export "input-stream" (type (eq $input)))"#;
        let bytes = of_types(INPUT, &[(COUNTERS, uses)]);
        assert_eq!(ObjectShape::of(&bytes).unwrap_err(), none(&[COUNTERS]));
    }

    #[test]
    fn several_interfaces_are_refused_by_name() {
        let other = "acme:counter/others@0.1.0";
        let interfaces = vec![COUNTERS.to_owned(), other.to_owned()];
        assert_eq!(
            errors(&[(COUNTERS, COUNTER), (other, COUNTER)]),
            [ShapeError::SeveralInterfaces { interfaces }]
        );
        let function = r#"(export "add" (func))"#;
        assert_eq!(
            errors(&[(other, function), (COUNTERS, COUNTER)]),
            [ShapeError::ExtraInterface { interface: other.to_owned() }]
        );
    }

    #[test]
    fn a_resource_belongs_to_the_interface_that_defines_it() {
        let user = "acme:counter/user@0.1.0";
        let bytes = wat::parse_str(format!(
            r#"(component (import "made" (component $made
                    (export {COUNTERS:?} (instance $counters {COUNTER}))
                    (alias export $counters "counter" (type $counter))
                    (export {user:?} (instance (export "counter" (type (eq $counter)))))))
                (instance $i (instantiate $made))
                (export {COUNTERS:?} (instance $i {COUNTERS:?}))
                (export {user:?} (instance $i {user:?})))"#
        ));
        assert_eq!(ObjectShape::of(&bytes.unwrap()).unwrap().interface, COUNTERS);
    }

    #[test]
    fn several_resources_are_refused_by_name() {
        let two = counter_with(r#"(export "cursor" (type (sub resource)))"#);
        let resources = vec!["counter".to_owned(), "cursor".to_owned()];
        let interface = COUNTERS.to_owned();
        assert_eq!(
            errors(&[(COUNTERS, &two)]),
            [ShapeError::SeveralResources { interface, resources }]
        );
    }

    #[test]
    fn a_constructor_takes_one_string_and_cannot_fail() {
        let error = |constructor: &str| {
            let text = format!(r#"(export "counter" (type $r (sub resource))) {constructor}"#);
            let [error] = errors(&[(COUNTERS, &text)]).try_into().unwrap();
            error
        };
        assert!(matches!(error(""), ShapeError::NoConstructor { .. }));
        for parameters in ["", r#"(param "n" u32)"#, r#"(param "a" string) (param "b" string)"#] {
            let text =
                format!(r#"(export "[constructor]counter" (func {parameters} (result (own $r))))"#);
            assert!(matches!(error(&text), ShapeError::ConstructorParameters { .. }));
        }
        let fallible = r#"(export "[constructor]counter"
            (func (param "name" string) (result (result (own $r) (error string)))))"#;
        assert!(matches!(error(fallible), ShapeError::ConstructorFallible { .. }));
    }

    #[test]
    fn functions_that_are_not_methods_are_refused_by_name() {
        let text = counter_with(
            r#"(export "reset-all" (func))
            (export "[static]counter.parse" (func (param "text" string) (result u64)))
            (export "[method]counter.get" (func (param "self" (borrow $r)) (result u64)))
            (export "inner" (instance))"#,
        );
        let error = |item: &str| ShapeError::NotAMethod {
            interface: COUNTERS.to_owned(),
            resource: "counter".to_owned(),
            item: item.to_owned(),
        };
        assert_eq!(
            errors(&[(COUNTERS, &text)]),
            [error("reset-all"), error("counter.parse"), error("inner")]
        );
    }

    #[test]
    fn what_is_not_a_value_is_refused_with_its_place() {
        let cases: &[(&str, Place, Held)] = &[
            ("(param \"from\" (stream u8))", parameter("from"), Held::Stream),
            ("(result (stream))", Place::Result, Held::Stream),
            ("(result (result (tuple (future)) (error string)))", Place::Result, Held::Future),
            ("(param \"f\" (list (option (future u8))))", parameter("f"), Held::Future),
            ("(param \"e\" error-context)", parameter("e"), Held::ErrorContext),
            ("(result (tuple u8 error-context))", Place::Result, Held::ErrorContext),
            ("(result (own $r))", Place::Result, own("counter")),
            ("(param \"other\" (borrow $r))", parameter("other"), borrow("counter")),
            ("(result (result u8 (error (own $r))))", Place::Result, own("counter")),
            ("(param \"k\" (list (own $r) 2))", parameter("k"), own("counter")),
            ("(param \"l\" (map u8 (own $r)))", parameter("l"), own("counter")),
        ];
        for (signature, place, held) in cases {
            let found = errors(&[(COUNTERS, &method("", signature))]);
            assert_eq!(found, [not_a_value("m", place.clone(), held.clone())], "{signature}");
        }
        // In what the interface names, too.
        let types = r#"(type $inner' (record (field "owned" (own $r))))
            (export "inner" (type $inner (eq $inner')))
            (type $s (stream))
            (type $outer' (variant (case "one" $inner) (case "two" $s) (case "three" $inner)))
            (export "outer" (type $outer (eq $outer')))"#;
        let found = errors(&[(COUNTERS, &method(types, "(result $outer)"))]);
        let held = [own("counter"), Held::Stream];
        assert_eq!(found, held.map(|held| not_a_value("m", Place::Result, held)));
    }

    #[test]
    fn foreign_handles_are_refused_by_name() {
        let uses = r#"(export "source" (type $in (eq $input)))"#;
        let named = method(uses, "(param \"from\" (borrow $in))");
        let found = ObjectShape::of(&of_types(INPUT, &[(COUNTERS, &named)])).unwrap_err();
        assert_eq!(found, [not_a_value("m", parameter("from"), borrow("source"))]);
        // Naming it without using it harms nobody.
        let bytes = of_types(INPUT, &[(COUNTERS, &method(uses, ""))]);
        assert_eq!(ObjectShape::of(&bytes).unwrap().resource, "counter");
    }

    #[test]
    fn all_that_is_wrong_is_reported_at_once() {
        let text = r#"(export "counter" (type $r (sub resource)))
            (export "reset-all" (func))
            (export "[method]counter.watch"
                (func (param "self" (borrow $r)) (param "from" (stream u8)) (result (future u8))))
            (export "[method]counter.get" (func (param "self" (borrow $r)) (result u64)))
            (export "[method]counter.copy" (func (param "self" (borrow $r)) (result (own $r))))"#;
        let other = "acme:counter/admin@0.1.0";
        let admin = r#"(export "add" (func))"#;
        let found = errors(&[(COUNTERS, text), (other, admin)]);
        let (interface, resource) = (COUNTERS.to_owned(), "counter".to_owned());
        let item = "reset-all".to_owned();
        assert_eq!(
            found,
            [
                ShapeError::NotAMethod {
                    interface: interface.clone(),
                    resource: resource.clone(),
                    item
                },
                not_a_value("watch", parameter("from"), Held::Stream),
                not_a_value("watch", Place::Result, Held::Future),
                not_a_value("copy", Place::Result, own("counter")),
                ShapeError::NoConstructor { interface, resource },
                ShapeError::ExtraInterface { interface: other.to_owned() },
            ]
        );
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let refused = |bytes: &[u8]| {
            let found = ObjectShape::of(bytes).unwrap_err();
            assert!(matches!(found.as_slice(), [ShapeError::Invalid { .. }]), "{found:?}");
        };
        refused(b"");
        refused(b"(component)");
        refused(&wat::parse_str("(module)").unwrap());
        let whole = of_types(INPUT, &[(COUNTERS, &method("", "(result (own $r))"))]);
        for cut in 0..whole.len() {
            // A component may end after any of its sections.
            assert!(ObjectShape::of(whole.get(..cut).unwrap()).is_err());
            let mut flipped = whole.clone();
            *flipped.get_mut(cut).unwrap() ^= 0x41;
            assert!(ObjectShape::of(&flipped).is_err_and(|errors| !errors.is_empty()));
        }
    }
}

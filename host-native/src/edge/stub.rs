//! How an object's interface is called across instances, read from its types: what the Workers host
//! must know before it makes stubs. The native host asks its engine for the same.

use crate::capability::durable::stub::ERROR_CASES;
use crate::typed::Typed;
use serde::Serialize;
use wasmparser::PrimitiveValType;
use wasmparser::component_types::{
    ComponentDefinedType, ComponentEntityType, ComponentFuncType, ComponentInstanceType,
    ComponentValType, VariantType,
};

/// An interface with one resource, whose methods run in an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Stub {
    /// The interface without its version: `demo:counter/counters`.
    pub(crate) interface: String,
    /// Its version; empty where it has none.
    pub(crate) version: String,
    /// The resource.
    pub(crate) resource: String,
    /// The resource's methods, in the order of the interface.
    pub(crate) methods: Vec<Method>,
}

/// A method of the resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Method {
    /// Its name in WIT: `add`.
    pub(crate) name: String,
    /// Whether it is an async function.
    #[serde(rename = "async")]
    pub(crate) is_async: bool,
    /// How its result says that the platform failed.
    #[serde(flatten)]
    pub(crate) failing: Failing,
}

/// How a method says that the platform failed, where its author gave it a way to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "platform_errors", rename_all = "lowercase")]
pub(crate) enum Failing {
    /// Its error type is `selvedge:durable/types.error`.
    Is,
    /// A case of its error type holds that.
    Case {
        /// The case.
        case: String,
    },
    /// It cannot: the caller ends.
    None,
}

impl Stub {
    /// The stub of an interface that a component exports.
    pub(crate) fn exported(typed: &Typed, interface: &str, resource: &str) -> Option<Self> {
        Some(Self::of(typed, typed.exported(interface)?, interface, resource))
    }

    /// The stub of an interface that a component imports.
    pub(crate) fn imported(typed: &Typed, interface: &str, resource: &str) -> Option<Self> {
        Some(Self::of(typed, typed.imported(interface)?, interface, resource))
    }

    /// Whether this is the stub of an interface, whose name may have a version.
    pub(crate) fn is_of(&self, name: &str) -> bool {
        let (interface, version) = name.split_once('@').unwrap_or((name, ""));
        self.interface == interface && self.version == version
    }

    fn of(typed: &Typed, instance: &ComponentInstanceType, name: &str, resource: &str) -> Self {
        let (interface, version) = name.split_once('@').unwrap_or((name, ""));
        let prefix = format!("[method]{resource}.");
        let methods = functions(typed, instance).filter_map(|(name, function)| {
            let name = name.strip_prefix(&prefix)?.to_owned();
            Some(Method { name, is_async: function.async_, failing: failing(typed, function) })
        });
        Self {
            interface: interface.to_owned(),
            version: version.to_owned(),
            resource: resource.to_owned(),
            methods: methods.collect(),
        }
    }
}

fn functions<'t>(
    typed: &'t Typed,
    instance: &'t ComponentInstanceType,
) -> impl Iterator<Item = (&'t str, &'t ComponentFuncType)> {
    instance.exports.iter().filter_map(|(name, item)| match item.ty {
        ComponentEntityType::Func(id) => Some((name.as_str(), typed.types.as_ref().get(id)?)),
        _ => None,
    })
}

fn failing(typed: &Typed, function: &ComponentFuncType) -> Failing {
    let result = function.result.and_then(|ty| defined(typed, ty));
    let Some(ComponentDefinedType::Result { err: Some(error), .. }) = result else {
        return Failing::None;
    };
    let Some(ComponentDefinedType::Variant(error)) = defined(typed, *error) else {
        return Failing::None;
    };
    if is_platform_error(typed, error) {
        return Failing::Is;
    }
    let holds = error.cases.iter().find(|(_, case)| {
        let inner = case.ty.and_then(|ty| defined(typed, ty));
        matches!(inner, Some(ComponentDefinedType::Variant(inner)) if is_platform_error(typed, inner))
    });
    holds.map_or(Failing::None, |(name, _)| Failing::Case { case: name.to_string() })
}

fn is_platform_error(typed: &Typed, variant: &VariantType) -> bool {
    let cases = variant.cases.iter().map(|(name, case)| match case.ty {
        None => Some((name.as_str(), false)),
        Some(ty) if primitive(typed, ty) == Some(PrimitiveValType::String) => {
            Some((name.as_str(), true))
        }
        Some(_) => None,
    });
    cases.eq(ERROR_CASES.map(Some))
}

fn defined(typed: &Typed, ty: ComponentValType) -> Option<&ComponentDefinedType> {
    match ty {
        ComponentValType::Primitive(_) => None,
        ComponentValType::Type(id) => typed.types.as_ref().get(id),
    }
}

fn primitive(typed: &Typed, ty: ComponentValType) -> Option<PrimitiveValType> {
    match ty {
        ComponentValType::Primitive(primitive) => Some(primitive),
        ComponentValType::Type(_) => match defined(typed, ty) {
            Some(ComponentDefinedType::Primitive(primitive)) => Some(*primitive),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{Failing, Stub};
    use crate::typed::Typed;

    const ERROR: &str = r#"(type $e (variant (case "no-such-class") (case "access-denied")
        (case "overloaded") (case "reset" string) (case "timeout") (case "invalid" string)))
        (export "error" (type $error (eq $e)))"#;

    #[test]
    fn a_stub_tells_how_each_method_fails() {
        let method = |name: &str, color: &str, result: &str| {
            format!(
                r#"(export "[method]counter.{name}" (func {color} (param "self" (borrow $r)) {result}))"#
            )
        };
        let methods = [
            method("add", "async", "(result (result u64 (error $error)))"),
            method("take", "", "(result (result u64 (error $failure)))"),
            method("name", "async", "(result string)"),
        ]
        .concat();
        let text = format!(
            r#"(component (import "demo:counter/counters@0.1.0" (instance
                {ERROR}
                (type $f (variant (case "empty") (case "platform" $error)))
                (export "failure" (type $failure (eq $f)))
                (export "counter" (type $r (sub resource)))
                (export "[constructor]counter" (func (param "name" string) (result (own $r))))
                {methods})))"#
        );
        let typed = Typed::read(&wat::parse_str(text).unwrap()).unwrap();
        let stub = Stub::imported(&typed, "demo:counter/counters@0.1.0", "counter").unwrap();
        assert_eq!(
            (stub.interface.as_str(), stub.version.as_str()),
            ("demo:counter/counters", "0.1.0")
        );
        let methods: Vec<_> = stub
            .methods
            .iter()
            .map(|method| (method.name.as_str(), method.is_async, method.failing.clone()))
            .collect();
        assert_eq!(
            methods,
            [
                ("add", true, Failing::Is),
                ("take", false, Failing::Case { case: "platform".to_owned() }),
                ("name", true, Failing::None),
            ]
        );
        let written = serde_json::to_value(&stub).unwrap();
        assert_eq!(written["methods"][1]["platform_errors"], "case");
        assert_eq!(written["methods"][1]["case"], "platform");
    }
}

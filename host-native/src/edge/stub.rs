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
    /// Whether it gives anything.
    pub(crate) has_result: bool,
    /// What it takes and gives, as a text: two methods of one text fit each other.
    #[serde(skip)]
    pub(crate) signature: String,
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

    fn of(typed: &Typed, instance: &ComponentInstanceType, name: &str, resource: &str) -> Self {
        let (interface, version) = name.split_once('@').unwrap_or((name, ""));
        let prefix = format!("[method]{resource}.");
        let methods = functions(typed, instance).filter_map(|(name, function)| {
            let name = name.strip_prefix(&prefix)?.to_owned();
            Some(Method {
                name,
                is_async: function.async_,
                failing: failing(typed, function),
                has_result: function.result.is_some(),
                signature: signature(typed, function),
            })
        });
        Self {
            interface: interface.to_owned(),
            version: version.to_owned(),
            resource: resource.to_owned(),
            methods: methods.collect(),
        }
    }

    /// The first method that the exporter has not, or has in another shape.
    pub(crate) fn misfit<'s>(&'s self, exported: &Self) -> Option<&'s str> {
        let fits = |method: &&Method| {
            let other = exported.methods.iter().find(|other| other.name == method.name);
            other.is_none_or(|other| other.signature != method.signature)
        };
        self.methods.iter().find(fits).map(|method| method.name.as_str())
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

/// What a method takes behind the object itself, and what it gives.
fn signature(typed: &Typed, function: &ComponentFuncType) -> String {
    let mut text = String::from("(");
    for (_, ty) in function.params.iter().skip(1) {
        write(typed, *ty, &mut text);
        text.push(',');
    }
    text.push(')');
    if let Some(result) = function.result {
        write(typed, result, &mut text);
    }
    text
}

/// Writes a type by what it is made of. The validator bounds the depth of types, and their size.
fn write(typed: &Typed, ty: ComponentValType, text: &mut String) {
    if let Some(primitive) = primitive(typed, ty) {
        text.push_str(&format!("{primitive:?}"));
        return;
    }
    let Some(defined) = defined(typed, ty) else { return };
    let parts: Vec<(&str, Option<ComponentValType>)> = match defined {
        ComponentDefinedType::Record(record) => {
            text.push_str("record");
            record.fields.iter().map(|(name, ty)| (name.as_str(), Some(*ty))).collect()
        }
        ComponentDefinedType::Variant(variant) => {
            text.push_str("variant");
            variant.cases.iter().map(|(name, case)| (name.as_str(), case.ty)).collect()
        }
        ComponentDefinedType::Flags(names) => {
            text.push_str("flags");
            names.iter().map(|name| (name.as_str(), None)).collect()
        }
        ComponentDefinedType::Enum(names) => {
            text.push_str("enum");
            names.iter().map(|name| (name.as_str(), None)).collect()
        }
        ComponentDefinedType::Tuple(tuple) => {
            text.push_str("tuple");
            tuple.types.iter().map(|ty| ("", Some(*ty))).collect()
        }
        ComponentDefinedType::List { element, .. } => {
            text.push_str("list");
            vec![("", Some(*element))]
        }
        ComponentDefinedType::FixedLengthList { element, length, .. } => {
            text.push_str(&format!("list{length}"));
            vec![("", Some(*element))]
        }
        ComponentDefinedType::Map { key, value, .. } => {
            text.push_str("map");
            vec![("", Some(*key)), ("", Some(*value))]
        }
        ComponentDefinedType::Option { ty, .. } => {
            text.push_str("option");
            vec![("", Some(*ty))]
        }
        ComponentDefinedType::Result { ok, err, .. } => {
            text.push_str("result");
            vec![("ok", *ok), ("error", *err)]
        }
        // No object's method has one of these, so whoever imports one does not fit.
        ComponentDefinedType::Primitive(_)
        | ComponentDefinedType::Own(_)
        | ComponentDefinedType::Borrow(_)
        | ComponentDefinedType::Future { .. }
        | ComponentDefinedType::Stream { .. } => {
            text.push_str("handle");
            Vec::new()
        }
    };
    text.push('<');
    for (name, ty) in parts {
        text.push_str(name);
        text.push(':');
        if let Some(ty) = ty {
            write(typed, ty, text);
        }
        text.push(',');
    }
    text.push('>');
}

//! What functions take and give, as far as two sides that are built apart must agree on it, and
//! where they do not.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use wasmparser::component_types::{
    ComponentDefinedType, ComponentEntityType, ComponentFuncType, ComponentInstanceType,
    ComponentValType,
};
use wasmparser::types::Types;

/// The functions of an interface, by the names that components give them (`[method]counter.add`).
pub(crate) type Signatures = BTreeMap<String, Signature>;

/// Parts of all types of one function that are looked at.
///
/// Ours: a type may name another many times over, so that few bytes say a lot; who writes a WIT by
/// hand stays far below.
const PARTS_MAX: usize = 4_000;

/// What a function takes and gives. A method's own object is left out. Whether it is async is left
/// out, too: a caller may wait for either.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signature {
    parameters: Vec<(String, Tree)>,
    result: Option<Tree>,
}

/// A type: what kind it is, and its parts by their labels. A part without a type is a case without
/// a value, or a name of flags or an enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tree {
    kind: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts: Vec<(String, Option<Tree>)>,
}

/// Where a function that is imported is not the one that is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Difference {
    /// There is no such function.
    Missing {
        /// `counter.add`
        function: String,
    },
    /// The one takes more than the other.
    Parameters {
        /// `counter.add`
        function: String,
        /// How many the import has.
        imported: usize,
        /// How many the export has.
        exported: usize,
    },
    /// A type is another.
    Type {
        /// `counter.add`
        function: String,
        /// `parameter n`, `result.error`, and so on.
        place: String,
        /// The import's type.
        imported: String,
        /// The export's type.
        exported: String,
    },
}

/// The functions of an interface.
pub(super) fn of_instance(types: &Types, instance: &ComponentInstanceType) -> Signatures {
    let functions = instance.exports.iter().filter_map(|(name, item)| match item.ty {
        ComponentEntityType::Func(id) => types.as_ref().get(id).map(|function| (name, function)),
        _ => None,
    });
    functions.map(|(name, function)| (name.clone(), Signature::of(types, name, function))).collect()
}

/// The first difference between what is imported and what is exported. Whoever imports less than is
/// there takes nothing amiss.
pub(crate) fn difference(imported: &Signatures, exported: &Signatures) -> Option<Difference> {
    imported.iter().find_map(|(name, imported)| match exported.get(name) {
        Some(exported) => imported.differs(name, exported),
        None => Some(Difference::Missing { function: spelled(name) }),
    })
}

impl Signature {
    fn of(types: &Types, name: &str, function: &ComponentFuncType) -> Self {
        let mut reader = Reader { types, parts_left: PARTS_MAX };
        let own = usize::from(name.starts_with("[method]"));
        let parameters = function.params.iter().skip(own);
        let parameters = parameters.map(|(name, ty)| (name.to_string(), reader.read(ty))).collect();
        // What a constructor gives is the resource.
        let result = function.result.filter(|_| !name.starts_with("[constructor]"));
        Self { parameters, result: result.map(|ty| reader.read(&ty)) }
    }

    fn differs(&self, name: &str, exported: &Self) -> Option<Difference> {
        if self.parameters.len() != exported.parameters.len() {
            let (imported, exported) = (self.parameters.len(), exported.parameters.len());
            return Some(Difference::Parameters { function: spelled(name), imported, exported });
        }
        let pairs = self.parameters.iter().zip(&exported.parameters);
        let mut pairs = pairs.map(|((name, imported), (_, exported))| {
            (format!("parameter {name}"), Some(imported), Some(exported))
        });
        let result = ("result".to_owned(), self.result.as_ref(), exported.result.as_ref());
        let (place, imported, exported) = pairs
            .by_ref()
            .chain([result])
            .find_map(|(place, imported, exported)| Tree::differ(place, imported, exported))?;
        Some(Difference::Type { function: spelled(name), place, imported, exported })
    }
}

impl Tree {
    fn leaf(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), parts: Vec::new() }
    }

    fn labels(&self) -> impl Iterator<Item = &String> {
        self.parts.iter().map(|(label, _)| label)
    }

    /// Where two types differ first, and what is there.
    fn differ(
        place: String,
        left: Option<&Self>,
        right: Option<&Self>,
    ) -> Option<(String, String, String)> {
        let (left, right) = match (left, right) {
            (None, None) => return None,
            (Some(left), Some(right)) => (left, right),
            (left, right) => {
                let text = |it: Option<&Self>| it.map_or("nothing".to_owned(), Self::to_string);
                return Some((place, text(left), text(right)));
            }
        };
        if left.kind != right.kind || !left.labels().eq(right.labels()) {
            return Some((place, left.to_string(), right.to_string()));
        }
        let mut pairs = left.parts.iter().zip(&right.parts);
        pairs.find_map(|((label, left), (_, right))| {
            Self::differ(format!("{place}.{label}"), left.as_ref(), right.as_ref())
        })
    }
}

/// Reads the types of one function.
struct Reader<'t> {
    types: &'t Types,
    parts_left: usize,
}

impl Reader<'_> {
    /// Types are at most 100 deep, which the validator has seen to, so this may recurse.
    fn read(&mut self, ty: &ComponentValType) -> Tree {
        let Some(left) = self.parts_left.checked_sub(1) else { return Tree::leaf("…") };
        self.parts_left = left;
        let types = self.types;
        match ty {
            ComponentValType::Primitive(primitive) => Tree::leaf(primitive.to_string()),
            ComponentValType::Type(id) => match types.as_ref().get(*id) {
                Some(defined) => self.defined(defined),
                None => Tree::leaf("…"),
            },
        }
    }

    fn defined(&mut self, defined: &ComponentDefinedType) -> Tree {
        match defined {
            ComponentDefinedType::Primitive(primitive) => Tree::leaf(primitive.to_string()),
            ComponentDefinedType::Record(record) => {
                let fields = record.fields.iter().map(|(name, ty)| (name.to_string(), Some(ty)));
                self.tree("record", fields)
            }
            ComponentDefinedType::Variant(variant) => {
                let cases = variant.cases.iter();
                self.tree("variant", cases.map(|(name, it)| (name.to_string(), it.ty.as_ref())))
            }
            ComponentDefinedType::Flags(names) => {
                self.tree("flags", names.iter().map(|name| (name.to_string(), None)))
            }
            ComponentDefinedType::Enum(names) => {
                self.tree("enum", names.iter().map(|name| (name.to_string(), None)))
            }
            ComponentDefinedType::Tuple(tuple) => {
                let types = tuple.types.iter().enumerate();
                self.tree("tuple", types.map(|(index, ty)| (index.to_string(), Some(ty))))
            }
            ComponentDefinedType::List { element, .. } => self.of("list", [("item", element)]),
            ComponentDefinedType::FixedLengthList { element, length, .. } => {
                self.of(&format!("list of {length}"), [("item", element)])
            }
            ComponentDefinedType::Map { key, value, .. } => {
                self.of("map", [("key", key), ("value", value)])
            }
            ComponentDefinedType::Option { ty, .. } => self.of("option", [("some", ty)]),
            ComponentDefinedType::Result { ok, err, .. } => {
                let parts = [("ok", ok.as_ref()), ("error", err.as_ref())];
                self.tree("result", parts.into_iter().map(|(name, ty)| (name.to_owned(), ty)))
            }
            // None of these reaches an object: that is told where the object is judged.
            ComponentDefinedType::Own(_) => Tree::leaf("own"),
            ComponentDefinedType::Borrow(_) => Tree::leaf("borrow"),
            ComponentDefinedType::Future { .. } => Tree::leaf("future"),
            ComponentDefinedType::Stream { .. } => Tree::leaf("stream"),
        }
    }

    fn of<const N: usize>(&mut self, kind: &str, parts: [(&str, &ComponentValType); N]) -> Tree {
        self.tree(kind, parts.into_iter().map(|(label, ty)| (label.to_owned(), Some(ty))))
    }

    fn tree<'p>(
        &mut self,
        kind: &str,
        parts: impl Iterator<Item = (String, Option<&'p ComponentValType>)>,
    ) -> Tree {
        let parts = parts.map(|(label, ty)| (label, ty.map(|ty| self.read(ty)))).collect();
        Tree { kind: kind.to_owned(), parts }
    }
}

/// `counter.add` for `[method]counter.add`.
fn spelled(function: &str) -> String {
    match function.split_once(']') {
        Some(("[constructor", resource)) => format!("the constructor of {resource}"),
        Some((_, path)) => path.to_owned(),
        None => function.to_owned(),
    }
}

impl fmt::Display for Tree {
    /// As WIT spells it, near enough.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.kind)?;
        if self.parts.is_empty() {
            return Ok(());
        }
        let is_named = matches!(self.kind.as_str(), "record" | "variant" | "flags" | "enum");
        let (open, close) = if is_named { (" { ", " }") } else { ("<", ">") };
        formatter.write_str(open)?;
        for (index, (label, part)) in self.parts.iter().enumerate() {
            formatter.write_str(if index == 0 { "" } else { ", " })?;
            match (self.kind.as_str(), part) {
                ("record", Some(part)) => write!(formatter, "{label}: {part}")?,
                ("variant", Some(part)) => write!(formatter, "{label}({part})")?,
                (_, None) if is_named => formatter.write_str(label)?,
                (_, Some(part)) => write!(formatter, "{part}")?,
                (_, None) => formatter.write_str("_")?,
            }
        }
        formatter.write_str(close)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { function } => {
                write!(formatter, "it calls {function}, and the object has no such function")
            }
            Self::Parameters { function, imported, exported } => write!(
                formatter,
                "{function} has {imported} parameters where the object's has {exported}"
            ),
            Self::Type { function, place, imported, exported } => write!(
                formatter,
                "{function} has {imported} as its {place} where the object's has {exported}"
            ),
        }
    }
}

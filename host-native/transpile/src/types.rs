//! Interface types, as the description tells them.
//!
//! A type is spelled as a text where it is a primitive one (`"u32"`), and else as its index in a list, in
//! which it is an array: its kind, and what belongs to that. Names are those that JavaScript uses: fields
//! and flags in camel case, cases as in WIT.

use crate::TranspileError;
use serde_json::{Value, json};
use std::collections::HashMap;
use wasmtime_environ::component::{ComponentTypes, InterfaceType, TypeTupleIndex};

/// The types that a description speaks of.
pub(crate) struct Types<'a> {
    all: &'a ComponentTypes,
    known: HashMap<InterfaceType, usize>,
    list: Vec<Value>,
}

impl<'a> Types<'a> {
    pub(crate) fn new(all: &'a ComponentTypes) -> Self {
        Self { all, known: HashMap::new(), list: Vec::new() }
    }

    /// The list, once all that is spoken of has been spelled.
    pub(crate) fn into_list(self) -> Vec<Value> {
        self.list
    }

    pub(crate) fn all(&self) -> &'a ComponentTypes {
        self.all
    }

    /// The spellings of the types of a tuple: parameters or results.
    pub(crate) fn tuple(&mut self, index: TypeTupleIndex) -> Result<Vec<Value>, TranspileError> {
        self.all[index].types.iter().map(|ty| self.spell(*ty)).collect()
    }

    /// How a type that may be absent is spelled.
    pub(crate) fn optional(&mut self, ty: Option<InterfaceType>) -> Result<Value, TranspileError> {
        ty.map_or(Ok(Value::Null), |ty| self.spell(ty))
    }

    /// How a type is spelled.
    pub(crate) fn spell(&mut self, ty: InterfaceType) -> Result<Value, TranspileError> {
        if let Some(name) = primitive(ty) {
            return Ok(json!(name));
        }
        if let Some(index) = self.known.get(&ty) {
            return Ok(json!(index));
        }
        let told = self.tell(ty)?;
        let index = self.list.len();
        self.list.push(told);
        self.known.insert(ty, index);
        Ok(json!(index))
    }

    fn tell(&mut self, ty: InterfaceType) -> Result<Value, TranspileError> {
        let all = self.all;
        Ok(match ty {
            InterfaceType::Record(index) => {
                let fields = all[index].fields.iter();
                let fields: Result<Vec<_>, TranspileError> = fields
                    .map(|field| Ok(json!([camel_case(&field.name), self.spell(field.ty)?])))
                    .collect();
                json!(["record", fields?])
            }
            InterfaceType::Variant(index) => {
                let cases = all[index].cases.iter();
                let cases: Result<Vec<_>, TranspileError> =
                    cases.map(|(name, ty)| Ok(json!([name, self.optional(*ty)?]))).collect();
                json!(["variant", cases?])
            }
            InterfaceType::Enum(index) => {
                json!(["enum", all[index].names.iter().collect::<Vec<_>>()])
            }
            InterfaceType::Flags(index) => {
                let names: Vec<_> = all[index].names.iter().map(|name| camel_case(name)).collect();
                json!(["flags", names])
            }
            InterfaceType::Tuple(index) => json!(["tuple", self.tuple(index)?]),
            InterfaceType::Option(index) => json!(["option", self.spell(all[index].ty)?]),
            InterfaceType::Result(index) => {
                json!(["result", self.optional(all[index].ok)?, self.optional(all[index].err)?])
            }
            InterfaceType::List(index) => json!(["list", self.spell(all[index].element)?]),
            InterfaceType::Own(index) => json!(["own", index.as_u32()]),
            InterfaceType::Borrow(index) => json!(["borrow", index.as_u32()]),
            InterfaceType::Future(index) => json!(["future", index.as_u32()]),
            InterfaceType::Stream(index) => json!(["stream", index.as_u32()]),
            InterfaceType::Map(_) => return Err(not_offered("maps")),
            InterfaceType::FixedLengthList(_) => return Err(not_offered("lists of fixed length")),
            InterfaceType::ErrorContext(_) => return Err(not_offered("error contexts")),
            primitive => unreachable!("{primitive:?} is spelled by its name"),
        })
    }
}

fn not_offered(what: &str) -> TranspileError {
    TranspileError::NotOffered(what.to_owned())
}

fn primitive(ty: InterfaceType) -> Option<&'static str> {
    Some(match ty {
        InterfaceType::Bool => "bool",
        InterfaceType::S8 => "s8",
        InterfaceType::U8 => "u8",
        InterfaceType::S16 => "s16",
        InterfaceType::U16 => "u16",
        InterfaceType::S32 => "s32",
        InterfaceType::U32 => "u32",
        InterfaceType::S64 => "s64",
        InterfaceType::U64 => "u64",
        InterfaceType::Float32 => "f32",
        InterfaceType::Float64 => "f64",
        InterfaceType::Char => "char",
        InterfaceType::String => "string",
        _ => return None,
    })
}

/// A name of WIT as JavaScript spells it: `set-status-code` as `setStatusCode`.
pub(crate) fn camel_case(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_lowercase();
    let rest = words.map(|word| {
        let (head, tail) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        head.to_uppercase() + &tail.to_lowercase()
    });
    std::iter::once(first).chain(rest).collect()
}

//! Finds in a type what is not a value.

use super::error::Held;
use super::judge::Judge;
use std::collections::HashSet;
use wasmparser::PrimitiveValType;
use wasmparser::component_types::{ComponentDefinedType, ComponentDefinedTypeId, ComponentValType};

/// Everything in one type that is not a value, each once.
pub(super) struct Walk<'j, 'a> {
    judge: &'j Judge<'a>,
    seen: HashSet<ComponentDefinedTypeId>,
    found: Vec<Held>,
}

impl<'j, 'a> Walk<'j, 'a> {
    /// All of a type that is not a value.
    pub(super) fn through(judge: &'j Judge<'a>, ty: &ComponentValType) -> Vec<Held> {
        let mut walk = Self { judge, seen: HashSet::new(), found: Vec::new() };
        walk.visit(ty);
        walk.found
    }

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

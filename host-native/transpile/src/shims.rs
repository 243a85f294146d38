//! Core modules that need not be: the indirection that composers of components put between a module and
//! what it imports.
//!
//! A function that the host gives to a module may need the module's memory, which is there only when the
//! module has been instantiated. So `wit-component` gives it functions of a *shim* instead, which call what
//! stands in a table, and fills the table afterwards by a second module, the *fixups*. A trampoline of the
//! Workers host looks for the memory when it is called, so the module is given the trampoline itself: two
//! instances less for each request, and a call less on the way of each import.

use std::collections::HashMap;
use wasmtime_environ::component::{
    Component, CoreDef, CoreExport, ExportItem, GlobalInitializer, InstantiateModule,
    StaticModuleIndex,
};
use wasmtime_environ::wasmparser::{
    ElementItems, ElementKind, ExternalKind, Operator, Parser, Payload, TypeRef,
};
use wasmtime_environ::{EntityIndex, ModuleTranslation, PrimaryMap};

/// The core modules of a component.
pub(crate) type Modules<'data> = PrimaryMap<StaticModuleIndex, ModuleTranslation<'data>>;

/// The export of a shim that is its table.
const TABLE: &str = "$imports";

/// Instances that are left out, and what is given in the place of their exports.
#[derive(Debug, Default)]
pub(crate) struct Shims {
    left_out: Vec<u32>,
    given: HashMap<(u32, String), CoreDef>,
}

impl Shims {
    /// Finds the shims among the instances of a component, with their fixups.
    pub(crate) fn of(
        component: &Component,
        modules: &Modules<'_>,
        instances: &[StaticModuleIndex],
    ) -> Self {
        let mut shims = Self::default();
        let instantiated =
            component.initializers.iter().filter_map(|initializer| match initializer {
                GlobalInitializer::InstantiateModule(
                    InstantiateModule::Static(module, given),
                    _,
                ) => Some((*module, given)),
                _ => None,
            });
        let mut found: HashMap<u32, HashMap<String, usize>> = HashMap::new();
        for (instance, (module, given)) in (0_u32..).zip(instantiated) {
            let wasm = modules[module].wasm;
            if let Some(slots) = shim(wasm) {
                found.insert(instance, slots);
                continue;
            }
            let Some(filled) = given.iter().find_map(|def| {
                let CoreDef::Export(export) = def else { return None };
                let shim = export.instance.as_u32();
                let is_table =
                    found.contains_key(&shim) && name_of(export, instances, modules) == Some(TABLE);
                is_table.then_some(shim)
            }) else {
                continue;
            };
            let functions = fixups(wasm).unwrap_or_default();
            let trampolines: Vec<Option<&CoreDef>> = functions
                .iter()
                .map(|import| {
                    given.get(*import).filter(|def| matches!(def, CoreDef::Trampoline(_)))
                })
                .collect();
            let slots = found.remove(&filled).unwrap_or_default();
            let given: Option<Vec<_>> = slots
                .into_iter()
                .map(|(name, slot)| {
                    let def = trampolines.get(slot).copied().flatten()?;
                    Some(((filled, name), def.clone()))
                })
                .collect();
            // Where one of the functions is another module's, which may need this one first, all stays as it is.
            if let Some(given) = given.filter(|given| !given.is_empty()) {
                shims.left_out.extend([filled, instance]);
                shims.given.extend(given);
            }
        }
        shims
    }

    /// Whether the instance of this number is not made.
    pub(crate) fn leave_out(&self, instance: u32) -> bool {
        self.left_out.contains(&instance)
    }

    /// What is given in the place of an export.
    pub(crate) fn given(&self, instance: u32, name: &str) -> Option<&CoreDef> {
        self.given.get(&(instance, name.to_owned()))
    }
}

/// The name of an export of a core instance; `instances` are the modules of all instances.
pub(crate) fn name_of<'e>(
    export: &'e CoreExport<EntityIndex>,
    instances: &[StaticModuleIndex],
    modules: &'e Modules<'_>,
) -> Option<&'e str> {
    match &export.item {
        ExportItem::Name(name) => Some(name),
        ExportItem::Index(index) => {
            let instance = usize::try_from(export.instance.as_u32()).ok()?;
            let module = &modules[*instances.get(instance)?].module;
            let (name, _) = module.exports.iter().find(|(_, known)| *known == index)?;
            Some(&module.strings[*name])
        }
    }
}

/// For a module whose functions do nothing but call what stands in its table: by the name of each, where.
fn shim(wasm: &[u8]) -> Option<HashMap<String, usize>> {
    let (mut names, mut slots, mut tables) = (HashMap::new(), Vec::new(), 0);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.ok()? {
            Payload::ImportSection(_) | Payload::GlobalSection(_) | Payload::MemorySection(_) => {
                return None;
            }
            Payload::StartSection { .. } | Payload::ElementSection(_) => return None,
            Payload::TableSection(section) => tables = section.count(),
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.ok()?;
                    match export.kind {
                        ExternalKind::Func => {
                            names.insert(
                                export.name.to_owned(),
                                usize::try_from(export.index).ok()?,
                            );
                        }
                        ExternalKind::Table if export.name == TABLE => {}
                        _ => return None,
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                let mut slot = None;
                let mut called = false;
                for operator in body.get_operators_reader().ok()? {
                    match operator.ok()? {
                        Operator::LocalGet { .. } if slot.is_none() => {}
                        Operator::I32Const { value } if slot.is_none() => slot = Some(value),
                        Operator::CallIndirect { table_index: 0, .. } if !called => called = true,
                        Operator::End => {}
                        _ => return None,
                    }
                }
                slots.push(usize::try_from(slot.filter(|_| called)?).ok()?);
            }
            _ => {}
        }
    }
    if tables != 1 || names.is_empty() {
        return None;
    }
    names.into_iter().map(|(name, function)| Some((name, *slots.get(function)?))).collect()
}

/// For a module that does nothing but fill a table: by the place in the table, which of its imports stands there.
fn fixups(wasm: &[u8]) -> Option<Vec<usize>> {
    let (mut functions, mut filled) = (Vec::new(), None);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.ok()? {
            Payload::ImportSection(section) => {
                for (at, import) in section.into_imports().enumerate() {
                    if let TypeRef::Func(_) = import.ok()?.ty {
                        functions.push(at);
                    }
                }
            }
            Payload::ElementSection(section) => {
                let mut elements = section.into_iter();
                let element = elements.next()?.ok()?;
                let (ElementKind::Active { offset_expr, .. }, ElementItems::Functions(items)) =
                    (element.kind, element.items)
                else {
                    return None;
                };
                let first = offset_expr.get_operators_reader().read().ok()?;
                if !matches!(first, Operator::I32Const { value: 0 }) || elements.next().is_some() {
                    return None;
                }
                let items: Result<Vec<u32>, _> = items.into_iter().collect();
                filled = Some(items.ok()?);
            }
            Payload::CodeSectionEntry(_)
            | Payload::ExportSection(_)
            | Payload::StartSection { .. } => return None,
            _ => {}
        }
    }
    filled?
        .into_iter()
        .map(|function| functions.get(usize::try_from(function).ok()?).copied())
        .collect()
}

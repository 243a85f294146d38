//! The description of a component: what its core modules are given, and in which order.
//!
//! ```text
//! { types, resources, streams, futures   the types, and the tables of handles that they speak of
//! , options                              canonical options: [instance, memory, realloc, encoding, callback, post-return, async]
//! , imports                              what the host gives: [interface, function]
//! , trampolines                          functions that the host gives to core modules: [kind, …]
//! , modules                              the core modules that are used, by their numbers
//! , steps                                how they are instantiated: [kind, …]
//! , exports                              { interface: { function: … } }
//! , instances                            how many component instances there are within it
//! }
//! ```
//!
//! A definition that a core module imports is spelled `["export", instance, name]`, `["trampoline", index]`, or by the
//! name of what the host keeps for an instance or a task (`["may-leave", instance]`, `["context-get", slot]`, …).

use crate::TranspileError;
use crate::shims::{Modules, Shims, name_of};
use crate::types::Types;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use wasmtime_environ::EntityIndex;
use wasmtime_environ::component::{
    CanonicalOptions, CanonicalOptionsDataModel, Component, ComponentTranslation, ComponentTypes,
    CoreDef, CoreExport, Export, ExportIndex, FixedEncoding, GlobalInitializer, InstantiateModule,
    InterfaceType, OptionsIndex, RuntimeComponentInstanceIndex, RuntimeImportIndex,
    StaticModuleIndex, StringEncoding, Trampoline, Transcode, TypeDef, TypeFuncIndex,
    TypeFutureTableIndex, TypeResourceTable, TypeResourceTableIndex, TypeStreamTableIndex,
    UnsafeIntrinsic,
};

type Told = Result<Value, TranspileError>;

pub(crate) fn describe(
    translation: &ComponentTranslation,
    types: &ComponentTypes,
    resource_tables: usize,
    modules: &Modules<'_>,
) -> Told {
    let component = &translation.component;
    let mut lowered = Vec::new();
    let mut instances = Vec::new();
    for initializer in &component.initializers {
        match initializer {
            GlobalInitializer::LowerImport { import, .. } => lowered.push(*import),
            GlobalInitializer::InstantiateModule(InstantiateModule::Static(module, _), _) => {
                instances.push(*module);
            }
            _ => {}
        }
    }
    let shims = Shims::of(component, modules, &instances);
    let types = Types::new(types);
    Describer { component, modules, lowered, instances, shims, resource_tables, types }
        .describe(translation)
}

struct Describer<'a> {
    component: &'a Component,
    modules: &'a Modules<'a>,
    /// By the index of a lowering, the import that it lowers.
    lowered: Vec<RuntimeImportIndex>,
    /// The modules of core instances, by their index.
    instances: Vec<StaticModuleIndex>,
    shims: Shims,
    resource_tables: usize,
    types: Types<'a>,
}

impl Describer<'_> {
    fn describe(mut self, translation: &ComponentTranslation) -> Told {
        let component = self.component;
        let trampolines: Result<Vec<_>, _> =
            translation.trampolines.values().map(|it| self.trampoline(it)).collect();
        let trampolines = trampolines?;
        let (mut steps, mut instance) = (Vec::new(), 0);
        for initializer in &component.initializers {
            if let GlobalInitializer::InstantiateModule(..) = initializer {
                let is_left_out = self.shims.leave_out(instance);
                instance += 1;
                if is_left_out {
                    steps.push(json!(["leave-out"]));
                    continue;
                }
            }
            steps.extend(self.step(initializer)?);
        }
        // One may be instantiated several times.
        let instantiated = steps.iter().filter(|step| step[0] == "instantiate");
        let modules: BTreeSet<_> = instantiated.filter_map(|step| step[1].as_u64()).collect();
        let mut exports = Map::new();
        for (name, (index, _)) in component.exports.raw_iter() {
            self.export(&mut exports, name.as_str(), *index)?;
        }
        let imports: Vec<_> = component
            .imports
            .values()
            .map(|(index, path)| json!([component.import_types[*index].0, path.first()]))
            .collect();
        let options: Vec<_> = component.options.values().map(options).collect();
        let (streams, futures) = (self.streams()?, self.futures()?);
        let resources = self.resources();
        Ok(json!({
            "types": self.types.into_list(),
            "resources": resources,
            "streams": streams,
            "futures": futures,
            "options": options,
            "imports": imports,
            "trampolines": trampolines,
            "steps": steps,
            "exports": exports,
            "instances": component.num_runtime_component_instances,
            "modules": modules,
        }))
    }

    /// The tables of resources: `[resource, instance]`; and the resources: `[import]` of an imported one, `[null, instance]` of
    /// one that is defined within.
    fn resources(&self) -> Value {
        let all = self.types.all();
        let tables: Vec<_> = (0..self.resource_tables)
            .filter_map(|index| u32::try_from(index).ok())
            .map(|index| match &all[TypeResourceTableIndex::from_u32(index)] {
                TypeResourceTable::Concrete { ty, instance } => {
                    json!([ty.as_u32(), instance.as_u32()])
                }
                TypeResourceTable::Abstract(_) => Value::Null,
            })
            .collect();
        let imported =
            self.component.imported_resources.values().map(|import| json!([import.as_u32(), null]));
        let defined = self.component.defined_resource_instances.values();
        let all: Vec<_> =
            imported.chain(defined.map(|instance| json!([null, instance.as_u32()]))).collect();
        json!({ "tables": tables, "all": all })
    }

    /// The tables of streams: what each carries, and its instance.
    fn streams(&mut self) -> Result<Vec<Value>, TranspileError> {
        let all = self.types.all();
        self.carried(self.component.num_stream_tables, |index| {
            let table = &all[TypeStreamTableIndex::from_u32(index)];
            (all[table.ty].payload, table.instance)
        })
    }

    /// The tables of futures, likewise.
    fn futures(&mut self) -> Result<Vec<Value>, TranspileError> {
        let all = self.types.all();
        self.carried(self.component.num_future_tables, |index| {
            let table = &all[TypeFutureTableIndex::from_u32(index)];
            (all[table.ty].payload, table.instance)
        })
    }

    fn carried(
        &mut self,
        tables: usize,
        of: impl Fn(u32) -> (Option<InterfaceType>, RuntimeComponentInstanceIndex),
    ) -> Result<Vec<Value>, TranspileError> {
        let tables = (0..tables).filter_map(|index| u32::try_from(index).ok()).map(of);
        tables
            .map(|(payload, instance)| {
                Ok(json!([self.types.optional(payload)?, instance.as_u32()]))
            })
            .collect()
    }

    /// A function type: `[parameters, results, is async, number of the results]`.
    fn func(&mut self, ty: TypeFuncIndex) -> Told {
        let func = &self.types.all()[ty];
        let (params, results) = (self.types.tuple(func.params)?, self.types.tuple(func.results)?);
        Ok(json!([params, results, func.async_, func.results.as_u32()]))
    }

    fn export(
        &mut self,
        into: &mut Map<String, Value>,
        name: &str,
        index: ExportIndex,
    ) -> Result<(), TranspileError> {
        match &self.component.export_items[index] {
            Export::LiftedFunction { ty, func, options } => {
                let lifted = json!([self.core_def(func)?, self.func(*ty)?, options.as_u32()]);
                into.insert(name.to_owned(), lifted);
            }
            Export::Instance { exports, .. } => {
                let mut members = Map::new();
                for (name, (index, _)) in exports.raw_iter() {
                    self.export(&mut members, name.as_str(), *index)?;
                }
                into.insert(name.to_owned(), Value::Object(members));
            }
            Export::Type(TypeDef::Resource(_) | TypeDef::Interface(_)) | Export::Type(_) => {}
            Export::ModuleStatic { .. } | Export::ModuleImport { .. } => {
                return Err(TranspileError::NotOffered(
                    "an export that is a core module".to_owned(),
                ));
            }
        }
        Ok(())
    }

    fn step(&mut self, step: &GlobalInitializer) -> Result<Option<Value>, TranspileError> {
        Ok(Some(match step {
            GlobalInitializer::InstantiateModule(
                InstantiateModule::Static(module, given),
                instance,
            ) => {
                let imports = self.modules[*module].module.imports();
                let given: Result<Vec<_>, TranspileError> = imports
                    .zip(given.iter())
                    .map(|((module, name, _), def)| Ok(json!([module, name, self.core_def(def)?])))
                    .collect();
                json!(["instantiate", module.as_u32(), given?, instance.map(|it| it.as_u32())])
            }
            GlobalInitializer::InstantiateModule(InstantiateModule::Import(..), _) => {
                return Err(TranspileError::NotOffered(
                    "an import that is a core module".to_owned(),
                ));
            }
            // Its trampoline tells all.
            GlobalInitializer::LowerImport { .. } => return Ok(None),
            GlobalInitializer::ExtractMemory(it) => {
                json!([
                    "memory",
                    it.index.as_u32(),
                    self.core_export(&it.export.clone().map_index(EntityIndex::from))?
                ])
            }
            GlobalInitializer::ExtractRealloc(it) => {
                json!(["realloc", it.index.as_u32(), self.core_def(&it.def)?])
            }
            GlobalInitializer::ExtractCallback(it) => {
                json!(["callback", it.index.as_u32(), self.core_def(&it.def)?])
            }
            GlobalInitializer::ExtractPostReturn(it) => {
                json!(["post-return", it.index.as_u32(), self.core_def(&it.def)?])
            }
            GlobalInitializer::ExtractTable(_) => {
                return Err(TranspileError::NotOffered("threads".to_owned()));
            }
            GlobalInitializer::Resource(it) => {
                let index = self.component.resource_index(it.index).as_u32();
                let destroy = it.dtor.as_ref().map(|dtor| self.core_def(dtor)).transpose()?;
                json!(["resource", index, destroy])
            }
        }))
    }

    fn core_def(&self, def: &CoreDef) -> Told {
        Ok(match def {
            CoreDef::Export(export) => self.core_export(export)?,
            CoreDef::Trampoline(index) => json!(["trampoline", index.as_u32()]),
            CoreDef::InstanceFlags(instance) => json!(["may-leave", instance.as_u32()]),
            CoreDef::TaskMayBlock => json!(["may-block"]),
            CoreDef::UnsafeIntrinsic(UnsafeIntrinsic::ContextGetI32_0) => json!(["context-get", 0]),
            CoreDef::UnsafeIntrinsic(UnsafeIntrinsic::ContextGetI32_1) => json!(["context-get", 1]),
            CoreDef::UnsafeIntrinsic(UnsafeIntrinsic::ContextSetI32_0) => json!(["context-set", 0]),
            CoreDef::UnsafeIntrinsic(UnsafeIntrinsic::ContextSetI32_1) => json!(["context-set", 1]),
            CoreDef::UnsafeIntrinsic(other) => {
                return Err(TranspileError::NotOffered(format!("{other:?}")));
            }
        })
    }

    fn core_export(&self, export: &CoreExport<EntityIndex>) -> Told {
        let name = name_of(export, &self.instances, self.modules).ok_or_else(|| {
            TranspileError::Unreadable("a core module lacks an export that is used".to_owned())
        })?;
        if let Some(given) = self.shims.given(export.instance.as_u32(), name) {
            return self.core_def(given);
        }
        Ok(json!(["export", export.instance.as_u32(), name]))
    }

    fn trampoline(&mut self, trampoline: &Trampoline) -> Told {
        use Trampoline as T;
        Ok(match trampoline {
            T::LowerImport { index, lower_ty, options } => {
                let import = self.lowered[index.as_u32() as usize].as_u32();
                json!(["lower", import, self.func(*lower_ty)?, options.as_u32()])
            }
            T::Transcoder { op, from, to, from64: false, to64: false } => {
                json!(["transcode", transcode(*op), from.as_u32(), to.as_u32()])
            }
            T::Transcoder { .. } => {
                return Err(TranspileError::NotOffered("memories of 64 bits".to_owned()));
            }
            T::ResourceNew { ty, .. } => json!(["resource-new", ty.as_u32()]),
            T::ResourceRep { ty, .. } => json!(["resource-rep", ty.as_u32()]),
            T::ResourceDrop { ty, .. } => json!(["resource-drop", ty.as_u32()]),
            T::BackpressureInc { instance } => json!(["backpressure", instance.as_u32(), 1]),
            T::BackpressureDec { instance } => json!(["backpressure", instance.as_u32(), -1]),
            T::TaskReturn { results, options, .. } => {
                json!(["task-return", results.as_u32(), options.as_u32()])
            }
            T::TaskCancel { instance } => json!(["task-cancel", instance.as_u32()]),
            T::WaitableSetNew { instance } => json!(["waitable-set-new", instance.as_u32()]),
            T::WaitableSetWait { instance, options } => {
                json!(["waitable-set-wait", instance.as_u32(), options.as_u32()])
            }
            T::WaitableSetPoll { instance, options } => {
                json!(["waitable-set-poll", instance.as_u32(), options.as_u32()])
            }
            T::WaitableSetDrop { instance } => json!(["waitable-set-drop", instance.as_u32()]),
            T::WaitableJoin { instance } => json!(["waitable-join", instance.as_u32()]),
            T::SubtaskDrop { instance } => json!(["subtask-drop", instance.as_u32()]),
            T::SubtaskCancel { instance, async_: false } => {
                json!(["subtask-cancel", instance.as_u32()])
            }
            T::SubtaskCancel { .. } => {
                return Err(TranspileError::NotOffered(
                    "an asynchronous subtask.cancel".to_owned(),
                ));
            }
            T::StreamNew { ty, .. } => json!(["stream-new", ty.as_u32()]),
            T::StreamRead { ty, options, .. } => self.copy("stream-read", ty.as_u32(), *options),
            T::StreamWrite { ty, options, .. } => self.copy("stream-write", ty.as_u32(), *options),
            // Nothing that is cancelled here takes its time.
            T::StreamCancelRead { ty, .. } => json!(["stream-cancel-read", ty.as_u32()]),
            T::StreamCancelWrite { ty, .. } => json!(["stream-cancel-write", ty.as_u32()]),
            T::StreamDropReadable { ty, .. } => json!(["stream-drop-readable", ty.as_u32()]),
            T::StreamDropWritable { ty, .. } => json!(["stream-drop-writable", ty.as_u32()]),
            T::FutureNew { ty, .. } => json!(["future-new", ty.as_u32()]),
            T::FutureRead { ty, options, .. } => self.copy("future-read", ty.as_u32(), *options),
            T::FutureWrite { ty, options, .. } => self.copy("future-write", ty.as_u32(), *options),
            T::FutureCancelRead { ty, .. } => json!(["future-cancel-read", ty.as_u32()]),
            T::FutureCancelWrite { ty, .. } => json!(["future-cancel-write", ty.as_u32()]),
            T::FutureDropReadable { ty, .. } => json!(["future-drop-readable", ty.as_u32()]),
            T::FutureDropWritable { ty, .. } => json!(["future-drop-writable", ty.as_u32()]),
            T::ResourceTransferOwn => json!(["resource-transfer-own"]),
            T::ResourceTransferBorrow => json!(["resource-transfer-borrow"]),
            T::PrepareCall { memory } => json!(["prepare-call", memory.map(|it| it.as_u32())]),
            T::SyncStartCall { callback } => {
                json!(["sync-start-call", callback.map(|it| it.as_u32())])
            }
            T::AsyncStartCall { callback, post_return } => {
                json!([
                    "async-start-call",
                    callback.map(|it| it.as_u32()),
                    post_return.map(|it| it.as_u32())
                ])
            }
            T::FutureTransfer => json!(["future-transfer"]),
            T::StreamTransfer => json!(["stream-transfer"]),
            T::Trap => json!(["trap"]),
            T::EnterSyncCall => json!(["enter-sync-call"]),
            T::ExitSyncCall => json!(["exit-sync-call"]),
            T::ThreadYield { instance, .. } => json!(["thread-yield", instance.as_u32()]),
            T::ErrorContextNew { .. }
            | T::ErrorContextDebugMessage { .. }
            | T::ErrorContextDrop { .. }
            | T::ErrorContextTransfer => {
                return Err(TranspileError::NotOffered("error contexts".to_owned()));
            }
            T::ThreadIndex { .. }
            | T::ThreadNewIndirect { .. }
            | T::ThreadResumeLater { .. }
            | T::ThreadSuspend { .. }
            | T::ThreadSuspendThenResume { .. }
            | T::ThreadYieldThenResume { .. }
            | T::ThreadSuspendThenPromote { .. }
            | T::ThreadYieldThenPromote { .. } => {
                return Err(TranspileError::NotOffered("threads".to_owned()));
            }
        })
    }

    fn copy(&self, kind: &str, table: u32, options: OptionsIndex) -> Value {
        json!([kind, table, options.as_u32()])
    }
}

fn options(options: &CanonicalOptions) -> Value {
    let (memory, realloc) = match options.data_model {
        CanonicalOptionsDataModel::LinearMemory(it) => (it.memory, it.realloc),
        CanonicalOptionsDataModel::Gc {} => (None, None),
    };
    let encoding = match options.string_encoding {
        StringEncoding::Utf8 => "utf8",
        StringEncoding::Utf16 => "utf16",
        StringEncoding::CompactUtf16 => "latin1+utf16",
    };
    json!([
        options.instance.as_u32(),
        memory.map(|it| it.as_u32()),
        realloc.map(|it| it.as_u32()),
        encoding,
        options.callback.map(|it| it.as_u32()),
        options.post_return.map(|it| it.as_u32()),
        options.async_,
    ])
}

fn transcode(op: Transcode) -> &'static str {
    match op {
        Transcode::Copy(FixedEncoding::Utf8) => "utf8-to-utf8",
        Transcode::Copy(FixedEncoding::Utf16) => "utf16-to-utf16",
        Transcode::Copy(FixedEncoding::Latin1) => "latin1-to-latin1",
        other => other.desc(),
    }
}

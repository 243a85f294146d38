//! Compares a project's own copy of a package with the one that travels in this command: a component
//! that was built with another shape links with no host, and is told there by the host alone.

use wit_parser::{
    Function, FunctionKind, Handle, InterfaceId, Resolve, Type, TypeDefKind, TypeId, WorldId,
    WorldItem,
};

/// The first thing in which two interfaces of one name differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The interface, with its package and version.
    pub interface: String,
    /// The function or type, with its sort.
    pub item: String,
    /// How the project has it.
    pub has: String,
    /// How the hosts have it; `None` where they have no such thing.
    pub should: Option<String>,
}

/// Finds the first interface of a world that is otherwise in `known`. What `known` has in addition is
/// no difference: a project need not use everything.
pub fn first_difference(own: &Resolve, world: WorldId, known: &Resolve) -> Option<Difference> {
    let world = own.worlds.get(world)?;
    let items = world.imports.values().chain(world.exports.values());
    items
        .filter_map(|item| match item {
            WorldItem::Interface { id, .. } => Some(*id),
            _ => None,
        })
        .find_map(|interface| {
            let name = own.id_of(interface)?;
            let is_same = |id: &InterfaceId| known.id_of(*id).as_ref() == Some(&name);
            let should = known.interfaces.iter().map(|(id, _)| id).find(is_same)?;
            in_interface(own, interface, known, should, &name)
        })
}

fn in_interface(
    own: &Resolve,
    interface: InterfaceId,
    known: &Resolve,
    should: InterfaceId,
    name: &str,
) -> Option<Difference> {
    let (has, should) = (own.interfaces.get(interface)?, known.interfaces.get(should)?);
    let differs = |item: String, has: String, should: Option<String>| {
        let is_other = should.as_ref() != Some(&has);
        is_other.then(|| Difference { interface: name.to_owned(), item, has, should })
    };
    let types = has.types.iter().find_map(|(item, id)| {
        let other = should.types.get(item).map(|id| definition(known, *id));
        differs(format!("type `{item}`"), definition(own, *id), other)
    });
    let functions = || {
        has.functions.iter().find_map(|(item, function)| {
            let other = should.functions.get(item).map(|function| signature(known, function));
            differs(format!("function `{}`", spoken(item)), signature(own, function), other)
        })
    };
    types.or_else(functions)
}

/// A function's name without the marks of its sort: `[method]bucket.get` is `bucket.get`.
fn spoken(name: &str) -> &str {
    name.rsplit_once(']').map_or(name, |(_, name)| name)
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let sort = match function.kind {
        FunctionKind::AsyncFreestanding
        | FunctionKind::AsyncMethod(_)
        | FunctionKind::AsyncStatic(_) => "async func",
        _ => "func",
    };
    let is_self = |name: &str| name == "self";
    let params = function.params.iter().filter(|param| !is_self(&param.name));
    let params: Vec<String> =
        params.map(|param| format!("{}: {}", param.name, text(resolve, &param.ty))).collect();
    let result = function.result.as_ref();
    let result = result.map(|ty| format!(" -> {}", text(resolve, ty))).unwrap_or_default();
    format!("{sort}({}){result}", params.join(", "))
}

/// What a type with a name is.
fn definition(resolve: &Resolve, id: TypeId) -> String {
    let Some(definition) = resolve.types.get(id) else { return String::new() };
    let fields = |fields: Vec<String>| fields.join(", ");
    match &definition.kind {
        TypeDefKind::Record(record) => {
            let field = |it: &wit_parser::Field| format!("{}: {}", it.name, text(resolve, &it.ty));
            format!("record {{ {} }}", fields(record.fields.iter().map(field).collect()))
        }
        TypeDefKind::Variant(variant) => {
            let case = |it: &wit_parser::Case| match &it.ty {
                Some(ty) => format!("{}({})", it.name, text(resolve, ty)),
                None => it.name.clone(),
            };
            format!("variant {{ {} }}", fields(variant.cases.iter().map(case).collect()))
        }
        TypeDefKind::Enum(cases) => {
            let names = cases.cases.iter().map(|case| case.name.clone()).collect();
            format!("enum {{ {} }}", fields(names))
        }
        TypeDefKind::Flags(flags) => {
            let names = flags.flags.iter().map(|flag| flag.name.clone()).collect();
            format!("flags {{ {} }}", fields(names))
        }
        TypeDefKind::Resource => "resource".to_owned(),
        kind => shape(resolve, kind),
    }
}

/// A type as it is written where it is used: by its name, where it has one.
fn text(resolve: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else { return primitive(ty).to_owned() };
    let Some(definition) = resolve.types.get(*id) else { return String::new() };
    match &definition.name {
        Some(name) => name.clone(),
        None => shape(resolve, &definition.kind),
    }
}

fn shape(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let text = |ty: &Type| text(resolve, ty);
    let named = |id: &TypeId| text(&Type::Id(*id));
    let maybe = |ty: &Option<Type>| ty.as_ref().map_or("_".to_owned(), text);
    let payload = |name: &str, ty: &Option<Type>| match ty {
        Some(ty) => format!("{name}<{}>", text(ty)),
        None => name.to_owned(),
    };
    match kind {
        TypeDefKind::Handle(Handle::Own(id)) => named(id),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", named(id)),
        TypeDefKind::Tuple(tuple) => {
            format!("tuple<{}>", tuple.types.iter().map(text).collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Option(ty) => format!("option<{}>", text(ty)),
        TypeDefKind::Result(result) => match (&result.ok, &result.err) {
            (None, None) => "result".to_owned(),
            (ok, None) => format!("result<{}>", maybe(ok)),
            (ok, err) => format!("result<{}, {}>", maybe(ok), maybe(err)),
        },
        TypeDefKind::List(ty) => format!("list<{}>", text(ty)),
        TypeDefKind::FixedLengthList(ty, length) => format!("list<{}, {length}>", text(ty)),
        TypeDefKind::Map(key, value) => format!("map<{}, {}>", text(key), text(value)),
        TypeDefKind::Future(ty) => payload("future", ty),
        TypeDefKind::Stream(ty) => payload("stream", ty),
        TypeDefKind::Type(ty) => text(ty),
        other => other.as_str().to_owned(),
    }
}

fn primitive(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(_) => "",
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { interface, item, has, should } = self;
        write!(f, "{interface}: its {item} is `{has}`, and ")?;
        match should {
            Some(should) => write!(f, "the hosts have `{should}`"),
            None => f.write_str("the hosts have no such thing"),
        }
    }
}

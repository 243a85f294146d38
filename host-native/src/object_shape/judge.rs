//! Goes through an interface and its one resource, and says what does not fit an object.

use super::component::{Interface, resources_of};
use super::error::{Place, ShapeError};
use super::values::Walk;
use std::collections::HashMap;
use wasmparser::PrimitiveValType;
use wasmparser::component_types::{
    ComponentDefinedType, ComponentEntityType, ComponentFuncType, ComponentInstanceType,
    ComponentValType, ResourceId,
};
use wasmparser::types::Types;

/// Goes through an interface and its one resource, and says what does not fit.
pub(super) struct Judge<'a> {
    types: &'a Types,
    /// What the interface calls the resources that its functions can take.
    names: HashMap<ResourceId, &'a str>,
    interface: &'a str,
    resource: &'a str,
    /// The resource's methods, as far as they were met.
    pub(super) methods: Vec<String>,
    errors: &'a mut Vec<ShapeError>,
}

impl<'a> Judge<'a> {
    /// A judge of an interface and its resource, who says to `errors` what does not fit.
    pub(super) fn new(
        types: &'a Types,
        object: &Interface<'a>,
        resource: &'a str,
        errors: &'a mut Vec<ShapeError>,
    ) -> Self {
        let names = resources_of(object.instance).map(|(label, id)| (id, label)).collect();
        Self { types, names, interface: object.name, resource, methods: Vec::new(), errors }
    }

    /// Judges everything that the interface has.
    pub(super) fn judge(&mut self, instance: &ComponentInstanceType) {
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
            for held in Walk::through(self, &ty) {
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

    /// What a type is, where it has a definition.
    pub(super) fn defined(&self, ty: &ComponentValType) -> Option<&ComponentDefinedType> {
        match ty {
            ComponentValType::Primitive(_) => None,
            // Its identifier is from these very types, so it is there.
            ComponentValType::Type(id) => self.types.as_ref().get(*id),
        }
    }

    /// What the interface calls a resource.
    pub(super) fn name_of(&self, resource: ResourceId) -> String {
        self.names.get(&resource).copied().unwrap_or("_").to_owned()
    }
}

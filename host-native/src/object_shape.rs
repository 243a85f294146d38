//! Whether a component can be a durable object, and what it then offers, read from its types without
//! running or compiling it. For building, checking and starting; no call passes here.
//!
//! An object's component exports one interface with one resource, which is its callers' stub: the
//! constructor takes the object's name, and methods take and give values only, since a handle, a
//! stream or a future cannot reach an instance that lives elsewhere, or outlives its caller.

mod component;
mod error;
mod judge;
mod signature;
mod values;

pub(crate) use self::error::ShapeError;
pub(crate) use self::signature::{Difference, Signatures, difference};

use self::component::Component;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// What the interface's functions take and give.
    pub(crate) signatures: Signatures,
    /// It exports `selvedge:durable/alarm-handler`, and so may set alarms.
    pub(crate) handles_alarms: bool,
    /// It exports `selvedge:durable/lifecycle`, and so is told of its start.
    pub(crate) has_lifecycle: bool,
    /// It exports `wasi:http/handler`, and so can be called through the untyped door.
    pub(crate) answers_http: bool,
}

/// What the types of a component say of objects.
#[derive(Debug)]
pub(crate) struct Read {
    /// What it is as an object, or every reason why it cannot be one; never an empty list.
    pub(crate) object: Result<ObjectShape, Vec<ShapeError>>,
    /// The functions that it imports of interfaces that are not the platform's, by interface: those
    /// that objects export are calls.
    pub(crate) imports: BTreeMap<String, Signatures>,
}

impl Read {
    /// Reads a component whose bytes were validated; code is not looked at again.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        match Component::read(bytes) {
            Ok(component) => {
                Self { object: ObjectShape::read(&component), imports: component.imported() }
            }
            Err(reason) => {
                let object = Err(vec![ShapeError::Invalid { reason }]);
                Self { object, imports: BTreeMap::new() }
            }
        }
    }
}

impl ObjectShape {
    /// Reads the shape of a component. What its methods take and give is judged only where it is
    /// clear which resource is the object.
    fn read(component: &Component) -> Result<Self, Vec<ShapeError>> {
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

#[cfg(test)]
mod tests;

//! `selvedge:durable`: what an object may ask about itself and its state, and how others reach it.
//!
//! The way of a call: a guest calls a function of an interface that some object's component exports
//! ([`stub`]); `guest::object` brings it to the one live instance; that instance reads and writes
//! what it stores ([`own`]). The untyped door is [`namespace`].

mod namespace;
mod own;
pub(crate) mod stub;

use crate::guest::object::directory::Objects;
use crate::guest::object::mailbox::CallError;
use crate::guest::object::own::Own;
use crate::storage::object::{KeysError, SqlError};
use selvedge_contract::names::Name;
use selvedge_wasi::State;
use std::collections::BTreeSet;
use std::sync::Arc;
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi_http::WasiHttpHooks;

mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package selvedge:host-durable;
            world imports {
                import selvedge:durable/types@0.1.0;
                import selvedge:durable/self@0.1.0;
                import selvedge:durable/storage@0.1.0;
                import selvedge:durable/sql@0.1.0;
                import selvedge:durable/alarms@0.1.0;
                import selvedge:durable/namespace@0.1.0;
            }
        ",
        world: "selvedge:host-durable/imports",
        imports: { "selvedge:durable/sql": async | trappable, default: trappable },
        with: {
            "wasi:http/types": wasmtime_wasi_http::p3::bindings::http::types,
            "wasi:clocks": wasmtime_wasi::p3::bindings::clocks,
        },
        trappable_error_type: {
            "selvedge:durable/types.error" => super::CallError,
            "selvedge:durable/storage.error" => super::StorageAnswer,
            "selvedge:durable/sql.error" => super::SqlAnswer,
        },
    });
}

use self::bindings::selvedge::durable as wit;

/// What an instance may see of objects, for the time of one call.
pub(crate) struct DurableView<'a> {
    /// The instance's handles.
    pub(crate) table: &'a mut ResourceTable,
    /// The instance's way out.
    pub(crate) hooks: &'a mut dyn WasiHttpHooks,
    /// What it has of its own, where it is an object.
    pub(crate) object: Option<&'a Own>,
    /// Every object.
    pub(crate) objects: &'a Arc<Objects>,
    /// The classes that it may call.
    pub(crate) grants: &'a Arc<BTreeSet<Name>>,
}

/// Tells the linker which view the functions below get.
pub(crate) struct HasDurable;

impl HasData for HasDurable {
    type Data<'a> = DurableView<'a>;
}

/// Why a call on what an object stores did not succeed.
pub(crate) type StorageAnswer = Answer<KeysError>;
/// Why a statement did not succeed.
pub(crate) type SqlAnswer = Answer<SqlError>;

/// What a call came to that did not succeed.
#[derive(Debug)]
pub(crate) enum Answer<E> {
    /// An error for the guest.
    Error(E),
    /// The guest ends: it asked for what no guest of its kind may ask.
    Trap(wasmtime::Error),
}

impl<E> From<E> for Answer<E> {
    fn from(error: E) -> Self {
        Self::Error(error)
    }
}

/// Links `selvedge:durable`; `view` finds an instance's view.
///
/// # Errors
/// Where it is linked already.
pub(crate) fn add_to_linker(
    linker: &mut Linker<State>,
    view: fn(&mut State) -> DurableView<'_>,
) -> wasmtime::Result<()> {
    wit::types::add_to_linker::<State, HasDurable>(linker, view)?;
    wit::self_::add_to_linker::<State, HasDurable>(linker, view)?;
    wit::storage::add_to_linker::<State, HasDurable>(linker, view)?;
    wit::sql::add_to_linker::<State, HasDurable>(linker, view)?;
    wit::alarms::add_to_linker::<State, HasDurable>(linker, view)?;
    wit::namespace::add_to_linker::<State, HasDurable>(linker, view)
}

impl DurableView<'_> {
    /// What the instance has of its own.
    ///
    /// # Errors
    /// Where it is no object: that ends it.
    fn own(&self) -> wasmtime::Result<&Own> {
        self.object.ok_or_else(|| {
            wasmtime::format_err!(
                "only objects may call this; make the component an object in the manifest ([objects.NAME])"
            )
        })
    }
}

impl wit::types::Host for DurableView<'_> {
    fn convert_error(&mut self, error: CallError) -> wasmtime::Result<wit::types::Error> {
        Ok(match error {
            CallError::NoSuchClass => wit::types::Error::NoSuchClass,
            CallError::AccessDenied => wit::types::Error::AccessDenied,
            CallError::Overloaded => wit::types::Error::Overloaded,
            CallError::Reset(reason) => wit::types::Error::Reset(reason),
            CallError::Timeout => wit::types::Error::Timeout,
            CallError::Invalid(reason) => wit::types::Error::Invalid(reason),
        })
    }
}

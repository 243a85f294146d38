//! Step 4 of a request's way, allow: what a guest may ask of this host.
//!
//! Before it comes `guest`, whose instances call; after it `storage`, or the network.

pub(crate) mod durable;
pub(crate) mod keyvalue;
pub(crate) mod logging;
pub(crate) mod outbound;
pub(crate) mod table;
pub(crate) mod wasi_keyvalue;

use crate::guest::state;
use selvedge_wasi::State;
use wasmtime::Engine;
use wasmtime::component::Linker;

/// Links every capability, once a process. What an instance may do with one is decided by the view
/// that its state gives.
///
/// # Errors
/// Where two capabilities define the same interface.
pub fn link(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = selvedge_wasi::link(engine)?;
    durable::add_to_linker(&mut linker, state::durable)?;
    keyvalue::add_to_linker(&mut linker, state::keyvalue)?;
    wasi_keyvalue::add_to_linker(&mut linker, state::keyvalue)?;
    Ok(linker)
}

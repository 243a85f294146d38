//! Step 4 of a request's way, allow: what a guest may ask of this host.
//!
//! Before it comes `guest`, whose instances call; after it `storage`, or the network.

pub(crate) mod keyvalue;
pub(crate) mod logging;
pub(crate) mod outbound;
pub(crate) mod table;
pub(crate) mod wasi_keyvalue;

use crate::guest::state::State;
use wasmtime::Engine;
use wasmtime::component::Linker;

/// Links every capability, once a process. What an instance may do with one is decided by the view
/// that its state gives.
///
/// # Errors
/// Where two capabilities define the same interface.
pub fn link(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_config::add_to_linker(&mut linker, State::config)?;
    keyvalue::add_to_linker(&mut linker, State::keyvalue)?;
    wasi_keyvalue::add_to_linker(&mut linker, State::keyvalue)?;
    Ok(linker)
}

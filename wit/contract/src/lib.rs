//! What WIT cannot say, and both hosts share: the app manifest, routes, names, limits, failures, SQL,
//! and what identifies a durable object.
//!
//! Pure: no I/O, no clock, no async, nothing that does not build for `wasm32-unknown-unknown`.

pub mod failure;
pub mod host;
pub mod language;
pub mod limits;
#[cfg(feature = "manifest")]
pub mod manifest;
pub mod names;
pub mod object;
pub mod route;
pub mod sql;

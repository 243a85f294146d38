//! The native host of Selvedge: components as HTTP services under wasmtime.
//!
//! A request goes `server` (1 in) → `dispatch` (2 choose) → `guest` (3 run) → `capability` (4 allow)
//! → `storage` (5 keep). What both hosts share is in the crate `selvedge-contract`.

pub mod app;
mod built;
mod callee;
pub mod capability;
pub mod cli;
pub mod clock;
pub mod commands;
mod compose;
mod dispatch;
mod edge;
mod grants;
pub mod guest;
mod inspect;
mod locked;
mod object_shape;
mod problem;
mod server;
mod settings;
mod storage;
mod telemetry;
mod typed;
mod wiring;

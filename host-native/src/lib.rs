//! The native host of Selvedge: components as HTTP services under wasmtime.
//!
//! A request goes `server` (1 in) → `dispatch` (2 choose) → `guest` (3 run) → `capability` (4 allow)
//! → `storage` (5 keep). What both hosts share is in the crate `selvedge-contract`.

pub mod app;
mod capability;
pub mod cli;
pub mod clock;
pub mod commands;
mod dispatch;
pub mod guest;
mod server;
mod settings;
mod telemetry;

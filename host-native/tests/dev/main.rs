//! `selvedge dev`: what is saved is swapped, and nothing else is disturbed by it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails panics"
)]

mod ends;
#[path = "../serving/host.rs"]
mod host;
mod host_of;
mod objects;
#[path = "../build/parts.rs"]
#[allow(dead_code, reason = "these tests need few of them")]
mod parts;
mod services;
#[path = "../serving/app.rs"]
mod serving;
mod worker;

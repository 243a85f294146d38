//! Durable objects in a host that is killed, whose disk is full, slow or broken, and that has many of
//! them. What objects do for their callers is for the conformance suite.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails panics"
)]

#[path = "objects/alarms.rs"]
mod alarms;
#[path = "objects/app.rs"]
mod app;
#[path = "objects/crash.rs"]
mod crash;
#[path = "objects/damage.rs"]
mod damage;
#[path = "objects/disk.rs"]
mod disk;
#[path = "serving/host.rs"]
mod host;
#[path = "objects/many.rs"]
mod many;
#[path = "serving/app.rs"]
mod serving;

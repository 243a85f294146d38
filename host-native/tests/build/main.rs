//! `selvedge build` and `selvedge check`, as people and scripts use them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it says"
)]

mod app;
mod bad;
mod calls;
mod check;
mod composition;
mod crates;
mod incremental;
mod languages;
mod objects;
mod parallel;
mod parts;
mod plain;

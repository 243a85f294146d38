//! What the pages of `components/languages/` say, tried: their commands, their code, and their claims. The
//! tools of the languages have to be installed (`just setup`).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails panics"
)]

#[path = "../serving/host.rs"]
mod host;
mod page;
mod pages;
mod project;
mod waits;

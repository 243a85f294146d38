//! `selvedge build` and `selvedge check`, as people and scripts use them.

mod app;
mod bad;
mod check;
mod composition;
mod crates;
mod incremental;
mod parts;
mod plain;

//! Runs the unit tests of the bench, which has no test harness of its own.

#[path = "../benches/http/main.rs"]
mod http;

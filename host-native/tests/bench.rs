//! Runs the unit tests of the bench, whose own target has no test harness.

#![allow(dead_code, reason = "only the tests are run here")]
#![allow(clippy::indexing_slicing, reason = "a bench may fail loudly")]

#[path = "../benches/http/apps.rs"]
mod apps;
#[path = "../benches/http/bare.rs"]
mod bare;
#[path = "../benches/http/cases.rs"]
mod cases;
#[path = "../benches/http/histogram.rs"]
mod histogram;
#[path = "../benches/http/load.rs"]
mod load;
#[path = "../benches/http/picture.rs"]
mod picture;
#[path = "../benches/http/process.rs"]
mod process;
#[path = "../benches/http/readme.rs"]
mod readme;
#[path = "../benches/http/reply.rs"]
mod reply;
#[path = "../benches/http/report.rs"]
mod report;
#[path = "../benches/http/rounds.rs"]
mod rounds;

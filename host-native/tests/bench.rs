//! Runs the unit tests of the bench, whose own target has no test harness.

#![allow(dead_code, reason = "only the tests are run here")]
#![allow(clippy::indexing_slicing, reason = "a bench may fail loudly")]

#[path = "../benches/http/apps.rs"]
mod apps;
#[path = "../benches/http/bare.rs"]
mod bare;
#[path = "../benches/shared/bars.rs"]
mod bars;
#[path = "../benches/shared/bound.rs"]
mod bound;
#[path = "../benches/http/cases.rs"]
mod cases;
#[path = "../benches/shared/effort.rs"]
mod effort;
#[path = "../benches/shared/histogram.rs"]
mod histogram;
#[path = "../benches/shared/load.rs"]
mod load;
#[path = "../benches/shared/marks.rs"]
mod marks;
#[path = "../benches/http/picture.rs"]
mod picture;
#[path = "../benches/shared/process.rs"]
mod process;
#[path = "../benches/http/readme.rs"]
mod readme;
#[path = "../benches/shared/reply.rs"]
mod reply;
#[path = "../benches/http/report.rs"]
mod report;
#[path = "../benches/http/rounds.rs"]
mod rounds;
#[path = "../benches/shared/sample.rs"]
mod sample;

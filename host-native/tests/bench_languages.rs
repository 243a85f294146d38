//! Runs the unit tests of the bench of languages, whose own target has no test harness.

#![allow(dead_code, reason = "only the tests are run here")]
#![allow(clippy::indexing_slicing, reason = "a bench may fail loudly")]

#[path = "../benches/languages/app.rs"]
mod app;
#[path = "../benches/shared/bars.rs"]
mod bars;
#[path = "../benches/shared/bound.rs"]
mod bound;
#[path = "../benches/languages/builds.rs"]
mod builds;
#[path = "../benches/shared/bundle.rs"]
mod bundle;
#[path = "../benches/shared/effort.rs"]
mod effort;
#[path = "../benches/shared/histogram.rs"]
mod histogram;
#[path = "../benches/shared/load.rs"]
mod load;
#[path = "../benches/shared/marks.rs"]
mod marks;
#[path = "../benches/languages/page.rs"]
mod page;
#[path = "../benches/languages/picture.rs"]
mod picture;
#[path = "../benches/shared/process.rs"]
mod process;
#[path = "../benches/languages/rebuilds.rs"]
mod rebuilds;
#[path = "../benches/shared/reply.rs"]
mod reply;
#[path = "../benches/languages/report.rs"]
mod report;
#[path = "../benches/languages/rounds.rs"]
mod rounds;
#[path = "../benches/shared/sample.rs"]
mod sample;
#[path = "../benches/languages/scaffolds.rs"]
mod scaffolds;
#[path = "../benches/languages/services.rs"]
mod services;
#[path = "../benches/languages/starts.rs"]
mod starts;
#[path = "../benches/shared/workerd.rs"]
mod workerd;

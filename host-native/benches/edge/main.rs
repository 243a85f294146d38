//! Measures the Workers host: bundles in workerd, beside a Worker of plain JavaScript and beside what
//! jco makes of the same components by itself, in the same rounds.
//!
//! Run by `just bench-edge`. One iteration is a request on a connection that stays open ([`rounds`]), or
//! a process of workerd from its start to its first 200 ([`start`]). Each variant is one process of
//! workerd; the load runs on the same machine. What is left out: the network, and everything that the
//! deployed platform puts around workerd.

#![cfg_attr(
    test,
    allow(dead_code, unused_imports, reason = "cargo builds a bench with `test` set, too")
)]
#![expect(clippy::indexing_slicing, reason = "a bench may fail loudly")]

#[path = "../shared/bound.rs"]
mod bound;
#[path = "../shared/bundle.rs"]
mod bundle;
#[path = "../shared/histogram.rs"]
mod histogram;
#[path = "../shared/load.rs"]
#[allow(dead_code, reason = "threads are as many as by default here")]
mod load;
#[path = "../shared/marks.rs"]
mod marks;
#[path = "../shared/process.rs"]
#[allow(dead_code, reason = "other benches read more of a process")]
mod process;
#[path = "../shared/reply.rs"]
mod reply;
mod report;
mod rounds;
#[path = "../shared/sample.rs"]
mod sample;
mod start;
mod variants;
#[path = "../shared/workerd.rs"]
mod workerd;

use clap::Parser;
use report::Results;
use rounds::Effort;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use variants::Made;

/// Measures the Workers host beside plain JavaScript and stock jco.
#[derive(Debug, Parser)]
struct Flags {
    /// One short round, to see that everything works; its figures mean little
    #[arg(long)]
    quick: bool,
    /// Rounds, whose median is told
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Seconds that each case is measured in a round at one connection
    #[arg(long, value_name = "N", default_value_t = 3)]
    seconds: u64,
    /// Seconds that it is measured at 64 connections
    #[arg(long, value_name = "N", default_value_t = 10)]
    crowd_seconds: u64,
    /// Write the results into host-worker/README.md, too
    #[arg(long)]
    readme: bool,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let flags = Flags::parse();
    if !flags.bench {
        // `cargo test --all-targets` runs benches, too, and wants to know whether they start.
        println!("nothing is measured without --bench, which `cargo bench` gives");
        return Ok(ExitCode::SUCCESS);
    }
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = tempfile::tempdir()?;
    let made = Made::make(folder.path(), &project.join("target/bench/edge"))?;
    eprintln!("starts");
    let starts = start::measure(&made, folder.path(), if flags.quick { 3 } else { 15 })?;
    let rows = rounds::measure(&made, folder.path(), flags.effort())?;
    let results = Results { rows, starts, parts: made.parts };
    print!("{}", results.table());
    let summary = project.join("target/bench/edge.json");
    results.write_summary(&summary)?;
    if flags.readme {
        results.write_readme(&project.join("host-worker/README.md"))?;
    }
    println!("\n{} bounds missed; written to target/bench/edge.json", results.missed());
    Ok(ExitCode::SUCCESS)
}

impl Flags {
    fn effort(&self) -> Effort {
        let short = |seconds| Duration::from_secs(if self.quick { 1 } else { seconds });
        Effort {
            rounds: if self.quick { 1 } else { self.rounds.max(1) },
            warm_up: Duration::from_millis(500),
            alone: short(self.seconds),
            crowd: short(self.crowd_seconds),
        }
    }
}

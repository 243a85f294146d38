//! Measures services in every language, on both hosts: what they weigh, how long they take to build, to
//! build again and to start, what they hold of memory, and what they answer a second beside the same
//! service in Rust.
//!
//! Run by `just bench-languages`. What one iteration is stands at the head of each part: [`builds`] for
//! sizes and builds, [`starts`] for processes, [`rounds`] for requests and memory, [`rebuilds`] for what
//! is saved under `selvedge dev`, [`scaffolds`] for projects that `selvedge new` begins.

#![cfg_attr(
    test,
    allow(
        dead_code,
        unused_imports,
        reason = "cargo builds a bench with `test` set, too, but runs its tests in `tests/bench_languages.rs` only"
    )
)]

mod app;
#[path = "../shared/bars.rs"]
mod bars;
#[path = "../shared/bound.rs"]
mod bound;
mod builds;
#[path = "../shared/bundle.rs"]
mod bundle;
#[path = "../shared/effort.rs"]
mod effort;
#[path = "../shared/histogram.rs"]
#[allow(clippy::indexing_slicing, reason = "a bench may fail loudly")]
mod histogram;
#[path = "../shared/load.rs"]
#[allow(dead_code, clippy::indexing_slicing, reason = "a bench may fail loudly")]
mod load;
#[path = "../shared/marks.rs"]
mod marks;
mod page;
mod picture;
#[path = "../shared/process.rs"]
#[allow(dead_code, clippy::indexing_slicing, reason = "other benches read more of a process")]
mod process;
mod rebuilds;
#[path = "../shared/reply.rs"]
#[allow(clippy::indexing_slicing, reason = "a bench may fail loudly")]
mod reply;
mod report;
mod rounds;
#[path = "../shared/sample.rs"]
#[allow(clippy::indexing_slicing, reason = "a bench may fail loudly")]
mod sample;
mod scaffolds;
mod services;
mod starts;
#[path = "../shared/workerd.rs"]
#[allow(clippy::indexing_slicing, reason = "a bench may fail loudly")]
mod workerd;

use app::App;
use clap::Parser;
use effort::Effort;
use report::Results;
use services::{Host, Service};
use std::path::Path;
use std::process::ExitCode;

/// Measures services in every language, on both hosts.
#[derive(Debug, Parser)]
struct Flags {
    /// One short round, to see that everything works; its figures mean little
    #[arg(long)]
    quick: bool,
    /// Rounds, whose median is told
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// Seconds that each service is asked in a round
    #[arg(long, value_name = "N", default_value_t = 3)]
    seconds: u64,
    /// Only these services, and those they are measured by; prints and writes nothing else
    #[arg(long, value_name = "SERVICE", value_delimiter = ',', conflicts_with = "readme")]
    only: Vec<String>,
    /// Only this host
    #[arg(long, value_name = "HOST", conflicts_with = "readme")]
    host: Option<Host>,
    /// Only requests and memory
    #[arg(long, conflicts_with = "readme")]
    requests: bool,
    /// Write the results into components/languages/README.md, and a picture beside the bench
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
    let mut results = Results::default();
    let measured = measure(&flags, &mut results);
    // What was measured before something failed is worth as much.
    print!("{}", results.tables());
    measured?;
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if flags.is_whole() {
        results.write_summary(&project.join("target/bench/languages.json"))?;
    }
    if flags.readme {
        page::write(&project.join(page::PAGE), &results)?;
        std::fs::write(project.join(page::PICTURE), picture::svg(&results))?;
    }
    println!("\n{} bounds missed", results.missed());
    Ok(ExitCode::SUCCESS)
}

fn measure(flags: &Flags, results: &mut Results) -> anyhow::Result<()> {
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench/languages");
    let (services, hosts) = (flags.services()?, flags.hosts());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let scratch = tempfile::tempdir()?;
    let mut apps = Vec::new();
    for service in services {
        eprintln!("{}: builds", service.label);
        let mut app = App::create(service, &out)?;
        results.extend(builds::measure(&mut app, &hosts)?);
        apps.push(app);
    }
    if !flags.requests {
        results.extend(starts::measure(&runtime, &apps, &hosts, scratch.path(), flags.starts())?);
    }
    for host in &hosts {
        let measured = rounds::measure(&runtime, &apps, *host, scratch.path(), flags.effort())?;
        results.extend(measured);
    }
    if !flags.requests {
        results.extend(scaffolds::measure(&runtime, &out, scratch.path())?);
        for host in &hosts {
            for app in &apps {
                let figure =
                    rebuilds::measure(&runtime, app, *host, scratch.path(), flags.saves())?;
                results.extend([figure]);
            }
        }
    }
    Ok(())
}

impl Flags {
    fn is_whole(&self) -> bool {
        self.only.is_empty() && self.host.is_none() && !self.requests
    }

    fn services(&self) -> anyhow::Result<Vec<&'static Service>> {
        for name in &self.only {
            let known: Vec<&str> = services::ALL.iter().map(|service| service.name).collect();
            anyhow::ensure!(
                known.contains(&name.as_str()),
                "no service {name:?}; there are {}",
                known.join(", ")
            );
        }
        let is_wanted = |service: &Service| {
            let is_named = |other: &Service| self.only.iter().any(|name| name == other.name);
            let measures =
                services::ALL.iter().any(|it| is_named(it) && it.baseline == service.name);
            self.only.is_empty() || is_named(service) || measures
        };
        Ok(services::ALL.iter().filter(|service| is_wanted(service)).collect())
    }

    fn hosts(&self) -> Vec<Host> {
        self.host.map_or_else(|| Host::ALL.to_vec(), |host| vec![host])
    }

    fn starts(&self) -> usize {
        if self.quick { 2 } else { 5 }
    }

    /// How often a file is saved under `selvedge dev`.
    fn saves(&self) -> usize {
        if self.quick { 1 } else { 2 }
    }

    fn effort(&self) -> Effort {
        Effort::of(self.quick, self.rounds, self.seconds)
    }
}

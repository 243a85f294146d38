//! Measures the host: the real command, over HTTP, beside a bare hyper server in the same rounds.
//!
//! Run by `just bench-http`. What one iteration is stands at the head of each part: [`rounds`] for
//! requests, [`startup`] for processes and memory, [`engine`] for components and instances.

#![cfg_attr(
    test,
    allow(
        dead_code,
        unused_imports,
        reason = "cargo builds a bench with `test` set, too, but runs its tests in `tests/bench.rs` only"
    )
)]
#![expect(clippy::indexing_slicing, reason = "a bench may fail loudly")]

mod apps;
mod bare;
#[path = "../shared/bars.rs"]
#[allow(dead_code, reason = "this picture has no headings")]
mod bars;
#[path = "../shared/bound.rs"]
mod bound;
mod cases;
#[path = "../shared/effort.rs"]
mod effort;
mod engine;
#[path = "../shared/histogram.rs"]
mod histogram;
#[path = "../shared/load.rs"]
mod load;
#[path = "../shared/marks.rs"]
mod marks;
mod objects;
mod picture;
#[path = "../shared/process.rs"]
#[allow(dead_code, reason = "other benches measure servers that are children of children")]
mod process;
mod readme;
#[path = "../shared/reply.rs"]
mod reply;
mod report;
mod rounds;
#[path = "../shared/sample.rs"]
mod sample;
mod startup;

use anyhow::Context as _;
use apps::{App, BARE_SERVER};
use clap::Parser;
use effort::Effort;
use report::Results;
use rounds::Servers;
use std::path::Path;
use std::process::ExitCode;

/// The host's allocator: a baseline with another would compare allocators, too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the host beside a bare hyper server.
#[derive(Debug, Parser)]
struct Flags {
    /// One short round, to see that everything works; its figures mean little
    #[arg(long)]
    quick: bool,
    /// Rounds, whose median is told
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// Seconds that each case is measured in a round
    #[arg(long, value_name = "N", default_value_t = 3)]
    seconds: u64,
    /// Threads of each server, and as many of the load [default: one a core]. With half of the cores
    /// they do not wait for one another's, and the slowest requests tell of the server alone; the
    /// baseline is then several times as fast
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Only what objects cost beyond their requests
    #[arg(long, conflicts_with_all = ["readme", "case"])]
    objects: bool,
    /// Only this case, beside the baseline; prints requests a second and nothing else
    #[arg(long, value_name = "CASE", conflicts_with = "readme")]
    case: Option<String>,
    /// Write the results into README.md, and a picture beside
    #[arg(long)]
    readme: bool,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().is_some_and(|argument| argument == BARE_SERVER) {
        let threads = arguments.next().context("how many threads the bare server has")?;
        bare::serve(threads.parse()?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let flags = Flags::parse();
    if !flags.bench {
        // `cargo test --all-targets` runs benches, too, and wants to know whether they start.
        println!("nothing is measured without --bench, which `cargo bench` gives");
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(threads) = flags.threads {
        load::use_threads(threads);
    }
    if let Some(case) = &flags.case {
        print!("{}", measure_one(case, flags.effort())?.table());
        return Ok(ExitCode::SUCCESS);
    }
    if flags.objects {
        print!("{}", measure_objects(&flags)?.table());
        return Ok(ExitCode::SUCCESS);
    }
    let results = measure(&flags)?;
    print!("{}", results.table());
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let summary = project.join("target/bench/summary.json");
    results.write_summary(&summary)?;
    if flags.readme {
        let cases = cases::cases();
        readme::write(&project.join("README.md"), &results, &cases)?;
        std::fs::write(project.join(readme::PICTURE), picture::svg(&results, &cases))?;
    }
    println!("\n{} bounds missed; written to target/bench/summary.json", results.missed());
    Ok(ExitCode::SUCCESS)
}

fn measure(flags: &Flags) -> anyhow::Result<Results> {
    for app in [App::Demo, App::Bench] {
        app.build()?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let folder = tempfile::tempdir()?;
    eprintln!("engine");
    let mut figures = engine::measure(&runtime)?;
    eprintln!("starts and memory");
    figures.extend(startup::measure(&runtime, folder.path(), flags.starts())?);
    figures.push(startup::measure_instances(&runtime, folder.path())?);

    eprintln!("objects");
    figures.extend(objects::measure(&runtime, flags.effort(), flags.starts())?);

    let mut servers = Servers(Vec::new());
    for app in [App::Bare, App::Demo, App::Bench] {
        servers.0.push((app, app.start(folder.path())?));
    }
    let rows = rounds::measure(&runtime, &servers, &cases::cases(), flags.effort())?;
    figures.extend(objects::wait_beside_floor(&rows, &figures));
    let loaded = servers.of(App::Demo)?.resident_bytes()?;
    figures.push(report::Figure::new("resident-loaded", startup::mebibytes(loaded), "MiB"));
    Ok(Results { rows, figures })
}

fn measure_objects(flags: &Flags) -> anyhow::Result<Results> {
    for app in [App::Demo, App::Bench] {
        app.build()?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = objects::measure(&runtime, flags.effort(), flags.starts())?;
    Ok(Results { rows: Vec::new(), figures })
}

/// Measures the requests of one case, beside the baseline.
fn measure_one(name: &str, effort: Effort) -> anyhow::Result<Results> {
    let mut cases = cases::cases();
    let known: Vec<&str> = cases.iter().map(|case| case.name).collect();
    anyhow::ensure!(known.contains(&name), "no case {name:?}; there are {}", known.join(", "));
    cases.retain(|case| case.name == name || case.name == cases::BASELINE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let folder = tempfile::tempdir()?;
    let mut servers = Servers(Vec::new());
    for case in &cases {
        case.app.build()?;
        servers.0.push((case.app, case.app.start(folder.path())?));
    }
    let rows = rounds::measure(&runtime, &servers, &cases, effort)?;
    Ok(Results { rows, figures: Vec::new() })
}

impl Flags {
    fn starts(&self) -> usize {
        if self.quick { 3 } else { 10 }
    }

    fn effort(&self) -> Effort {
        Effort::of(self.quick, self.rounds, self.seconds)
    }
}

//! How long a process takes from its start to its first 200.
//!
//! One iteration is a process: started, asked, answered with a 200, ended. What was compiled ahead of
//! time is there, and the pages of every file are in memory. For workerd it is that process alone,
//! without the Node that configures it; a store there is a script that has one note.

use super::app::App;
use super::bundle;
use super::load;
use super::report::Figure;
use super::sample::median;
use super::services::{Host, TEXT, Work};
use super::workerd;
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The binding of the notes' store.
const STORE: &str = "KV_NOTES";

/// Measures the start of every app, in alternating rounds.
///
/// # Errors
/// Where one does not start or answer.
pub(crate) fn measure(
    runtime: &tokio::runtime::Runtime,
    apps: &[App],
    hosts: &[Host],
    scratch: &Path,
    rounds: usize,
) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for host in hosts {
        let mut starts = Vec::new();
        for app in apps {
            starts.push((app, Start::of(runtime, app, *host, scratch)?, Vec::new()));
        }
        // The first round fills the caches of the system and is not counted.
        for round in 0..=rounds {
            eprintln!("{}: starts, round {round} of {rounds}", host.name());
            for (app, start, times) in &mut starts {
                let time = start.measure(runtime, app);
                let time =
                    time.with_context(|| format!("{} on {}", app.service.label, host.name()));
                times.push(time?);
            }
        }
        for (app, _, mut times) in starts {
            times.remove(0);
            let (service, value) = (app.service, median(times));
            figures.push(Figure { service, host: *host, name: "start", value, unit: "ms" });
        }
    }
    Ok(figures)
}

/// How an app is started, and what it is asked first.
enum Start {
    Native { scratch: PathBuf, request: Vec<u8> },
    Workerd { program: PathBuf, config: PathBuf, request: Vec<u8> },
}

impl Start {
    fn of(
        runtime: &tokio::runtime::Runtime,
        app: &App,
        host: Host,
        scratch: &Path,
    ) -> anyhow::Result<Self> {
        let scratch = scratch.join(format!("start-{}-{}", app.service.name, host.name()));
        std::fs::create_dir_all(&scratch)?;
        if host == Host::Native {
            // What a note is read by is there before.
            let server = app.start(host, &scratch)?;
            let request = runtime.block_on(app.request(&server))?;
            server.stop()?;
            return Ok(Self::Native { scratch, request });
        }
        let stores: &[(&str, &str)] = match app.service.work {
            Work::Notes => &[(STORE, TEXT)],
            Work::Echo => &[],
        };
        let config = workerd::configure(&app.bundle_folder(), &scratch, stores)?;
        let program =
            bundle::workerd(&app.bundle.as_ref().context("it was not bundled")?.packages()?)?;
        Ok(Self::Workerd { program, config, request: app.any_request() })
    }

    /// Milliseconds of one start.
    fn measure(&self, runtime: &tokio::runtime::Runtime, app: &App) -> anyhow::Result<f64> {
        let (scratch, request) = match self {
            Self::Native { scratch, request } => (scratch, request),
            Self::Workerd { program, config, request } => {
                return workerd::start(runtime, program, config, request);
            }
        };
        let begin = Instant::now();
        let server = app.start(Host::Native, scratch)?;
        let asked = runtime.block_on(load::ask_once(server.address, request));
        let took = begin.elapsed().as_secs_f64() * 1e3;
        asked.with_context(|| server.said())?;
        Ok(took)
    }
}

//! Requests a second, and memory.
//!
//! One iteration is a request on a connection that stays open, from its first byte sent to the last byte
//! of its answer. Each service has a server of its own. Rounds alternate between the services, so that
//! what else goes on in the machine meets all of them; a ratio is of the same round. Making connections
//! and starting instances is left out: that falls into the warm-up.
//!
//! Memory is what a server's process has resident: half a second after its first answer, and half a
//! second after the last round. For workerd it is that process, without the Node that started it.

use super::app::App;
use super::effort::Effort;
use super::load::{self, Load};
use super::process::Server;
use super::report::Figure;
use super::sample::{Sample, median};
use super::services::Host;
use anyhow::Context as _;
use std::path::Path;
use std::time::Duration;

/// Connections that ask at once.
pub(crate) const CONNECTIONS: usize = 64;
/// How long a server without requests is left alone before its memory is read.
const IDLE: Duration = Duration::from_millis(500);

/// How long a service is asked in workerd at least: some have a few answers a second.
const WORKERD_MEASURED_MIN: Duration = Duration::from_secs(5);

/// A service that is served, and what came of it.
struct Served<'a> {
    app: &'a App,
    server: Server,
    request: Vec<u8>,
    samples: Vec<Sample>,
}

/// Measures every service on a host.
///
/// # Errors
/// Where an answer is not a 200: then no figure is worth anything.
pub(crate) fn measure(
    runtime: &tokio::runtime::Runtime,
    apps: &[App],
    host: Host,
    scratch: &Path,
    effort: Effort,
) -> anyhow::Result<Vec<Figure>> {
    let scratch = scratch.join(format!("rounds-{}", host.name()));
    std::fs::create_dir_all(&scratch)?;
    let mut figures = Vec::new();
    let mut servers = Vec::new();
    for app in apps {
        let server = app.start(host, &scratch)?;
        let request = runtime.block_on(app.request(&server))?;
        runtime
            .block_on(load::ask_once(server.address, &request))
            .with_context(|| format!("{}; {}", app.service.label, server.said()))?;
        std::thread::sleep(IDLE);
        figures.push(memory(app, host, "memory-idle", &server)?);
        servers.push(Served { app, server, request, samples: Vec::new() });
    }
    for round in 1..=effort.rounds {
        for served in &mut servers {
            let label = served.app.service.label;
            eprintln!("{}: requests, round {round} of {}: {label}", host.name(), effort.rounds);
            let sample = sample(served, host, effort);
            let sample = sample.with_context(|| format!("{label}; {}", served.server.said()))?;
            served.samples.push(sample);
        }
    }
    std::thread::sleep(IDLE);
    for served in &servers {
        figures.push(memory(served.app, host, "memory-loaded", &served.server)?);
        let baseline = servers.iter().find(|it| it.app.service.name == served.app.service.baseline);
        let baseline = baseline.context("what it is measured by is measured, too")?;
        figures.extend(summed_up(served, baseline, host));
    }
    servers.into_iter().try_for_each(|served| served.server.stop())?;
    Ok(figures)
}

fn sample(served: &Served<'_>, host: Host, effort: Effort) -> anyhow::Result<Sample> {
    let load = Load {
        address: served.server.address,
        request: served.request.as_slice().into(),
        connections: CONNECTIONS,
        warm_up: effort.warm_up,
        measured: match host {
            Host::Native => effort.measured,
            Host::Workerd => effort.measured.max(WORKERD_MEASURED_MIN),
        },
    };
    Sample::take(&load, || match host {
        Host::Native => served.server.processor_time(),
        Host::Workerd => served.server.processor_time_of_children(),
    })
}

fn memory(app: &App, host: Host, name: &'static str, server: &Server) -> anyhow::Result<Figure> {
    let bytes = match host {
        Host::Native => server.resident_bytes(),
        Host::Workerd => server.resident_bytes_of_children(),
    }?;
    let value = bytes as f64 / 1024.0 / 1024.0;
    Ok(Figure { service: app.service, host, name, value, unit: "MiB" })
}

/// The medians of the rounds.
fn summed_up(served: &Served<'_>, baseline: &Served<'_>, host: Host) -> Vec<Figure> {
    let middle = |value: fn(&Sample) -> f64| median(served.samples.iter().map(value).collect());
    let rounds = served.samples.iter().zip(&baseline.samples);
    let ratios = rounds.map(|(own, rust)| own.requests_per_second / rust.requests_per_second);
    let ratio = median(ratios.collect());
    [
        ("requests", middle(|it| it.requests_per_second), "requests/s"),
        ("requests-over-rust", ratio, "× Rust"),
        ("p50", middle(|it| it.p50_ms), "ms"),
        ("p99", middle(|it| it.p99_ms), "ms"),
        ("processor", middle(|it| it.processor_us), "µs/request"),
    ]
    .map(|(name, value, unit)| Figure { service: served.app.service, host, name, value, unit })
    .into()
}

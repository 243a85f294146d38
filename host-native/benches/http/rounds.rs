//! Throughput: every case in turn, round after round.
//!
//! One iteration is a request on a connection that stays open, from its first byte sent to the last
//! byte of its answer. Rounds alternate between the servers, so that what else goes on in the
//! machine meets all of them, and a ratio compares two neighbours in time. Making connections,
//! starting instances and a first, cold request are left out: they fall into the warm-up.

use super::apps::App;
use super::cases::{BASELINE, Case};
use super::effort::Effort;
use super::load::{self, Load};
use super::process::Server;
use super::report::Row;
use super::sample::{Sample, median};
use anyhow::{Context as _, bail};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Connections that ask at once.
pub(crate) const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// The most until a case answers as it will from then on.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);

/// The servers by app.
pub(crate) struct Servers(pub(crate) Vec<(App, Server)>);

impl Servers {
    /// The server of `app`.
    ///
    /// # Errors
    /// Where it was not started.
    pub(crate) fn of(&self, app: App) -> anyhow::Result<&Server> {
        let server = self.0.iter().find(|(other, _)| *other == app);
        server.map(|(_, server)| server).with_context(|| format!("{app:?} was not started"))
    }
}

/// What one case did in one round.
struct Measured {
    sample: Sample,
    ratio: f64,
}

/// Measures every case at every number of connections.
///
/// # Errors
/// Where an answer is wrong: then no figure of it is worth anything.
pub(crate) fn measure(
    runtime: &tokio::runtime::Runtime,
    servers: &Servers,
    cases: &[Case],
    effort: Effort,
) -> anyhow::Result<Vec<Row>> {
    let mut samples: BTreeMap<(usize, usize), Vec<Measured>> = BTreeMap::new();
    for case in cases {
        let server = servers.of(case.app)?;
        if let Some(request) = &case.prepare {
            runtime.block_on(load::ask_once(server.address, request)).context(case.name)?;
        }
        runtime.block_on(settle(case, server))?;
    }
    for round in 1..=effort.rounds {
        for connections in CONNECTIONS {
            let mut baseline = None;
            for (index, case) in cases.iter().enumerate() {
                eprintln!(
                    "round {round} of {}: {}, {connections} connections",
                    effort.rounds, case.name
                );
                let server = servers.of(case.app)?;
                let sample = sample(case, server, connections, effort).with_context(|| {
                    format!("{}, {connections} connections; {}", case.name, server.said())
                })?;
                runtime.block_on(settle(case, server))?;
                let baseline = *baseline.get_or_insert(sample.requests_per_second);
                let ratio = sample.requests_per_second / baseline;
                samples.entry((index, connections)).or_default().push(Measured { sample, ratio });
            }
        }
    }
    Ok(samples
        .into_iter()
        .map(|((index, connections), samples)| row(&cases[index], connections, &samples))
        .collect())
}

fn sample(
    case: &Case,
    server: &Server,
    connections: usize,
    effort: Effort,
) -> anyhow::Result<Sample> {
    let load = Load {
        address: server.address,
        request: case.request.as_slice().into(),
        connections,
        warm_up: effort.warm_up,
        measured: effort.measured,
    };
    Sample::take(&load, || server.processor_time())
}

/// Asks until the answer is the one that is to be measured.
async fn settle(case: &Case, server: &Server) -> anyhow::Result<()> {
    let begin = Instant::now();
    loop {
        let body = load::ask_once(server.address, &load::numbered(&case.request, 0))
            .await
            .with_context(|| format!("{}; {}", case.name, server.said()))?;
        if body.windows(case.answer.len()).any(|part| part == case.answer) {
            return Ok(());
        }
        if begin.elapsed() > SETTLED_WITHIN {
            let (body, answer) =
                (String::from_utf8_lossy(&body), String::from_utf8_lossy(&case.answer));
            bail!("{} answered {body:?}, where {answer:?} should be", case.name);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn row(case: &Case, connections: usize, samples: &[Measured]) -> Row {
    let middle = |value: fn(&Measured) -> f64| median(samples.iter().map(value).collect());
    Row {
        name: case.name,
        connections,
        requests_per_second: middle(|it| it.sample.requests_per_second).round(),
        ratio_to_hyper: if case.name == BASELINE { 1.0 } else { middle(|it| it.ratio) },
        p50_ms: middle(|it| it.sample.p50_ms),
        p99_ms: middle(|it| it.sample.p99_ms),
        cpu_us_per_request: middle(|it| it.sample.processor_us),
    }
}

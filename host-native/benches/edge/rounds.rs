//! Requests: every case of every variant in turn, round after round.
//!
//! Rounds alternate between the variants, so that what else goes on in the machine meets all of them;
//! a difference or a ratio is of two neighbours in time, and the median of those is told. At one
//! connection the time of a request is what counts; at 64 the throughput, the tail, and that no
//! request fails.

use super::load::{self, Load};
use super::process::Server;
use super::sample::{Sample, median};
use super::variants::{Made, VARIANTS, Variant};
use anyhow::Context as _;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Connections at once: one, and many.
pub(crate) const CONNECTIONS: [usize; 2] = [1, 64];
/// Bytes of the value that is got.
const VALUE_BYTES: usize = 100;

/// How often and how long is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Rounds, whose median is told.
    pub(crate) rounds: usize,
    /// How long a case is asked before it counts.
    pub(crate) warm_up: Duration,
    /// How long it counts at one connection.
    pub(crate) alone: Duration,
    /// How long at many.
    pub(crate) crowd: Duration,
}

/// A request whose answering is measured.
struct Case {
    name: &'static str,
    request: Vec<u8>,
    /// Sent once before.
    prepare: Option<Vec<u8>>,
    /// Stock jco has no durable objects.
    is_for_stock: bool,
}

/// What a case did in a variant: medians.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) variant: Variant,
    pub(crate) connections: usize,
    pub(crate) requests_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Processor time of workerd, kernel included.
    pub(crate) cpu_us_per_request: f64,
    /// What p50 is over that of plain JavaScript in the same round.
    pub(crate) over_javascript_ms: f64,
    /// Requests a second in those of stock jco in the same round, where it has the case.
    pub(crate) ratio_to_stock: Option<f64>,
}

fn cases() -> Vec<Case> {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").into_bytes();
    let put = format!(
        "PUT /keyvalue/key HTTP/1.1\r\nhost: bench\r\ncontent-length: {VALUE_BYTES}\r\n\r\n{}",
        "v".repeat(VALUE_BYTES)
    );
    vec![
        Case { name: "hello", request: get("/hello"), prepare: None, is_for_stock: true },
        Case {
            name: "keyvalue-get",
            request: get("/keyvalue/key"),
            prepare: Some(put.into_bytes()),
            is_for_stock: true,
        },
        Case { name: "object-add", request: get("/sum/one"), prepare: None, is_for_stock: false },
    ]
}

/// Measures every case of every variant.
///
/// # Errors
/// Where an answer is not a 200: then no figure is worth anything.
pub(crate) fn measure(made: &Made, folder: &Path, effort: Effort) -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut servers = Vec::new();
    for variant in VARIANTS {
        servers.push((variant, made.start(variant, folder)?));
    }
    let cases = cases();
    let mut samples: BTreeMap<(usize, usize, Variant), Vec<Sample>> = BTreeMap::new();
    for round in 1..=effort.rounds {
        for connections in CONNECTIONS {
            for (index, case) in cases.iter().enumerate() {
                for (variant, server) in &servers {
                    if *variant == Variant::Stock && !case.is_for_stock {
                        continue;
                    }
                    eprintln!(
                        "round {round} of {}: {} in {variant:?}, {connections} connections",
                        effort.rounds, case.name
                    );
                    let why = || format!("{} in {variant:?}; {}", case.name, server.said());
                    if let Some(prepare) = &case.prepare {
                        runtime
                            .block_on(load::ask_once(server.address, prepare))
                            .with_context(why)?;
                    }
                    let sample = sample(case, server, connections, effort).with_context(why)?;
                    samples.entry((connections, index, *variant)).or_default().push(sample);
                }
            }
        }
    }
    let row = |(&(connections, index, variant), own): (&(usize, usize, Variant), &Vec<Sample>)| {
        let of = |other| samples.get(&(connections, index, other));
        row(
            cases[index].name,
            variant,
            connections,
            own,
            of(Variant::JavaScript),
            of(Variant::Stock),
        )
    };
    Ok(samples.iter().map(row).collect())
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
        measured: if connections == 1 { effort.alone } else { effort.crowd },
    };
    Sample::take(&load, || server.processor_time_of_children())
}

fn row(
    name: &'static str,
    variant: Variant,
    connections: usize,
    own: &[Sample],
    javascript: Option<&Vec<Sample>>,
    stock: Option<&Vec<Sample>>,
) -> Row {
    let middle = |value: fn(&Sample) -> f64| median(own.iter().map(value).collect());
    let over = javascript.into_iter().flatten().zip(own);
    let over = over.map(|(javascript, own)| own.p50_ms - javascript.p50_ms).collect();
    let ratio = stock.map(|stock| {
        let rounds = stock.iter().zip(own);
        median(
            rounds
                .map(|(stock, own)| own.requests_per_second / stock.requests_per_second)
                .collect(),
        )
    });
    Row {
        name,
        variant,
        connections,
        requests_per_second: middle(|sample| sample.requests_per_second).round(),
        p50_ms: middle(|sample| sample.p50_ms),
        p99_ms: middle(|sample| sample.p99_ms),
        cpu_us_per_request: middle(|sample| sample.processor_us),
        over_javascript_ms: median(over),
        ratio_to_stock: ratio,
    }
}

//! How long a process of workerd takes from its start to its first 200.
//!
//! workerd alone: what else a development server does before it would only blur the difference. So its
//! configuration is written here, and a Worker gets what it needs to say hello: its modules.

use super::sample::median;
use super::variants::{Made, Variant};
use super::workerd;
use anyhow::Context as _;
use serde::Serialize;
use std::path::Path;

const REQUEST: &[u8] = b"GET /hello HTTP/1.1\r\nhost: bench\r\n\r\n";

/// How a variant starts: the median.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Start {
    pub(crate) variant: Variant,
    pub(crate) milliseconds: f64,
    /// Over that of plain JavaScript.
    pub(crate) ratio: f64,
}

/// Measures the start of each variant's hello, in alternating rounds.
///
/// # Errors
/// Where one does not start or answer.
pub(crate) fn measure(made: &Made, folder: &Path, rounds: usize) -> anyhow::Result<Vec<Start>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut starts = Vec::new();
    for (variant, bundle) in &made.hellos {
        let own = folder.join("start").join(format!("{variant:?}"));
        starts.push((*variant, workerd::configure(bundle, &own, &[])?, Vec::new()));
    }
    // The first round fills the caches of the system and is not counted.
    for round in 0..=rounds {
        for (variant, config, times) in &mut starts {
            let time = workerd::start(&runtime, &made.workerd, config, REQUEST)
                .with_context(|| format!("{variant:?}"))?;
            if round > 0 {
                times.push(time);
            }
        }
    }
    let medians: Vec<(Variant, f64)> =
        starts.into_iter().map(|(variant, _, times)| (variant, median(times))).collect();
    let javascript = medians.iter().find(|(variant, _)| *variant == Variant::JavaScript);
    let javascript = javascript.map_or(f64::NAN, |(_, milliseconds)| *milliseconds);
    let start =
        |(variant, milliseconds)| Start { variant, milliseconds, ratio: milliseconds / javascript };
    Ok(medians.into_iter().map(start).collect())
}

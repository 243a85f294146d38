//! Log lines on standard error: for people, or one JSON object each.

use crate::cli::LogFormat;
use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

/// Starts logging. Call it once, before the first line.
///
/// # Errors
/// Where `filter` is not one.
pub(crate) fn start(format: LogFormat, filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::builder().parse(filter).with_context(|| {
        format!("--log {filter:?} is not a filter; try `info` or `info,guest=debug`")
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init()
        }
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).init(),
    }
    Ok(())
}

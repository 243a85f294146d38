//! The two traits that a host is plugged into the suite by.

use crate::log::Log;
use crate::step::Ending;
use anyhow::Result;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The value that the suite gives to the secret `from-env` of its app.
pub const SECRET: &str = "secret of the environment";
/// The environment variable which the suite's app takes that secret from.
pub const SECRET_VARIABLE: &str = "PROBE_SECRET";

/// A kind of host: it can build the suite's app and run it, any number of times.
pub trait Host: Send + Sync + 'static {
    /// One run of it.
    type Running: Running;

    /// The name in reports and in `known_differences.toml`.
    fn name(&self) -> &'static str;

    /// Whether a guest that computes for ever is stopped; where it is not, it takes its host along.
    fn limits_processor_time(&self) -> bool {
        true
    }

    /// Builds the suite's app; called once, before anything is started.
    fn build(&self) -> impl Future<Output = Result<()>> + Send;

    /// Starts the app on a free port and waits until it is ready.
    fn start(&self, place: Place) -> impl Future<Output = Result<Self::Running>> + Send;
}

/// A host that runs. Dropping it ends the processes that it started, and no others.
pub trait Running: Send + 'static {
    /// Where it listens; after a restart this may be another port.
    fn address(&self) -> SocketAddr;

    /// What it logged, restarts included.
    fn log(&self) -> &Log;

    /// Ends it in this way and starts it on the same data.
    fn restart(&mut self, ending: Ending) -> impl Future<Output = Result<()>> + Send;

    /// Ends it in this way and waits for the end; gives the exit code, if it has one.
    fn stop(&mut self, ending: Ending) -> impl Future<Output = Result<Option<i32>>> + Send;

    /// Moves its clock to so many seconds ahead of the real one.
    ///
    /// # Errors
    /// Where the host was not started with [`Place::moves_clock`].
    fn set_clock_ahead(&mut self, seconds: u64) -> Result<()>;
}

/// Where one run of a host keeps what is its own.
#[derive(Debug, Clone)]
pub struct Place {
    /// A folder for its data; there, and empty.
    pub folder: PathBuf,
    /// The file that its log is copied to.
    pub log: PathBuf,
    /// Whether its clock is going to be moved.
    pub moves_clock: bool,
}

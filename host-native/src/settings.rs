//! The flags of `selvedge serve`, resolved: nothing later reads a flag or the environment.

use crate::app::Folders;
use crate::cli::ServeArgs;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What `selvedge serve` works by.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where the stores are.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// How many threads serve.
    pub threads: usize,
}

impl Settings {
    /// Resolves flags.
    pub(crate) fn resolve(args: &ServeArgs, folders: &Folders) -> Self {
        let data = args.data.clone().unwrap_or_else(|| folders.data());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = args.threads.unwrap_or(cores).max(1);
        Self { data, listen: args.listen, threads }
    }
}

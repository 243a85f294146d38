//! The commands. Each returns an exit code; errors are printed once, here.

mod serve;

use crate::cli::{Cli, Command};
use std::process::ExitCode;

/// Runs what was typed.
pub fn run(cli: Cli) -> ExitCode {
    let outcome: anyhow::Result<ExitCode> = match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Build(_) | Command::Check(_) | Command::Kv(_) => {
            Err(anyhow::anyhow!("not there yet"))
        }
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

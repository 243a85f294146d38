//! The commands. Each returns an exit code; errors are printed once, here.

pub(crate) mod build;
mod bundle;
mod check;
mod deploy;
mod dev;
mod kv;
mod new;
mod object;
mod serve;
mod wit;

use crate::cli::{Cli, Command};
use std::process::ExitCode;

/// Runs what was typed.
pub fn run(cli: Cli) -> ExitCode {
    let outcome: anyhow::Result<ExitCode> = match cli.command {
        Command::New(args) => new::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Dev(args) => dev::run(&args),
        Command::Bundle(args) => bundle::run(&args),
        Command::Deploy(args) => deploy::run(&args),
        Command::Kv(args) => kv::run(&args),
        Command::Object(args) => object::run(&args),
        Command::Wit(args) => wit::run(&args),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

//! `selvedge dev`: serves an app while it is written, and swaps what is saved; with `--edge` as a Worker.

mod child;
mod edge;
mod native;
mod rounds;
mod secrets;
mod watch;
mod worker;

use crate::app::{AppError, Folders};
use crate::cli::{DevArgs, LogFormat};
use crate::telemetry;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// How long a process that was asked to end may take to do so, before it is ended.
///
/// Ours: compilers and wrangler end in less than one second where nothing is wrong.
const END_MAX: Duration = Duration::from_secs(10);

/// Serves until a signal ends it.
///
/// # Errors
/// Where there is no app, or this machine refuses something.
pub(super) fn run(args: &DevArgs) -> anyhow::Result<ExitCode> {
    telemetry::start(LogFormat::Text, "info")?;
    if args.edge { edge::run(args) } else { native::run(args) }
}

/// The folders of an app. Its manifest is there, and may be in disorder for now.
fn folders_of(folder: &Path) -> Result<Folders, AppError> {
    let folders = Folders::new(folder);
    match folders.manifest().is_file() {
        true => Ok(folders),
        false => Err(AppError::NoManifest { folder: folders.app }),
    }
}

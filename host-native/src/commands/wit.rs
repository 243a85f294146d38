//! `selvedge wit`: prints and exports the interfaces that hosts offer, and those of any component.

use crate::cli::{WitArgs, WitCommand};
use selvedge_languages::wit;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

/// Does what was typed.
///
/// # Errors
/// Where there is no such WIT, or the folder cannot be written.
pub(super) fn run(args: &WitArgs) -> anyhow::Result<ExitCode> {
    let text = match &args.command {
        WitCommand::List => wit::list()?,
        WitCommand::Show { what } => wit::show(what.as_deref())?,
        WitCommand::Export { folder, force } => {
            let packages = wit::export(folder, *force)?;
            format!("{packages} packages in {}\n", folder.display())
        }
    };
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        // `selvedge wit show | head` has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        written => Ok(written.map(|()| ExitCode::SUCCESS)?),
    }
}

//! Builds components by the commands that the manifest declares.

use super::toolchain;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Runs a command in a folder, which is to write a file.
///
/// # Errors
/// One sentence that says how it ended; what the command itself said is on standard error.
pub(super) fn run(folder: &Path, command: &str, wasm: &Path) -> Result<PathBuf, String> {
    let status = toolchain::command("sh", folder)
        .arg("-c")
        .arg(command)
        .stdout(Stdio::from(std::io::stderr()))
        .status()
        .map_err(|error| format!("cannot start `sh -c {command:?}`: {error}"))?;
    if !status.success() {
        let command = short(command);
        return Err(format!("`{command}` failed ({status}); what it said is above"));
    }
    find(command, wasm)
}

/// The file that a command was to write.
///
/// # Errors
/// One sentence, where it is not there.
pub(super) fn find(command: &str, wasm: &Path) -> Result<PathBuf, String> {
    if !wasm.is_file() {
        let (command, wasm) = (short(command), wasm.display());
        return Err(format!("`{command}` ended well, but wrote no {wasm}; correct `wasm`"));
    }
    Ok(wasm.to_path_buf())
}

/// A command as it is named in a sentence: its first line.
fn short(command: &str) -> String {
    let mut lines = command.trim().lines();
    let first = lines.next().unwrap_or_default();
    if lines.next().is_some() { format!("{first} …") } else { first.to_owned() }
}

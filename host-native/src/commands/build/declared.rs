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
        let wasm = wasm.display();
        return Err(format!("`{command}` ended well, but wrote no {wasm}; correct `wasm`"));
    }
    Ok(wasm.to_path_buf())
}

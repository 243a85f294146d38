//! Lists the files of the repository's `wit/`, so that they are embedded: guests of every language are
//! built against the WIT that this command was made with, wherever it runs. Lists the templates of new
//! projects, too, and tells one state of what makes components from another.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[path = "src/made_by.rs"]
mod made_by;

/// What languages have to themselves in `src/`.
const PARTS: [&str; 4] = ["c", "go", "javascript", "python"];

fn main() -> ExitCode {
    match list() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            println!("cargo::error=the WIT and what goes with it cannot be embedded: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn list() -> Result<(), String> {
    let folder = |variable: &str| {
        std::env::var_os(variable).map(PathBuf::from).ok_or(format!("cargo has not set {variable}"))
    };
    let (own, out) = (folder("CARGO_MANIFEST_DIR")?, folder("OUT_DIR")?);
    let wit = own.join("../../wit");
    let mut files = Vec::new();
    gather("", &wit, &mut files)?;
    gather("deps/", &wit.join("deps"), &mut files)?;
    write(&out.join("wit_files.rs"), files)?;
    let mut templates = Vec::new();
    gather_all("", &own.join("src/templates"), &mut templates)?;
    write(&out.join("template_files.rs"), templates)?;
    let lock = own.join("../../Cargo.lock");
    keys(&own.join("src"), &lock)?;
    for path in ["build.rs".into(), "src".into(), lock, wit.clone(), wit.join("deps")] {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    Ok(())
}

/// Has `lib.rs` know by what each language's components are made.
fn keys(sources: &Path, lock: &Path) -> Result<(), String> {
    let unreadable =
        |error| format!("cannot read {} or {}: {error}", sources.display(), lock.display());
    let text = fs::read_to_string(lock).map_err(unreadable)?;
    for part in PARTS {
        let key = made_by::key(sources, &PARTS, part, &text).map_err(unreadable)?;
        println!("cargo::rustc-env=SELVEDGE_MADE_BY_{}={key}", part.to_uppercase());
    }
    Ok(())
}

fn write(path: &Path, mut files: Vec<(String, PathBuf)>) -> Result<(), String> {
    files.sort();
    let mut list = String::from("&[\n");
    for (name, path) in &files {
        println!("cargo::rerun-if-changed={}", path.display());
        list.push_str(&format!("    ({name:?}, include_str!({:?})),\n", path.display()));
    }
    list.push_str("]\n");
    fs::write(path, list).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Every file below a folder.
fn gather_all(
    prefix: &str,
    folder: &Path,
    files: &mut Vec<(String, PathBuf)>,
) -> Result<(), String> {
    let unreadable = |error| format!("cannot read {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        match path.is_dir() {
            true => gather_all(&format!("{prefix}{name}/"), &path, files)?,
            false => files.push((format!("{prefix}{name}"), path)),
        }
    }
    Ok(())
}

/// The files of a folder; in `deps`, those of the folders in it.
fn gather(prefix: &str, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> Result<(), String> {
    let unreadable = |error| format!("cannot read {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if path.is_dir() && !prefix.is_empty() {
            gather(&format!("{prefix}{name}/"), &path, files)?;
        } else if name.ends_with(".wit") {
            files.push((format!("{prefix}{name}"), path));
        }
    }
    Ok(())
}

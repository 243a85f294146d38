//! Runs the conformance suite: `just conformance`, or
//! `cargo test --release -p selvedge-conformance --test conformance -- PART` when everything is built.
//!
//! `PART` chooses the cases whose names contain it, `--host native` or `--host workers` one host,
//! `--list` lists the cases, and `--write-matrix` writes `MATRIX.md` and runs nothing.

use anyhow::{Context, Result, bail, ensure};
use selvedge_conformance::case::{self, Case};
use selvedge_conformance::differences::{Differences, HOSTS};
use selvedge_conformance::native::NativeHost;
use selvedge_conformance::report::{self, Entry, Verdict};
use selvedge_conformance::suite::{self, Named};
use selvedge_conformance::workers::WorkersHost;
use selvedge_conformance::{matrix, origin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What the arguments ask for.
#[derive(Debug, Default)]
struct Arguments {
    list: bool,
    write_matrix: bool,
    /// One host, or all.
    host: Option<String>,
    /// Parts of the names of cases.
    parts: Vec<String>,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the conformance suite could not run: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs what the arguments ask for, and says whether nothing failed.
fn run() -> Result<bool> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let arguments = arguments(std::env::args().skip(1))?;
    let all = case::all(&folder.join("cases"))?;
    let names = all.iter().map(|(name, _)| name.clone()).collect();
    let differences = Differences::open(&folder.join("known_differences.toml"), &names)?;
    if arguments.write_matrix {
        return write_matrix(&folder.join("MATRIX.md"), all, &differences);
    }
    let parts = &arguments.parts;
    let wanted = |name: &String| parts.is_empty() || parts.iter().any(|part| name.contains(part));
    let cases: Vec<Named> = all.into_iter().filter(|(name, _)| wanted(name)).collect();
    if arguments.list {
        list(&cases);
        return Ok(true);
    }
    if cases.is_empty() {
        // A filter that is meant for other tests of the workspace.
        println!("no case is called like {parts:?}\n0 passed, 0 failed");
        return Ok(true);
    }

    let output = output()?;
    let hosts: Vec<&str> = HOSTS
        .into_iter()
        .filter(|&host| arguments.host.as_deref().unwrap_or(host) == host)
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let entries = runtime.block_on(async {
        let mut entries = Vec::new();
        // One host after the other: side by side they would only make each other slow.
        for host in &hosts {
            // Of its own, which has counted nothing yet.
            let origin = format!("http://{}", origin::start().await?);
            entries.extend(run_on(host, folder, &cases, &differences, &origin, &output).await?);
        }
        anyhow::Ok(entries)
    })?;
    report::write_matrix(&output.join("matrix.json"), &entries)?;
    println!("\n{}", report::table(&entries, &hosts));
    println!("matrix: {}\n{}", output.join("matrix.json").display(), report::counts(&entries));
    Ok(entries.iter().all(|entry| entry.outcome != Verdict::Failed))
}

async fn run_on(
    host: &str,
    folder: &Path,
    cases: &[Named],
    differences: &Differences,
    origin: &str,
    output: &Path,
) -> Result<Vec<Entry>> {
    let (command, app) = (command()?, folder.join("guests"));
    match host {
        "native" => {
            let native = NativeHost::new(command, app);
            suite::run_all(&native, cases, differences, origin, output).await
        }
        "workers" => {
            let workers = WorkersHost::new(command, app, output.join("bundle"))?;
            suite::run_all(&workers, cases, differences, origin, output).await
        }
        other => bail!("there is no host {other:?}"),
    }
}

fn arguments(mut given: impl Iterator<Item = String>) -> Result<Arguments> {
    let mut arguments = Arguments::default();
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--list" => arguments.list = true,
            "--write-matrix" => arguments.write_matrix = true,
            "--host" => {
                let host = given.next().unwrap_or_default();
                ensure!(HOSTS.contains(&&*host), "--host is one of {}", HOSTS.join(", "));
                arguments.host = Some(host);
            }
            // Flags of cargo's harness, for the other tests of the workspace.
            flag if flag.starts_with('-') => {}
            _ => arguments.parts.push(argument),
        }
    }
    Ok(arguments)
}

/// Writes the page for users.
fn write_matrix(path: &Path, all: Vec<Named>, differences: &Differences) -> Result<bool> {
    let named = all.into_iter().map(|(name, case)| case.context(name));
    let cases: Vec<Case> = named.collect::<Result<_>>()?;
    std::fs::write(path, matrix::page(&cases, differences))?;
    println!("wrote {}", path.display());
    Ok(true)
}

fn list(cases: &[Named]) {
    for (name, case) in cases {
        match case {
            Ok(case) => println!("{name}: {}", case.says),
            Err(error) => println!("{name}: broken: {error:#}"),
        }
    }
}

/// The command `selvedge`: the one at `SELVEDGE_BIN`, or else the one of this build.
fn command() -> Result<PathBuf> {
    let command = match std::env::var_os("SELVEDGE_BIN") {
        Some(path) => PathBuf::from(path),
        None => {
            // This program is target/<profile>/deps/conformance-…
            let program = std::env::current_exe()?;
            program.ancestors().nth(2).context("no target folder")?.join("selvedge")
        }
    };
    ensure!(
        command.is_file(),
        "there is no {}; build it by `cargo build --release --workspace` or set SELVEDGE_BIN",
        command.display()
    );
    Ok(command)
}

/// `target/conformance`, beside what was built.
fn output() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).context("this program lies in no target folder")?;
    let output = target.join("conformance");
    std::fs::create_dir_all(&output)?;
    Ok(output)
}

//! Runs the conformance suite: `cargo test --release -p selvedge-conformance --test conformance`,
//! with `-- PART` for the cases whose names contain PART, and `-- --list` to list them.

use anyhow::{Context, Result};
use selvedge_conformance::case::{self, Case};
use selvedge_conformance::differences::Differences;
use selvedge_conformance::native::NativeHost;
use selvedge_conformance::report::{self, Verdict};
use selvedge_conformance::{origin, suite};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

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
    let (flags, parts): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with('-'));
    let all = case::all(&folder.join("cases"))?;
    let names: BTreeSet<String> = all.iter().map(|(name, _)| name.clone()).collect();
    let differences = Differences::open(&folder.join("known_differences.toml"), &names)?;
    let wanted = |name: &String| parts.is_empty() || parts.iter().any(|part| name.contains(part));
    let cases: Vec<suite::Named> = all.into_iter().filter(|(name, _)| wanted(name)).collect();
    if flags.iter().any(|flag| flag == "--list") {
        list(&cases);
        return Ok(true);
    }
    if cases.is_empty() {
        // A filter that is meant for other tests of the workspace.
        println!("no case is called like {parts:?}\n0 passed, 0 failed");
        return Ok(true);
    }

    let output = output()?;
    let native = NativeHost::find(folder.join("guests"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let entries = runtime.block_on(async {
        let origin = format!("http://{}", origin::start().await?);
        suite::run_all(&native, cases, &differences, origin, &output).await
    })?;
    report::write_matrix(&output.join("matrix.json"), &entries)?;
    println!("\nmatrix: {}\n{}", output.join("matrix.json").display(), report::counts(&entries));
    Ok(entries.iter().all(|entry| entry.outcome != Verdict::Failed))
}

fn list(cases: &[(String, Result<Case>)]) {
    for (name, case) in cases {
        match case {
            Ok(case) => println!("{name}: {}", case.says),
            Err(error) => println!("{name}: broken: {error:#}"),
        }
    }
}

/// `target/conformance`, beside what was built.
fn output() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).context("this program lies in no target folder")?;
    let output = target.join("conformance");
    std::fs::create_dir_all(&output)?;
    Ok(output)
}

//! How long a process of workerd takes from its start to its first 200.
//!
//! workerd alone: what else a development server does before it would only blur the difference. So its
//! configuration is written here, and a Worker gets what it needs to say hello: its modules.

use super::load;
use super::process::ANNOUNCEMENT;
use super::rounds::median;
use super::variants::{Made, Variant};
use anyhow::{Context as _, ensure};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// How a variant starts: the median.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Start {
    pub(crate) variant: Variant,
    pub(crate) milliseconds: f64,
    /// Over that of plain JavaScript.
    pub(crate) ratio: f64,
}

/// A process that ends with this.
struct Workerd(Child);

impl Drop for Workerd {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Measures the start of each variant's hello, in alternating rounds.
///
/// # Errors
/// Where one does not start or answer.
pub(crate) fn measure(made: &Made, folder: &Path, rounds: usize) -> anyhow::Result<Vec<Start>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut starts = Vec::new();
    for (variant, bundle) in &made.hellos {
        let own = folder.join("start").join(format!("{variant:?}"));
        starts.push((*variant, configure(bundle, &own)?, Vec::new()));
    }
    // The first round fills the caches of the system and is not counted.
    for round in 0..=rounds {
        for (variant, config, times) in &mut starts {
            let time =
                start(&runtime, &made.workerd, config).with_context(|| format!("{variant:?}"))?;
            if round > 0 {
                times.push(time);
            }
        }
    }
    let medians: Vec<(Variant, f64)> =
        starts.into_iter().map(|(variant, _, times)| (variant, median(times))).collect();
    let javascript = medians.iter().find(|(variant, _)| *variant == Variant::JavaScript);
    let javascript = javascript.map_or(f64::NAN, |(_, milliseconds)| *milliseconds);
    let start =
        |(variant, milliseconds)| Start { variant, milliseconds, ratio: milliseconds / javascript };
    Ok(medians.into_iter().map(start).collect())
}

/// Milliseconds from the start of a process to its first 200.
fn start(runtime: &tokio::runtime::Runtime, workerd: &Path, config: &Path) -> anyhow::Result<f64> {
    let mut command = Command::new(workerd);
    command.args(["serve", "--experimental", "--control-fd=1"]).arg(config);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let begin = Instant::now();
    let mut process = Workerd(command.spawn().with_context(|| format!("cannot run {command:?}"))?);
    let output = process.0.stdout.take().context("the output was asked for")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let said: serde_json::Value = serde_json::from_str(&line)
        .with_context(|| format!("workerd said {line:?}, not {ANNOUNCEMENT:?}"))?;
    let port = said["port"].as_u64().and_then(|port| u16::try_from(port).ok());
    let address = SocketAddr::from(([127, 0, 0, 1], port.context("it says no port")?));
    runtime.block_on(load::ask_once(address, b"GET /hello HTTP/1.1\r\nhost: bench\r\n\r\n"))?;
    Ok(begin.elapsed().as_secs_f64() * 1e3)
}

/// Copies the modules of `bundle` into `folder` and writes the configuration that serves them.
fn configure(bundle: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let mut files = Vec::new();
    collect(bundle, bundle, &mut files)?;
    // The first module is the Worker.
    files.sort_by_key(|name| (name != "worker.js", name.clone()));
    ensure!(
        files.first().is_some_and(|name| name == "worker.js"),
        "no worker.js in {}",
        bundle.display()
    );
    let mut modules = String::new();
    for name in &files {
        let kind = if name.ends_with(".wasm") { "wasm" } else { "esModule" };
        let _ = writeln!(modules, "    (name = \"{name}\", {kind} = embed \"{name}\"),");
        let copy = folder.join(name);
        std::fs::create_dir_all(copy.parent().context("a file lies in a folder")?)?;
        std::fs::copy(bundle.join(name), copy)?;
    }
    let config = folder.join("config.capnp");
    let text = format!(
        "using Workerd = import \"/workerd/workerd.capnp\";
const config :Workerd.Config = (
  services = [(name = \"main\", worker = (compatibilityDate = \"2026-11-01\", modules = [
{modules}  ]))],
  sockets = [(name = \"http\", address = \"127.0.0.1:0\", http = (), service = \"main\")],
);
"
    );
    std::fs::write(&config, text)?;
    Ok(config)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if path.extension().is_some_and(|kind| kind == "js" || kind == "wasm") {
            files.push(path.strip_prefix(root)?.to_str().context("a name is text")?.to_owned());
        }
    }
    Ok(())
}

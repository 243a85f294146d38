//! workerd by itself, from its start to its first answer: what else a development server does before
//! it would only blur that.

use super::load;
use super::process::ANNOUNCEMENT;
use anyhow::{Context as _, ensure};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// What the platform did on that day is what a Worker gets.
const DATE: &str = "2026-11-01";

/// A process that ends with this.
struct Workerd(Child);

impl Drop for Workerd {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Milliseconds from the start of a process to its first 200, which is the answer to `request`.
///
/// # Errors
/// Where it does not start or answer.
pub(crate) fn start(
    runtime: &tokio::runtime::Runtime,
    workerd: &Path,
    config: &Path,
    request: &[u8],
) -> anyhow::Result<f64> {
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
    runtime.block_on(load::ask_once(address, request))?;
    Ok(begin.elapsed().as_secs_f64() * 1e3)
}

/// Copies the modules of `bundle` into `folder` and writes the configuration that serves them. A store
/// is a binding, and the one value that all its keys have.
///
/// # Errors
/// Where the bundle has no Worker, or a file cannot be written.
pub(crate) fn configure(
    bundle: &Path,
    folder: &Path,
    stores: &[(&str, &str)],
) -> anyhow::Result<PathBuf> {
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
    let (mut bindings, mut services) = (String::new(), String::new());
    for (binding, value) in stores {
        let _ = write!(bindings, "(name = \"{binding}\", kvNamespace = \"{binding}\"), ");
        let script = format!("export default {{ fetch() {{ return new Response('{value}') }} }}");
        let module = format!("(name = \"store.js\", esModule = \"{script}\")");
        let _ = writeln!(
            services,
            "    (name = \"{binding}\", worker = (compatibilityDate = \"{DATE}\", modules = [{module}])),"
        );
    }
    let config = folder.join("config.capnp");
    let text = format!(
        "using Workerd = import \"/workerd/workerd.capnp\";
const config :Workerd.Config = (
  services = [
    (name = \"main\", worker = (compatibilityDate = \"{DATE}\", bindings = [{bindings}], modules = [
{modules}    ])),
{services}  ],
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

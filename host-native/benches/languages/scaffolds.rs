//! How long it takes to a first answer from nothing: `selvedge new`, then `selvedge serve --build`.
//!
//! One iteration is a project: the command, and from its start to the first 200 of what it made. The
//! tools are installed, and cargo's registry has the crates.

use super::app::{run, selvedge};
use super::load;
use super::process::Server;
use super::report::{BEGINNINGS, Beginning};
use anyhow::Context as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What is asked: how the templates' README has it.
const REQUEST: &[u8] = b"GET /?name=Ada HTTP/1.1\r\nhost: bench\r\n\r\n";

/// Begins a project in every language.
///
/// # Errors
/// Where one does not come to answer.
pub(crate) fn measure(
    runtime: &tokio::runtime::Runtime,
    out: &Path,
    scratch: &Path,
) -> anyhow::Result<Vec<Beginning>> {
    let place = out.join("new");
    if place.exists() {
        std::fs::remove_dir_all(&place)?;
    }
    std::fs::create_dir_all(&place)?;
    let begin = |language| {
        eprintln!("a new project in {language}");
        begin(runtime, language, &place, scratch).with_context(|| format!("new in {language}"))
    };
    BEGINNINGS.into_iter().map(begin).collect()
}

fn begin(
    runtime: &tokio::runtime::Runtime,
    language: &'static str,
    place: &Path,
    scratch: &Path,
) -> anyhow::Result<Beginning> {
    let name = format!("x-{language}");
    let begin = Instant::now();
    let mut new = Command::new(env!("CARGO_BIN_EXE_selvedge"));
    run(new.args(["new", &name, "--lang", language]).current_dir(place).stdin(Stdio::null()))?;
    let new_seconds = begin.elapsed().as_secs_f64();
    let mut serve = selvedge("serve", &place.join(&name));
    serve.args(["--build", "--listen", "127.0.0.1:0"]);
    let server = Server::start(serve, &scratch.join(format!("{name}.log")))?;
    let asked = runtime.block_on(load::ask_once(server.address, REQUEST));
    let first_seconds = begin.elapsed().as_secs_f64();
    asked.with_context(|| server.said())?;
    server.stop()?;
    Ok(Beginning { language, new_seconds, first_seconds })
}

//! How long it takes from saving a changed line to the first answer that shows it, under `selvedge dev`.
//!
//! One iteration is a file that is written: the change is noticed, the component is built, composed,
//! compiled for this machine or bundled, and swapped; meanwhile requests are answered as before, and the
//! time ends with the first 200 that is answered by the new version. Every other iteration takes the
//! change back.

use super::app::{App, selvedge};
use super::load;
use super::process::Server;
use super::report::Figure;
use super::sample::median;
use super::services::{CHANGED, Host};
use anyhow::{Context as _, bail};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

/// From one request to the next while a change is waited for.
const ASK_EVERY: Duration = Duration::from_millis(5);
/// The longest that a request may take: wrangler holds those that come while a Worker is replaced.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// The longest that a change may take.
const SHOWN_WITHIN: Duration = Duration::from_secs(120);

/// Measures an app on a host.
///
/// # Errors
/// Where a change does not come to be served.
pub(crate) fn measure(
    runtime: &tokio::runtime::Runtime,
    app: &App,
    host: Host,
    scratch: &Path,
    saves: usize,
) -> anyhow::Result<Figure> {
    let service = app.service;
    eprintln!("{}: rebuilds of {}", host.name(), service.label);
    let log = scratch.join(format!("dev-{}-{}.log", service.name, host.name()));
    let server = Server::start(dev(app, host)?, &log)?;
    let times = rebuild(runtime, app, &server, saves);
    // Ended as it should be, also where something failed: it ends what it started itself.
    let said = server.said();
    server.stop()?;
    let value = median(times.with_context(|| format!("{}; {said}", service.label))?);
    Ok(Figure { service, host, name: "rebuild", value, unit: "s" })
}

fn dev(app: &App, host: Host) -> anyhow::Result<std::process::Command> {
    let mut dev = selvedge("dev", &app.folder);
    let listen = match host {
        Host::Native => "127.0.0.1:0".to_owned(),
        // Wrangler takes the port itself; a free one is as good as any.
        Host::Workerd => TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string(),
    };
    dev.args(["--listen", &listen]);
    if host == Host::Workerd {
        dev.arg("--edge");
    }
    Ok(dev)
}

/// Seconds of each rebuild.
fn rebuild(
    runtime: &tokio::runtime::Runtime,
    app: &App,
    server: &Server,
    saves: usize,
) -> anyhow::Result<Vec<f64>> {
    let request = runtime.block_on(app.request(server))?;
    let mut times = Vec::new();
    let mut is_changed = false;
    for _ in 0..saves {
        is_changed = !is_changed;
        let begin = Instant::now();
        app.save(is_changed)?;
        runtime.block_on(shown(server, &request, is_changed))?;
        times.push(begin.elapsed().as_secs_f64());
    }
    if is_changed {
        app.save(false)?;
        runtime.block_on(shown(server, &request, false))?;
    }
    Ok(times)
}

/// Asks until an answer shows the change, or no longer shows it.
async fn shown(server: &Server, request: &[u8], is_changed: bool) -> anyhow::Result<()> {
    let begin = Instant::now();
    let mut last = String::new();
    while begin.elapsed() < SHOWN_WITHIN {
        let asked = load::ask_once(server.address, request);
        match tokio::time::timeout(ANSWER_WITHIN, asked).await {
            Ok(Ok(body)) => {
                let body = String::from_utf8_lossy(&body).into_owned();
                if body.contains(CHANGED) == is_changed {
                    return Ok(());
                }
                last = body;
            }
            // Wrangler closes connections when it replaces a Worker.
            Ok(Err(error)) => last = format!("{error:#}"),
            Err(_) => last = "nothing".to_owned(),
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    bail!("the change is not served within {SHOWN_WITHIN:?}; the last answer was {last}");
}

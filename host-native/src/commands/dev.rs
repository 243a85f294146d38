//! `selvedge dev`: serves an app while it is written; with `--edge` as a Worker.

use crate::app::App;
use crate::cli::{BundleFlags, DevArgs, LogFormat, ServeArgs};
use crate::commands::bundle::open_and_make;
use crate::commands::serve;
use crate::edge::{bindings, wrangler};
use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long wrangler may take to end before it is ended.
///
/// Ours: it ends in less than one second where nothing is wrong.
const END_MAX: Duration = Duration::from_secs(10);

/// Serves until a signal ends it.
///
/// # Errors
/// Where the app cannot be built, bundled or served.
pub(super) fn run(args: DevArgs) -> anyhow::Result<ExitCode> {
    if args.edge {
        return edge(args);
    }
    let DevArgs { app, listen, .. } = args;
    serve::run(&ServeArgs {
        app,
        listen,
        data: None,
        build: true,
        threads: None,
        log_format: LogFormat::Text,
        log: "info".to_owned(),
    })
}

fn edge(args: DevArgs) -> anyhow::Result<ExitCode> {
    let DevArgs { app, listen, .. } = args;
    let flags = BundleFlags { app, out: None, delete_class: Vec::new() };
    let (app, tools, made) = match open_and_make(&flags, false, false)? {
        Ok(made) => made,
        Err(code) => return Ok(code),
    };
    let secrets = secrets(&app)?;
    let mut command = tools.wrangler();
    command.arg("dev").arg("--config").arg(made.folder.join(wrangler::FILE));
    command.args(["--local", "--show-interactive-dev-session=false", "--inspector-port=0"]);
    command.arg("--ip").arg(listen.ip().to_string());
    command.arg("--port").arg(listen.port().to_string());
    command.arg("--persist-to").arg(app.folders.edge().join("state"));
    command.arg("--env-file").arg(secrets.path());
    command.current_dir(&made.folder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime
        .block_on(wait(command))
        .with_context(|| format!("cannot start wrangler with {}", tools.node.display()))
}

/// Runs a command until it ends, or a signal asks for its end: then that is no failure. The secrets go
/// when this returns, so that a signal must not end this process before.
async fn wait(command: std::process::Command) -> std::io::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    tokio::select! {
        status = child.wait() => {
            return Ok(if status?.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    // Ctrl-C has reached it already; whoever sends a signal to this process alone has not.
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, Signal::TERM);
    }
    let ended = tokio::time::timeout(END_MAX, child.wait()).await;
    if ended.is_err() {
        child.kill().await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The secrets of the manifest, in a file that nobody else can read, and that ends with this.
fn secrets(app: &App) -> anyhow::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("selvedge-secrets-").tempfile()?;
    for (name, source) in &app.manifest.secrets {
        let value = serve::read_secret(&app.folders.app, name, source)?;
        let quoted = quoted(&value).with_context(|| {
            format!("secret {name} has every kind of quote in it, which wrangler's local mode cannot read; use another value while developing")
        })?;
        writeln!(file, "{}={quoted}", bindings::secret(name))?;
    }
    file.flush()?;
    Ok(file)
}

/// A value as wrangler reads it: in quotes that it does not have, within which nothing but `$` means
/// anything.
fn quoted(value: &str) -> Option<String> {
    let quote = ['\'', '`'].into_iter().find(|quote| !value.contains(*quote))?;
    // A backslash at the end would escape the quote.
    if value.ends_with('\\') {
        return None;
    }
    Some(format!("{quote}{}{quote}", value.replace('$', "\\$")))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_value_is_quoted_by_what_it_has_not() {
        assert_eq!(quoted("a b").as_deref(), Some("'a b'"));
        assert_eq!(quoted("line\nline").as_deref(), Some("'line\nline'"));
        assert_eq!(quoted("it's").as_deref(), Some("`it's`"));
        assert_eq!(quoted("$HOME").as_deref(), Some("'\\$HOME'"));
        assert_eq!(quoted("'`"), None);
        assert_eq!(quoted("\\"), None);
    }
}

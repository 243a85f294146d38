//! A step of building, as a process of its own: its end takes everything with it that it started,
//! compilers included, and what it needed of memory.

use crate::commands::dev::END_MAX;
use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsStr;
use std::process::Stdio;
use tokio::process::{Child, Command};

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It went well.
    Done,
    /// It failed, and said why.
    Failed,
    /// It was ended before.
    Stopped,
}

/// Runs this very command with other arguments, until it ends or `stop` does.
///
/// # Errors
/// Where no process can be started.
pub(super) async fn run(
    arguments: &[&OsStr],
    stop: impl Future<Output = ()>,
) -> anyhow::Result<Step> {
    let program = std::env::current_exe().context("cannot find the command selvedge itself")?;
    let mut command = Command::new(&program);
    command.args(arguments);
    // A group of its own, which can be ended as a whole. So Ctrl-C does not reach it but through here.
    command.process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut child =
        command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
    tokio::select! {
        status = child.wait() => Ok(if status?.success() { Step::Done } else { Step::Failed }),
        () = stop => {
            end(&mut child).await?;
            Ok(Step::Stopped)
        }
    }
}

/// Ends a process with all that it started.
async fn end(child: &mut Child) -> std::io::Result<()> {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let Some(group) = group else { return Ok(()) };
    let _ = kill_process_group(group, Signal::TERM);
    let ended = tokio::time::timeout(END_MAX, child.wait()).await;
    // Whoever did not hear.
    let _ = kill_process_group(group, Signal::KILL);
    if ended.is_err() {
        child.wait().await?;
    }
    Ok(())
}

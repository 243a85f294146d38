//! A host's process: started, waited for until it listens, and ended.

use crate::log::Log;
use crate::step::Ending;
use anyhow::{Context, Result, bail, ensure};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

/// The most that a start may take; one with compiled components takes milliseconds.
const START_WITHIN: Duration = Duration::from_secs(60);
/// The most that a stop may take; a host drains for ten seconds at most.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// The most until nothing listens any more where a process was.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);
/// The pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A process that serves. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Kept open: a host whose output nobody reads must not fail.
    _output: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Process {
    /// Runs `command`, which says `listening on http://…` when it is ready; what it writes to
    /// standard error is its log.
    ///
    /// # Errors
    /// Where it cannot be run, or ends, or says something else, or nothing for a minute.
    pub async fn start(mut command: Command, log: &Log) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        let mut child =
            command.spawn().with_context(|| format!("cannot run {:?}", command.as_std()))?;
        let errors = child.stderr.take().context("no standard error")?;
        tokio::spawn(log.clone().follow(errors));
        let mut output = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut line = String::new();
        match timeout(START_WITHIN, output.read_line(&mut line)).await {
            Err(_) => bail!("the host said nothing for {START_WITHIN:?}; {}", log.end()),
            Ok(read) => read?,
        };
        let Some(address) = line.trim().strip_prefix("listening on http://") else {
            // It says why on standard error, which is read by another task.
            let _ = timeout(CLOSED_WITHIN, child.wait()).await;
            sleep(LOOK_EVERY).await;
            bail!("the host did not start, but said {line:?}; {}", log.end());
        };
        let address = address.parse().with_context(|| format!("{address:?} is no address"))?;
        Ok(Self { child, _output: output, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its id, until it has ended.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends it in this way and waits for the end; gives the exit code, if it has one.
    ///
    /// # Errors
    /// Where it runs on, or still listens.
    pub async fn end(&mut self, ending: Ending) -> Result<Option<i32>> {
        match ending {
            Ending::Kill => self.child.start_kill()?,
            Ending::Graceful => {
                let id = self.child.id().context("the host has ended already")?;
                let kill = Command::new("kill").arg("-TERM").arg(id.to_string()).status().await?;
                ensure!(kill.success(), "kill -TERM {id}: {kill}");
            }
        }
        let ended = timeout(STOP_WITHIN, self.child.wait()).await;
        let status = ended.with_context(|| format!("the host runs on after {STOP_WITHIN:?}"))??;
        self.closed().await?;
        Ok(status.code())
    }

    /// Waits for the end of what the process itself had started, which holds the same files.
    async fn closed(&self) -> Result<()> {
        let deadline = Instant::now() + CLOSED_WITHIN;
        while TcpStream::connect(self.address).await.is_ok() {
            ensure!(Instant::now() < deadline, "{} is open after the host's end", self.address);
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

//! Servers as processes of their own, and what they use of the machine.

use anyhow::{Context as _, bail, ensure};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// What a server prints before its address, once it is ready.
pub(crate) const ANNOUNCEMENT: &str = "listening on http://";
/// The most that a start may take.
const START_WITHIN: Duration = Duration::from_secs(60);
/// Ticks of a second in `/proc/PID/stat`.
///
/// Source: `USER_HZ` is 100 on every architecture that Rust's standard library knows on Linux.
const TICKS_PER_SECOND: u64 = 100;

/// A running server; it ends when this is dropped.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    process: Child,
    log: PathBuf,
}

impl Server {
    /// Starts `command`, which must announce its address on standard output; its standard error
    /// goes to the file `log`.
    ///
    /// # Errors
    /// Where it cannot be started, or does not announce itself in time.
    pub(crate) fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(log)?);
        let mut process = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
        let output = process.stdout.take().context("the output was asked for")?;
        let announced = announcement(output).recv_timeout(START_WITHIN);
        let mut server = Self { address: ([0, 0, 0, 0], 0).into(), process, log: log.into() };
        let line = announced.unwrap_or_default();
        match line.strip_prefix(ANNOUNCEMENT).and_then(|address| address.trim_end().parse().ok()) {
            Some(address) => server.address = address,
            None => {
                bail!("{command:?} did not announce an address, but {line:?}; {}", server.said())
            }
        }
        Ok(server)
    }

    /// Processor time that it has used, in user and kernel together.
    ///
    /// # Errors
    /// Where it has ended, or this system has no `/proc`.
    pub(crate) fn processor_time(&self) -> anyhow::Result<Duration> {
        processor_time(&self.proc("stat")?)
    }

    /// Processor time of the processes that its first thread has started, without its own.
    ///
    /// # Errors
    /// Where it has none, or this system has no `/proc`.
    pub(crate) fn processor_time_of_children(&self) -> anyhow::Result<Duration> {
        let times = self.children("stat")?;
        times.iter().map(|stat| processor_time(stat)).sum()
    }

    /// Bytes of memory that those processes have resident.
    ///
    /// # Errors
    /// Where it has none, or this system has no `/proc`.
    pub(crate) fn resident_bytes_of_children(&self) -> anyhow::Result<u64> {
        let states = self.children("status")?;
        states.iter().map(|status| resident_bytes(status)).sum()
    }

    /// Bytes of memory that it has resident.
    ///
    /// # Errors
    /// Where it has ended, or this system has no `/proc`.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        resident_bytes(&self.proc("status")?)
    }

    /// Asks the server to stop, and waits until it has.
    ///
    /// # Errors
    /// Where it ends with an error.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let id = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(id.context("a process")?, rustix::process::Signal::TERM)?;
        let status = self.process.wait()?;
        anyhow::ensure!(status.success(), "it ended with {status}; {}", self.said());
        Ok(())
    }

    /// The end of what it wrote to standard error, for a report of what went wrong.
    pub(crate) fn said(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.len().saturating_sub(10);
        format!("its log ends with:\n{}", lines[last..].join("\n"))
    }

    /// A file of `/proc` of each process that its first thread has started.
    fn children(&self, file: &str) -> anyhow::Result<Vec<String>> {
        let children = self.proc(&format!("task/{}/children", self.process.id()))?;
        ensure!(!children.trim().is_empty(), "it has started nothing");
        let read = |child: &str| {
            let path = format!("/proc/{child}/{file}");
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
        };
        children.split_ascii_whitespace().map(read).collect()
    }

    fn proc(&self, file: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{file}", self.process.id());
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended before; nothing that it acknowledged is lost by this.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Bytes of memory that this process has resident.
///
/// # Errors
/// Where this system has no `/proc`.
pub(crate) fn own_resident_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("cannot read /proc")?;
    resident_bytes(&status)
}

fn processor_time(stat: &str) -> anyhow::Result<Duration> {
    // The second field is the program's name in parentheses, and may hold anything.
    let (_, fields) = stat.rsplit_once(')').context("the process's name has no end")?;
    let mut times = fields.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
    let mut next = || times.next().context("too few fields")?.context("a time is no number");
    Ok(Duration::from_millis((next()? + next()?) * 1000 / TICKS_PER_SECOND))
}

fn resident_bytes(status: &str) -> anyhow::Result<u64> {
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = resident.and_then(|value| value.trim().strip_suffix(" kB"));
    Ok(kibibytes.context("no VmRSS in kB")?.parse::<u64>()? * 1024)
}

/// Gives the first line of `output` and throws the rest away.
fn announcement(output: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = String::new();
        if output.read_line(&mut line).is_ok() {
            let _ = sender.send(line);
        }
        let _ = std::io::copy(&mut output, &mut std::io::sink());
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::resident_bytes;

    #[test]
    fn resident_memory_is_found_in_the_status() {
        let status = "Name:\tselvedge\nVmHWM:\t    9000 kB\nVmRSS:\t    8236 kB\n";
        assert_eq!(resident_bytes(status).unwrap(), 8236 * 1024);
        assert!(resident_bytes("Name:\tselvedge\n").is_err());
    }
}

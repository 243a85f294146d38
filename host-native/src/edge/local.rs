//! A bundle that runs on this machine, in workerd: started, asked once for each service, and ended.

use crate::edge::tools::Tools;
use rustix::process::{Pid, Signal, kill_process};
use selvedge_contract::failure::FAILURE_HEADER;
use selvedge_contract::manifest::Manifest;
use selvedge_contract::names::Name;
use selvedge_contract::route::Pattern;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

/// Longest that a Worker may take to start on this machine.
///
/// Ours: some hundred milliseconds where nothing is in the way; a busy machine gets its time.
const START_MAX: Duration = Duration::from_secs(60);
/// Longest that a service may take to answer.
///
/// Ours: as long as a manifest lets a request wait by default.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// How many of the last lines that a Worker wrote are kept for the case that it fails.
const LINES_KEPT: usize = 20;
/// Longest that is waited for what a Worker says of its failure.
const WORDS_MAX: Duration = Duration::from_secs(2);
/// The header by which the local platform says that a Worker threw and nobody caught it.
const THROWN_HEADER: &str = "mf-experimental-error-stack";

/// A bundle under way; it ends with this.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    address: String,
    lines: Arc<Mutex<VecDeque<String>>>,
}

/// Why a bundle is not good.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalError {
    /// Node cannot be started.
    #[error("cannot start {}: {source}", .node.display())]
    Node { node: std::path::PathBuf, source: std::io::Error },
    /// The Worker ended before it listened.
    #[error("the Worker does not start: {reason}")]
    Start { reason: String },
    /// The Worker did not listen in time.
    #[error("the Worker did not start within {} s: {reason}", START_MAX.as_secs())]
    StartTimeout { reason: String },
    /// A service did not answer as a service does.
    #[error("service \"{service}\" does not answer {request} in workerd: {reason}")]
    Answer { service: Name, request: String, reason: String },
}

/// What a service was asked, and what it answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Asked {
    pub(crate) service: Name,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) status: u16,
    /// Why the host answered in the place of the service, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
    pub(crate) milliseconds: u64,
}

impl Asked {
    /// What somebody may wonder about who sees the answer. A request that a service refuses by its own
    /// status is no reason: it was made up.
    pub(crate) fn warning(&self) -> Option<String> {
        let Self { service, host, path, status, failure, .. } = self;
        let failure = failure.as_deref()?;
        Some(format!(
            "service \"{service}\" gave no answer of its own to GET http://{host}{path}: the host answered {status} ({failure}); run `selvedge dev --edge` and ask again to see its log"
        ))
    }
}

/// What was found out by running a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Verified {
    /// From the start of the process to the first answer.
    pub(crate) start_milliseconds: u64,
    /// The processor time of workerd until then, its own start included; known on Linux.
    pub(crate) start_cpu_milliseconds: Option<u64>,
    /// One request for each service.
    pub(crate) asked: Vec<Asked>,
}

/// Runs a bundle, and asks each of its services once.
///
/// # Errors
/// [`LocalError`] where it does not start, or a service's component cannot be started.
pub(crate) fn verify(
    tools: &Tools,
    folder: &Path,
    manifest: &Manifest,
    secrets: &BTreeMap<String, String>,
    scratch: &Path,
) -> Result<Verified, LocalError> {
    let started = Instant::now();
    let running = Running::start(tools, folder, secrets, scratch)?;
    let (mut asked, mut first) = (Vec::new(), None);
    for (name, service) in &manifest.services {
        let Some(route) = service.routes.first() else { continue };
        let (host, path) = example(route);
        asked.push(running.ask(name, host, path)?);
        first.get_or_insert_with(|| (started.elapsed(), running.cpu_milliseconds()));
    }
    let (start, start_cpu_milliseconds) = first.unwrap_or_default();
    Ok(Verified { start_milliseconds: milliseconds(start), start_cpu_milliseconds, asked })
}

/// A host and a path that a route covers.
fn example(route: &Pattern) -> (String, String) {
    let text = route.to_string();
    let (host, path) = text.split_once('/').unwrap_or(("", &text));
    let host = match host.strip_prefix("*.") {
        Some(domain) => format!("selvedge.{domain}"),
        None if host.is_empty() => "localhost".to_owned(),
        None => host.to_owned(),
    };
    let segments = path.split('/').map(|segment| match segment {
        "*" => "",
        parameter if parameter.starts_with('{') => "selvedge",
        literal => literal,
    });
    (host, format!("/{}", segments.collect::<Vec<_>>().join("/")))
}

impl Running {
    /// Starts a bundle; returns when it listens.
    fn start(
        tools: &Tools,
        folder: &Path,
        secrets: &BTreeMap<String, String>,
        scratch: &Path,
    ) -> Result<Self, LocalError> {
        let failed = |source| LocalError::Node { node: tools.node.clone(), source };
        let vars = scratch.join("vars.json");
        let text = serde_json::to_vec(secrets).map_err(|error| failed(error.into()))?;
        std::fs::write(&vars, text).map_err(failed)?;
        let mut command = tools.script("run.mjs");
        command.arg(folder).args(["--listen", "127.0.0.1:0"]);
        command.arg("--persist").arg(scratch.join("state")).arg("--vars-file").arg(&vars);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        if let Some(stderr) = child.stderr.take() {
            let lines = Arc::clone(&lines);
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let mut lines = lines.lock().unwrap_or_else(|poison| poison.into_inner());
                    if lines.len() == LINES_KEPT {
                        lines.pop_front();
                    }
                    lines.push_back(line);
                }
            });
        }
        let (sender, receiver) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if let Some(address) = line.strip_prefix("listening on http://") {
                        let _ = sender.send(address.trim().to_owned());
                    }
                }
            });
        }
        let mut running = Self { child, address: String::new(), lines };
        match receiver.recv_timeout(START_MAX) {
            Ok(address) => {
                running.address = address;
                Ok(running)
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                Err(LocalError::StartTimeout { reason: running.last_words() })
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let _ = running.child.wait();
                Err(LocalError::Start { reason: running.last_words() })
            }
        }
    }

    fn ask(&self, service: &Name, host: String, path: String) -> Result<Asked, LocalError> {
        let started = Instant::now();
        let request = format!("GET http://{host}{path}");
        let failed = |reason: String| LocalError::Answer {
            service: service.clone(),
            request: request.clone(),
            reason,
        };
        let head = get(&self.address, &host, &path)
            .map_err(|error| failed(format!("{error}; its last words: {}", self.last_words())))?;
        let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
        let status: u16 = status.ok_or_else(|| failed("what came is no HTTP".to_owned()))?;
        let failure = header(&head, FAILURE_HEADER).map(str::to_owned);
        if failure.as_deref() == Some("start-failed") || header(&head, THROWN_HEADER).is_some() {
            return Err(failed(format!("{status}, {}", self.last_words())));
        }
        let milliseconds = milliseconds(started.elapsed());
        Ok(Asked { service: service.clone(), host, path, status, failure, milliseconds })
    }

    /// The processor time that workerd has used, where the system tells it in Linux's way.
    fn cpu_milliseconds(&self) -> Option<u64> {
        let node = self.child.id().to_string();
        let processes = std::fs::read_dir("/proc").ok()?.flatten();
        processes
            .filter_map(|process| {
                let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
                // `PID (NAME) STATE PARENT …`, where the name may have spaces.
                let (head, tail) = stat.rsplit_once(')')?;
                let fields: Vec<&str> = tail.split_whitespace().collect();
                let is_ours = head.ends_with("(workerd") && *fields.get(1)? == node;
                let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
                let used = ticks(11)?.checked_add(ticks(12)?)?;
                is_ours.then(|| {
                    used.saturating_mul(1000) / rustix::param::clock_ticks_per_second().max(1)
                })
            })
            .next()
    }

    /// What the Worker wrote last that tells of an error, in one line. It comes by another way than
    /// an answer, so that it may have to be waited for.
    fn last_words(&self) -> String {
        let deadline = Instant::now() + WORDS_MAX;
        loop {
            let lines = self.lines.lock().unwrap_or_else(|poison| poison.into_inner()).clone();
            let told = lines.iter().rfind(|line| line.contains("ERROR") || line.contains("rror:"));
            if let Some(line) = told {
                return spoken(line);
            }
            if Instant::now() > deadline {
                let last = lines.iter().rfind(|line| !line.trim().is_empty());
                return last.map_or("it said nothing".to_owned(), |line| spoken(line));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A line of a log as people read it.
fn spoken(line: &str) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_str(line) else {
        return line.trim().to_owned();
    };
    let parts = ["message", "cause"].into_iter().filter_map(|key| fields.get(key)?.as_str());
    parts.collect::<Vec<_>>().join(": ")
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

/// The head of the answer to a request without a body.
fn get(address: &str, host: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    let mut buffer = [0_u8; 4096];
    loop {
        let read = stream.read(&mut buffer)?;
        head.extend_from_slice(buffer.get(..read).unwrap_or_default());
        let text = String::from_utf8_lossy(&head);
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            return Ok(head.to_owned());
        }
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The value of a header in a head.
fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(field, _)| field.eq_ignore_ascii_case(name))?;
    Some(value.trim())
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Asked, example, header, spoken};
    use selvedge_contract::names::Name;
    use selvedge_contract::route::Pattern;

    #[test]
    fn a_route_covers_its_example() {
        for (route, host, path) in [
            ("/", "localhost", "/"),
            ("/hello", "localhost", "/hello"),
            ("/counter/{name}", "localhost", "/counter/selvedge"),
            ("/flags/*", "localhost", "/flags/"),
            ("example.com/*", "example.com", "/"),
            ("*.example.com/a/{b}/c/*", "selvedge.example.com", "/a/selvedge/c/"),
        ] {
            let route = Pattern::parse(route).unwrap();
            assert_eq!(example(&route), (host.to_owned(), path.to_owned()), "{route}");
        }
    }

    #[test]
    fn an_answer_in_the_place_of_a_services_is_told() {
        let asked = |status, failure: Option<&str>| Asked {
            service: Name::parse("one").unwrap(),
            host: "localhost".to_owned(),
            path: "/one".to_owned(),
            status,
            failure: failure.map(str::to_owned),
            milliseconds: 1,
        };
        assert_eq!(asked(404, None).warning(), None);
        let said = asked(507, Some("memory")).warning().unwrap();
        assert!(said.contains("service \"one\"") && said.contains("507 (memory)"), "{said}");
    }

    #[test]
    fn a_line_of_a_log_is_spoken() {
        assert_eq!(spoken(" Error: no \n"), "Error: no");
        let line = r#"{"level":"ERROR","message":"a request failed","cause":"unreachable"}"#;
        assert_eq!(spoken(line), "a request failed: unreachable");
    }

    #[test]
    fn a_header_is_found_by_its_name_in_any_case() {
        let head = "HTTP/1.1 404 Not Found\r\nSelvedge-Failure: no-route\r\na: b: c";
        assert_eq!(header(head, "selvedge-failure"), Some("no-route"));
        assert_eq!(header(head, "a"), Some("b: c"));
        assert_eq!(header(head, "http/1.1 404 not found"), None);
    }
}

//! A host that serves, and a client of few lines. Shared by the tests of this folder.

#![allow(dead_code, reason = "no test needs all of it")]

use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const SELVEDGE: &str = env!("CARGO_BIN_EXE_selvedge");

/// The longest that a host may take to stop when it is asked to.
const STOP_WITHIN: Duration = Duration::from_secs(8);

/// A host that serves; it is killed with this.
pub(crate) struct Host {
    pub(crate) child: Child,
    pub(crate) address: String,
    log: PathBuf,
}

/// A response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The lines before the body.
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Answer {
    /// The first field of a name, which is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// Any free port.
pub(crate) const ANY: &str = "127.0.0.1:0";

/// `serve`, at an address.
pub(crate) fn serve(app: &Path, listen: &str) -> Command {
    let mut serve = Command::new(SELVEDGE);
    serve.args(["serve", "--listen", listen, "--app"]).arg(app);
    serve
}

/// A command of the shell that runs another behind `before`.
pub(crate) fn behind(before: &str, command: &Command) -> Command {
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("{before} exec \"$@\""), "bash"]);
    shell.arg(command.get_program()).args(command.get_args());
    shell
}

impl Host {
    /// Starts what [`serve`] gives; what it logs goes into `log`.
    pub(crate) fn start(mut serve: Command, log: PathBuf) -> Self {
        let stderr = fs::File::create(&log).unwrap();
        let mut child = serve.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://");
        let address =
            address.unwrap_or_else(|| panic!("{}", fs::read_to_string(&log).unwrap())).to_owned();
        Self { child, address, log }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
        stream
    }

    /// Sends a request, whose answer is read later.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> std::io::Result<TcpStream> {
        ask(&self.address, method, path, body)
    }

    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send(method, path, &[], body)
    }

    /// A request with fields of its own.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        read(ask_with(&self.address, method, path, fields, body).unwrap()).unwrap()
    }

    pub(crate) fn add(&self, counter: &str) -> Answer {
        self.request("POST", &format!("/counter/{counter}"), "")
    }

    /// How a counter stands.
    pub(crate) fn value(&self, counter: &str) -> u64 {
        let answer = self.request("GET", &format!("/counter/{counter}"), "");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["value"].as_u64().unwrap()
    }

    /// Runs a script in a probe object.
    pub(crate) fn run(&self, object: &str, script: &(impl ToString + ?Sized)) -> Answer {
        self.request("POST", &format!("/probe/objects/run?name={object}"), &script.to_string())
    }

    /// What a script gives that every step of succeeds.
    pub(crate) fn results(&self, object: &str, script: &(impl ToString + ?Sized)) -> Value {
        let answer = self.run(object, script);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["results"].clone()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// The exit code, which must come in time.
    pub(crate) fn ended_within(&mut self, most: Duration) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < most, "it does not end within {most:?}: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the host to stop, and waits for it.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        assert_eq!(self.ended_within(STOP_WITHIN), Some(0), "{}", self.log());
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request, whose answer is read later.
pub(crate) fn ask(
    address: &str,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<TcpStream> {
    ask_with(address, method, path, &[], body)
}

fn ask_with(
    address: &str,
    method: &str,
    path: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(40)))?;
    let bytes = body.len();
    let fields: String =
        fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!(
        "{method} {path} HTTP/1.0\r\nhost: localhost\r\n{fields}content-length: {bytes}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

/// Reads a whole answer; an error where it ends before its end.
pub(crate) fn read(mut stream: TcpStream) -> std::io::Result<Answer> {
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let cut_short = || std::io::Error::other(format!("cut short: {text:?}"));
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(cut_short)?;
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).ok_or_else(cut_short)?;
    let head = head.to_owned();
    let body = match serde_json::from_str(body) {
        Ok(body) => body,
        // Not everything is JSON.
        Err(_) if !body.starts_with(['{', '[']) => Value::from(body),
        Err(_) => return Err(cut_short()),
    };
    Ok(Answer { status, head, body })
}

/// Waits until something is so, and fails where it is not soon.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(10), "not within 10 s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

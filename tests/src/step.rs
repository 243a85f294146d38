//! What a step of a case can hold. README.md of the suite's folder shows each by example.

use anyhow::{Result, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One step: a single action, and what must come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// Sends a request with an ordinary client.
    pub request: Option<Request>,
    /// Sends bytes as they stand, for what no ordinary client would send.
    pub raw: Option<Raw>,
    /// Waits for the replies of a step that was put in the background under this name.
    pub join: Option<String>,
    /// Stops the host in this way and starts it on the same data.
    pub restart: Option<Ending>,
    /// Stops the host for good.
    pub stop: Option<Stop>,
    /// Moves the host's clock ahead, on top of earlier moves.
    pub advance_clock_seconds: Option<u64>,
    /// Waits for a line in the host's log.
    pub log: Option<LogLine>,

    /// What every reply must be.
    pub expect: Option<Expect>,
    /// How many of the replies have each status, where they may differ.
    #[serde(default)]
    pub tally: BTreeMap<String, usize>,
    /// How many times the request is sent at once.
    pub parallel: Option<usize>,
    /// Goes on to the next step, and keeps the replies for `join`.
    pub background: Option<String>,
    /// What a step in the background waits for before the next step begins.
    pub background_until: Option<Begun>,
    /// Sends the request again and again until the expectation holds, for so long.
    pub until_ms: Option<u64>,
    /// Keeps parts of a JSON reply: name, which begins with `saved-`, to JSON pointer.
    #[serde(default)]
    pub save: BTreeMap<String, String>,
}

/// How far requests in the background have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Begun {
    /// Each of them has the head of its reply.
    Heads,
}

/// How a host is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It is asked to stop, and drains.
    Graceful,
    /// It is killed where it stands.
    Kill,
}

/// A stop for good.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Stop {
    /// In which way.
    pub how: Ending,
    /// The exit code that the host must end with.
    pub exit_code: Option<i32>,
    /// The most that it may take.
    pub within_ms: Option<u64>,
}

/// A request as an ordinary client sends it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Request {
    /// Path and query.
    pub path: String,
    /// The method; GET where none is named.
    pub method: Option<String>,
    /// The host asked for, in the place of the host's address.
    pub host: Option<String>,
    /// Header fields; a list of values makes a field for each.
    #[serde(default)]
    pub headers: BTreeMap<String, OneOrMany>,
    /// The body, as text.
    pub body: Option<String>,
    /// The body, as so many letters.
    pub body_bytes: Option<usize>,
    /// Whether the body's length is kept from the host.
    #[serde(default)]
    pub chunked: bool,
    /// Fields that follow the body; makes it chunked.
    #[serde(default)]
    pub trailers: BTreeMap<String, String>,
    /// Whether HTTP/2 is spoken, with prior knowledge and without TLS.
    #[serde(default)]
    pub h2c: bool,
    /// The name of a connection that is kept for later requests of the case.
    pub connection: Option<String>,
    /// Leaves as soon as so many bytes of the reply's body have come.
    pub leave_after_bytes: Option<usize>,
}

/// One value, or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// The values as a slice.
    pub fn values(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// Bytes as they stand on the wire.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Raw {
    /// What is sent, in order.
    pub send: Vec<Piece>,
    /// Leaves when everything is sent, in the place of reading a reply.
    #[serde(default)]
    pub leave: bool,
    /// How many replies come, one after the other; the last one is looked at.
    pub replies: Option<usize>,
}

/// A piece of what is sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Piece {
    /// Lines, each ended by CR LF.
    #[serde(default)]
    pub lines: Vec<String>,
    /// Text.
    pub text: Option<String>,
    /// So many letters.
    pub letters: Option<usize>,
    /// How often the piece is sent.
    pub repeat: Option<usize>,
    /// How long to wait before each time.
    pub every_ms: Option<u64>,
}

/// A line in the host's log, wherever in the line its fields stand.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LogLine {
    /// Fields that equal these.
    #[serde(default)]
    pub has: toml::Table,
    /// Fields, of text, that contain these.
    #[serde(default)]
    pub contains: BTreeMap<String, String>,
    /// Fields, of text, that are there and not empty.
    #[serde(default)]
    pub present: Vec<String>,
    /// Text that no line of the log so far may contain.
    pub nowhere: Option<String>,
}

/// What a reply must be. What is left out may be anything.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// The status.
    pub status: Option<u16>,
    /// The host's own answer in the place of the service's, by the failure's name.
    pub failure: Option<String>,
    /// Fields that equal these; several of one name are joined by a comma and a space.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Fields that contain these.
    #[serde(default)]
    pub headers_contain: BTreeMap<String, String>,
    /// Fields that are there.
    #[serde(default)]
    pub headers_present: Vec<String>,
    /// Fields that are not.
    #[serde(default)]
    pub headers_absent: Vec<String>,
    /// The whole body.
    pub body: Option<String>,
    /// Text that the body contains.
    #[serde(default)]
    pub body_contains: Vec<String>,
    /// Text that the body does not contain.
    #[serde(default)]
    pub body_lacks: Vec<String>,
    /// A part of the body's JSON: tables may have more members, everything else is equal.
    pub body_json: Option<toml::Table>,
    /// Members at the top of the body's JSON that are another value than this.
    #[serde(default)]
    pub body_json_differs: toml::Table,
    /// JSON pointers at which the body has null.
    #[serde(default)]
    pub body_json_null: Vec<String>,
    /// The body's length.
    pub body_bytes: Option<usize>,
    /// The most that may come of the body.
    pub body_bytes_at_most: Option<usize>,
    /// Fields after the body.
    #[serde(default)]
    pub trailers: BTreeMap<String, String>,
    /// Whether the body breaks off, so that the client knows that it is not whole.
    #[serde(default)]
    pub broken: bool,
    /// Whether no reply comes at all: the connection is refused, or ends.
    #[serde(default)]
    pub no_reply: bool,
    /// Whether no reply at all, or one that breaks off, is as good as one that is as expected.
    #[serde(default)]
    pub or_no_reply: bool,
    /// Whether the host ends the connection after the reply (raw requests only).
    pub closed: Option<bool>,
    /// The most that may pass until the reply is whole.
    pub within_ms: Option<u64>,
    /// The least.
    pub at_least_ms: Option<u64>,
    /// The most that may pass until the reply's head is there.
    pub head_within_ms: Option<u64>,
}

impl Step {
    /// Refuses a step that does nothing, does two things, or looks at nothing.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<()> {
        let actions = [
            self.request.is_some(),
            self.raw.is_some(),
            self.join.is_some(),
            self.restart.is_some(),
            self.stop.is_some(),
            self.advance_clock_seconds.is_some(),
            self.log.is_some(),
        ];
        let count = actions.iter().filter(|action| **action).count();
        ensure!(count == 1, "a step does one thing, this one does {count}");

        let asks = self.request.is_some() || self.raw.is_some();
        let leaves = self.raw.as_ref().is_some_and(|raw| raw.leave);
        ensure!(!leaves || self.expect.is_none(), "a client that leaves sees no reply");
        let looks = self.tally.is_empty().then_some(&self.expect).is_none_or(|expect| {
            expect.as_ref().is_some_and(|expect| *expect != Expect::default())
        });
        let must_look = self.join.is_some() || (asks && self.background.is_none() && !leaves);
        ensure!(!must_look || looks, "a request without an expectation shows nothing");
        ensure!(
            self.save.keys().all(|name| name.starts_with("saved-")),
            "the names in `save` begin with \"saved-\""
        );
        ensure!(
            self.background_until.is_none()
                || (self.background.is_some() && self.request.is_some()),
            "`background-until` is for a request with `background`"
        );
        if let Some(log) = &self.log {
            let empty = log.has.is_empty() && log.contains.is_empty() && log.present.is_empty();
            ensure!(empty == log.nowhere.is_some(), "a log step has fields, or `nowhere`, alone");
        }
        Ok(())
    }

    /// Whether the step does something to the host that others would feel.
    pub fn needs_own_host(&self) -> bool {
        self.restart.is_some() || self.stop.is_some() || self.advance_clock_seconds.is_some()
    }
}

//! What a build says while it works: on standard error, in cargo's manner.

use crate::problem::{Problem, Severity};
use selvedge_languages::tool::Tell;
use std::io::IsTerminal as _;
use std::time::Duration;

/// Where progress is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    coloured: bool,
    is_quiet: bool,
}

const GREEN: &str = "\x1b[1;32m";
const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const CYAN: &str = "\x1b[1;36m";
const PLAIN: &str = "\x1b[0m";

impl Progress {
    /// Tells progress on standard error, with colours where people read it.
    pub(crate) fn on_stderr() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { coloured: wanted && std::io::stderr().is_terminal(), is_quiet: false }
    }

    /// Tells there only what is wrong.
    pub(crate) fn of_problems() -> Self {
        Self { is_quiet: true, ..Self::on_stderr() }
    }

    /// Whether only what is wrong is told.
    pub(crate) fn is_quiet(self) -> bool {
        self.is_quiet
    }

    /// Something begins that takes its time.
    pub(crate) fn begin(self, verb: &str, what: &str) {
        if self.is_quiet {
            return;
        }
        self.line(CYAN, verb, what);
    }

    /// Something was done.
    pub(crate) fn done(self, verb: &str, what: &str, took: Duration) {
        if self.is_quiet {
            return;
        }
        self.line(GREEN, verb, &format!("{what} in {}", seconds(took)));
    }

    /// What is served was changed.
    pub(crate) fn swapped(self, what: &str, took: Duration) {
        self.line(GREEN, "Swapped", &format!("{what} in {:.2} s", took.as_secs_f64()));
    }

    /// All is done.
    pub(crate) fn finished(self, what: &str, took: Duration) {
        self.done("Finished", what, took);
    }

    /// Not all is done.
    pub(crate) fn failed(self, what: &str) {
        self.line(RED, "Failed", what);
    }

    /// Something is wrong.
    pub(crate) fn problem(self, problem: &Problem) {
        let severity = problem.severity();
        let colour = match severity {
            Severity::Error => RED,
            Severity::Warning => YELLOW,
            Severity::Note => CYAN,
        };
        let (on, off) = self.colour(colour);
        eprintln!("{on}{}{off}: {problem}", severity.name());
    }

    /// Something went wrong that is no problem of the app's.
    pub(crate) fn error(self, what: &str) {
        let (on, off) = self.colour(RED);
        eprintln!("{on}{}{off}: {what}", Severity::Error.name());
    }

    /// A build failed, and the next one waits for a change.
    pub(crate) fn waits(self, is_served: bool) {
        let goes_on = if is_served { "; the last good version is served" } else { "" };
        self.line(YELLOW, "Waiting", &format!("for the next change{goes_on}"));
    }

    /// Something is not as it should be, and stops nothing.
    pub(crate) fn warning(self, what: &str) {
        let (on, off) = self.colour(YELLOW);
        eprintln!("{on}{}{off}: {what}", Severity::Warning.name());
    }

    fn line(self, colour: &'static str, verb: &str, what: &str) {
        let (on, off) = self.colour(colour);
        eprintln!("{on}{verb:>12}{off} {what}");
    }

    fn colour(self, colour: &'static str) -> (&'static str, &'static str) {
        if self.coloured { (colour, PLAIN) } else { ("", "") }
    }
}

impl Tell for Progress {
    fn begin(&self, verb: &str, what: &str) {
        Self::begin(*self, verb, what);
    }

    fn done(&self, verb: &str, what: &str, took: Duration) {
        Self::done(*self, verb, what, took);
    }
}

/// A span of time as people read it.
fn seconds(took: Duration) -> String {
    if took < Duration::from_secs(1) {
        format!("{} ms", took.as_millis())
    } else {
        format!("{:.1} s", took.as_secs_f64())
    }
}

//! What a host is known not to do as the cases say, with the reason.

use crate::report::Verdict;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;

/// The hosts, in the order in which they are run and shown.
pub const HOSTS: [&str; 2] = ["native", "workers"];

/// The file `known_differences.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differences {
    #[serde(default)]
    difference: Vec<Difference>,
}

/// One case that one host cannot do.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The case's name.
    pub case: String,
    /// The host's name.
    pub host: String,
    /// Why not, for users.
    pub reason: String,
}

impl Differences {
    /// Reads the file and checks it against the names of all cases.
    ///
    /// # Errors
    /// Where an entry names no case or no host, gives no reason, or is there twice.
    pub fn open(path: &Path, cases: &BTreeSet<String>) -> Result<Self> {
        let text = std::fs::read_to_string(path)?;
        Self::parse(&text, cases).with_context(|| path.display().to_string())
    }

    fn parse(text: &str, cases: &BTreeSet<String>) -> Result<Self> {
        let differences: Self = toml::from_str(text)?;
        let mut seen = BTreeSet::new();
        for Difference { case, host, reason } in &differences.difference {
            ensure!(cases.contains(case), "there is no case {case:?}");
            ensure!(HOSTS.contains(&host.as_str()), "there is no host {host:?}");
            ensure!(reason.len() > 10, "the entry of {case:?} gives no reason");
            ensure!(seen.insert((case, host)), "{case:?} is there twice for {host:?}");
        }
        Ok(differences)
    }

    /// Every entry, in the file's order.
    pub fn all(&self) -> &[Difference] {
        &self.difference
    }

    /// The entry of `case` on `host`, if there is one.
    pub fn of(&self, case: &str, host: &str) -> Option<&Difference> {
        self.difference.iter().find(|known| known.case == case && known.host == host)
    }

    /// What a result means for `case` on `host`, and what to say of it.
    ///
    /// An entry whose case passes is stale, and fails.
    pub fn judge(&self, case: &str, host: &str, result: Result<()>) -> (Verdict, String) {
        match (self.of(case, host), result) {
            (None, Ok(())) => (Verdict::Passed, String::new()),
            (None, Err(error)) => (Verdict::Failed, format!("{error:#}")),
            (Some(known), Err(_)) => (Verdict::KnownDifference, known.reason.clone()),
            (Some(_), Ok(())) => {
                let why = "it passes, but known_differences.toml has it; remove that entry";
                (Verdict::Failed, why.to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Differences;
    use crate::report::Verdict;
    use anyhow::anyhow;
    use std::collections::BTreeSet;

    const ENTRY: &str =
        "[[difference]]\ncase = \"http/a\"\nhost = \"native\"\nreason = \"it cannot be done\"\n";

    fn parse(text: &str) -> anyhow::Result<Differences> {
        Differences::parse(text, &BTreeSet::from(["http/a".to_owned()]))
    }

    #[test]
    fn known_difference_neither_passes_nor_fails() {
        let differences = parse(ENTRY).unwrap();
        let judged = differences.judge("http/a", "native", Err(anyhow!("no")));
        assert_eq!(judged.0, Verdict::KnownDifference);
        assert_eq!(differences.judge("http/a", "workers", Err(anyhow!("no"))).0, Verdict::Failed);
        assert_eq!(differences.judge("http/b", "native", Ok(())).0, Verdict::Passed);
    }

    #[test]
    fn the_guide_tells_every_difference_of_the_workers_host() {
        let guide = include_str!("../../host-worker/README.md");
        let known: toml::Table = include_str!("../known_differences.toml").parse().unwrap();
        for entry in known["difference"].as_array().unwrap() {
            let (case, host) = (entry["case"].as_str().unwrap(), entry["host"].as_str().unwrap());
            let link = format!("(../tests/cases/{case}.toml)");
            assert!(
                host != "workers" || guide.contains(&link),
                "host-worker/README.md lacks {case}"
            );
        }
        // And it speaks of no case that is gone.
        let cases = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
        for link in guide.split("(../tests/cases/").skip(1) {
            let file = link.split(')').next().unwrap();
            assert!(cases.join(file).is_file(), "there is no case {file}");
        }
    }

    #[test]
    fn stale_entry_fails() {
        assert_eq!(parse(ENTRY).unwrap().judge("http/a", "native", Ok(())).0, Verdict::Failed);
    }

    #[test]
    fn entry_that_names_nothing_is_refused() {
        assert!(parse(&ENTRY.replace("http/a", "http/b")).is_err());
        assert!(parse(&ENTRY.replace("native", "nativ")).is_err());
        assert!(parse(&ENTRY.replace("it cannot be done", "")).is_err());
        assert!(parse(&format!("{ENTRY}{ENTRY}")).is_err());
    }
}

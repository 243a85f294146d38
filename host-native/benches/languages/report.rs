//! The results: what they have to keep, tables for people, and a list for programs.

use super::bound::{Bound, listed};
use super::services::{ALL, Host, Service};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// Something that was measured of a service.
pub(crate) struct Figure {
    /// Of which.
    pub(crate) service: &'static Service,
    /// Where.
    pub(crate) host: Host,
    /// What.
    pub(crate) name: &'static str,
    /// How much.
    pub(crate) value: f64,
    /// Of what.
    pub(crate) unit: &'static str,
}

/// The beginning of a project.
pub(crate) struct Beginning {
    /// In which language, as `selvedge new` is told it.
    pub(crate) language: &'static str,
    /// What the command took.
    pub(crate) new_seconds: f64,
    /// From its start to the first answer.
    pub(crate) first_seconds: f64,
}

/// The languages of new projects, as `selvedge new` is told them.
pub(crate) const BEGINNINGS: [&str; 6] = ["rust", "c", "go", "python", "ts", "js"];

/// Everything that was measured.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) figures: Vec<Figure>,
    pub(crate) beginnings: Vec<Beginning>,
}

/// Most seconds from a changed line to an answer that shows it, on the native host.
const REBUILDS_MAX: [(&str, f64); 4] = [("rust", 3.0), ("go", 5.0), ("quickjs", 3.0), ("c", 1.0)];
/// Least of the Rust service's requests a second, on the native host.
const RATIOS_MIN: [(&str, f64); 4] = [("c", 0.8), ("go", 0.4), ("quickjs", 0.15), ("python", 0.15)];
/// Most seconds of `selvedge new`.
const NEW_SECONDS_MAX: f64 = 0.2;
/// Most seconds from nothing to the first answer of a project in Rust.
const FIRST_SECONDS_MAX: f64 = 20.0;

/// The columns of a host's table: a figure, its title, and digits behind the point.
pub(crate) const COLUMNS: [(&str, &str, usize); 11] = [
    ("component", "component KiB", 0),
    ("bundle-gzip", "bundle KiB gzip", 0),
    ("build", "build s", 1),
    ("rebuild", "rebuild s", 2),
    ("start", "start ms", 0),
    ("memory-idle", "memory MiB", 0),
    ("memory-loaded", "after load MiB", 0),
    ("requests", "requests/s", 0),
    ("requests-over-rust", "× Rust", 2),
    ("p50", "p50 ms", 1),
    ("p99", "p99 ms", 1),
];

impl Extend<Figure> for Results {
    fn extend<T: IntoIterator<Item = Figure>>(&mut self, figures: T) {
        self.figures.extend(figures);
    }
}

impl Extend<Beginning> for Results {
    fn extend<T: IntoIterator<Item = Beginning>>(&mut self, beginnings: T) {
        self.beginnings.extend(beginnings);
    }
}

impl Figure {
    fn bound(&self) -> Option<Bound> {
        let of = |list: &[(&str, f64)]| {
            list.iter().find(|(name, _)| *name == self.service.name).map(|(_, bound)| *bound)
        };
        match (self.host, self.name) {
            (Host::Native, "rebuild") => {
                Some(Bound::at_most(self.value, of(&REBUILDS_MAX)?, " s to rebuild"))
            }
            (Host::Native, "requests-over-rust") => {
                Some(Bound::at_least(self.value, of(&RATIOS_MIN)?, " × Rust"))
            }
            _ => None,
        }
    }
}

impl Beginning {
    fn bounds(&self) -> Vec<Bound> {
        let new = Bound::at_most(self.new_seconds, NEW_SECONDS_MAX, " s for `selvedge new`");
        let first = (self.language == "rust").then(|| {
            Bound::at_most(self.first_seconds, FIRST_SECONDS_MAX, " s to the first answer")
        });
        [new].into_iter().chain(first).collect()
    }
}

impl Results {
    /// A figure of a service, where it was measured.
    pub(crate) fn of(&self, service: &Service, host: Host, name: &str) -> Option<&Figure> {
        let is_it = |figure: &&Figure| {
            figure.service.name == service.name && figure.host == host && figure.name == name
        };
        self.figures.iter().find(is_it)
    }

    /// How many bounds are not kept.
    pub(crate) fn missed(&self) -> usize {
        let figures = self.figures.iter().filter_map(Figure::bound);
        let beginnings = self.beginnings.iter().flat_map(Beginning::bounds);
        figures.chain(beginnings).filter(|bound| !bound.is_kept()).count()
    }

    /// The results in Markdown, which people read as well as it stands, with the bounds.
    pub(crate) fn tables(&self) -> String {
        let mut text = String::new();
        for host in Host::ALL {
            let _ = writeln!(text, "\n{}", host.name());
            text.push_str(&self.table(host, true));
        }
        text.push('\n');
        text.push_str(&self.table_of_beginnings(true));
        text
    }

    /// What was measured on a host, a line a service.
    pub(crate) fn table(&self, host: Host, with_bounds: bool) -> String {
        let services = ALL.iter().filter(|it| self.of(it, host, "build").is_some());
        let is_there = |name: &str| ALL.iter().any(|it| self.of(it, host, name).is_some());
        let columns: Vec<_> = COLUMNS.iter().filter(|(name, ..)| is_there(name)).collect();
        let mut text = "| |".to_owned();
        columns.iter().for_each(|(_, title, _)| text.push_str(&format!(" {title} |")));
        text.push_str(if with_bounds { " bounds |\n|---|" } else { "\n|---|" });
        text.push_str(&"---:|".repeat(columns.len()));
        text.push_str(if with_bounds { "---|\n" } else { "\n" });
        for service in services {
            let _ = write!(text, "| {} |", service.label);
            for (name, _, digits) in &columns {
                let figure = self.of(service, host, name);
                let value = figure.map_or_else(String::new, |it| format!("{:.digits$}", it.value));
                let _ = write!(text, " {value} |");
            }
            if with_bounds {
                let names = columns.iter().map(|(name, ..)| name);
                let figures = names.filter_map(|name| self.of(service, host, name));
                let bounds: Vec<Bound> = figures.filter_map(Figure::bound).collect();
                let _ = write!(text, " {} |", listed(&bounds));
            }
            text.push('\n');
        }
        text
    }

    /// What new projects took, a line a language.
    pub(crate) fn table_of_beginnings(&self, with_bounds: bool) -> String {
        let mut text = "| | `selvedge new` ms | to the first 200, s |".to_owned();
        text.push_str(if with_bounds {
            " bounds |\n|---|---:|---:|---|\n"
        } else {
            "\n|---|---:|---:|\n"
        });
        for beginning in &self.beginnings {
            let Beginning { language, new_seconds, first_seconds } = beginning;
            let new = new_seconds * 1e3;
            let _ = write!(text, "| `--lang {language}` | {new:.0} | {first_seconds:.1} |");
            if with_bounds {
                let _ = write!(text, " {} |", listed(&beginning.bounds()));
            }
            text.push('\n');
        }
        text
    }

    /// Writes the results for programs.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(crate) fn write_summary(&self, path: &Path) -> anyhow::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, serde_json::to_string_pretty(&self.summary())? + "\n")?;
        Ok(())
    }

    fn summary(&self) -> Vec<Value> {
        let figures = self.figures.iter().map(|figure| {
            json!({
                "language": figure.service.name, "host": figure.host.name(), "name": figure.name,
                "value": figure.value, "unit": figure.unit,
            })
        });
        let beginnings = self.beginnings.iter().flat_map(|beginning| {
            let Beginning { language, new_seconds, first_seconds } = beginning;
            [("new", new_seconds), ("new-to-first-answer", first_seconds)].map(|(name, value)| {
                json!({ "language": language, "host": "native", "name": name, "value": value, "unit": "s" })
            })
        });
        figures.chain(beginnings).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{BEGINNINGS, Beginning, COLUMNS, Figure, Results};
    use crate::services::{ALL, Host};

    /// Every figure of every service is this.
    pub(crate) fn all_of(value: f64) -> Results {
        let figures = Host::ALL.into_iter().flat_map(|host| {
            let of = move |service| {
                COLUMNS.iter().map(move |(name, ..)| Figure {
                    service,
                    host,
                    name,
                    value,
                    unit: "",
                })
            };
            ALL.iter().flat_map(of)
        });
        let beginning = |language| Beginning { language, new_seconds: value, first_seconds: value };
        Results {
            figures: figures.collect(),
            beginnings: BEGINNINGS.map(beginning).into_iter().collect(),
        }
    }

    #[test]
    fn every_line_of_a_table_is_as_wide() {
        for (table, columns) in [
            (all_of(1.0).table(Host::Native, true), 14),
            (all_of(1.0).table(Host::Workerd, false), 13),
            (all_of(1.0).table_of_beginnings(true), 5),
            (all_of(1.0).table_of_beginnings(false), 4),
        ] {
            for line in table.lines() {
                assert_eq!(line.matches('|').count(), columns, "{line}");
            }
        }
    }

    #[test]
    fn bounds_hold_on_the_native_host() {
        // Four rebuilds are too slow, six commands and one project.
        assert_eq!(all_of(100.0).missed(), 4 + 6 + 1);
        // Four services answer too little.
        assert_eq!(all_of(0.1).missed(), 4);
    }

    #[test]
    fn the_summary_is_one_list() {
        let list = all_of(1.0).summary();
        assert_eq!(list.len(), ALL.len() * Host::ALL.len() * COLUMNS.len() + 2 * BEGINNINGS.len());
        for entry in &list {
            for member in ["language", "host", "name", "value", "unit"] {
                assert!(entry.get(member).is_some(), "{entry}");
            }
        }
    }
}

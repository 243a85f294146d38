//! The page that shows users what holds on which host: `MATRIX.md`.
//!
//! It is made from the cases and the known differences alone. That they are true is what a run
//! shows: it fails where a case does otherwise than this page says.

use crate::case::Case;
use crate::differences::{Difference, Differences, HOSTS};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const HEAD: &str = "\
# What holds on which host

Made by `just conformance --write-matrix` from the cases and `known_differences.toml`; a test says so
when it is out of date. Every line is a [case](README.md) that both hosts are asked. `just test` fails
where one of them does otherwise than it says here.

The Workers host is judged in a workerd on the machine that runs the suite; what only the deployed
platform can show (its network, its limits on processor time and memory) is not judged.

";

/// The page.
pub fn page(cases: &[Case], differences: &Differences) -> String {
    let mut areas: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in cases {
        areas.entry(&case.area).or_default().push(case);
    }
    let mut text = HEAD.to_owned();
    counts(&mut text, &areas, differences);
    reasons(&mut text, cases, differences);
    for (area, cases) in areas {
        let _ = write!(text, "\n## {area}\n\n| case |");
        for host in HOSTS {
            let _ = write!(text, " {host} |");
        }
        text.push_str(" what it says |\n|---|---|---|---|\n");
        for case in cases {
            let (_, fact) = case.name.split_once('/').unwrap_or(("", &case.name));
            let _ = write!(text, "| [`{fact}`](cases/{}) |", case.file);
            for host in HOSTS {
                let holds = differences.of(&case.name, host).is_none();
                let _ = write!(text, " {} |", if holds { "✓" } else { "–" });
            }
            let _ = writeln!(text, " {} |", cell(&case.says));
        }
    }
    text
}

fn counts(text: &mut String, areas: &BTreeMap<&str, Vec<&Case>>, differences: &Differences) {
    text.push_str("| area | cases | native | workers |\n|---|---:|---:|---:|\n");
    let mut totals = [0; HOSTS.len()];
    let mut total = 0;
    for (area, cases) in areas {
        let _ = write!(text, "| [{area}](#{area}) | {} |", cases.len());
        total += cases.len();
        for (host, sum) in HOSTS.iter().zip(&mut totals) {
            let holds = |case: &&&Case| differences.of(&case.name, host).is_none();
            let count = cases.iter().filter(holds).count();
            *sum += count;
            let _ = write!(text, " {count} |");
        }
        text.push('\n');
    }
    let _ = write!(text, "| all | {total} |");
    for sum in totals {
        let _ = write!(text, " {sum} |");
    }
    text.push('\n');
}

/// Each reason once, with the cases that it explains.
fn reasons(text: &mut String, all: &[Case], differences: &Differences) {
    text.push_str("\n## What differs, and why\n\n");
    if differences.all().is_empty() {
        text.push_str("Nothing.\n");
        return;
    }
    let mut reasons: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for Difference { case, host, reason } in differences.all() {
        match reasons.iter_mut().find(|(on, why, _)| on == host && why == reason) {
            Some((_, _, cases)) => cases.push(case),
            None => reasons.push((host, reason, vec![case])),
        }
    }
    text.push_str("| host | why | cases |\n|---|---|---|\n");
    for (host, reason, cases) in reasons {
        let file = |name: &str| all.iter().find(|case| case.name == name).map(|case| &case.file);
        let link = |name: &&str| match file(name) {
            Some(file) => format!("[`{name}`](cases/{file})"),
            None => format!("`{name}`"),
        };
        let links: Vec<String> = cases.iter().map(link).collect();
        let _ = writeln!(text, "| {host} | {} | {} |", cell(reason), links.join(", "));
    }
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::page;
    use crate::case;
    use crate::differences::Differences;
    use std::path::Path;

    #[test]
    fn matrix_is_up_to_date() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let named = case::all(&folder.join("cases")).unwrap();
        let names = named.iter().map(|(name, _)| name.clone()).collect();
        let file = folder.join("known_differences.toml");
        let differences = Differences::open(&file, &names).unwrap();
        let cases: Vec<_> = named.into_iter().map(|(_, case)| case.unwrap()).collect();
        let written = std::fs::read_to_string(folder.join("MATRIX.md")).unwrap_or_default();
        let is_up_to_date = written == page(&cases, &differences);
        assert!(is_up_to_date, "MATRIX.md is old; run `just conformance --write-matrix`");
    }
}

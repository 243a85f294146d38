//! The table of routes answers as a naive reading of the rules does, on many small random apps.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it says"
)]

use std::collections::HashSet;

use selvedge_contract::route::{Pattern, Table};

/// Few words, so that patterns overlap.
const SEGMENTS: [&str; 7] = ["a", "b", "c", "", "{x}", "{y}", "*"];
const HOSTS: [&str; 7] = ["", "", "", "a.test", "*.test", "*.a.test", "b.a.test"];
const ASKED_SEGMENTS: [&str; 6] = ["a", "b", "c", "", "d", "{x}"];
const ASKED_HOSTS: [&str; 10] = [
    "a.test",
    "b.a.test",
    "c.a.test",
    "d.c.a.test",
    "test",
    "c.test",
    "xtest",
    "other",
    "B.A.Test:80",
    "c.a.test.",
];

/// A xorshift generator: the same apps in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn pick<'c>(&mut self, choices: &[&'c str]) -> &'c str {
        choices[self.roll(choices.len())]
    }
}

fn pattern(dice: &mut Dice) -> String {
    let mut text = dice.pick(&HOSTS).to_owned();
    let count = dice.roll(4) + 1;
    for index in 0..count {
        let last = index + 1 == count;
        let mut segment = dice.pick(&SEGMENTS);
        if segment == "*" && !last {
            segment = "{z}";
        }
        if segment.starts_with('{') && text.contains(segment) {
            segment = "a";
        }
        text.push('/');
        text.push_str(segment);
    }
    text
}

fn path(dice: &mut Dice) -> String {
    (0..=dice.roll(4)).map(|_| format!("/{}", dice.pick(&ASKED_SEGMENTS))).collect()
}

/// How closely a pattern's text fits a request, if it does: greater is more specific. First the
/// host (none, then a wildcard by its length, then the host itself), then segment by segment.
fn fit(pattern: &str, host: Option<&str>, path: &str) -> Option<(usize, Vec<u8>)> {
    let (pattern_host, pattern_path) = pattern.split_once('/').unwrap();
    let host = host.map(str::to_lowercase).unwrap_or_default();
    let host = host.split(':').next().unwrap().trim_end_matches('.');
    let host_fit = match pattern_host.strip_prefix('*') {
        _ if pattern_host.is_empty() => 0,
        Some(end) if host.ends_with(end) && host.len() > end.len() => end.len(),
        None if pattern_host == host => usize::MAX,
        _ => return None,
    };
    let asked: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    let wanted: Vec<&str> = pattern_path.split('/').collect();
    let mut segments = Vec::new();
    for (index, wanted) in wanted.iter().enumerate() {
        let asked = asked.get(index)?;
        if *wanted == "*" {
            segments.push(0);
            return Some((host_fit, segments));
        }
        if wanted.starts_with('{') {
            if asked.is_empty() {
                return None;
            }
            segments.push(1);
        } else if wanted == asked {
            segments.push(2);
        } else {
            return None;
        }
    }
    (asked.len() == wanted.len()).then_some((host_fit, segments))
}

#[test]
fn the_table_finds_what_a_naive_reading_of_the_rules_finds() {
    let mut dice = Dice(0x5e17_ed6e);
    let (mut contested, mut missed, mut refused) = (0, 0, 0);
    for _ in 0..2_000 {
        let mut table = Table::new();
        let mut patterns: Vec<String> = Vec::new();
        let mut shapes = HashSet::new();
        for _ in 0..=dice.roll(12) {
            let text = pattern(&mut dice);
            let route = Pattern::parse(&text).unwrap();
            let shape: Vec<String> = text
                .split('/')
                .map(|part| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() })
                .collect();
            let inserted = table.insert(route, text.clone()).is_ok();
            assert_eq!(inserted, shapes.insert(shape), "{text} into {patterns:?}");
            if inserted {
                patterns.push(text);
            } else {
                refused += 1;
            }
        }
        for _ in 0..30 {
            let path = path(&mut dice);
            let host = (dice.roll(4) > 0).then(|| dice.pick(&ASKED_HOSTS));
            let mut fitting: Vec<_> = patterns
                .iter()
                .filter_map(|pattern| Some((fit(pattern, host, &path)?, pattern)))
                .collect();
            fitting.sort();
            let expected = fitting.last().map(|(_, pattern)| *pattern);
            assert_eq!(table.find(host, &path), expected, "{host:?} {path} in {patterns:#?}");
            contested += usize::from(fitting.len() > 1);
            missed += usize::from(fitting.is_empty());
        }
    }
    // The dice must not have made it easy.
    assert!(contested > 2_000 && missed > 2_000 && refused > 100, "{contested} {missed} {refused}");
}

#[test]
fn a_path_made_to_lead_astray_costs_no_more_than_the_table() {
    // Every branch fits up to its last segment, at every depth: 2^12 of them.
    let mut table = Table::new();
    for bits in 0..4096_u32 {
        let segments: String = (0..12)
            .map(|bit| if bits >> bit & 1 == 1 { format!("/{{p{bit}}}") } else { "/a".to_owned() })
            .collect();
        table.insert(Pattern::parse(&format!("{segments}/end")).unwrap(), bits).unwrap();
    }
    assert_eq!(table.find(None, &format!("{}/end", "/a".repeat(12))), Some(&0));
    assert_eq!(table.find(None, &format!("{}/end", "/b".repeat(12))), Some(&4095));
    // Longer than any pattern, and close to all: each node is visited once, not each way again.
    let astray = "/a".repeat(100_000);
    for _ in 0..100 {
        assert_eq!(table.find(None, &astray), None);
    }
}

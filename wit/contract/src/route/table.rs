//! The routes of an app, made for finding: one lookup a request, without allocation.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;

use super::{Pattern, Segment};
use crate::host::{HOST_BYTES_MAX, Hosts, ipv6, split_port};

/// A value for each pattern, found by host and path; the most specific pattern wins.
///
/// An exact host wins over a wildcard, a longer wildcard over a shorter one, and any over no host.
/// Within one of them segments are compared from the left: a literal wins over `{name}`, and that
/// over `*`. Where the more specific host has no pattern for the path, the next one is asked.
#[derive(Debug, Clone)]
pub struct Table<T> {
    any: Paths<T>,
    one: HashMap<Box<str>, Paths<T>>,
    under: HashMap<Box<str>, Paths<T>>,
}

/// Two patterns that match the same requests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the route {refused} matches the same requests as {kept}")]
pub struct Conflict {
    /// The pattern that was in the table before, and still is.
    pub kept: Pattern,
    /// The pattern that was not inserted.
    pub refused: Pattern,
}

/// The paths of one host.
#[derive(Debug, Clone)]
struct Paths<T> {
    /// Patterns of literals only, by their whole path. Where one is equal to a request's path, it
    /// is the most specific, and most routes are like that: one lookup, no walk.
    exact: HashMap<Box<str>, Slot<T>>,
    /// The other patterns. Each node is reached on one way only, so that a search visits at most as
    /// many nodes as there are, whatever the client sends.
    root: Node<T>,
}

#[derive(Debug, Clone)]
struct Node<T> {
    literals: BTreeMap<Box<str>, Node<T>>,
    parameter: Option<Box<Node<T>>>,
    rest: Option<Slot<T>>,
    end: Option<Slot<T>>,
}

#[derive(Debug, Clone)]
struct Slot<T> {
    pattern: Pattern,
    value: T,
}

impl<T> Table<T> {
    /// A table without patterns.
    pub fn new() -> Self {
        Self { any: Paths::default(), one: HashMap::new(), under: HashMap::new() }
    }

    /// Adds a pattern and its value.
    ///
    /// # Errors
    /// [`Conflict`] where a pattern of the same shape is there already; the table is unchanged.
    pub fn insert(&mut self, pattern: Pattern, value: T) -> Result<(), Conflict> {
        let paths = match &pattern.hosts {
            None => &mut self.any,
            Some(Hosts::One(host)) => self.one.entry(host.clone()).or_default(),
            Some(Hosts::Under(domain)) => self.under.entry(domain.clone()).or_default(),
        };
        paths.insert(Slot { pattern, value })
    }

    /// The value of the most specific pattern that matches, if any does.
    ///
    /// `host` is what the client asked for, in any case, with or without a port; `path` is the path
    /// as it was sent, without the query. Allocates nothing.
    pub fn find(&self, host: Option<&str>, path: &str) -> Option<&T> {
        let path = path.strip_prefix('/')?;
        if let Some(host) = host
            && !(self.one.is_empty() && self.under.is_empty())
            && let Some(found) = self.find_by_host(host, path)
        {
            return Some(found);
        }
        self.any.find(path)
    }

    fn find_by_host(&self, host: &str, path: &str) -> Option<&T> {
        let mut buffer = [0; HOST_BYTES_MAX];
        let host = canonical(split_port(host).0, &mut buffer)?;
        if let Some(found) = self.one.get(host).and_then(|paths| paths.find(path)) {
            return Some(found);
        }
        if self.under.is_empty() || host.starts_with('[') {
            return None;
        }
        let mut name = host;
        while let Some((label, domain)) = name.split_once('.') {
            let paths = self.under.get(domain).filter(|_| !label.is_empty());
            if let Some(found) = paths.and_then(|paths| paths.find(path)) {
                return Some(found);
            }
            name = domain;
        }
        None
    }
}

impl<T> Paths<T> {
    fn insert(&mut self, slot: Slot<T>) -> Result<(), Conflict> {
        let literal = |segment: &Segment| matches!(segment, Segment::Literal(_));
        if slot.pattern.segments.iter().all(literal) {
            let path = slot.pattern.path();
            return match self.exact.get(path.as_str()) {
                Some(kept) => Err(slot.conflict(kept)),
                None => {
                    self.exact.insert(path.into(), slot);
                    Ok(())
                }
            };
        }
        let mut node = &mut self.root;
        let mut rest = false;
        for segment in &slot.pattern.segments {
            match segment {
                Segment::Literal(text) => {
                    node = node.literals.entry(text.clone()).or_default();
                }
                Segment::Parameter(_) => node = node.parameter.get_or_insert_default(),
                Segment::Rest => rest = true,
            }
        }
        let place = if rest { &mut node.rest } else { &mut node.end };
        match place {
            Some(kept) => Err(slot.conflict(kept)),
            None => {
                *place = Some(slot);
                Ok(())
            }
        }
    }

    /// `path` begins after its first slash.
    fn find(&self, path: &str) -> Option<&T> {
        self.exact.get(path).or_else(|| self.root.find(Some(path))).map(|slot| &slot.value)
    }
}

impl<T> Node<T> {
    /// `path` is what the nodes above left over: `None` once the last segment is taken.
    fn find(&self, path: Option<&str>) -> Option<&Slot<T>> {
        let Some(path) = path else { return self.end.as_ref() };
        let (segment, left) = match path.split_once('/') {
            Some((segment, left)) => (segment, Some(left)),
            None => (path, None),
        };
        self.literals
            .get(segment)
            .and_then(|node| node.find(left))
            .or_else(|| {
                let node = self.parameter.as_ref().filter(|_| !segment.is_empty())?;
                node.find(left)
            })
            .or(self.rest.as_ref())
    }
}

impl<T> Slot<T> {
    fn conflict(self, kept: &Self) -> Conflict {
        Conflict { kept: kept.pattern.clone(), refused: self.pattern }
    }
}

/// The host in the spelling of the table's keys, or `None` where it is longer than any of them.
fn canonical<'b>(host: &str, buffer: &'b mut [u8; HOST_BYTES_MAX]) -> Option<&'b str> {
    let length = if let Some(address) = ipv6(host) {
        let mut left = buffer.as_mut_slice();
        write!(left, "[{address}]").ok()?;
        HOST_BYTES_MAX - left.len()
    } else {
        let host = host.strip_suffix('.').unwrap_or(host);
        let place = buffer.get_mut(..host.len())?;
        place.copy_from_slice(host.as_bytes());
        place.make_ascii_lowercase();
        host.len()
    };
    std::str::from_utf8(buffer.get(..length)?).ok()
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Default for Paths<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), root: Node::default() }
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { literals: BTreeMap::new(), parameter: None, rest: None, end: None }
    }
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Table};

    fn table(patterns: &[&'static str]) -> Table<&'static str> {
        let mut table = Table::new();
        for text in patterns {
            table.insert(Pattern::parse(text).unwrap(), *text).unwrap();
        }
        table
    }

    fn shows(patterns: &[&'static str], cases: &[(Option<&str>, &str, Option<&str>)]) {
        let table = table(patterns);
        for (host, path, expected) in cases {
            assert_eq!(table.find(*host, path).copied(), *expected, "{host:?} {path:?}");
        }
    }

    #[test]
    fn the_most_specific_path_wins_from_the_left() {
        shows(
            &["/*", "/a/*", "/a/{x}", "/a/b", "/{y}/b", "/a/{x}/c", "/a/b/*"],
            &[
                (None, "/", Some("/*")),
                (None, "/a", Some("/*")),
                (None, "/a/", Some("/a/*")),
                (None, "/a/z", Some("/a/{x}")),
                (None, "/a/b", Some("/a/b")),
                (None, "/z/b", Some("/{y}/b")),
                (None, "/a/b/c", Some("/a/b/*")),
                (None, "/a/z/c", Some("/a/{x}/c")),
                (None, "/a/z/d", Some("/a/*")),
                (None, "/z/z", Some("/*")),
            ],
        );
    }

    #[test]
    fn a_branch_that_does_not_end_well_is_left_again() {
        shows(
            &["/a/b/c", "/a/{x}/d", "/{y}/b/e", "/*"],
            &[
                (None, "/a/b/c", Some("/a/b/c")),
                (None, "/a/b/d", Some("/a/{x}/d")),
                (None, "/a/b/e", Some("/{y}/b/e")),
                (None, "/a/b/f", Some("/*")),
            ],
        );
        shows(
            &["/a/{x}/c/{z}", "/a/b/{w}"],
            &[
                (None, "/a/b/c", Some("/a/b/{w}")),
                (None, "/a/b/c/d", Some("/a/{x}/c/{z}")),
                (None, "/a/b/d/d", None),
            ],
        );
    }

    #[test]
    fn a_slash_at_the_end_makes_another_path() {
        shows(
            &["/a", "/b/", "/c/{x}", "/d/*"],
            &[
                (None, "/a", Some("/a")),
                (None, "/a/", None),
                (None, "/b", None),
                (None, "/b/", Some("/b/")),
                (None, "/c", None),
                (None, "/c/", None),
                (None, "/c/1", Some("/c/{x}")),
                (None, "/c/1/", None),
                (None, "/d", None),
                (None, "/d/", Some("/d/*")),
                (None, "/d//", Some("/d/*")),
            ],
        );
    }

    #[test]
    fn paths_are_taken_as_they_were_sent() {
        shows(
            &["/a", "/a%62", "/x/*"],
            &[
                (None, "/%61", None),
                (None, "/A", None),
                (None, "//a", None),
                (None, "/a%62", Some("/a%62")),
                (None, "/x/../a", Some("/x/*")),
                (None, "/./a", None),
            ],
        );
    }

    #[test]
    fn what_is_not_a_path_finds_nothing() {
        shows(&["/*"], &[(None, "", None), (None, "*", None), (None, "a.com:443", None)]);
    }

    #[test]
    fn a_closer_host_wins_and_falls_back_where_it_has_no_path() {
        shows(
            &["/x", "*.example.com/*", "*.a.example.com/x", "b.a.example.com/{y}", "/only"],
            &[
                (Some("b.a.example.com"), "/x", Some("b.a.example.com/{y}")),
                (Some("c.a.example.com"), "/x", Some("*.a.example.com/x")),
                (Some("c.a.example.com"), "/y", Some("*.example.com/*")),
                (Some("d.c.a.example.com"), "/x", Some("*.a.example.com/x")),
                (Some("b.a.example.com"), "/y/z", Some("*.example.com/*")),
                (Some("a.example.com"), "/x", Some("*.example.com/*")),
                (Some("example.com"), "/x", Some("/x")),
                (Some(".example.com"), "/x", Some("/x")),
                (Some("badexample.com"), "/x", Some("/x")),
                (Some("example.org"), "/only", Some("/only")),
                (Some("b.a.example.com"), "/only", Some("b.a.example.com/{y}")),
                (None, "/x", Some("/x")),
                (None, "/y", None),
            ],
        );
    }

    #[test]
    fn a_host_is_the_same_in_any_case_with_any_port() {
        shows(
            &["example.com/", "*.example.com/", "[::1]/", "127.0.0.1/"],
            &[
                (Some("Example.COM"), "/", Some("example.com/")),
                (Some("example.com:8080"), "/", Some("example.com/")),
                (Some("example.com."), "/", Some("example.com/")),
                (Some("EXAMPLE.com.:80"), "/", Some("example.com/")),
                (Some("A.example.com:80"), "/", Some("*.example.com/")),
                (Some("[::1]:80"), "/", Some("[::1]/")),
                (Some("[0:0:0:0:0:0:0:1]"), "/", Some("[::1]/")),
                (Some("127.0.0.1:80"), "/", Some("127.0.0.1/")),
                (Some(""), "/", None),
                (Some(":80"), "/", None),
                (Some(&"a".repeat(254)), "/", None),
                (Some(&format!("{}example.com", "a.".repeat(120))), "/", Some("*.example.com/")),
            ],
        );
    }

    #[test]
    fn a_pattern_of_the_same_shape_is_refused_and_changes_nothing() {
        for (kept, refused) in
            [("/a", "/a"), ("/a/{x}", "/a/{y}"), ("/*", "/*"), ("*.a.com/*", "*.A.com/*")]
        {
            let mut table = table(&[kept]);
            let conflict = table.insert(Pattern::parse(refused).unwrap(), "other").unwrap_err();
            assert_eq!(conflict.kept, Pattern::parse(kept).unwrap());
            assert_eq!(conflict.refused, Pattern::parse(refused).unwrap());
            let path = if kept == "/a" { "/a" } else { "/a/b" };
            assert_eq!(table.find(Some("b.a.com"), path), Some(&kept));
        }
    }
}

//! Which service answers a request: patterns over host and path, and the table that finds the most
//! specific one.
//!
//! Dispatch asks the [`Table`] once a request. A path is matched as the client sent it: nothing is
//! percent-decoded, `.` and `..` are not resolved, `/a` and `/a/` differ. So the path that chose a
//! service (and the middleware before it) is the very path that the guest sees.

use std::collections::BTreeSet;
use std::fmt;

pub use self::table::{Conflict, Table};
use crate::host::{HostError, Hosts};
use crate::limits::ROUTE_BYTES_MAX;

mod table;

/// A route as a manifest writes it: `[host]/path`.
///
/// The host may be left out or be `*.example.com`. In the path `{name}` is one segment that is not
/// empty, and `*`, only at the end, is the rest, be it empty: `/a/*` covers `/a/` and `/a/b/c`, but
/// not `/a`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    hosts: Option<Hosts>,
    segments: Vec<Segment>,
}

/// A piece of a pattern's path, between two slashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Segment {
    Literal(Box<str>),
    Parameter(Box<str>),
    Rest,
}

/// Why a text is not a route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It has no slash, and so no path.
    #[error("it has no path; begin the path with \"/\"")]
    NoPath,
    /// It is longer than [`ROUTE_BYTES_MAX`].
    #[error("it has {bytes} bytes, and at most {ROUTE_BYTES_MAX} are allowed")]
    TooLong {
        /// The length found.
        bytes: usize,
    },
    /// It begins like a URL.
    #[error("it has a scheme; leave out everything up to \"://\"")]
    Scheme,
    /// The host names a port.
    #[error("it names a port; a route is the same at every port, leave it out")]
    Port,
    /// The host is a star alone.
    #[error("its host is \"*\"; leave the host out to mean every host")]
    AnyHost,
    /// The host is none.
    #[error("its host is wrong: {0}")]
    Host(#[from] HostError),
    /// A star is not the last segment.
    #[error("a \"*\" must be all of the last segment, as in \"/a/*\"")]
    Star,
    /// A segment has a brace but is not `{name}`.
    #[error("{segment:?} is no parameter; write one as all of a segment, as in \"/{{name}}/\"")]
    Parameter {
        /// The segment.
        segment: String,
    },
    /// Two parameters have one name.
    #[error("the parameter {name:?} is there twice")]
    RepeatedParameter {
        /// The name.
        name: String,
    },
    /// A segment is `.` or `..`.
    #[error("{segment:?} is a segment that clients resolve before they ask")]
    Dots {
        /// The segment.
        segment: String,
    },
    /// A character that no path has as it is.
    #[error("{found:?} is in no path; percent-encode it")]
    Character {
        /// The first such character.
        found: char,
    },
}

impl Pattern {
    /// Takes `[host]/path`.
    ///
    /// # Errors
    /// [`PatternError`] says what is wrong and how to write it.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > ROUTE_BYTES_MAX {
            return Err(PatternError::TooLong { bytes: text.len() });
        }
        if text.contains("://") {
            return Err(PatternError::Scheme);
        }
        let (host, path) = text.split_once('/').ok_or(PatternError::NoPath)?;
        let hosts = match host {
            "" => None,
            "*" => return Err(PatternError::AnyHost),
            _ if crate::host::split_port(host).1.is_some() => return Err(PatternError::Port),
            _ => Some(Hosts::parse(host)?),
        };
        let last = path.matches('/').count();
        let segments: Vec<Segment> = path
            .split('/')
            .enumerate()
            .map(|(index, text)| Segment::parse(text, index == last))
            .collect::<Result<_, _>>()?;
        let mut names = BTreeSet::new();
        for segment in &segments {
            if let Segment::Parameter(name) = segment
                && !names.insert(name)
            {
                return Err(PatternError::RepeatedParameter { name: name.to_string() });
            }
        }
        Ok(Self { hosts, segments })
    }

    /// The path as it is written, without its first slash.
    fn path(&self) -> String {
        let texts: Vec<String> = self.segments.iter().map(Segment::to_string).collect();
        texts.join("/")
    }

    /// The pattern without the names of its parameters: two patterns of one shape match the same
    /// requests, and an app may have only one of them.
    pub fn shape(&self) -> String {
        let mut shape = self.hosts.as_ref().map(Hosts::to_string).unwrap_or_default();
        for segment in &self.segments {
            shape.push('/');
            match segment {
                Segment::Literal(text) => shape.push_str(text),
                Segment::Parameter(_) => shape.push_str("{}"),
                Segment::Rest => shape.push('*'),
            }
        }
        shape
    }
}

impl Segment {
    fn parse(text: &str, last: bool) -> Result<Self, PatternError> {
        if text == "*" && last {
            return Ok(Self::Rest);
        }
        if text.contains('*') {
            return Err(PatternError::Star);
        }
        if text.contains(['{', '}']) {
            return match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) if is_parameter_name(name) => Ok(Self::Parameter(name.into())),
                _ => Err(PatternError::Parameter { segment: text.to_owned() }),
            };
        }
        if matches!(text, "." | "..") {
            return Err(PatternError::Dots { segment: text.to_owned() });
        }
        // RFC 3986 section 3.3: `pchar`, with the percent of an escape.
        let allowed =
            |found: char| found.is_ascii_alphanumeric() || "-._~%!$&'()+,;=:@".contains(found);
        match text.chars().find(|found| !allowed(*found)) {
            Some(found) => Err(PatternError::Character { found }),
            None => Ok(Self::Literal(text.into())),
        }
    }
}

fn is_parameter_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|found| found.is_ascii_alphanumeric() || matches!(found, '-' | '_'))
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(hosts) = &self.hosts {
            hosts.fmt(formatter)?;
        }
        write!(formatter, "/{}", self.path())
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => formatter.write_str(text),
            Self::Parameter(name) => write!(formatter, "{{{name}}}"),
            Self::Rest => formatter.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Pattern, PatternError};
    use crate::host::HostError;

    #[test]
    fn a_pattern_is_shown_as_it_is_written() {
        for text in [
            "/",
            "/*",
            "/a",
            "/a/",
            "/a//b",
            "/a/{id}/b/*",
            "example.com/",
            "*.example.com/v1/{name}",
            "127.0.0.1/x",
            "[::1]/x",
            "/%41/caf%C3%A9",
        ] {
            assert_eq!(Pattern::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Pattern::parse("API.Example.com/A").unwrap().to_string(), "api.example.com/A");
    }

    #[test]
    fn what_is_no_route_is_refused() {
        let parameter = |segment: &str| PatternError::Parameter { segment: segment.to_owned() };
        let dots = |segment: &str| PatternError::Dots { segment: segment.to_owned() };
        for (text, error) in [
            ("", PatternError::NoPath),
            ("hello", PatternError::NoPath),
            ("http://example.com/a", PatternError::Scheme),
            ("example.com:80/a", PatternError::Port),
            ("[::1]:80/a", PatternError::Port),
            ("*/a", PatternError::AnyHost),
            ("a.*.com/a", PatternError::Host(HostError::Star)),
            ("/a*", PatternError::Star),
            ("/*/b", PatternError::Star),
            ("/{x}*", PatternError::Star),
            ("/{}", parameter("{}")),
            ("/{x", parameter("{x")),
            ("/a{x}", parameter("a{x}")),
            ("/{x}{y}", parameter("{x}{y}")),
            ("/{1}", parameter("{1}")),
            ("/{x}/{x}", PatternError::RepeatedParameter { name: "x".to_owned() }),
            ("/a/../b", dots("..")),
            ("/.", dots(".")),
            ("/a?b", PatternError::Character { found: '?' }),
            ("/a#b", PatternError::Character { found: '#' }),
            ("/a b", PatternError::Character { found: ' ' }),
            ("/café", PatternError::Character { found: 'é' }),
            (&format!("/{}", "a".repeat(1024)), PatternError::TooLong { bytes: 1025 }),
        ] {
            assert_eq!(Pattern::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn the_names_of_parameters_are_not_part_of_the_shape() {
        let shape = |text| Pattern::parse(text).unwrap().shape();
        assert_eq!(shape("a.com/x/{id}/*"), shape("A.com/x/{name}/*"));
        assert_ne!(shape("/x/{id}"), shape("/x/id"));
        assert_ne!(shape("/x/{id}"), shape("/x/{id}/"));
        assert_ne!(shape("*.a.com/x"), shape("a.com/x"));
    }
}

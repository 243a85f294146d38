//! Names of hosts, and patterns over them: in routes, and in what a component may call.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The hosts that a pattern stands for, whatever the port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hosts {
    /// One host: a name or IPv4 address in lower case, or an IPv6 address in brackets.
    One(Box<str>),
    /// Every host under a domain, at any depth, but not the domain itself: `*.example.com`.
    Under(Box<str>),
}

/// Where a component may send requests: `host`, `*.domain`, either with `:port`, or `*`.
///
/// Without a port every port is meant; a port narrows the grant. `*.example.com` covers
/// `a.example.com` and `a.b.example.com`, but not `example.com`. IPv6 addresses stand in brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPattern {
    /// The hosts, or `None` for all of them.
    hosts: Option<Hosts>,
    port: Option<u16>,
}

/// Why a text is not a pattern of hosts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// There is no host.
    #[error("there is no host in it")]
    Empty,
    /// It begins like a URL.
    #[error("it has a scheme; leave out everything up to \"://\"")]
    Scheme,
    /// A path follows the host.
    #[error("it has a path; leave out everything from the first \"/\"")]
    Path,
    /// What follows the last colon is no port.
    #[error("{found:?} is no port; write a number from 1 to 65535")]
    Port {
        /// What stands in the port's place.
        found: String,
    },
    /// A star is in another place than at the start, before a dot.
    #[error("a \"*\" stands only at the start, as in \"*.example.com\"")]
    Star,
    /// A character that no host has.
    #[error("{found:?} is in no host's name; write other alphabets in Punycode")]
    Character {
        /// The first such character.
        found: char,
    },
    /// Two dots in a row, a dot at an end, or a name or label that is too long.
    #[error("{label:?} is not a part of a host's name, which has 1 to 63 characters")]
    Label {
        /// The part that breaks the rule.
        label: String,
    },
    /// The name as a whole is longer than DNS allows.
    #[error("it has {bytes} bytes, and a host's name has at most {HOST_BYTES_MAX}")]
    TooLong {
        /// The length found.
        bytes: usize,
    },
    /// It looks like an IP address but is none.
    #[error("it is no IP address; write IPv4 as 127.0.0.1 and IPv6 as [::1]")]
    Address,
}

/// Longest name of a host, in bytes.
///
/// Source: RFC 1035 section 2.3.4 has 255 bytes on the wire, which is 253 as text.
pub(crate) const HOST_BYTES_MAX: usize = 253;

impl Hosts {
    /// Takes `host` or `*.domain`, without a port.
    ///
    /// # Errors
    /// [`HostError`] says what in the text no host can have.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        let lower = text.to_ascii_lowercase();
        if let Some(address) = lower.strip_prefix('[') {
            let address = address.strip_suffix(']').ok_or(HostError::Address)?;
            let address: Ipv6Addr = address.parse().map_err(|_| HostError::Address)?;
            return Ok(Self::One(format!("[{address}]").into()));
        }
        let (under, name) = match lower.strip_prefix("*.") {
            Some(domain) => (true, domain),
            None => (false, lower.as_str()),
        };
        check_name(name)?;
        let last = name.rsplit('.').next().unwrap_or(name);
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            // A numeric last label is an IPv4 address or a mistake (WHATWG URL, "ends in a number").
            if under || name.parse::<Ipv4Addr>().is_err() {
                return Err(HostError::Address);
            }
        }
        let name = name.into();
        Ok(if under { Self::Under(name) } else { Self::One(name) })
    }

    /// Says whether the host is one of them. IPv6 with or without brackets, letters in either
    /// case, a final dot ignored; no port.
    pub fn contain(&self, host: &str) -> bool {
        if let Some(address) = ipv6(host) {
            return matches!(self, Self::One(one) if ipv6(one) == Some(address));
        }
        let host = host.strip_suffix('.').unwrap_or(host);
        match self {
            Self::One(one) => one.eq_ignore_ascii_case(host),
            Self::Under(domain) => {
                let Some(dot) = host.len().checked_sub(domain.len() + 1) else { return false };
                dot > 0
                    && host.is_char_boundary(dot)
                    && host
                        .split_at(dot)
                        .1
                        .strip_prefix('.')
                        .is_some_and(|end| end.eq_ignore_ascii_case(domain))
            }
        }
    }
}

impl HostPattern {
    /// Takes `host`, `*.domain`, either with `:port`, or `*` for everything.
    ///
    /// # Errors
    /// [`HostError`] says what to leave out or to write in another way.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if text == "*" {
            return Ok(Self { hosts: None, port: None });
        }
        if text.contains("://") {
            return Err(HostError::Scheme);
        }
        if text.contains('/') {
            return Err(HostError::Path);
        }
        if text.matches(':').count() > 1 && !text.starts_with('[') {
            return Err(HostError::Address);
        }
        let (host, port) = split_port(text);
        let port = match port {
            None => None,
            Some(digits) => match digits.parse::<u16>() {
                Ok(port) if port > 0 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                    Some(port)
                }
                _ => return Err(HostError::Port { found: digits.to_owned() }),
            },
        };
        Ok(Self { hosts: Some(Hosts::parse(host)?), port })
    }

    /// Says whether a request to this host and port is covered.
    pub fn matches(&self, host: &str, port: u16) -> bool {
        self.port.is_none_or(|only| only == port)
            && self.hosts.as_ref().is_none_or(|hosts| hosts.contain(host))
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(host) => formatter.write_str(host),
            Self::Under(domain) => write!(formatter, "*.{domain}"),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hosts {
            None => formatter.write_str("*")?,
            Some(hosts) => hosts.fmt(formatter)?,
        }
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

/// Cuts `host[:port]` at the colon of the port; the colons of a bracketed address are not meant.
pub fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// The IPv6 address that a host is, with or without brackets.
pub(crate) fn ipv6(host: &str) -> Option<Ipv6Addr> {
    // No name of a host has a colon: this spares most calls the parsing.
    if !host.contains(':') {
        return None;
    }
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host).parse().ok()
}

fn check_name(name: &str) -> Result<(), HostError> {
    if name.is_empty() {
        return Err(HostError::Empty);
    }
    if name.contains('*') {
        return Err(HostError::Star);
    }
    // The underscore is in no host's name by RFC 952, but in many that are in use.
    let allowed = |found: char| found.is_ascii_alphanumeric() || matches!(found, '-' | '.' | '_');
    if let Some(found) = name.chars().find(|found| !allowed(*found)) {
        return Err(HostError::Character { found });
    }
    if name.len() > HOST_BYTES_MAX {
        return Err(HostError::TooLong { bytes: name.len() });
    }
    match name.split('.').find(|label| label.is_empty() || label.len() > 63) {
        Some(label) => Err(HostError::Label { label: label.to_owned() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{HostError, HostPattern};

    fn covers(pattern: &str, host: &str, port: u16) -> bool {
        HostPattern::parse(pattern).unwrap().matches(host, port)
    }

    #[test]
    fn a_host_covers_itself_at_every_port() {
        assert!(covers("api.example.com", "api.example.com", 443));
        assert!(covers("api.example.com", "API.Example.COM", 8080));
        assert!(covers("API.example.com", "api.example.com.", 80));
        assert!(!covers("api.example.com", "example.com", 443));
        assert!(!covers("api.example.com", "api.example.com.evil.org", 443));
        assert!(!covers("api.example.com", "x.api.example.com", 443));
    }

    #[test]
    fn a_port_narrows_the_pattern() {
        assert!(covers("127.0.0.1:9000", "127.0.0.1", 9000));
        assert!(!covers("127.0.0.1:9000", "127.0.0.1", 9001));
        assert!(covers("*.example.org:8443", "a.example.org", 8443));
        assert!(!covers("*.example.org:8443", "a.example.org", 443));
    }

    #[test]
    fn a_wildcard_covers_what_is_under_the_domain_and_not_the_domain() {
        assert!(covers("*.example.com", "a.example.com", 443));
        assert!(covers("*.example.com", "a.b.EXAMPLE.com", 443));
        assert!(!covers("*.example.com", "example.com", 443));
        assert!(!covers("*.example.com", ".example.com", 443));
        assert!(!covers("*.example.com", "badexample.com", 443));
        assert!(!covers("*.example.com", "éexample.com", 443));
        assert!(!covers("*.example.com", "a.example.com.evil.org", 443));
    }

    #[test]
    fn a_star_alone_covers_everything() {
        for host in ["example.com", "127.0.0.1", "[::1]", "::1"] {
            assert!(covers("*", host, 1));
        }
    }

    #[test]
    fn an_ipv6_address_is_the_same_in_every_spelling() {
        for host in ["[::1]", "::1", "[0:0:0:0:0:0:0:1]", "[0:0::0:1]"] {
            assert!(covers("[::1]:80", host, 80), "{host}");
            assert!(covers("[0::1]", host, 81), "{host}");
        }
        assert!(!covers("[::1]", "[::2]", 80));
        assert!(!covers("*.example.com", "::1", 80));
    }

    #[test]
    fn another_spelling_of_an_ipv4_address_is_not_covered() {
        for host in ["127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "[::ffff:127.0.0.1]"] {
            assert!(!covers("127.0.0.1", host, 80), "{host}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for (text, error) in [
            ("", HostError::Empty),
            (":80", HostError::Empty),
            ("*.", HostError::Empty),
            ("https://example.com", HostError::Scheme),
            ("example.com/v1", HostError::Path),
            ("example.com:", HostError::Port { found: String::new() }),
            ("example.com:0", HostError::Port { found: "0".to_owned() }),
            ("example.com:+80", HostError::Port { found: "+80".to_owned() }),
            ("example.com:65536", HostError::Port { found: "65536".to_owned() }),
            ("example.com:http", HostError::Port { found: "http".to_owned() }),
            ("*:80", HostError::Star),
            ("*example.com", HostError::Star),
            ("a.*.com", HostError::Star),
            ("*.*.com", HostError::Star),
            ("user@example.com", HostError::Character { found: '@' }),
            ("exämple.com", HostError::Character { found: 'ä' }),
            ("a b", HostError::Character { found: ' ' }),
            ("a..b", HostError::Label { label: String::new() }),
            (".a", HostError::Label { label: String::new() }),
            ("a.", HostError::Label { label: String::new() }),
            ("::1", HostError::Address),
            ("[::1", HostError::Address),
            ("[example.com]", HostError::Address),
            ("[::1]x", HostError::Address),
            ("256.0.0.1", HostError::Address),
            ("1.2.3", HostError::Address),
            ("*.0.0.1", HostError::Address),
        ] {
            assert_eq!(HostPattern::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_pattern_is_shown_as_it_is_parsed() {
        for text in ["*", "a.example.com", "*.example.com:80", "127.0.0.1:9000", "[::1]:80"] {
            let pattern = HostPattern::parse(text).unwrap();
            assert_eq!(pattern.to_string(), text);
        }
    }
}

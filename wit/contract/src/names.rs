//! How things of an app may be called, and which keys a key-value store takes.

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::{KEY_BYTES_MAX, NAME_BYTES_MAX};

/// The name of an app, component, service, class of objects, store or secret: kebab-case, as in WIT.
///
/// It begins with a letter from `a` to `z`; letters, digits and single hyphens follow, at most
/// [`NAME_BYTES_MAX`] in all. Such a name is safe as a file name, a label of DNS and a header value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Box<str>);

/// Why a text is not a [`Name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is no text at all.
    #[error("it is empty")]
    Empty,
    /// It is longer than [`NAME_BYTES_MAX`].
    #[error("it has {bytes} bytes, and at most {NAME_BYTES_MAX} are allowed")]
    TooLong {
        /// The length found.
        bytes: usize,
    },
    /// The first character is not a letter from `a` to `z`.
    #[error("it begins with {found:?}, not with a letter from a to z")]
    Start {
        /// The first character.
        found: char,
    },
    /// A character is none of a to z, 0 to 9 and `-`.
    #[error("it has {found:?} in it, and only a to z, 0 to 9 and \"-\" are allowed")]
    Character {
        /// The first such character.
        found: char,
    },
    /// A hyphen ends the name or follows another.
    #[error("a hyphen in it has no letter or digit after it")]
    Hyphen,
}

/// Why a key cannot be used in a key-value store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key has no bytes.
    #[error("the key is empty")]
    Empty,
    /// The key is longer than [`KEY_BYTES_MAX`].
    #[error("the key has {bytes} bytes, and at most {KEY_BYTES_MAX} are allowed")]
    TooLong {
        /// The length found.
        bytes: usize,
    },
    /// The key is `.` or `..`.
    #[error("the key is \".\" or \"..\", which no store takes")]
    Dots,
}

impl Name {
    /// Takes a text as a name.
    ///
    /// # Errors
    /// [`NameError`] says which rule of kebab-case it breaks first.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let first = text.chars().next().ok_or(NameError::Empty)?;
        if text.len() > NAME_BYTES_MAX {
            return Err(NameError::TooLong { bytes: text.len() });
        }
        if !first.is_ascii_lowercase() {
            return Err(NameError::Start { found: first });
        }
        let allowed = |found: char| matches!(found, 'a'..='z' | '0'..='9' | '-');
        if let Some(found) = text.chars().find(|found| !allowed(*found)) {
            return Err(NameError::Character { found });
        }
        if text.ends_with('-') || text.contains("--") {
            return Err(NameError::Hyphen);
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Says whether a key may be used in a key-value store.
///
/// Source: Workers KV, "write key-value pairs", read 2026-11-21: keys are not empty, not `.` or
/// `..`, and have at most 512 bytes of UTF-8. Both hosts ask before they touch storage.
///
/// # Errors
/// [`KeyError`], whose text may be shown to the guest.
pub fn check_key(key: &str) -> Result<(), KeyError> {
    match key {
        "" => Err(KeyError::Empty),
        "." | ".." => Err(KeyError::Dots),
        _ if key.len() > KEY_BYTES_MAX => Err(KeyError::TooLong { bytes: key.len() }),
        _ => Ok(()),
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl std::str::FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyError, Name, NameError, check_key};

    #[test]
    fn kebab_case_is_a_name() {
        for text in ["a", "hello", "jwt-auth", "v2", "a-1-b", &"a".repeat(63)] {
            assert_eq!(Name::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn each_broken_rule_is_told() {
        for (text, error) in [
            ("", NameError::Empty),
            ("Hello", NameError::Start { found: 'H' }),
            ("1st", NameError::Start { found: '1' }),
            ("-a", NameError::Start { found: '-' }),
            ("été", NameError::Start { found: 'é' }),
            ("fast_user", NameError::Character { found: '_' }),
            ("../x", NameError::Start { found: '.' }),
            ("a/../b", NameError::Character { found: '/' }),
            ("a\0", NameError::Character { found: '\0' }),
            ("aB", NameError::Character { found: 'B' }),
            ("a-", NameError::Hyphen),
            ("a--b", NameError::Hyphen),
            (&"a".repeat(64), NameError::TooLong { bytes: 64 }),
        ] {
            assert_eq!(Name::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn keys_have_the_bounds_of_workers_kv() {
        for key in ["a", "...", "a/b", "é", " ", "\u{0}", &"k".repeat(512), &"é".repeat(256)] {
            assert_eq!(check_key(key), Ok(()), "{key:?}");
        }
        assert_eq!(check_key(""), Err(KeyError::Empty));
        assert_eq!(check_key("."), Err(KeyError::Dots));
        assert_eq!(check_key(".."), Err(KeyError::Dots));
        assert_eq!(check_key(&"k".repeat(513)), Err(KeyError::TooLong { bytes: 513 }));
        assert_eq!(check_key(&"é".repeat(257)), Err(KeyError::TooLong { bytes: 514 }));
    }
}

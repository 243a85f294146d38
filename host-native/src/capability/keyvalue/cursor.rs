//! Where the next page of a listing starts: after the last key of the page before.
//!
//! A cursor holds that key and nothing else, so that keys which come and go meanwhile move nothing.

use super::error::KeyValueError;
use selvedge_contract::limits::KEY_BYTES_MAX;
use selvedge_contract::names::Name;
use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

/// What every cursor begins with: its format.
const FORMAT: &str = "k1";

/// Most numeric cursors that are remembered, the newest ones.
///
/// Ours: at most 6 MiB. A guest follows one cursor at a time.
const POSITIONS_MAX: usize = 10_000;

/// The cursor for what comes after `key`.
pub(super) fn write(key: &str) -> String {
    let mut cursor = String::with_capacity(FORMAT.len() + key.len() * 2);
    cursor.push_str(FORMAT);
    for byte in key.as_bytes() {
        // Writing to a string cannot fail.
        let _ = write!(cursor, "{byte:02x}");
    }
    cursor
}

/// The key of a cursor that [`write`] made for a listing of `prefix`.
pub(super) fn parse(cursor: &str, prefix: &str) -> Result<String, KeyValueError> {
    let hex = cursor.strip_prefix(FORMAT).ok_or(KeyValueError::Cursor)?;
    if hex.len() > KEY_BYTES_MAX * 2 {
        return Err(KeyValueError::Cursor);
    }
    let key = parse_hex(hex.as_bytes()).and_then(|bytes| String::from_utf8(bytes).ok());
    key.filter(|key| key.starts_with(prefix)).ok_or(KeyValueError::Cursor)
}

fn parse_hex(hex: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = hex.as_chunks::<2>();
    if !rest.is_empty() || pairs.is_empty() {
        return None;
    }
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

/// Cursors that are numbers, as `wasi:keyvalue` has them.
///
/// No number of 64 bits can hold a key. So a number is drawn at random for each page that is not the
/// last, and what it stands for is remembered, in this process, for the newest [`POSITIONS_MAX`] of
/// them; the number is good in any instance of any service, for the same store. One that is
/// forgotten, or from before a restart, is refused, and the guest lists from the start: never are
/// keys left out or listed twice, as they would be if the number counted keys.
#[derive(Default)]
pub(in crate::capability) struct Positions(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    cursors: HashMap<u64, (Name, String)>,
    oldest_first: VecDeque<u64>,
    random: RandomState,
    drawn: u64,
}

impl Positions {
    /// Remembers a cursor of `store`; gives its number.
    pub(in crate::capability) fn remember(&self, store: &Name, cursor: String) -> u64 {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut number = 0;
        while number == 0 || remembered.cursors.contains_key(&number) {
            remembered.drawn = remembered.drawn.wrapping_add(1);
            number = remembered.random.hash_one(remembered.drawn);
        }
        if remembered.oldest_first.len() >= POSITIONS_MAX
            && let Some(oldest) = remembered.oldest_first.pop_front()
        {
            remembered.cursors.remove(&oldest);
        }
        remembered.oldest_first.push_back(number);
        remembered.cursors.insert(number, (store.clone(), cursor));
        number
    }

    /// The cursor of `store` that `number` stands for.
    pub(in crate::capability) fn recall(&self, store: &Name, number: u64) -> Option<String> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, cursor) = remembered.cursors.get(&number)?;
        (of == store).then(|| cursor.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::{Name, POSITIONS_MAX, Positions, parse, write};

    #[test]
    fn cursor_comes_back_as_its_key() {
        for key in ["a", "a/b", "é\u{0}\u{10FFFF}", &"k".repeat(512)] {
            assert_eq!(parse(&write(key), "").unwrap(), key);
        }
        assert_eq!(parse(&write("user:7"), "user:").unwrap(), "user:7");
    }

    #[test]
    fn cursor_of_ones_own_making_is_refused() {
        let long = format!("k1{}", "61".repeat(513));
        for cursor in ["", "k1", "k16", "k1zz", "k1ff", "61", "k2", "k1+1", "ü", &long] {
            assert!(parse(cursor, "").is_err(), "{cursor:?}");
        }
        assert!(parse(&write("user:7"), "visit:").is_err());
    }

    #[test]
    fn number_is_good_for_its_store_until_many_newer_ones() {
        let (store, other) = (Name::parse("a").unwrap(), Name::parse("b").unwrap());
        let positions = Positions::default();
        let first = positions.remember(&store, "first".to_owned());
        assert_eq!(positions.recall(&store, first), Some("first".to_owned()));
        assert_eq!(positions.recall(&other, first), None);
        for _ in 1..POSITIONS_MAX {
            positions.remember(&store, "other".to_owned());
        }
        assert_eq!(positions.recall(&store, first), Some("first".to_owned()));
        positions.remember(&store, "one more".to_owned());
        assert_eq!(positions.recall(&store, first), None);
    }
}

//! How an entry and its expiry are written as bytes.
//!
//! An entry is a header and the value: format 1, flags, then, where a flag says so, eight bytes of
//! expiry, and two bytes of length with the metadata. Numbers are big-endian, so that expiries sort.

use super::error::KeyValueError;
use selvedge_contract::names::Name;

const FORMAT: u8 = 1;
const HAS_EXPIRY: u8 = 1;
const HAS_METADATA: u8 = 2;

const ENTRY_SPACE: u8 = b'e';
const EXPIRY_SPACE: u8 = b'x';

/// What is kept beside a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// When it expires, in seconds since 1970-01-01T00:00:00Z.
    pub(super) expires_at: Option<u64>,
    /// A few bytes of the guest's.
    pub(super) metadata: Option<Vec<u8>>,
}

impl Header {
    /// Reads the header that an entry begins with; gives its length, too.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Self, usize), KeyValueError> {
        parse(bytes).ok_or(KeyValueError::Unreadable)
    }

    /// This header with `value` behind it.
    pub(super) fn write(&self, value: &[u8]) -> Vec<u8> {
        let metadata_bytes = self.metadata.as_ref().map_or(0, Vec::len);
        let mut bytes = Vec::with_capacity(value.len().saturating_add(metadata_bytes + 12));
        let mut flags = 0;
        if self.expires_at.is_some() {
            flags |= HAS_EXPIRY;
        }
        if self.metadata.is_some() {
            flags |= HAS_METADATA;
        }
        bytes.extend([FORMAT, flags]);
        if let Some(at) = self.expires_at {
            bytes.extend(at.to_be_bytes());
        }
        if let Some(metadata) = &self.metadata {
            // Its bound of 1024 bytes was checked before.
            bytes.extend(u16::try_from(metadata.len()).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend(metadata);
        }
        bytes.extend(value);
        bytes
    }
}

fn parse(bytes: &[u8]) -> Option<(Header, usize)> {
    let (&[FORMAT, flags], mut rest) = bytes.split_first_chunk()? else { return None };
    let mut header = Header::default();
    if flags & HAS_EXPIRY != 0 {
        let (at, behind) = rest.split_first_chunk()?;
        (header.expires_at, rest) = (Some(u64::from_be_bytes(*at)), behind);
    }
    if flags & HAS_METADATA != 0 {
        let (metadata_bytes, behind) = rest.split_first_chunk()?;
        let metadata_bytes = usize::from(u16::from_be_bytes(*metadata_bytes));
        let (metadata, behind) = behind.split_at_checked(metadata_bytes)?;
        (header.metadata, rest) = (Some(metadata.to_vec()), behind);
    }
    Some((header, bytes.len() - rest.len()))
}

/// Where the entry of a key is. A name has no zero byte, so that no two stores overlap.
pub(super) fn key(store: &Name, key: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(store.as_str().len() + key.len() + 2);
    bytes.push(ENTRY_SPACE);
    bytes.extend(store.as_str().as_bytes());
    bytes.push(0);
    bytes.extend(key.as_bytes());
    bytes
}

/// The key of an entry of `store`.
pub(super) fn parse_key(store: &Name, bytes: &[u8]) -> Option<String> {
    let key = bytes.strip_prefix(self::key(store, "").as_slice())?;
    String::from_utf8(key.to_vec()).ok()
}

/// Where it says that a key expires.
pub(super) fn expiry_key(at: u64, store: &Name, key: &str) -> Vec<u8> {
    let mut bytes = expiries_until(at);
    bytes.extend(store.as_str().as_bytes());
    bytes.push(0);
    bytes.extend(key.as_bytes());
    bytes
}

/// Behind every expiry before the second `at`, and before all others.
pub(super) fn expiries_until(at: u64) -> Vec<u8> {
    let mut bytes = vec![EXPIRY_SPACE];
    bytes.extend(at.to_be_bytes());
    bytes
}

/// The second of an expiry's key, and where its entry is.
pub(super) fn parse_expiry_key(bytes: &[u8]) -> Option<(u64, Vec<u8>)> {
    let (&EXPIRY_SPACE, rest) = bytes.split_first()? else { return None };
    let (at, store_and_key) = rest.split_first_chunk()?;
    let mut entry_key = vec![ENTRY_SPACE];
    entry_key.extend(store_and_key);
    Some((u64::from_be_bytes(*at), entry_key))
}

#[cfg(test)]
mod tests {
    use super::{Header, Name, expiry_key, key, parse_expiry_key};

    #[test]
    fn every_header_is_read_as_written() {
        for expires_at in [None, Some(0), Some(u64::MAX)] {
            for metadata in [None, Some(Vec::new()), Some(vec![7; 1024])] {
                let header = Header { expires_at, metadata };
                let bytes = header.write(b"value");
                let (read, header_bytes) = Header::parse(&bytes).unwrap();
                assert_eq!(read, header);
                assert_eq!(&bytes[header_bytes..], b"value");
            }
        }
    }

    #[test]
    fn cut_header_is_refused() {
        let bytes = Header { expires_at: Some(1), metadata: Some(vec![7; 9]) }.write(b"");
        for length in 0..bytes.len() {
            assert!(Header::parse(&bytes[..length]).is_err(), "{length}");
        }
        assert!(Header::parse(&[2, 0]).is_err(), "another format");
    }

    #[test]
    fn expiry_leads_to_its_entry() {
        let store = Name::parse("visitors").unwrap();
        let expiry = expiry_key(77, &store, "k\0é");
        assert_eq!(parse_expiry_key(&expiry), Some((77, key(&store, "k\0é"))));
    }
}

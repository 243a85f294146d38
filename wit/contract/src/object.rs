//! What identifies a durable object, and which names, keys and classes both hosts take.

use sha2::{Digest, Sha256};

use crate::limits::{OBJECT_NAME_BYTES_MAX, STORAGE_KEY_BYTES_MAX};
use crate::names::Name;

/// Why a text cannot be the name of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ObjectNameError {
    /// The name has no bytes.
    #[error("the name of the object is empty")]
    Empty,
    /// The name is longer than [`OBJECT_NAME_BYTES_MAX`].
    #[error(
        "the name of the object has {bytes} bytes, and at most {OBJECT_NAME_BYTES_MAX} are allowed"
    )]
    TooLong {
        /// The length found.
        bytes: usize,
    },
}

/// Why a key cannot be used in an object's storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StorageKeyError {
    /// The key has no bytes.
    #[error("the key is empty")]
    Empty,
    /// The key is longer than [`STORAGE_KEY_BYTES_MAX`].
    #[error("the key has {bytes} bytes, and at most {STORAGE_KEY_BYTES_MAX} are allowed")]
    TooLong {
        /// The length found.
        bytes: usize,
    },
}

/// Says whether an object may be called so. Both hosts ask before they look for the object.
///
/// # Errors
/// [`ObjectNameError`], whose text may be shown to the guest.
pub fn check_object_name(name: &str) -> Result<(), ObjectNameError> {
    match name.len() {
        0 => Err(ObjectNameError::Empty),
        bytes if bytes > OBJECT_NAME_BYTES_MAX => Err(ObjectNameError::TooLong { bytes }),
        _ => Ok(()),
    }
}

/// Says whether a key may be used in an object's storage. Both hosts ask before they touch it.
///
/// # Errors
/// [`StorageKeyError`], whose text may be shown to the guest.
pub fn check_storage_key(key: &str) -> Result<(), StorageKeyError> {
    match key.len() {
        0 => Err(StorageKeyError::Empty),
        bytes if bytes > STORAGE_KEY_BYTES_MAX => Err(StorageKeyError::TooLong { bytes }),
        _ => Ok(()),
    }
}

/// The identity of an object, the same for ever: the SHA-256 of class, a zero byte and name, in 64
/// lowercase hexadecimal digits.
///
/// A class has no zero byte, so that no two pairs are hashed alike. The native host names the
/// object's file so: it is as long for every name and safe in every file system.
pub fn object_id(class: &str, name: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(class);
    hash.update([0]);
    hash.update(name);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a class is called in JavaScript, where names have no hyphens: `chat-room` is `ChatRoom`.
///
/// Two classes can have one such name, `a-1` and `a1` for example; a manifest with both is refused.
pub fn javascript_class(class: &Name) -> String {
    class
        .as_str()
        .split('-')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{
        ObjectNameError, StorageKeyError, check_object_name, check_storage_key, javascript_class,
        object_id,
    };
    use crate::names::Name;

    #[test]
    fn an_objects_name_is_not_empty_and_has_at_most_512_bytes() {
        for name in ["a", ".", "..", "a/b", " ", "\u{0}", &"n".repeat(512), &"é".repeat(256)] {
            assert_eq!(check_object_name(name), Ok(()), "{name:?}");
        }
        assert_eq!(check_object_name(""), Err(ObjectNameError::Empty));
        let long = "é".repeat(257);
        assert_eq!(check_object_name(&long), Err(ObjectNameError::TooLong { bytes: 514 }));
    }

    #[test]
    fn a_key_of_the_storage_is_not_empty_and_has_at_most_2048_bytes() {
        for key in ["a", ".", "\u{0}", &"k".repeat(2048), &"é".repeat(1024)] {
            assert_eq!(check_storage_key(key), Ok(()), "{key:?}");
        }
        assert_eq!(check_storage_key(""), Err(StorageKeyError::Empty));
        let long = "k".repeat(2049);
        assert_eq!(check_storage_key(&long), Err(StorageKeyError::TooLong { bytes: 2049 }));
    }

    /// The files of objects that exist are named so: the expected texts were made by another program.
    #[test]
    fn an_id_is_the_sha256_of_class_zero_byte_and_name() {
        assert_eq!(
            object_id("counter", "a"),
            "4f5b1853713a404162dd1d47fe02e5339f8aa08cde751e2a7e5adefeef7db82e"
        );
        assert_eq!(
            object_id("counter", "\u{e9}\u{0}/"),
            "8536cc97b9a2567d8eee632216d7843c0402436f3e6df5b8c035cfb87a21b1f9"
        );
        assert_ne!(object_id("counter", "a"), object_id("countera", ""));
    }

    #[test]
    fn a_class_is_written_in_pascal_case_in_javascript() {
        let pairs = [("a", "A"), ("chat-room", "ChatRoom"), ("a-1", "A1"), ("a1", "A1")];
        for (class, expected) in pairs {
            assert_eq!(javascript_class(&Name::parse(class).unwrap()), expected);
        }
    }
}

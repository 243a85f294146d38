//! Where a message is stored: the order of the keys is that of the ids.

pub(crate) const PREFIX: &str = "message/";

/// The key of a message. Its id has always 20 digits, as many as 64 bits need: keys are compared byte
/// by byte.
pub(crate) fn of(id: u64) -> String {
    format!("{PREFIX}{id:020}")
}

/// The id in a key.
pub(crate) fn id(key: &str) -> Option<u64> {
    key.strip_prefix(PREFIX)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{id, of};

    #[test]
    fn keys_are_in_the_order_of_their_ids() {
        let ids = [0, 1, 9, 10, 99, 100, 1 << 32, u64::MAX];
        assert!(ids.map(of).is_sorted());
        assert_eq!(ids.map(|number| id(&of(number))), ids.map(Some));
        assert_eq!(id("other/1"), None);
        assert_eq!(id("message/"), None);
    }
}

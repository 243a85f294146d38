//! The number of a request: the part that needs no host, so `cargo test` runs it on any machine.

/// That which the client sent, where it sent one that is fit; else one by chance.
pub fn of(sent: &[Vec<u8>], random: impl FnOnce() -> u64) -> String {
    match sent {
        [id] if is_fit(id) => String::from_utf8_lossy(id).into_owned(),
        _ => format!("{:016x}", random()),
    }
}

/// Logs are no place for whatever somebody sends.
fn is_fit(id: &[u8]) -> bool {
    (1..=64).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_request_keeps_its_number_where_it_has_one() {
        let random = || 0xab;
        assert_eq!(of(&[b"abc-1".to_vec()], random), "abc-1");
        assert_eq!(of(&[], random), "00000000000000ab");
        assert_eq!(of(&[b"a b".to_vec()], random), "00000000000000ab");
    }
}

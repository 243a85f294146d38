//! Whose bucket it is.

use std::net::IpAddr;

/// Everybody whose address is not known shares one bucket: it is then the service that is limited.
const UNKNOWN: &str = "unknown";
/// Of an IPv6 address, what stands for a household: the first 64 bits. The rest a client chooses.
const HOUSEHOLD: u128 = !(u64::MAX as u128);

/// The name of a client, from the values of the header `cf-connecting-ip`. The proxy in front sets
/// it; where there is none, clients could write there what they like.
pub(crate) fn name(values: &[Vec<u8>]) -> String {
    let [value] = values else { return UNKNOWN.to_owned() };
    let text = std::str::from_utf8(value).unwrap_or_default();
    match text.trim().parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => address.to_string(),
        Ok(IpAddr::V6(address)) => {
            format!("{}/64", std::net::Ipv6Addr::from_bits(address.to_bits() & HOUSEHOLD))
        }
        Err(_) => UNKNOWN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    fn named(text: &str) -> String {
        name(&[text.as_bytes().to_vec()])
    }

    #[test]
    fn an_address_has_one_name_however_it_is_spelled() {
        assert_eq!(named("203.0.113.7"), "203.0.113.7");
        assert_eq!(named("::ffff:203.0.113.7"), "203.0.113.7");
        assert_eq!(named("2001:DB8:0:1:aaaa::1"), "2001:db8:0:1::/64");
        assert_eq!(named("2001:db8:0:1::2"), named("2001:db8:0:1:ffff::3"));
        assert_ne!(named("2001:db8:0:1::2"), named("2001:db8:0:2::2"));
    }

    #[test]
    fn whoever_has_no_address_is_unknown() {
        let two = [b"1.2.3.4".to_vec(), b"1.2.3.5".to_vec()];
        assert_eq!(name(&[]), "unknown");
        assert_eq!(name(&two), "unknown");
        assert_eq!(name(&[vec![0xff]]), "unknown");
        assert_eq!(named("localhost"), "unknown");
    }
}

//! The id of a session: where a request carries it, and what it looks like.

const COOKIE: &str = "session";
/// 128 bits, four to a digit.
const DIGITS: usize = 32;

/// An id: 32 hexadecimal digits in lower case.
#[derive(Debug, PartialEq)]
pub(crate) struct Id(String);

impl Id {
    pub(crate) fn from_bits(bits: u128) -> Self {
        Self(format!("{bits:032x}"))
    }

    /// The id in the values of the headers `cookie` and `x-session`. The latter counts first.
    pub(crate) fn find(cookies: &[Vec<u8>], headers: &[Vec<u8>]) -> Option<Self> {
        match headers {
            [] => cookies.iter().find_map(|cookies| Self::in_cookies(cookies)),
            [header] => Self::parse(header),
            _ => None,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of `set-cookie`; 0 seconds remove the cookie. Where the app is reached by https alone,
    /// add `Secure`: a browser then never sends it in the clear.
    pub(crate) fn cookie(&self, seconds: u32) -> String {
        let Self(id) = self;
        format!("{COOKIE}={id}; Max-Age={seconds}; Path=/session; HttpOnly; SameSite=Lax")
    }

    fn in_cookies(cookies: &[u8]) -> Option<Self> {
        let pairs = std::str::from_utf8(cookies).ok()?.split(';');
        let named = pairs.filter_map(|pair| pair.trim().split_once('='));
        named.filter(|(name, _)| *name == COOKIE).find_map(|(_, id)| Self::parse(id.as_bytes()))
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let fits = text.len() == DIGITS && text.iter().all(is_digit);
        fits.then(|| Self(String::from_utf8_lossy(text).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::Id;

    const TEXT: &str = "00112233445566778899aabbccddeeff";

    fn id() -> Option<Id> {
        Some(Id(TEXT.to_owned()))
    }

    fn in_cookies(cookies: &str) -> Option<Id> {
        Id::find(&[cookies.as_bytes().to_vec()], &[])
    }

    #[test]
    fn an_id_is_found_among_other_cookies() {
        assert_eq!(in_cookies(&format!("session={TEXT}")), id());
        assert_eq!(in_cookies(&format!("a=b; session={TEXT}; c=d=e; f")), id());
        assert_eq!(in_cookies(&format!("session=; session={TEXT}")), id());
        assert_eq!(Id::find(&[b"a=b".to_vec(), format!("session={TEXT}").into()], &[]), id());
        assert_eq!(in_cookies(&format!("my-session={TEXT}")), None);
    }

    #[test]
    fn a_header_counts_before_a_cookie() {
        let header = TEXT.as_bytes().to_vec();
        assert_eq!(Id::find(&[], std::slice::from_ref(&header)), id());
        let cookie = format!("session={TEXT}").into_bytes();
        assert_eq!(Id::find(&[cookie], &[b"other".to_vec()]), None);
        assert_eq!(Id::find(&[], &[header.clone(), header]), None);
    }

    #[test]
    fn what_has_another_shape_is_none() {
        let upper = TEXT.to_uppercase();
        for refused in
            ["", "a", &TEXT[1..], &format!("{TEXT}0"), &upper, &format!("g{}", &TEXT[1..])]
        {
            assert_eq!(in_cookies(&format!("session={refused}")), None, "{refused:?}");
        }
    }

    #[test]
    fn what_is_made_is_found_again() {
        for bits in [0, 1, u128::MAX] {
            let id = Id::from_bits(bits);
            let cookie = id.cookie(1800);
            assert!(cookie.ends_with("; Max-Age=1800; Path=/session; HttpOnly; SameSite=Lax"));
            assert_eq!(in_cookies(&cookie), Some(id));
        }
    }
}

//! What a client asks for: the counter's name in the path, and how much to add in the query.

use percent_encoding::percent_decode_str;

const PATH: &str = "/counter/";
/// Ours: long enough for whatever names a thing, and far below the 512 bytes of an object's name.
const NAME_BYTES_MAX: usize = 128;

#[derive(Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) by: u64,
}

impl Asked {
    /// Reads a path with its query; says what is wrong with it.
    pub(crate) fn parse(target: &str) -> Result<Self, &'static str> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Ok(Self { name: name(path)?, by: by(query)? })
    }
}

fn name(path: &str) -> Result<String, &'static str> {
    let segment = path.strip_prefix(PATH).ok_or("the path is /counter/ and a name")?;
    // A slash of the path ends a segment; one that belongs to the name is written as %2F.
    if segment.contains('/') {
        return Err("a counter's name is one segment of the path");
    }
    let name = percent_decode_str(segment).decode_utf8().map_err(|_| "the name is not UTF-8")?;
    match name.len() {
        1..=NAME_BYTES_MAX => Ok(name.into_owned()),
        _ => Err("a counter's name has 1 to 128 bytes"),
    }
}

fn by(query: &str) -> Result<u64, &'static str> {
    match form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "by") {
        None => Ok(1),
        Some((_, number)) => number.parse().map_err(|_| "by is no number from 0 to 2^64 - 1"),
    }
}

#[cfg(test)]
mod tests {
    use super::Asked;

    fn asked(name: &str, by: u64) -> Result<Asked, &'static str> {
        Ok(Asked { name: name.to_owned(), by })
    }

    #[test]
    fn a_name_is_decoded_once_and_a_query_is_optional() {
        assert_eq!(Asked::parse("/counter/a"), asked("a", 1));
        assert_eq!(Asked::parse("/counter/a%2Fb%20%C3%A9?x=1"), asked("a/b é", 1));
        assert_eq!(Asked::parse("/counter/%2541?by=25"), asked("%41", 25));
        assert_eq!(Asked::parse("/counter/a?x&by=0"), asked("a", 0));
    }

    #[test]
    fn names_have_one_to_128_bytes() {
        let long = |count| format!("/counter/{}", "%C3%A9".repeat(count));
        assert!(Asked::parse(&long(64)).is_ok());
        for refused in [&long(65), "/counter/", "/counter", "/counter/a/b", "/counter/%FF", ""] {
            assert!(Asked::parse(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for refused in ["-1", "1.5", "", "18446744073709551616", "one"] {
            assert!(Asked::parse(&format!("/counter/a?by={refused}")).is_err(), "{refused:?}");
        }
    }
}

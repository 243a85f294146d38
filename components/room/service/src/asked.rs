//! What a client asks for: the room's name in the path, and a place in its log in the query.

use percent_encoding::percent_decode_str;

const PATH: &str = "/room/";
/// Ours: long enough for whatever names a thing, and far below the 512 bytes of an object's name.
const NAME_BYTES_MAX: usize = 128;
/// Ours: below the 30 seconds after which many proxies give a silent server up.
const WAIT_SECONDS_MAX: u32 = 25;

#[derive(Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) place: Place,
}

/// After which message to read, and how long to wait for one.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Place {
    pub(crate) after: u64,
    pub(crate) wait_ms: u32,
}

impl Asked {
    /// Reads a path with its query; says what is wrong with it.
    pub(crate) fn parse(target: &str) -> Result<Self, &'static str> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Ok(Self { name: name(path)?, place: Place::parse(query)? })
    }
}

impl Place {
    fn parse(query: &str) -> Result<Self, &'static str> {
        let mut place = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "after" => {
                    place.after = value.parse().map_err(|_| "after is the id of a message")?
                }
                "wait" => {
                    let seconds = value.parse::<u32>().ok();
                    let seconds = seconds.filter(|seconds| *seconds <= WAIT_SECONDS_MAX);
                    place.wait_ms = seconds.ok_or("wait is whole seconds, at most 25")? * 1000;
                }
                _ => {}
            }
        }
        Ok(place)
    }
}

fn name(path: &str) -> Result<String, &'static str> {
    let segment = path.strip_prefix(PATH).ok_or("the path is /room/ and a name")?;
    // A slash of the path ends a segment; one that belongs to the name is written as %2F.
    if segment.contains('/') {
        return Err("a room's name is one segment of the path");
    }
    let name = percent_decode_str(segment).decode_utf8().map_err(|_| "the name is not UTF-8")?;
    match name.len() {
        1..=NAME_BYTES_MAX => Ok(name.into_owned()),
        _ => Err("a room's name has 1 to 128 bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Place};

    #[test]
    fn a_place_is_the_beginning_unless_the_query_says_otherwise() {
        let place = |target: &str| Asked::parse(target).map(|asked| asked.place);
        assert_eq!(place("/room/a"), Ok(Place::default()));
        assert_eq!(place("/room/a?after=7"), Ok(Place { after: 7, wait_ms: 0 }));
        assert_eq!(place("/room/a?x&wait=25&after=0"), Ok(Place { after: 0, wait_ms: 25_000 }));
        for refused in ["after=", "after=-1", "after=x", "wait=26", "wait=-1", "wait=0.5"] {
            assert!(place(&format!("/room/a?{refused}")).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn names_have_one_to_128_bytes() {
        let named = |target: &str| Asked::parse(target).map(|asked| asked.name);
        assert_eq!(named("/room/a%2Fb%20c"), Ok("a/b c".to_owned()));
        assert!(named(&format!("/room/{}", "a".repeat(128))).is_ok());
        let long = format!("/room/{}", "a".repeat(129));
        for refused in ["", "/room", "/room/", "/room/a/b", "/room/%FF", &long] {
            assert!(named(refused).is_err(), "{refused:?}");
        }
    }
}

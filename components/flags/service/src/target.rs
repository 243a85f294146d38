//! What a path is about: an environment, or one of its flags, for a user.

use percent_encoding::percent_decode_str;

const PATH: &str = "/flags/";
/// Ours: long enough for whatever names a thing, and far below the 512 bytes of an object's name.
const NAME_BYTES_MAX: usize = 128;

#[derive(Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) environment: String,
    pub(crate) flag: Option<String>,
    pub(crate) user: Option<String>,
}

impl Target {
    /// Reads a path with its query; says what is wrong with it.
    pub(crate) fn parse(target: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "the path is /flags/, an environment, and perhaps / and a flag";
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut segments = path.strip_prefix(PATH).ok_or(EXPECTED)?.split('/');
        let environment = name(segments.next().unwrap_or_default())?;
        let flag = segments.next().map(name).transpose()?;
        if segments.next().is_some() {
            return Err(EXPECTED);
        }
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let user = pairs.find(|(key, _)| key == "user").map(|(_, user)| user.into_owned());
        Ok(Self { environment, flag, user })
    }
}

fn name(segment: &str) -> Result<String, &'static str> {
    let name = percent_decode_str(segment).decode_utf8().map_err(|_| "a name is not UTF-8")?;
    match name.len() {
        1..=NAME_BYTES_MAX => Ok(name.into_owned()),
        _ => Err("a name has 1 to 128 bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    fn target(
        environment: &str,
        flag: Option<&str>,
        user: Option<&str>,
    ) -> Result<Target, &'static str> {
        let [flag, user] = [flag, user].map(|text| text.map(str::to_owned));
        Ok(Target { environment: environment.to_owned(), flag, user })
    }

    #[test]
    fn environment_flag_and_user_are_decoded() {
        assert_eq!(Target::parse("/flags/a"), target("a", None, None));
        assert_eq!(Target::parse("/flags/a/b?user=ada"), target("a", Some("b"), Some("ada")));
        let encoded = "/flags/a%2Fb/c%20d?x&user=%C3%A9+1&user=2";
        assert_eq!(Target::parse(encoded), target("a/b", Some("c d"), Some("é 1")));
    }

    #[test]
    fn other_paths_are_refused() {
        let long = format!("/flags/{}", "a".repeat(129));
        for refused in ["", "/flags", "/flags/", "/flags/a/", "/flags/a/b/c", "/flags/%FF", &long] {
            assert!(Target::parse(refused).is_err(), "{refused:?}");
        }
    }
}

//! Reads what a request wants from its method and its path.

use crate::reply::Refusal;
use http::Uri;
use wasip3::http::types::Method;

/// What is wanted.
#[derive(Debug, PartialEq)]
pub(crate) enum Asked {
    List,
    Keep { route: String },
    Fetch { route: String, from: Uri },
    Read { id: String },
    Delete { id: String },
}

impl Asked {
    pub(crate) fn parse(method: &Method, target: &str) -> Result<Self, Refusal> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        // The first piece is what stands before the first slash: nothing.
        match *path.split('/').collect::<Vec<_>>().as_slice() {
            ["", route, "notes"] => match method {
                Method::Get | Method::Head => Ok(Self::List),
                Method::Post => Self::post(route, query),
                _ => Err(Refusal::Method { allow: "GET, HEAD, POST" }),
            },
            ["", _, "notes", id] if is_id(id) => match method {
                Method::Get | Method::Head => Ok(Self::Read { id: id.to_owned() }),
                Method::Delete => Ok(Self::Delete { id: id.to_owned() }),
                _ => Err(Refusal::Method { allow: "GET, HEAD, DELETE" }),
            },
            _ => Err(Refusal::NoSuchNote),
        }
    }

    fn post(route: &str, query: &str) -> Result<Self, Refusal> {
        let route = route.to_owned();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let Some((_, from)) = pairs.find(|(name, _)| name == "from") else {
            return Ok(Self::Keep { route });
        };
        let from: Uri = from.parse().map_err(|_| Refusal::From)?;
        match (from.scheme_str(), from.authority()) {
            (Some("http" | "https"), Some(_)) => Ok(Self::Fetch { route, from }),
            _ => Err(Refusal::From),
        }
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::Asked;
    use crate::reply::Refusal;
    use wasip3::http::types::Method;

    const ID: &str = "0123456789abcdef";

    #[test]
    fn a_route_may_be_anything() {
        let route = "go-signed".to_owned();
        assert_eq!(
            Asked::parse(&Method::Post, "/go-signed/notes").ok(),
            Some(Asked::Keep { route })
        );
        let id = ID.to_owned();
        assert_eq!(
            Asked::parse(&Method::Get, &format!("/x/notes/{ID}?y")).ok(),
            Some(Asked::Read { id })
        );
    }

    #[test]
    fn other_paths_and_ids_are_not_there() {
        for target in ["", "/", "/notes", "/x/notes/", "/x/notes/1", "/x/notes/0123456789ABCDEF"] {
            assert!(
                matches!(Asked::parse(&Method::Get, target), Err(Refusal::NoSuchNote)),
                "{target}"
            );
        }
    }

    #[test]
    fn a_url_is_decoded_and_has_a_host() {
        let asked = |from: &str| Asked::parse(&Method::Post, &format!("/x/notes?a=b&from={from}"));
        let Ok(Asked::Fetch { from, .. }) = asked("http%3A%2F%2Fone.example%2Ftwo%3Fc%3Dd") else {
            panic!("not understood");
        };
        assert_eq!(from.to_string(), "http://one.example/two?c=d");
        for refused in ["", "one.example", "ftp://one.example/", "http://", "/two"] {
            assert!(matches!(asked(refused), Err(Refusal::From)), "{refused}");
        }
    }
}

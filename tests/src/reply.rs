//! What came back from a host.

use std::time::Duration;

/// A reply, or what came in its place.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The host replied.
    Reply(Reply),
    /// No head of a reply came, for this reason.
    Nothing(String),
    /// The client left, as it was told to.
    Left,
}

/// A reply, whole or broken off.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The header fields, names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// What came of the body.
    pub body: Vec<u8>,
    /// The fields after the body.
    pub trailers: Vec<(String, String)>,
    /// Why the body is not whole, where it is not.
    pub broken: Option<String>,
    /// Whether the host ended the connection after it; only raw requests look.
    pub closed: Option<bool>,
    /// From the first byte sent to the reply's head.
    pub head_after: Duration,
    /// From the first byte sent to the end of the body.
    pub took: Duration,
}

impl Reply {
    /// The values of the field `name`, joined.
    pub fn header(&self, name: &str) -> Option<String> {
        joined(&self.headers, name)
    }

    /// The values of the trailer `name`, joined.
    pub fn trailer(&self, name: &str) -> Option<String> {
        joined(&self.trailers, name)
    }

    /// The body as text, for people and for comparing.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Outcome {
    /// One line that says what came.
    pub fn summary(&self) -> String {
        match self {
            Self::Left => "the client left".to_owned(),
            Self::Nothing(why) => format!("no reply: {why}"),
            Self::Reply(reply) => {
                let text = reply.text();
                let start: String = text.chars().take(200).collect();
                let failure = reply.header("selvedge-failure").unwrap_or_default();
                let broken = reply.broken.as_deref().map(|why| format!(", broken off: {why}"));
                format!(
                    "status {} {failure} after {} ms, body of {} bytes {start:?}{}",
                    reply.status,
                    reply.took.as_millis(),
                    reply.body.len(),
                    broken.unwrap_or_default(),
                )
            }
        }
    }
}

fn joined(fields: &[(String, String)], name: &str) -> Option<String> {
    let values: Vec<&str> =
        fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

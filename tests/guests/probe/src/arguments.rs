//! Takes a request's path and query apart.

/// What a request asks the probe to do.
#[derive(Clone)]
pub struct Arguments {
    /// The path as it came.
    pub path: String,
    /// The second segment of the path.
    pub capability: String,
    /// The rest of the path.
    pub action: String,
    query: Vec<(String, String)>,
}

impl Arguments {
    /// Reads `/<service>/<capability>/<action>?<query>`.
    pub fn of(path_with_query: &str) -> Self {
        let (path, query) = path_with_query.split_once('?').unwrap_or((path_with_query, ""));
        let mut segments = path.trim_start_matches('/').splitn(3, '/').skip(1);
        Self {
            path: path.to_owned(),
            capability: segments.next().unwrap_or_default().to_owned(),
            action: segments.next().unwrap_or_default().to_owned(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        }
    }

    /// Every pair of the query, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The first value of `name`, or nothing.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// The first value of `name` as a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(|value| value.parse().ok())
    }
}

//! What is said, and to whom: the part that needs no host, so `cargo test` runs it on any machine.

/// The name in a path with a query, as in `/?name=Ada`; else the world.
pub fn name(path: &str) -> String {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let name = pairs.find(|(key, value)| key == "name" && !value.is_empty());
    name.map_or("world".to_owned(), |(_, value)| value.chars().take(100).collect())
}

/// One line for a visitor.
pub fn greeting(name: &str, visits: u64) -> String {
    format!("Hello, {name}! This is visit {visits}.\n")
}

#[cfg(test)]
mod tests {
    use super::{greeting, name};

    #[test]
    fn visitors_are_greeted_by_name() {
        assert_eq!(name("/?name=Ada+Lovelace"), "Ada Lovelace");
        assert_eq!(name("/"), "world");
        assert_eq!(greeting("Ada", 3), "Hello, Ada! This is visit 3.\n");
    }
}

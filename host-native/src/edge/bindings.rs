//! What things of an app are called in a Worker: the names under which its JavaScript finds them.

use selvedge_contract::manifest::Composition;
use selvedge_contract::names::Name;

/// The binding of a key-value store: `visitors` is `KV_VISITORS`.
pub(crate) fn store(store: &Name) -> String {
    prefixed("KV", store)
}

/// The binding of a secret: `jwt-key` is `SECRET_JWT_KEY`.
pub(crate) fn secret(secret: &Name) -> String {
    prefixed("SECRET", secret)
}

/// The variable of a Worker that holds what `vars` gives a service or a class: one in JSON for each, since their
/// keys may have any letters. The service `hello` has `VARS_SERVICE_HELLO`.
pub(crate) fn vars(composition: &Composition) -> String {
    match composition {
        Composition::Service(name) => prefixed("VARS_SERVICE", name),
        Composition::Object(name) => prefixed("VARS_OBJECT", name),
    }
}

/// Names have no underscore, so that no two of them become one.
fn prefixed(prefix: &str, name: &Name) -> String {
    format!("{prefix}_{}", name.as_str().to_ascii_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::{secret, store};
    use selvedge_contract::names::Name;

    #[test]
    fn a_binding_is_the_name_in_capitals_behind_its_sort() {
        let name = |text| Name::parse(text).unwrap();
        assert_eq!(store(&name("visitors")), "KV_VISITORS");
        assert_eq!(secret(&name("jwt-key-2")), "SECRET_JWT_KEY_2");
    }
}

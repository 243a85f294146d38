//! Which class's objects a component calls by an interface that it imports. For building, checking
//! and starting; no call passes here.

use selvedge_contract::names::Name;
use std::collections::BTreeSet;

/// Two classes of objects have the interface, and both are granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "imports {import}, which the objects of both \"{first}\" and \"{second}\" export; grant it one of them"
)]
pub(crate) struct AmbiguousClass {
    /// The interface.
    pub(crate) import: String,
    /// The first of the classes.
    pub(crate) first: Name,
    /// The second.
    pub(crate) second: Name,
}

/// Of the classes whose objects export `import`, the one that is called: that which is granted.
/// Where none is, the first: its calls are refused one by one. `None` where there is no class.
///
/// # Errors
/// [`AmbiguousClass`] where several are granted.
pub(crate) fn callee<'m>(
    import: &str,
    classes: impl IntoIterator<Item = &'m Name>,
    granted: &BTreeSet<Name>,
) -> Result<Option<&'m Name>, AmbiguousClass> {
    let (ours, others): (Vec<&Name>, Vec<&Name>) =
        classes.into_iter().partition(|class| granted.contains(*class));
    match ours.as_slice() {
        [] => Ok(others.first().copied()),
        [class] => Ok(Some(class)),
        [first, second, ..] => {
            let (first, second) = ((*first).clone(), (*second).clone());
            Err(AmbiguousClass { import: import.to_owned(), first, second })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AmbiguousClass, callee};
    use selvedge_contract::names::Name;

    #[test]
    fn the_class_that_is_granted_is_called() {
        let [a, b, c] = &["a", "b", "c"].map(|name| Name::parse(name).unwrap());
        let granted = |names: &[&Name]| names.iter().map(|name| (*name).clone()).collect();
        let import = "x:y/z";
        assert_eq!(callee(import, [], &granted(&[a])), Ok(None));
        assert_eq!(callee(import, [a, b], &granted(&[])), Ok(Some(a)));
        assert_eq!(callee(import, [a, b, c], &granted(&[b])), Ok(Some(b)));
        let (first, second) = (b.clone(), c.clone());
        let both = AmbiguousClass { import: import.to_owned(), first, second };
        assert_eq!(callee(import, [a, b, c], &granted(&[b, c])), Err(both));
    }
}

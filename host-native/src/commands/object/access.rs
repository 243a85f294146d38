//! The way to the objects: through the host that serves them, or to their files where nobody does.

use crate::guest::object::orders::ask::{Ask, Part, PerformError};
use crate::guest::object::orders::wire::{self, Socket};
use crate::guest::object::orders::{Direct, perform};
use crate::storage::journal::Journal;
use crate::storage::objects::{ObjectFolder, ObjectFolderError};
use anyhow::{Context as _, bail};
use std::fmt;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long to wait for a host that starts or stops, or for another command.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// How often to look meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The way to the objects.
pub(super) enum Access {
    /// Nobody serves them: this process holds their folder.
    Direct(Direct),
    /// Another process does.
    Host(UnixStream),
}

impl Access {
    /// Takes hold of the objects, or connects to the process that has them.
    pub(super) fn open(data: &Path, classes: Vec<(String, u64)>) -> anyhow::Result<Self> {
        let begun = Instant::now();
        loop {
            let (folder, holder) = match ObjectFolder::hold(data) {
                Ok(folder) => {
                    // Where the host was killed, the journal holds what the logs may lack.
                    let journal = Journal::open(folder.path())
                        .with_context(|| format!("cannot use {}", folder.path().display()))?;
                    journal.close();
                    if let Some(log) = journal.left().iter().next() {
                        bail!(
                            "{} cannot be written, and lacks what its object has told; make it \
                             writable, then try again",
                            folder.path().join(&**log).display()
                        );
                    }
                    return Ok(Self::Direct(Direct::new(folder, classes)));
                }
                Err(ObjectFolderError::Held { folder, holder }) => (folder, holder),
                Err(error) => return Err(error.into()),
            };
            match Socket::of(&folder).and_then(|socket| socket.connect()) {
                Ok(stream) => return Ok(Self::Host(stream)),
                Err(error) if begun.elapsed() > WAIT_MAX => bail!(
                    "the objects in {} are in use by another process ({holder}), which does not \
                     answer ({error}); where it is a host, its log says why; where it is another \
                     `selvedge object`, wait for its end",
                    folder.display()
                ),
                Err(_) => std::thread::sleep(LOOK_EVERY),
            }
        }
    }

    /// Has done what is asked, and tells what comes of it.
    pub(super) fn ask(
        &self,
        ask: &Ask,
        file: &mut dyn Read,
        tell: &mut dyn FnMut(Part<'_>) -> std::io::Result<()>,
    ) -> anyhow::Result<()> {
        let done = match self {
            Self::Direct(direct) => perform(direct, ask, file, tell),
            Self::Host(stream) => wire::ask(stream, ask, file, tell),
        };
        done.map_err(|error| match error {
            PerformError::Order(error) => error.into(),
            PerformError::Told(error) => error.into(),
        })
    }
}

/// Says that the app has no such class, and which one may have been meant.
pub(super) struct Nearest<'n> {
    pub(super) app: &'n str,
    pub(super) class: &'n str,
    pub(super) classes: &'n [(String, u64)],
}

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { app, class, classes } = self;
        if classes.is_empty() {
            return write!(
                f,
                "app {app} has no class of objects {class:?}, nor any other; add [objects.NAME] to \
                 its manifest"
            );
        }
        write!(f, "app {app} has no class of objects {class:?}; ")?;
        let nearest = classes.iter().map(|(known, _)| (distance(class, known), known)).min();
        // More changes than a third of the word make another word.
        match nearest {
            Some((changes, nearest)) if changes <= 1 + class.chars().count() / 3 => {
                write!(f, "did you mean {nearest:?}? It has: ")?;
            }
            _ => write!(f, "it has: ")?,
        }
        let known: Vec<&str> = classes.iter().map(|(known, _)| known.as_str()).collect();
        write!(f, "{}", known.join(", "))
    }
}

/// How many letters must be added, removed or changed to make one text the other (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut next = vec![index + 1];
        let pairs = row.iter().zip(row.iter().skip(1)).zip(&right);
        for ((diagonal, above), other) in pairs {
            let before = next.last().copied().unwrap_or_default();
            let changed = diagonal + usize::from(letter != *other);
            next.push(changed.min(above + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Nearest, distance};

    #[test]
    fn the_nearest_class_is_named_where_one_is_near() {
        assert_eq!((distance("counter", "conter"), distance("", "ab")), (1, 2));
        let classes = [("counter".to_owned(), 1), ("room".to_owned(), 1)];
        let said = |class| Nearest { app: "demo", class, classes: &classes }.to_string();
        assert!(said("countr").contains("did you mean \"counter\"?"), "{}", said("countr"));
        assert!(!said("session").contains("did you mean"), "{}", said("session"));
    }
}

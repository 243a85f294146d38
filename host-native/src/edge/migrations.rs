//! Which classes of objects a Worker has had: the platform is told of each class that comes or goes,
//! in order, and never twice.
//!
//! The history is kept in a file beside the manifest that belongs under version control. It cannot be
//! found out from the manifest, which says what there is now; and a Worker that is deployed from
//! another machine, or from a build server, has to carry on where the last one ended. A class that
//! goes takes its objects' data with it, so that it has to be named before it is written down.

use crate::guest::load::write_whole;
use selvedge_contract::names::Name;
use selvedge_contract::object::javascript_class;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The name of the file in an app's folder.
pub(crate) const FILE: &str = "selvedge.migrations.json";

/// What stands in the file for those who open it.
const ABOUT: &str = "The classes of durable objects that this app's Worker has had. Written by `selvedge bundle`; commit it, since the next deployment carries on from here.";

/// One change, as wrangler writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Migration {
    tag: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    new_sqlite_classes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    deleted_classes: Vec<String>,
}

/// All changes so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct History {
    migrations: Vec<Migration>,
}

#[derive(Serialize, Deserialize)]
struct File {
    about: String,
    migrations: Vec<Migration>,
}

/// Why a history cannot be carried on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HistoryError {
    /// The file is there and cannot be used.
    #[error("cannot use {}: {reason}; restore it from version control", .path.display())]
    Unreadable { path: PathBuf, reason: String },
    /// A class is gone from the manifest.
    #[error(
        "object class {0} is no longer in selvedge.toml, and a deployed Worker would delete every object of it with all that it stored; put the class back, or pass `--delete-class {1}` (a class that is renamed is another class)",
        .classes.iter().map(|class| format!("{class:?}")).collect::<Vec<_>>().join(", "),
        .classes.join(" --delete-class ")
    )]
    Gone { classes: Vec<String> },
    /// A class was named to be deleted, and is in use.
    #[error(
        "object class {class:?} is in selvedge.toml, so it is not deleted; leave out `--delete-class {class}`, or take the class out of the manifest"
    )]
    InUse { class: String },
}

impl Migration {
    #[cfg(test)]
    pub(crate) fn created(tag: &str, new_sqlite_classes: Vec<String>) -> Self {
        Self { tag: tag.to_owned(), new_sqlite_classes, deleted_classes: Vec::new() }
    }

    /// The classes that it brings.
    pub(crate) fn created_classes(&self) -> &[String] {
        &self.new_sqlite_classes
    }

    /// The classes that it takes away.
    pub(crate) fn deleted_classes(&self) -> &[String] {
        &self.deleted_classes
    }

    /// Its name.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }
}

impl History {
    /// Reads the history of the app in a folder; empty where there is none.
    ///
    /// # Errors
    /// [`HistoryError::Unreadable`], rather than to begin anew: the platform would refuse what it
    /// has heard before.
    pub(crate) fn read(app: &Path) -> Result<Self, HistoryError> {
        let path = app.join(FILE);
        let unreadable = |reason: String| HistoryError::Unreadable { path: path.clone(), reason };
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(unreadable(error.to_string())),
        };
        let file: File =
            serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
        let tags: BTreeSet<&str> = file.migrations.iter().map(Migration::tag).collect();
        if tags.len() != file.migrations.len() {
            return Err(unreadable("two migrations have one tag".to_owned()));
        }
        Ok(Self { migrations: file.migrations })
    }

    /// The history with what has changed in the manifest since, as one more migration.
    ///
    /// # Errors
    /// [`HistoryError::Gone`] where a class is gone that is not in `deleted`.
    pub(crate) fn carry_on<'c>(
        &self,
        classes: impl Iterator<Item = &'c Name>,
        deleted: &[String],
    ) -> Result<Self, HistoryError> {
        // By the name in JavaScript, which is what the platform knows.
        let now: BTreeMap<String, &Name> =
            classes.map(|class| (javascript_class(class), class)).collect();
        let before = self.classes();
        let named = |class: &str| deleted.iter().any(|named| as_javascript(named) == class);
        if let Some((_, class)) = now.iter().find(|(class, _)| named(class)) {
            return Err(HistoryError::InUse { class: class.to_string() });
        }
        let gone: Vec<String> = before
            .iter()
            .filter(|class| !now.contains_key(**class))
            .map(ToString::to_string)
            .collect();
        let silent: Vec<String> =
            gone.iter().filter(|class| !named(class)).map(|class| as_manifest(class)).collect();
        if !silent.is_empty() {
            return Err(HistoryError::Gone { classes: silent });
        }
        let new: Vec<String> =
            now.keys().filter(|class| !before.contains(class.as_str())).cloned().collect();
        let mut history = self.clone();
        if !(new.is_empty() && gone.is_empty()) {
            let tag = format!("v{}", self.migrations.len() + 1);
            history.migrations.push(Migration {
                tag,
                new_sqlite_classes: new,
                deleted_classes: gone,
            });
        }
        Ok(history)
    }

    /// All changes, the first one first.
    pub(crate) fn migrations(&self) -> &[Migration] {
        &self.migrations
    }

    /// Keeps the history beside the manifest. One without any change is not written.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(crate) fn write(&self, app: &Path) -> std::io::Result<()> {
        if self.migrations.is_empty() {
            return Ok(());
        }
        let file = File { about: ABOUT.to_owned(), migrations: self.migrations.clone() };
        let mut text = serde_json::to_vec_pretty(&file)?;
        text.push(b'\n');
        write_whole(&app.join(FILE), &text)
    }

    /// The classes that a Worker has after all changes.
    fn classes(&self) -> BTreeSet<&str> {
        let mut classes = BTreeSet::new();
        for migration in &self.migrations {
            classes.extend(migration.new_sqlite_classes.iter().map(String::as_str));
            for class in &migration.deleted_classes {
                classes.remove(class.as_str());
            }
        }
        classes
    }
}

/// A class by whichever of its names it was typed.
fn as_javascript(typed: &str) -> String {
    Name::parse(typed).map_or_else(|_| typed.to_owned(), |name| javascript_class(&name))
}

/// A class as the manifest writes it, as far as JavaScript's name tells: `ChatRoom` is `chat-room`.
fn as_manifest(class: &str) -> String {
    let mut text = String::new();
    for (index, letter) in class.chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{FILE, History, HistoryError, Migration};
    use selvedge_contract::names::Name;

    fn carry_on(
        history: &History,
        classes: &[&str],
        deleted: &[&str],
    ) -> Result<History, HistoryError> {
        let classes: Vec<Name> = classes.iter().map(|class| Name::parse(class).unwrap()).collect();
        let deleted: Vec<String> = deleted.iter().map(ToString::to_string).collect();
        history.carry_on(classes.iter(), &deleted)
    }

    #[test]
    fn each_change_is_one_migration_and_none_is_written_twice() {
        let first = carry_on(&History::default(), &["a", "chat-room"], &[]).unwrap();
        let created = |tag, classes: &[&str]| {
            Migration::created(tag, classes.iter().map(ToString::to_string).collect())
        };
        assert_eq!(first.migrations(), [created("v1", &["A", "ChatRoom"])]);
        assert_eq!(carry_on(&first, &["chat-room", "a"], &[]).unwrap(), first);
        let second = carry_on(&first, &["a", "b", "chat-room"], &[]).unwrap();
        assert_eq!(second.migrations().last(), Some(&created("v2", &["B"])));
        assert_eq!(second.migrations().len(), 2);
    }

    #[test]
    fn a_class_goes_only_when_it_is_named() {
        let first = carry_on(&History::default(), &["a", "chat-room"], &[]).unwrap();
        let error = carry_on(&first, &["a"], &[]).unwrap_err();
        assert!(matches!(&error, HistoryError::Gone { classes } if *classes == ["chat-room"]));
        for name in ["chat-room", "ChatRoom"] {
            let second = carry_on(&first, &["a"], &[name]).unwrap();
            assert_eq!(second.migrations().last().unwrap().deleted_classes(), ["ChatRoom"]);
            // It may come again, empty.
            let third = carry_on(&second, &["a", "chat-room"], &[]).unwrap();
            assert_eq!(third.migrations().last().unwrap().created_classes(), ["ChatRoom"]);
        }
        let error = carry_on(&first, &["a", "chat-room"], &["chat-room"]).unwrap_err();
        assert!(matches!(error, HistoryError::InUse { .. }));
    }

    #[test]
    fn a_history_that_cannot_be_read_is_not_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let app = folder.path();
        assert_eq!(History::read(app).unwrap(), History::default());
        History::default().write(app).unwrap();
        assert!(!app.join(FILE).exists());
        let history = carry_on(&History::default(), &["a"], &[]).unwrap();
        history.write(app).unwrap();
        assert_eq!(History::read(app).unwrap(), history);
        for text in ["{ half", "{}", r#"{"about":"","migrations":[{"tag":"v1"},{"tag":"v1"}]}"#] {
            std::fs::write(app.join(FILE), text).unwrap();
            let error = History::read(app).unwrap_err();
            assert!(matches!(error, HistoryError::Unreadable { .. }), "{text}");
        }
    }
}

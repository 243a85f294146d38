//! Which objects there are. Their names stand in their files alone, so that each file is opened.

use super::ask::{Answer, Listed, OrderError, PerformError};
use super::{Waiting, Way, classes_of, order, read};
use crate::storage::object::look::{self, Label};
use rusqlite::Connection;
use selvedge_contract::object::object_id;
use std::collections::{HashMap, VecDeque};
use std::path::Path;

/// Orders that wait to be done at once.
const AT_ONCE: usize = 32;

type Tell<'t> = &'t mut dyn FnMut(Answer) -> Result<(), PerformError>;

/// Tells of every object of a class, or of all; each as soon as it is known.
pub(super) fn list(way: &dyn Way, class: Option<&str>, tell: Tell<'_>) -> Result<(), PerformError> {
    for class in classes_of(way, class)? {
        let live = way.live(&class).into_iter().map(|name| (object_id(&class, &name), name));
        let mut listing =
            Listing { way, class: &class, live: live.collect(), begun: VecDeque::new() };
        listing.run(tell)?;
    }
    tell(Answer::ListEnds)
}

/// The listing of one class.
struct Listing<'l> {
    way: &'l dyn Way,
    class: &'l str,
    /// The live objects that were not listed yet, by identity.
    live: HashMap<String, String>,
    begun: VecDeque<Waiting<Listed>>,
}

impl Listing<'_> {
    fn run(&mut self, tell: Tell<'_>) -> Result<(), PerformError> {
        for path in self.way.folder().files(self.class) {
            let id = path.file_stem().and_then(|id| id.to_str()).unwrap_or_default().to_owned();
            match self.live.remove(&id) {
                Some(name) => self.begin(name, tell)?,
                None => match self.look(&id, &path) {
                    Looked::Seen(listed) => tell(Answer::Listed(listed))?,
                    // It became live meanwhile: then it is asked.
                    Looked::Changing(name) => self.begin(name, tell)?,
                    Looked::Nothing => {}
                },
            }
        }
        // Those that stored nothing yet.
        for (_, name) in std::mem::take(&mut self.live) {
            self.begin(name, tell)?;
        }
        while let Some(begun) = self.begun.pop_front() {
            end(begun, tell)?;
        }
        Ok(())
    }

    /// Has a live object looked at between its turns.
    fn begin(&mut self, name: String, tell: Tell<'_>) -> Result<(), PerformError> {
        if self.begun.len() >= AT_ONCE
            && let Some(first) = self.begun.pop_front()
        {
            end(first, tell)?;
        }
        let (class, id) = (self.class.to_owned(), object_id(self.class, &name));
        let known = name.clone();
        let look = move |open: Option<&Connection>, path: &Path| {
            let bytes = look::bytes_on_disk(path);
            let label = read(open, path, |it| {
                look::label(it).map_err(|error| OrderError::of_sqlite(path, &error))
            });
            let (alarm, problem) = match label {
                Ok(label) => (label.and_then(|label| label.alarm), None),
                Err(error) => (None, Some(error.to_string())),
            };
            let (name, alarm_ms) = (Some(known), alarm.map(|alarm| alarm.due_ms));
            Ok(Listed { class, name, id, live: true, bytes, alarm_ms, problem })
        };
        self.begun.push_back(order(self.way, self.class, &name, None, look));
        Ok(())
    }

    /// Looks into the file of an object that was not live. Nothing keeps it from becoming so: what
    /// was read counts only where the name fits the identity and the file has not changed.
    fn look(&self, id: &str, path: &Path) -> Looked {
        let mut problem = String::new();
        for _ in 0..3 {
            let stamp = look::stamp(path);
            match look::has_object(path) {
                Ok(true) => {}
                Ok(false) => return Looked::Nothing,
                Err(error) => return self.unreadable(id, path, error.to_string()),
            }
            let bytes = look::bytes_on_disk(path);
            let label = look::open_to_read(path).and_then(|open| look::label(&open));
            match label {
                Ok(Label { class, name, alarm }) if object_id(&class, &name) == id => {
                    if self.way.is_live(&class, &name) || stamp != look::stamp(path) {
                        return Looked::Changing(name);
                    }
                    let (id, alarm_ms) = (id.to_owned(), alarm.map(|alarm| alarm.due_ms));
                    let (name, live, problem) = (Some(name), false, None);
                    return Looked::Seen(Listed {
                        class,
                        name,
                        id,
                        live,
                        bytes,
                        alarm_ms,
                        problem,
                    });
                }
                Ok(Label { name, .. }) => {
                    problem = format!("the file says that it is of another object, {name:?}");
                }
                Err(error) => problem = error.to_string(),
            }
            if stamp == look::stamp(path) {
                break;
            }
        }
        self.unreadable(id, path, problem)
    }

    fn unreadable(&self, id: &str, path: &Path, problem: String) -> Looked {
        let problem = Some(format!("{}: {problem}", path.display()));
        let (class, bytes) = (self.class.to_owned(), look::bytes_on_disk(path));
        let (id, alarm_ms) = (id.to_owned(), None);
        Looked::Seen(Listed { class, name: None, id, live: false, bytes, alarm_ms, problem })
    }
}

/// What a look into a file gave.
enum Looked {
    Seen(Listed),
    Changing(String),
    Nothing,
}

fn end(begun: Waiting<Listed>, tell: Tell<'_>) -> Result<(), PerformError> {
    tell(Answer::Listed(begun.wait()?))
}

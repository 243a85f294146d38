//! What the command line asks of objects, and the one who does it: the same code in the process that
//! serves them (`host`) and in the command itself, where nobody serves (`direct`).
//!
//! Work on a file is an [`Order`]: while it is done, nobody else has the file open. Where an
//! object is live, its life does it between two turns.

pub(crate) mod ask;
mod direct;
mod host;
mod list;
mod scratch;
pub(crate) mod wire;

pub(crate) use self::direct::Direct;
pub(crate) use self::host::listen;

use self::ask::{Answer, Ask, Done, OrderError, Part, PerformError, Shown};
use self::scratch::Scratch;
use crate::guest::object::mailbox::Order;
use crate::storage::alarms::{Change, Wake};
use crate::storage::object::look::{self, Label};
use crate::storage::object::transfer;
use crate::storage::objects::ObjectFolder;
use rusqlite::Connection;
use selvedge_contract::object::{check_object_name, object_id};
use std::io::Read;
use std::path::Path;
use std::sync::mpsc;

/// What a caller of an object learns where the object is deleted.
const DELETED: &str = "the object was deleted";
/// What a caller of an object learns where an import takes its place.
const REPLACED: &str = "the object was replaced by an import";

/// Changes the index of alarms. Blocks.
type ChangeAlarms = Box<dyn FnOnce(Vec<Change>) -> rusqlite::Result<()> + Send>;

/// The way to the files of objects: in the process that holds their folder.
pub(crate) trait Way {
    /// Every class, and how many bytes one of its objects may store.
    fn classes(&self) -> Vec<(String, u64)>;
    /// The folder.
    fn folder(&self) -> &ObjectFolder;
    /// The names of a class's objects that are live.
    fn live(&self, class: &str) -> Vec<String>;
    /// Whether an object is live.
    fn is_live(&self, class: &str, name: &str) -> bool;
    /// Changes the index of alarms; may be taken to another thread.
    fn change_alarms(&self) -> ChangeAlarms;
    /// Has an order done, now or later. Where it cannot be done any more, it is dropped.
    fn begin(&self, class: &str, name: &str, order: Order);
}

/// Does what is asked, and tells what comes of it: last of all the answer that says that it is done.
/// Blocks. `file` is what is imported.
///
/// # Errors
/// [`PerformError`].
pub(crate) fn perform(
    way: &dyn Way,
    ask: &Ask,
    file: &mut dyn Read,
    tell: &mut dyn FnMut(Part<'_>) -> std::io::Result<()>,
) -> Result<(), PerformError> {
    let mut told = |answer| tell(Part::Answer(answer)).map_err(PerformError::Told);
    match ask {
        Ask::List { class } => list::list(way, class.as_deref(), &mut told),
        Ask::Show { class, name, keys_max } => {
            let object = Object::find(way, class, name)?;
            told(Answer::Shown(object.show(*keys_max)?))
        }
        Ask::Export { class, name } => {
            let (export, done) = Object::find(way, class, name)?.export()?;
            let mut file = export.open()?;
            tell(Part::File(&mut file, done.bytes)).map_err(PerformError::Told)?;
            tell(Part::Answer(Answer::Done(done))).map_err(PerformError::Told)
        }
        Ask::Import { class, name, replace, bytes } => {
            let object = Object::find(way, class, name)?;
            told(Answer::Done(object.import(*replace, file, *bytes)?))
        }
        Ask::Delete { class, name } => {
            let object = Object::find(way, class, name)?;
            told(Answer::Done(object.delete()?))
        }
    }
}

/// An object, and the way to it.
struct Object<'w> {
    way: &'w dyn Way,
    class: String,
    name: String,
    bytes_max: u64,
    is_live: bool,
}

impl<'w> Object<'w> {
    fn find(way: &'w dyn Way, class: &str, name: &str) -> Result<Self, OrderError> {
        let classes = way.classes();
        let Some((_, bytes_max)) = classes.iter().find(|(known, _)| known == class) else {
            return Err(OrderError::NoSuchClass { class: class.to_owned() });
        };
        check_object_name(name)
            .map_err(|error| OrderError::Invalid { reason: error.to_string() })?;
        let (is_live, bytes_max) = (way.is_live(class, name), *bytes_max);
        Ok(Self { way, class: class.to_owned(), name: name.to_owned(), bytes_max, is_live })
    }

    fn show(&self, keys_max: u32) -> Result<Shown, OrderError> {
        if !self.is_live && !self.is_stored()? {
            return Err(self.none());
        }
        let read = move |open: Option<&Connection>, path: &Path| {
            let contents = read(open, path, |it| {
                look::contents(it, keys_max).map_err(|error| OrderError::of_sqlite(path, &error))
            })?;
            Ok((contents.unwrap_or_default(), look::bytes_on_disk(path)))
        };
        let (contents, bytes) = order(self.way, &self.class, &self.name, None, read).wait()?;
        let (class, name) = (self.class.clone(), self.name.clone());
        Ok(Shown { id: object_id(&class, &name), class, name, live: self.is_live, bytes, contents })
    }

    fn export(&self) -> Result<(Scratch, Done), OrderError> {
        let scratch = Scratch::new(self.way.folder())?;
        let to = scratch.path().to_owned();
        let export = move |open: Option<&Connection>, path: &Path| {
            read(open, path, |it| {
                transfer::export(it, &to).map_err(|error| OrderError::of(&to, error))
            })
        };
        let exported = order(self.way, &self.class, &self.name, None, export).wait()?;
        exported.ok_or_else(|| self.none())?;
        let bytes = scratch.bytes()?;
        Ok((scratch, self.done(bytes)))
    }

    fn import(&self, replace: bool, file: &mut dyn Read, bytes: u64) -> Result<Done, OrderError> {
        // An export has no log, and so the first look costs nobody anything.
        self.refuse_existing(replace)?;
        let bytes_max = self.bytes_max;
        if bytes > bytes_max {
            return Err(OrderError::TooLarge { class: self.class.clone(), bytes, bytes_max });
        }
        let scratch = Scratch::new(self.way.folder())?;
        scratch.fill(&mut file.take(bytes), bytes)?;
        let label = transfer::prepare(scratch.path(), (&self.class, &self.name), bytes_max);
        let Label { alarm, .. } = label.map_err(|error| self.import_error(&scratch, error))?;
        let bytes = scratch.bytes()?;
        let (class, name) = (self.class.clone(), self.name.clone());
        let change = self.way.change_alarms();
        let put = move |_: Option<&Connection>, path: &Path| {
            if !replace
                && look::has_object(path).map_err(|error| OrderError::of_io(path, &error))?
            {
                return Err(OrderError::Exists { class, name });
            }
            if let Some(alarm) = alarm {
                // It must not be forgotten, and so is noted first: an entry too many does no harm.
                let wake = Wake { at_ms: alarm.due_ms, class, name };
                change(vec![Change::Add(wake)])
                    .map_err(|error| OrderError::of_sqlite(path, &error))?;
            }
            let put = transfer::put_in_place(scratch.path(), path);
            put.map_err(|error| OrderError::of(path, error))
        };
        order(self.way, &self.class, &self.name, Some(REPLACED), put).wait()?;
        Ok(self.done(bytes))
    }

    fn import_error(&self, scratch: &Scratch, error: transfer::TransferError) -> OrderError {
        match error {
            transfer::TransferError::NotAnExport(reason) => OrderError::NotAnExport { reason },
            transfer::TransferError::TooLarge { bytes, bytes_max } => {
                OrderError::TooLarge { class: self.class.clone(), bytes, bytes_max }
            }
            error => OrderError::of(scratch.path(), error),
        }
    }

    fn refuse_existing(&self, replace: bool) -> Result<(), OrderError> {
        if !replace && self.is_stored()? {
            return Err(OrderError::Exists { class: self.class.clone(), name: self.name.clone() });
        }
        Ok(())
    }

    fn delete(&self) -> Result<Done, OrderError> {
        if !self.is_live && !self.is_stored()? {
            return Err(self.none());
        }
        let (class, name) = (self.class.clone(), self.name.clone());
        let change = self.way.change_alarms();
        let delete = move |_: Option<&Connection>, path: &Path| {
            let bytes = look::bytes_on_disk(path);
            if bytes > 0 {
                transfer::delete(path).map_err(|error| OrderError::of(path, error))?;
            }
            // After the file: an alarm that is there must not be forgotten.
            let forgotten = change(vec![Change::Forget { class, name }]);
            forgotten.map_err(|error| OrderError::of_sqlite(path, &error))?;
            Ok(bytes)
        };
        let bytes = order(self.way, &self.class, &self.name, Some(DELETED), delete).wait()?;
        Ok(self.done(bytes))
    }

    fn is_stored(&self) -> Result<bool, OrderError> {
        let path = self.way.folder().file_path(&self.class, &self.name);
        look::has_object(&path).map_err(|error| OrderError::of_io(&path, &error))
    }

    fn none(&self) -> OrderError {
        OrderError::NoSuchObject { class: self.class.clone(), name: self.name.clone() }
    }

    fn done(&self, bytes: u64) -> Done {
        let (class, name) = (self.class.clone(), self.name.clone());
        Done { id: object_id(&class, &name), class, name, bytes }
    }
}

/// Reads an object's file, where there is one, through the connection that is open or one of its own.
fn read<T>(
    open: Option<&Connection>,
    path: &Path,
    look: impl FnOnce(&Connection) -> Result<T, OrderError>,
) -> Result<Option<T>, OrderError> {
    if let Some(open) = open {
        return look(open).map(Some);
    }
    if !look::has_object(path).map_err(|error| OrderError::of_io(path, &error))? {
        return Ok(None);
    }
    let open = look::open_to_read(path).map_err(|error| OrderError::of_sqlite(path, &error))?;
    look(&open).map(Some)
}

/// An order that was begun.
struct Waiting<T>(mpsc::Receiver<Result<T, OrderError>>);

impl<T> Waiting<T> {
    /// Waits until it is done.
    fn wait(self) -> Result<T, OrderError> {
        self.0.recv().unwrap_or(Err(OrderError::Stopping))
    }
}

/// Begins an order.
fn order<T: Send + 'static>(
    way: &dyn Way,
    class: &str,
    name: &str,
    ends_instance: Option<&'static str>,
    work: impl FnOnce(Option<&Connection>, &Path) -> Result<T, OrderError> + Send + 'static,
) -> Waiting<T> {
    let (tell, told) = mpsc::sync_channel(1);
    let work = move |open: Option<&Connection>, path: &Path| {
        // Whoever asked may have left.
        let _ = tell.send(work(open, path));
    };
    way.begin(class, name, Order { ends_instance, work: Box::new(work) });
    Waiting(told)
}

/// Where a class's objects are asked for that the app does not have.
fn classes_of(way: &dyn Way, class: Option<&str>) -> Result<Vec<String>, OrderError> {
    let classes = way.classes().into_iter().map(|(known, _)| known);
    let Some(class) = class else { return Ok(classes.collect()) };
    let found: Vec<String> = classes.filter(|known| known == class).collect();
    if found.is_empty() {
        return Err(OrderError::NoSuchClass { class: class.to_owned() });
    }
    Ok(found)
}

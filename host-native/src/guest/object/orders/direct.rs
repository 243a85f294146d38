//! The way to objects where nobody serves them: the files themselves.

use super::scratch::Scratch;
use super::{ChangeAlarms, Way};
use crate::guest::object::mailbox::Order;
use crate::storage::alarms::AlarmIndex;
use crate::storage::objects::ObjectFolder;

/// The folder of the objects, held by the command.
pub(crate) struct Direct {
    folder: ObjectFolder,
    classes: Vec<(String, u64)>,
}

impl Direct {
    /// The objects of these classes, each with the bytes that an object may store.
    pub(crate) fn new(folder: ObjectFolder, classes: Vec<(String, u64)>) -> Self {
        Scratch::clear(&folder);
        Self { folder, classes }
    }
}

impl Way for Direct {
    fn classes(&self) -> Vec<(String, u64)> {
        self.classes.clone()
    }

    fn folder(&self) -> &ObjectFolder {
        &self.folder
    }

    fn live(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn is_live(&self, _: &str, _: &str) -> bool {
        false
    }

    fn change_alarms(&self) -> ChangeAlarms {
        let folder = self.folder.path().to_owned();
        Box::new(move |changes| AlarmIndex::open(&folder)?.change(changes))
    }

    fn begin(&self, class: &str, name: &str, order: Order) {
        (order.work)(None, &self.folder.file_path(class, name));
    }
}

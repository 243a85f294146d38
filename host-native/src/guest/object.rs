//! Durable objects: for each class and name one live instance at most, and the way to it.
//!
//! A call comes from a guest's stub (`capability::durable`), from an alarm or from the command line.
//! [`directory::Objects`] finds the object's [`mailbox::Mailbox`], or starts a [`life`] that reads
//! it and [`roam`]s: it runs on the thread of whoever calls, so that calls seldom leave their core.
//! The life is the only one who touches the object's instance and file; it goes through the
//! instance's [`turns`], and is over when nobody has called for a while.

pub(crate) mod alarms;
pub(crate) mod class;
pub(crate) mod directory;
pub(crate) mod gated;
pub(crate) mod life;
pub(crate) mod line;
pub(crate) mod mailbox;
pub(crate) mod orders;
pub(crate) mod own;
pub(crate) mod roam;
mod turns;

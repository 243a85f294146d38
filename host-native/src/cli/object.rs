//! The flags of `selvedge object`, as typed.

use super::AppArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Flags of `selvedge object`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  selvedge object list counter --json
  selvedge object show counter visits
  selvedge object export counter visits --output visits.sqlite
  selvedge object import counter copy-of-visits visits.sqlite
  selvedge object delete counter visits --yes

All of them work while the app is served, too: then the host that serves it does the work, between
two turns of the object. To import over an object or to delete it ends its instance, whose callers
learn that it was reset.")]
pub struct ObjectArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ObjectCommand,
}

/// Where the objects are.
#[derive(Debug, Clone, Args)]
pub struct ObjectsArgs {
    /// Where the app is.
    #[command(flatten)]
    pub app: AppArgs,
    /// Where the stores live [default: .selvedge/data in the app's folder]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print the result as JSON on standard output
    #[arg(long)]
    pub json: bool,
}

/// What to do with objects.
#[derive(Debug, Subcommand)]
pub enum ObjectCommand {
    /// List the objects that stored something, and those that are live
    List {
        /// Where the objects are.
        #[command(flatten)]
        objects: ObjectsArgs,
        /// Only objects of this class
        class: Option<String>,
    },
    /// Show what an object stores: keys with their sizes, tables and the alarm
    Show {
        /// Where the objects are.
        #[command(flatten)]
        objects: ObjectsArgs,
        /// The object's class in selvedge.toml
        class: String,
        /// The object's name
        name: String,
    },
    /// Write all that an object stores into one file of SQLite
    Export {
        /// Where the objects are.
        #[command(flatten)]
        objects: ObjectsArgs,
        /// The object's class in selvedge.toml
        class: String,
        /// The object's name
        name: String,
        /// The file to write; `-`, or nothing, is standard output
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Make an object of an export; it need not have the name that it had
    Import {
        /// Where the objects are.
        #[command(flatten)]
        objects: ObjectsArgs,
        /// The object's class in selvedge.toml
        class: String,
        /// The object's name
        name: String,
        /// The export
        file: PathBuf,
        /// Put it in the place of what the object stores
        #[arg(long)]
        replace: bool,
    },
    /// Delete an object with all that it stores
    Delete {
        /// Where the objects are.
        #[command(flatten)]
        objects: ObjectsArgs,
        /// The object's class in selvedge.toml
        class: String,
        /// The object's name
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

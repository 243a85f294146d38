//! The flags of the commands for authors: `wit`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Flags of `selvedge wit`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  selvedge wit list
  selvedge wit show selvedge:keyvalue
  selvedge wit show wasi:http/types@0.3.0
  selvedge wit show .selvedge/services/hello.wasm
  selvedge wit export wit/deps

`selvedge build` needs no export: what wit/deps lacks of these packages, it takes from itself. Other
toolchains read the folder.")]
pub struct WitArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: WitCommand,
}

/// What to do with WIT.
#[derive(Debug, Subcommand)]
pub enum WitCommand {
    /// List the packages that come with selvedge, their worlds and interfaces
    List,
    /// Print the WIT of a package, an interface, a world or a component
    Show {
        /// A package or interface, with or without its version, or the path of a component
        /// [default: the packages of Selvedge itself]
        #[arg(value_name = "PACKAGE|INTERFACE|FILE.wasm")]
        what: Option<String>,
    },
    /// Write all packages into a folder, as other toolchains read them from wit/deps
    Export {
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Replace files that differ
        #[arg(long)]
        force: bool,
    },
}

//! The flags of the commands for authors: `new` and `wit`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Flags of `selvedge new`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  selvedge new                                     ask for everything
  selvedge new hello --lang go                     a service in ./hello
  selvedge new counter --lang rust --template object
  selvedge new greeter --lang python --into .      one more service of the app in this folder")]
pub struct NewArgs {
    /// The name of the project, its folder and its component, like my-app
    pub name: Option<String>,
    /// The language
    #[arg(long, value_name = "LANGUAGE", value_enum)]
    pub lang: Option<Lang>,
    /// What it begins as [default: http]
    #[arg(long, value_name = "TEMPLATE", value_enum)]
    pub template: Option<Template>,
    /// Add it to the app in this folder, instead of making an app of its own
    #[arg(long, value_name = "APP")]
    pub into: Option<PathBuf>,
}

/// A language, by its short or its long name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Lang {
    /// By cargo
    Rust,
    /// By the stock toolchain
    Go,
    /// On StarlingMonkey, the engine of Firefox
    #[value(alias = "javascript")]
    Js,
    /// On StarlingMonkey, with its types checked
    #[value(alias = "typescript")]
    Ts,
    /// CPython, by componentize-py
    #[value(alias = "py")]
    Python,
    /// By zig or clang
    C,
}

/// What a project begins as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Template {
    /// A service that answers HTTP
    Http,
    /// A durable object, and a service that calls it
    Object,
    /// A middleware, and a service behind it
    Middleware,
}

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

//! The flags, as typed. Nothing here is resolved or checked against the world.

mod edge;
mod language;
mod object;

pub use self::edge::{BundleArgs, BundleFlags, DeployArgs, DevArgs};
pub use self::language::{Lang, NewArgs, Template, WitArgs, WitCommand};
pub use self::object::{ObjectArgs, ObjectCommand, ObjectsArgs};

use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Runs WebAssembly components as HTTP services.
#[derive(Debug, Parser)]
#[command(name = "selvedge", version, arg_required_else_help = true)]
#[command(after_help = "Examples:
  selvedge new hello --lang go
  selvedge build            build every component that changed, and compose the services
  selvedge check            say what is wrong with the app, without running it
  selvedge dev              build, serve at http://127.0.0.1:8787, and swap what you change
  selvedge serve --build    build, then serve
  selvedge bundle           make a Cloudflare Worker of the app, and try it in workerd")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Begin a project: a folder that builds, runs, is tested and bundled as it is
    New(NewArgs),
    /// Build the components that changed, compose the services and compile them ahead of time
    Build(BuildArgs),
    /// Check the app without running it; the exit code says yes (0) or no (1)
    Check(CheckArgs),
    /// Serve the app over HTTP
    Serve(ServeArgs),
    /// Serve the app while it is written: what is saved is built and swapped; with --edge as a Worker
    Dev(DevArgs),
    /// Make a Cloudflare Worker of the app: a folder that is uploaded as it is
    Bundle(BundleArgs),
    /// Bundle the app and deploy it to Cloudflare
    Deploy(DeployArgs),
    /// Read and write the app's key-value stores, also while it is served
    Kv(KvArgs),
    /// Look at the app's durable objects, copy and delete them, also while it is served
    Object(ObjectArgs),
    /// Print or export the interfaces that hosts offer, and those of any component
    Wit(WitArgs),
}

/// Where the app is.
#[derive(Debug, Clone, Args)]
pub struct AppArgs {
    /// The app's folder, which holds selvedge.toml
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub app: PathBuf,
}

/// Flags of `selvedge build`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  selvedge build
  selvedge build --app components --json")]
pub struct BuildArgs {
    /// Where the app is.
    #[command(flatten)]
    pub app: AppArgs,
    /// Print the result as JSON on standard output
    #[arg(long)]
    pub json: bool,
    /// Say only what is wrong, and was not said of the last build
    #[arg(long, short)]
    pub quiet: bool,
}

/// Flags of `selvedge check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  selvedge check
  selvedge check --app components --json")]
pub struct CheckArgs {
    /// Where the app is.
    #[command(flatten)]
    pub app: AppArgs,
    /// Print the result as JSON on standard output
    #[arg(long)]
    pub json: bool,
}

/// Flags of `selvedge serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  selvedge serve --build
  selvedge serve --app components --listen 127.0.0.1:9000 --log-format json")]
pub struct ServeArgs {
    /// Where the app is.
    #[command(flatten)]
    pub app: AppArgs,
    /// The address to listen on; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    pub listen: SocketAddr,
    /// Where the stores live [default: .selvedge/data in the app's folder]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Build what changed before serving
    #[arg(long)]
    pub build: bool,
    /// Threads that serve [default: one a core]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// How log lines look on standard error
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Which log lines are written: off, error, warn, info, debug, trace, or a filter such as
    /// `info,guest=debug`
    #[arg(long, value_name = "FILTER", default_value = "info", env = "SELVEDGE_LOG")]
    pub log: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Flags of `selvedge kv`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  selvedge kv put visitors greeting hello --ttl 3600
  selvedge kv get visitors greeting
  selvedge kv list visitors --prefix gr --json
  selvedge kv delete visitors greeting")]
pub struct KvArgs {
    /// What to do with the store.
    #[command(subcommand)]
    pub command: KvCommand,
}

/// Where the stores are.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// Where the app is.
    #[command(flatten)]
    pub app: AppArgs,
    /// Where the stores live [default: .selvedge/data in the app's folder]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The store's name in selvedge.toml
    pub store: String,
}

/// What to do with a store.
#[derive(Debug, Subcommand)]
pub enum KvCommand {
    /// Write the value of a key to standard output; exit code 1 where there is none
    Get {
        /// Where the store is.
        #[command(flatten)]
        store: StoreArgs,
        /// The key
        key: String,
    },
    /// Set a key
    Put {
        /// Where the store is.
        #[command(flatten)]
        store: StoreArgs,
        /// The key
        key: String,
        /// The value; `-` reads standard input
        value: String,
        /// Seconds until the key is gone, at least 60
        #[arg(long, value_name = "SECONDS")]
        ttl: Option<u64>,
        /// Text kept beside the value, at most 1024 bytes
        #[arg(long)]
        metadata: Option<String>,
    },
    /// List the keys
    List {
        /// Where the store is.
        #[command(flatten)]
        store: StoreArgs,
        /// Only keys that begin with this
        #[arg(long, default_value = "")]
        prefix: String,
        /// Print name, expiry and metadata as JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete a key
    Delete {
        /// Where the store is.
        #[command(flatten)]
        store: StoreArgs,
        /// The key
        key: String,
    },
}

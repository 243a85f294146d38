//! The flags of what makes a Worker of an app.

use super::AppArgs;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// How a bundle is made.
#[derive(Debug, Clone, Args)]
pub struct BundleFlags {
    /// Where the app is.
    #[command(flatten)]
    pub app: AppArgs,
    /// The folder to write [default: .selvedge/edge/worker in the app's folder]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Let a class of objects go that is no longer in selvedge.toml, with everything its objects
    /// stored; may be given several times
    #[arg(long, value_name = "CLASS")]
    pub delete_class: Vec<String>,
}

/// Flags of `selvedge bundle`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  selvedge bundle
  selvedge bundle --app components --out /tmp/demo --json

The bundle is started in workerd on this machine, and each service gets one request, before it is
called good. The first time, Node (where there is none of version 22.12 or newer) and the pinned tools
of npm are installed into ~/.cache/selvedge/edge.")]
pub struct BundleArgs {
    /// How it is made.
    #[command(flatten)]
    pub bundle: BundleFlags,
    /// Do not start the bundle before calling it good
    #[arg(long)]
    pub no_verify: bool,
    /// Say only what is wrong
    #[arg(long, short)]
    pub quiet: bool,
    /// Print the result as JSON on standard output
    #[arg(long)]
    pub json: bool,
}

/// Flags of `selvedge deploy`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  selvedge deploy --dry-run       bundle, and say what would be created; needs no account
  selvedge deploy --secrets       deploy to your Cloudflare account, the first time; wrangler asks you to
                                  log in
  selvedge deploy                 deploy what has changed since

What is created: one Worker with the app's name, a KV namespace for each store, and storage for each
class of objects. A Worker with secrets cannot be created without them; after that they stay.")]
pub struct DeployArgs {
    /// How it is made.
    #[command(flatten)]
    pub bundle: BundleFlags,
    /// Upload the secrets, too, from where selvedge.toml says that they are
    #[arg(long)]
    pub secrets: bool,
    /// Do everything but the deployment itself; works without network and account
    #[arg(long)]
    pub dry_run: bool,
    /// Print the result as JSON on standard output
    #[arg(long)]
    pub json: bool,
}

/// Flags of `selvedge dev`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  selvedge dev                                serve the app at http://127.0.0.1:8787
  selvedge dev --app components --listen 127.0.0.1:9000
  selvedge dev --edge                         serve it as a Worker, in workerd

Whatever is saved, sources, WIT or selvedge.toml, is built and takes the place of what was served: in one
line you read what was swapped, and in what time. Requests under way end on the version they began on;
objects of classes that did not change keep what they have in memory, all keep what they stored. Where a
build fails, you see why, and the last good version goes on.

Stores and objects live in .selvedge/data, with --edge in .selvedge/edge/state.")]
pub struct DevArgs {
    /// Where the app is.
    #[command(flatten)]
    pub app: AppArgs,
    /// Serve the app as a Worker, in wrangler's local mode
    #[arg(long)]
    pub edge: bool,
    /// The address to listen on; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    pub listen: SocketAddr,
}

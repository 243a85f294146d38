//! `selvedge deploy`: bundles an app, says what wrangler will create of it, and has it do so.

use crate::app::App;
use crate::cli::DeployArgs;
use crate::commands::bundle::{Report, open_and_make};
use crate::commands::serve;
use crate::edge::bindings;
use crate::edge::bundle::Bundle;
use crate::edge::migrations::History;
use crate::edge::tools::Tools;
use crate::edge::wrangler;
use anyhow::Context as _;
use selvedge_contract::manifest::SecretSource;
use selvedge_contract::object::javascript_class;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::process::{Command, ExitCode, Stdio};

/// Bundles, explains, deploys.
///
/// # Errors
/// One sentence with the next step, where the bundle is not good or wrangler cannot be started.
pub(super) fn run(args: &DeployArgs) -> anyhow::Result<ExitCode> {
    let (app, tools, made) = match open_and_make(&args.bundle, true, args.json, false)? {
        Ok(made) => made,
        Err(code) => return Ok(code),
    };
    let planned = Planned::of(&app, args)?;
    if !args.json {
        print!("{}\n{planned}", Report(&made));
    }
    let status = wrangler(&app, &tools, &made, args)?;
    if args.json {
        let result = Result { ok: status, bundle: &made, planned: &planned };
        println!("{}", serde_json::to_string_pretty(&result)?);
    } else if status {
        print!("{}", planned.done());
    } else {
        eprintln!(
            "error: wrangler failed; what it said is above, and the bundle is in {}{}",
            made.folder.display(),
            planned.secrets_hint()
        );
    }
    Ok(if status { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Serialize)]
struct Result<'d> {
    ok: bool,
    #[serde(flatten)]
    bundle: &'d Bundle,
    planned: &'d Planned,
}

/// Whether wrangler did it.
fn wrangler(app: &App, tools: &Tools, made: &Bundle, args: &DeployArgs) -> anyhow::Result<bool> {
    let mut command: Command = tools.wrangler();
    command.arg("deploy").arg("--config").arg(made.folder.join(wrangler::FILE));
    command.current_dir(&made.folder);
    if args.dry_run {
        command.arg("--dry-run").stdin(Stdio::null());
    }
    let secrets = args.secrets.then(|| secrets(app)).transpose()?;
    if let Some(secrets) = &secrets {
        command.arg("--secrets-file").arg(secrets.path());
    }
    if args.json {
        // Standard output is for the result.
        command.stdout(Stdio::null());
    }
    let status = command
        .status()
        .with_context(|| format!("cannot start wrangler with {}", tools.node.display()))?;
    Ok(status.success())
}

/// The secrets by their bindings, in a file that nobody else can read, and that ends with this.
fn secrets(app: &App) -> anyhow::Result<tempfile::NamedTempFile> {
    let mut values = BTreeMap::new();
    for (name, source) in &app.manifest.secrets {
        let value = serve::read_secret(&app.folders.app, name, source)?;
        values.insert(bindings::secret(name), value);
    }
    let file = tempfile::Builder::new().prefix("selvedge-secrets-").suffix(".json").tempfile()?;
    serde_json::to_writer(&file, &values)?;
    Ok(file)
}

/// What a deployment creates, from the manifest: what of it is there already, only the account knows.
#[derive(Debug, Serialize)]
struct Planned {
    worker: String,
    dry_run: bool,
    stores: Vec<Bound>,
    classes: Vec<Bound>,
    migrations: Vec<Change>,
    secrets: Vec<Secret>,
    with_secrets: bool,
}

#[derive(Debug, Serialize)]
struct Bound {
    name: String,
    binding: String,
}

#[derive(Debug, Serialize)]
struct Change {
    tag: String,
    created: Vec<String>,
    deleted: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Secret {
    name: String,
    binding: String,
    from: String,
    /// Whether it is there on this machine, to be uploaded.
    here: bool,
}

impl Planned {
    fn of(app: &App, args: &DeployArgs) -> anyhow::Result<Self> {
        let manifest = &app.manifest;
        let bound = |name: &str, binding: String| Bound { name: name.to_owned(), binding };
        let stores = manifest.keyvalue.keys();
        let classes = manifest.objects.keys();
        let history = History::read(&app.folders.app)?;
        let migrations = history.migrations().iter().map(|migration| Change {
            tag: migration.tag().to_owned(),
            created: migration.created_classes().to_vec(),
            deleted: migration.deleted_classes().to_vec(),
        });
        let secrets = manifest.secrets.iter().map(|(name, source)| Secret {
            name: name.to_string(),
            binding: bindings::secret(name),
            from: match source {
                SecretSource::Env(variable) => format!("${variable}"),
                SecretSource::File(path) => app.folders.app.join(path).display().to_string(),
            },
            here: serve::read_secret(&app.folders.app, name, source).is_ok(),
        });
        Ok(Self {
            worker: manifest.name.to_string(),
            dry_run: args.dry_run,
            stores: stores.map(|name| bound(name.as_str(), bindings::store(name))).collect(),
            classes: classes.map(|name| bound(name.as_str(), javascript_class(name))).collect(),
            migrations: migrations.collect(),
            secrets: secrets.collect(),
            with_secrets: args.secrets,
        })
    }

    /// What may have been missing where wrangler failed.
    fn secrets_hint(&self) -> &'static str {
        match self.secrets.is_empty() || self.with_secrets {
            true => "",
            false => "; where it asked for secrets, pass --secrets",
        }
    }

    /// The next steps of somebody who has deployed, or could.
    fn done(&self) -> String {
        let mut text = String::new();
        if self.dry_run {
            text.push_str("\nNothing was deployed (--dry-run). To deploy, run the same without it; wrangler then asks you to log in to Cloudflare.\n");
        }
        text
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.dry_run { "would have" } else { "will have" };
        writeln!(formatter, "The Cloudflare account {verb}, new or brought up to date:")?;
        writeln!(formatter, "  the Worker \"{}\"", self.worker)?;
        for Bound { name, binding } in &self.stores {
            writeln!(
                formatter,
                "  a KV namespace for the store \"{name}\" (binding {binding}); wrangler creates it the first time and finds it again by the binding"
            )?;
        }
        for Bound { name, binding } in &self.classes {
            writeln!(
                formatter,
                "  the durable objects of class \"{name}\" ({binding}), each with a SQLite database of its own"
            )?;
        }
        for Change { tag, deleted, .. } in &self.migrations {
            for class in deleted {
                writeln!(
                    formatter,
                    "  no more objects of class {class}: migration {tag} deletes them and what they stored, if that has not been done"
                )?;
            }
        }
        if self.secrets.is_empty() {
            return Ok(());
        }
        let uploads = match self.with_secrets {
            true => "which are uploaded (--secrets)",
            false => {
                "which stay once they are set; where they are not, wrangler refuses: pass --secrets, which uploads them"
            }
        };
        writeln!(formatter, "The Worker needs secrets, {uploads}:")?;
        for Secret { name, binding, from, here } in &self.secrets {
            let is = if *here { "there" } else { "missing on this machine" };
            writeln!(formatter, "  {name} from {from}, as {binding}: {is}")?;
        }
        Ok(())
    }
}

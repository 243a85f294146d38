//! Makes a bundle: everything that is done between a built app and a folder that answers in workerd.

use crate::app::App;
use crate::built::Record;
use crate::commands::build::progress::Progress;
use crate::edge::cost::{self, Part, Sizes};
use crate::edge::local::{self, Asked, Verified};
use crate::edge::migrations::{self, History};
use crate::edge::plan::{Module, Plan};
use crate::edge::tools::Tools;
use crate::edge::{bindings, wrangler};
use anyhow::Context as _;
use selvedge_contract::manifest::Composition;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

/// What a bundle is made with.
#[derive(Debug)]
pub(crate) struct Order {
    /// The folder to write.
    pub(crate) out: PathBuf,
    /// Classes of objects that may be deleted.
    pub(crate) deleted: Vec<String>,
    /// Whether the bundle is run before it is called good.
    pub(crate) verify: bool,
}

/// A bundle that is good.
#[derive(Debug, Serialize)]
pub(crate) struct Bundle {
    /// The app.
    pub(crate) app: String,
    /// The folder.
    pub(crate) folder: PathBuf,
    /// The command that runs it on this machine; it takes `--listen`, `--persist` and `--vars-file`.
    pub(crate) run: Vec<String>,
    /// What it weighs.
    pub(crate) sizes: Sizes,
    /// What was found out by running it.
    pub(crate) verified: Option<Verified>,
    /// What somebody may wonder about, in sentences.
    pub(crate) warnings: Vec<String>,
    /// How long it took.
    pub(crate) milliseconds: u64,
}

/// Makes the bundle of an app that is built, and puts it in its place when it is good.
///
/// # Errors
/// One sentence with the next step; the bundle that was there stays.
pub(crate) fn make(
    app: &App,
    order: &Order,
    tools: &Tools,
    progress: &Progress,
) -> anyhow::Result<Bundle> {
    let started = Instant::now();
    check_place(&order.out)?;
    let edge = app.folders.edge();
    fs::create_dir_all(&edge).with_context(|| format!("cannot write {}", edge.display()))?;
    let _lock = lock(&edge).with_context(|| format!("cannot lock {}", edge.display()))?;
    let history = History::read(&app.folders.app)?;
    let history = history.carry_on(app.manifest.objects.keys(), &order.deleted)?;
    let part = tempfile::Builder::new().prefix("part-").tempdir_in(&edge)?;
    let folder = part.path().join("bundle");
    let record = Record::read(&app.folders);
    let (plan, mut warnings) = Plan::of(app, &record, folder.clone(), &tools.files)?;
    fs::create_dir_all(&folder)?;
    fs::create_dir_all(&plan.cache)?;
    for module in &plan.modules {
        transpile(module, progress)?;
    }
    let parts = run_scripts(tools, &plan, part.path())?;
    let config = wrangler::config(&app.manifest, history.migrations());
    fs::write(folder.join(wrangler::FILE), config)?;
    let sizes = weigh(parts, &plan);
    warnings.extend(cost::warnings(&sizes, &cost::Allowed::documented()));
    warnings.extend(cost::of_limits(&app.manifest));
    let verified = match order.verify {
        true => Some(verify(app, tools, &folder, part.path(), progress)?),
        false => None,
    };
    warnings
        .extend(verified.iter().flat_map(|verified| &verified.asked).filter_map(Asked::warning));
    let cpu = verified.as_ref().and_then(|verified| verified.start_cpu_milliseconds);
    warnings.extend(cpu.and_then(cost::of_start));
    history
        .write(&app.folders.app)
        .with_context(|| format!("cannot write {}", migrations::FILE))?;
    put_in_place(&folder, &order.out, part.path())
        .with_context(|| format!("cannot write {}", order.out.display()))?;
    drop_stale(&plan);
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Bundle {
        app: app.manifest.name.to_string(),
        folder: order.out.clone(),
        run: tools.run(&order.out),
        sizes,
        verified,
        warnings,
        milliseconds,
    })
}

/// Refuses to put a bundle in the place of something else; a bundle is known by the first words of its
/// configuration.
fn check_place(out: &Path) -> anyhow::Result<()> {
    let mut entries = match fs::read_dir(out) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error)
                .with_context(|| format!("cannot write a bundle to {}", out.display()));
        }
    };
    let is_ours = || {
        let config = fs::read(out.join(wrangler::FILE));
        config.is_ok_and(|config| config.starts_with(wrangler::FIRST_WORDS.as_bytes()))
    };
    if entries.next().is_some() && !is_ours() {
        anyhow::bail!(
            "{} is there and is no bundle of selvedge's; remove it, or name another folder with --out",
            out.display()
        );
    }
    Ok(())
}

/// Waits until nobody else bundles the app, and removes what was left behind by those that were killed.
fn lock(edge: &Path) -> io::Result<File> {
    let path = edge.join("bundle.lock");
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    file.lock()?;
    for entry in fs::read_dir(edge)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("part-") {
            // What cannot be removed does no harm.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(file)
}

/// Turns a component into core modules and their description, unless that has been done.
fn transpile(module: &Module, progress: &Progress) -> anyhow::Result<()> {
    if module.parts.is_dir() {
        return Ok(());
    }
    let started = Instant::now();
    let bytes =
        fs::read(&module.wasm).with_context(|| format!("cannot read {}", module.wasm.display()))?;
    let made = selvedge_transpile::transpile(&bytes)
        .map_err(|error| cannot_run(module, &error.to_string()))?;
    let parent = module.parts.parent().unwrap_or(Path::new("."));
    let part = tempfile::Builder::new().prefix("part-").tempdir_in(parent)?;
    fs::write(part.path().join("description.json"), made.description)?;
    for (index, core) in made.modules.iter().enumerate() {
        fs::write(part.path().join(format!("{index}.wasm")), core)?;
    }
    fs::rename(part.keep(), &module.parts)?;
    progress.done("Transpiled", &names(module), started.elapsed());
    Ok(())
}

/// Why an app is no Worker: one of its components.
fn cannot_run(module: &Module, why: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "{} cannot be turned into JavaScript: {why}; build it with other tools or bindings, or serve it with `selvedge serve`",
        names(module)
    )
}

/// Has the scripts fill the folder, and gives what they put there.
fn run_scripts(tools: &Tools, plan: &Plan, scratch: &Path) -> anyhow::Result<Vec<Part>> {
    let path = scratch.join("plan.json");
    fs::write(&path, serde_json::to_vec_pretty(plan)?)?;
    let mut bundle = tools.script("bundle.mjs");
    bundle.arg(&path);
    let output = bundle
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", tools.node.display()))?;
    match serde_json::from_slice(&output.stdout) {
        Ok(Printed::Report { parts }) if output.status.success() => Ok(parts),
        Ok(Printed::Failed { error: Failed { component, message } }) => {
            let of = |module: &&Module| Some(&module.wasm) == component.as_ref();
            let Some(module) = plan.modules.iter().find(of) else {
                anyhow::bail!("bundling failed: {message}")
            };
            Err(cannot_run(module, &message))
        }
        _ => anyhow::bail!("bundling failed ({}); what it said is above", output.status),
    }
}

/// What `bundle.mjs` prints.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Printed {
    Report { parts: Vec<Part> },
    Failed { error: Failed },
}

#[derive(serde::Deserialize)]
struct Failed {
    component: Option<PathBuf>,
    message: String,
}

fn names(module: &Module) -> String {
    let names: Vec<String> = module.compositions.iter().map(Composition::to_string).collect();
    names.join(", ")
}

/// What is uploaded, each part with what it is for.
fn weigh(mut parts: Vec<Part>, plan: &Plan) -> Sizes {
    for part in &mut parts {
        let module = plan.modules.iter().find(|module| part.file.contains(&module.id));
        part.what = match module {
            Some(module) => names(module),
            None if part.file.ends_with(".wasm") => "the host".to_owned(),
            None => "the host and the glue".to_owned(),
        };
    }
    Sizes::of(parts)
}

/// Runs the bundle with stand-ins for secrets.
fn verify(
    app: &App,
    tools: &Tools,
    folder: &Path,
    scratch: &Path,
    progress: &Progress,
) -> anyhow::Result<Verified> {
    let started = Instant::now();
    let secrets: BTreeMap<String, String> = app
        .manifest
        .secrets
        .keys()
        .map(|name| (bindings::secret(name), "a-stand-in-while-the-bundle-is-verified".to_owned()))
        .collect();
    let verified = local::verify(tools, folder, &app.manifest, &secrets, scratch)?;
    progress.done("Verified", "the bundle in workerd", started.elapsed());
    Ok(verified)
}

/// Gives a folder its name. Where another file system is in between, it is copied beside it first.
fn put_in_place(folder: &Path, out: &Path, scratch: &Path) -> io::Result<()> {
    let parent = out.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let old = scratch.join("old");
    let beside;
    let (folder, old) = if is_same_device(folder, parent)? {
        (folder, old)
    } else {
        beside = tempfile::Builder::new().prefix(".selvedge-part-").tempdir_in(parent)?;
        let copy = beside.path().join("bundle");
        copy_folder(folder, &copy)?;
        return swap(&copy, out, &beside.path().join("old"));
    };
    swap(folder, out, &old)
}

fn swap(new: &Path, out: &Path, old: &Path) -> io::Result<()> {
    match fs::rename(out, old) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::rename(new, out)
}

fn is_same_device(one: &Path, other: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(fs::metadata(one)?.dev() == fs::metadata(other)?.dev())
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Removes what earlier bundles kept, and this one does not use.
fn drop_stale(plan: &Plan) {
    for entry in fs::read_dir(&plan.cache).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !plan.modules.iter().any(|module| name.contains(&module.id)) {
            let path = entry.path();
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}

//! `selvedge object`: looks at durable objects, copies and deletes them, also while the app is
//! served: then the host that serves it does the work.

mod access;
mod export;
mod print;

use crate::app::App;
use crate::cli::{ObjectArgs, ObjectCommand, ObjectsArgs};
use crate::commands::kv::unless_closed;
use crate::guest::object::orders::ask::{Answer, Ask, Done, OrderError, Part};
use access::{Access, Nearest};
use anyhow::{Context as _, bail};
use std::fs;
use std::io::{BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Keys that are shown to people.
const KEYS_SHOWN: u32 = 20;
/// Keys that are shown as JSON.
const KEYS_SHOWN_JSON: u32 = 1_000;

/// Does what was typed.
///
/// # Errors
/// Where the app has no such class or object, or it cannot be done.
pub(super) fn run(args: &ObjectArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        ObjectCommand::List { objects, class } => list(objects, class.as_deref()),
        ObjectCommand::Show { objects, class, name } => show(objects, class, name),
        ObjectCommand::Export { objects, class, name, output } => {
            export(objects, (class, name), output.as_deref())
        }
        ObjectCommand::Import { objects, class, name, file, replace } => {
            import(objects, (class, name), file, *replace)
        }
        ObjectCommand::Delete { objects, class, name, yes } => delete(objects, (class, name), *yes),
    }
}

/// The app's objects, before anybody is asked.
struct Objects {
    data: PathBuf,
    /// Whether the folder was typed: then it is expected to be there.
    is_data_typed: bool,
    /// Each class, and the bytes that one of its objects may store.
    classes: Vec<(String, u64)>,
}

impl Objects {
    /// The objects of the app, which has this class.
    fn find(args: &ObjectsArgs, class: Option<&str>) -> anyhow::Result<Self> {
        let App { folders, manifest } = App::open(&args.app.app)?;
        let classes = manifest.objects.iter();
        let classes: Vec<(String, u64)> =
            classes.map(|(name, it)| (name.as_str().to_owned(), it.limits.storage_bytes)).collect();
        if let Some(class) = class
            && !classes.iter().any(|(known, _)| known == class)
        {
            bail!("{}", Nearest { app: manifest.name.as_str(), class, classes: &classes });
        }
        let (is_data_typed, data) = (args.data.is_some(), args.data.clone());
        Ok(Self { data: data.unwrap_or_else(|| folders.data()), is_data_typed, classes })
    }

    /// The way to them, where there are any or `makes` says that one will be made.
    fn access(self, makes: bool) -> anyhow::Result<Option<Access>> {
        if makes || self.data.join("objects").is_dir() {
            return Access::open(&self.data, self.classes).map(Some);
        }
        if self.is_data_typed {
            bail!(
                "there are no objects in {}; serve the app with the same --data first, or correct it",
                self.data.display()
            );
        }
        Ok(None)
    }
}

fn list(args: &ObjectsArgs, class: Option<&str>) -> anyhow::Result<ExitCode> {
    let access = Objects::find(args, class)?.access(false)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut lines = print::List::new(&mut out, args.json);
    let listed = (|| {
        if let Some(access) = access {
            let ask = Ask::List { class: class.map(str::to_owned) };
            access.ask(&ask, &mut std::io::empty(), &mut |part| match part {
                Part::Answer(Answer::Listed(listed)) => lines.object(&listed),
                _ => Ok(()),
            })?;
        }
        Ok(lines.end()?)
    })();
    unless_closed(listed)
}

fn show(args: &ObjectsArgs, class: &str, name: &str) -> anyhow::Result<ExitCode> {
    let access = Objects::find(args, Some(class))?.access(false)?;
    let access = access.ok_or_else(|| no_such_object(class, name))?;
    let keys_max = if args.json { KEYS_SHOWN_JSON } else { KEYS_SHOWN };
    let ask = Ask::Show { class: class.to_owned(), name: name.to_owned(), keys_max };
    unless_closed(access.ask(&ask, &mut std::io::empty(), &mut |part| match part {
        Part::Answer(Answer::Shown(shown)) => {
            print::shown(&mut std::io::stdout().lock(), &shown, args.json)
        }
        _ => Ok(()),
    }))
}

fn export(
    args: &ObjectsArgs,
    (class, name): (&str, &str),
    output: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let objects = Objects::find(args, Some(class))?;
    let output = output.filter(|path| *path != Path::new("-"));
    if output.is_none() && std::io::stdout().is_terminal() {
        bail!("an export is no text for a terminal; name a file with --output, or redirect it");
    }
    if output.is_none() && args.json {
        bail!("--json needs --output FILE: the export itself goes to standard output");
    }
    let access = objects.access(false)?.ok_or_else(|| no_such_object(class, name))?;
    let ask = Ask::Export { class: class.to_owned(), name: name.to_owned() };
    let mut done = None;
    let exported = (|| {
        let mut to = export::Output::open(output)?;
        access.ask(&ask, &mut std::io::empty(), &mut |part| match part {
            Part::File(file, _) => to.fill(file),
            Part::Answer(answer) => {
                done = is_done(answer);
                Ok(())
            }
        })?;
        to.finish()
    })();
    let code = unless_closed(exported)?;
    if let (Some(done), Some(output)) = (done, output) {
        tell(args, &done, &format!("exported to {}", output.display()))?;
    }
    Ok(code)
}

fn import(
    args: &ObjectsArgs,
    (class, name): (&str, &str),
    file: &Path,
    replace: bool,
) -> anyhow::Result<ExitCode> {
    let objects = Objects::find(args, Some(class))?;
    let cannot = || format!("cannot read {}", file.display());
    let mut from = fs::File::open(file).with_context(cannot)?;
    let found = from.metadata().with_context(cannot)?;
    if !found.is_file() {
        bail!("{} is no file; name an export", file.display());
    }
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        bail!(
            "{} is not whole without {} beside it; make an export with `selvedge object export`",
            file.display(),
            Path::new(&log).display()
        );
    }
    let access = objects.access(true)?.context("the objects' folder is made")?;
    let (class, name) = (class.to_owned(), name.to_owned());
    let ask = Ask::Import { class, name, replace, bytes: found.len() };
    let mut done = None;
    let imported = access.ask(&ask, &mut from, &mut |part| {
        if let Part::Answer(answer) = part {
            done = is_done(answer);
        }
        Ok(())
    });
    imported.with_context(|| file.display().to_string())?;
    told(args, done, "imported")
}

fn delete(args: &ObjectsArgs, (class, name): (&str, &str), yes: bool) -> anyhow::Result<ExitCode> {
    let objects = Objects::find(args, Some(class))?;
    if !yes && !confirmed(class, name)? {
        bail!("nothing was deleted");
    }
    let access = objects.access(false)?.ok_or_else(|| no_such_object(class, name))?;
    let ask = Ask::Delete { class: class.to_owned(), name: name.to_owned() };
    let mut done = None;
    access.ask(&ask, &mut std::io::empty(), &mut |part| {
        if let Part::Answer(answer) = part {
            done = is_done(answer);
        }
        Ok(())
    })?;
    told(args, done, "deleted")
}

/// Asks whoever sits at the terminal.
fn confirmed(class: &str, name: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "an object that is deleted cannot be brought back; say --yes where nobody can be asked"
        );
    }
    eprint!("delete object {name:?} of class {class} with all that it stores? [y/N] ");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

fn is_done(answer: Answer) -> Option<Done> {
    match answer {
        Answer::Done(done) => Some(done),
        _ => None,
    }
}

fn told(args: &ObjectsArgs, done: Option<Done>, what: &str) -> anyhow::Result<ExitCode> {
    let done = done.context("the host did not say whether it is done")?;
    tell(args, &done, what)?;
    Ok(ExitCode::SUCCESS)
}

/// One line that says what was done: for people on standard error, as JSON on standard output.
fn tell(args: &ObjectsArgs, done: &Done, what: &str) -> anyhow::Result<()> {
    if args.json {
        writeln!(std::io::stdout().lock(), "{}", serde_json::to_string(done)?)?;
    } else {
        let Done { class, name, bytes, .. } = done;
        eprintln!("{what}: object {name:?} of class {class}, {bytes} bytes");
    }
    Ok(())
}

fn no_such_object(class: &str, name: &str) -> OrderError {
    OrderError::NoSuchObject { class: class.to_owned(), name: name.to_owned() }
}

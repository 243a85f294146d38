//! `selvedge bundle`: makes a Worker of an app, and tells what it weighs and what it answered.

use crate::app::App;
use crate::cli::{BundleArgs, BundleFlags};
use crate::commands::build::{self, progress::Progress};
use crate::edge::bundle::{self, Bundle, Order};
use crate::edge::cost::{Bytes, Part};
use crate::edge::tools::Tools;
use serde::Serialize;
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

/// Bundles, and prints what came of it.
///
/// # Errors
/// One sentence with the next step, where the bundle is not good.
pub(super) fn run(args: &BundleArgs) -> anyhow::Result<ExitCode> {
    let made = match open_and_make(&args.bundle, !args.no_verify, args.json, args.quiet)? {
        Ok((_, _, made)) => made,
        Err(code) => return Ok(code),
    };
    if args.json {
        println!("{}", to_json(&made)?);
    } else if !args.quiet {
        print!("{}", Report(&made));
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens an app, builds what changed, and bundles it. Where that fails with `json`, or the build does,
/// all has been told, and the exit code is given.
///
/// # Errors
/// One sentence with the next step.
pub(super) fn open_and_make(
    flags: &BundleFlags,
    verify: bool,
    json: bool,
    quiet: bool,
) -> anyhow::Result<Result<(App, Tools, Bundle), ExitCode>> {
    let app = match App::open(&flags.app.app) {
        Ok(app) => app,
        Err(error) if json => {
            println!("{}", build::report_of_app_error(&error)?);
            return Ok(Err(ExitCode::FAILURE));
        }
        Err(error) => return build::tell_app_error(error).map(Err),
    };
    let progress = if quiet { Progress::of_problems() } else { Progress::on_stderr() };
    let built = build::build(&app, &progress)?;
    if !built.is_built() {
        if json {
            println!("{}", built.to_json()?);
        }
        return Ok(Err(ExitCode::FAILURE));
    }
    let out = flags.out.as_ref().map_or_else(
        || app.folders.bundle(),
        |out| std::path::absolute(out).unwrap_or_else(|_| out.clone()),
    );
    let order = Order { out, deleted: flags.delete_class.clone(), verify };
    let made = Tools::ready(&progress)
        .map_err(anyhow::Error::from)
        .and_then(|tools| Ok((bundle::make(&app, &order, &tools, &progress)?, tools)));
    match made {
        Ok((made, tools)) => {
            for warning in &made.warnings {
                progress.warning(warning);
            }
            let what = format!("{} in {}", made.app, app.folders.show(&made.folder));
            progress.done("Bundled", &what, Duration::from_millis(made.milliseconds));
            Ok(Ok((app, tools, made)))
        }
        Err(error) if json => {
            println!("{}", build::report_of_error(&error)?);
            Ok(Err(ExitCode::FAILURE))
        }
        Err(error) => Err(error),
    }
}

fn to_json(made: &Bundle) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Good<'b> {
        ok: bool,
        #[serde(flatten)]
        bundle: &'b Bundle,
    }
    serde_json::to_string_pretty(&Good { ok: true, bundle: made })
}

/// A bundle, for people.
pub(super) struct Report<'b>(pub(super) &'b Bundle);

impl fmt::Display for Report<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bundle) = self;
        let sizes = &bundle.sizes;
        let row = |formatter: &mut fmt::Formatter<'_>, bytes, gzip, kind: &str, what: &str| {
            let (bytes, gzip) = (Bytes(bytes).to_string(), Bytes(gzip).to_string());
            writeln!(formatter, "  {bytes:>11} {gzip:>11}  {kind:<12}{what}")
        };
        writeln!(formatter, "  {:>11} {:>11}  part", "size", "gzip")?;
        for Group { what, kind, bytes, gzip_bytes } in groups(&sizes.parts) {
            row(formatter, bytes, gzip_bytes, kind, what)?;
        }
        row(formatter, sizes.bytes, sizes.gzip_bytes, "", "in all")?;
        let Some(verified) = &bundle.verified else {
            return writeln!(formatter, "\nnot started (--no-verify)");
        };
        writeln!(
            formatter,
            "\nasked in workerd; first answer {} ms after the start of the process{}:",
            verified.start_milliseconds,
            verified
                .start_cpu_milliseconds
                .map(|cpu| format!(", {cpu} ms of processor time"))
                .unwrap_or_default()
        )?;
        for asked in &verified.asked {
            let failure = asked.failure.as_deref();
            let failure = failure.map(|name| format!(" ({name})")).unwrap_or_default();
            writeln!(
                formatter,
                "  {:<16} GET http://{}{}: {}{failure}, {} ms",
                asked.service.as_str(),
                asked.host,
                asked.path,
                asked.status,
                asked.milliseconds
            )?;
        }
        Ok(())
    }
}

/// Parts of one sort and one purpose.
struct Group<'p> {
    what: &'p str,
    kind: &'static str,
    bytes: u64,
    gzip_bytes: u64,
}

/// A component has several core modules, most of them a few bytes long; people want one line.
fn groups(parts: &[Part]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for Part { file, what, bytes, gzip_bytes } in parts {
        let kind = if file.ends_with(".js") { "JavaScript" } else { "WebAssembly" };
        match groups.iter_mut().find(|group| group.what == what && group.kind == kind) {
            Some(group) => {
                group.bytes += bytes;
                group.gzip_bytes += gzip_bytes;
            }
            None => groups.push(Group { what, kind, bytes: *bytes, gzip_bytes: *gzip_bytes }),
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.gzip_bytes));
    groups
}

//! What a component and its bundle weigh, and how long they take to build.
//!
//! One iteration is one build, in a folder where nothing was built before: bindings, the language's own
//! tools, the component, and all of it compiled ahead of time for this machine. The tools are installed,
//! and what they keep for all projects (cargo's registry, Go's cache of its library) is filled.

use super::app::{App, run, selvedge};
use super::bundle;
use super::report::Figure;
use super::services::Host;
use std::time::Instant;

/// Builds, and bundles where workerd is measured.
///
/// # Errors
/// Where that fails; the command says why.
pub(crate) fn measure(app: &mut App, hosts: &[Host]) -> anyhow::Result<Vec<Figure>> {
    let service = app.service;
    let begin = Instant::now();
    run(&mut selvedge("build", &app.folder))?;
    let built = begin.elapsed().as_secs_f64();
    let component = std::fs::metadata(app.component())?.len();
    let figure = |host, name, value, unit| Figure { service, host, name, value, unit };
    let mut figures = vec![
        figure(Host::Native, "component", kibibytes(component), "KiB"),
        figure(Host::Native, "build", built, "s"),
    ];
    if hosts.contains(&Host::Workerd) {
        let begin = Instant::now();
        let bundle = bundle::make(&app.folder, &app.bundle_folder())?;
        let bundled = begin.elapsed().as_secs_f64();
        figures.extend([
            figure(Host::Workerd, "bundle-gzip", kibibytes(bundle.sizes.gzip_bytes), "KiB"),
            figure(Host::Workerd, "build", bundled, "s"),
        ]);
        app.bundle = Some(bundle);
    }
    Ok(figures)
}

fn kibibytes(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}

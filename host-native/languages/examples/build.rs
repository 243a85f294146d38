//! Builds one project into a folder, without a manifest: `build LANGUAGE PROJECT OUT [WORLD] [ENGINE]`.

use selvedge_languages::tool::{Tell, Tools};
use selvedge_languages::{Engine, Language, Project, build};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

struct Aloud;

impl Tell for Aloud {
    fn begin(&self, verb: &str, what: &str) {
        eprintln!("{verb} {what}");
    }

    fn done(&self, verb: &str, what: &str, took: Duration) {
        eprintln!("{verb} {what} in {took:.1?}");
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [language, folder, out, rest @ ..] = words.as_slice() else {
        eprintln!("usage: build LANGUAGE PROJECT OUT [WORLD] [ENGINE]");
        return ExitCode::FAILURE;
    };
    let Some(language) = Language::of(language) else {
        let known = Language::ALL.map(Language::name).join(", ");
        eprintln!("{language:?} is no language; known are {known}");
        return ExitCode::FAILURE;
    };
    let project = Project {
        name: "component",
        folder: Path::new(folder),
        world: rest.first().map(String::as_str),
        engine: rest.get(1).and_then(|engine| Engine::of(engine)),
        out: Path::new(out),
    };
    let started = Instant::now();
    match build(language, &project, &Tools { tell: &Aloud }) {
        Ok(path) => {
            let bytes = std::fs::metadata(&path).map_or(0, |file| file.len());
            println!("{} ({bytes} bytes) in {:.1?}", path.display(), started.elapsed());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

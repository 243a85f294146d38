//! The demo app, as far as it is written in Rust, in a folder of its own and with a few words of its
//! manifest changed. Shared by the tests of this folder.

#![allow(dead_code, reason = "no test needs all of it")]

use crate::host::Host;
use crate::serving::App;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Where the demo's manifest says that the origin of `profile` is.
pub(crate) const ORIGIN: &str = "127.0.0.1:8788";

const MANIFEST: &str = "selvedge.toml";
/// The variable that the secret `jwt-key` comes from.
const KEY_VARIABLE: &str = "JWT_KEY";
const CLOCK_VARIABLE: &str = "SELVEDGE_CLOCK_OFFSET_FILE";

impl App {
    /// The demo with words of its manifest in the place of others; each must be there. The demo is
    /// built once, so these are words about what is granted.
    pub(crate) fn demo(changes: &[(&str, &str)]) -> Self {
        static BUILT: OnceLock<App> = OnceLock::new();
        let built = BUILT.get_or_init(|| App::in_folder(demo_in_rust()));
        let app = built.copied();
        let mut manifest = fs::read_to_string(app.path(MANIFEST)).unwrap();
        for (word, other) in changes {
            assert!(manifest.contains(word), "the demo's manifest says nothing of {word:?}");
            manifest = manifest.replace(word, other);
        }
        fs::write(app.path(MANIFEST), manifest).unwrap();
        app
    }

    /// A host that serves the demo, with a key for tokens, and a clock that can be moved.
    pub(crate) fn start_demo(&self, key: &str) -> Host {
        let clock = self.path("clock");
        if !clock.exists() {
            self.set_clock_ahead(0);
        }
        self.start_behind("", &[(KEY_VARIABLE, Path::new(key)), (CLOCK_VARIABLE, &clock)])
    }

    /// Moves the clock to so many seconds after the time that it is.
    pub(crate) fn set_clock_ahead(&self, seconds: u64) {
        // Renamed into its place, so that the host never reads half a number.
        fs::write(self.path("clock.next"), seconds.to_string()).unwrap();
        fs::rename(self.path("clock.next"), self.path("clock")).unwrap();
    }
}

/// The script that serves the demo: it has a secret, a token, and what people are told to try.
pub(crate) struct Script(String);

impl Script {
    pub(crate) fn read() -> Self {
        Self(fs::read_to_string(components().join("run.sh")).unwrap())
    }

    /// The secret that tokens of HS256 are signed with.
    pub(crate) fn key(&self) -> &str {
        self.between("JWT_KEY:-", "}")
    }

    /// A token that it signs, of "ada".
    pub(crate) fn token(&self) -> &str {
        self.between("\ntoken=", "\n")
    }

    /// The lines to try, with their placeholders.
    pub(crate) fn tries(&self) -> impl Iterator<Item = &str> {
        let lines = self.between("<<TRY\n", "\nTRY\n").lines();
        lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("Try"))
    }

    fn between(&self, before: &str, after: &str) -> &str {
        let found = self.0.split_once(before).and_then(|(_, rest)| rest.split_once(after));
        found.unwrap_or_else(|| panic!("run.sh has nothing between {before:?} and {after:?}")).0
    }
}

/// A file that a test of `jwt-auth` has, too.
pub(crate) fn jwt_file(name: &str) -> String {
    fs::read_to_string(components().join("jwt-auth/tests").join(name)).unwrap().trim().to_owned()
}

fn components() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../components")
}

/// A folder with the demo's manifest, but for components that need the tools of other languages.
fn demo_in_rust() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    // The way from there to here, since a manifest has no absolute paths.
    let up: PathBuf =
        home.path().canonicalize().unwrap().components().skip(1).map(|_| "..").collect();
    let down = components().canonicalize().unwrap();
    let sources = Path::join(&up, down.strip_prefix("/").unwrap());
    let text = fs::read_to_string(components().join(MANIFEST)).unwrap();
    let tables: Vec<&str> = text.split("\n[").collect();
    let is_foreign = |table: &&str| table.contains("\nlanguage = ");
    let foreign: Vec<String> = tables
        .iter()
        .filter(|table| is_foreign(table))
        .filter_map(|table| table.strip_prefix("components.")?.split_once(']'))
        .map(|(name, _)| format!("\ncomponent = {name:?}\n"))
        .collect();
    let is_kept = |table: &&str| {
        !is_foreign(table) && !foreign.iter().any(|component| table.contains(component))
    };
    let manifest = tables.into_iter().filter(is_kept).collect::<Vec<_>>().join("\n[");
    let manifest =
        manifest.replace("\nsource = \"", &format!("\nsource = \"{}/", sources.display()));
    fs::write(home.path().join(MANIFEST), manifest).unwrap();
    home
}

//! An app that is developed: what a test saves in it, and what `selvedge dev` says of it.

use crate::host::{ANY, Host, SELVEDGE};
use crate::parts;
use crate::serving::App;
use std::any::Any;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest that a swap may take on a machine that does other things, too.
const SWAP_MAX: Duration = Duration::from_secs(60);

/// An app of the suite's guests: a service, and two classes of objects.
pub(crate) const MANIFEST: &str = r#"
name = "app"
[components.probe]
wasm = "probe.wasm"
keyvalue = ["notes"]
objects = ["subject", "plain"]
[components.subject]
wasm = "subject.wasm"
objects = ["subject", "plain"]
[components.plain]
wasm = "plain.wasm"
[services.probe]
component = "probe"
routes = ["/probe/*"]
[objects.subject]
component = "subject"
[objects.plain]
component = "plain"
[keyvalue.notes]
"#;

/// A host that serves while a test changes the app.
pub(crate) struct Developed {
    pub(crate) folder: PathBuf,
    pub(crate) host: Host,
    /// How many lines were waited for.
    seen: usize,
    /// The folder, which goes with this.
    _app: Box<dyn Any>,
}

/// `dev`, at any free port.
pub(crate) fn dev(app: &Path) -> Command {
    let mut dev = Command::new(SELVEDGE);
    dev.args(["dev", "--listen", ANY, "--app"]).arg(app);
    dev
}

/// An app of components in text, in a folder of its own.
pub(crate) fn small(manifest: &str, files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("selvedge.toml"), manifest).unwrap();
    for (path, bytes) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

/// A service that answers with a status.
pub(crate) fn answering(status: u16) -> Vec<u8> {
    parts::service("0.3.0", status, None)
}

impl Developed {
    /// Develops an app of the suite's guests.
    pub(crate) fn of(manifest: &str) -> Self {
        let app = App::of(manifest);
        let folder = app.path("").canonicalize().unwrap();
        Self::start(folder, Box::new(app))
    }

    /// Develops an app of components in text.
    pub(crate) fn of_small(app: TempDir) -> Self {
        Self::start(app.path().canonicalize().unwrap(), Box::new(app))
    }

    fn start(folder: PathBuf, app: Box<dyn Any>) -> Self {
        let host = Host::start(dev(&folder), folder.join("log"));
        let mut developed = Self { folder, host, seen: 0, _app: app };
        // From here on, whatever is saved is noticed.
        developed.says("Watching");
        developed
    }

    pub(crate) fn save(&self, path: &str, bytes: &[u8]) {
        fs::write(self.folder.join(path), bytes).unwrap();
    }

    /// Adds a section of no meaning to a component: another file that does the same.
    pub(crate) fn rewrite(&self, path: &str, note: u8) {
        let mut bytes = fs::read(self.folder.join(path)).unwrap();
        bytes.extend([0, 6, 4]);
        bytes.extend(b"note");
        bytes.push(note);
        self.save(path, &bytes);
    }

    pub(crate) fn manifest(&self) -> String {
        fs::read_to_string(self.folder.join("selvedge.toml")).unwrap()
    }

    /// Waits for the next line that says something; gives it.
    pub(crate) fn says(&mut self, what: &str) -> String {
        let begun = Instant::now();
        loop {
            let log = self.host.log();
            let lines = log.lines().enumerate().skip(self.seen);
            if let Some((number, line)) = lines.clone().find(|(_, line)| line.contains(what)) {
                self.seen = number + 1;
                return line.to_owned();
            }
            assert!(begun.elapsed() < SWAP_MAX, "it does not say {what:?}: {log}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn status(&self, path: &str) -> u16 {
        self.host.request("GET", path, "").status
    }
}

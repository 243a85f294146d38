//! The app that these tests serve, and what its objects leave on disk.

use crate::serving::App;
use selvedge_contract::object::object_id;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Command;

/// The demo's counter, and the suite's probe with its object.
const MANIFEST: &str = r#"
name = "app"
[components.counter]
wasm = "counter.wasm"
objects = ["counter"]
[components.counter-object]
wasm = "counter-object.wasm"
[components.probe]
wasm = "probe.wasm"
objects = ["subject", "plain"]
[components.subject]
wasm = "subject.wasm"
allow-hosts = ["127.0.0.1"]
[components.plain]
wasm = "plain.wasm"
[services.counter]
component = "counter"
routes = ["/counter/{name}"]
[services.counter.limits]
concurrent-requests = 4000
[services.probe]
component = "probe"
routes = ["/probe/*"]
[objects.counter]
component = "counter-object"
[objects.counter.limits]
calls = 4000
[objects.subject]
component = "subject"
[objects.plain]
component = "plain"
"#;

impl App {
    pub(crate) fn new() -> Self {
        Self::of(MANIFEST)
    }

    /// What runs a host without root's rights, in front of it; the app is then its own.
    pub(crate) fn unprivileged(&self) -> String {
        const NOBODY: u32 = 65_534;
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            return String::new();
        }
        let owned =
            Command::new("chown").args(["-R", &NOBODY.to_string()]).arg(self.path("")).status();
        assert!(owned.unwrap().success());
        // `exec` stands behind this, and takes it as its command's first words.
        format!("set -- setpriv --reuid={NOBODY} --clear-groups \"$@\";")
    }

    /// The file of an object.
    pub(crate) fn file(&self, class: &str, name: &str) -> PathBuf {
        let id = object_id(class, name);
        self.objects().join(class).join(&id[..2]).join(format!("{id}.sqlite"))
    }

    fn objects(&self) -> PathBuf {
        self.path(".selvedge/data/objects")
    }

    /// The logs of objects that were not folded.
    pub(crate) fn logs(&self) -> Vec<PathBuf> {
        let entries = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
        let classes = entries(self.objects()).map(|entry| entry.path());
        let folders = classes.flat_map(|class| entries(class).map(|entry| entry.path()));
        let files = folders.flat_map(|folder| entries(folder).map(|entry| entry.path()));
        files.filter(|path| path.to_string_lossy().ends_with("-wal")).collect()
    }
}

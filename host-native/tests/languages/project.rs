//! A project in a folder of its own, made of what a page has.

use crate::host::{ANY, Host, SELVEDGE, serve};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// An app in the folder `app` of another, which may have more.
pub(crate) struct Project(TempDir);

/// What serves the component that the pages call `hello`.
const SERVICE: &str = "[services.hello]\ncomponent = \"hello\"\nroutes = [\"/*\"]\n";

impl Project {
    /// An app with the components of a manifest's part, one of which serves.
    pub(crate) fn serving(components: &str) -> Self {
        Self::of(&format!("{components}\n{SERVICE}"))
    }

    /// An app with a manifest, to which a name is added.
    pub(crate) fn of(manifest: &str) -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        project.with("selvedge.toml", &format!("name = \"tried\"\n{manifest}"))
    }

    /// The same with a file.
    pub(crate) fn with(self, path: &str, text: &str) -> Self {
        let path = self.app().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// The same with a file of the repository.
    pub(crate) fn with_copy(self, path: &str, of: &str) -> Self {
        let text = fs::read_to_string(repository().join(of)).unwrap();
        self.with(path, &text)
    }

    /// The same with the example object in Go, or another in its place.
    pub(crate) fn with_counter(self, main: Option<&str>) -> Self {
        let project = self
            .with_copy("counter/go/go.mod", "components/counter/go/go.mod")
            .with_copy("counter/wit/counter.wit", "components/counter/wit/counter.wit");
        match main {
            Some(main) => project.with("counter/go/main.go", main),
            None => project.with_copy("counter/go/main.go", "components/counter/go/main.go"),
        }
    }

    pub(crate) fn app(&self) -> PathBuf {
        self.0.path().join("app")
    }

    /// `selvedge build`, not yet started.
    pub(crate) fn build(&self) -> Command {
        let mut build = Command::new(SELVEDGE);
        build.args(["build", "--app"]).arg(self.app()).stdin(Stdio::null());
        build
    }

    pub(crate) fn is_built(&self) {
        let output = self.build().output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Builds and serves.
    pub(crate) fn start(&self) -> Host {
        self.is_built();
        Host::start(serve(&self.app(), ANY), self.0.path().join("log"))
    }

    /// Builds, serves, and gets the text at a path.
    pub(crate) fn answers(&self, path: &str) -> String {
        let host = self.start();
        let mut stream = host.ask("GET", path, "").unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).unwrap();
        assert!(all.contains(" 200 "), "{all}\n{}", host.log());
        host.stop();
        all.split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

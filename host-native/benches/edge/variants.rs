//! The Workers that are measured, and how each is made and started.

use super::bundle::{self, Part};
use super::process::Server;
use anyhow::{Context as _, ensure};
use selvedge_languages::npm::{self, Packages};
use selvedge_languages::tool::Silent;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A way to write a Worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Variant {
    /// JavaScript, without a component.
    JavaScript,
    /// What `selvedge bundle` makes of components.
    Selvedge,
    /// What jco makes of the same components, with its own shims.
    Stock,
}

/// All of them, in the order of a round.
pub(crate) const VARIANTS: [Variant; 3] = [Variant::JavaScript, Variant::Selvedge, Variant::Stock];

/// Everything that has been made.
pub(crate) struct Made {
    /// How a bundle is run.
    run: Vec<String>,
    /// workerd by itself.
    pub(crate) workerd: PathBuf,
    /// By variant: all cases.
    folders: Vec<(Variant, PathBuf)>,
    /// By variant: hello alone, for starts.
    pub(crate) hellos: Vec<(Variant, PathBuf)>,
    /// What the bundle of hello weighs.
    pub(crate) parts: Vec<Part>,
}

impl Made {
    /// Bundles the components and builds the baselines below `out`.
    ///
    /// # Errors
    /// Where one cannot be made; the command that failed says why.
    pub(crate) fn make(scratch: &Path, out: &Path) -> anyhow::Result<Self> {
        let benches = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
        let (app, hello) = (benches.join("edge/app"), benches.join("edge/hello"));
        let all = bundle::make(&app, &out.join("selvedge"))?;
        let small = bundle::make(&hello, &out.join("selvedge-hello"))?;

        let tools = all.packages()?;
        let workerd = bundle::workerd(&tools)?;
        let run = all.run;
        let tools = npm::install(&STOCK, &Silent)?.join("node_modules");
        let stock = Stock { node: run[0].clone(), sources: benches.join("edge/stock"), tools };
        let wasm = |app: &Path, name: &str| app.join(format!(".selvedge/services/{name}.wasm"));
        let both = [("hello", wasm(&app, "hello")), ("keyvalue", wasm(&app, "keyvalue-get"))];
        stock.make(scratch, &out.join("stock"), &both)?;
        stock.make(scratch, &out.join("stock-hello"), &both[..1])?;

        let javascript = benches.join("edge/javascript");
        let three = |javascript: PathBuf, selvedge, stock| {
            vec![
                (Variant::JavaScript, javascript),
                (Variant::Selvedge, out.join(selvedge)),
                (Variant::Stock, out.join(stock)),
            ]
        };
        Ok(Self {
            run,
            workerd,
            folders: three(javascript.clone(), "selvedge", "stock"),
            hellos: three(javascript, "selvedge-hello", "stock-hello"),
            parts: small.sizes.parts,
        })
    }

    /// Starts `variant` with all cases; what it stores and writes goes below `folder`.
    ///
    /// # Errors
    /// Where it does not come up.
    pub(crate) fn start(&self, variant: Variant, folder: &Path) -> anyhow::Result<Server> {
        let of = |(other, _): &&(Variant, PathBuf)| *other == variant;
        let (_, bundle) = self.folders.iter().find(of).context("not made")?;
        bundle::serve(&self.run, bundle, folder, &format!("{variant:?}"))
    }
}

/// jco, its shims and a bundler, pinned.
const STOCK: Packages = Packages {
    what: "the packages of the baseline",
    name: "bench-stock",
    package_json: include_bytes!("stock/package.json"),
    package_lock: include_bytes!("stock/package-lock.json"),
};

/// jco by itself.
struct Stock {
    node: String,
    sources: PathBuf,
    tools: PathBuf,
}

impl Stock {
    /// Makes a Worker of `components` in `out`, working in a folder below `scratch` from which the
    /// tools are found.
    fn make(
        &self,
        scratch: &Path,
        out: &Path,
        components: &[(&str, PathBuf)],
    ) -> anyhow::Result<()> {
        let name = out.file_name().context("a folder has a name")?;
        let work = scratch.join("make").join(name);
        std::fs::create_dir_all(&work)?;
        for file in ["make.mjs", "worker.js", "wrangler.jsonc"] {
            std::fs::copy(self.sources.join(file), work.join(file))?;
        }
        std::os::unix::fs::symlink(&self.tools, work.join("node_modules"))?;
        let mut command = Command::new(&self.node);
        command.arg(work.join("make.mjs")).arg(out);
        command.args(components.iter().map(|(name, path)| format!("{name}={}", path.display())));
        let status = command.stdin(Stdio::null()).status()?;
        ensure!(status.success(), "{command:?}: {status}");
        Ok(())
    }
}

//! Makes the Workers host, and embeds it in the command: compiles `host-worker` for WebAssembly, has
//! wasm-bindgen write its JavaScript, and lists both with the glue and the scripts that bundle. So who
//! bundles an app needs neither Rust nor its WebAssembly target.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

#[path = "src/commands/build/toolchain.rs"]
mod toolchain;

const TARGET: &str = "wasm32-unknown-unknown";

fn main() -> ExitCode {
    match make() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            // Cargo shows what is told in this way alone, without the rest of the output.
            println!("cargo::error=the Workers host cannot be built: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn make() -> Result<(), String> {
    let out = folder_of("OUT_DIR")?;
    let host_native = folder_of("CARGO_MANIFEST_DIR")?;
    let root = host_native.parent().ok_or("host-native has no folder around it")?;
    let worker = root.join("host-worker");
    watch(root, &worker)?;

    let wasm = compile(&worker, &out.join("host-worker"))?;
    let host = out.join("host");
    bind(&wasm, &host)?;

    let mut files = Vec::new();
    for (prefix, folder) in
        [("host", &host), ("glue", &worker.join("glue")), ("bundle", &worker.join("bundle"))]
    {
        gather(prefix, folder, &mut files)?;
    }
    files.sort();
    let mut list = String::from("&[\n");
    for (name, path) in &files {
        list.push_str(&format!("    ({name:?}, include_bytes!({:?})),\n", path.display()));
    }
    list.push_str("]\n");
    let path = out.join("edge_files.rs");
    fs::write(&path, list).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn folder_of(variable: &str) -> Result<PathBuf, String> {
    let value = std::env::var_os(variable).map(PathBuf::from);
    value.ok_or_else(|| format!("cargo has not set {variable}"))
}

/// Names what the Workers host is made of, so that cargo runs this again where it changes and at no
/// other time.
fn watch(root: &Path, worker: &Path) -> Result<(), String> {
    let crates = ["src", "Cargo.toml", "Cargo.lock"].map(|name| worker.join(name));
    // What the crate takes over from the workspace is in the last.
    let contract =
        ["wit/contract/src", "wit/contract/Cargo.toml", "Cargo.toml"].map(|name| root.join(name));
    let glue = [worker.join("glue")];
    for path in crates.iter().chain(&contract).chain(&glue) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    // File by file: the folder may have installed packages in it, thousands of files. A script that
    // is new is used by another one, which changes with it.
    let mut scripts = Vec::new();
    gather("bundle", &worker.join("bundle"), &mut scripts)?;
    for (_, path) in scripts {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    for variable in ["RUSTC", "XDG_CACHE_HOME"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}

/// Compiles the crate, and says where its module lies.
fn compile(worker: &Path, target_folder: &Path) -> Result<PathBuf, String> {
    let mut cargo = toolchain::cargo(worker, TARGET)?;
    cargo.args(["build", "--release", "--locked", "--target", TARGET, "--target-dir"]);
    cargo.arg(target_folder);
    let output = cargo
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        return Err(format!(
            "cargo failed in {}; what the compiler said is below",
            worker.display()
        ));
    }
    Ok(target_folder.join(TARGET).join("release/selvedge_host_worker.wasm"))
}

/// Lets wasm-bindgen write `host.js`, `host_bg.js` and `host_bg.wasm`.
///
/// The library is pinned to the version of the crate `wasm-bindgen` that the module was compiled with,
/// and refuses any other.
fn bind(wasm: &Path, folder: &Path) -> Result<(), String> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| error.to_string())?;
    }
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    bindgen.input_path(wasm).out_name("host").typescript(false);
    // The names of functions are half of what the module weighs, and a Worker's limit is its size.
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen
        .bundler(true)
        .and_then(|bindgen| bindgen.generate(folder))
        .map_err(|error| format!("wasm-bindgen: {error:#}"))
}

/// Every file of a folder with its name behind `prefix`, but for installed packages and what is hidden.
fn gather(prefix: &str, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> Result<(), String> {
    let unreadable = |error| format!("cannot read {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if name == "node_modules" || name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let full = format!("{prefix}/{name}");
        match path.is_dir() {
            true => gather(&full, &path, files)?,
            false => files.push((full, path)),
        }
    }
    Ok(())
}

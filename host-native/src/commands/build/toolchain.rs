//! The compilers of guests, and the environment they run in. The build script has this file, too: the
//! Workers host is compiled for WebAssembly by the same compiler.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What an outer cargo, make or linter has set for itself, or its user for the host: guests have
/// settings of their own, in their manifests and in `.cargo/config.toml`.
const OF_THE_HOST: [&str; 14] = [
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_ENCODED_RUSTDOCFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_MAKEFLAGS",
    "CARGO_TARGET_DIR",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
];

/// A command that builds guests in `folder`. What it prints goes to standard error, since ours is
/// for the result.
pub(super) fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    for variable in OF_THE_HOST {
        command.env_remove(variable);
    }
    for variable in ["RUSTC", "RUSTDOC"] {
        // Cargo takes an empty name for a name.
        if std::env::var_os(variable).is_some_and(|value| value.is_empty()) {
            command.env_remove(variable);
        }
    }
    command
}

/// Cargo, for crates in `folder`, with a compiler that knows `target`.
///
/// # Errors
/// One sentence that says how to get such a compiler.
pub(super) fn cargo(folder: &Path, target: &str) -> Result<Command, String> {
    let mut cargo = command("cargo", folder);
    let chosen = std::env::var_os("RUSTC").filter(|rustc| !rustc.is_empty());
    let ordinary = chosen.map_or_else(|| PathBuf::from("rustc"), PathBuf::from);
    if knows_target(&ordinary, folder, target) {
        return Ok(cargo);
    }
    let private = private_toolchain().map(|folder| folder.join("bin"));
    if let Some(bin) = private.filter(|bin| knows_target(&bin.join("rustc"), folder, target)) {
        cargo.env("RUSTC", bin.join("rustc")).env("RUSTDOC", bin.join("rustdoc"));
        return Ok(cargo);
    }
    Err(format!(
        "the Rust compiler has no target {target}; run `rustup target add {target}` (or `just setup`)"
    ))
}

fn knows_target(rustc: &Path, folder: &Path, target: &str) -> bool {
    let output = command(&rustc.to_string_lossy(), folder)
        .args(["--print", "target-libdir", "--target", target])
        .stderr(Stdio::null())
        .output();
    output.is_ok_and(|output| {
        let libraries = String::from_utf8_lossy(&output.stdout);
        let mut files = std::fs::read_dir(libraries.trim_end()).into_iter().flatten().flatten();
        let is_std = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("libstd");
        output.status.success() && files.any(|file| is_std(&file.file_name()))
    })
}

/// Where the set-up keeps a compiler for guests, where rustup cannot be asked for one.
fn private_toolchain() -> Option<PathBuf> {
    let set = |variable| std::env::var_os(variable).filter(|value| !value.is_empty());
    let cache = set("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    Some(cache.join("selvedge/guest-rust/current"))
}

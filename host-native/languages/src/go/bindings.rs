//! Writes the Go bindings of a world into a project: the generator's, fitted to the runtime in `wit/`
//! beside this file, and the package `web` where the world speaks HTTP.
//!
//! What is changed of what the generator writes:
//! - its runtime module is a package of the project's, so there is nothing to fetch;
//! - values of the host are copied and freed where they are read (`wit/runtime/runtime.go` says why);
//! - what is pinned is only remembered, and what is not dropped is not collected: either took a good
//!   part of a request's time (`wit/runtime/runtime.go`, `wit/types/stream.go`);
//! - an export returns in the turn of its own task (`wit/async/async.go`);
//! - what the project exports is set as variables, and as structs with methods.

mod exports;

use crate::generated::{self, Files};
use crate::world::World;
use crate::{BuildError, io_error};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use wit_parser::WorldKey;

/// The generator's runtime module.
const GENERATORS: &str = "go.bytecodealliance.org/pkg/wit/";
/// What stands for the project's bindings in the packages here.
const PLACEHOLDER: &str = "selvedge.invalid/bindings/";
/// Tells from what the bindings in a folder were made.
const MADE_OF: &str = ".made-of";

macro_rules! carried {
    ($($path:literal),* $(,)?) => { &[$(($path, include_str!($path))),*] };
}

const RUNTIME: &[(&str, &str)] = carried![
    "wit/async/async.go",
    "wit/async/empty.s",
    "wit/runtime/empty.s",
    "wit/runtime/runtime.go",
    "wit/types/future.go",
    "wit/types/option.go",
    "wit/types/result.go",
    "wit/types/stream.go",
    "wit/types/tuple.go",
    "wit/types/unit.go",
];
const WEB: &str = include_str!("web/web.go");
const WEB_SERVER: &str = include_str!("web/server.go");
const WEB_CLIENT: &str = include_str!("web/client.go");

/// Writes the bindings into `folder`, where they are not there already.
pub(super) fn write(
    world: &World,
    module: &str,
    folder: &Path,
    root: &Path,
) -> Result<(), BuildError> {
    let mut files = generate(world, module)?;
    let made_of = fingerprint(&files).into_bytes();
    if fs::read(folder.join(MADE_OF)).is_ok_and(|is| is == made_of) {
        return Ok(());
    }
    let gofmt = root.join("bin/gofmt");
    for (path, text) in &mut files {
        if path.extension().is_some_and(|extension| extension == "go")
            && let Some(formatted) = formatted(&gofmt, text)
        {
            *text = formatted;
        }
    }
    files.insert(PathBuf::from(MADE_OF), made_of);
    generated::fill(folder, files).map_err(|error| io_error(folder, error))
}

/// All files of the bindings, as they come.
fn generate(world: &World, module: &str) -> Result<Files, BuildError> {
    let options = wit_bindgen_go::Opts {
        // It would take whatever `gofmt` is on PATH.
        format: wit_bindgen_go::Format::False,
        generate_stubs: true,
        pkg_name: Some(PLACEHOLDER.trim_end_matches('/').to_owned()),
        ..wit_bindgen_go::Opts::default()
    };
    let mut resolve = world.resolve.clone();
    let mut made = wit_bindgen_core::Files::default();
    options.build().generate(&mut resolve, world.id, &mut made).map_err(|error| {
        BuildError::Other(format!("no Go bindings of {} can be made: {error:#}", world.full_name()))
    })?;
    let mut texts: Vec<(String, String)> = Vec::new();
    for (path, content) in made.iter() {
        let text = String::from_utf8_lossy(content).into_owned();
        texts.push((path.to_owned(), fit(&text, path)?));
    }
    texts.extend(RUNTIME.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    texts.extend(web(world));
    let own = format!("{module}/bindings/");
    let placed = |(path, text): (String, String)| {
        let text = text.replace(GENERATORS, &format!("{own}wit/")).replace(PLACEHOLDER, &own);
        (PathBuf::from(path), text.into_bytes())
    };
    Ok(texts.into_iter().map(placed).collect())
}

/// The package `web`, as far as the world speaks HTTP.
fn web(world: &World) -> Vec<(String, String)> {
    let Some(resolved) = world.resolve.worlds.get(world.id) else { return Vec::new() };
    let is = |key: &WorldKey, name: &str| world.resolve.name_world_key(key) == name;
    let server = resolved.exports.keys().any(|key| is(key, "wasi:http/handler@0.3.0"));
    let client = resolved.imports.keys().any(|key| is(key, "wasi:http/client@0.3.0"));
    let mut files = Vec::new();
    let mut add = |name: &str, text: &str| files.push((format!("web/{name}"), text.to_owned()));
    if server || client {
        add("web.go", WEB);
    }
    if server {
        add("server.go", WEB_SERVER);
    }
    if client {
        add("client.go", WEB_CLIENT);
    }
    files
}

/// A file of the generator's, changed as the module's doc says.
fn fit(text: &str, path: &str) -> Result<String, BuildError> {
    let text = text
        .replace(":= unsafe.String((*uint8)", ":= witRuntime.TakeString((*uint8)")
        .replace(":= unsafe.Slice((*", ":= witRuntime.TakeSlice((*")
        .replace("witAsync.Run(func() {", "witAsync.Run(func(task *witAsync.Task) {")
        .replace("&runtime.Pinner{}", "&witRuntime.Pinner{}")
        .replace("= runtime.Pinner{}", "= witRuntime.Pinner{}")
        .replace("*runtime.Pinner,", "*witRuntime.Pinner,");
    let mut lines: Vec<String> = Vec::new();
    let mut in_cleanup = false;
    for line in text.lines() {
        in_cleanup |= line.trim_start().starts_with("runtime.AddCleanup(value, ");
        if in_cleanup {
            in_cleanup = line.trim() != "}, 0)";
            continue;
        }
        if line.trim_start().starts_with("wasm_export_task_return_") {
            lines.push("task.Enter()".to_owned());
        }
        if line.trim_start().starts_with("base := unsafe.Add(unsafe.Pointer(") {
            free_list(&mut lines, line);
        }
        lines.push(line.to_owned());
    }
    let mut text = lines.join("\n") + "\n";
    if text.contains("unsafe.String(") {
        return Err(unknown(path));
    }
    let import = "witRuntime \"go.bytecodealliance.org/pkg/wit/runtime\"";
    if text.contains("witRuntime.") && !text.contains(import) {
        text = text.replacen("import (\n", &format!("import (\n{import}\n"), 1);
    }
    let uses_runtime = text.replace("witRuntime.", "").contains("runtime.");
    if !uses_runtime {
        let is_import = |line: &&str| line.trim() != "\"runtime\"";
        text = text.lines().filter(is_import).collect::<Vec<_>>().join("\n") + "\n";
    }
    Ok(exports::fit(&text))
}

/// Has a list of the host's freed once it was read. Reading looks like this:
/// ```go
/// result := make([]T, 0, LENGTH)
/// for index := 0; index < int(LENGTH); index++ {
///         base := unsafe.Add(unsafe.Pointer(POINTER), index * SIZE)
/// ```
fn free_list(lines: &mut Vec<String>, base: &str) {
    let [.., made, loops] = lines.as_slice() else { return };
    if !(made.contains(" := make([]") || made.contains(" := make(map[")) {
        return; // Writing looks alike, but for this.
    }
    let length = loops
        .split_once("index < int(")
        .and_then(|(_, rest)| rest.rsplit_once("); index++"))
        .map(|(length, _)| length.to_owned());
    let pointer = base.trim_start().strip_prefix("base := unsafe.Add(");
    let pointer = pointer.and_then(|rest| rest.rsplit_once(", index * "));
    if let (Some(length), Some((pointer, size))) = (length, pointer) {
        let size = size.trim_end().trim_end_matches(')');
        let size = if size.contains('(') { format!("{size})") } else { size.to_owned() };
        let free = format!("defer witRuntime.Free({pointer}, uintptr({length}) * {size})");
        lines.insert(lines.len() - 2, free);
    }
}

fn unknown(path: &str) -> BuildError {
    BuildError::Other(format!(
        "the Go bindings {path} read a value in a way that selvedge does not know; report it with the WIT"
    ))
}

/// Tells one set of files from another.
fn fingerprint(files: &Files) -> String {
    let mut hash = Sha256::new();
    for (path, text) in files {
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    format!("{:x}\n", hash.finalize())
}

/// The text as Go's own tool writes it; `None` where that is not there or has nothing to say.
fn formatted(gofmt: &Path, text: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new(gofmt)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    let text = text.to_vec();
    // It may write before it has read all.
    let writer = std::thread::spawn(move || stdin.write_all(&text));
    let output = child.wait_with_output().ok()?;
    let is_written = writer.join().is_ok_and(|written| written.is_ok());
    (is_written && output.status.success()).then_some(output.stdout)
}

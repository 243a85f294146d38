//! Builds components from C, with zig or with the clang of a WASI SDK.
//!
//! Every `*.c` below the project's `src/` is compiled, with the bindings of its world: `wit.h`, and
//! `selvedge_http.h` where the world answers HTTP, so that nobody has to write the callbacks of an
//! asynchronous export by hand.

use crate::componentize::{self, Adapter, Embedded};
use crate::generated::{self, Files};
use crate::tool::{self, Show, Tools, Wanted};
use crate::world::World;
use crate::{BINDINGS, BuildError, Project, io_error};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wit_parser::WorldKey;

/// What compiles C where there is no WASI SDK.
const ZIG: Wanted = Wanted {
    what: "A C compiler for WebAssembly (zig, or a WASI SDK that WASI_SDK_PATH names)",
    // The second is what the package of PyPI installs.
    programs: &["zig", "python-zig"],
    version: &["version"],
    oldest: [0, 14, 0],
    below: None,
    package: "ziglang==0.17.1",
};

/// The same names in all projects: the generator would take the world's.
const WIT: &str = "wit";

const HTTP_HEADER: &str = include_str!("c/selvedge_http.h");
const HTTP_SOURCE: &str = include_str!("c/selvedge_http.c");

/// Builds the project, and returns the component.
pub(crate) fn build(
    project: &Project<'_>,
    world: &World,
    _: &Tools<'_>,
) -> Result<Vec<u8>, BuildError> {
    let bindings = project.folder.join(BINDINGS);
    let files = generate(world)?;
    generated::fill(&bindings, files).map_err(|error| io_error(&bindings, error))?;

    let work = project.out.join(format!("{}.c", project.name));
    fs::create_dir_all(&work).map_err(|error| io_error(&work, error))?;
    let work = std::path::absolute(&work).map_err(|error| io_error(&work, error))?;
    let core = work.join("core.wasm");
    let mut compile = compiler(project.folder, &work)?;
    compile
        .args(["-O2", "-std=gnu17", "-Wall", "-Wextra", "-mexec-model=reactor", "-Wl,--strip-all"])
        .args(["-I", BINDINGS, "-I", "src"])
        .args(sources(project.folder)?)
        .args(generated_sources(&bindings)?)
        .arg("-o")
        .arg(&core);
    tool::run(&mut compile, "cc", Show::Always)?;
    let module = fs::read(&core).map_err(|error| io_error(&core, error))?;
    Ok(componentize::component(module, world, Embedded::Already, Adapter::Proxy)?)
}

/// The compiler, told what it compiles for: that of a WASI SDK, where the user names one, else zig.
fn compiler(folder: &Path, work: &Path) -> Result<Command, BuildError> {
    if let Some(sdk) = std::env::var_os("WASI_SDK_PATH").filter(|path| !path.is_empty()) {
        let clang = PathBuf::from(&sdk).join("bin/clang");
        if !clang.is_file() {
            return Err(BuildError::Other(format!(
                "WASI_SDK_PATH is {}, which has no bin/clang; name the folder of a WASI SDK, or unset it",
                Path::new(&sdk).display()
            )));
        }
        let mut command = tool::command(clang, folder);
        command.arg("--target=wasm32-wasip1");
        return Ok(command);
    }
    let zig = ZIG.find(folder).map_err(BuildError::Tool)?.program;
    let mut command = tool::command(zig, folder);
    command.args(["cc", "-target", "wasm32-wasi"]).env("ZIG_LOCAL_CACHE_DIR", work.join("cache"));
    Ok(command)
}

/// All of the project's C, by paths in its folder: messages of the compiler tell them.
fn sources(folder: &Path) -> Result<Vec<OsString>, BuildError> {
    let mut found = Vec::new();
    collect(&folder.join("src"), Path::new("src"), &mut found)?;
    if found.is_empty() {
        return Err(BuildError::Other(format!(
            "{} has no file *.c; put the component's sources there",
            folder.join("src").display()
        )));
    }
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, inner: &Path, found: &mut Vec<OsString>) -> Result<(), BuildError> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let entry = entry.map_err(|error| io_error(folder, error))?;
        let (path, inner) = (entry.path(), inner.join(entry.file_name()));
        if path.is_dir() {
            collect(&path, &inner, found)?;
        } else if path.extension().is_some_and(|extension| extension == "c") {
            found.push(inner.into_os_string());
        }
    }
    Ok(())
}

/// What is generated and linked: C, and the world itself as an object file.
fn generated_sources(bindings: &Path) -> Result<Vec<OsString>, BuildError> {
    let mut found = vec![Path::new(BINDINGS).join("wit_component_type.o").into_os_string()];
    collect(bindings, Path::new(BINDINGS), &mut found)?;
    found.sort();
    Ok(found)
}

/// The bindings, and the library for HTTP where the world answers it.
fn generate(world: &World) -> Result<Files, BuildError> {
    let options = wit_bindgen_c::Opts {
        rename_world: Some(WIT.to_owned()),
        ..wit_bindgen_c::Opts::default()
    };
    let mut resolve = world.resolve.clone();
    let mut made = wit_bindgen_core::Files::default();
    options.build().generate(&mut resolve, world.id, &mut made).map_err(|error| {
        BuildError::Other(format!("no C bindings of {} can be made: {error:#}", world.full_name()))
    })?;
    let mut files: Files =
        made.iter().map(|(path, text)| (PathBuf::from(path), text.to_vec())).collect();
    let Some(resolved) = world.resolve.worlds.get(world.id) else { return Ok(files) };
    let is = |key: &WorldKey, name: &str| world.resolve.name_world_key(key) == name;
    if resolved.exports.keys().any(|key| is(key, "wasi:http/handler@0.3.0")) {
        let mut header = HTTP_HEADER.to_owned();
        if resolved.imports.keys().any(|key| is(key, "wasi:http/client@0.3.0")) {
            let include = "#include \"wit.h\"\n";
            header = header.replacen(
                include,
                &format!("{include}\n// The world has `wasi:http/client`.\n#define SELVEDGE_HTTP_CLIENT 1\n"),
                1,
            );
        }
        files.insert(PathBuf::from("selvedge_http.h"), header.into_bytes());
        files.insert(PathBuf::from("selvedge_http.c"), HTTP_SOURCE.as_bytes().to_vec());
    }
    Ok(files)
}

/// Finds the tools without running them on anything; says what its author should know of.
pub(crate) fn check(project: &Project<'_>, _world: &World) -> Result<Vec<String>, BuildError> {
    sources(project.folder)?;
    compiler(project.folder, project.out)?;
    Ok(Vec::new())
}

//! Prints and exports WIT: that which travels in this command, and that of any component.

use crate::carried::{self, Package};
use crate::generated;
use crate::world::WorldError;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use wit_component::{OutputToString, WitPrinter};
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Docs, PackageId, Resolve};

/// Why WIT cannot be printed or exported.
#[derive(Debug, thiserror::Error)]
pub enum WitError {
    /// Nothing of this command has the name.
    #[error(
        "there is no package or interface {name:?} in selvedge; `selvedge wit list` prints all, and a file is named by its path"
    )]
    Unknown {
        /// The name.
        name: String,
    },
    /// A file cannot be read or written.
    #[error("cannot access {}: {source}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is no component.
    #[error("{} is not a component: {reason}", .path.display())]
    NotAComponent {
        /// Which.
        path: PathBuf,
        /// What it is.
        reason: String,
    },
    /// A file is in the way of an export.
    #[error("{} is there with another content; move it away, or replace it by --force", .path.display())]
    InTheWay {
        /// Which.
        path: PathBuf,
    },
    /// This command's own WIT is broken, which a test rules out.
    #[error(transparent)]
    World(#[from] WorldError),
}

/// All packages of this command with their interfaces and worlds, each with the first sentence of its
/// documentation.
///
/// # Errors
/// Never, as a test shows.
pub fn list() -> Result<String, WitError> {
    let resolve = carried::resolve()?;
    let mut text = String::new();
    for package in carried::packages() {
        let Some(id) = resolve.package_names.get(&package.name) else { continue };
        let Some(known) = resolve.packages.get(*id) else { continue };
        if !text.is_empty() {
            text.push('\n');
        }
        line(&mut text, &package.name.to_string(), &known.docs);
        for (name, id) in &known.worlds {
            let docs = resolve.worlds.get(*id).map(|world| &world.docs);
            line(&mut text, &format!("  world {name}"), docs.unwrap_or(&Docs::default()));
        }
        for (name, id) in &known.interfaces {
            let docs = resolve.interfaces.get(*id).map(|interface| &interface.docs);
            line(&mut text, &format!("  interface {name}"), docs.unwrap_or(&Docs::default()));
        }
    }
    Ok(text)
}

fn line(text: &mut String, name: &str, docs: &Docs) {
    let docs = docs.contents.as_deref().unwrap_or_default();
    // A paragraph ends with an empty line, and a sentence with a full stop.
    let paragraph = docs.split("\n\n").next().unwrap_or_default();
    let paragraph = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = paragraph.split_once(". ").map_or(paragraph.as_str(), |(first, _)| first);
    let sentence = sentence.trim_end_matches(['.', ':']);
    // Writing to a text cannot fail.
    let _ = match sentence.is_empty() {
        true => writeln!(text, "{name}"),
        false => writeln!(text, "{name:<32} {sentence}"),
    };
}

/// The WIT of a package or interface of this command, by its name with or without a version, or of a
/// component, by its path; without a name, that of our own packages.
///
/// # Errors
/// [`WitError`], with the next step.
pub fn show(name: Option<&str>) -> Result<String, WitError> {
    let Some(name) = name else {
        let ours = carried::packages().iter().filter(|it| it.name.namespace == "selvedge");
        return Ok(ours.map(text_of).collect::<Vec<_>>().join("\n"));
    };
    let path = Path::new(name);
    if path.is_file() || path.extension().is_some_and(|extension| extension == "wasm") {
        return of_component(path);
    }
    let (full, version) = match name.split_once('@') {
        Some((full, version)) => (full, Some(version)),
        None => (name, None),
    };
    let (package, item) = match full.split_once('/') {
        Some((package, item)) => (package, Some(item)),
        None => (full, None),
    };
    let packages = carried::packages().iter().filter(|known| {
        let of = &known.name;
        format!("{}:{}", of.namespace, of.name) == package
            && version.is_none_or(|version| {
                of.version.as_ref().is_some_and(|is| is.to_string() == version)
            })
    });
    let texts = match item {
        None => packages.map(text_of).collect::<Vec<_>>(),
        Some(item) => {
            let resolve = carried::resolve()?;
            packages.filter_map(|package| item_of(resolve, package, item)).collect()
        }
    };
    match texts.is_empty() {
        true => Err(WitError::Unknown { name: name.to_owned() }),
        false => Ok(texts.join("\n")),
    }
}

fn text_of(package: &Package) -> String {
    let texts: Vec<&str> = package.files.iter().map(|(_, text)| text.as_str()).collect();
    texts.join("\n")
}

/// One interface or world of a package, under its header.
fn item_of(resolve: &Resolve, package: &Package, item: &str) -> Option<String> {
    let id = *resolve.package_names.get(&package.name)?;
    let mut only = resolve.clone();
    let known = only.packages.get_mut(id)?;
    known.interfaces.retain(|name, _| name == item);
    known.worlds.retain(|name, _| name == item);
    if known.interfaces.is_empty() && known.worlds.is_empty() {
        return None;
    }
    print(&only, id, &[]).ok()
}

/// The world of a component with all that it refers to.
fn of_component(path: &Path) -> Result<String, WitError> {
    let bytes =
        fs::read(path).map_err(|source| WitError::Io { path: path.to_path_buf(), source })?;
    let not = |reason: String| WitError::NotAComponent { path: path.to_path_buf(), reason };
    if !bytes.starts_with(b"\0asm") {
        return Err(not("it is not WebAssembly".to_owned()));
    }
    if bytes.get(4..8) == Some(b"\x01\0\0\0") {
        return Err(not("it is a core module, which has no WIT".to_owned()));
    }
    let decoded = decode(&bytes).map_err(|error| not(format!("{error:#}")))?;
    let (resolve, main) = match &decoded {
        DecodedWasm::WitPackage(resolve, package) => (resolve, Some(*package)),
        DecodedWasm::Component(resolve, world) => {
            (resolve, resolve.worlds.get(*world).and_then(|world| world.package))
        }
    };
    let main = main.ok_or_else(|| not("its world is in no package".to_owned()))?;
    let others: Vec<PackageId> =
        resolve.packages.iter().map(|(id, _)| id).filter(|id| *id != main).collect();
    print(resolve, main, &others).map_err(|error| not(format!("{error:#}")))
}

fn print(resolve: &Resolve, main: PackageId, others: &[PackageId]) -> anyhow::Result<String> {
    let mut printer = WitPrinter::new(OutputToString::default());
    printer.print(resolve, main, others)?;
    Ok(printer.output.to_string().trim_end().to_owned() + "\n")
}

/// Writes every package into a folder of its own in `folder`, as other toolchains read them from
/// `wit/deps`; says how many.
///
/// # Errors
/// [`WitError::InTheWay`] where a file differs, unless `force`d; then nothing was written.
pub fn export(folder: &Path, force: bool) -> Result<usize, WitError> {
    let packages = carried::packages();
    let files: Vec<(PathBuf, &str)> = packages
        .iter()
        .flat_map(|package| {
            let own = folder.join(&package.folder);
            package.files.iter().map(move |(name, text)| (own.join(name), text.as_str()))
        })
        .collect();
    let stale: Vec<&(PathBuf, &str)> = files
        .iter()
        .filter(|(path, text)| !fs::read(path).is_ok_and(|is| is == text.as_bytes()))
        .collect();
    if let Some((path, _)) = stale.iter().find(|(path, _)| !force && path.exists()) {
        return Err(WitError::InTheWay { path: path.clone() });
    }
    for (path, text) in stale {
        let io = |source| WitError::Io { path: path.clone(), source };
        fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(io)?;
        generated::replace(path, text.as_bytes()).map_err(io)?;
    }
    Ok(packages.len())
}

#[cfg(test)]
mod tests {
    use super::{WitError, export, list, show};
    use std::fs;
    use wit_parser::Resolve;

    #[test]
    fn everything_is_listed_with_a_sentence() {
        let list = list().unwrap();
        for (name, sentence) in [
            (
                "selvedge:keyvalue@0.1.0",
                "A key-value store with a time to live, made for many reads and few writes",
            ),
            ("  world service", "Answers HTTP requests"),
            ("  interface store", "Stores by name, and what is in them"),
        ] {
            let line = format!("{name:<32} {sentence}");
            assert!(list.lines().any(|is| is == line), "{line:?} in\n{list}");
        }
    }

    #[test]
    fn what_is_shown_is_wit_with_its_documentation() {
        let text = show(Some("selvedge:keyvalue")).unwrap();
        assert!(text.contains("package selvedge:keyvalue@0.1.0;"), "{text}");
        assert!(text.contains("\n/// Stores by name, and what is in them.\ninterface store {\n"));
        Resolve::default().push_str("keyvalue.wit", &text).unwrap();
        let text = show(Some("wasi:config/store@0.2.0-rc.1")).unwrap();
        assert!(text.starts_with("package wasi:config@0.2.0-rc.1;"), "{text}");
        Resolve::default().push_str("store.wit", &text).unwrap();
        let text = show(Some("wasi:http/handler")).unwrap();
        assert!(text.contains("handle: async func("), "{text}");
        assert!(show(None).unwrap().contains("package selvedge:durable@0.1.0;"));
        for name in ["selvedge:nothing", "wasi:http/nothing", "wasi:http@9.0.0", "http", ""] {
            assert!(matches!(show(Some(name)), Err(WitError::Unknown { .. })), "{name}");
        }
    }

    #[test]
    fn what_is_exported_is_whole_and_replaces_nothing() {
        let place = tempfile::tempdir().unwrap();
        let wit = place.path().join("wit");
        let count = export(&wit.join("deps"), false).unwrap();
        fs::write(
            wit.join("world.wit"),
            "package me:app;\nworld w { include selvedge:app/service@0.1.0; include selvedge:app/service-p2@0.1.0; }",
        )
        .unwrap();
        let mut resolve = Resolve::default();
        resolve.push_dir(&wit).unwrap();
        assert_eq!(resolve.packages.len(), count + 1);
        assert_eq!(export(&wit.join("deps"), false).unwrap(), count);
        let mine = wit.join("deps/selvedge-keyvalue-0.1.0/keyvalue.wit");
        fs::write(&mine, "mine").unwrap();
        let error = export(&wit.join("deps"), false).unwrap_err();
        assert!(matches!(&error, WitError::InTheWay { path } if *path == mine), "{error}");
        assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
        export(&wit.join("deps"), true).unwrap();
        assert_ne!(fs::read_to_string(&mine).unwrap(), "mine");
    }

    #[test]
    fn the_wit_of_a_component_is_shown_and_anything_else_is_named() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.wasm");
        let show = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            super::show(path.to_str())
        };
        let component = wat::parse_str(
            r#"(component (import "me:app/greet@1.0.0" (instance (export "hello" (func (param "name" string) (result string))))))"#,
        );
        let text = show(&component.unwrap()).unwrap();
        assert!(text.contains("import me:app/greet@1.0.0;"), "{text}");
        assert!(text.contains("hello: func(name: string) -> string;"), "{text}");
        for bytes in
            [&b"nothing"[..], b"", &wat::parse_str("(module)").unwrap(), b"\0asm\x0d\0\x01\0\xff"]
        {
            assert!(matches!(show(bytes), Err(WitError::NotAComponent { .. })));
        }
        fs::remove_file(&path).unwrap();
        assert!(matches!(super::show(path.to_str()), Err(WitError::Io { .. })));
    }
}

//! The texts that a world is made of: those of the project, and of this command those that it uses.

use super::{USUAL, WorldError};
use crate::carried;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use wit_component::{OutputToString, WitPrinter};
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{PackageId, PackageName, SourceMap, UnresolvedPackage, UnresolvedPackageGroup};

/// Packages that are read, and not yet brought together.
pub(super) struct Sources {
    pub(super) main: UnresolvedPackageGroup,
    pub(super) others: Vec<UnresolvedPackageGroup>,
    /// Their texts, by their paths in a folder like `wit/`.
    pub(super) files: Vec<(PathBuf, String)>,
}

impl Sources {
    /// Reads a folder of WIT with its `deps`.
    pub(super) fn read(wit: &Path) -> Result<Self, WorldError> {
        let mut files = texts(wit, Path::new(""))?;
        let main = parse(wit, &files)?;
        let mut others = Vec::new();
        for path in entries(&wit.join("deps"))? {
            let inner = Path::new("deps").join(path.file_name().unwrap_or_default());
            let dependency = if path.is_dir() {
                texts(&path, &inner)?
            } else {
                text(&path, &inner)?.into_iter().collect()
            };
            if !dependency.is_empty() {
                others.push(parse(wit, &dependency)?);
                files.extend(dependency);
            }
        }
        Ok(Self { main, others, files })
    }

    /// The world that this command knows by a name, as a package's only one; that of most components
    /// where there is no name.
    pub(super) fn carried(world: Option<&str>) -> Result<Self, WorldError> {
        let world = world.unwrap_or(USUAL);
        let wanted = worlds_in(world).chain([world.to_owned()]).collect();
        let files = carried::worlds().into_iter().flat_map(|package| &package.files);
        let files: Vec<(PathBuf, String)> = files
            .map(|(name, text)| match carried::with_worlds(text, &wanted) {
                some if some.contains("\nworld ") => (PathBuf::from(name), some),
                // There is no such world, and the error tells which there are.
                _ => (PathBuf::from(name), text.clone()),
            })
            .collect();
        Ok(Self { main: parse(Path::new("wit"), &files)?, others: Vec::new(), files })
    }

    /// Adds a package of this command, unless it is there; of its worlds, those that `world` or a file
    /// speaks of.
    pub(super) fn want(
        &mut self,
        name: &PackageName,
        world: Option<&str>,
    ) -> Result<(), WorldError> {
        let Some(package) = carried::package(name).filter(|_| !self.names().contains(name)) else {
            return Ok(());
        };
        let is_ours = carried::worlds().is_some_and(|ours| ours.name == *name);
        let spoken_of = self.files.iter().map(|(_, text)| text.as_str()).chain(world);
        let wanted: BTreeSet<String> = spoken_of.flat_map(worlds_in).collect();
        let text = |text: &String| match is_ours {
            true => carried::with_worlds(text, &wanted),
            false => text.clone(),
        };
        let folder = Path::new("deps").join(&package.folder);
        let files: Vec<(PathBuf, String)> =
            package.files.iter().map(|(file, it)| (folder.join(file), text(it))).collect();
        self.others.push(parse(Path::new("wit"), &files)?);
        self.files.extend(files);
        Ok(())
    }

    /// Adds what is used and not there, until nothing is missing; and leaves out what nobody uses, such
    /// as the other version of WASI: bindings would have names to tell the two apart.
    pub(super) fn complete(&mut self, place: &Path, world: Option<&str>) -> Result<(), WorldError> {
        loop {
            let names = self.names();
            let used = std::iter::once(&self.main).chain(&self.others).flat_map(used_by);
            let missing: BTreeSet<PackageName> =
                used.filter(|name| !names.contains(name)).cloned().collect();
            if missing.is_empty() {
                self.leave_out_unused(world);
                return Ok(());
            }
            for name in missing {
                if carried::package(&name).is_none() {
                    let (folder, package) = (place.to_path_buf(), Box::new(name));
                    return Err(WorldError::NoPackage { folder, package });
                }
                self.want(&name, world)?;
            }
        }
    }

    fn leave_out_unused(&mut self, world: Option<&str>) {
        let of_world = world.and_then(package_in);
        // The name of a world may leave the version out.
        let is_of_world = |name: &PackageName| {
            of_world
                .as_ref()
                .is_some_and(|it| it.namespace == name.namespace && it.name == name.name)
        };
        let mut used: BTreeSet<PackageName> = used_by(&self.main).cloned().collect();
        loop {
            let is_used = |group: &&UnresolvedPackageGroup| {
                packages_of(group).any(|it| used.contains(&it.name) || is_of_world(&it.name))
            };
            let more = self.others.iter().filter(is_used).flat_map(used_by);
            let more: Vec<PackageName> =
                more.filter(|name| !used.contains(name)).cloned().collect();
            if more.is_empty() {
                self.others.retain(|group| is_used(&group));
                return;
            }
            used.extend(more);
        }
    }

    pub(super) fn names(&self) -> BTreeSet<PackageName> {
        let groups = std::iter::once(&self.main).chain(&self.others);
        groups.flat_map(packages_of).map(|package| package.name.clone()).collect()
    }
}

/// The packages of one text or folder.
fn packages_of(group: &UnresolvedPackageGroup) -> impl Iterator<Item = &UnresolvedPackage> {
    std::iter::once(&group.main).chain(&group.nested)
}

/// The packages that they use.
fn used_by(group: &UnresolvedPackageGroup) -> impl Iterator<Item = &PackageName> {
    packages_of(group).flat_map(|package| package.foreign_deps.keys())
}

/// The worlds of this command that a text speaks of in full.
fn worlds_in(text: &str) -> impl Iterator<Item = String> {
    let is_of_name = |it: &char| it.is_ascii_alphanumeric() || *it == '-';
    text.split("selvedge:app/").skip(1).map(move |it| it.chars().take_while(is_of_name).collect())
}

/// The package in the full name of a world, `ns:package/world@version`.
pub(super) fn package_in(world: &str) -> Option<PackageName> {
    let (package, rest) = world.split_once('/')?;
    let (namespace, name) = package.split_once(':')?;
    let version = rest.split_once('@').and_then(|(_, version)| version.parse().ok());
    Some(PackageName { namespace: namespace.to_owned(), name: name.to_owned(), version })
}

fn parse(wit: &Path, files: &[(PathBuf, String)]) -> Result<UnresolvedPackageGroup, WorldError> {
    let mut sources = SourceMap::new();
    for (path, text) in files {
        sources.push(&wit.join(path), text.as_str());
    }
    sources.parse().map_err(|(sources, error)| WorldError::Invalid(error.render(&sources)))
}

/// The WIT files of a folder, which belong to one package.
fn texts(folder: &Path, inner: &Path) -> Result<Vec<(PathBuf, String)>, WorldError> {
    let mut files = Vec::new();
    for path in entries(folder)?.iter().filter(|path| path.is_file()) {
        files.extend(text(path, &inner.join(path.file_name().unwrap_or_default()))?);
    }
    Ok(files)
}

/// The text of a file, where it is WIT, also where that is encoded.
fn text(path: &Path, inner: &Path) -> Result<Option<(PathBuf, String)>, WorldError> {
    let unreadable = |source| WorldError::Unreadable { path: path.to_path_buf(), source };
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("wit") => {
            let text = fs::read_to_string(path).map_err(unreadable)?;
            Ok(Some((inner.to_path_buf(), text)))
        }
        Some("wasm") => {
            let text = printed(&fs::read(path).map_err(unreadable)?)
                .map_err(|error| WorldError::Invalid(format!("{}: {error:#}", path.display())))?;
            Ok(Some((inner.with_extension("wit"), text)))
        }
        _ => Ok(None),
    }
}

/// An encoded package, as text; with the packages that it needs, each in braces.
fn printed(encoded: &[u8]) -> anyhow::Result<String> {
    let DecodedWasm::WitPackage(resolve, main) = decode(encoded)? else {
        anyhow::bail!("it is a component, not an encoded WIT package");
    };
    let others: Vec<PackageId> =
        resolve.packages.iter().map(|(id, _)| id).filter(|id| *id != main).collect();
    let mut printer = WitPrinter::new(OutputToString::default());
    printer.print(&resolve, main, &others)?;
    Ok(printer.output.to_string())
}

/// What is in a folder, in the order of names; nothing where it is not there.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, WorldError> {
    let unreadable = |source| WorldError::Unreadable { path: folder.to_path_buf(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.sort();
    Ok(paths)
}

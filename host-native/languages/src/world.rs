//! The world that a project is built for: read from its `wit/`, completed by the WIT that travels with
//! this command.

mod sources;

use crate::carried;
use crate::compare::{self, Difference};
use sources::{Sources, package_in};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use wit_parser::{PackageId, PackageName, Resolve, WorldId};

/// A world with everything that it refers to.
#[derive(Debug, Clone)]
pub struct World {
    /// All types and interfaces.
    pub resolve: Resolve,
    /// The package that the project's own WIT is.
    pub package: PackageId,
    /// The world in it.
    pub id: WorldId,
    /// The folder that the project's WIT was read from, where it has any.
    pub folder: Option<PathBuf>,
    /// All texts, by their paths in a folder like `wit/`, those of the main package and `deps/`.
    files: Vec<(PathBuf, String)>,
}

/// Why a project's world cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is not WIT.
    #[error("{}", .0)]
    Invalid(String),
    /// The WIT uses a package that is nowhere.
    #[error("{} uses the package {package}, which is neither in its `deps` nor comes with selvedge{}; put its WIT into {}", .folder.display(), nearest(.package), .folder.join("deps").display())]
    NoPackage {
        /// The folder of the WIT.
        folder: PathBuf,
        /// The package.
        package: Box<PackageName>,
    },
    /// The project has a package of this command in another shape.
    #[error("{} has {difference}; leave that package out of its `deps`, since it comes with selvedge, or take it from `selvedge wit export`", .folder.display())]
    Differs {
        /// The folder of the WIT.
        folder: PathBuf,
        /// In what it differs.
        difference: Box<Difference>,
    },
    /// There are several worlds, and none was named.
    #[error("{} has the worlds {}; say which by `world` in the component's table", .folder.display(), .worlds.join(", "))]
    Ambiguous {
        /// The folder of the WIT.
        folder: PathBuf,
        /// The worlds.
        worlds: Vec<String>,
    },
    /// There is no such world, or none at all.
    #[error("{} has no world{}; {}", .folder.display(), .world.as_ref().map(|world| format!(" {world:?}")).unwrap_or_default(), has(.worlds))]
    NoWorld {
        /// The folder of the WIT.
        folder: PathBuf,
        /// The name, where one was given.
        world: Option<String>,
        /// The worlds that are there.
        worlds: Vec<String>,
    },
}

fn has(worlds: &[String]) -> String {
    match worlds {
        [] => "declare one in a file there".to_owned(),
        worlds => format!("it has {}", worlds.join(", ")),
    }
}

fn nearest(wanted: &PackageName) -> String {
    let is_alike = |known: &&carried::Package| {
        known.name.namespace == wanted.namespace && known.name.name == wanted.name
    };
    let alike: Vec<String> = carried::packages()
        .iter()
        .filter(is_alike)
        .map(|package| package.name.to_string())
        .collect();
    match alike.is_empty() {
        true => String::new(),
        false => format!(" (that has {})", alike.join(" and ")),
    }
}

impl World {
    /// Reads the world of the project in `folder`: from `wit/` in it, else from `wit/` beside it, which
    /// several components may share, else from the WIT of this command.
    ///
    /// `name` chooses among several worlds; in full, as `selvedge:app/service@0.1.0`, it may be one of
    /// this command's.
    ///
    /// # Errors
    /// [`WorldError`], each with the next step.
    pub fn open(folder: &Path, name: Option<&str>) -> Result<Self, WorldError> {
        let found = wit_of(folder);
        let mut sources = match &found {
            Some(wit) => Sources::read(wit)?,
            None => Sources::carried(name)?,
        };
        let place = found.clone().unwrap_or_else(|| folder.join("wit"));
        if let Some(package) = name.and_then(package_in) {
            sources.want(&package, name)?;
        }
        let has_copies = sources.names().iter().any(|name| carried::package(name).is_some());
        sources.complete(&place, name)?;
        let mut resolve = Resolve::default();
        let Sources { main, others, files } = sources;
        let package = resolve
            .push_groups(main, others)
            .map_err(anyhow::Error::from)
            .map_err(|error| WorldError::Invalid(resolve.render_error(&error)))?;
        // Without a `wit/`, what most components are.
        let name = name.or(found.is_none().then_some(USUAL));
        let id = select(&resolve, package, name, &place)?;
        // Reading all of this command's WIT takes as long as the rest: only where there is a reason.
        let difference = if has_copies {
            compare::first_difference(&resolve, id, carried::resolve()?)
        } else {
            None
        };
        if let Some(difference) = difference {
            return Err(WorldError::Differs { folder: place, difference: Box::new(difference) });
        }
        Ok(Self { resolve, package, id, folder: found, files })
    }

    /// The name of the world, in full where `of_package` is another's.
    pub fn name(&self) -> &str {
        self.resolve.worlds.get(self.id).map_or("", |world| &world.name)
    }

    /// The name by which any tool finds the world: that of its package, then its own.
    pub fn full_name(&self) -> String {
        let package = self.resolve.worlds.get(self.id).and_then(|world| world.package);
        let package = package.unwrap_or(self.package);
        self.resolve.id_of_name(package, self.name())
    }

    /// All texts by their paths in a folder that other tools read: the main package, and under `deps/`
    /// everything that it needs.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files.iter().map(|(path, text)| (path.as_path(), text.as_str()))
    }

    /// Writes all texts into a new folder.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn lay_out(&self, folder: &Path) -> io::Result<()> {
        for (path, text) in self.files() {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(path, text)?;
        }
        Ok(())
    }
}

/// What most components are: the world of those without a `wit/`.
const USUAL: &str = "service";

/// The folder that holds the WIT of a project, where there is one.
pub fn wit_of(folder: &Path) -> Option<PathBuf> {
    let beside = folder.parent().map(|parent| parent.join("wit"));
    [Some(folder.join("wit")), beside].into_iter().flatten().find(|wit| wit.is_dir())
}

fn select(
    resolve: &Resolve,
    package: PackageId,
    name: Option<&str>,
    place: &Path,
) -> Result<WorldId, WorldError> {
    let worlds = || {
        let own =
            resolve.packages.get(package).into_iter().flat_map(|package| package.worlds.keys());
        own.cloned().collect::<Vec<_>>()
    };
    if name.is_none() && worlds().len() > 1 {
        return Err(WorldError::Ambiguous { folder: place.to_path_buf(), worlds: worlds() });
    }
    resolve.select_world(&[package], name).map_err(|_| WorldError::NoWorld {
        folder: place.to_path_buf(),
        world: name.map(str::to_owned),
        worlds: worlds(),
    })
}

#[cfg(test)]
mod tests {
    use super::{World, WorldError};
    use std::fs;
    use std::path::Path;

    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = place.path().join("app").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        place
    }

    fn open(place: &tempfile::TempDir, name: Option<&str>) -> Result<World, WorldError> {
        World::open(&place.path().join("app"), name)
    }

    const SERVICE: &str = "package me:app;\nworld hello { include wasi:http/service@0.3.0; import selvedge:keyvalue/store@0.1.0; }";

    #[test]
    fn what_is_missing_comes_from_this_command() {
        let world = open(&project(&[("wit/world.wit", SERVICE)]), None).unwrap();
        assert_eq!((world.name(), world.full_name().as_str()), ("hello", "me:app/hello"));
        // What is laid out is whole by itself.
        let place = tempfile::tempdir().unwrap();
        world.lay_out(&place.path().join("wit")).unwrap();
        let mut alone = wit_parser::Resolve::default();
        alone.push_dir(place.path().join("wit")).unwrap();
        assert_eq!(alone.packages.len(), world.resolve.packages.len());
    }

    #[test]
    fn all_worlds_of_this_command_are_there() {
        let nothing = project(&[("main.c", "")]);
        assert_eq!(open(&nothing, None).unwrap().name(), "service");
        for name in ["capabilities", "service", "service-p2", "gateway", "middleware", "object"] {
            assert_eq!(open(&nothing, Some(name)).unwrap().name(), name);
            let own = project(&[("wit/world.wit", SERVICE)]);
            let full = format!("selvedge:app/{name}@0.1.0");
            assert_eq!(open(&own, Some(&full)).unwrap().full_name(), full);
        }
    }

    #[test]
    fn a_world_has_only_the_version_of_wasi_that_it_uses() {
        let versions = |world: World| {
            let names = world.resolve.packages.iter().map(|(_, package)| &package.name);
            let http = names.filter(|name| name.namespace == "wasi" && name.name == "http");
            http.map(|name| name.version.as_ref().unwrap().to_string()).collect::<Vec<_>>()
        };
        let nothing = project(&[("main.c", "")]);
        assert_eq!(versions(open(&nothing, None).unwrap()), ["0.3.0"]);
        let full = "selvedge:app/service-p2@0.1.0";
        assert_eq!(versions(open(&nothing, Some(full)).unwrap()), ["0.2.12"]);
        let includes = "package me:app;\nworld w { include selvedge:app/service@0.1.0; }";
        assert_eq!(versions(open(&project(&[("wit/w.wit", includes)]), None).unwrap()), ["0.3.0"]);
        // Somebody exported everything, and uses some of it.
        let all = project(&[("wit/w.wit", includes)]);
        for package in crate::carried::packages() {
            let folder = all.path().join("app/wit/deps").join(&package.folder);
            fs::create_dir_all(&folder).unwrap();
            for (name, text) in &package.files {
                let text = match name.starts_with("worlds") {
                    true => crate::carried::with_worlds(text, &["service".to_owned()].into()),
                    false => text.clone(),
                };
                fs::write(folder.join(name), text).unwrap();
            }
        }
        assert_eq!(versions(open(&all, None).unwrap()), ["0.3.0"]);
    }

    #[test]
    fn a_package_in_deps_is_taken_before_that_of_this_command() {
        let own = "/// Mine.\npackage selvedge:keyvalue@0.1.0;\ninterface store { resource bucket; open: async func(name: string) -> result<bucket, error>; variant error { no-such-store, access-denied, invalid-key(string), too-large(string), invalid-argument(string), unavailable(string) } }";
        let world = "package me:app;\nworld w { import selvedge:keyvalue/store@0.1.0; }";
        let place = project(&[("wit/world.wit", world), ("wit/deps/keyvalue/own.wit", own)]);
        let world = open(&place, None).unwrap();
        let mut docs = world.resolve.packages.iter().map(|(_, it)| it.docs.contents.as_deref());
        assert!(docs.any(|docs| docs == Some("Mine.")));
    }

    #[test]
    fn what_is_wrong_is_told_by_name() {
        let two = "package me:app;\nworld a {}\nworld b {}";
        let place = project(&[("wit/world.wit", two)]);
        assert!(
            matches!(open(&place, None), Err(WorldError::Ambiguous { worlds, .. }) if worlds == ["a", "b"])
        );
        assert!(open(&place, Some("b")).is_ok());
        assert!(matches!(open(&place, Some("c")), Err(WorldError::NoWorld { .. })));
        let place =
            project(&[("wit/w.wit", "package me:app;\nworld w { import wasi:http/types@9.0.0; }")]);
        let error = open(&place, None).unwrap_err();
        assert!(
            matches!(&error, WorldError::NoPackage { package, .. } if package.to_string() == "wasi:http@9.0.0")
        );
        assert!(error.to_string().contains("wasi:http@0.3.0"), "{error}");
        let place = project(&[("wit/w.wit", "package me:app;\nworld w { import }")]);
        let error = open(&place, None).unwrap_err();
        assert!(error.to_string().contains("w.wit:2"), "{error}");
        assert!(matches!(error, WorldError::Invalid(_)));
    }

    #[test]
    fn another_shape_than_the_hosts_have_is_told_with_function_and_type() {
        let world = "package me:app;\nworld w { import wasi:config/store@0.2.0-rc.1; }";
        let differs = |store: &str| {
            let own = format!("package wasi:config@0.2.0-rc.1;\ninterface store {{ {store} }}");
            let place =
                project(&[("wit/world.wit", world), ("wit/deps/config/store.wit", own.as_str())]);
            match open(&place, None) {
                Ok(_) => None,
                Err(WorldError::Differs { difference, .. }) => Some(difference.to_string()),
                Err(other) => panic!("{other}"),
            }
        };
        let error = "variant error { upstream(string), io(string) }";
        let same = "get: func(key: string) -> result<option<string>, error>;";
        assert_eq!(differs(&format!("{error} {same}")), None);
        let other = "get: async func(key: u32) -> result<option<string>, error>;";
        assert_eq!(
            differs(&format!("{error} {other}")).unwrap(),
            "wasi:config/store@0.2.0-rc.1: its function `get` is `async func(key: u32) -> \
             result<option<string>, error>`, and the hosts have `func(key: string) -> \
             result<option<string>, error>`"
        );
        assert_eq!(
            differs(&format!("variant error {{ upstream(string) }} {same}")).unwrap(),
            "wasi:config/store@0.2.0-rc.1: its type `error` is `variant { upstream(string) }`, and \
             the hosts have `variant { upstream(string), io(string) }`"
        );
        assert!(differs("more: func();").unwrap().ends_with("the hosts have no such thing"));
    }

    #[test]
    fn components_share_the_wit_of_the_folder_around_them() {
        let place = project(&[("go/go.mod", ""), ("wit/world.wit", SERVICE)]);
        let world = World::open(&place.path().join("app/go"), None).unwrap();
        assert_eq!(world.folder.as_deref(), Some(Path::new(&place.path().join("app/wit"))));
    }
}

//! Begins a project: a folder that builds, runs, is tested and bundled as it is. What is in it comes from
//! `templates/`, one folder for each language and template.

mod blank;
mod name;

pub use self::name::name;

use self::blank::Blank;
use crate::generated;
use crate::world::WorldError;
use crate::{BuildError, Language};
use selvedge_contract::manifest::{Manifest, ManifestError};
use selvedge_contract::names::{Name, NameError};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The manifest of an app.
const MANIFEST: &str = "selvedge.toml";

/// What a project is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// A service that answers HTTP.
    Http,
    /// A durable object, and a service that calls it.
    Object,
    /// A middleware, and a service behind it.
    Middleware,
}

/// Where a project is put.
#[derive(Debug, Clone, Copy)]
pub enum Place<'p> {
    /// Into a new folder of its name in this one, as an app of its own.
    Beside(&'p Path),
    /// Into the app in this folder, whose manifest gets its tables.
    Into(&'p Path),
}

/// A project that is there.
#[derive(Debug, Clone)]
pub struct Created {
    /// Its folder.
    pub folder: PathBuf,
    /// What to ask it, as path and query.
    pub request: String,
    /// What tests it, to be run in its folder.
    pub test: String,
}

/// Why there is no project.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// A name that no project can have.
    #[error("{name:?} cannot be a name: {error}; write it like \"my-name\"")]
    BadName {
        /// The text.
        name: String,
        /// The rule it breaks.
        error: NameError,
    },
    /// A name that means something in a language.
    #[error(
        "{name:?} is a word of a language, and its code could not say it; take another name, such as \"my-{name}\""
    )]
    Reserved {
        /// The name.
        name: String,
    },
    /// A template that the language has not.
    #[error("{language} has no template {}: {reason}", .template.name())]
    NotOffered {
        /// The language.
        language: Language,
        /// The template.
        template: Template,
        /// Why not, and what else to take.
        reason: &'static str,
    },
    /// Something of its name is there.
    #[error("there is already a {}; take another name, or remove it", .path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// The app to put it into is none.
    #[error("there is no {}; name the folder of an app by --into, or leave it out", .path.display())]
    NoApp {
        /// Where its manifest would be.
        path: PathBuf,
    },
    /// The app's manifest is not in order, or would not be.
    #[error("{}:{}:{}: {}; nothing was changed", .path.display(), .error.line, .error.column, .error)]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// The first thing that is wrong.
        error: Box<ManifestError>,
    },
    /// The app has something of its name.
    #[error("{} has a {sort} {name:?} already; take another name", .path.display())]
    Taken {
        /// The manifest.
        path: PathBuf,
        /// What has the name.
        sort: &'static str,
        /// The name.
        name: String,
    },
    /// A file or folder is not accessible.
    #[error("cannot write {}: {source}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A template is broken, which a test rules out.
    #[error(transparent)]
    World(#[from] WorldError),
    /// Bindings cannot be made, likewise.
    #[error(transparent)]
    Bindings(Box<BuildError>),
}

impl Template {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Http, Self::Object, Self::Middleware];

    /// The name that it is asked for by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Object => "object",
            Self::Middleware => "middleware",
        }
    }

    /// The template of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.name() == name)
    }

    /// What it is, in words.
    pub fn what(self) -> &'static str {
        match self {
            Self::Http => "a service that answers HTTP",
            Self::Object => "a durable object, and a service that calls it",
            Self::Middleware => "a middleware, and a service behind it",
        }
    }

    /// Whether a language has it.
    ///
    /// # Errors
    /// Why not, and what else to take.
    pub fn offered_by(self, language: Language) -> Result<(), &'static str> {
        if blank::is_there(language, self) {
            return Ok(());
        }
        Err(match (self, language) {
            (Self::Middleware, Language::JavaScript | Language::TypeScript) => {
                "its engines answer HTTP and cannot also call the next handler; write the middleware in rust, it stands in front of services of any language"
            }
            (Self::Middleware, _) => {
                "write the middleware in rust, it stands in front of services of any language"
            }
            (Self::Object, Language::JavaScript | Language::TypeScript) => {
                "its engines have no `async` functions as the methods of objects are; write the object in rust, services of any language call it"
            }
            _ => "write the object in rust, services of any language call it",
        })
    }
}

/// Creates a project. Whatever is there is left as it is, and where something is in the way, nothing is
/// created: its folder appears whole.
///
/// # Errors
/// [`CreateError`], with the next step.
pub fn create(
    name: &Name,
    language: Language,
    template: Template,
    place: Place<'_>,
) -> Result<Created, CreateError> {
    template.offered_by(language).map_err(|reason| CreateError::NotOffered {
        language,
        template,
        reason,
    })?;
    let parent = match place {
        Place::Beside(folder) | Place::Into(folder) => folder,
    };
    let app = match place {
        Place::Beside(_) => None,
        Place::Into(app) => Some(App::open(app, name)?),
    };
    let folder = parent.join(name.as_str());
    if folder.symlink_metadata().is_ok() {
        return Err(CreateError::Exists { path: folder });
    }
    let blank = Blank { name, language, template, is_in_app: app.is_some() };
    // Hidden until it is whole.
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| CreateError::Io { path, source }
    };
    let part = tempfile::Builder::new().prefix(".selvedge-new-").tempdir_in(parent);
    let part = part.map_err(failed(parent))?;
    blank.fill(part.path())?;
    let manifest = app.map(|app| app.with(&blank.tables())).transpose()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A temporary folder is for its owner's eyes; this is an ordinary one.
        let everyone = fs::Permissions::from_mode(0o755);
        fs::set_permissions(part.path(), everyone).map_err(failed(&folder))?;
    }
    fs::rename(part.path(), &folder).map_err(failed(&folder))?;
    // It has another name now; there is nothing left to remove.
    let _ = part.keep();
    if let Some((path, text)) = manifest
        && let Err(source) = generated::replace(&path, text.as_bytes())
    {
        // A folder without its tables is half a project.
        let _ = fs::remove_dir_all(&folder);
        return Err(CreateError::Io { path, source });
    }
    Ok(Created { folder, request: blank.request(), test: blank.test() })
}

/// An app that gets a project.
struct App {
    path: PathBuf,
    text: String,
}

impl App {
    fn open(folder: &Path, name: &Name) -> Result<Self, CreateError> {
        let path = folder.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(CreateError::NoApp { path });
            }
            Err(source) => return Err(CreateError::Io { path, source }),
        };
        let manifest = parse(&path, &text)?;
        let object = Name::parse(&format!("{name}-object"));
        let service = Name::parse(&format!("{name}-service"));
        let names = [Ok(name.clone()), object, service];
        for name in names.into_iter().flatten() {
            let sort = match () {
                () if manifest.components.contains_key(&name) => "component",
                () if manifest.services.contains_key(&name) => "service",
                () if manifest.objects.contains_key(&name) => "class of objects",
                () if manifest.keyvalue.contains_key(&name) => "key-value store",
                () => continue,
            };
            return Err(CreateError::Taken { path, sort, name: name.to_string() });
        }
        Ok(Self { path, text })
    }

    /// The manifest with more tables, which is in order, too.
    fn with(self, tables: &str) -> Result<(PathBuf, String), CreateError> {
        let Self { path, mut text } = self;
        while text.ends_with("\n\n") {
            text.pop();
        }
        let separator = if text.ends_with('\n') { "\n" } else { "\n\n" };
        let text = format!("{text}{separator}{tables}");
        parse(&path, &text)?;
        Ok((path, text))
    }
}

fn parse(path: &Path, text: &str) -> Result<Manifest, CreateError> {
    Manifest::parse(text).map_err(|errors| match errors.into_iter().next() {
        Some(error) => CreateError::Manifest { path: path.to_path_buf(), error: Box::new(error) },
        None => CreateError::NoApp { path: path.to_path_buf() },
    })
}

#[cfg(test)]
mod tests {
    use super::{CreateError, MANIFEST, Place, Template, create, name};
    use crate::Language;
    use selvedge_contract::manifest::Manifest;
    use std::fs;
    use std::path::Path;

    fn texts(folder: &Path, all: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                texts(&path, all);
            } else {
                all.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }

    fn offered() -> impl Iterator<Item = (Language, Template)> {
        let all = |language| Template::ALL.map(|template| (language, template));
        let offered =
            |(language, template): &(Language, Template)| template.offered_by(*language).is_ok();
        Language::ALL.into_iter().flat_map(all).filter(offered)
    }

    #[test]
    fn every_template_is_filled_in_completely() {
        for (language, template) in offered() {
            let place = tempfile::tempdir().unwrap();
            let name = name("my-app").unwrap();
            let made = create(&name, language, template, Place::Beside(place.path())).unwrap();
            let mut all = Vec::new();
            texts(&made.folder, &mut all);
            for (path, text) in &all {
                assert!(!text.contains("{{") || path.contains("/src/"), "{path}:\n{text}");
                for blank in ["{{name", "{{snake", "{{path", "-world}}"] {
                    assert!(!text.contains(blank), "{path}:\n{text}");
                }
            }
            let manifest = fs::read_to_string(made.folder.join(MANIFEST)).unwrap();
            Manifest::parse(&manifest).unwrap();
            let readme = fs::read_to_string(made.folder.join("README.md")).unwrap();
            assert!(readme.lines().count() <= 12, "{readme}");
            assert!(
                made.folder.join("wit/deps/wasi-http-0.3.0/http.wit").is_file()
                    || language.has_engine()
            );
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn every_language_has_a_service() {
        for language in Language::ALL {
            assert_eq!(Template::Http.offered_by(language), Ok(()), "{language}");
        }
    }

    #[test]
    fn nothing_that_is_there_is_overwritten() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("mine"), "mine").unwrap();
        let mine = name("mine").unwrap();
        let error = create(&mine, Language::Go, Template::Http, Place::Beside(place.path()));
        assert!(matches!(error, Err(CreateError::Exists { .. })));
        assert_eq!(fs::read_to_string(place.path().join("mine")).unwrap(), "mine");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_app_gets_the_tables_and_keeps_its_own() {
        let place = tempfile::tempdir().unwrap();
        let manifest = place.path().join(MANIFEST);
        let into = Place::Into(place.path());
        let create =
            |text: &str, template| create(&name(text).unwrap(), Language::Rust, template, into);
        assert!(matches!(create("one", Template::Http), Err(CreateError::NoApp { .. })));
        fs::write(&manifest, "name = \"app\" # mine").unwrap();
        create("one", Template::Http).unwrap();
        create("two", Template::Object).unwrap();
        create("three", Template::Middleware).unwrap();
        let text = fs::read_to_string(&manifest).unwrap();
        assert!(text.starts_with("name = \"app\" # mine\n\n"), "{text}");
        let app = Manifest::parse(&text).unwrap();
        assert_eq!((app.services.len(), app.objects.len(), app.components.len()), (3, 1, 5));
        assert!(!place.path().join("one").join(MANIFEST).exists());
        // What is taken, and what would not be in order, changes nothing.
        fs::remove_dir_all(place.path().join("one")).unwrap();
        assert!(matches!(create("one", Template::Http), Err(CreateError::Taken { .. })));
        fs::write(&manifest, "name = 1").unwrap();
        assert!(matches!(create("four", Template::Http), Err(CreateError::Manifest { .. })));
        assert_eq!(fs::read_to_string(&manifest).unwrap(), "name = 1");
        assert!(!place.path().join("four").exists());
    }
}

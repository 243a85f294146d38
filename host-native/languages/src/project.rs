//! Begins a project: a folder that builds, runs, is tested and bundled as it is. What is in it comes from
//! `templates/`, one folder for each language and template.

use crate::generated;
use crate::rust;
use crate::world::{World, WorldError};
use crate::{BuildError, Language};
use selvedge_contract::manifest::{Manifest, ManifestError};
use selvedge_contract::names::{Name, NameError};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Paths in `templates/`, and texts.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/template_files.rs"));

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
        let folder = format!("{language}/{}/", self.name());
        if FILES.iter().any(|(path, _)| path.starts_with(&folder)) {
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

/// The name of a project, which is that of its component, its service and its folder, too.
///
/// # Errors
/// [`CreateError::BadName`] and [`CreateError::Reserved`].
pub fn name(text: &str) -> Result<Name, CreateError> {
    let name =
        Name::parse(text).map_err(|error| CreateError::BadName { name: text.to_owned(), error })?;
    // In WIT, a word behind a hyphen begins with a letter, too.
    let is_word = |word: &str| word.starts_with(|first: char| first.is_ascii_lowercase());
    if RESERVED.contains(&text) || !text.split('-').all(is_word) {
        return Err(CreateError::Reserved { name: text.to_owned() });
    }
    Ok(name)
}

/// Words that are none of one's own in WIT, Rust, Go, JavaScript, Python or C, and names that packages
/// of theirs have.
const RESERVED: &[&str] = &[
    "abstract",
    "and",
    "as",
    "assert",
    "async",
    "auto",
    "await",
    "bool",
    "borrow",
    "box",
    "break",
    "case",
    "catch",
    "chan",
    "char",
    "class",
    "const",
    "constructor",
    "continue",
    "core",
    "crate",
    "debugger",
    "def",
    "default",
    "defer",
    "del",
    "delete",
    "do",
    "double",
    "dyn",
    "elif",
    "else",
    "enum",
    "except",
    "export",
    "extends",
    "extern",
    "fallthrough",
    "false",
    "final",
    "finally",
    "flags",
    "float",
    "fn",
    "for",
    "from",
    "func",
    "function",
    "future",
    "gen",
    "global",
    "go",
    "goto",
    "if",
    "impl",
    "import",
    "in",
    "include",
    "inline",
    "instanceof",
    "int",
    "interface",
    "is",
    "lambda",
    "let",
    "list",
    "long",
    "loop",
    "macro",
    "map",
    "match",
    "mod",
    "move",
    "mut",
    "new",
    "none",
    "nonlocal",
    "not",
    "null",
    "option",
    "or",
    "override",
    "own",
    "package",
    "pass",
    "priv",
    "pub",
    "raise",
    "range",
    "record",
    "ref",
    "register",
    "resource",
    "result",
    "return",
    "select",
    "self",
    "short",
    "signed",
    "sizeof",
    "static",
    "std",
    "stream",
    "string",
    "struct",
    "super",
    "switch",
    "test",
    "this",
    "throw",
    "trait",
    "true",
    "try",
    "tuple",
    "type",
    "typedef",
    "typeof",
    "union",
    "unsafe",
    "unsigned",
    "unsized",
    "use",
    "var",
    "variant",
    "virtual",
    "void",
    "volatile",
    "where",
    "while",
    "with",
    "world",
    "yield",
];

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

/// A template with what is filled in.
struct Blank<'b> {
    name: &'b Name,
    language: Language,
    template: Template,
    is_in_app: bool,
}

impl Blank<'_> {
    /// Writes the project into a folder.
    fn fill(&self, folder: &Path) -> Result<(), CreateError> {
        let write = |path: PathBuf, text: &str| {
            let write = || {
                fs::create_dir_all(path.parent().unwrap_or(folder))?;
                fs::write(&path, text)
            };
            write().map_err(|source| CreateError::Io { path: path.clone(), source })
        };
        let own = format!("{}/{}/", self.language, self.template.name());
        for (path, text) in FILES {
            if let Some(path) = path.strip_prefix(&own) {
                write(folder.join(path), &self.text(text))?;
            }
        }
        write(folder.join("README.md"), &self.text(common("README.md")))?;
        write(folder.join(".gitignore"), common("gitignore"))?;
        if !self.is_in_app {
            let manifest = format!("name = \"{}\"\n\n{}", self.name, self.tables());
            write(folder.join(MANIFEST), &manifest)?;
        }
        write(folder.join("wit/world.wit"), &self.text(common(self.wit())))?;
        // What the world needs lies beside it, for tools that know nothing of Selvedge.
        let world = World::open(folder, Some("service"))?;
        let others = world.files().filter(|(path, _)| path.starts_with("deps"));
        for (path, text) in others {
            write(folder.join("wit").join(path), text)?;
        }
        for part in self.parts() {
            // So that editors and `cargo test` find them before the first build.
            rust::bind(&folder.join(part))
                .map_err(|error| CreateError::Bindings(Box::new(error)))?;
        }
        if self.template != Template::Http {
            let other = World::open(folder, Some(self.template.name()))?;
            for (path, text) in other.files().filter(|(path, _)| path.starts_with("deps")) {
                write(folder.join("wit").join(path), text)?;
            }
        }
        Ok(())
    }

    /// The crates of a project in Rust.
    fn parts(&self) -> Vec<&'static str> {
        match (self.language, self.template) {
            (Language::Rust, Template::Http) => vec!["service"],
            (Language::Rust, template) => vec![template.name(), "service"],
            _ => Vec::new(),
        }
    }

    /// The tables of the manifest.
    fn tables(&self) -> String {
        self.text(common(match self.template {
            Template::Http => "http.toml",
            Template::Object => "object.toml",
            Template::Middleware => "middleware.toml",
        }))
    }

    fn wit(&self) -> &'static str {
        match (self.template, self.language.has_engine()) {
            (Template::Http, false) => "http.wit",
            (Template::Http, true) => "http-p2.wit",
            (Template::Object, _) => "object.wit",
            (Template::Middleware, _) => "middleware.wit",
        }
    }

    fn request(&self) -> String {
        let path = if self.is_in_app { format!("/{}", self.name) } else { "/".to_owned() };
        match self.template {
            Template::Http => format!("{path}?name=Ada"),
            Template::Object => format!("{path}?name=x"),
            Template::Middleware => path,
        }
    }

    /// What runs the project's own tests, in its folder.
    fn test(&self) -> String {
        let is_object = self.template == Template::Object;
        match self.language {
            Language::Rust => "cargo test".to_owned(),
            Language::Go if is_object => "cd object && go test ./tally".to_owned(),
            Language::Python if is_object => {
                "python3 -m unittest discover -s object/tests".to_owned()
            }
            Language::Go => "cd service && go test ./greeting".to_owned(),
            Language::JavaScript => "node --test service/test/greeting.test.js".to_owned(),
            Language::TypeScript => "node --test service/test/greeting.test.ts".to_owned(),
            Language::Python => "python3 -m unittest discover -s service/tests".to_owned(),
            Language::C => {
                "cc -o /tmp/test service/src/greeting.c service/test/greeting_test.c && /tmp/test"
                    .to_owned()
            }
        }
    }

    fn start(&self) -> String {
        let part = if self.template == Template::Http { "service" } else { self.template.name() };
        let file = match self.language {
            Language::Rust => "src/lib.rs",
            Language::Go => "main.go",
            Language::JavaScript => "src/main.js",
            Language::TypeScript => "src/main.ts",
            Language::Python if self.template == Template::Object => "src/counters.py",
            Language::Python => "src/app.py",
            Language::C => "src/service.c",
        };
        format!("{part}/{file}")
    }

    fn text(&self, template: &str) -> String {
        let name = self.name.as_str();
        let is_rust = self.language == Language::Rust;
        let language = format!("language = \"{}\"\n", self.language);
        // Rust finds its world by itself.
        let world = |world: &str| match is_rust {
            true => String::new(),
            false => format!("world = \"{world}\"\n"),
        };
        let routes = match self.is_in_app {
            true => format!("\"/{name}\", \"/{name}/*\""),
            false => "\"/*\"".to_owned(),
        };
        let what = self.template.what();
        let what = format!("{}{}", what[..1].to_uppercase(), &what[1..]);
        let pairs = [
            ("{{name}}", name.to_owned()),
            ("{{snake}}", name.replace('-', "_")),
            ("{{path}}", if self.is_in_app { format!("{name}/") } else { String::new() }),
            ("{{routes}}", routes),
            ("{{language}}", if is_rust { String::new() } else { language }),
            ("{{service-world}}", world("service")),
            ("{{object-world}}", world("object")),
            ("{{middleware-world}}", world("middleware")),
            ("{{what}}", what),
            ("{{try}}", self.request()),
            ("{{test}}", self.test()),
            ("{{start}}", self.start()),
        ];
        let mut text = template.to_owned();
        for (blank, filled) in pairs {
            text = text.replace(blank, &filled);
        }
        text
    }
}

/// A text that all languages share.
fn common(name: &str) -> &'static str {
    let path = format!("common/{name}");
    FILES.iter().find(|(known, _)| *known == path).map_or("", |(_, text)| text)
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

    #[test]
    fn names_are_checked_before_anything_is_written() {
        for good in ["a", "hello", "my-app", "app2", "x9-y"] {
            assert!(name(good).is_ok(), "{good}");
        }
        for bad in
            ["", "Hello", "my_app", "../x", "a/b", "-x", "x-", "2x", "x-2", "type", "world", "test"]
        {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}

//! What `templates/` has, one folder for each language and template, and how it is filled in.

use super::{CreateError, MANIFEST, Template};
use crate::Language;
use crate::rust;
use crate::world::World;
use selvedge_contract::names::Name;
use std::fs;
use std::path::{Path, PathBuf};

/// Paths in `templates/`, and texts.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/template_files.rs"));

/// Whether a language has a template.
pub(super) fn is_there(language: Language, template: Template) -> bool {
    let folder = format!("{language}/{}/", template.name());
    FILES.iter().any(|(path, _)| path.starts_with(&folder))
}

/// A template with what is filled in.
pub(super) struct Blank<'b> {
    pub(super) name: &'b Name,
    pub(super) language: Language,
    pub(super) template: Template,
    pub(super) is_in_app: bool,
}

impl Blank<'_> {
    /// Writes the project into a folder.
    pub(super) fn fill(&self, folder: &Path) -> Result<(), CreateError> {
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
        // What the worlds need lies beside them, for tools that know nothing of Selvedge.
        for world in self.worlds() {
            let world = World::open(folder, Some(world))?;
            for (path, text) in world.files().filter(|(path, _)| path.starts_with("deps")) {
                write(folder.join("wit").join(path), text)?;
            }
        }
        for part in self.parts() {
            // So that editors and `cargo test` find them before the first build.
            rust::bind(&folder.join(part))
                .map_err(|error| CreateError::Bindings(Box::new(error)))?;
        }
        Ok(())
    }

    /// The worlds in its WIT.
    fn worlds(&self) -> impl Iterator<Item = &'static str> {
        let other = (self.template != Template::Http).then(|| self.template.name());
        std::iter::once("service").chain(other)
    }

    /// The crates of a project in Rust, each of which has the name of its world.
    fn parts(&self) -> impl Iterator<Item = &'static str> {
        self.worlds().filter(|_| self.language == Language::Rust)
    }

    /// The tables of the manifest.
    pub(super) fn tables(&self) -> String {
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

    pub(super) fn request(&self) -> String {
        let path = if self.is_in_app { format!("/{}", self.name) } else { "/".to_owned() };
        match self.template {
            Template::Http => format!("{path}?name=Ada"),
            Template::Object => format!("{path}?name=x"),
            Template::Middleware => path,
        }
    }

    /// What runs the project's own tests, in its folder.
    pub(super) fn test(&self) -> String {
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

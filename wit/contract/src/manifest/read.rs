//! From the text of a manifest to its parts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::de::DeTable;

use super::document::{Findings, Section, Text, nearest};
use super::error::{ManifestError, ManifestErrorKind as Kind, Sort};
use super::verify::{self, Claim, Places};
use super::{
    Component, HostPattern, KeyValueStore, Manifest, Object, SecretSource, Service, Source,
};
use crate::language::{Engine, Language};
use crate::limits::{LimitError, LimitField, Limited, Limits, LimitsPatch, ObjectLimits};
use crate::names::Name;
use crate::route::Pattern;

/// Reads a manifest and finds everything that is wrong with it.
pub(super) fn manifest(text: &str) -> Result<Manifest, Vec<ManifestError>> {
    let mut findings = Findings::new(text);
    let (document, syntax) = DeTable::parse_recoverable(text);
    if !syntax.is_empty() {
        // What a broken text means is a guess; further findings would be about the guess.
        for error in syntax {
            let at = error.span().map_or(0, |span| span.start);
            findings.add(at, Kind::Syntax { message: error.message().replace('\n', "; ") });
        }
        return Err(findings.into_errors());
    }
    let top = Section::top(document.get_ref());
    let mut reader = Reader { top: &top, findings, places: Places::default() };
    let manifest = reader.manifest();
    let Reader { mut findings, places, .. } = reader;
    verify::dependencies(&places, &mut findings);
    verify::routes(places.claims, &mut findings);
    verify::classes(places.classes, &mut findings);
    if let Some(manifest) = &manifest {
        verify::vars(manifest, &places.vars, &mut findings);
    }
    let errors = findings.into_errors();
    manifest.filter(|_| errors.is_empty()).ok_or(errors)
}

struct Reader<'d, 't> {
    top: &'d Section<'d>,
    findings: Findings<'t>,
    places: Places,
}

impl<'d> Reader<'d, '_> {
    fn manifest(&mut self) -> Option<Manifest> {
        let top = self.top;
        let known = ["name", "components", "services", "objects", "keyvalue", "secrets", "limits"];
        top.allow(&known, &mut self.findings);
        let name = self.required(top, "name", "name = \"my-app\"");
        let name = name.and_then(|text| self.name(top, text));
        let limits = self.limits(top).over(Limits::default());
        let components = self.named("components", Self::component);
        let services =
            self.named("services", |reader, name, section| reader.service(name, section, &limits));
        let objects = self.named("objects", Self::object);
        let keyvalue = self.named("keyvalue", |reader, _, section| {
            section.allow(&[], &mut reader.findings);
            Some(KeyValueStore {})
        });
        let secrets = self.named("secrets", |reader, _, section| reader.secret(section));
        // Without a name there is an error; what is named otherwise is still verified.
        let name = name.or_else(|| Name::parse("app").ok())?;
        Some(Manifest { name, components, services, objects, keyvalue, secrets })
    }

    /// The tables in a table, by name.
    fn named<T>(
        &mut self,
        key: &str,
        mut read: impl FnMut(&mut Self, &Name, &Section<'d>) -> Option<T>,
    ) -> BTreeMap<Name, T> {
        let mut all = BTreeMap::new();
        let Some(section) = self.top.section(key, &mut self.findings) else { return all };
        for (text, inner) in section.all_sections(&mut self.findings) {
            if let Some(name) = self.name(&section, text)
                && let Some(value) = read(self, &name, &inner)
            {
                all.insert(name, value);
            }
        }
        all
    }

    fn component(&mut self, name: &Name, section: &Section<'d>) -> Option<Component> {
        let known = [
            "source",
            "language",
            "world",
            "engine",
            "build",
            "wasm",
            "dependencies",
            "keyvalue",
            "objects",
            "allow-hosts",
            "vars",
            "secrets",
        ];
        section.allow(&known, &mut self.findings);
        let source = self.source(section);
        let dependencies = self.references(section, "dependencies", Sort::Component);
        for (at, dependency) in &dependencies {
            self.places.dependencies.push((*at, name.clone(), dependency.clone()));
        }
        let keyvalue = self.references(section, "keyvalue", Sort::KeyValueStore);
        let objects = self.references(section, "objects", Sort::Object);
        let secrets = self.references(section, "secrets", Sort::Secret);
        Some(Component {
            // A component without a source is an error already; its grants are still verified.
            source: source.unwrap_or(Source::Ready { wasm: PathBuf::new() }),
            dependencies: names(dependencies),
            keyvalue: names(keyvalue),
            objects: names(objects),
            allow_hosts: self.hosts(section),
            vars: self.vars(name, section),
            secrets: names(secrets),
        })
    }

    fn source(&mut self, section: &Section<'d>) -> Option<Source> {
        let has = |key: &str| section.keys().any(|found| found.text == key);
        if has("language") {
            return self.language(section);
        }
        for (key, alone) in [("world", &["world"]), ("engine", &["engine"])] {
            if has(key) {
                let (table, needs) = (section.path.clone(), "language");
                let kind = Kind::NeedsKey { table, has: alone, needs, or_drop: key };
                self.findings.add(section.at, kind);
            }
        }
        self.plain_source(section)
    }

    /// A source in a language that is named.
    fn language(&mut self, section: &Section<'d>) -> Option<Source> {
        let has = |key: &str| section.keys().any(|found| found.text == key);
        for key in ["build", "wasm"] {
            if has(key) {
                let (table, first) = (section.path.clone(), "language");
                let kind = Kind::Both { table, first, second: key };
                self.findings.add(section.at, kind);
            }
        }
        let folder = self.path(section, "source");
        if !has("source") {
            let (table, needs) = (section.path.clone(), "source");
            let kind = Kind::NeedsKey { table, has: &["language"], needs, or_drop: "language" };
            self.findings.add(section.at, kind);
        }
        let known = Language::ALL.map(Language::name);
        let language = self.choice(section, "language", &known, Language::of);
        let known = Engine::ALL.map(Engine::name);
        let engine = self.choice(section, "engine", &known, Engine::of);
        let world = section.text("world", &mut self.findings).map(|world| world.text.to_owned());
        let language = language?;
        let is_rust = language == Language::Rust;
        for (key, is_wrong) in [("world", is_rust), ("engine", !language.has_engine())] {
            if let Some(text) = section.keys().find(|found| found.text == key && is_wrong) {
                let table = section.path.clone();
                self.findings.add(text.at, Kind::NotOfLanguage { table, key, language });
            }
        }
        match language {
            Language::Rust => Some(Source::Cargo { folder: folder? }),
            _ => Some(Source::Language { folder: folder?, language, world, engine }),
        }
    }

    /// The text of a key that is one of a few.
    fn choice<T>(
        &mut self,
        section: &Section<'d>,
        key: &'static str,
        known: &[&'static str],
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let Text { text, at } = section.text(key, &mut self.findings)?;
        let choice = read(text);
        if choice.is_none() {
            let nearest = nearest(text, known.iter().copied());
            let (table, value) = (section.path.clone(), text.to_owned());
            let known = known.to_vec();
            self.findings.add(at, Kind::UnknownValue { table, key, value, nearest, known });
        }
        choice
    }

    /// A crate, a folder with a command, or a component that is ready.
    fn plain_source(&mut self, section: &Section<'d>) -> Option<Source> {
        let folder = self.path(section, "source");
        let wasm = self.path(section, "wasm");
        let command = section.text("build", &mut self.findings).map(|command| command.text);
        let mut needs =
            |has: &'static [&'static str], needs: &'static str, or_drop: &'static str| {
                let kind = Kind::NeedsKey { table: section.path.clone(), has, needs, or_drop };
                self.findings.add(section.at, kind);
            };
        let has = |key: &str| section.keys().any(|found| found.text == key);
        match (has("source"), has("build"), has("wasm")) {
            (true, false, false) => return Some(Source::Cargo { folder: folder? }),
            (true, true, true) => {
                let (folder, command, wasm) = (folder?, command?.to_owned(), wasm?);
                return Some(Source::Command { folder, command, wasm });
            }
            (false, false, true) => return Some(Source::Ready { wasm: wasm? }),
            (true, true, false) => needs(&["source", "build"], "wasm", "build"),
            (true, false, true) => needs(&["source", "wasm"], "build", "wasm"),
            (false, true, true) => needs(&["build", "wasm"], "source", "build"),
            (false, true, false) => needs(&["build"], "source", "build"),
            (false, false, false) => {
                let kind = Kind::Neither {
                    table: section.path.clone(),
                    first: "source",
                    second: "wasm",
                    example: "source = \"FOLDER\" or wasm = \"FILE\"",
                };
                self.findings.add(section.at, kind);
            }
        }
        None
    }

    fn service(&mut self, name: &Name, section: &Section<'d>, app: &Limits) -> Option<Service> {
        section.allow(&["component", "routes", "middleware", "limits"], &mut self.findings);
        let component = self.required(section, "component", "component = \"NAME\"");
        let component = component.and_then(|text| self.reference(section, text, Sort::Component));
        let middleware = self.references(section, "middleware", Sort::Component);
        if let Some(component) = &component
            && let Some((at, _)) = middleware.iter().find(|(_, name)| name == component)
        {
            let kind = Kind::OwnMiddleware { service: name.clone(), component: component.clone() };
            self.findings.add(*at, kind);
        }
        let routes = self.routes(name, section);
        let limits = self.limits(section).over(app.clone());
        Some(Service { component: component?, routes, middleware: names(middleware), limits })
    }

    fn object(&mut self, class: &Name, section: &Section<'d>) -> Option<Object> {
        section.allow(&["component", "serial", "limits"], &mut self.findings);
        self.places.classes.push((section.at, class.clone()));
        let component = self.required(section, "component", "component = \"NAME\"");
        let component = component.and_then(|text| self.reference(section, text, Sort::Component));
        let serial = section.boolean("serial", &mut self.findings).unwrap_or_default();
        let limits = self.limits(section).over(ObjectLimits::default());
        Some(Object { component: component?, serial, limits })
    }

    fn routes(&mut self, service: &Name, section: &Section<'d>) -> Vec<Pattern> {
        let texts = section.texts("routes", &mut self.findings);
        // An entry that is no text has been noted, and is not the absence of routes.
        if texts.is_empty() && section.is_empty_list("routes") {
            self.findings.add(section.at, Kind::NoRoutes { service: service.clone() });
        }
        let mut routes = Vec::new();
        for Text { text, at } in texts {
            match Pattern::parse(text) {
                Ok(route) => {
                    let service = service.clone();
                    self.places.claims.push(Claim { at, service, route: route.clone() });
                    routes.push(route);
                }
                Err(error) => {
                    let (table, route) = (section.path.clone(), text.to_owned());
                    self.findings.add(at, Kind::BadRoute { table, route, error });
                }
            }
        }
        routes
    }

    fn secret(&mut self, section: &Section<'d>) -> Option<SecretSource> {
        section.allow(&["env", "file"], &mut self.findings);
        let env = section.text("env", &mut self.findings);
        let file = section.text("file", &mut self.findings);
        let has = |key: &str| section.keys().any(|found| found.text == key);
        let (first, second) = ("env", "file");
        let table = section.path.clone();
        match (has(first), has(second)) {
            (true, true) => self.findings.add(section.at, Kind::Both { table, first, second }),
            (false, false) => {
                let example = "env = \"VARIABLE\" or file = \"PATH\"";
                self.findings.add(section.at, Kind::Neither { table, first, second, example });
            }
            (true, false) => return Some(SecretSource::Env(env?.text.to_owned())),
            (false, true) => return Some(SecretSource::File(file?.text.into())),
        }
        None
    }

    fn limits<L: Limited>(&mut self, section: &Section<'d>) -> LimitsPatch<L> {
        let mut patch = LimitsPatch::default();
        let Some(section) = section.section("limits", &mut self.findings) else { return patch };
        let known: Vec<&'static str> = L::fields().iter().map(|field| field.key).collect();
        section.allow(&known, &mut self.findings);
        for field in L::fields() {
            let Some(integer) = section.integer(field.key, &mut self.findings) else {
                continue;
            };
            let set = match integer.number {
                Some(number) => patch.set(field, number),
                None => Err(out_of_range(field)),
            };
            if let Err(error) = set {
                let (table, found) = (section.path.clone(), integer.written);
                self.findings.add(integer.at, Kind::LimitOutOfRange { table, found, error });
            }
        }
        patch
    }

    fn hosts(&mut self, section: &Section<'d>) -> Vec<HostPattern> {
        let mut hosts = Vec::new();
        for Text { text, at } in section.texts("allow-hosts", &mut self.findings) {
            match HostPattern::parse(text) {
                Ok(host) if hosts.contains(&host) => {
                    self.repeated(section, "allow-hosts", text, at)
                }
                Ok(host) => hosts.push(host),
                Err(error) => {
                    let (table, host) = (section.path.clone(), text.to_owned());
                    self.findings.add(at, Kind::BadHost { table, host, error });
                }
            }
        }
        hosts
    }

    fn vars(&mut self, component: &Name, section: &Section<'d>) -> BTreeMap<String, String> {
        let mut vars = BTreeMap::new();
        let Some(section) = section.section("vars", &mut self.findings) else { return vars };
        for (key, value) in section.all_texts(&mut self.findings) {
            if key.text.is_empty() {
                let kind = Kind::Empty { table: section.path.clone(), key: String::new() };
                self.findings.add(key.at, kind);
                continue;
            }
            self.places.vars.insert((component.clone(), key.text.to_owned()), key.at);
            vars.insert(key.text.to_owned(), value.to_owned());
        }
        vars
    }

    /// A path relative to the app's folder. It may lead out of the folder: an app can share the
    /// sources of its neighbours.
    fn path(&mut self, section: &Section<'d>, key: &'static str) -> Option<PathBuf> {
        let Text { text, at } = section.text(key, &mut self.findings)?;
        if is_absolute(text) {
            let (table, path) = (section.path.clone(), text.to_owned());
            self.findings.add(at, Kind::AbsolutePath { table, key, path });
            return None;
        }
        Some(text.into())
    }

    /// The declared names in a list, each once, and where they stand.
    fn references(
        &mut self,
        section: &Section<'d>,
        key: &'static str,
        sort: Sort,
    ) -> Vec<(usize, Name)> {
        let mut names: Vec<(usize, Name)> = Vec::new();
        for text in section.texts(key, &mut self.findings) {
            let Some(name) = self.reference(section, text, sort) else { continue };
            if names.iter().any(|(_, earlier)| *earlier == name) {
                self.repeated(section, key, text.text, text.at);
            } else {
                names.push((text.at, name));
            }
        }
        names
    }

    fn reference(&mut self, section: &Section<'d>, text: Text<'d>, sort: Sort) -> Option<Name> {
        let declared = self.top.keys_of(sort.table());
        if declared.contains(&text.text) {
            // A declared name that is none has been noted where it is declared.
            return Name::parse(text.text).ok();
        }
        let nearest = nearest(text.text, declared.into_iter());
        let (table, name) = (section.path.clone(), text.text.to_owned());
        self.findings.add(text.at, Kind::Undeclared { table, sort, name, nearest });
        None
    }

    fn name(&mut self, section: &Section<'d>, text: Text<'d>) -> Option<Name> {
        match Name::parse(text.text) {
            Ok(name) => Some(name),
            Err(error) => {
                let (table, name) = (section.path.clone(), text.text.to_owned());
                self.findings.add(text.at, Kind::BadName { table, name, error });
                None
            }
        }
    }

    fn required(
        &mut self,
        section: &Section<'d>,
        key: &'static str,
        example: &'static str,
    ) -> Option<Text<'d>> {
        if !section.keys().any(|found| found.text == key) {
            let kind = Kind::MissingKey { table: section.path.clone(), key, example };
            self.findings.add(section.at, kind);
            return None;
        }
        section.text(key, &mut self.findings)
    }

    fn repeated(&mut self, section: &Section<'d>, key: &'static str, item: &str, at: usize) {
        let (table, item) = (section.path.clone(), item.to_owned());
        self.findings.add(at, Kind::Repeated { table, key, item });
    }
}

fn names(references: Vec<(usize, Name)>) -> Vec<Name> {
    references.into_iter().map(|(_, name)| name).collect()
}

fn out_of_range<L>(field: &LimitField<L>) -> LimitError {
    LimitError { key: field.key, min: field.min, max: field.max }
}

/// Judged by the text and not by [`std::path::Path`], whose answer depends on where it runs.
fn is_absolute(path: &str) -> bool {
    let mut chars = path.chars();
    match (chars.next(), chars.next()) {
        (Some('/' | '\\'), _) => true,
        (Some(drive), Some(':')) => drive.is_ascii_alphabetic(),
        _ => false,
    }
}

//! `selvedge new`: begins a project. Asks for what was not said, where there is somebody to ask.

use crate::cli::{Lang, NewArgs, Template as Wish};
use anyhow::{Context as _, bail};
use selvedge_contract::names::Name;
use selvedge_languages::Language;
use selvedge_languages::project::{self, Created, Place, Template};
use std::io::{BufRead, IsTerminal as _, Write};
use std::path::Path;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Does what was typed, and says how to go on.
///
/// # Errors
/// Where there can be no such project, or its folder cannot be written.
pub(super) fn run(args: &NewArgs) -> anyhow::Result<ExitCode> {
    let place = match &args.into {
        Some(app) => Place::Into(app),
        None => Place::Beside(Path::new(".")),
    };
    let is_whole = args.name.is_some() && args.lang.is_some();
    let (name, language, template) = if is_whole || !std::io::stdin().is_terminal() {
        said(args)?
    } else {
        ask(args, place, &mut std::io::stdin().lock(), &mut std::io::stderr())?
    };
    let created = create(&name, language, template, place)?;
    tell(&created, &name, language, template, place);
    Ok(ExitCode::SUCCESS)
}

/// Creates the project. Ctrl-C has no effect for these few milliseconds: there is no half of a project,
/// and no hidden folder that one was to be made in.
fn create(
    name: &Name,
    language: Language,
    template: Template,
    place: Place<'_>,
) -> anyhow::Result<Created> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        // From here on it is noticed, and ends nothing.
        drop(signal(kind).context("cannot hold signals back")?);
    }
    Ok(project::create(name, language, template, place)?)
}

/// What was said, where nobody can be asked.
fn said(args: &NewArgs) -> anyhow::Result<(Name, Language, Template)> {
    let (Some(name), Some(lang)) = (&args.name, args.lang) else {
        bail!(
            "say the name and the language, as in `selvedge new {} --lang go`: there is no terminal to ask at",
            args.name.as_deref().unwrap_or("my-app")
        );
    };
    let template = args.template.map_or(Template::Http, template_of);
    Ok((project::name(name)?, language_of(lang), template))
}

/// Asks for what was not said; what will not do is asked again.
fn ask(
    args: &NewArgs,
    place: Place<'_>,
    answers: &mut impl BufRead,
    questions: &mut impl Write,
) -> anyhow::Result<(Name, Language, Template)> {
    let name = match &args.name {
        Some(name) => project::name(name)?,
        None => question(answers, questions, "Name, like my-app: ", |answer| {
            let name = project::name(answer).map_err(|error| error.to_string())?;
            let (Place::Beside(folder) | Place::Into(folder)) = place;
            match folder.join(name.as_str()).symlink_metadata() {
                Ok(_) => Err(format!("there is already a {name} here; take another name")),
                Err(_) => Ok(name),
            }
        })?,
    };
    let language = match args.lang {
        Some(lang) => language_of(lang),
        None => {
            let names = Language::ALL.map(Language::name);
            let text = format!("Language ({}): ", names.join(", "));
            question(answers, questions, &text, |answer| {
                <Lang as clap::ValueEnum>::from_str(answer, true)
                    .map(language_of)
                    .map_err(|_| format!("{answer:?} is none of {}", names.join(", ")))
            })?
        }
    };
    let offered: Vec<Template> =
        Template::ALL.into_iter().filter(|it| it.offered_by(language).is_ok()).collect();
    let template = match (args.template, offered.as_slice()) {
        (Some(wish), _) => template_of(wish),
        (None, [only]) => *only,
        (None, _) => {
            let names: Vec<&str> = offered.iter().map(|template| template.name()).collect();
            let text = format!("Template ({}) [http]: ", names.join(", "));
            question(answers, questions, &text, |answer| match answer {
                "" => Ok(Template::Http),
                answer => Template::of(answer)
                    .ok_or_else(|| format!("{answer:?} is none of {}", names.join(", "))),
            })?
        }
    };
    Ok((name, language, template))
}

fn question<T>(
    answers: &mut impl BufRead,
    questions: &mut impl Write,
    text: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> anyhow::Result<T> {
    loop {
        write!(questions, "{text}")?;
        questions.flush()?;
        let mut answer = String::new();
        let bytes = answers.read_line(&mut answer).context("cannot read the answer")?;
        if bytes == 0 {
            bail!("there was no answer, and nothing was created");
        }
        match read(answer.trim()) {
            Ok(value) => return Ok(value),
            Err(reason) => writeln!(questions, "{reason}")?,
        }
    }
}

fn tell(created: &Created, name: &Name, language: Language, template: Template, place: Place<'_>) {
    let folder = created.folder.strip_prefix(".").unwrap_or(&created.folder);
    let what = template.what();
    eprintln!("Created {name}, {what}, in {language}: {}", folder.display());
    let app = match place {
        Place::Beside(_) => folder,
        Place::Into(app) => app,
    };
    if app != Path::new(".") {
        eprintln!("  cd {}", app.display());
    }
    eprintln!("  selvedge dev");
    eprintln!("  curl 'http://127.0.0.1:8787{}'", created.request);
}

fn language_of(lang: Lang) -> Language {
    match lang {
        Lang::Rust => Language::Rust,
        Lang::Go => Language::Go,
        Lang::Js => Language::JavaScript,
        Lang::Ts => Language::TypeScript,
        Lang::Python => Language::Python,
        Lang::C => Language::C,
    }
}

fn template_of(wish: Wish) -> Template {
    match wish {
        Wish::Http => Template::Http,
        Wish::Object => Template::Object,
        Wish::Middleware => Template::Middleware,
    }
}

#[cfg(test)]
mod tests {
    use super::ask;
    use crate::cli::{Lang, NewArgs};
    use selvedge_languages::Language;
    use selvedge_languages::project::{Place, Template};
    use std::path::Path;

    const NOTHING: NewArgs = NewArgs { name: None, lang: None, template: None, into: None };

    fn answer(
        args: &NewArgs,
        answers: &str,
    ) -> (anyhow::Result<(String, Language, Template)>, String) {
        let mut questions = Vec::new();
        let place = Place::Beside(Path::new("/nowhere"));
        let said = ask(args, place, &mut answers.as_bytes(), &mut questions);
        let said = said.map(|(name, language, template)| (name.to_string(), language, template));
        (said, String::from_utf8(questions).unwrap())
    }

    #[test]
    fn what_will_not_do_is_asked_again() {
        let (said, asked) = answer(&NOTHING, "My App\nmy-app\ncobol\nrust\nblob\nobject\n");
        assert_eq!(said.unwrap(), ("my-app".to_owned(), Language::Rust, Template::Object));
        assert_eq!(asked.matches("Name, like my-app: ").count(), 2, "{asked}");
        assert!(asked.contains("\"cobol\" is none of rust, go,"), "{asked}");
    }

    #[test]
    fn an_empty_template_is_http_and_what_was_said_is_not_asked() {
        let args = NewArgs { lang: Some(Lang::Rust), ..NOTHING };
        let (said, asked) = answer(&args, "a\n\n");
        assert_eq!(said.unwrap(), ("a".to_owned(), Language::Rust, Template::Http));
        assert!(!asked.contains("Language"), "{asked}");
    }

    #[test]
    fn an_end_of_the_answers_creates_nothing() {
        assert!(answer(&NOTHING, "a\n").0.unwrap_err().to_string().contains("nothing was created"));
    }
}

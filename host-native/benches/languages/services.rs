//! The services that are measured: one in every language, and what each is measured by.
//!
//! Go, C, TypeScript and Python keep notes as the Rust service does (`components/notes`), and a request
//! reads a note. The small engine of JavaScript has no key-value calls to await, so its service tells
//! what it was asked (`components/echo`), and is measured by one in Rust that tells the same
//! (`benches/app/echo`).

/// What serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Host {
    /// `selvedge serve`.
    Native,
    /// workerd, with what `selvedge bundle` makes.
    Workerd,
}

impl Host {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Native, Self::Workerd];

    /// Its name in results.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Workerd => "workerd",
        }
    }
}

/// What a service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Keeps notes.
    Notes,
    /// Tells what it was asked.
    Echo,
}

/// A service.
pub(crate) struct Service {
    /// Its name in results.
    pub(crate) name: &'static str,
    /// Its name for people.
    pub(crate) label: &'static str,
    /// What it does.
    pub(crate) work: Work,
    /// The service that it is measured by: the same in Rust.
    pub(crate) baseline: &'static str,
    /// The folder in the repository that has it, and what it shares with others.
    pub(crate) root: &'static str,
    /// Its own folder there.
    pub(crate) folder: &'static str,
    /// What its table in the manifest says beside that.
    pub(crate) table: &'static str,
    /// A line to change, so that an answer shows it.
    pub(crate) change: Change,
}

/// A change of a line, after which a member of the answer is called [`CHANGED`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    /// The file, below the service's folder.
    pub(crate) file: &'static str,
    /// What the line has.
    pub(crate) from: &'static str,
    /// What it then has.
    pub(crate) to: &'static str,
}

/// What an answer holds after the change, and not before.
pub(crate) const CHANGED: &str = "\"words\"";
/// The text of the note, or of what is to be told: 100 bytes.
pub(crate) const TEXT: &str = "A note of a hundred bytes: long enough to be one, and short enough to leave the time to the service.";

const RUST: &str = "rust";
const RUST_ECHO: &str = "rust-echo";
const COMPONENTS: &str = "components";

/// All of them.
pub(crate) const ALL: [Service; 7] = [
    Service {
        name: RUST,
        label: "Rust",
        work: Work::Notes,
        baseline: RUST,
        root: COMPONENTS,
        folder: "notes/rust",
        table: "",
        change: Change {
            file: "src/reply.rs",
            from: "    pub(crate) text: &'a str,",
            to: "    #[serde(rename = \"words\")] pub(crate) text: &'a str,",
        },
    },
    Service {
        name: "c",
        label: "C",
        work: Work::Notes,
        baseline: RUST,
        root: COMPONENTS,
        folder: "notes/c",
        table: "language = \"c\"",
        change: Change { file: "src/answer.c", from: "\\\"text\\\":", to: "\\\"words\\\":" },
    },
    Service {
        name: "go",
        label: "Go",
        work: Work::Notes,
        baseline: RUST,
        root: COMPONENTS,
        folder: "notes/go",
        table: "language = \"go\"",
        change: Change { file: "main.go", from: "`json:\"text\"`", to: "`json:\"words\"`" },
    },
    Service {
        name: "python",
        label: "Python",
        work: Work::Notes,
        baseline: RUST,
        root: COMPONENTS,
        folder: "notes/python",
        table: "language = \"python\"",
        change: Change { file: "src/app.py", from: "\"text\": text})", to: "\"words\": text})" },
    },
    Service {
        name: "typescript",
        label: "TypeScript, StarlingMonkey",
        work: Work::Notes,
        baseline: RUST,
        root: COMPONENTS,
        folder: "notes/typescript",
        table: "language = \"typescript\"\nworld = \"selvedge:app/service-p2@0.1.0\"",
        change: Change {
            file: "src/main.ts",
            from: "return json({ id, text });",
            to: "return json({ id, words: text });",
        },
    },
    Service {
        name: RUST_ECHO,
        label: "Rust, echo",
        work: Work::Echo,
        baseline: RUST_ECHO,
        root: "host-native/benches/app",
        folder: "echo",
        table: "",
        change: Change {
            file: "src/lib.rs",
            from: "    text: String,",
            to: "    #[serde(rename = \"words\")] text: String,",
        },
    },
    Service {
        name: "quickjs",
        label: "TypeScript, QuickJS: echo",
        work: Work::Echo,
        baseline: RUST_ECHO,
        root: COMPONENTS,
        folder: "echo",
        table: "language = \"typescript\"\nengine = \"quickjs\"\nworld = \"selvedge:app/service-quickjs@0.1.0\"",
        change: Change {
            file: "src/main.ts",
            from: "text: await request.text()",
            to: "words: await request.text()",
        },
    },
];

#[cfg(test)]
mod tests {
    use super::{ALL, TEXT};
    use std::path::Path;

    #[test]
    fn every_change_is_of_one_line_that_is_there() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for service in &ALL {
            let folder = repository.join(service.root).join(service.folder);
            let text = std::fs::read_to_string(folder.join(service.change.file)).unwrap();
            assert_eq!(text.matches(service.change.from).count(), 1, "{}", service.name);
            assert!(ALL.iter().any(|other| other.name == service.baseline), "{}", service.name);
        }
        assert_eq!(TEXT.len(), 100);
    }
}

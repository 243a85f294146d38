//! The languages that guests are written in.

use std::fmt;

/// A language that `selvedge build` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// By cargo.
    Rust,
    /// By the stock toolchain.
    Go,
    /// By one of the [`Engine`]s.
    JavaScript,
    /// By one of the [`Engine`]s, once its types are taken away.
    TypeScript,
    /// By componentize-py.
    Python,
    /// By zig, or any clang that knows WASI.
    C,
}

/// What runs JavaScript inside a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Engine {
    /// The engine of Firefox: fast, with `fetch` and streams, and 12 MiB.
    #[default]
    StarlingMonkey,
    /// A small interpreter: 1.7 MiB, without the interfaces of the web.
    QuickJs,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Rust, Self::Go, Self::JavaScript, Self::TypeScript, Self::Python, Self::C];

    /// The language's name in a manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Go => "go",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
            Self::Python => "python",
            Self::C => "c",
        }
    }

    /// The language of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.name() == name)
    }

    /// Whether an [`Engine`] runs it.
    pub fn has_engine(self) -> bool {
        matches!(self, Self::JavaScript | Self::TypeScript)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Engine {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::StarlingMonkey, Self::QuickJs];

    /// The engine's name in a manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::StarlingMonkey => "starlingmonkey",
            Self::QuickJs => "quickjs",
        }
    }

    /// The engine of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

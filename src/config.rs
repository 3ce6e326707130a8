//! Settings as one value, each part of which knows where it came from.
//!
//! Read from `heaplint.toml`, or from `[tool.heaplint]` in `pyproject.toml`: the nearest file that has our section.
//! Knows no rules: whether a selected code exists is for the caller to say. Nothing in a settings file runs anything,
//! and files that it names lie in its project.

mod error;
mod keys;
mod python;
mod read;
mod schema;
mod text;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

pub use error::ConfigError;
pub use keys::{FORMS, KEYS, Key, OVERRIDE_KEYS, Takes};
pub use python::{Interpreter, TargetVersion};
pub use schema::schema;
pub use text::{nearest, parse_size};

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// Bounded, stylistic, or churn.
    Info,
    /// Released by luck only.
    Warning,
    /// Grows without bound, or is never released.
    Error,
}

/// How sure we are of a finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Confidence {
    /// Rests on callers that we do not see.
    Low,
    /// Rests on one assumption.
    Medium,
    /// Shown by the program itself.
    High,
}

/// What the program is said to be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Program {
    /// To be read from packaging metadata.
    Auto,
    /// All callers are ours.
    Application,
    /// Callers are unknown.
    Library,
}

/// Which parser reads the files.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Parser {
    /// The newest grammar, with the other as its fallback.
    Auto,
    /// `rustpython-parser`.
    Rustpython,
    /// `ruff_python_parser`.
    Ruff,
}

/// Words of an enum, for settings, flags and messages alike.
macro_rules! words {
    ($type:ident: $($word:literal => $value:ident),+) => {
        impl $type {
            /// All of its words.
            pub const WORDS: &[&str] = &[$($word),+];
        }
        impl FromStr for $type {
            type Err = ();
            fn from_str(word: &str) -> Result<Self, ()> {
                match word {
                    $($word => Ok(Self::$value),)+
                    _ => Err(()),
                }
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self {
                    $(Self::$value => $word,)+
                })
            }
        }
    };
}

words!(Level: "error" => Error, "warning" => Warning, "info" => Info);
words!(Confidence: "high" => High, "medium" => Medium, "low" => Low);
words!(Program: "auto" => Auto, "application" => Application, "library" => Library);
words!(Parser: "auto" => Auto, "rustpython" => Rustpython, "ruff" => Ruff);

/// Where a value was set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// Nowhere.
    Default,
    /// In a settings file.
    File {
        /// The file.
        path: Arc<Path>,
        /// The line, from 1.
        line: u32,
    },
    /// By a flag.
    CommandLine,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

/// A value, and where it was set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it was set.
    pub from: Source,
}

impl<T> Sourced<T> {
    fn default(value: T) -> Self {
        Self::unset(value)
    }

    /// A value that nobody set.
    #[must_use]
    pub fn unset(value: T) -> Self {
        Self {
            value,
            from: Source::Default,
        }
    }
}

/// A glob and the folder of the file that names it, to which it is relative.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    /// As written.
    pub glob: String,
    /// The folder.
    pub base: PathBuf,
}

/// Rules to ignore in some files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PerFileIgnore {
    /// Which files.
    pub files: Pattern,
    /// Codes, families or names.
    pub rules: Vec<String>,
}

/// What is different for some files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Override {
    /// Which files.
    pub files: Vec<Pattern>,
    /// Codes, families and names to check there, instead of those of the project.
    pub select: Option<Vec<String>>,
    /// Codes, families and names not to check there.
    pub ignore: Vec<String>,
    /// Least severity that is shown there.
    pub level: Option<Level>,
    /// Least confidence that is shown there.
    pub confidence: Option<Confidence>,
    /// Severity by code, family or name.
    pub severity: Vec<(String, Level)>,
}

/// All settings.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// Settings files that were read, the nearest first, then those it extends.
    pub files: Vec<PathBuf>,
    /// Codes, families and names to check; `None` is all that are on by default.
    pub select: Sourced<Option<Vec<String>>>,
    /// Codes, families and names not to check.
    pub ignore: Sourced<Vec<String>>,
    /// Files and folders to leave out: replaces what an extended file says.
    pub exclude: Sourced<Vec<Pattern>>,
    /// Files and folders to leave out, besides those above and those of extended files.
    pub extend_exclude: Vec<Sourced<Pattern>>,
    /// Whether git's ignore files are honoured.
    pub respect_gitignore: Sourced<bool>,
    /// Least severity that is shown.
    pub level: Sourced<Level>,
    /// Least confidence that is shown.
    pub confidence: Sourced<Confidence>,
    /// Least severity that makes the run fail.
    pub fail_level: Sourced<Level>,
    /// Interpreter that the program runs on.
    pub target_version: Sourced<TargetVersion>,
    /// Whether callers are ours.
    pub program: Sourced<Program>,
    /// Number of threads; 0 is as many as there are cores.
    pub threads: Sourced<usize>,
    /// Which parser reads the files.
    pub parser: Sourced<Parser>,
    /// Bytes from which an object is large.
    pub large_object: Sourced<u64>,
    /// Rules to ignore by file, in the order of the files that say so.
    pub per_file_ignores: Vec<Sourced<PerFileIgnore>>,
    /// Severity by code, family or name, sorted by it.
    pub severity: Vec<(String, Sourced<Level>)>,
    /// What is different for some files, in the order of the files that say so: the later counts.
    pub overrides: Vec<Sourced<Override>>,
    /// Tables of what APIs open and close, in the form of the rules' own; extended files' first.
    pub api: Vec<Sourced<toml::Table>>,
    /// Rows of the other tables of `rules/models/`, with the table's name; extended files' first.
    pub taught: Vec<(&'static str, Sourced<toml::Table>)>,
    /// Whether findings in tests are shown as elsewhere, not errors only.
    pub report_tests: Sourced<bool>,
    /// Whether findings in generated files are shown.
    pub report_generated: Sourced<bool>,
    /// Whether findings in other people's code that the project keeps are shown.
    pub report_vendored: Sourced<bool>,
    /// Whether suppression comments of ours give a reason.
    pub require_reason: Sourced<bool>,
    /// Whether suppression comments name the rules they are for.
    pub forbid_blanket: Sourced<bool>,
    /// Baseline file.
    pub baseline: Sourced<Option<PathBuf>>,
    /// The settings of each folder and file that was named, when they are not the same: of those that hold a file, the
    /// deepest counts for what is selected, shown and left out. All else is one for a run, and stands here.
    pub by_root: Vec<(PathBuf, Config)>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            select: Sourced::default(None),
            ignore: Sourced::default(Vec::new()),
            exclude: Sourced::default(Vec::new()),
            extend_exclude: Vec::new(),
            respect_gitignore: Sourced::default(true),
            level: Sourced::default(Level::Warning),
            confidence: Sourced::default(Confidence::Medium),
            fail_level: Sourced::default(Level::Warning),
            target_version: Sourced::default(TargetVersion::default()),
            program: Sourced::default(Program::Auto),
            threads: Sourced::default(0),
            parser: Sourced::default(Parser::Auto),
            large_object: Sourced::default(1 << 20),
            per_file_ignores: Vec::new(),
            severity: Vec::new(),
            overrides: Vec::new(),
            api: Vec::new(),
            taught: Vec::new(),
            report_tests: Sourced::default(false),
            report_generated: Sourced::default(false),
            report_vendored: Sourced::default(false),
            require_reason: Sourced::default(false),
            forbid_blanket: Sourced::default(false),
            baseline: Sourced::default(None),
            by_root: Vec::new(),
        }
    }
}

impl Config {
    /// The settings for a file or folder: of the nearest folder, up to the repository's root, that has a file with our section.
    ///
    /// # Errors
    /// When that file, or one that it extends, cannot be read or says what we do not understand.
    pub fn load(start: &Path) -> Result<Self, ConfigError> {
        read::load(start)
    }

    /// The settings of several files and folders that are analysed together.
    ///
    /// What holds for a run as a whole is the first one's; what is taught is everybody's, and the lowest version counts.
    ///
    /// # Errors
    /// As for [`Config::load`].
    pub fn load_all(roots: &[PathBuf]) -> Result<Self, ConfigError> {
        read::load_all(roots)
    }

    /// The settings of one named file, and of those that it extends.
    ///
    /// # Errors
    /// As for [`Config::load`]; also when a `pyproject.toml` has no section of ours.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        read::from_file(path)
    }

    /// The settings in `text`, the content of a file at `path`; reads what it extends.
    ///
    /// A file named `pyproject.toml` holds them in `[tool.heaplint]`, any other at its top level.
    ///
    /// # Errors
    /// As for [`Config::load`].
    pub fn from_str(text: &str, path: &Path) -> Result<Self, ConfigError> {
        read::from_str(text, path)
    }

    /// The patterns to leave out, of both keys.
    pub fn excludes(&self) -> impl Iterator<Item = &Pattern> {
        let of_roots = self.by_root.iter().flat_map(|it| it.1.own_excludes());
        self.own_excludes().chain(of_roots)
    }

    fn own_excludes(&self) -> impl Iterator<Item = &Pattern> {
        let more = self.extend_exclude.iter().map(|it| &it.value);
        self.exclude.value.iter().chain(more)
    }
}

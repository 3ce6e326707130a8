//! The keys of a settings file: read from here by the checks, the hints, the schema and the listing.

use super::{Confidence, Level, Parser, Program};

/// A key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    /// As written in the file.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// What it does.
    pub about: &'static str,
}

/// What a key takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takes {
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Codes, families and names of rules.
    Rules,
    /// Globs.
    Globs,
    /// A path.
    Path,
    /// A number of bytes.
    Size,
    /// A number of threads.
    Threads,
    /// A version of Python.
    Version,
    /// Rules by glob.
    RulesByGlob,
    /// Levels by rule.
    LevelByRule,
    /// Tables of what is different for some files.
    Overrides,
    /// Rows of a table of `rules/models/`.
    Rows,
}

impl Takes {
    /// As messages say it.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Flag => "true or false".to_owned(),
            Self::Word(words) => {
                let words: Vec<String> = words.iter().map(|it| format!("\"{it}\"")).collect();
                let (last, rest) = words.split_last().expect("a key has words");
                format!("{} or {last}", rest.join(", "))
            }
            Self::Rules | Self::Globs => "a list of strings".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Size => "a size such as 1048576 or \"1 MiB\"".to_owned(),
            Self::Threads => "a number from 0 to 1024".to_owned(),
            Self::Version => "a version such as \"3.11\" or \"pypy3.10\"".to_owned(),
            Self::RulesByGlob => "a table of glob = list of strings".to_owned(),
            Self::LevelByRule => "a table of rule = level".to_owned(),
            Self::Overrides | Self::Rows => "an array of tables".to_owned(),
        }
    }
}

const fn key(name: &'static str, takes: Takes, about: &'static str) -> Key {
    Key { name, takes, about }
}

const LEVEL: Takes = Takes::Word(Level::WORDS);
const CONFIDENCE: Takes = Takes::Word(Confidence::WORDS);

/// Keys whose rows teach the model, besides `api`: the tables of `rules/models/`.
pub const FORMS: &[&str] = &[
    "base",
    "cache",
    "decorator",
    "function",
    "method",
    "registry",
    "role",
    "type",
];

/// Keys of a table of `overrides`, by name.
pub const OVERRIDE_KEYS: &[Key] = &[
    key(
        "confidence",
        CONFIDENCE,
        "least confidence that is shown there",
    ),
    key("files", Takes::Globs, "globs of the files that are meant"),
    key(
        "ignore",
        Takes::Rules,
        "codes, families or names of rules not to check there",
    ),
    key(
        "level",
        LEVEL,
        "least severity that is shown there, in tests as well",
    ),
    key(
        "select",
        Takes::Rules,
        "codes, families or names of rules to check there, instead of the project's",
    ),
    key("severity", Takes::LevelByRule, "severity of rules there"),
];

/// All keys, by name.
pub const KEYS: &[Key] = &[
    key(
        "api",
        Takes::Rows,
        "what APIs of yours open, close and take over",
    ),
    key("base", Takes::Rows, "what deriving from a class means"),
    key(
        "baseline",
        Takes::Path,
        "file of findings that are known and not reported",
    ),
    key(
        "cache",
        Takes::Rows,
        "decorators that keep results of calls",
    ),
    key("confidence", CONFIDENCE, "least confidence that is shown"),
    key(
        "decorator",
        Takes::Rows,
        "how often a decorated function runs",
    ),
    key(
        "exclude",
        Takes::Globs,
        "globs of files and folders to leave out, instead of those of an extended file",
    ),
    key(
        "extend",
        Takes::Path,
        "settings file of the same project that this one adds to",
    ),
    key(
        "extend-exclude",
        Takes::Globs,
        "globs of files and folders to leave out as well",
    ),
    key(
        "fail-level",
        LEVEL,
        "least severity that makes the run fail",
    ),
    key(
        "forbid-blanket",
        Takes::Flag,
        "whether suppression comments must name rules",
    ),
    key(
        "function",
        Takes::Rows,
        "what functions do with containers that they are given",
    ),
    key(
        "ignore",
        Takes::Rules,
        "codes, families or names of rules not to check",
    ),
    key(
        "large-object",
        Takes::Size,
        "size from which an object is large",
    ),
    key("level", LEVEL, "least severity that is shown"),
    key(
        "method",
        Takes::Rows,
        "what methods do, or how often they run",
    ),
    key(
        "overrides",
        Takes::Overrides,
        "what is different for some files; the later counts",
    ),
    key(
        "parser",
        Takes::Word(Parser::WORDS),
        "which parser reads the files",
    ),
    key(
        "per-file-ignores",
        Takes::RulesByGlob,
        "rules to ignore in some files",
    ),
    key(
        "program",
        Takes::Word(Program::WORDS),
        "whether all callers are in the program",
    ),
    key(
        "registry",
        Takes::Rows,
        "functions that keep a callback for as long as the process",
    ),
    key(
        "report-generated",
        Takes::Flag,
        "whether findings in generated files are shown",
    ),
    key(
        "report-tests",
        Takes::Flag,
        "whether findings in tests are shown as elsewhere, not errors only",
    ),
    key(
        "report-vendored",
        Takes::Flag,
        "whether findings in vendored code are shown",
    ),
    key(
        "require-reason",
        Takes::Flag,
        "whether suppression comments must give a reason",
    ),
    key(
        "respect-gitignore",
        Takes::Flag,
        "whether git's ignore files are honoured",
    ),
    key(
        "role",
        Takes::Rows,
        "functions that start tasks and threads, make figures or allocate natively",
    ),
    key(
        "select",
        Takes::Rules,
        "codes, families or names of rules to check",
    ),
    key(
        "severity",
        Takes::LevelByRule,
        "severity of rules, instead of their own",
    ),
    key(
        "target-version",
        Takes::Version,
        "interpreter that the program runs on",
    ),
    key(
        "threads",
        Takes::Threads,
        "number of threads, 0 for one per core",
    ),
    key(
        "type",
        Takes::Rows,
        "classes that hold other objects, and what bounds them",
    ),
];

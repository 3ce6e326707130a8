//! The keys of a settings file: read from here by the checks, the hints and the listing.

/// A key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    /// As written in the file.
    pub name: &'static str,
    /// What it takes.
    pub takes: &'static str,
    /// What it does.
    pub about: &'static str,
}

const fn key(name: &'static str, takes: &'static str, about: &'static str) -> Key {
    Key { name, takes, about }
}

const STRINGS: &str = "a list of strings";
const LEVEL: &str = "\"error\", \"warning\" or \"info\"";

/// All keys, by name.
pub const KEYS: &[Key] = &[
    key(
        "api",
        "an array of tables",
        "what APIs of yours open, close, hold or remove",
    ),
    key(
        "baseline",
        "a path",
        "file of findings that are known and not reported",
    ),
    key(
        "confidence",
        "\"high\", \"medium\" or \"low\"",
        "least confidence that is shown",
    ),
    key(
        "exclude",
        STRINGS,
        "globs of files and folders to leave out, instead of those of an extended file",
    ),
    key(
        "extend",
        "a path",
        "settings file of the same project that this one adds to",
    ),
    key(
        "extend-exclude",
        STRINGS,
        "globs of files and folders to leave out as well",
    ),
    key(
        "fail-level",
        LEVEL,
        "least severity that makes the run fail",
    ),
    key(
        "forbid-blanket",
        "true or false",
        "whether suppression comments must name rules",
    ),
    key(
        "ignore",
        STRINGS,
        "codes, families or names of rules not to check",
    ),
    key(
        "large-object",
        "a size such as 1048576 or \"1 MiB\"",
        "size from which an object is large",
    ),
    key("level", LEVEL, "least severity that is shown"),
    key(
        "parser",
        "\"auto\", \"rustpython\" or \"ruff\"",
        "which parser reads the files",
    ),
    key(
        "per-file-ignores",
        "a table of glob = list of strings",
        "rules to ignore in some files",
    ),
    key(
        "program",
        "\"auto\", \"application\" or \"library\"",
        "whether all callers are in the program",
    ),
    key(
        "require-reason",
        "true or false",
        "whether suppression comments must give a reason",
    ),
    key(
        "respect-gitignore",
        "true or false",
        "whether git's ignore files are honoured",
    ),
    key(
        "select",
        STRINGS,
        "codes, families or names of rules to check",
    ),
    key(
        "severity",
        "a table of rule = level",
        "severity of rules, instead of their own",
    ),
    key(
        "target-version",
        "a version such as \"3.11\" or \"pypy3.10\"",
        "interpreter that the program runs on",
    ),
    key(
        "threads",
        "a number from 0 to 1024",
        "number of threads, 0 for one per core",
    ),
];

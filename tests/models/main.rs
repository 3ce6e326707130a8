//! Every row of the tables under `rules/models/` does what it says, each name in a program of its own; and those of other
//! people's libraries say which versions they are true of.
//!
//! The programs that the library itself runs are in `tests/clients/libraries.py`.

use std::collections::HashMap;
use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use toml::Table;

mod growth;
mod registries;
mod resources;

/// Modules of the standard library that rows name; a row of anything else says which versions it is true of.
const STANDARD: &[&str] = &[
    "_thread",
    "abc",
    "aifc",
    "argparse",
    "array",
    "ast",
    "asyncio",
    "atexit",
    "base64",
    "bisect",
    "builtins",
    "bz2",
    "codecs",
    "collections",
    "concurrent",
    "configparser",
    "contextlib",
    "contextvars",
    "cmd",
    "copy",
    "csv",
    "ctypes",
    "datetime",
    "dbm",
    "enum",
    "fcntl",
    "fileinput",
    "ftplib",
    "functools",
    "gc",
    "glob",
    "gzip",
    "hashlib",
    "heapq",
    "html",
    "http",
    "imaplib",
    "io",
    "itertools",
    "json",
    "locale",
    "logging",
    "lzma",
    "marshal",
    "mmap",
    "msvcrt",
    "multiprocessing",
    "nntplib",
    "operator",
    "os",
    "pathlib",
    "pickle",
    "platform",
    "plistlib",
    "poplib",
    "posix",
    "posixpath",
    "pprint",
    "pty",
    "queue",
    "random",
    "select",
    "selectors",
    "shelve",
    "shutil",
    "smtplib",
    "socket",
    "socketserver",
    "sqlite3",
    "ssl",
    "stat",
    "statistics",
    "struct",
    "subprocess",
    "sunau",
    "sys",
    "tarfile",
    "telnetlib",
    "tempfile",
    "termios",
    "threading",
    "time",
    "tkinter",
    "tokenize",
    "tomllib",
    "traceback",
    "tty",
    "types",
    "typing",
    "unittest",
    "urllib",
    "urllib2",
    "uuid",
    "wave",
    "weakref",
    "wsgiref",
    "xml",
    "xmlrpc",
    "zipfile",
];

/// The tables whose rows speak of libraries. `known.toml` only lists names that the analysis asks about.
const TABLES: &[&str] = &[
    "stdlib_files",
    "stdlib_net",
    "stdlib_process",
    "stdlib_temporary",
    "stdlib_owners",
    "databases",
    "http_clients",
    "data",
    "calm",
    "containers",
    "entry_points",
    "holders",
    "registries",
    "sizes",
];

/// A table of `rules/models/`.
fn table(name: &str) -> Table {
    let path = format!("{}/rules/models/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|it| panic!("{path}: {it}"));
    text.parse().unwrap_or_else(|it| panic!("{path}: {it}"))
}

/// The rows below a key.
fn rows(table: &Table, key: &str) -> Vec<Table> {
    let rows = table.get(key).and_then(|it| it.as_array());
    rows.into_iter()
        .flatten()
        .map(|it| it.as_table().expect("a row").clone())
        .collect()
}

/// The texts below a key: one, many, or none.
fn texts(row: &Table, key: &str) -> Vec<String> {
    let of = |it: &toml::Value| it.as_str().map(str::to_owned);
    match row.get(key) {
        Some(toml::Value::Array(them)) => them.iter().filter_map(of).collect(),
        Some(one) => of(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The rows of a table, in lists or alone.
fn all_rows(table: &Table) -> Vec<Table> {
    let rows = table.values().flat_map(|it| match it {
        toml::Value::Array(them) => them.iter().collect(),
        one => vec![one],
    });
    rows.filter_map(|it| it.as_table().cloned()).collect()
}

#[test]
fn rows_of_other_libraries_say_which_versions_they_are_true_of() {
    let mut silent = Vec::new();
    for name in TABLES {
        for row in all_rows(&table(name)) {
            let keys = ["name", "names", "bases", "exact"];
            let mut names = keys.iter().flat_map(|it| texts(&row, it));
            let other = names.find(|it| {
                let root = it.split_once('.').map(|it| it.0);
                root.is_some_and(|it| !STANDARD.contains(&it))
            });
            if let Some(other) = other.filter(|_| !row.contains_key("note")) {
                silent.push(format!("{name}.toml: {other}"));
            }
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

/// The statement that imports what a dotted name begins with.
fn import(name: &str) -> String {
    match name.rsplit_once('.') {
        Some(("builtins", _)) | None => String::new(),
        Some((module, _)) => format!("import {module}\n"),
    }
}

/// A dotted name as a program writes it.
fn written(name: &str) -> &str {
    name.strip_prefix("builtins.").unwrap_or(name)
}

/// What a program is asked for.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Wanted {
    /// A finding.
    Found,
    /// None.
    Quiet,
    /// One that speaks of events.
    Event,
    /// None that does.
    NoEvent,
}

/// Programs of one file each that are checked together.
#[derive(Default)]
struct Programs {
    all: Vec<(String, String, Wanted)>,
}

impl Programs {
    fn add(&mut self, of: &str, what: &str, text: String, wanted: Wanted) {
        self.all.push((format!("{of} ({what})"), text, wanted));
    }

    /// Runs the binary over all and fails for those that are not as wanted. Only codes with one of the `prefixes` count.
    fn check(&self, prefixes: &[&str], flags: &[&str]) {
        let folder = TempDir::with_prefix("models").expect("a temporary folder");
        for (at, (_, text, _)) in self.all.iter().enumerate() {
            fs::write(folder.path().join(format!("p{at}.py")), text).expect("a file");
        }
        let output = Command::new(env!("CARGO_BIN_EXE_heaplint"))
            .args(["check", "--isolated", "--quiet", "--exit-zero"])
            .args(["--output", "json", "--program", "application", "."])
            .args(flags)
            .current_dir(folder.path())
            .output()
            .expect("the binary runs");
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        let mut found: HashMap<&str, Vec<&str>> = HashMap::new();
        for finding in report["findings"].as_array().expect("findings") {
            let code = finding["code"].as_str().unwrap_or_default();
            if prefixes.iter().any(|it| code.starts_with(it)) {
                let path = finding["location"]["path"].as_str().expect("a path");
                let message = finding["message"].as_str().unwrap_or_default();
                found.entry(path).or_default().push(message);
            }
        }
        let mut wrong = Vec::new();
        for (at, (of, text, wanted)) in self.all.iter().enumerate() {
            let messages = found.remove(&*format!("p{at}.py")).unwrap_or_default();
            let event = messages.iter().any(|it| it.contains("with events that"));
            let right = match wanted {
                Wanted::Found => !messages.is_empty(),
                Wanted::Quiet => messages.is_empty(),
                Wanted::Event => event,
                Wanted::NoEvent => !event,
            };
            if !right {
                wrong.push(format!("{of}: wanted {wanted:?}, got {messages:?}\n{text}"));
            }
        }
        assert!(
            wrong.is_empty(),
            "{} of {} programs are not as their row says:\n\n{}",
            wrong.len(),
            self.all.len(),
            wrong.join("\n")
        );
    }
}

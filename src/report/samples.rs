//! Findings that the tests of all formats show.

use super::{Notice, Report, Stats};
use crate::base::{FileId, SourceMap, Span};
use crate::catalog::{RuleMeta, parse};
use crate::finding::{Finding, Growth, Place, Role, Step, finish};

const PAGE: &str = "```toml\ncode = \"HL101\"\nname = \"growing-global\"\nsummary = \"a global grows\"\nseverity = \"warning\"\nconfidence = \"high\"\nsince = \"0.1.0\"\ntruth = []\n```\n";

const CACHE: &str =
    "import os\n_CACHE: dict = {}\ndef lookup(key):\n    _CACHE[key] = Result(fetch(key))\n";
const DB: &str = "def fetch(é):\n    é = 'é'; conn = sqlite3.connect(DB)\n    return conn\n";

/// A report's parts.
#[derive(Default)]
pub struct Sample {
    pub sources: SourceMap,
    pub findings: Vec<Finding>,
    pub notices: Vec<Notice>,
}

pub fn rule() -> &'static RuleMeta {
    Box::leak(Box::new(parse(PAGE).expect("the page is well-formed")))
}

/// The first place of `needle` in a file.
pub fn place(sources: &SourceMap, file: u32, needle: &str) -> Place {
    let id = FileId::new(file);
    let start = sources.file(id).text.find(needle).expect("present");
    Place {
        file: id,
        span: Span::new(start as u32, (start + needle.len()) as u32),
    }
}

fn step(node: &str, edge: &str, place: Option<Place>) -> Step {
    Step {
        node: node.to_owned(),
        edge: edge.to_owned(),
        place,
    }
}

impl Sample {
    pub fn report(&self) -> Report<'_> {
        Report {
            version: "0.1.0",
            findings: &self.findings,
            sources: &self.sources,
            notices: &self.notices,
            rules: super::golden::rules(),
            stats: Stats {
                files: 412,
                sites: 1204,
                roots: 37,
                growing: 1,
                seconds: 0.408,
            },
            prefix: "",
        }
    }

    pub fn files(files: &[(&str, &str)]) -> SourceMap {
        let mut sources = SourceMap::new(files.iter().map(|it| it.0.to_owned()).collect());
        for (at, file) in files.iter().enumerate() {
            sources.set_text(FileId::new(at as u32), file.1.to_owned());
        }
        sources
    }

    /// Adds a file to those that are there.
    pub fn add_file(&mut self, path: &str, text: &str) -> FileId {
        let known = (0..self.sources.len()).map(|at| self.sources.file(FileId::new(at as u32)));
        let mut files: Vec<(&str, &str)> = known.map(|it| (&*it.path, &*it.text)).collect();
        files.push((path, text));
        self.sources = Self::files(&files);
        FileId::new(self.sources.len() as u32 - 1)
    }

    /// The first place of `needle` in a file.
    pub fn place(&self, file: FileId, needle: &str) -> Place {
        place(&self.sources, file.raw(), needle)
    }

    /// Labels in two files, the second with letters outside ASCII.
    pub fn cache() -> Self {
        let sources = Self::files(&[("app/cache.py", CACHE), ("app/db.py", DB)]);
        let defined = place(&sources, 0, "_CACHE: dict = {}");
        let grown = place(&sources, 0, "_CACHE[key]");
        let conn = place(&sources, 1, "sqlite3.connect");
        let finding = Finding::new(
            rule(),
            grown,
            "module-level dict `_CACHE` grows without bound",
        )
        .label(defined, Role::Root, "held by module globals of `app.cache`")
        .label(grown, Role::Growth, "every new key adds ≈ 1.4 KiB")
        .label(conn, Role::Leak, "… and each value keeps this open")
        .help("bound it: `@functools.lru_cache(maxsize=1024)` on `lookup`, or remove keys with `_CACHE.pop`")
        .note("nothing removes items")
        .path([
            step("app.cache (module globals)", "", None),
            step("dict ▲", "_CACHE", Some(defined)),
            step("Result", "value", Some(grown)),
            step("Connection", "._conn", Some(conn)),
        ])
        .growth(Growth::PerCall)
        .bytes(Some(64), Some(1434))
        .symbol("app.cache._CACHE");
        Self {
            findings: finish(vec![finding], &sources),
            sources,
            notices: Vec::new(),
        }
    }

    /// A finding without labels at the first `needle` of a text.
    pub fn one(text: &str, needle: &str) -> Self {
        let sources = Self::files(&[("odd.py", text)]);
        let primary = place(&sources, 0, needle);
        Self {
            findings: finish(
                vec![Finding::new(rule(), primary, "never closed")],
                &sources,
            ),
            sources,
            notices: Vec::new(),
        }
    }
}

//! Findings that every format is tested on, and the comparison with golden files.
//!
//! Golden files are whole outputs under `tests/golden/`, so that the tools that read such outputs can check them too.
//! `HEAPLINT_BLESS=1 cargo test` rewrites them.

use std::path::Path;
use std::sync::LazyLock;

use super::samples::Sample;
use super::{Format, Notice, NoticeKind, Style, write};
use crate::base::{LineCol, Span};
use crate::catalog::{self, RuleMeta};
use crate::finding::remedy::{Edit, Fix, Safety};
use crate::finding::{Confidence, Finding, Growth, Place, Role, Severity, finish};

macro_rules! page {
    ($code:literal, $name:literal, $severity:literal, $summary:literal) => {
        concat!(
            "```toml\ncode = \"", $code, "\"\nname = \"", $name, "\"\nsummary = \"", $summary, "\"\nseverity = \"", $severity,
            "\"\nconfidence = \"high\"\nsince = \"0.1.0\"\ntruth = [\"C1\"]\ntags = [\"memory\", \"security\"]\n```\n\n",
            "# A title\n\n## What it finds\n\nA `dict` & more.\nOver two lines.\n\n## Bad\n\n```python\nx = 1  # error\n```\n"
        )
    };
}

static RULES: LazyLock<Vec<RuleMeta>> = LazyLock::new(|| {
    let pages = [
        page!(
            "HL101",
            "unbounded-global-container",
            "error",
            "a module-level container only grows"
        ),
        page!(
            "HL106",
            "method-cache",
            "warning",
            "a cache on a method keeps instances"
        ),
        page!(
            "HL108",
            "large-global",
            "info",
            "a large object is built at import"
        ),
        page!(
            "HL201",
            "unclosed-file",
            "warning",
            "a file is opened and not closed"
        ),
    ];
    let metas = pages.map(|page| catalog::parse(page).expect("a well-formed page"));
    metas.to_vec()
});

pub(super) fn rules() -> &'static [RuleMeta] {
    &RULES
}

pub(super) fn meta(name: &str) -> &'static RuleMeta {
    RULES
        .iter()
        .find(|it| it.name == name)
        .expect("a rule of the samples")
}

/// Three findings in two files.
pub(super) fn ordinary() -> Sample {
    let mut sample = Sample::default();
    let cache = sample.add_file(
        "app/cache.py",
        "import sqlite3\n\nfrom app.db import Result, fetch\n_CACHE: dict[tuple, Result] = {}\n\n\nTABLE = [0] * 4_000_000\n\n\n\
         def lookup(user_id, query):\n    key = user_id, query\n    hit = _CACHE.get(key)\n    if hit is not None:\n        return hit\n    \
         _CACHE[key] = Result(fetch(query))\n    return _CACHE[key]\n",
    );
    let db = sample.add_file(
        "app/db.py",
        "DB = 'café.sqlite3'\ndef fetch(query):\n    conn = sqlite3.connect(\n        DB,\n    )\n    return list(conn.execute(query))\n",
    );
    let held = sample.place(cache, "_CACHE: dict[tuple, Result] = {}");
    let insert = sample.place(cache, "_CACHE[key] = Result(fetch(query))");
    let connect = sample.place(db, "sqlite3.connect(\n        DB,\n    )");
    let table = sample.place(cache, "TABLE");
    sample.findings = vec![
        Finding::new(
            meta("unclosed-file"),
            connect,
            "connection `conn` is not closed when `execute` raises",
        )
        .label(connect, Role::Acquire, "opened here")
        .symbol("app.db.fetch")
        .fixed(Fix::new(
            "open it in a `with` statement",
            Safety::Safe,
            vec![
                Edit::replace(connect.span.start - 7, connect.span.start, "with contextlib.closing("),
                Edit::insert(connect.span.end, ") as conn:"),
                Edit::insert(connect.span.end + 5, "    "),
            ],
        ))
        .confidence(Confidence::Medium)
        .help("close it: `with contextlib.closing(sqlite3.connect(DB)) as conn:`"),
        Finding::new(
            meta("unbounded-global-container"),
            insert,
            "module-level dict `_CACHE` grows without bound: 1 insert site, no removal",
        )
        .label(held, Role::Definition, "held by gc root: module globals of `app.cache`")
        .label(insert, Role::Growth, "every new key adds ≈ 1.4 KiB that is never removed")
        .label(connect, Role::Resource, "… and each value keeps this connection open")
        .step("app.cache (module globals)", "", None)
        .step("dict ▲", "_CACHE", Some(held))
        .step("Result", "value", Some(insert))
        .step("Connection", "._conn", Some(connect))
        .growth(Growth::PerCall)
        .bytes(Some(48), Some(1_434))
        .symbol("app.cache._CACHE")
        .note("the key is a tuple of two parameters, so that the domain of keys is open")
        .help("bound it: `@functools.lru_cache(maxsize=1024)` on `lookup`, or remove keys with `_CACHE.pop`"),
        Finding::new(
            meta("large-global"),
            table,
            "list `TABLE` of ≈ 31 MiB is built at import and read by nobody",
        )
        .bytes(Some(32_000_056), Some(32_000_056))
        .growth(Growth::Bounded)
        .symbol("app.cache.TABLE"),
    ];
    sample.findings = finish(sample.findings, &sample.sources);
    sample
}

/// Everything that a program under analysis can throw at an output.
pub(super) fn hostile() -> Sample {
    let mut sample = Sample::default();
    let file = sample.add_file(
        "a b/ü%;:,]'\"<&>\u{202e}.py",
        "# \u{c}é\u{2028}\r\n\t名 = open('</script>::error::]%\"')\r::warning::x = '\u{1b}[31m\u{85}\u{0}'\n\n##vso[task]= 1\n",
    );
    let name = sample.place(file, "名");
    let open = sample.place(file, "open('</script>::error::]%\"')");
    let command = sample.place(file, "::warning::x");
    let empty = Place {
        file,
        span: Span::new(open.span.end + 28, open.span.end + 28),
    };
    sample.findings = vec![
        Finding::new(
            meta("unclosed-file"),
            open,
            "`</script>` \u{1b}[31m\u{202e}evil\u{85}\u{0}\n::error::50% | ]]> \"quoted\" [a](b)\r\n##vso[task.complete] `|` \u{fffe}",
        )
        .label(name, Role::Root, "`名` | <b>\n::error::x")
        .label(command, Role::Leak, "::warning::")
        .step("<root>\n\"]", "", None)
        .step("`名`", "a|b\u{2028}", Some(name))
        .symbol("a.<lambda>\n.名")
        .fixed(Fix::new(
            "[a](b) `|` \u{202e}\n::error::</script>",
            Safety::Unsafe,
            vec![Edit::replace(
                open.span.start,
                open.span.end,
                "\u{1b}[31m\u{2028}::error::\r\n```",
            )],
        ))
        .note("two\nlines]]>")
        .help("--> end comment; use %0A\n::error::x")
        .severity(Severity::Error)
        .growth(Growth::PerLoop)
        .bytes(None, Some(u64::MAX)),
        Finding::new(meta("method-cache"), empty, "").symbol(""),
        Finding::new(meta("method-cache"), command, "::stop-commands::x").severity(Severity::Info),
    ];
    sample.notices = vec![
        Notice {
            kind: NoticeKind::SyntaxError,
            path: Some("a b/ü%;:,]'\"<&>\u{202e}.py".to_owned()),
            line_col: Some(LineCol { line: 3, column: 1 }),
            cell: None,
            message: "expected `]`, found \u{1b}[0m\n::error::".to_owned(),
        },
        Notice {
            kind: NoticeKind::Internal,
            path: None,
            line_col: None,
            cell: None,
            message: "a rule gave up".to_owned(),
        },
    ];
    sample.findings = finish(sample.findings, &sample.sources);
    sample
}

impl Finding {
    fn fixed(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}

pub(super) fn written(format: Format, sample: &Sample) -> String {
    styled(format, sample, &Style::default())
}

pub(super) fn styled(format: Format, sample: &Sample, style: &Style) -> String {
    let mut bytes = Vec::new();
    write(format, &sample.report(), style, &mut bytes).expect("a vector takes all bytes");
    String::from_utf8(bytes).expect("outputs are UTF-8")
}

/// Compares a text with its golden file, or rewrites that.
pub(super) fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("HEAPLINT_BLESS").is_some() {
        std::fs::write(&path, text).expect("golden files can be written");
    }
    let golden = std::fs::read_to_string(&path).expect("a golden file");
    assert!(
        text == golden,
        "{name} differs; HEAPLINT_BLESS=1 rewrites it. Now it is:\n{text}"
    );
}

pub(super) fn extension(format: Format) -> &'static str {
    match format {
        Format::Json | Format::Gitlab | Format::Rdjson | Format::Sonar => "json",
        Format::Jsonl | Format::Rdjsonl => "jsonl",
        Format::Sarif => "sarif",
        Format::Junit | Format::Checkstyle => "xml",
        Format::Markdown => "md",
        _ => "txt",
    }
}

/// The tests that every format has.
macro_rules! golden {
    ($format:expr) => {
        fn golden_is(case: &str, sample: &$crate::report::samples::Sample) {
            let format: Format = $format;
            let extension = $crate::report::golden::extension(format);
            let text = $crate::report::golden::written(format, sample);
            $crate::report::golden::assert_golden(&format!("{format}.{case}.{extension}"), &text);
        }

        #[test]
        fn output() {
            golden_is("output", &$crate::report::golden::ordinary());
        }

        #[test]
        fn empty() {
            golden_is("empty", &$crate::report::samples::Sample::default());
        }

        #[test]
        fn hostile_texts() {
            golden_is("hostile", &$crate::report::golden::hostile());
        }
    };
}
pub(super) use golden;

mod full {
    use crate::report::Format;

    golden!(Format::Full);
}

mod concise {
    use crate::report::Format;

    golden!(Format::Concise);
}

mod json {
    use crate::report::Format;

    golden!(Format::Json);
}

mod jsonl {
    use crate::report::Format;

    golden!(Format::Jsonl);
}

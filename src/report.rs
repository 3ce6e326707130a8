//! What people and programs read: one plain value, written in several formats.
//!
//! A report knows nothing of the analysis. The texts of the files that findings point into must be loaded.

pub mod concise;
pub mod escape;
pub mod full;
pub mod json;

#[cfg(test)]
mod samples;

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::str::FromStr;

use crate::base::{FileId, LineCol, SourceMap};
use crate::finding::{Finding, Severity};

/// All that a run has to say.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Our version.
    pub version: &'a str,
    /// What was found, in order.
    pub findings: &'a [Finding],
    /// The files.
    pub sources: &'a SourceMap,
    /// What else happened.
    pub notices: &'a [Notice],
    /// How much was looked at.
    pub stats: Stats,
}

/// Something that is no finding, but that one should know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// What kind of thing.
    pub kind: NoticeKind,
    /// The file, relative to the project root.
    pub path: Option<String>,
    /// Where in the file.
    pub line_col: Option<LineCol>,
    /// What happened.
    pub message: String,
}

/// Kinds of notices.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NoticeKind {
    /// A file is not Python, in part or whole.
    SyntaxError,
    /// A file cannot be read.
    Unreadable,
    /// We failed.
    Internal,
    /// Good to know.
    Info,
}

impl NoticeKind {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SyntaxError => "syntax-error",
            Self::Unreadable => "unreadable",
            Self::Internal => "internal",
            Self::Info => "info",
        }
    }
}

/// How much was looked at.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Stats {
    /// Files read.
    pub files: usize,
    /// Allocation sites.
    pub sites: usize,
    /// Roots of the heap.
    pub roots: usize,
    /// Containers that grow.
    pub growing: usize,
    /// Wall-clock time; only the summary tells it.
    pub seconds: f64,
}

/// How text for people looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// Colours.
    pub color: bool,
    /// No signs outside ASCII.
    pub ascii: bool,
    /// No blank gutter lines.
    pub compact: bool,
    /// Columns of the terminal.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            color: false,
            ascii: false,
            compact: false,
            width: 100,
        }
    }
}

/// What a report can be written as.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Format {
    /// Excerpts with labels and the retention path.
    #[default]
    Full,
    /// One line a finding.
    Concise,
    /// One JSON document.
    Json,
    /// One JSON object a line, a finding each.
    Jsonl,
}

impl Format {
    /// All formats, as help lists them.
    pub const ALL: &[Self] = &[Self::Full, Self::Concise, Self::Json, Self::Jsonl];

    /// As the command line names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Concise => "concise",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no format.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("unknown output format `{name}`; formats are {}", names())]
pub struct FormatError {
    name: String,
}

fn names() -> String {
    let all: Vec<&str> = Format::ALL.iter().map(|it| it.name()).collect();
    all.join(", ")
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(name: &str) -> Result<Self, FormatError> {
        Self::ALL
            .iter()
            .copied()
            .find(|it| it.name() == name)
            .ok_or_else(|| FormatError {
                name: escape::line(name).into_owned(),
            })
    }
}

/// Writes a report, built in memory first so that a failure in the middle leaves no half of it.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(
    format: Format,
    report: &Report<'_>,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let text = match format {
        Format::Full => full::render(report, style)?,
        Format::Concise => concise::render(report, style),
        Format::Json => json::document(report)?,
        Format::Jsonl => json::lines(report)?,
    };
    out.write_all(text.as_bytes())
}

/// The line that ends a run: `3 errors in 2 of 412 files · heap: 1,204 sites, 37 roots, 5 growing containers · 0.41 s`.
#[must_use]
pub fn summary(report: &Report<'_>) -> String {
    let counts = Counts::of(report.findings);
    let mut parts = Vec::new();
    for (count, one, many) in [
        (counts.error, "error", "errors"),
        (counts.warning, "warning", "warnings"),
        (counts.info, "info", "infos"),
    ] {
        if count > 0 {
            parts.push(counted(count, one, many));
        }
    }
    let stats = report.stats;
    let files = counted(stats.files, "file", "files");
    let head = if parts.is_empty() {
        format!("no findings in {files}")
    } else {
        let hit: HashSet<FileId> = report.findings.iter().map(|it| it.primary.file).collect();
        format!("{} in {} of {files}", parts.join(", "), grouped(hit.len()))
    };
    format!(
        "{head} · heap: {}, {}, {} · {:.2} s",
        counted(stats.sites, "site", "sites"),
        counted(stats.roots, "root", "roots"),
        counted(stats.growing, "growing container", "growing containers"),
        stats.seconds,
    )
}

/// The notices, a line each.
#[must_use]
pub fn notices(report: &Report<'_>) -> String {
    let mut out = String::new();
    for notice in report.notices {
        if let Some(path) = &notice.path {
            out.push_str(&escape::line(path));
            if let Some(at) = notice.line_col {
                out.push_str(&format!(":{}:{}", at.line, at.column));
            }
            out.push_str(": ");
        }
        let message = escape::line(&notice.message);
        out.push_str(&format!("[{}] {message}\n", notice.kind.name()));
    }
    out
}

/// Findings by severity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
struct Counts {
    error: usize,
    warning: usize,
    info: usize,
}

impl Counts {
    fn of(findings: &[Finding]) -> Self {
        let mut it = Self::default();
        for finding in findings {
            match finding.severity {
                Severity::Error => it.error += 1,
                Severity::Warning => it.warning += 1,
                Severity::Info => it.info += 1,
            }
        }
        it
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// `1204` as `1,204`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::samples::Sample;
    use super::*;

    #[test]
    fn summary_counts_everything() {
        let sample = Sample::cache();
        assert_eq!(
            summary(&sample.report()),
            "1 warning in 1 of 412 files · heap: 1,204 sites, 37 roots, 1 growing container · 0.41 s"
        );
        let empty = Sample::default();
        assert_eq!(
            summary(&empty.report()),
            "no findings in 412 files · heap: 1,204 sites, 37 roots, 1 growing container · 0.41 s"
        );
    }

    #[test]
    fn an_unknown_format_lists_the_known() {
        assert_eq!("jsonl".parse(), Ok(Format::Jsonl));
        let error = "xml".parse::<Format>().expect_err("no format").to_string();
        assert_eq!(
            error,
            "unknown output format `xml`; formats are full, concise, json, jsonl"
        );
    }

    #[test]
    fn notices_are_lines() {
        let mut sample = Sample::default();
        sample.notices.push(Notice {
            kind: NoticeKind::SyntaxError,
            path: Some("a\x1b.py".to_owned()),
            line_col: Some(LineCol { line: 2, column: 5 }),
            message: "unexpected\nindent".to_owned(),
        });
        assert_eq!(
            notices(&sample.report()),
            "a\\u{1b}.py:2:5: [syntax-error] unexpected\\u{a}indent\n"
        );
    }

    #[test]
    fn numbers_are_grouped() {
        let all: Vec<String> = [0, 12, 123, 1234, 1_234_567].map(grouped).into();
        assert_eq!(all, ["0", "12", "123", "1,234", "1,234,567"]);
    }
}

//! What people and programs read: one plain value, written in several formats.
//!
//! A report knows nothing of the analysis. The texts of the files that findings point into must be loaded.

mod azure;
mod checkstyle;
pub mod concise;
pub mod escape;
pub mod full;
mod github;
mod gitlab;
pub mod json;
mod junit;
mod markdown;
mod pylint;
mod rdjson;
mod sarif;
mod sonar;
mod spot;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod samples;

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::{CellSpot, FileId, LineCol, SourceMap};
use crate::catalog::RuleMeta;
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
    /// The rules that were asked.
    pub rules: &'a [RuleMeta],
    /// How much was looked at.
    pub stats: Stats,
    /// What services that count from the repository's root need before each path: empty, or `sub/folder/`.
    pub prefix: &'a str,
}

/// Something that is no finding, but that one should know.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notice {
    /// What kind of thing.
    pub kind: NoticeKind,
    /// The file, relative to the project root.
    pub path: Option<String>,
    /// Where in the file on disk.
    pub line_col: Option<LineCol>,
    /// Of a notebook, the cell and the place in it.
    pub cell: Option<CellSpot>,
    /// What happened.
    pub message: String,
}

/// Kinds of notices.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
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

impl Notice {
    /// Where in the file, as people name it: `12:5`, in a notebook `cell 3:12:5`.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        match (self.cell, self.line_col) {
            (Some(CellSpot { cell, at }), _) => {
                Some(format!("cell {cell}:{}:{}", at.line, at.column))
            }
            (None, Some(at)) => Some(format!("{}:{}", at.line, at.column)),
            (None, None) => None,
        }
    }
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
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
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
    /// Annotations of GitHub Actions.
    Github,
    /// SARIF, for code scanning.
    Sarif,
    /// GitLab's code quality report.
    Gitlab,
    /// A test report.
    Junit,
    /// A summary for a job or a pull request.
    Markdown,
    /// reviewdog's, one document.
    Rdjson,
    /// reviewdog's, one finding a line.
    Rdjsonl,
    /// Logging commands of Azure Pipelines.
    Azure,
    /// Checkstyle's XML.
    Checkstyle,
    /// As pylint writes lines.
    Pylint,
    /// `SonarQube`'s generic issues.
    Sonar,
}

impl Format {
    /// All formats, as help lists them.
    pub const ALL: &[Self] = &[
        Self::Full,
        Self::Concise,
        Self::Json,
        Self::Jsonl,
        Self::Github,
        Self::Sarif,
        Self::Gitlab,
        Self::Junit,
        Self::Markdown,
        Self::Rdjson,
        Self::Rdjsonl,
        Self::Azure,
        Self::Checkstyle,
        Self::Pylint,
        Self::Sonar,
    ];

    /// Whether it is JSON, or lines of JSON.
    #[must_use]
    pub fn is_json(self) -> bool {
        matches!(
            self,
            Self::Json
                | Self::Jsonl
                | Self::Sarif
                | Self::Gitlab
                | Self::Rdjson
                | Self::Rdjsonl
                | Self::Sonar
        )
    }

    /// As the command line names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Concise => "concise",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Github => "github",
            Self::Sarif => "sarif",
            Self::Gitlab => "gitlab",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
            Self::Rdjson => "rdjson",
            Self::Rdjsonl => "rdjsonl",
            Self::Azure => "azure",
            Self::Checkstyle => "checkstyle",
            Self::Pylint => "pylint",
            Self::Sonar => "sonar",
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
#[error("unknown output format `{name}`; formats are {}, tree, html", names())]
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
        Format::Full => full::render(report, style)?.into_bytes(),
        Format::Concise => concise::render(report, style).into_bytes(),
        Format::Json => json::document(report)?.into_bytes(),
        Format::Jsonl => json::lines(report)?.into_bytes(),
        Format::Github => buffered(report, github::write)?,
        Format::Sarif => buffered(report, sarif::write)?,
        Format::Gitlab => buffered(report, gitlab::write)?,
        Format::Junit => buffered(report, junit::write)?,
        Format::Markdown => markdown::render(report).into_bytes(),
        Format::Rdjson => buffered(report, rdjson::write)?,
        Format::Rdjsonl => buffered(report, rdjson::write_lines)?,
        Format::Azure => buffered(report, azure::write)?,
        Format::Checkstyle => buffered(report, checkstyle::write)?,
        Format::Pylint => buffered(report, pylint::write)?,
        Format::Sonar => buffered(report, sonar::write)?,
    };
    let text = match (format, String::from_utf8(text)) {
        (Format::Full | Format::Concise | Format::Pylint, Ok(text)) => {
            escape::log(&text).into_owned().into_bytes()
        }
        (Format::Junit | Format::Checkstyle | Format::Markdown, Ok(text)) => {
            escape::markup(&text).into_owned().into_bytes()
        }
        (it, Ok(text)) if it.is_json() => escape::json(&text).into_owned().into_bytes(),
        (_, Ok(text)) => text.into_bytes(),
        (_, Err(bytes)) => bytes.into_bytes(),
    };
    out.write_all(&text)
}

fn buffered(
    report: &Report<'_>,
    write: fn(&Report<'_>, &mut dyn io::Write) -> io::Result<()>,
) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write(report, &mut bytes)?;
    Ok(bytes)
}

/// The line that ends a run: `3 errors in 2 of 412 files · heap: 1,204 sites, 37 roots, 5 growing containers · 0.41 s`.
#[must_use]
pub fn summary(report: &Report<'_>) -> String {
    let stats = report.stats;
    format!(
        "{} · heap: {}, {}, {} · {:.2} s",
        found(report),
        counted(stats.sites, "site", "sites"),
        counted(stats.roots, "root", "roots"),
        counted(stats.growing, "growing container", "growing containers"),
        stats.seconds,
    )
}

/// How many findings in how many files.
fn found(report: &Report<'_>) -> String {
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
    let files = counted(report.stats.files, "file", "files");
    if parts.is_empty() {
        return format!("no findings in {files}");
    }
    let hit: HashSet<FileId> = report.findings.iter().map(|it| it.primary.file).collect();
    format!("{} in {} of {files}", parts.join(", "), grouped(hit.len()))
}

/// The notices, a line each.
#[must_use]
pub fn notices(report: &Report<'_>) -> String {
    let mut out = String::new();
    for notice in report.notices {
        if let Some(path) = &notice.path {
            out.push_str(&escape::line(path));
            if let Some(at) = notice.place() {
                out.push_str(&format!(":{at}"));
            }
            out.push_str(": ");
        }
        let message = escape::line(&notice.message);
        out.push_str(&format!("[{}] {message}\n", notice.kind.name()));
    }
    escape::log(&out).into_owned()
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

pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
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
            "unknown output format `xml`; formats are full, concise, json, jsonl, github, sarif, gitlab, junit, markdown, \
             rdjson, rdjsonl, azure, checkstyle, pylint, sonar, tree, html"
        );
    }

    #[test]
    fn notices_are_lines() {
        let mut sample = Sample::default();
        sample.notices.push(Notice {
            kind: NoticeKind::SyntaxError,
            path: Some("a\x1b.py".to_owned()),
            line_col: Some(LineCol { line: 2, column: 5 }),
            cell: None,
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

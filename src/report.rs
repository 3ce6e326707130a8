//! Findings to a format: one file a format. Reports never analyse.

pub mod escape;

mod concise;
mod json;

use std::io::{self, Write};
use std::str::FromStr;

use crate::base::{LineCol, SourceMap};
use crate::finding::{Finding, Severity};

/// What a run says.
#[derive(Debug)]
pub struct Report<'a> {
    /// Our version.
    pub version: &'a str,
    /// Findings, in their order.
    pub findings: &'a [Finding],
    /// Texts of the files that they point into.
    pub sources: &'a SourceMap,
    /// What went wrong, file by file.
    pub notices: &'a [Notice],
    /// Counts.
    pub stats: Stats,
}

/// Something that is not a finding.
#[derive(Clone, Debug)]
pub struct Notice {
    /// What sort.
    pub kind: NoticeKind,
    /// The file.
    pub path: Option<String>,
    /// Where in it.
    pub line_col: Option<LineCol>,
    /// What to say.
    pub message: String,
}

impl Notice {
    /// A remark about a file.
    #[must_use]
    pub fn info(path: Option<String>, message: &str) -> Self {
        Self {
            kind: NoticeKind::Info,
            path,
            line_col: None,
            message: message.to_owned(),
        }
    }
}

/// Sorts of notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoticeKind {
    /// A place that no parser could read.
    SyntaxError,
    /// A file that cannot be read or decoded.
    Unreadable,
    /// Something inside us failed.
    Internal,
    /// A remark.
    Info,
}

/// Counts of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Files read.
    pub files: usize,
    /// Allocation sites.
    pub sites: usize,
    /// Root places.
    pub roots: usize,
    /// Containers that only grow.
    pub growing: usize,
    /// Wall time.
    pub seconds: f64,
}

/// How reports for people look.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether to colour.
    pub color: bool,
    /// Whether to draw with ASCII only.
    pub ascii: bool,
    /// Whether to leave blank lines out.
    pub compact: bool,
    /// Columns.
    pub width: usize,
}

/// A report format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// One line a finding.
    Concise,
    /// One JSON document.
    Json,
    /// Excerpts, labels, path.
    Full,
}

impl Format {
    /// All formats by name.
    pub const ALL: &[(&str, Self)] = &[
        ("full", Self::Full),
        ("concise", Self::Concise),
        ("json", Self::Json),
    ];
}

/// A format that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("unknown format `{0}`: it is one of {list}", list = Format::ALL.iter().map(|it| it.0).collect::<Vec<_>>().join(", "))]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;
    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .iter()
            .find(|it| it.0 == name)
            .map(|it| it.1)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// Writes a report.
///
/// # Errors
/// Those of the writer.
pub fn write(
    format: Format,
    report: &Report<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let _ = style;
    match format {
        Format::Full | Format::Concise => concise::write(report, out),
        Format::Json => json::write(report, out),
    }
}

/// The closing line: `3 errors, 12 warnings in 9 of 412 files · heap: …`.
#[must_use]
pub fn summary(report: &Report<'_>) -> String {
    let count = |severity| {
        report
            .findings
            .iter()
            .filter(|it| it.severity == severity)
            .count()
    };
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let mut parts = vec![
        plural(count(Severity::Error), "error"),
        plural(count(Severity::Warning), "warning"),
    ];
    if count(Severity::Info) > 0 {
        parts.push(format!("{} info", count(Severity::Info)));
    }
    let mut files: Vec<_> = report.findings.iter().map(|it| it.primary.file).collect();
    files.dedup();
    let stats = report.stats;
    format!(
        "{} in {} of {} · heap: {}, {}, {} · {:.2} s",
        parts.join(", "),
        files.len(),
        plural(stats.files, "file"),
        plural(stats.sites, "site"),
        plural(stats.roots, "root"),
        plural(stats.growing, "growing container"),
        stats.seconds
    )
}

//! A place as outputs count: path, lines and columns.

use serde::Serialize;

use super::Report;
use crate::base::{LineCol, SourceFile};
use crate::finding::{Finding, Place};

/// A place, in lines and columns from 1; columns are code points, and the end is exclusive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot<'a> {
    /// Relative to the project's root.
    pub path: &'a str,
    pub start: LineCol,
    pub end: LineCol,
}

/// Line and column for JSON.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Position {
    pub line: u32,
    pub column: u32,
}

impl From<LineCol> for Position {
    fn from(it: LineCol) -> Self {
        Self {
            line: it.line,
            column: it.column,
        }
    }
}

impl<'a> Report<'a> {
    /// Where a place is.
    pub(super) fn spot(&self, place: Place) -> Spot<'a> {
        let (start, end) = self.sources.range(place.file, place.span);
        Spot {
            path: &self.sources.file(place.file).path,
            start,
            end,
        }
    }

    /// Where people find a place in its file: `12:5`, in a notebook `cell 3:12:5`.
    pub(super) fn line_col(&self, place: Place) -> String {
        self.sources.file(place.file).line_col(place.span.start)
    }

    /// The line of a place for people: `12`, in a notebook `cell 3:12`.
    pub(super) fn line(&self, place: Place) -> String {
        self.sources.file(place.file).line(place.span.start)
    }

    /// The path as services see it that count from the repository's root.
    pub(super) fn service_path(&self, place: Place) -> String {
        format!("{}{}", self.prefix, self.sources.file(place.file).path)
    }

    /// Findings by weight: severity, then growth without bound, then bytes; equal ones in their order.
    pub(super) fn heaviest(&self) -> Vec<&'a Finding> {
        let mut all: Vec<&Finding> = self.findings.iter().collect();
        all.sort_by_key(|it| std::cmp::Reverse((it.severity, it.is_growing(), it.retained_bytes)));
        all
    }

    /// The file's name and its findings, for formats that group by file.
    pub(super) fn by_file(&self) -> impl Iterator<Item = (String, &'a [Finding])> {
        let groups = self
            .findings
            .chunk_by(|a, b| a.primary.file == b.primary.file);
        groups.map(|group| (self.service_path(group[0].primary), group))
    }
}

impl Finding {
    /// Whether what it retains has no bound that we know of.
    pub(super) fn is_growing(&self) -> bool {
        use crate::finding::Growth::{Bounded, Unknown};
        !matches!(self.growth, Bounded | Unknown)
    }

    /// The fingerprint as outputs write it.
    pub(super) fn print(&self) -> String {
        format!("{:016x}", self.fingerprint)
    }
}

/// Line and column of an offset on disk, with the column counted by `unit` from 0.
pub(super) fn column_by(
    file: &SourceFile,
    offset: u32,
    unit: impl Fn(&str) -> usize,
) -> (u32, usize) {
    let (text, lines) = file.disk();
    let line = lines.line(offset);
    let start = lines.start_of(line) as usize;
    let before = text.get(start..offset as usize).unwrap_or("");
    (line, unit(before))
}

/// A line on disk without its line end.
pub(super) fn line_text(file: &SourceFile, line: u32) -> &str {
    let (text, lines) = file.disk();
    let start = lines.start_of(line) as usize;
    let rest = text.get(start..).unwrap_or("");
    rest.split(['\n', '\r']).next().unwrap_or("")
}

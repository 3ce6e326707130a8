//! The JSON contract, `schema_version` 1: no timings, no absolute paths.

use std::io::{self, Write};

use serde::Serialize;

use super::{NoticeKind, Report};
use crate::base::SourceMap;
use crate::finding::{Finding, Place, Severity};

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    tool: Tool<'a>,
    root: &'a str,
    summary: Summary,
    findings: Vec<Entry<'a>>,
    notices: Vec<NoticeEntry<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Summary {
    files: usize,
    findings: Counts,
    sites: usize,
    roots: usize,
}

#[derive(Serialize)]
struct Counts {
    error: usize,
    warning: usize,
    info: usize,
}

/// One finding.
#[derive(Serialize)]
pub(super) struct Entry<'a> {
    code: &'a str,
    name: &'a str,
    severity: &'a str,
    confidence: &'a str,
    message: &'a str,
    help: &'a str,
    notes: &'a [String],
    url: String,
    location: Location<'a>,
    labels: Vec<LabelEntry<'a>>,
    path: Vec<StepEntry<'a>>,
    growth: &'a str,
    self_bytes: Option<u64>,
    retained_bytes: Option<u64>,
    symbol: &'a str,
    fingerprint: String,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    start: Point,
    end: Point,
}

#[derive(Serialize)]
struct Point {
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct LabelEntry<'a> {
    role: &'a str,
    message: &'a str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct StepEntry<'a> {
    node: &'a str,
    edge: &'a str,
    location: Option<Location<'a>>,
}

#[derive(Serialize)]
struct NoticeEntry<'a> {
    kind: &'a str,
    path: Option<&'a str>,
    line: Option<u32>,
    column: Option<u32>,
    message: &'a str,
}

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let count = |severity| {
        report
            .findings
            .iter()
            .filter(|it| it.severity == severity)
            .count()
    };
    let document = Document {
        schema_version: 1,
        tool: Tool {
            name: "heaplint",
            version: report.version,
        },
        root: ".",
        summary: Summary {
            files: report.stats.files,
            findings: Counts {
                error: count(Severity::Error),
                warning: count(Severity::Warning),
                info: count(Severity::Info),
            },
            sites: report.stats.sites,
            roots: report.stats.roots,
        },
        findings: report
            .findings
            .iter()
            .map(|it| entry(it, report.sources))
            .collect(),
        notices: report
            .notices
            .iter()
            .map(|it| NoticeEntry {
                kind: match it.kind {
                    NoticeKind::SyntaxError => "syntax-error",
                    NoticeKind::Unreadable => "unreadable-file",
                    NoticeKind::Internal => "internal-error",
                    NoticeKind::Info => "info",
                },
                path: it.path.as_deref(),
                line: it.line_col.map(|it| it.line),
                column: it.line_col.map(|it| it.column),
                message: &it.message,
            })
            .collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn entry<'a>(it: &'a Finding, sources: &'a SourceMap) -> Entry<'a> {
    Entry {
        code: &it.rule.code,
        name: &it.rule.name,
        severity: it.severity.name(),
        confidence: it.confidence.name(),
        message: &it.message,
        help: &it.help,
        notes: &it.notes,
        url: it.rule.url(),
        location: location(it.primary, sources),
        labels: it
            .labels
            .iter()
            .map(|label| LabelEntry {
                role: label.role.name(),
                message: &label.text,
                location: location(label.place, sources),
            })
            .collect(),
        path: it
            .path
            .iter()
            .map(|step| StepEntry {
                node: &step.node,
                edge: &step.edge,
                location: step.place.map(|at| location(at, sources)),
            })
            .collect(),
        growth: it.growth.name(),
        self_bytes: it.self_bytes,
        retained_bytes: it.retained_bytes,
        symbol: &it.symbol,
        fingerprint: format!("{:016x}", it.fingerprint),
    }
}

fn location(place: Place, sources: &SourceMap) -> Location<'_> {
    let (start, end) = sources.range(place.file, place.span);
    Location {
        path: &sources.file(place.file).path,
        start: Point {
            line: start.line,
            column: start.column,
        },
        end: Point {
            line: end.line,
            column: end.column,
        },
    }
}

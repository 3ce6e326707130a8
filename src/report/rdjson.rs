//! reviewdog's diagnostics: one document, or one diagnostic a line. Columns are bytes of UTF-8, as its schema says.

use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use super::spot::{Position, column_by};
use crate::finding::{Finding, Place, Severity};

/// Lines of a suggestion.
const MOST_LINES: u32 = 40;

#[derive(Serialize)]
struct Document<'a> {
    source: Source,
    diagnostics: Vec<Diagnostic<'a>>,
}

#[derive(Serialize)]
struct Source {
    name: &'static str,
    url: &'static str,
}

const SOURCE: Source = Source {
    name: "heaplint",
    url: "https://heaplint.dev",
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Diagnostic<'a> {
    message: &'a str,
    location: Location,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    code: Code<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suggestions: Vec<Suggestion>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Related<'a>>,
}

/// New text for whole lines: what review comments can show.
#[derive(Serialize)]
struct Suggestion {
    range: Lines,
    text: String,
}

#[derive(Serialize)]
struct Lines {
    start: Line,
    end: Line,
}

/// A position without a column means the whole line.
#[derive(Serialize)]
struct Line {
    line: u32,
}

#[derive(Serialize)]
struct Code<'a> {
    value: &'a str,
    url: String,
}

#[derive(Serialize)]
struct Location {
    path: String,
    range: Range,
}

#[derive(Serialize)]
struct Range {
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Related<'a> {
    message: &'a str,
    location: Location,
}

pub(super) fn write(report: &Report<'_>, to: &mut dyn Write) -> io::Result<()> {
    let diagnostics = report.findings.iter().map(|it| diagnostic(report, it));
    let document = Document {
        source: SOURCE,
        diagnostics: diagnostics.collect(),
    };
    serde_json::to_writer_pretty(&mut *to, &document)?;
    writeln!(to)
}

pub(super) fn write_lines(report: &Report<'_>, to: &mut dyn Write) -> io::Result<()> {
    for finding in report.findings {
        let line = Diagnostic {
            source: Some(SOURCE),
            ..diagnostic(report, finding)
        };
        serde_json::to_writer(&mut *to, &line)?;
        writeln!(to)?;
    }
    Ok(())
}

fn diagnostic<'a>(report: &Report<'a>, finding: &'a Finding) -> Diagnostic<'a> {
    let related = finding.labels.iter().map(|it| Related {
        message: &it.text,
        location: location(report, it.place),
    });
    Diagnostic {
        message: &finding.message,
        location: location(report, finding.primary),
        severity: match finding.severity {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
            Severity::Info => "INFO",
        },
        source: None,
        code: Code {
            value: &finding.rule.code,
            url: finding.rule.url(),
        },
        suggestions: suggestion(report, finding).into_iter().collect(),
        related_locations: related.collect(),
    }
}

/// The lines that a fix changes, when they are few enough to be read beside the finding.
fn suggestion(report: &Report<'_>, finding: &Finding) -> Option<Suggestion> {
    let fix = finding.fix.as_ref()?;
    let file = report.sources.file(finding.primary.file);
    let whole = fix.whole(&file.text);
    let (first, last) = (
        file.lines.line(whole.span.start),
        file.lines.line(whole.span.end),
    );
    if last - first >= MOST_LINES {
        return None;
    }
    let start = file.lines.start_of(first) as usize;
    let before = file.text.get(start..whole.span.start as usize)?;
    let after = file.text.get(whole.span.end as usize..)?;
    let after = after.split(['\n', '\r']).next().unwrap_or("");
    Some(Suggestion {
        range: Lines {
            start: Line { line: first },
            end: Line { line: last },
        },
        text: format!("{before}{}{after}", whole.text),
    })
}

fn location(report: &Report<'_>, place: Place) -> Location {
    let file = report.sources.file(place.file);
    let span = file.on_disk(place.span);
    let at = |offset| {
        let (line, column) = column_by(file, offset, str::len);
        Position {
            line,
            column: column as u32 + 1,
        }
    };
    Location {
        path: report.service_path(place),
        range: Range {
            start: at(span.start),
            end: at(span.end),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Format;
    use crate::report::golden::{golden, meta, written};
    use crate::report::samples::Sample;

    golden!(Format::Rdjson);

    mod lines {
        use super::*;

        golden!(Format::Rdjsonl);
    }

    #[test]
    fn columns_are_bytes() {
        let mut sample = Sample::default();
        let file = sample.add_file("a.py", "é = open(p)\n");
        let at = sample.place(file, "open(p)");
        sample
            .findings
            .push(Finding::new(meta("unclosed-file"), at, "it leaks"));
        let text = written(Format::Rdjsonl, &sample);
        assert!(text.contains(r#""start":{"line":1,"column":6},"end":{"line":1,"column":13}"#));
    }
}

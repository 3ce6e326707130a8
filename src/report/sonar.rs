//! Generic issues of `SonarQube`. Columns are UTF-16 units from 0; an empty range would make the scanner refuse the file.

use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use super::spot::{column_by, line_text};
use crate::base::SourceFile;
use crate::catalog::RuleMeta;
use crate::finding::{Finding, Place, Severity};

#[derive(Serialize)]
struct Document<'a> {
    rules: Vec<Rule<'a>>,
    issues: Vec<Issue<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    id: &'a str,
    name: &'a str,
    description: &'a str,
    engine_id: &'static str,
    clean_code_attribute: &'static str,
    impacts: [Impact; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Impact {
    software_quality: &'static str,
    severity: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Issue<'a> {
    rule_id: &'a str,
    primary_location: Location<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secondary_locations: Vec<Location<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    message: &'a str,
    file_path: String,
    text_range: Range,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Range {
    start_line: u32,
    #[serde(flatten)]
    rest: Option<RangeRest>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RangeRest {
    end_line: u32,
    start_column: usize,
    end_column: usize,
}

pub(super) fn write(report: &Report<'_>, to: &mut dyn Write) -> io::Result<()> {
    let mut metas: Vec<&RuleMeta> = report.findings.iter().map(|it| it.rule).collect();
    metas.sort_by(|a, b| a.code.cmp(&b.code));
    metas.dedup_by(|a, b| a.code == b.code);
    let document = Document {
        rules: metas.into_iter().map(rule).collect(),
        issues: report.findings.iter().map(|it| issue(report, it)).collect(),
    };
    serde_json::to_writer_pretty(&mut *to, &document)?;
    writeln!(to)
}

fn rule(meta: &RuleMeta) -> Rule<'_> {
    Rule {
        id: &meta.code,
        name: &meta.name,
        description: &meta.summary,
        engine_id: "heaplint",
        clean_code_attribute: "EFFICIENT",
        impacts: [Impact {
            software_quality: "RELIABILITY",
            severity: match meta.severity {
                Severity::Error => "HIGH",
                Severity::Warning => "MEDIUM",
                Severity::Info => "LOW",
            },
        }],
    }
}

fn issue<'a>(report: &Report<'a>, finding: &'a Finding) -> Issue<'a> {
    let others = finding
        .labels
        .iter()
        .filter(|it| it.place != finding.primary);
    let others = others.map(|it| location(report, it.place, &it.text));
    Issue {
        rule_id: &finding.rule.code,
        primary_location: location(report, finding.primary, &finding.message),
        secondary_locations: others.collect(),
    }
}

fn location<'a>(report: &Report<'_>, place: Place, message: &'a str) -> Location<'a> {
    let message = if message.is_empty() { "here" } else { message };
    Location {
        message,
        file_path: report.service_path(place),
        text_range: range(report.sources.file(place.file), place),
    }
}

fn range(file: &SourceFile, place: Place) -> Range {
    let units = |text: &str| text.encode_utf16().count();
    let span = file.on_disk(place.span);
    let (start_line, start_column) = column_by(file, span.start, units);
    let (end_line, end_column) = column_by(file, span.end, units);
    let fits = end_column <= units(line_text(file, end_line))
        && start_column <= units(line_text(file, start_line));
    let is_empty = (start_line, start_column) >= (end_line, end_column);
    let rest = (fits && !is_empty).then_some(RangeRest {
        end_line,
        start_column,
        end_column,
    });
    Range { start_line, rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;
    use crate::report::Format;
    use crate::report::golden::{golden, meta, written};
    use crate::report::samples::Sample;

    golden!(Format::Sonar);

    #[test]
    fn columns_are_utf16_and_never_empty() {
        let mut sample = Sample::default();
        let file = sample.add_file("a.py", "x = '😀', open(p)\n");
        let at = sample.place(file, "open(p)");
        let nothing = Span::new(at.span.start, at.span.start);
        let empty = Place {
            file,
            span: nothing,
        };
        for at in [at, empty] {
            sample
                .findings
                .push(Finding::new(meta("unclosed-file"), at, "it leaks"));
        }
        let text = written(Format::Sonar, &sample);
        let text: serde_json::Value = serde_json::from_str(&text).expect("a document");
        let range = |at: usize| text["issues"][at]["primaryLocation"]["textRange"].to_string();
        assert_eq!(
            range(0),
            r#"{"endColumn":17,"endLine":1,"startColumn":10,"startLine":1}"#
        );
        assert_eq!(range(1), r#"{"startLine":1}"#);
    }
}

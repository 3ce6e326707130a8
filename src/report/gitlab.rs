//! GitLab's code quality report: an array of issues, told apart by their fingerprints.

use std::collections::HashSet;
use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use super::spot::Position;
use crate::finding::{Finding, Severity};

#[derive(Serialize)]
struct Issue<'a> {
    check_name: &'a str,
    description: String,
    severity: &'static str,
    fingerprint: String,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Range<u32>,
    positions: Range<Position>,
}

#[derive(Serialize)]
struct Range<T> {
    begin: T,
    end: T,
}

pub(super) fn write(report: &Report<'_>, to: &mut dyn Write) -> io::Result<()> {
    let mut seen = HashSet::new();
    let issues = report
        .findings
        .iter()
        .map(|it| issue(report, it, &mut seen));
    let issues: Vec<Issue<'_>> = issues.collect();
    serde_json::to_writer_pretty(&mut *to, &issues)?;
    writeln!(to)
}

fn issue<'a>(report: &Report<'a>, finding: &'a Finding, seen: &mut HashSet<String>) -> Issue<'a> {
    let spot = report.spot(finding.primary);
    let mut fingerprint = finding.print();
    // GitLab keeps one issue of each fingerprint.
    let mut salt = 1;
    while !seen.insert(fingerprint.clone()) {
        fingerprint = format!("{}-{salt}", finding.print());
        salt += 1;
    }
    Issue {
        check_name: &finding.rule.code,
        description: format!("{}: {}", finding.rule.code, finding.message),
        severity: match finding.severity {
            Severity::Error => "critical",
            Severity::Warning => "major",
            Severity::Info => "info",
        },
        fingerprint,
        location: Location {
            path: report.service_path(finding.primary),
            lines: Range {
                begin: spot.start.line,
                end: spot.end.line,
            },
            positions: Range {
                begin: spot.start.into(),
                end: spot.end.into(),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Format;
    use crate::report::golden::{golden, meta, ordinary, written};
    use crate::report::samples::Sample;

    golden!(Format::Gitlab);

    #[test]
    fn fingerprints_are_distinct() {
        let mut sample = Sample::default();
        let file = sample.add_file("a.py", "x = 1\n");
        let at = sample.place(file, "x");
        let finding = Finding::new(meta("unclosed-file"), at, "it leaks");
        sample.findings = vec![finding.clone(), finding.clone(), finding];
        let text = written(Format::Gitlab, &sample);
        let issues: Vec<serde_json::Value> = serde_json::from_str(&text).expect("an array");
        let prints: HashSet<_> = issues
            .iter()
            .map(|it| it["fingerprint"].to_string())
            .collect();
        assert_eq!(prints.len(), 3);
    }

    #[test]
    fn paths_count_from_the_repository() {
        let sample = ordinary();
        let mut report = sample.report();
        report.prefix = "services/shop/";
        let mut bytes = Vec::new();
        write(&report, &mut bytes).expect("a vector takes all bytes");
        let text = String::from_utf8(bytes).expect("outputs are UTF-8");
        assert!(text.contains(r#""path": "services/shop/app/cache.py""#));
    }
}

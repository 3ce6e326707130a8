//! A test report, for CI that reads nothing else: a suite for each file, a failed case for each finding.
//!
//! Findings for information pass, with their text as output. Without findings there is one case that passes, since some
//! readers take an empty report for a broken run.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::Report;
use super::escape::xml;
use crate::finding::{Finding, Severity};

pub(super) fn write(report: &Report<'_>, to: &mut dyn Write) -> io::Result<()> {
    let failures = failures(report.findings);
    let tests = report.findings.len().max(1);
    writeln!(to, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        to,
        r#"<testsuites name="heaplint" tests="{tests}" failures="{failures}" errors="0" time="0">"#
    )?;
    if report.findings.is_empty() {
        writeln!(
            to,
            r#"  <testsuite name="heaplint" package="heaplint" tests="1" failures="0" errors="0" time="0">"#
        )?;
        writeln!(
            to,
            r#"    <testcase name="no findings" classname="heaplint" time="0"/>"#
        )?;
        writeln!(to, "  </testsuite>")?;
    }
    for (path, findings) in report.by_file() {
        writeln!(
            to,
            r#"  <testsuite name="{}" package="heaplint" tests="{}" failures="{}" errors="0" time="0">"#,
            xml(&path),
            findings.len(),
            self::failures(findings)
        )?;
        for finding in findings {
            write_case(report, &path, finding, to)?;
        }
        writeln!(to, "  </testsuite>")?;
    }
    writeln!(to, "</testsuites>")
}

fn failures(findings: &[Finding]) -> usize {
    let failed = findings.iter().filter(|it| it.severity > Severity::Info);
    failed.count()
}

fn write_case(
    report: &Report<'_>,
    path: &str,
    finding: &Finding,
    to: &mut dyn Write,
) -> io::Result<()> {
    let spot = report.spot(finding.primary);
    let (module, name) = finding
        .symbol
        .rsplit_once('.')
        .unwrap_or(("", &finding.symbol));
    let mut title = format!("{} {}", finding.rule.code, finding.rule.name);
    if !name.is_empty() {
        let _ = write!(title, ": {name}");
    }
    writeln!(
        to,
        r#"    <testcase name="{}" classname="{}" file="{}" line="{}" time="0">"#,
        xml(&title),
        xml(if module.is_empty() { path } else { module }),
        xml(path),
        spot.start.line
    )?;
    let text = text(report, finding);
    if finding.severity > Severity::Info {
        writeln!(
            to,
            r#"      <failure type="{}" message="{}">{}</failure>"#,
            xml(&finding.rule.code),
            xml(&finding.message),
            lines(&text)
        )?;
    } else {
        writeln!(to, "      <system-out>{}</system-out>", lines(&text))?;
    }
    writeln!(to, "    </testcase>")
}

/// Text of an element, where line ends may stay.
fn lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(xml).collect();
    lines.join("\n")
}

fn text(report: &Report<'_>, finding: &Finding) -> String {
    let spot = report.spot(finding.primary);
    let at = report.line_col(finding.primary);
    let mut text = format!("{}:{at}: {}", spot.path, finding.message);
    for (at, label) in finding.labels.iter().enumerate() {
        let spot = report.spot(label.place);
        let _ = write!(
            text,
            "\n{}. {} ({}:{})",
            at + 1,
            label.text,
            spot.path,
            report.line(label.place)
        );
    }
    for (depth, step) in finding.path.iter().enumerate() {
        let arrow = if step.edge.is_empty() { "" } else { " → " };
        let indent = "  ".repeat(depth);
        let _ = write!(text, "\n{indent}{}{arrow}{}", step.edge, step.node);
    }
    if !finding.help.is_empty() {
        let _ = write!(text, "\nhelp: {}", finding.help);
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::report::Format;
    use crate::report::golden::golden;

    golden!(Format::Junit);
}

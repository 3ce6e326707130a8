//! Annotations of GitHub Actions, as workflow commands on stdout.
//!
//! GitHub shows ten of each kind for a step and drops the rest in silence: the heaviest ten are printed, then a count.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::escape::{command, property};
use super::{Report, counted};
use crate::finding::{Finding, Severity};

/// Annotations of one kind that GitHub shows for a step.
const SHOWN: usize = 10;
/// Longest title, in characters.
const LONGEST_TITLE: usize = 255;

pub(super) fn write(report: &Report<'_>, to: &mut dyn Write) -> io::Result<()> {
    let heaviest = report.heaviest();
    let mut shown = 0;
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        // The last line takes the place of a notice.
        let room = SHOWN - usize::from(severity == Severity::Info);
        let of_kind = heaviest.iter().filter(|it| it.severity == severity);
        for finding in of_kind.take(room) {
            writeln!(to, "{}", annotation(report, finding))?;
            shown += 1;
        }
    }
    let hidden = report.findings.len() - shown;
    if hidden > 0 {
        let hidden = counted(hidden, "more finding", "more findings");
        writeln!(
            to,
            "::notice title=heaplint::{hidden}, see the log and the job summary"
        )?;
    }
    Ok(())
}

fn annotation(report: &Report<'_>, finding: &Finding) -> String {
    let kind = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let spot = report.spot(finding.primary);
    let title: String = format!("{} {}", finding.rule.code, finding.rule.name)
        .chars()
        .take(LONGEST_TITLE)
        .collect();
    let mut text = format!(
        "::{kind} title={},file={},line={}",
        property(&title),
        property(&report.service_path(finding.primary)),
        spot.start.line
    );
    // Columns of a place over several lines make GitHub drop the annotation.
    if spot.start.line == spot.end.line {
        let _ = write!(
            text,
            ",col={},endLine={},endColumn={}",
            spot.start.column, spot.end.line, spot.end.column
        );
    } else {
        let _ = write!(text, ",endLine={}", spot.end.line);
    }
    let _ = write!(text, "::{}", command(&message(report, finding)));
    text
}

/// The finding as text of several lines.
fn message(report: &Report<'_>, finding: &Finding) -> String {
    let spot = report.spot(finding.primary);
    let at = report.line_col(finding.primary);
    let mut text = format!(
        "{}:{at}: {} {}",
        spot.path, finding.rule.code, finding.message
    );
    for (at, label) in finding.labels.iter().enumerate() {
        let spot = report.spot(label.place);
        let _ = write!(
            text,
            "\n  {}. {} ({}:{})",
            at + 1,
            label.text,
            spot.path,
            report.line(label.place)
        );
    }
    if !finding.help.is_empty() {
        let _ = write!(text, "\n  help: {}", finding.help);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Format;
    use crate::report::golden::{golden, hostile, meta, written};
    use crate::report::samples::Sample;

    golden!(Format::Github);

    #[test]
    fn each_line_is_one_command() {
        let sample = hostile();
        let text = written(Format::Github, &sample);
        assert_eq!(text.lines().count(), sample.findings.len());
        for line in text.lines() {
            let (properties, message) = line
                .strip_prefix("::")
                .and_then(|it| it.split_once("::"))
                .expect("a command");
            assert!(
                properties
                    .split(',')
                    .all(|it| it.split('=').count() == 2 || it.contains("file="))
            );
            assert!(!message.contains(['\r', '\n', '\u{1b}']));
        }
    }

    #[test]
    fn the_heaviest_ten_of_each_kind_and_a_count() {
        let mut sample = Sample::default();
        let file = sample.add_file("a.py", "x = 1\n");
        let at = sample.place(file, "x");
        for number in 0..33 {
            let severity = [Severity::Error, Severity::Warning, Severity::Info][number % 3];
            let finding = Finding::new(meta("unclosed-file"), at, format!("finding {number}"));
            let finding = finding.severity(severity).bytes(None, Some(number as u64));
            sample.findings.push(finding);
        }
        let text = written(Format::Github, &sample);
        assert_eq!(text.lines().count(), 30);
        assert!(
            text.lines()
                .next()
                .expect("a line")
                .ends_with("HL201 finding 30")
        );
        assert!(text.ends_with(
            "::notice title=heaplint::4 more findings, see the log and the job summary\n"
        ));
    }
}

//! One line a finding: `path:line:col: HL101 [warning] message`.

use super::{Report, Style, escape};
use crate::finding::{Finding, Severity};

/// All findings, a line each.
#[must_use]
pub fn render(report: &Report<'_>, style: &Style) -> String {
    let mut out = String::new();
    for finding in report.findings {
        out.push_str(&line(report, finding, style));
        out.push('\n');
    }
    out
}

/// The line of a finding, without its end.
#[must_use]
pub fn line(report: &Report<'_>, finding: &Finding, style: &Style) -> String {
    let file = report.sources.file(finding.primary.file);
    let mut message = escape::line(&finding.message).into_owned();
    if style.ascii {
        message = escape::ascii(&message);
    }
    let (on, off) = match (style.color, finding.severity) {
        (false, _) => ("", ""),
        (true, Severity::Error) => ("\x1b[31m", "\x1b[0m"),
        (true, Severity::Warning) => ("\x1b[33m", "\x1b[0m"),
        (true, Severity::Info) => ("\x1b[36m", "\x1b[0m"),
    };
    format!(
        "{}:{}: {on}{} [{}]{off} {message}",
        escape::line(&file.path),
        report.line_col(finding.primary),
        finding.rule.code,
        finding.severity.name(),
    )
}

#[cfg(test)]
mod tests {
    use super::super::samples::Sample;
    use super::*;

    #[test]
    fn a_finding_is_a_line() {
        let sample = Sample::cache();
        assert_eq!(
            render(&sample.report(), &Style::default()),
            "app/cache.py:4:5: HL101 [warning] module-level dict `_CACHE` grows without bound\n"
        );
        assert_eq!(render(&Sample::default().report(), &Style::default()), "");
    }

    #[test]
    fn columns_are_code_points() {
        let sample = Sample::one("é\t= '\u{2028}'; f = open(p)\r\n", "open(p)");
        assert_eq!(
            render(&sample.report(), &Style::default()),
            "odd.py:1:14: HL101 [warning] never closed\n"
        );
    }

    #[test]
    fn colour_stays_out_of_the_path() {
        let sample = Sample::one("f = open(p)\n", "open(p)");
        let style = Style {
            color: true,
            ..Style::default()
        };
        assert_eq!(
            render(&sample.report(), &style),
            "odd.py:1:5: \x1b[33mHL101 [warning]\x1b[0m never closed\n"
        );
    }
}

//! `path:line: [HL101] message`, the form in which older editors and CI plugins read pylint.

use std::io::{self, Write};

use super::{Report, escape};

pub(super) fn write(report: &Report<'_>, to: &mut dyn Write) -> io::Result<()> {
    for finding in report.findings {
        let spot = report.spot(finding.primary);
        let (path, line) = (escape::line(spot.path), spot.start.line);
        let message = escape::line(&finding.message);
        writeln!(to, "{path}:{line}: [{}] {message}", finding.rule.code)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::report::Format;
    use crate::report::golden::golden;

    golden!(Format::Pylint);
}

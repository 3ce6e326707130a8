//! One line a finding: `path:line:col: HL101 [error] message`.

use std::io::{self, Write};

use super::Report;
use super::escape::terminal;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for it in report.findings {
        let path = terminal(&report.sources.file(it.primary.file).path).replace('\n', "\\n");
        let (start, _) = report.sources.range(it.primary.file, it.primary.span);
        writeln!(
            out,
            "{path}:{}:{}: {} [{}] {}",
            start.line,
            start.column,
            it.rule.code,
            it.severity.name(),
            terminal(&it.message)
        )?;
    }
    Ok(())
}

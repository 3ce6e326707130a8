//! Logging commands of Azure Pipelines. There are only errors and warnings; what is for information is left out.

use std::io::{self, Write};

use super::Report;
use super::escape::{azure, azure_property};
use crate::finding::Severity;

pub(super) fn write(report: &Report<'_>, to: &mut dyn Write) -> io::Result<()> {
    for finding in report.findings {
        let kind = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => continue,
        };
        let spot = report.spot(finding.primary);
        writeln!(
            to,
            "##vso[task.logissue type={kind};sourcepath={};linenumber={};columnnumber={};code={};]{}",
            azure_property(&report.service_path(finding.primary)),
            spot.start.line,
            spot.start.column,
            azure_property(&finding.rule.code),
            azure(&finding.message)
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::report::Format;
    use crate::report::golden::{golden, hostile, written};

    golden!(Format::Azure);

    #[test]
    fn each_line_is_one_command() {
        for line in written(Format::Azure, &hostile()).lines() {
            let command = line
                .strip_prefix("##vso[task.logissue ")
                .expect("a command");
            let (properties, _) = command.split_once(']').expect("an end");
            assert_eq!(properties.split_terminator(';').count(), 5);
        }
    }
}

//! Checkstyle's XML, which Jenkins and `TeamCity` import.

use std::io::{self, Write};

use super::Report;
use super::escape::xml;

pub(super) fn write(report: &Report<'_>, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(to, r#"<checkstyle version="4.3">"#)?;
    for (path, findings) in report.by_file() {
        writeln!(to, r#"  <file name="{}">"#, xml(&path))?;
        for finding in findings {
            let spot = report.spot(finding.primary);
            writeln!(
                to,
                r#"    <error line="{}" column="{}" severity="{}" message="{}" source="heaplint.{}"/>"#,
                spot.start.line,
                spot.start.column,
                finding.severity.name(),
                xml(&finding.message),
                xml(&finding.rule.code)
            )?;
        }
        writeln!(to, "  </file>")?;
    }
    writeln!(to, "</checkstyle>")
}

#[cfg(test)]
mod tests {
    use crate::report::Format;
    use crate::report::golden::golden;

    golden!(Format::Checkstyle);
}

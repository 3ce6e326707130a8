//! A summary for a pull request or a job: counts, a table, each rule's findings, and the heaviest paths as a drawing.
//!
//! A job summary of GitHub holds 1 MiB; we stop well before and say how much is left out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::escape::{code, markdown, mermaid};
use super::{Report, counted, found};
use crate::base::human;
use crate::finding::{Finding, Growth, Place};

/// Rows of the table.
const MOST_ROWS: usize = 50;
/// Bytes of the whole.
const MOST_BYTES: usize = 900 << 10;
/// Paths that are drawn.
const MOST_PATHS: usize = 3;
/// Nodes that are drawn.
const MOST_NODES: usize = 40;
/// Characters of a node's label.
const LONGEST_LABEL: usize = 40;

pub(super) fn render(report: &Report<'_>) -> String {
    let mut text = String::from("## heaplint\n\n");
    let _ = writeln!(text, "{}", capital(&found(report)));
    let heaviest = report.heaviest();
    if !heaviest.is_empty() {
        table(report, &heaviest, &mut text);
        drawing(report, &heaviest, &mut text);
        rules(report, &mut text);
    }
    notices(report, &mut text);
    text
}

fn table(report: &Report<'_>, heaviest: &[&Finding], text: &mut String) {
    text.push_str("\n| | place | finding | retained | growth |\n|---|---|---|---|---|\n");
    for finding in heaviest.iter().take(MOST_ROWS) {
        let bytes = finding.retained_bytes.map(human);
        let growth = match finding.growth {
            Growth::Unknown => "",
            known => known.name(),
        };
        let _ = writeln!(
            text,
            "| [{}]({}) {} | {} | {} | {} | {growth} |",
            finding.rule.code,
            finding.rule.url(),
            finding.severity.name(),
            place(report, finding.primary),
            markdown(&finding.message),
            bytes.unwrap_or_default(),
        );
    }
    let hidden = heaviest.len().saturating_sub(MOST_ROWS);
    if hidden > 0 {
        let _ = writeln!(
            text,
            "\n{} below.",
            counted(hidden, "more finding", "more findings")
        );
    }
}

/// Each rule's findings, folded; those whose paths look alike are told once.
fn rules(report: &Report<'_>, text: &mut String) {
    let mut by_rule: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in report.findings {
        by_rule.entry(&finding.rule.code).or_default().push(finding);
    }
    let mut hidden = 0;
    for findings in by_rule.values() {
        let rule = findings[0].rule;
        let _ = writeln!(
            text,
            "\n<details><summary>{} {}: {}</summary>\n\n{}.\n",
            rule.code,
            rule.name,
            counted(findings.len(), "finding", "findings"),
            capital(&markdown(&rule.summary))
        );
        for finding in findings {
            let item = item(report, finding);
            if text.len() + item.len() > MOST_BYTES {
                hidden += 1;
            } else {
                text.push_str(&item);
            }
        }
        text.push_str("\n</details>\n");
    }
    if hidden > 0 {
        let _ = writeln!(
            text,
            "\n{} left out here.",
            counted(hidden, "more finding", "more findings")
        );
    }
}

fn item(report: &Report<'_>, finding: &Finding) -> String {
    let mut item = format!(
        "- {} {}\n",
        place(report, finding.primary),
        markdown(&finding.message)
    );
    for (at, label) in finding.labels.iter().enumerate() {
        let at = at + 1;
        let (text, place) = (markdown(&label.text), place(report, label.place));
        let _ = writeln!(item, "  {at}. {text} ({place})");
    }
    if !finding.help.is_empty() {
        let _ = writeln!(item, "\n  Help: {}\n", markdown(&finding.help));
    }
    item
}

/// The heaviest paths as one drawing; equal steps from the root are drawn once.
fn drawing(report: &Report<'_>, heaviest: &[&Finding], text: &mut String) {
    let paths = heaviest.iter().filter(|it| it.path.len() > 1);
    let paths: Vec<_> = paths.take(MOST_PATHS).collect();
    if paths.is_empty() {
        return;
    }
    text.push_str("\n```mermaid\nflowchart LR\n");
    let mut ids: BTreeMap<(Option<usize>, &str, &str), usize> = BTreeMap::new();
    for finding in paths {
        let mut holder = None;
        for (at, step) in finding.path.iter().enumerate() {
            let known = ids.len();
            let id = *ids.entry((holder, &step.edge, &step.node)).or_insert(known);
            if id == known && known >= MOST_NODES {
                break;
            }
            if id == known {
                let mut label = mermaid(&short(&step.node));
                if let Some(at) = step.place {
                    let spot = report.spot(at);
                    let file = spot.path.rsplit('/').next().unwrap_or("");
                    let file = mermaid(&short(file));
                    let _ = write!(label, "<br/>{file}:{}", mermaid(&report.line(at)));
                }
                let (open, close) = match at {
                    0 => ("[[", "]]"),
                    _ if at + 1 == finding.path.len() => ("(", ")"),
                    _ => ("[", "]"),
                };
                let _ = writeln!(text, "  n{id}{open}\"{label}\"{close}");
                if let Some(holder) = holder {
                    let edge = mermaid(&short(&step.edge));
                    let _ = writeln!(text, "  n{holder} -- \"{edge}\" --> n{id}");
                }
            }
            holder = Some(id);
        }
    }
    text.push_str("```\n");
}

fn notices(report: &Report<'_>, text: &mut String) {
    for notice in report.notices {
        let line = notice.place();
        let line = line.as_deref().and_then(|it| it.rsplit_once(':'));
        let at = notice.path.as_ref().map(|path| match line {
            Some((line, _)) => format!(" at {}", code(&format!("{path}:{line}"))),
            None => format!(" at {}", code(path)),
        });
        let (kind, at) = (notice.kind.name(), at.unwrap_or_default());
        let _ = writeln!(text, "\n> {kind}{at}: {}", markdown(&notice.message));
    }
}

fn place(report: &Report<'_>, place: Place) -> String {
    let path = &report.sources.file(place.file).path;
    code(&format!("{path}:{}", report.line(place)))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// A label cut in the middle.
fn short(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= LONGEST_LABEL {
        // A blank keeps Mermaid from an empty label.
        return if text.is_empty() {
            " ".to_owned()
        } else {
            text.to_owned()
        };
    }
    let half = LONGEST_LABEL / 2;
    let (begin, end) = (&chars[..half], &chars[chars.len() - half + 1..]);
    begin.iter().chain(&['…']).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Format;
    use crate::report::golden::{golden, hostile, meta, written};
    use crate::report::samples::Sample;

    golden!(Format::Markdown);

    #[test]
    fn rows_have_five_cells_whatever_they_say() {
        let text = written(Format::Markdown, &hostile());
        for row in text.lines().filter(|it| it.starts_with("| [")) {
            assert_eq!(row.replace("\\|", "").matches('|').count(), 6, "{row}");
        }
    }

    #[test]
    fn a_summary_stays_below_its_limit() {
        let mut sample = Sample::default();
        let file = sample.add_file("a.py", "x = 1\n");
        let at = sample.place(file, "x");
        let finding = Finding::new(meta("unclosed-file"), at, "a long message ".repeat(100));
        sample.findings = vec![finding; 2_006];
        let text = written(Format::Markdown, &sample);
        assert!(text.len() < 1 << 20);
        assert!(text.contains("more findings left out here"));
        assert!(text.contains("1,956 more findings below"));
    }
}

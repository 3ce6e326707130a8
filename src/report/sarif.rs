//! SARIF 2.1.0 for code scanning: rules with their manuals, places, and the path of holders as a code flow.
//!
//! What GitHub takes of a file: 25,000 results, 100 related places a result. Paths are relative, percent-encoded URIs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::spot::line_text;
use super::{Notice, NoticeKind, Report, counted};
use crate::catalog::RuleMeta;
use crate::finding::remedy::Fix;
use crate::finding::{Confidence, Finding, Place, Severity};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// Results that GitHub takes.
const MOST_RESULTS: usize = 25_000;
/// Related places of a result that GitHub shows.
const MOST_RELATED: usize = 100;
/// Tags of a rule that GitHub shows.
const MOST_TAGS: usize = 10;
/// Bytes of a line that is still quoted.
const LONGEST_SNIPPET: usize = 500;

pub(super) fn write(report: &Report<'_>, to: &mut dyn Write) -> io::Result<()> {
    let findings = chosen(report, MOST_RESULTS);
    let mut rules: BTreeMap<&str, &RuleMeta> = BTreeMap::new();
    for meta in report.rules.iter().chain(findings.iter().map(|it| it.rule)) {
        rules.insert(&meta.code, meta);
    }
    let index: BTreeMap<&str, usize> = rules.keys().copied().zip(0..).collect();
    let results = findings
        .iter()
        .map(|it| result(report, it, index[it.rule.code.as_str()]));
    let hidden = report.findings.len() - findings.len();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "heaplint",
                "version": report.version,
                "semanticVersion": report.version,
                "informationUri": "https://heaplint.dev",
                "rules": rules.values().map(|it| rule(it)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [invocation(report, hidden)],
            "results": results.collect::<Vec<_>>(),
        }],
    });
    serde_json::to_writer_pretty(&mut *to, &document)?;
    writeln!(to)
}

/// All findings, or the most severe ones when there are more than `most`; in their order.
fn chosen<'a>(report: &Report<'a>, most: usize) -> Vec<&'a Finding> {
    let mut order: Vec<usize> = (0..report.findings.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(report.findings[at].severity));
    order.truncate(most);
    order.sort_unstable();
    order.into_iter().map(|at| &report.findings[at]).collect()
}

fn rule(meta: &RuleMeta) -> Value {
    let manual = meta.manual();
    let manual = manual.split("\n## Bad").next().unwrap_or("").trim_end();
    let mut tags = vec!["memory-leak"];
    // The tag `security` would move findings into another list.
    let own = meta.tags.iter().map(String::as_str);
    tags.extend(own.filter(|it| !matches!(*it, "memory-leak" | "security")));
    tags.truncate(MOST_TAGS);
    json!({
        "id": meta.code,
        "name": pascal(&meta.name),
        "shortDescription": { "text": sentence(&meta.summary) },
        "fullDescription": { "text": what_it_finds(manual).unwrap_or_else(|| sentence(&meta.summary)) },
        "help": { "text": manual, "markdown": manual },
        "helpUri": meta.url(),
        "defaultConfiguration": { "level": level(meta.severity) },
        "properties": {
            "tags": tags,
            "precision": match meta.confidence {
                Confidence::High => "high",
                Confidence::Medium => "medium",
                Confidence::Low => "low",
            },
            "problem.severity": match meta.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "recommendation",
            },
        },
    })
}

/// The first paragraph of the section `What it finds`.
fn what_it_finds(manual: &str) -> Option<String> {
    let (_, section) = manual.split_once("## What it finds\n")?;
    let section = section.replace('\r', "");
    let paragraph = section.trim_start().split("\n\n").next()?;
    Some(paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn result(report: &Report<'_>, finding: &Finding, rule_index: usize) -> Value {
    let labels = finding.labels.iter().take(MOST_RELATED);
    let mut text = plain(&finding.message);
    let mut related = Vec::new();
    for (at, label) in labels.enumerate() {
        let id = at + 1;
        text.push_str(&format!("\n[{id}. {}]({id})", plain(&label.text)));
        related.push(json!({
            "id": id,
            "message": { "text": plain(&label.text) },
            "physicalLocation": physical(report, label.place, false),
        }));
    }
    if !finding.help.is_empty() {
        text.push_str(&format!("\nHelp: {}", plain(&finding.help)));
    }
    let mut result = json!({
        "ruleId": finding.rule.code,
        "ruleIndex": rule_index,
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [{ "physicalLocation": physical(report, finding.primary, true) }],
        "relatedLocations": related,
        "partialFingerprints": { "heaplint/v1": finding.print() },
        "properties": {
            "growth": finding.growth.name(),
            "confidence": finding.confidence.name(),
            "selfBytes": finding.self_bytes,
            "retainedBytes": finding.retained_bytes,
        },
    });
    if let Some(fix) = &finding.fix {
        result["fixes"] = json!([changes(report, finding.primary, fix)]);
    }
    let flow = flow(report, finding);
    if !flow.is_empty() {
        result["codeFlows"] = json!([{ "threadFlows": [{ "locations": flow }] }]);
    }
    result
}

/// A fix as replacements in one file.
fn changes(report: &Report<'_>, primary: Place, fix: &Fix) -> Value {
    let replacements = fix.edits.iter().map(|it| {
        let place = Place {
            span: it.span,
            ..primary
        };
        let region = physical(report, place, false)["region"].take();
        json!({ "deletedRegion": region, "insertedContent": { "text": it.text } })
    });
    json!({
        "description": { "text": sentence(&plain(&fix.title)) },
        "artifactChanges": [{
            "artifactLocation": { "uri": uri(&report.service_path(primary)) },
            "replacements": replacements.collect::<Vec<_>>(),
        }],
    })
}

/// The path from the root to what is held; a step without a place stands where the next one does.
fn flow(report: &Report<'_>, finding: &Finding) -> Vec<Value> {
    let last = finding.path.len().saturating_sub(1);
    let place_from = |at: usize| finding.path[at..].iter().find_map(|it| it.place);
    let steps = finding.path.iter().enumerate();
    let steps = steps.map(|(at, step)| {
        let text = if step.edge.is_empty() {
            plain(&step.node)
        } else {
            format!("{} → {}", plain(&step.edge), plain(&step.node))
        };
        let place = place_from(at).unwrap_or(finding.primary);
        json!({
            "location": {
                "message": { "text": text },
                "physicalLocation": physical(report, place, false),
            },
            "nestingLevel": at,
            "importance": if at == 0 || at == last { "essential" } else { "important" },
        })
    });
    steps.collect()
}

fn physical(report: &Report<'_>, place: Place, with_snippet: bool) -> Value {
    let spot = report.spot(place);
    let mut region = json!({
        "startLine": spot.start.line,
        "startColumn": spot.start.column,
        "endLine": spot.end.line,
        "endColumn": spot.end.column,
    });
    if with_snippet {
        let line = line_text(report.sources.file(place.file), spot.start.line);
        if !line.is_empty() && line.len() <= LONGEST_SNIPPET {
            region["snippet"] = json!({ "text": line });
        }
    }
    json!({
        "artifactLocation": { "uri": uri(&report.service_path(place)) },
        "region": region,
    })
}

fn invocation(report: &Report<'_>, hidden: usize) -> Value {
    let is_failure = |it: &Notice| it.kind == NoticeKind::Internal;
    let is_complete = !report.notices.iter().any(is_failure);
    let notices = report.notices.iter().map(|it| notification(report, it));
    let mut notices: Vec<Value> = notices.collect();
    if hidden > 0 {
        let verb = if hidden == 1 { "is" } else { "are" };
        let hidden = counted(hidden, "more finding", "more findings");
        let text = format!("{hidden} {verb} left out, the least severe first");
        notices.push(json!({ "level": "warning", "message": { "text": text } }));
    }
    json!({ "executionSuccessful": is_complete, "toolExecutionNotifications": notices })
}

fn notification(report: &Report<'_>, notice: &Notice) -> Value {
    let level = match notice.kind {
        NoticeKind::Internal => "error",
        NoticeKind::SyntaxError | NoticeKind::Unreadable => "warning",
        NoticeKind::Info => "note",
    };
    let mut value = json!({
        "level": level,
        "message": { "text": format!("{}: {}", notice.kind.name(), plain(&notice.message)) },
    });
    if let Some(path) = &notice.path {
        let path = format!("{}{path}", report.prefix);
        let mut physical = json!({ "artifactLocation": { "uri": uri(&path) } });
        if let Some(at) = notice.line_col {
            physical["region"] = json!({ "startLine": at.line, "startColumn": at.column });
        }
        value["locations"] = json!([{ "physicalLocation": physical }]);
    }
    value
}

/// A text in which brackets make no links.
fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '[' | ']' | '\\') {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}

/// `unclosed-file` to `UnclosedFile`.
fn pascal(name: &str) -> String {
    let words = name.split('-').map(capital);
    words.collect()
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

fn sentence(text: &str) -> String {
    capital(text) + "."
}

/// A relative path as a URI.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(byte as char);
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Format;
    use crate::report::golden::{golden, meta, ordinary, written};
    use crate::report::samples::Sample;

    golden!(Format::Sarif);

    fn run(sample: &Sample) -> Value {
        let document: Value =
            serde_json::from_str(&written(Format::Sarif, sample)).expect("a document");
        document["runs"][0].clone()
    }

    #[test]
    fn rules_are_found_by_their_index() {
        let run = run(&ordinary());
        for result in run["results"].as_array().expect("results") {
            let index = result["ruleIndex"].as_u64().expect("an index") as usize;
            assert_eq!(
                run["tool"]["driver"]["rules"][index]["id"],
                result["ruleId"]
            );
        }
    }

    #[test]
    fn the_least_severe_of_too_many_are_left_out() {
        let mut sample = Sample::default();
        let file = sample.add_file("a.py", "x = 1\n");
        let at = sample.place(file, "x");
        let info = Finding::new(meta("unclosed-file"), at, "it leaks").severity(Severity::Info);
        sample.findings = vec![info; 3];
        let worse = Finding::new(meta("unclosed-file"), at, "it leaks more");
        sample.findings.push(worse);
        let report = sample.report();
        let severities: Vec<_> = chosen(&report, 3).iter().map(|it| it.severity).collect();
        assert_eq!(
            severities,
            [Severity::Info, Severity::Info, Severity::Warning]
        );
        let invocation = invocation(&report, 1).to_string();
        assert!(invocation.contains("1 more finding is left out"));
    }

    #[test]
    fn uris_are_encoded() {
        assert_eq!(uri("a b/ü:c%.py"), "a%20b/%C3%BC%3Ac%25.py");
        assert_eq!(pascal("unclosed-file"), "UnclosedFile");
    }
}

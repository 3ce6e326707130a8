//! The JSON contract: what scripts read. Fields may be added; nothing else may change without a new `schema_version`.

use std::io;

use serde::Serialize;

use super::{Counts, Report};
use crate::base::{CellSpot, LineCol};
use crate::finding::{Finding, Place};

/// Version of the contract; `heaplint.schema.json` beside this file says what is in it.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    tool: Tool<'a>,
    root: &'static str,
    summary: Summary,
    findings: Vec<Item<'a>>,
    notices: Vec<NoticeItem<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'static str,
    version: &'a str,
}

#[derive(Serialize)]
struct Summary {
    files: usize,
    findings: Counts,
    sites: usize,
    roots: usize,
    growing: usize,
}

#[derive(Serialize)]
struct Item<'a> {
    code: &'a str,
    name: &'a str,
    severity: &'static str,
    confidence: &'static str,
    message: &'a str,
    help: &'a str,
    notes: &'a [String],
    url: String,
    location: Location<'a>,
    labels: Vec<LabelItem<'a>>,
    path: Vec<StepItem<'a>>,
    growth: &'static str,
    self_bytes: Option<u64>,
    retained_bytes: Option<u64>,
    symbol: &'a str,
    fingerprint: String,
    fix: Option<FixItem<'a>>,
}

#[derive(Serialize)]
struct FixItem<'a> {
    title: &'a str,
    safety: &'static str,
    edits: Vec<EditItem<'a>>,
}

#[derive(Serialize)]
struct EditItem<'a> {
    location: Location<'a>,
    content: &'a str,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    start: Position,
    end: Position,
    /// Of a notebook.
    #[serde(skip_serializing_if = "Option::is_none")]
    cell: Option<CellItem>,
}

/// A place as people find it in a notebook.
#[derive(Serialize)]
struct CellItem {
    number: u32,
    start: Position,
}

impl From<CellSpot> for CellItem {
    fn from(it: CellSpot) -> Self {
        Self {
            number: it.cell,
            start: it.at.into(),
        }
    }
}

#[derive(Serialize)]
struct Position {
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct LabelItem<'a> {
    role: &'static str,
    message: &'a str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct StepItem<'a> {
    node: &'a str,
    edge: &'a str,
    location: Option<Location<'a>>,
}

#[derive(Serialize)]
struct NoticeItem<'a> {
    kind: &'static str,
    message: &'a str,
    path: Option<&'a str>,
    start: Option<Position>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cell: Option<CellItem>,
}

impl From<LineCol> for Position {
    fn from(it: LineCol) -> Self {
        Self {
            line: it.line,
            column: it.column,
        }
    }
}

/// The whole report as one document on one line.
///
/// # Errors
/// When it cannot be serialized.
pub fn document(report: &Report<'_>) -> io::Result<String> {
    let document = Document {
        schema_version: SCHEMA_VERSION,
        tool: Tool {
            name: "heaplint",
            version: report.version,
        },
        root: ".",
        summary: Summary {
            files: report.stats.files,
            findings: Counts::of(report.findings),
            sites: report.stats.sites,
            roots: report.stats.roots,
            growing: report.stats.growing,
        },
        findings: report.findings.iter().map(|it| item(report, it)).collect(),
        notices: report
            .notices
            .iter()
            .map(|it| NoticeItem {
                kind: it.kind.name(),
                message: &it.message,
                path: it.path.as_deref(),
                start: it.line_col.map(Position::from),
                cell: it.cell.map(CellItem::from),
            })
            .collect(),
    };
    let mut out = serde_json::to_string(&document)?;
    out.push('\n');
    Ok(out)
}

/// The findings alone, one a line.
///
/// # Errors
/// When they cannot be serialized.
pub fn lines(report: &Report<'_>) -> io::Result<String> {
    let mut out = String::new();
    for finding in report.findings {
        out.push_str(&serde_json::to_string(&item(report, finding))?);
        out.push('\n');
    }
    Ok(out)
}

fn item<'a>(report: &Report<'a>, finding: &'a Finding) -> Item<'a> {
    Item {
        code: &finding.rule.code,
        name: &finding.rule.name,
        severity: finding.severity.name(),
        confidence: finding.confidence.name(),
        message: &finding.message,
        help: &finding.help,
        notes: &finding.notes,
        url: finding.rule.url(),
        location: location(report, finding.primary),
        labels: finding
            .labels
            .iter()
            .map(|it| LabelItem {
                role: it.role.name(),
                message: &it.text,
                location: location(report, it.place),
            })
            .collect(),
        path: finding
            .path
            .iter()
            .map(|it| StepItem {
                node: &it.node,
                edge: &it.edge,
                location: it.place.map(|place| location(report, place)),
            })
            .collect(),
        growth: finding.growth.name(),
        self_bytes: finding.self_bytes,
        retained_bytes: finding.retained_bytes,
        symbol: &finding.symbol,
        fingerprint: format!("{:016x}", finding.fingerprint),
        fix: finding.fix.as_ref().map(|fix| FixItem {
            title: &fix.title,
            safety: fix.safety.name(),
            edits: fix
                .edits
                .iter()
                .map(|it| EditItem {
                    location: location(
                        report,
                        Place {
                            span: it.span,
                            ..finding.primary
                        },
                    ),
                    content: &it.text,
                })
                .collect(),
        }),
    }
}

fn location<'a>(report: &Report<'a>, place: Place) -> Location<'a> {
    let (start, end) = report.sources.range(place.file, place.span);
    let file = report.sources.file(place.file);
    Location {
        path: &file.path,
        start: start.into(),
        end: end.into(),
        cell: file.cell_spot(place.span.start).map(CellItem::from),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::super::golden::{hostile, ordinary};
    use super::super::samples::Sample;
    use super::super::{Notice, NoticeKind};
    use super::*;

    #[test]
    fn nothing_found() {
        assert_eq!(
            document(&Sample::default().report()).expect("plain data"),
            concat!(
                r#"{"schema_version":1,"tool":{"name":"heaplint","version":"0.1.0"},"root":".","#,
                r#""summary":{"files":412,"findings":{"error":0,"warning":0,"info":0},"sites":1204,"roots":37,"growing":1},"#,
                r#""findings":[],"notices":[]}"#,
                "\n"
            )
        );
        assert_eq!(lines(&Sample::default().report()).expect("plain data"), "");
    }

    #[test]
    fn a_line_a_finding() {
        let sample = Sample::one("a = '\u{2028}\t'\r\nf = open(p)\r\n", "open(p)");
        let fingerprint = sample.findings[0].fingerprint;
        let expected = concat!(
            r#"{"code":"HL101","name":"growing-global","severity":"warning","confidence":"high","message":"never closed","#,
            r#""help":"","notes":[],"url":"https://heaplint.dev/rules/growing-global","#,
            r#""location":{"path":"odd.py","start":{"line":2,"column":5},"end":{"line":2,"column":12}},"#,
            r#""labels":[],"path":[],"growth":"unknown","self_bytes":null,"retained_bytes":null,"symbol":"","#,
        );
        assert_eq!(
            lines(&sample.report()).expect("plain data"),
            format!("{expected}\"fingerprint\":\"{fingerprint:016x}\",\"fix\":null}}\n")
        );
    }

    #[test]
    fn labels_and_path_have_places() {
        let mut sample = Sample::cache();
        sample.notices.push(Notice {
            kind: NoticeKind::Unreadable,
            path: Some("x.py".to_owned()),
            line_col: None,
            cell: None,
            message: "no".to_owned(),
        });
        let text = document(&sample.report()).expect("plain data");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let finding = &value["findings"][0];
        assert_eq!(
            finding["labels"][2],
            serde_json::json!({
                "role": "leak", "message": "… and each value keeps this open",
                "location": {"path": "app/db.py", "start": {"line": 2, "column": 21}, "end": {"line": 2, "column": 36}},
            })
        );
        assert_eq!(
            finding["path"][0],
            serde_json::json!({"node": "app.cache (module globals)", "edge": "", "location": null})
        );
        assert_eq!(finding["growth"], "per-call");
        assert_eq!(finding["retained_bytes"], 1434);
        assert_eq!(finding["fingerprint"].as_str().map(str::len), Some(16));
        assert_eq!(
            value["notices"][0],
            serde_json::json!({"kind": "unreadable", "message": "no", "path": "x.py", "start": null})
        );
    }

    /// Checks that objects have just the fields that the schema requires.
    fn assert_fields(value: &Value, schema: &Value, root: &Value, at: &str) {
        let target = schema["$ref"].as_str().map(|it| it.trim_start_matches('#'));
        let schema = target.map_or(schema, |it| root.pointer(it).expect("a definition"));
        let schema = schema.get("anyOf").map_or(schema, |it| &it[0]);
        match value {
            Value::Object(fields) if schema.get("$ref").is_some() => {
                assert_fields(&Value::Object(fields.clone()), schema, root, at);
            }
            Value::Object(fields) => {
                let names: BTreeSet<&str> = fields.keys().map(String::as_str).collect();
                let required = schema["required"].as_array().expect("required fields");
                let required = required.iter().filter_map(Value::as_str);
                assert_eq!(names, required.collect(), "{at}");
                for (name, field) in fields {
                    assert_fields(field, &schema["properties"][name], root, name);
                }
            }
            Value::Array(items) => {
                for item in items {
                    assert_fields(item, &schema["items"], root, at);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn the_schema_names_all_fields() {
        let schema = include_str!("heaplint.schema.json");
        let schema: Value = serde_json::from_str(schema).expect("a schema");
        for sample in [ordinary(), hostile()] {
            let text = document(&sample.report()).expect("plain data");
            let value: Value = serde_json::from_str(&text).expect("a document");
            assert_fields(&value, &schema, &schema, "document");
        }
    }
}

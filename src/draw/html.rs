//! One HTML file with everything in it: findings, their source, and the heap around them. It asks for nothing from outside.
//!
//! The page's style and script stand beside this file; the data goes in as JSON, texts once each and rows as arrays. With
//! scripts off the page is a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::Picture;
use crate::base::FileId;
use crate::finding::{Finding, Place, Severity};
use crate::heap::view::select::Cut;
use crate::heap::view::{HeapView, NodeKind};
use crate::report::escape;

/// Most findings that the page takes.
const FINDINGS: usize = 5_000;
/// Most objects that the page takes.
const NODES: usize = 20_000;
/// Most bytes of source that the page takes.
const EXCERPTS: usize = 2_000_000;
/// Lines around a label.
const AROUND: u32 = 3;
/// Columns of a line of source.
const COLUMNS: usize = 300;

const PAGE: &str = include_str!("html/page.html");
const CSS: &str = include_str!("html/page.css");
const JS: &str = include_str!("html/page.js");

/// The page. The picture is the whole heap; what is too much is left out, and the page says so.
#[must_use]
pub fn html(picture: &Picture<'_>, title: &str, counts: &str) -> String {
    let mut left = Vec::new();
    let findings = &picture.findings[..picture.findings.len().min(FINDINGS)];
    if picture.findings.len() > FINDINGS {
        left.push(format!("{} findings", picture.findings.len() - FINDINGS));
    }
    let cut;
    let view = if picture.view.nodes.len() > NODES {
        cut = picture.view.cut(&Cut {
            max_nodes: NODES,
            fill: true,
            ..Cut::default()
        });
        let kept = cut.nodes.iter().filter(|it| it.kind != NodeKind::More);
        left.push(format!(
            "{} objects that retain little",
            picture.view.nodes.len() - kept.count()
        ));
        &cut
    } else {
        picture.view
    };
    let mut data = Data {
        picture: Picture {
            view,
            findings,
            ..*picture
        },
        strings: Strings::default(),
        excerpts: BTreeMap::new(),
        bytes: 0,
    };
    let found = data.findings();
    let nodes = data.nodes();
    let edges = data.edges();
    let files = data.files();
    if data.bytes > EXCERPTS {
        left.push("some source".to_owned());
    }
    let left = if left.is_empty() {
        String::new()
    } else {
        format!("left out: {}", left.join(", "))
    };
    let page = Page {
        title,
        counts,
        left: &left,
        s: &data.strings.texts,
        n: nodes,
        e: edges,
        f: found,
        x: files,
    };
    let json = serde_json::to_string(&page).expect("texts and numbers serialize");
    let json = json.replace('<', "\\u003c");
    let json = escape::json(&json);
    let mut out = String::with_capacity(json.len() + 200_000);
    // One pass over the template: what is put in is never looked at again.
    for (at, part) in PAGE.split('@').enumerate() {
        match (at % 2, part) {
            (1, "TITLE") => out.push_str(&escape::html(title)),
            (1, "CSS") => out.push_str(CSS),
            (1, "JS") => out.push_str(JS),
            (1, "DATA") => out.push_str(&json),
            (1, "TABLE") => table(&mut out, &data.picture),
            _ => out.push_str(part),
        }
    }
    out
}

/// What stands there without a script.
fn table(out: &mut String, picture: &Picture<'_>) {
    if picture.findings.is_empty() {
        out.push_str("<p>Nothing was found.</p>");
        return;
    }
    out.push_str("<table><thead><tr><th>Rule<th>Where<th>What<th>Path</tr></thead><tbody>\n");
    for finding in picture.findings {
        let id = identity(finding);
        let path: Vec<String> = finding
            .path
            .iter()
            .map(|it| format!("{} {}", it.edge, it.node).trim().to_owned())
            .collect();
        let _ = writeln!(
            out,
            "<tr id=\"{id}\"><td><a href=\"#{id}\">{}</a><td>{}<td>{}<br>{}<td>{}</tr>",
            escape::html(&finding.rule.code),
            escape::html(&picture.site(finding.primary)),
            escape::html(&finding.message),
            escape::html(&finding.help),
            escape::html(&path.join(" → "))
        );
    }
    out.push_str("</tbody></table>");
}

fn identity(finding: &Finding) -> String {
    format!("{}-{:016x}", finding.rule.code, finding.fingerprint)
}

/// Texts, each once.
#[derive(Default)]
struct Strings {
    texts: Vec<String>,
    ids: FxHashMap<String, u32>,
}

impl Strings {
    fn id(&mut self, text: &str) -> u32 {
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        let id = self.texts.len() as u32;
        // Nothing that turns the text around or ends it comes through, in a page as in a terminal.
        self.texts.push(escape::line(text).into_owned());
        self.ids.insert(text.to_owned(), id);
        id
    }
}

#[derive(Serialize)]
struct Page<'a> {
    title: &'a str,
    counts: &'a str,
    left: &'a str,
    s: &'a [String],
    n: Vec<NodeRow>,
    e: Vec<EdgeRow>,
    f: Vec<FindingRow>,
    x: Vec<FileRow>,
}

/// A line: number, text, number as people name it.
type LineRow = (u32, u32, u32);
/// A file: path, lines.
type FileRow = (u32, Vec<LineRow>);
/// An edge: from, to, label, weak, site.
type EdgeRow = (u32, u32, u32, u8, u32);
/// A label: file, line, first and last column, text.
type LabelRow = (u32, u32, u32, u32, u32);

/// An object. The script reads fields by their place, in the same order.
#[derive(Serialize)]
struct NodeRow(
    /* kind */ u8,
    /* label */ u32,
    /* type */ u32,
    /* identity */ u32,
    /* site */ u32,
    /* own bytes */ u64,
    /* whether those are known */ u8,
    /* retained bytes */ u64,
    /* distance */ u32,
    /* dominator, or -1 */ i64,
    /* cycle, or 0 */ u32,
    /* growth */ u32,
    /* bytes of a step, or 0 */ u64,
    /* finalizer */ u8,
    /* edge from the parent, or -1 */ i64,
);

/// A finding, likewise.
#[derive(Serialize)]
struct FindingRow(
    /* code */ u32,
    /* name */ u32,
    /* severity */ u8,
    /* confidence */ u32,
    /* message */ u32,
    /* help */ u32,
    /* notes */ Vec<u32>,
    /* growth */ u32,
    /* retained bytes, or 0 */ u64,
    /* symbol */ u32,
    /* fingerprint */ String,
    /* place */ u32,
    /* labels */ Vec<LabelRow>,
    /* object, or -1 */ i64,
    /* path */ Vec<u32>,
    /* kind of root */ u32,
    /* folder */ u32,
);

struct Data<'a> {
    picture: Picture<'a>,
    strings: Strings,
    /// Lines to show, by file.
    excerpts: BTreeMap<FileId, (u32, BTreeMap<u32, LineRow>)>,
    bytes: usize,
}

impl Data<'_> {
    fn site(&mut self, place: Option<Place>) -> u32 {
        let text = place.map(|it| self.picture.site(it)).unwrap_or_default();
        self.strings.id(&text)
    }

    fn nodes(&mut self) -> Vec<NodeRow> {
        let view: &HeapView = self.picture.view;
        view.nodes
            .iter()
            .map(|it| {
                NodeRow(
                    kind(it.kind),
                    self.strings.id(&it.label),
                    self.strings.id(&it.type_name),
                    self.strings.id(&it.key),
                    self.site(it.site),
                    it.self_bytes,
                    u8::from(it.is_sized),
                    it.retained,
                    it.distance,
                    it.idom.map_or(-1, i64::from),
                    it.cycle.unwrap_or(0),
                    self.strings.id(it.grows.map_or("", |it| it.name())),
                    it.step_bytes.unwrap_or(0),
                    u8::from(it.has_finalizer),
                    it.parent.map_or(-1, i64::from),
                )
            })
            .collect()
    }

    fn edges(&mut self) -> Vec<EdgeRow> {
        let view: &HeapView = self.picture.view;
        view.edges
            .iter()
            .map(|it| {
                (
                    it.from,
                    it.to,
                    self.strings.id(&it.label),
                    u8::from(it.is_weak),
                    self.site(it.site),
                )
            })
            .collect()
    }

    fn findings(&mut self) -> Vec<FindingRow> {
        let findings = self.picture.findings;
        findings
            .iter()
            .enumerate()
            .map(|(at, it)| self.finding(at, it))
            .collect()
    }

    fn finding(&mut self, at: usize, it: &Finding) -> FindingRow {
        let view: &HeapView = self.picture.view;
        let found = view.findings.get(at).cloned().unwrap_or_default();
        let count = view.nodes.len() as u32;
        let node = if found.node < count && !found.path.is_empty() {
            i64::from(found.node)
        } else {
            -1
        };
        let root = found
            .path
            .first()
            .and_then(|&it| view.nodes.get(it as usize))
            .map_or("no root", |it| {
                if it.type_name.is_empty() {
                    it.kind.name()
                } else if it.kind == NodeKind::Object {
                    "held by callers"
                } else {
                    &it.type_name
                }
            });
        let root = self.strings.id(root);
        let path = self.picture.sources.file(it.primary.file).path.as_str();
        let module = path.rsplit_once('/').map_or("", |it| it.0);
        let module = self
            .strings
            .id(if module.is_empty() { "." } else { module });
        let mut labels: Vec<LabelRow> = it
            .labels
            .iter()
            .map(|it| self.label(it.place, &it.text))
            .collect();
        if !it.labels.iter().any(|label| label.place == it.primary) {
            let primary = self.label(it.primary, "here");
            labels.insert(0, primary);
        }
        FindingRow(
            self.strings.id(&it.rule.code),
            self.strings.id(&it.rule.name),
            match it.severity {
                Severity::Info => 0,
                Severity::Warning => 1,
                Severity::Error => 2,
            },
            self.strings.id(it.confidence.name()),
            self.strings.id(&it.message),
            self.strings.id(&it.help),
            it.notes.iter().map(|it| self.strings.id(it)).collect(),
            self.strings.id(it.growth.name()),
            it.retained_bytes.unwrap_or(0),
            self.strings.id(&it.symbol),
            format!("{:016x}", it.fingerprint),
            self.site(Some(it.primary)),
            labels,
            node,
            found.path,
            root,
            module,
        )
    }

    fn label(&mut self, place: Place, text: &str) -> LabelRow {
        let sources = self.picture.sources;
        let (start, end) = sources.range(place.file, place.span);
        let source = sources.file(place.file);
        let count = self.excerpts.len() as u32;
        let (number, lines) = self
            .excerpts
            .entry(place.file)
            .or_insert((count, BTreeMap::new()));
        let number = *number;
        let first = start.line.saturating_sub(AROUND).max(1);
        for line in first..=(start.line + AROUND).min(source.lines.len() as u32) {
            if lines.contains_key(&line) || self.bytes > EXCERPTS {
                continue;
            }
            let from = source.lines.start_of(line);
            let rest = source.text.get(from as usize..).unwrap_or("");
            let code = rest.split(['\n', '\r']).next().unwrap_or("");
            let short: String = code.chars().take(COLUMNS).map(shown).collect();
            self.bytes += short.len();
            let row = (
                line,
                self.strings.id(&short),
                self.strings.id(&source.line(from)),
            );
            lines.insert(line, row);
        }
        let last = if end.line == start.line {
            end.column
        } else {
            u32::try_from(COLUMNS).expect("small")
        };
        (
            number,
            start.line,
            start.column,
            last,
            self.strings.id(text),
        )
    }

    fn files(&mut self) -> Vec<FileRow> {
        let mut files: Vec<(u32, FileId, Vec<LineRow>)> = std::mem::take(&mut self.excerpts)
            .into_iter()
            .map(|(file, (number, lines))| (number, file, lines.into_values().collect()))
            .collect();
        files.sort_by_key(|it| it.0);
        files
            .into_iter()
            .map(|(_, file, lines)| {
                let path = self.picture.sources.file(file).path.clone();
                (self.strings.id(&path), lines)
            })
            .collect()
    }
}

/// A tab is as wide as one column, so that columns stay columns.
fn shown(c: char) -> char {
    if c == '\t' { ' ' } else { c }
}

fn kind(kind: NodeKind) -> u8 {
    match kind {
        NodeKind::Group => 0,
        NodeKind::Root => 1,
        NodeKind::Container => 2,
        NodeKind::Object => 3,
        NodeKind::Resource => 4,
        NodeKind::Frame => 5,
        NodeKind::More => 6,
    }
}

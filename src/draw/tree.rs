//! Who holds an object and what it holds, as a tree for terminals, and as JSON.

use std::fmt::Write as _;

use rustc_hash::FxHashSet;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::Picture;
use super::words::{growth_words, signs, size_words};
use crate::heap::view::why::{Branch, Why};
use crate::heap::view::{Edge, Node, NodeId, NodeKind};
use crate::report::{Report, Style, concise, escape};

/// Columns of the first column at most.
const WIDTH: usize = 72;

/// All findings of a report, each with the tree of what it is about; findings about one object share its tree.
#[must_use]
pub fn report(picture: &Picture<'_>, report: &Report<'_>, style: &Style) -> String {
    let view = picture.view;
    let holders = view.holders();
    let mut out = String::new();
    let mut told: FxHashSet<NodeId> = FxHashSet::default();
    for found in &view.findings {
        if !told.insert(found.node) {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        let about = &view.nodes[found.node as usize].findings;
        for finding in about
            .iter()
            .filter_map(|&it| picture.findings.get(it as usize))
        {
            let line = concise::line(report, finding, style);
            out.push_str(&escape::log(&line));
            out.push('\n');
        }
        out.push_str(&text(picture, &view.why(found.node, &holders), style));
    }
    out
}

struct Row {
    text: String,
    site: String,
    size: String,
}

/// The tree of one object.
#[must_use]
pub fn text(picture: &Picture<'_>, why: &Why, style: &Style) -> String {
    let node = &picture.view.nodes[why.node as usize];
    let mut rows = vec![Row {
        text: head(picture, node),
        site: node.site.map(|it| picture.site(it)).unwrap_or_default(),
        size: size_words(node),
    }];
    let mut held = Vec::new();
    if why.held_by.is_empty() {
        let group = group_of(picture, why);
        held.push((format!("held by   {group}"), String::new()));
    } else {
        held.push(path_row(picture, "held by", &why.held_by));
    }
    for path in &why.also_by {
        held.push(path_row(picture, "also by", path));
    }
    if why.more_holders > 0 {
        held.push((
            format!("          (+ {} more holders)", why.more_holders),
            String::new(),
        ));
    }
    let retains = !why.retains.is_empty();
    let count = held.len();
    for (at, (text, site)) in held.into_iter().enumerate() {
        let is_last = at + 1 == count && !retains;
        rows.push(Row {
            text: format!("{} {text}", if is_last { "└─" } else { "├─" }),
            site,
            size: String::new(),
        });
    }
    if retains {
        rows.push(Row {
            text: "└─ retains".to_owned(),
            site: String::new(),
            size: String::new(),
        });
        branches(picture, &why.retains, why.more, "   ", &mut rows);
    }
    let columns = |it: &Row| UnicodeWidthStr::width(it.text.as_str());
    let width = rows.iter().map(columns).filter(|it| *it <= WIDTH).max();
    let width = width.unwrap_or(WIDTH).max(24);
    let sites = rows
        .iter()
        .map(|it| UnicodeWidthStr::width(it.site.as_str()))
        .filter(|it| *it <= 48)
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    for (at, row) in rows.iter().enumerate() {
        let mut line = row.text.clone();
        if !row.site.is_empty() || !row.size.is_empty() {
            pad(&mut line, width + 2);
            line.push_str(&row.site);
        }
        if !row.size.is_empty() {
            pad(&mut line, width + 2 + sites + 2);
            line.push_str(&row.size);
        }
        let line = escape::line(line.trim_end());
        let line = escape::log(&line).into_owned();
        let line = if style.ascii {
            escape::ascii(&line)
        } else {
            line
        };
        if style.color && at == 0 {
            let _ = writeln!(out, "\x1b[1m{line}\x1b[0m");
        } else {
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

fn pad(line: &mut String, to: usize) {
    let width = UnicodeWidthStr::width(line.as_str());
    for _ in width..to.max(width + 2) {
        line.push(' ');
    }
}

fn head(picture: &Picture<'_>, node: &Node) -> String {
    let mut text = node.key.clone();
    if !node.type_name.is_empty() && node.type_name != node.label {
        let _ = write!(text, "   {}", node.type_name);
    }
    marks(picture, node, &mut text);
    if let Some(growth) = node.grows {
        let _ = write!(text, " {}", growth_words(growth));
    }
    text
}

fn marks(picture: &Picture<'_>, node: &Node, text: &mut String) {
    for sign in signs(node) {
        let _ = write!(text, " {sign}");
    }
    for code in picture.codes(node) {
        let _ = write!(text, "  {code}");
    }
}

fn group_of(picture: &Picture<'_>, why: &Why) -> String {
    let node = &picture.view.nodes[why.node as usize];
    let edge = node.parent.map(|it| &picture.view.edges[it as usize]);
    match edge.map(|it| &picture.view.nodes[it.from as usize]) {
        Some(group) if node.kind == NodeKind::Root => {
            format!("the interpreter: {} are roots", lower(&group.label))
        }
        Some(group) if group.label.starts_with("Unreachable") => {
            "nothing but its own cycle: the cyclic gc frees it late".to_owned()
        }
        Some(group) if group.label.starts_with("Frames") => {
            "the interpreter, while it runs".to_owned()
        }
        _ => "nothing that the program shows; its callers may hold it".to_owned(),
    }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|it| it.to_lowercase().chain(chars).collect())
        .unwrap_or_default()
}

fn path_row(picture: &Picture<'_>, what: &str, edges: &[u32]) -> (String, String) {
    let view = picture.view;
    let mut text = format!("{what}   ");
    let first = &view.edges[edges[0] as usize];
    let root = &view.nodes[first.from as usize];
    text.push_str(&root.label);
    if root.kind == NodeKind::Root && !root.type_name.is_empty() {
        let _ = write!(text, " ({})", root.type_name);
    }
    for (at, &id) in edges.iter().enumerate() {
        let edge = &view.edges[id as usize];
        let is_last = at + 1 == edges.len();
        let node = &view.nodes[edge.to as usize];
        let name = edge_name(edge);
        if is_last {
            // The object itself: only the name by which it is held.
            let _ = write!(text, " → {name}");
        } else if is_named(edge, node) {
            let _ = write!(text, " → {name}");
        } else {
            let _ = write!(text, " → {name} {}", node.label);
        }
    }
    let last = &view.edges[edges[edges.len() - 1] as usize];
    let site = last
        .site
        .or(view.nodes[last.from as usize].site)
        .map(|it| picture.site(it))
        .unwrap_or_default();
    (text, site)
}

/// Whether an object has its name from the edge.
fn is_named(edge: &Edge, node: &Node) -> bool {
    let name = edge.label.trim_start_matches('.');
    let rest = node.label.strip_suffix(name);
    !name.is_empty() && rest.is_some_and(|it| it.is_empty() || it.ends_with('.'))
}

fn edge_name(edge: &Edge) -> String {
    let name = if edge.label.is_empty() {
        edge.kind.name()
    } else {
        &edge.label
    };
    if edge.is_weak {
        format!("⇢ {name}")
    } else {
        name.to_owned()
    }
}

fn branches(
    picture: &Picture<'_>,
    list: &[Branch],
    more: usize,
    prefix: &str,
    rows: &mut Vec<Row>,
) {
    let view = picture.view;
    for (at, branch) in list.iter().enumerate() {
        let edge = &view.edges[branch.edge as usize];
        let node = &view.nodes[edge.to as usize];
        let is_last = at + 1 == list.len() && more == 0;
        let arrow = if edge.is_weak { "⇢" } else { "→" };
        let label = if edge.label.is_empty() {
            edge.kind.name()
        } else {
            &edge.label
        };
        let mut text = format!(
            "{prefix}{} {label} {arrow} ",
            if is_last { "└─" } else { "├─" }
        );
        if is_named(edge, node) && !node.type_name.is_empty() {
            text.push_str(&node.type_name);
        } else {
            text.push_str(&node.label);
            if !node.type_name.is_empty() && node.type_name != node.label {
                let _ = write!(text, " {}", node.type_name);
            }
        }
        if branch.is_back {
            let sign = if node.cycle.is_some() {
                "↺"
            } else {
                "(see above)"
            };
            let _ = write!(text, " {sign}");
        } else {
            marks(picture, node, &mut text);
        }
        rows.push(Row {
            text,
            site: edge
                .site
                .or(node.site)
                .map(|it| picture.site(it))
                .unwrap_or_default(),
            size: if branch.is_back {
                String::new()
            } else {
                size_words(node)
            },
        });
        let inside = format!("{prefix}{}", if is_last { "   " } else { "│  " });
        branches(picture, &branch.branches, branch.more, &inside, rows);
    }
    if more > 0 {
        rows.push(Row {
            text: format!("{prefix}└─ (+ {more} more)"),
            site: String::new(),
            size: String::new(),
        });
    }
}

/// One object as JSON.
#[derive(Serialize)]
pub struct Json<'a> {
    #[serde(flatten)]
    object: Object<'a>,
    held_by: Vec<Step<'a>>,
    also_by: Vec<Vec<Step<'a>>>,
    more_holders: usize,
    retains: Vec<Held<'a>>,
    more: usize,
}

#[derive(Serialize)]
struct Object<'a> {
    id: &'a str,
    kind: &'a str,
    label: &'a str,
    #[serde(rename = "type")]
    type_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<String>,
    self_bytes: Option<u64>,
    retained_bytes: u64,
    step_bytes: Option<u64>,
    growth: Option<&'a str>,
    finalizer: bool,
    cycle: Option<u32>,
    codes: Vec<&'a str>,
}

#[derive(Serialize)]
struct Step<'a> {
    from: &'a str,
    edge: &'a str,
    kind: &'a str,
    weak: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<String>,
}

#[derive(Serialize)]
struct Held<'a> {
    edge: &'a str,
    edge_kind: &'a str,
    weak: bool,
    seen: bool,
    #[serde(flatten)]
    object: Object<'a>,
    retains: Vec<Held<'a>>,
    more: usize,
}

/// One object as a value to serialize.
#[must_use]
pub fn json<'a>(picture: &Picture<'a>, why: &Why) -> Json<'a> {
    let path = |edges: &[u32]| edges.iter().map(|&it| step(picture, it)).collect();
    Json {
        object: object(picture, why.node),
        held_by: path(&why.held_by),
        also_by: why.also_by.iter().map(|it| path(it)).collect(),
        more_holders: why.more_holders,
        retains: why.retains.iter().map(|it| held(picture, it)).collect(),
        more: why.more,
    }
}

fn object<'a>(picture: &Picture<'a>, id: u32) -> Object<'a> {
    let node = &picture.view.nodes[id as usize];
    Object {
        id: &node.key,
        kind: node.kind.name(),
        label: &node.label,
        type_name: &node.type_name,
        site: node.site.map(|it| picture.site(it)),
        self_bytes: node.is_sized.then_some(node.self_bytes),
        retained_bytes: node.retained,
        step_bytes: node.step_bytes,
        growth: node.grows.map(|it| it.name()),
        finalizer: node.has_finalizer,
        cycle: node.cycle,
        codes: picture.codes(node),
    }
}

fn step<'a>(picture: &Picture<'a>, id: u32) -> Step<'a> {
    let edge = &picture.view.edges[id as usize];
    Step {
        from: &picture.view.nodes[edge.from as usize].key,
        edge: &edge.label,
        kind: edge.kind.name(),
        weak: edge.is_weak,
        site: edge.site.map(|it| picture.site(it)),
    }
}

fn held<'a>(picture: &Picture<'a>, branch: &Branch) -> Held<'a> {
    let edge = &picture.view.edges[branch.edge as usize];
    Held {
        edge: &edge.label,
        edge_kind: edge.kind.name(),
        weak: edge.is_weak,
        seen: branch.is_back,
        object: object(picture, edge.to),
        retains: branch.branches.iter().map(|it| held(picture, it)).collect(),
        more: branch.more,
    }
}

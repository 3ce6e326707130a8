//! What a change adds to the heap, as text and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::Picture;
use super::words::{growth_words, size_words};
use crate::heap::view::changes::Changes;
use crate::heap::view::{NodeId, NodeKind};
use crate::report::escape;

/// Lines of one kind that are told.
const SHOWN: usize = 50;

/// For people: one line for each thing, `+` what is new and `-` what is gone.
#[must_use]
pub fn text(picture: &Picture<'_>, changes: &Changes) -> String {
    let view = picture.view;
    let mut out = String::new();
    if changes.is_empty() {
        return "the heap has no new root, no new growing container and no new holder\n".to_owned();
    }
    let site = |id: NodeId| {
        let site = view.nodes[id as usize].site.map(|it| picture.site(it));
        site.map_or(String::new(), |it| format!("  {it}"))
    };
    let growing = changes.growing.iter().map(|&id| {
        let node = &view.nodes[id as usize];
        let size = size_words(node);
        let words = [
            node.type_name.as_str(),
            "▲",
            node.grows.map_or("", growth_words),
            &size,
        ];
        let words: Vec<&str> = words.into_iter().filter(|it| !it.is_empty()).collect();
        format!("+ {}  {}{}", node.key, words.join(" "), site(id))
    });
    section(&mut out, "new growing containers", growing.collect());
    let holders = changes.holders.iter().map(|&id| {
        let edge = &view.edges[id as usize];
        let root = view.path(edge.from)[0];
        let root = &view.nodes[root as usize];
        let from = match root.kind {
            NodeKind::Root => format!("reachable from {} ({})", root.label, root.type_name),
            _ => format!("held by {}", root.label),
        };
        let site = edge
            .site
            .map(|it| format!("  {}", picture.site(it)))
            .unwrap_or_default();
        format!(
            "+ {}  {from}, by {} → {}{site}",
            view.nodes[edge.to as usize].key, view.nodes[edge.from as usize].key, edge.label
        )
    });
    section(&mut out, "new holders", holders.collect());
    let roots = changes
        .roots
        .iter()
        .map(|&id| format!("+ {}{}", view.nodes[id as usize].key, site(id)));
    section(&mut out, "new roots", roots.collect());
    let settled = changes.settled.iter().map(|it| format!("- {it}"));
    section(&mut out, "no longer growing", settled.collect());
    let lost = changes.lost_roots.iter().map(|it| format!("- {it}"));
    section(&mut out, "roots that are gone", lost.collect());
    out
}

fn section(out: &mut String, title: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "{title}: {}", lines.len());
    for line in lines.iter().take(SHOWN) {
        let _ = writeln!(out, "  {}", escape::line(line));
    }
    if lines.len() > SHOWN {
        let _ = writeln!(out, "  … and {} more", lines.len() - SHOWN);
    }
}

#[derive(Serialize)]
struct Json<'a> {
    schema_version: u32,
    growing: Vec<Object<'a>>,
    holders: Vec<Holder<'a>>,
    roots: Vec<Object<'a>>,
    settled: &'a [String],
    lost_roots: &'a [String],
}

#[derive(Serialize)]
struct Object<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    type_name: &'a str,
    growth: Option<&'a str>,
    step_bytes: Option<u64>,
    site: Option<String>,
}

#[derive(Serialize)]
struct Holder<'a> {
    held: &'a str,
    by: &'a str,
    edge: &'a str,
    root: &'a str,
    site: Option<String>,
}

/// For scripts.
#[must_use]
pub fn json(picture: &Picture<'_>, changes: &Changes) -> String {
    let view = picture.view;
    let objects = |ids: &[NodeId]| {
        ids.iter()
            .map(|&id| {
                let node = &view.nodes[id as usize];
                Object {
                    id: &node.key,
                    type_name: &node.type_name,
                    growth: node.grows.map(|it| it.name()),
                    step_bytes: node.step_bytes,
                    site: node.site.map(|it| picture.site(it)),
                }
            })
            .collect()
    };
    let json = Json {
        schema_version: 1,
        growing: objects(&changes.growing),
        holders: changes
            .holders
            .iter()
            .map(|&id| {
                let edge = &view.edges[id as usize];
                Holder {
                    held: &view.nodes[edge.to as usize].key,
                    by: &view.nodes[edge.from as usize].key,
                    edge: &edge.label,
                    root: &view.nodes[view.path(edge.from)[0] as usize].key,
                    site: edge.site.map(|it| picture.site(it)),
                }
            })
            .collect(),
        roots: objects(&changes.roots),
        settled: &changes.settled,
        lost_roots: &changes.lost_roots,
    };
    let mut text = serde_json::to_string_pretty(&json).expect("texts and numbers serialize");
    text.push('\n');
    text
}

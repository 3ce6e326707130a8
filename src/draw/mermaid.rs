//! A Mermaid flowchart, for Markdown: at most 40 nodes and 100 edges, which its renderers take.

use std::fmt::Write as _;

use super::Picture;
use super::words::{details, middle, signs};
use crate::heap::view::NodeKind;
use crate::report::escape::mermaid as text;

/// Most nodes that are written.
pub const NODES: usize = 40;
/// Most edges that are written; renderers refuse more than 500.
const EDGES: usize = 100;

/// The drawing as a flowchart. A larger view must be cut first: only its first nodes are drawn.
#[must_use]
pub fn mermaid(picture: &Picture<'_>) -> String {
    let view = picture.view;
    let mut out = "flowchart LR\n".to_owned();
    let count = view.nodes.len().min(NODES);
    for (id, node) in view.nodes.iter().enumerate().take(count) {
        let mut label = text(&middle(&node.label, 40));
        let mut small = details(node);
        small.extend(signs(node).map(str::to_owned));
        small.extend(picture.codes(node).into_iter().map(str::to_owned));
        if !small.is_empty() {
            let _ = write!(label, "<br>{}", text(&middle(&small.join(" · "), 60)));
        }
        let (open, close) = match node.kind {
            NodeKind::Root | NodeKind::Group => ("[[", "]]"),
            NodeKind::Container | NodeKind::Frame => ("[", "]"),
            NodeKind::Resource => ("{{", "}}"),
            NodeKind::Object | NodeKind::More => ("(", ")"),
        };
        let class = match () {
            () if !node.findings.is_empty() => ":::leak",
            () if node.kind == NodeKind::Root => ":::root",
            () if node.cycle.is_some() => ":::cyc",
            () => "",
        };
        let _ = writeln!(out, "  n{id}{open}\"{label}\"{close}{class}");
    }
    let on_path = picture.path_edges();
    let mut red = Vec::new();
    let inside = view
        .edges
        .iter()
        .enumerate()
        .filter(|(_, it)| (it.from as usize) < count && (it.to as usize) < count);
    for (written, (id, edge)) in inside.take(EDGES).enumerate() {
        let arrow = if edge.is_weak { "-.->" } else { "-->" };
        let label = middle(&edge.label, 24);
        let label = if label.is_empty() {
            String::new()
        } else {
            format!("|\"{}\"|", text(&label))
        };
        let _ = writeln!(out, "  n{} {arrow}{label} n{}", edge.from, edge.to);
        if on_path[id] {
            red.push(written.to_string());
        }
    }
    out.push_str("  classDef leak stroke:#dc2626,stroke-width:3px\n  classDef root font-weight:bold,stroke:#1d4ed8\n  classDef cyc stroke:#c026d3,stroke-width:2px\n");
    if !red.is_empty() {
        let _ = writeln!(
            out,
            "  linkStyle {} stroke:#dc2626,stroke-width:2px",
            red.join(",")
        );
    }
    out
}

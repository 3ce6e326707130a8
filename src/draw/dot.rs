//! Graphviz's language. Only text: `dot` need not be installed to write it.

use std::fmt::Write as _;

use super::Picture;
use super::words::{details, middle, signs};
use crate::heap::view::NodeKind;
use crate::report::escape;

/// The drawing as a `digraph`.
#[must_use]
pub fn dot(picture: &Picture<'_>, title: &str) -> String {
    let view = picture.view;
    let mut out = String::new();
    let _ = write!(
        out,
        "digraph heap {{\n  label={};\n  labelloc=t;\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fillcolor=\"#f1f5f9\", color=\"#64748b\", fontname=\"sans-serif\", fontsize=11];\n  edge [color=\"#94a3b8\", fontname=\"sans-serif\", fontsize=10];\n",
        quoted(title)
    );
    let mut roots = String::new();
    for (id, node) in view.nodes.iter().enumerate() {
        let mut label = middle(&node.label, 40);
        let mut small = details(node);
        small.extend(signs(node).map(str::to_owned));
        if !small.is_empty() {
            label.push('\n');
            label.push_str(&small.join(" · "));
        }
        let mut more = match node.kind {
            NodeKind::Root | NodeKind::Group => {
                let _ = write!(roots, " n{id};");
                ", style=\"filled,bold\", fillcolor=\"#dbeafe\", color=\"#1d4ed8\""
            }
            NodeKind::Container => ", fillcolor=\"#fef3c7\", color=\"#b45309\"",
            NodeKind::Resource => ", fillcolor=\"#d1fae5\", color=\"#047857\"",
            NodeKind::Frame => ", style=\"rounded,filled,dashed\"",
            NodeKind::More => ", style=\"rounded,dotted\"",
            NodeKind::Object => "",
        }
        .to_owned();
        if !node.findings.is_empty() {
            let codes = picture.codes(node).join(" ");
            let _ = write!(
                more,
                ", color=\"#dc2626\", penwidth=2.5, xlabel={}",
                quoted(&codes)
            );
        } else if node.cycle.is_some() {
            more.push_str(", color=\"#c026d3\", penwidth=2");
        }
        let site = node.site.map(|it| picture.site(it)).unwrap_or_default();
        let _ = writeln!(
            out,
            "  n{id} [label={}, tooltip={}{more}];",
            quoted(&label),
            quoted(if site.is_empty() { &node.key } else { &site })
        );
    }
    if !roots.is_empty() {
        let _ = writeln!(out, "  {{rank=source;{roots}}}");
    }
    let on_path = picture.path_edges();
    for (id, edge) in view.edges.iter().enumerate() {
        let more = match () {
            () if edge.is_weak => ", style=dashed, constraint=false",
            () if on_path[id] => ", color=\"#dc2626\", penwidth=2",
            () => "",
        };
        let _ = writeln!(
            out,
            "  n{} -> n{} [label={}{more}];",
            edge.from,
            edge.to,
            quoted(&middle(&edge.label, 24))
        );
    }
    out.push_str("}\n");
    out
}

/// A quoted text of the language: a backslash would start an escape of its own.
fn quoted(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 2);
    safe.push('"');
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            safe.push_str("\\n");
        }
        for c in escape::line(line).chars() {
            if matches!(c, '\\' | '"') {
                safe.push('\\');
            }
            safe.push(c);
        }
    }
    safe.push('"');
    safe
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn no_text_ends_its_quotes() {
        assert_eq!(
            quoted("a\"b\\N\n\u{1b}\u{202e}é"),
            r#""a\"b\\N\n\\u{1b}\\u{202e}é""#
        );
    }
}

//! One SVG file: no script, nothing from outside, light and dark, legible without colour.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::layout::{Layout, Measure, Rect, layout};
use super::{Picture, middle, step_words};
use crate::heap::view::{Edge, Node, NodeKind};
use crate::report::escape::html;

/// Columns of a box's text at most.
const COLUMNS: usize = 40;
/// Columns of an edge's label at most.
const EDGE_COLUMNS: usize = 24;
/// Width of one column of the first line.
const LETTER: f64 = 7.2;
/// Width of one column of small text.
const SMALL: f64 = 6.2;
/// Labels of edges outside the tree are drawn below this many nodes.
const LABELLED: usize = 60;
const MARGIN: f64 = 24.0;
const HEAD: f64 = 30.0;
const FOOT: f64 = 34.0;

const STYLE: &str = include_str!("svg.css");

/// The drawing, with a title for those who cannot see it.
#[must_use]
pub fn svg(picture: &Picture<'_>, title: &str) -> String {
    let view = picture.view;
    let texts: Vec<(String, String)> = view.nodes.iter().map(|it| lines(picture, it)).collect();
    let sizes: Vec<(f64, f64)> = texts.iter().map(|it| size(&it.0, &it.1)).collect();
    let is_few = view.nodes.len() < LABELLED;
    let label = |id: u32| width(&middle(&view.edges[id as usize].label, EDGE_COLUMNS));
    let measure = Measure {
        letter: SMALL,
        gap: 44.0,
        below: 16.0,
        between: 10.0,
    };
    let layout = layout(view, &sizes, label, measure);
    let wide = (layout.width + 2.0 * MARGIN)
        .max(width(title) as f64 * 8.0 + 2.0 * MARGIN)
        .max(420.0);
    let tall = layout.height + 2.0 * MARGIN + HEAD + FOOT;
    let mut out = String::with_capacity(view.nodes.len() * 600 + 4096);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide:.0} {tall:.0}\" width=\"{wide:.0}\" height=\"{tall:.0}\" role=\"img\" aria-labelledby=\"t d\">\n<title id=\"t\">{}</title>\n<desc id=\"d\">{}</desc>\n<style>\n{STYLE}</style>\n",
        html(title),
        html(&description(picture)),
    );
    out.push_str("<defs>");
    for class in ["strong", "path", "cycle", "other", "weak"] {
        let _ = write!(
            out,
            "<marker id=\"m-{class}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"head {class}\" d=\"M0 .8 7.2 4 0 7.2z\"/></marker>",
        );
    }
    out.push_str("</defs>\n");
    let _ = writeln!(
        out,
        "<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n<text class=\"h\" x=\"{MARGIN}\" y=\"{:.0}\">{}</text>",
        MARGIN + 6.0,
        html(title)
    );
    let _ = writeln!(
        out,
        "<g transform=\"translate({MARGIN} {:.0})\">",
        MARGIN + HEAD
    );
    let on_path = path_edges(picture);
    let mut labels = String::new();
    // Other edges first, so that the tree is drawn over them.
    for is_tree in [false, true] {
        for (id, edge) in view.edges.iter().enumerate() {
            if layout.is_tree[id] == is_tree {
                let is_labelled = is_tree || is_few;
                line(
                    &mut out,
                    &mut labels,
                    picture,
                    &layout,
                    id,
                    edge,
                    on_path[id],
                    is_labelled,
                );
            }
        }
    }
    out.push_str(&labels);
    for (at, node) in view.nodes.iter().enumerate() {
        shape(&mut out, picture, node, layout.boxes[at], &texts[at]);
    }
    out.push_str("</g>\n");
    legend(&mut out, picture, &layout, tall);
    out.push_str("</svg>\n");
    out
}

fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

fn size(first: &str, second: &str) -> (f64, f64) {
    let wide = (width(first) as f64 * LETTER).max(width(second) as f64 * SMALL);
    ((wide + 24.0).max(64.0), 40.0)
}

/// Both lines of a box.
fn lines(picture: &Picture<'_>, node: &Node) -> (String, String) {
    let mut first = middle(&node.label, COLUMNS);
    if node.kind == NodeKind::Resource {
        first.insert_str(0, "⏏ ");
    }
    let mut parts = Vec::new();
    if !node.type_name.is_empty() && node.type_name != node.label {
        parts.push(node.type_name.clone());
    }
    let size = step_words(node);
    if !size.is_empty() {
        parts.push(size);
    }
    if let Some(site) = node
        .site
        .filter(|_| node.kind != NodeKind::Root || node.type_name != "module globals")
    {
        let site = picture.site(site);
        parts.push(site.rsplit('/').next().unwrap_or(&site).to_owned());
    }
    let mut second = middle(&parts.join(" · "), COLUMNS + 16);
    for (sign, is_on) in [
        ("▲", node.grows.is_some()),
        ("↺", node.cycle.is_some()),
        ("⚑", node.has_finalizer),
    ] {
        if is_on {
            second.push(' ');
            second.push_str(sign);
        }
    }
    (first, second.trim().to_owned())
}

fn description(picture: &Picture<'_>) -> String {
    let view = picture.view;
    let roots = view
        .nodes
        .iter()
        .filter(|it| it.kind == NodeKind::Root)
        .count();
    let growing = view.nodes.iter().filter(|it| it.grows.is_some()).count();
    let found = view
        .nodes
        .iter()
        .filter(|it| !it.findings.is_empty())
        .count();
    format!(
        "{} objects from {roots} gc roots: {growing} grow, {found} have findings; roots stand left, arrows lead from holder to held",
        view.nodes.len()
    )
}

/// Whether edges lie on the path of a finding.
pub(super) fn path_edges(picture: &Picture<'_>) -> Vec<bool> {
    let mut on_path = vec![false; picture.view.edges.len()];
    for found in &picture.view.findings {
        for pair in found.path.windows(2) {
            let ids = picture.view.out_ids(pair[0]);
            let mut ids = ids.filter(|&it| picture.view.edges[it as usize].to == pair[1]);
            if let Some(id) = ids.next() {
                on_path[id as usize] = true;
            }
        }
    }
    on_path
}

#[allow(clippy::too_many_arguments, reason = "one place draws edges")]
fn line(
    out: &mut String,
    labels: &mut String,
    picture: &Picture<'_>,
    layout: &Layout,
    id: usize,
    edge: &Edge,
    on_path: bool,
    is_labelled: bool,
) {
    let nodes = &picture.view.nodes;
    let (from, to) = (
        layout.boxes[edge.from as usize],
        layout.boxes[edge.to as usize],
    );
    let in_cycle = nodes[edge.from as usize].cycle.is_some()
        && nodes[edge.from as usize].cycle == nodes[edge.to as usize].cycle;
    let class = match () {
        () if edge.is_weak => "weak",
        () if on_path => "path",
        () if in_cycle => "cycle",
        () if layout.is_tree[id] => "strong",
        () => "other",
    };
    let (shape, at) = curve(from, to, layout.is_tree[id], edge.from == edge.to);
    let mut name = edge.label.clone();
    if edge.is_weak {
        name.push_str(" (weak)");
    }
    let _ = write!(
        out,
        "<path class=\"e {class}\" d=\"{shape}\" marker-end=\"url(#m-{class})\">"
    );
    if !name.is_empty() {
        let site = edge
            .site
            .map(|it| format!(" {}", picture.site(it)))
            .unwrap_or_default();
        let _ = write!(out, "<title>{}{}</title>", html(&name), html(&site));
    }
    out.push_str("</path>\n");
    if is_labelled && !edge.label.is_empty() {
        let text = middle(&edge.label, EDGE_COLUMNS);
        let _ = writeln!(
            labels,
            "<text class=\"l {class}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            at.0,
            at.1,
            html(&text)
        );
    }
}

/// The curve of an edge, and where its label stands.
fn curve(from: Rect, to: Rect, is_tree: bool, is_own: bool) -> (String, (f64, f64)) {
    let (x1, y1) = (from.x + from.w, from.y + from.h / 2.0);
    if is_own {
        // A loop under the lower right corner; codes stand at the upper one.
        let (x, y) = (from.x + from.w - 34.0, from.y + from.h);
        return (
            format!("M{x:.1} {y:.1}c0 20 24 20 24 2"),
            (x - 6.0, y + 11.0),
        );
    }
    let (x2, y2) = (to.x - 2.0, to.y + to.h / 2.0);
    if is_tree {
        let mid = x1 + 18.0_f64.min((x2 - x1) / 2.0);
        let shape = format!(
            "M{x1:.1} {y1:.1}C{:.1} {y1:.1} {mid:.1} {y2:.1} {:.1} {y2:.1}H{x2:.1}",
            mid,
            mid + 14.0
        );
        return (shape, (f64::midpoint(mid + 10.0, x2 - 6.0), y2 - 5.0));
    }
    if x2 > x1 + 10.0 {
        let bend = (x2 - x1) * 0.5;
        let shape = format!(
            "M{x1:.1} {y1:.1}C{:.1} {y1:.1} {:.1} {y2:.1} {x2:.1} {y2:.1}",
            x1 + bend,
            x2 - bend
        );
        return (
            shape,
            at_quarter((x1, y1), (x1 + bend, y1), (x2 - bend, y2), (x2, y2)),
        );
    }
    // Back to the left, or within a column: out of the bottom, into the bottom or top.
    let (x1, y1) = (from.x + from.w * 0.5, from.y + from.h);
    let is_below = to.y > from.y;
    let (x2, y2) = (
        to.x + to.w * 0.5,
        if is_below {
            to.y - 2.0
        } else {
            to.y + to.h + 2.0
        },
    );
    let drop = 26.0 + (x1 - x2).abs() * 0.08;
    let end = if is_below { y2 - 24.0 } else { y2 + drop };
    let start = y1 + drop;
    (
        format!("M{x1:.1} {y1:.1}C{x1:.1} {start:.1} {x2:.1} {end:.1} {x2:.1} {y2:.1}"),
        at_quarter((x1, y1), (x1, start), (x2, end), (x2, y2)),
    )
}

fn at_quarter(a: (f64, f64), b: (f64, f64), c: (f64, f64), d: (f64, f64)) -> (f64, f64) {
    let t = 0.25_f64;
    let s = 1.0 - t;
    let mix = |a: f64, b: f64, c: f64, d: f64| {
        s * s * s * a + 3.0 * s * s * t * b + 3.0 * s * t * t * c + t * t * t * d
    };
    (mix(a.0, b.0, c.0, d.0), mix(a.1, b.1, c.1, d.1) - 3.0)
}

fn shape(out: &mut String, picture: &Picture<'_>, node: &Node, at: Rect, texts: &(String, String)) {
    let mut class = node.kind.name().to_owned();
    if node.cycle.is_some() {
        class.push_str(" cyc");
    }
    if !node.findings.is_empty() {
        class.push_str(" leak");
    }
    let radius = match node.kind {
        NodeKind::Root | NodeKind::Group => 2.0,
        _ => 9.0,
    };
    let mut title = node.key.clone();
    if let Some(site) = node.site {
        let _ = write!(title, "\n{}", picture.site(site));
    }
    for &it in &node.findings {
        if let Some(finding) = picture.findings.get(it as usize) {
            let _ = write!(title, "\n{} {}", finding.rule.code, finding.message);
        }
    }
    let _ = write!(
        out,
        "<g class=\"n {class}\"><title>{}</title><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{radius}\"/>",
        html(&title),
        at.x,
        at.y,
        at.w,
        at.h
    );
    let middle = at.x + at.w / 2.0;
    let first = if texts.1.is_empty() { 24.5 } else { 17.0 };
    let _ = write!(
        out,
        "<text class=\"a\" x=\"{middle:.1}\" y=\"{:.1}\">{}</text>",
        at.y + first,
        html(&texts.0)
    );
    if !texts.1.is_empty() {
        let _ = write!(
            out,
            "<text class=\"b\" x=\"{middle:.1}\" y=\"{:.1}\">{}</text>",
            at.y + 32.0,
            html(&texts.1)
        );
    }
    let codes = picture.codes(node);
    if !codes.is_empty() {
        let text = if codes.len() > 2 {
            format!("{} +{}", codes[0], codes.len() - 1)
        } else {
            codes.join(" ")
        };
        let wide = text.len() as f64 * 6.2 + 10.0;
        let (x, y) = (at.x + at.w - wide + 8.0, at.y - 8.0);
        let _ = write!(
            out,
            "<rect class=\"pill\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"15\" rx=\"7.5\"/><text class=\"p\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            x + wide / 2.0,
            y + 11.0,
            html(&text)
        );
    }
    out.push_str("</g>\n");
}

/// The signs that occur, and what they mean.
fn legend(out: &mut String, picture: &Picture<'_>, layout: &Layout, tall: f64) {
    let view = picture.view;
    let any = |test: &dyn Fn(&Node) -> bool| view.nodes.iter().any(test);
    let has_other = view
        .edges
        .iter()
        .enumerate()
        .any(|(id, it)| !layout.is_tree[id] && !it.is_weak);
    let mut words = vec!["≈ one object of each kind"];
    for (word, is_on) in [
        ("▲ grows", any(&|it| it.grows.is_some())),
        ("↺ cycle", any(&|it| it.cycle.is_some())),
        ("⚑ finalizer", any(&|it| it.has_finalizer)),
        ("⏏ must be closed", any(&|it| it.kind == NodeKind::Resource)),
        (
            "bold arrow: path of a finding",
            any(&|it| !it.findings.is_empty()),
        ),
        ("dashed: other holder", has_other),
        ("dotted: weak", view.edges.iter().any(|it| it.is_weak)),
    ] {
        if is_on {
            words.push(word);
        }
    }
    let _ = writeln!(
        out,
        "<text class=\"legend\" x=\"{MARGIN}\" y=\"{:.0}\">{}</text>",
        tall - 18.0,
        words.join(" · ")
    );
}

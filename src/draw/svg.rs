//! One SVG file: no script, nothing from outside, light and dark, legible without colour.

mod edges;

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::Picture;
use super::layout::{Layout, Measure, Rect, layout};
use super::words::{details, middle, signs};
use crate::heap::view::{Node, NodeKind};
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
    let label = |id: u32, is_tree: bool| {
        if is_tree || is_few {
            width(&middle(&view.edges[id as usize].label, EDGE_COLUMNS))
        } else {
            0
        }
    };
    let measure = Measure {
        letter: SMALL,
        gap: 44.0,
        below: 16.0,
        between: 10.0,
    };
    let layout = layout(view, &sizes, label, measure);
    let legend = legend(picture, &layout);
    let wide = layout
        .width
        .max(width(title) as f64 * 8.4)
        .max(width(&legend) as f64 * SMALL)
        + 2.0 * MARGIN;
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
    edges::draw(&mut out, picture, &layout);
    for (at, node) in view.nodes.iter().enumerate() {
        shape(&mut out, picture, node, layout.boxes[at], &texts[at]);
    }
    out.push_str("</g>\n");
    let _ = writeln!(
        out,
        "<text class=\"legend\" x=\"{MARGIN}\" y=\"{:.0}\">{legend}</text>\n</svg>",
        tall - 18.0
    );
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
    let mut parts = details(node);
    if let Some(site) = node
        .site
        .filter(|_| node.kind != NodeKind::Root || node.type_name != "module globals")
    {
        let site = picture.site(site);
        parts.push(site.rsplit('/').next().unwrap_or(&site).to_owned());
    }
    let mut second = middle(&parts.join(" · "), COLUMNS + 16);
    for sign in signs(node) {
        second.push(' ');
        second.push_str(sign);
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
fn legend(picture: &Picture<'_>, layout: &Layout) -> String {
    let view = picture.view;
    let any = |test: &dyn Fn(&Node) -> bool| view.nodes.iter().any(test);
    let on_path = picture.path_edges();
    let has_other = (0..view.edges.len())
        .any(|id| edges::class(picture, layout, id, on_path[id]) == edges::OTHER);
    let mut words = vec!["≈ estimate for one object of each kind"];
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
    words.join(" · ")
}

//! Edges of an SVG drawing: curves that keep out of each other's way, and labels that do not stand on boxes.

use std::fmt::Write as _;

use super::{EDGE_COLUMNS, LABELLED, SMALL, width};
use crate::draw::Picture;
use crate::draw::layout::{Layout, Rect};
use crate::draw::words::middle;
use crate::heap::view::Edge;
use crate::report::escape::html;

/// Height of a label.
const TALL: f64 = 12.0;
/// Where on a curve a label may stand, best first.
const SPOTS: &[f64] = &[0.25, 0.38, 0.16, 0.5, 0.64, 0.78];

type Point = (f64, f64);

/// Draws all edges: those outside the tree first, so that the tree is drawn over them, then labels over both.
pub(super) fn draw(out: &mut String, picture: &Picture<'_>, layout: &Layout) {
    let view = picture.view;
    let on_path = picture.path_edges();
    let is_few = view.nodes.len() < LABELLED;
    let mut lines = [String::new(), String::new()];
    let mut labels = String::new();
    let mut taken: Vec<Rect> = if is_few {
        layout.boxes.clone()
    } else {
        Vec::new()
    };
    // Labels of the tree have their places; the others look for one.
    for is_tree in [true, false] {
        for (id, edge) in view.edges.iter().enumerate() {
            if layout.is_tree[id] != is_tree {
                continue;
            }
            let class = class(picture, layout, id, on_path[id]);
            let curve = Curve::of(layout, edge, is_tree);
            line(
                &mut lines[usize::from(is_tree)],
                picture,
                edge,
                class,
                &curve,
            );
            if edge.label.is_empty() || !is_tree && !is_few {
                continue;
            }
            let text = middle(&edge.label, EDGE_COLUMNS);
            let at = curve.label(width(&text) as f64 * SMALL, &mut taken);
            let _ = writeln!(
                labels,
                "<text class=\"l {class}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                at.0,
                at.1,
                html(&text)
            );
        }
    }
    out.extend([&lines[0], &lines[1], &labels].map(String::as_str));
}

/// The class of edges that are neither of the tree nor special.
pub(super) const OTHER: &str = "other";

pub(super) fn class(
    picture: &Picture<'_>,
    layout: &Layout,
    id: usize,
    on_path: bool,
) -> &'static str {
    let edge = &picture.view.edges[id];
    let cycle = |node: u32| picture.view.nodes[node as usize].cycle;
    let in_cycle = cycle(edge.from).is_some() && cycle(edge.from) == cycle(edge.to);
    match () {
        () if edge.is_weak => "weak",
        () if on_path => "path",
        () if in_cycle => "cycle",
        () if layout.is_tree[id] => "strong",
        () => OTHER,
    }
}

fn line(out: &mut String, picture: &Picture<'_>, edge: &Edge, class: &str, curve: &Curve) {
    let mut name = edge.label.clone();
    if edge.is_weak {
        name.push_str(" (weak)");
    }
    let _ = write!(
        out,
        "<path class=\"e {class}\" d=\"{}\" marker-end=\"url(#m-{class})\">",
        curve.path()
    );
    if !name.is_empty() {
        let site = edge
            .site
            .map(|it| format!(" {}", picture.site(it)))
            .unwrap_or_default();
        let _ = write!(out, "<title>{}{}</title>", html(&name), html(&site));
    }
    out.push_str("</path>\n");
}

/// A cubic curve, with a straight end in the tree.
struct Curve {
    points: [Point; 4],
    way: Way,
}

/// Which way an edge goes.
enum Way {
    /// To the right in the tree; the straight end leads there.
    Tree(f64),
    /// To the object itself.
    Loop,
    /// To the left.
    Back,
    /// Any other.
    Across,
}

impl Curve {
    fn of(layout: &Layout, edge: &Edge, is_tree: bool) -> Self {
        let (a, b) = (edge.from as usize, edge.to as usize);
        let (from, to) = (layout.boxes[a], layout.boxes[b]);
        let right = |it: Rect| it.x + it.w;
        let port = |it: Rect, part: f64| it.y + it.h * part;
        if a == b {
            // A loop under the lower right corner; codes stand at the upper one.
            let (x, y) = (right(from) - 34.0, from.y + from.h);
            let points = [
                (x, y),
                (x, y + 20.0),
                (x + 24.0, y + 20.0),
                (x + 24.0, y + 2.0),
            ];
            return Self {
                points,
                way: Way::Loop,
            };
        }
        if is_tree {
            let ((x1, y1), y2) = ((right(from), port(from, 0.5)), port(to, 0.5));
            let end = to.x - 2.0;
            let mid = x1 + 18.0_f64.min((end - x1) / 2.0);
            let points = [(x1, y1), (mid, y1), (mid, y2), (mid + 14.0, y2)];
            return Self {
                points,
                way: Way::Tree(end),
            };
        }
        let (here, there) = (layout.columns[a], layout.columns[b]);
        // Out and in beside the middle, where edges of the tree leave and come.
        let is_below = to.y > from.y;
        let (leaves, comes) = if is_below { (0.75, 0.25) } else { (0.25, 0.75) };
        let way = if there < here { Way::Back } else { Way::Across };
        let points = if there > here {
            let (start, end) = (
                (right(from), port(from, leaves)),
                (to.x - 2.0, port(to, comes)),
            );
            let bend = (end.0 - start.0) * 0.5;
            [start, (start.0 + bend, start.1), (end.0 - bend, end.1), end]
        } else if there < here {
            let (start, end) = (
                (from.x, port(from, 0.75)),
                (right(to) + 2.0, port(to, 0.75)),
            );
            let bend = ((start.0 - end.0) * 0.5).max(30.0);
            [start, (start.0 - bend, start.1), (end.0 + bend, end.1), end]
        } else {
            // In one column: around what stands between, on the right.
            let (start, end) = (
                (right(from), port(from, leaves)),
                (right(to) + 2.0, port(to, comes)),
            );
            let far = (start.1 - end.1).abs();
            let edge = if far > 2.0 * from.h {
                layout.right[here as usize]
            } else {
                start.0.max(end.0)
            };
            let bulge = edge + 26.0 + (far * 0.06).min(26.0);
            [start, (bulge, start.1), (bulge, end.1), end]
        };
        Self { points, way }
    }

    fn path(&self) -> String {
        let [a, b, c, d] = self.points;
        let mut path = format!(
            "M{:.1} {:.1}C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
            a.0, a.1, b.0, b.1, c.0, c.1, d.0, d.1
        );
        if let Way::Tree(end) = self.way {
            let _ = write!(path, "H{end:.1}");
        }
        path
    }

    fn at(&self, t: f64) -> Point {
        let s = 1.0 - t;
        let [a, b, c, d] = self.points;
        let mix = |a: f64, b: f64, c: f64, d: f64| {
            s * s * s * a + 3.0 * s * s * t * b + 3.0 * s * t * t * c + t * t * t * d
        };
        (mix(a.0, b.0, c.0, d.0), mix(a.1, b.1, c.1, d.1))
    }

    /// The middle of the label's foot: on the straight end, beside a loop, else at the first spot that is free.
    fn label(&self, wide: f64, taken: &mut Vec<Rect>) -> Point {
        let rect = |at: Point| Rect {
            x: at.0 - wide / 2.0,
            y: at.1 - TALL + 2.0,
            w: wide,
            h: TALL,
        };
        let below = match self.way {
            // The edge of the tree that it goes against is above it.
            Way::Back => TALL - 1.0,
            _ => -3.0,
        };
        let spot = |t: f64| {
            let at = self.at(t);
            (at.0, at.1 + below)
        };
        let at = match self.way {
            Way::Tree(end) => {
                let (start, y) = (self.points[1].0, self.points[3].1);
                (f64::midpoint(start + 10.0, end - 6.0), y - 5.0)
            }
            Way::Loop => {
                let (x, y) = self.points[0];
                (x - wide / 2.0 - 3.0, y + TALL)
            }
            Way::Back | Way::Across => {
                let mut spots = SPOTS.iter().map(|&it| spot(it));
                let free = spots.find(|&it| {
                    let own = rect(it);
                    !taken.iter().any(|it| meet(own, *it))
                });
                free.unwrap_or_else(|| spot(SPOTS[0]))
            }
        };
        taken.push(rect(at));
        at
    }
}

fn meet(a: Rect, b: Rect) -> bool {
    a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
}

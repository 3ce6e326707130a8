//! Where boxes stand: columns by the way from the root, rows by a tidy tree, in linear time and always the same.
//!
//! The path tree (each object under its parent) is laid out; its edges point right and never cross. All other edges are
//! curves over it, and a few sweeps bring their ends near each other. Cycles need no care: only the tree is laid out.

use crate::heap::view::{HeapView, NodeId};

/// How large things are.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Measure {
    /// Width of one column of text of an edge's label.
    pub letter: f64,
    /// Blank beside an edge's label.
    pub gap: f64,
    /// Blank below a box.
    pub below: f64,
    /// Blank between the trees of two roots.
    pub between: f64,
}

/// A box.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[allow(missing_docs, reason = "the corner and the sides")]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub w: f64,
    pub h: f64,
}

/// A layout.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Layout {
    /// Of each node.
    pub boxes: Vec<Rect>,
    /// Of each node, its column.
    pub columns: Vec<u32>,
    /// Of each column, its right side.
    pub right: Vec<f64>,
    /// Of each edge, whether it is one of the tree.
    pub is_tree: Vec<bool>,
    /// The extent of all.
    pub width: f64,
    /// The extent of all.
    pub height: f64,
}

/// Rounds of bringing the ends of other edges together.
const SWEEPS: u32 = 8;

/// Lays out a view whose boxes have these widths and heights, and whose edges have labels of so many columns; what is told
/// of an edge is its number and whether it is one of the tree.
#[must_use]
pub fn layout(
    view: &HeapView,
    sizes: &[(f64, f64)],
    label: impl Fn(u32, bool) -> usize,
    measure: Measure,
) -> Layout {
    let count = view.nodes.len();
    let mut forest = Forest::new(view);
    let mut best = forest.rows();
    let mut least = forest.height(&best);
    let mut tree_of = forest.tree_of.clone();
    let mut rows = best.clone();
    for _ in 0..SWEEPS {
        if forest.others.is_empty() {
            break;
        }
        forest.sweep(&rows);
        rows = forest.rows();
        let height = forest.height(&rows);
        if height < least {
            least = height;
            best.clone_from(&rows);
            tree_of.clone_from(&forest.tree_of);
        }
    }
    // Columns are as wide as their widest box, and as far apart as the longest label between them.
    let columns = forest.depth.iter().max().map_or(0, |it| *it as usize + 1);
    let mut wide = vec![0.0_f64; columns];
    let mut gaps = vec![0.0_f64; columns];
    for (node, size) in sizes.iter().enumerate().take(count) {
        let at = forest.depth[node] as usize;
        wide[at] = wide[at].max(size.0);
    }
    for (id, edge) in view.edges.iter().enumerate() {
        let (from, to) = (
            forest.depth[edge.from as usize],
            forest.depth[edge.to as usize],
        );
        if from.abs_diff(to) == 1 {
            let gap = &mut gaps[from.min(to) as usize];
            *gap = gap.max(label(id as u32, forest.is_tree[id]) as f64 * measure.letter);
        }
    }
    let mut left = vec![0.0; columns];
    for at in 1..columns {
        left[at] = left[at - 1] + wide[at - 1] + gaps[at - 1] + measure.gap;
    }
    let tall = sizes.iter().map(|it| it.1).fold(0.0, f64::max);
    let pitch = tall + measure.below;
    let boxes: Vec<Rect> = (0..count)
        .map(|node| Rect {
            x: left[forest.depth[node] as usize],
            y: best[node] * pitch
                + f64::from(tree_of[node]) * measure.between
                + (tall - sizes[node].1) / 2.0,
            w: sizes[node].0,
            h: sizes[node].1,
        })
        .collect();
    let width = boxes.iter().map(|it| it.x + it.w).fold(0.0, f64::max);
    let height = boxes.iter().map(|it| it.y + it.h).fold(0.0, f64::max);
    let right = left.iter().zip(&wide).map(|it| it.0 + it.1).collect();
    Layout {
        boxes,
        columns: forest.depth,
        right,
        is_tree: forest.is_tree,
        width,
        height,
    }
}

struct Forest {
    roots: Vec<NodeId>,
    children: Vec<Vec<NodeId>>,
    depth: Vec<u32>,
    /// Nodes, holders first.
    order: Vec<NodeId>,
    is_tree: Vec<bool>,
    /// Both ends of edges outside the tree.
    others: Vec<(NodeId, NodeId)>,
    /// The place of a node's root among the roots.
    tree_of: Vec<u32>,
}

impl Forest {
    fn new(view: &HeapView) -> Self {
        let count = view.nodes.len();
        let mut is_tree = vec![false; view.edges.len()];
        let mut children = vec![Vec::new(); count];
        let mut roots = Vec::new();
        for (at, node) in view.nodes.iter().enumerate() {
            match node.parent {
                Some(edge) if view.edges[edge as usize].from != at as NodeId => {
                    is_tree[edge as usize] = true;
                    children[view.edges[edge as usize].from as usize].push(at as NodeId);
                }
                _ => roots.push(at as NodeId),
            }
        }
        let mut forest = Self {
            roots,
            children,
            depth: vec![0; count],
            order: Vec::with_capacity(count),
            is_tree,
            others: Vec::new(),
            tree_of: vec![0; count],
        };
        forest.walk();
        // Parents that lead in a circle: what no root reaches becomes a root itself.
        if forest.order.len() < count {
            let mut seen = vec![false; count];
            for &it in &forest.order {
                seen[it as usize] = true;
            }
            for at in 0..count {
                if seen[at] {
                    continue;
                }
                if let Some(edge) = view.nodes[at].parent {
                    forest.is_tree[edge as usize] = false;
                    let holder = view.edges[edge as usize].from as usize;
                    forest.children[holder].retain(|it| *it != at as NodeId);
                }
                forest.roots.push(at as NodeId);
                let mut stack = vec![at as NodeId];
                while let Some(it) = stack.pop() {
                    if !std::mem::replace(&mut seen[it as usize], true) {
                        stack.extend(&forest.children[it as usize]);
                    }
                }
            }
            forest.walk();
        }
        forest.others = view
            .edges
            .iter()
            .zip(&forest.is_tree)
            .filter(|(edge, is_tree)| !**is_tree && edge.from != edge.to)
            .map(|(edge, _)| (edge.from, edge.to))
            .collect();
        forest
    }

    /// Depths, and the order in which holders come before what they hold.
    fn walk(&mut self) {
        self.order.clear();
        let mut stack: Vec<NodeId> = self.roots.iter().rev().copied().collect();
        for (at, &root) in self.roots.iter().enumerate() {
            self.depth[root as usize] = 0;
            self.tree_of[root as usize] = at as u32;
        }
        while let Some(node) = stack.pop() {
            self.order.push(node);
            for &child in self.children[node as usize].iter().rev() {
                self.depth[child as usize] = self.depth[node as usize] + 1;
                self.tree_of[child as usize] = self.tree_of[node as usize];
                stack.push(child);
            }
        }
    }

    /// Leaves stand in consecutive rows, holders in the middle of what they hold.
    fn rows(&self) -> Vec<f64> {
        let mut rows = vec![0.0; self.children.len()];
        let mut next = 0.0;
        for &node in &self.order {
            if self.children[node as usize].is_empty() {
                rows[node as usize] = next;
                next += 1.0;
            }
        }
        for &node in self.order.iter().rev() {
            let held = &self.children[node as usize];
            if let (Some(&first), Some(&last)) = (held.first(), held.last()) {
                rows[node as usize] = f64::midpoint(rows[first as usize], rows[last as usize]);
            }
        }
        rows
    }

    /// The height that edges outside the tree cross, all together.
    fn height(&self, rows: &[f64]) -> f64 {
        self.others
            .iter()
            .map(|it| (rows[it.0 as usize] - rows[it.1 as usize]).abs())
            .sum()
    }

    /// Sorts siblings and roots by where the edges of their subtrees lead.
    fn sweep(&mut self, rows: &[f64]) {
        let count = rows.len();
        let mut sum = vec![0.0; count];
        let mut ends = vec![0.0; count];
        for &(a, b) in &self.others {
            sum[a as usize] += rows[b as usize];
            ends[a as usize] += 1.0;
            sum[b as usize] += rows[a as usize];
            ends[b as usize] += 1.0;
        }
        for &node in self.order.iter().rev() {
            for &child in &self.children[node as usize] {
                sum[node as usize] += sum[child as usize];
                ends[node as usize] += ends[child as usize];
            }
        }
        let wish = |node: NodeId| {
            let at = node as usize;
            if ends[at] == 0.0 {
                rows[at]
            } else {
                0.7 * sum[at] / ends[at] + 0.3 * rows[at]
            }
        };
        let sort = |list: &mut Vec<NodeId>| {
            list.sort_by(|&a, &b| wish(a).total_cmp(&wish(b)).then(a.cmp(&b)));
        };
        sort(&mut self.roots);
        for list in &mut self.children {
            sort(list);
        }
        self.walk();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::view::{Edge, EdgeKind, Node, NodeKind};

    /// Objects that hold each other at random, cycles and all; the first are roots.
    fn heap(count: usize, seed: u64) -> HeapView {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        };
        let roots = (count / 8).max(1);
        let mut edges = Vec::new();
        let mut parent_of = vec![None; roots];
        for at in roots..count {
            // Not always an older one: some parents lead in a circle.
            let holder = if random(20) == 0 {
                random(count)
            } else {
                random(at)
            };
            edges.push((holder as u32, at as u32));
            parent_of.push(Some((holder as u32, at as u32)));
        }
        for _ in 0..count / 2 {
            edges.push((random(count) as u32, random(count) as u32));
        }
        edges.sort_unstable();
        edges.dedup();
        let nodes = (0..count)
            .map(|at| {
                let mut node = Node::new(at.to_string(), NodeKind::Object, "x", "");
                node.parent = parent_of[at].map(|it| {
                    let found = edges.binary_search(&it);
                    found.expect("the edge is there") as u32
                });
                node
            })
            .collect();
        let edges = edges
            .into_iter()
            .map(|(from, to)| Edge {
                from,
                to,
                kind: EdgeKind::Attribute,
                label: ".x".to_owned(),
                is_weak: false,
                site: None,
            })
            .collect();
        HeapView {
            nodes,
            edges,
            findings: Vec::new(),
        }
    }

    fn laid_out(view: &HeapView) -> Layout {
        let sizes: Vec<(f64, f64)> = (0..view.nodes.len())
            .map(|it| (60.0 + (it * 37 % 200) as f64, 40.0))
            .collect();
        let measure = Measure {
            letter: 6.0,
            gap: 44.0,
            below: 16.0,
            between: 10.0,
        };
        layout(view, &sizes, |_, _| 5, measure)
    }

    #[test]
    fn boxes_stand_apart_and_trees_grow_to_the_right() {
        for seed in 1..40 {
            let view = heap(5 + seed as usize * 7, seed);
            let layout = laid_out(&view);
            for (a, one) in layout.boxes.iter().enumerate() {
                for other in &layout.boxes[a + 1..] {
                    let apart = one.x + one.w <= other.x
                        || other.x + other.w <= one.x
                        || one.y + one.h <= other.y
                        || other.y + other.h <= one.y;
                    assert!(apart, "seed {seed}: {one:?} {other:?}");
                }
            }
            let tree = view.edges.iter().zip(&layout.is_tree).filter(|it| *it.1);
            for (edge, _) in tree.clone() {
                let (from, to) = (edge.from as usize, edge.to as usize);
                assert!(layout.boxes[from].x + layout.boxes[from].w < layout.boxes[to].x);
            }
            // No two edges of the tree between the same columns cross.
            let ends: Vec<(f64, f64, f64)> = tree
                .map(|(edge, _)| {
                    let from = layout.boxes[edge.from as usize];
                    (from.x, from.y, layout.boxes[edge.to as usize].y)
                })
                .collect();
            for a in &ends {
                for b in ends.iter().filter(|b| b.0.to_bits() == a.0.to_bits()) {
                    assert!((a.1 - b.1) * (a.2 - b.2) >= 0.0, "seed {seed}");
                }
            }
        }
    }

    #[test]
    fn a_layout_is_always_the_same() {
        let view = heap(300, 7);
        assert_eq!(laid_out(&view), laid_out(&view));
        assert_eq!(laid_out(&HeapView::default()), Layout::default());
    }

    #[test]
    fn twenty_thousand_objects_in_a_chain_or_beside_each_other() {
        // Deep and broad: nothing recurses, and the time is linear (18 ms with optimization).
        let mut chain = heap(20_000, 3);
        assert_eq!(laid_out(&chain).boxes.len(), 20_000);
        chain.edges = (0..19_999)
            .map(|it| Edge {
                from: it,
                to: it + 1,
                ..chain.edges[0].clone()
            })
            .collect();
        for (at, node) in chain.nodes.iter_mut().enumerate() {
            node.parent = at.checked_sub(1).map(|it| it as u32);
        }
        assert!(laid_out(&chain).is_tree.iter().all(|it| *it));
    }
}

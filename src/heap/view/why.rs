//! Why is this object there: its path from the root, other holders, and what it retains, as a tree to print.

use rustc_hash::FxHashSet;

use super::{HeapView, NodeId, NodeKind};

/// How far down the tree goes.
const DEPTH: u32 = 4;
/// How many held objects of one holder are told.
const CHILDREN: usize = 8;
/// How many other holders are told.
const HOLDERS: usize = 8;

/// Whether an identity and a name are meant.
type Meant<'a> = &'a dyn Fn(&str, &str) -> bool;

/// An object with its holders and what it holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Why {
    /// The object.
    pub node: NodeId,
    /// Numbers of the edges from the root to it.
    pub held_by: Vec<u32>,
    /// Other holders: for each the edges from its root to the object.
    pub also_by: Vec<Vec<u32>>,
    /// How many holders are not told.
    pub more_holders: usize,
    /// What it holds.
    pub retains: Vec<Branch>,
    /// How many held objects are not told.
    pub more: usize,
}

/// What an object holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Branch {
    /// The number of the edge.
    pub edge: u32,
    /// What stands further up, or elsewhere in the tree: not followed again.
    pub is_back: bool,
    /// What it holds.
    pub branches: Vec<Branch>,
    /// How many held objects are not told.
    pub more: usize,
}

impl HeapView {
    /// The objects that a name means: the whole identity, else its last parts, else what is called so, else what is
    /// held under it.
    #[must_use]
    pub fn named(&self, name: &str) -> Vec<NodeId> {
        let ids = |is_meant: Meant<'_>| -> Vec<NodeId> {
            (0..self.nodes.len() as NodeId)
                .filter(|&it| {
                    let node = &self.nodes[it as usize];
                    !matches!(node.kind, NodeKind::Group) && is_meant(&node.key, &node.label)
                })
                .collect()
        };
        let suffix = format!(".{name}");
        let steps: [Meant<'_>; 3] = [
            &|key, _| key == name || key.split_once(' ').is_some_and(|it| it.1 == name),
            &|key, _| key.ends_with(&suffix),
            &|_, label| label == name,
        ];
        if let Some(found) = steps.iter().map(|it| ids(it)).find(|it| !it.is_empty()) {
            return found;
        }
        let mut held: Vec<NodeId> = self
            .edges
            .iter()
            .filter(|it| it.label.trim_start_matches('.') == name)
            .map(|it| it.to)
            .collect();
        held.sort_unstable();
        held.dedup();
        held
    }

    /// Names that are nearest to one that nothing has.
    #[must_use]
    pub fn alike(&self, name: &str) -> Vec<&str> {
        let last = name.rsplit('.').next().unwrap_or(name).to_lowercase();
        let mut found: Vec<&str> = self
            .nodes
            .iter()
            .filter(|it| it.kind != NodeKind::Group && it.label.to_lowercase().contains(&last))
            .map(|it| it.key.as_str())
            .collect();
        found.sort_by_key(|it| (it.len(), *it));
        found.truncate(5);
        found
    }

    /// Explains one object.
    #[must_use]
    pub fn why(&self, node: NodeId, holders: &[Vec<u32>]) -> Why {
        let held_by = self.edges_to(node);
        let parent = self.nodes[node as usize].parent;
        let others: Vec<u32> = holders[node as usize]
            .iter()
            .copied()
            .filter(|&it| {
                let from = self.edges[it as usize].from;
                Some(it) != parent && self.nodes[from as usize].kind != NodeKind::Group
            })
            .collect();
        let also_by = others
            .iter()
            .take(HOLDERS)
            .map(|&it| {
                let mut path = self.edges_to(self.edges[it as usize].from);
                path.push(it);
                path
            })
            .collect();
        let mut seen: FxHashSet<NodeId> = self.path(node).into_iter().collect();
        let (retains, more) = self.branches(node, DEPTH, &mut seen);
        Why {
            node,
            held_by,
            also_by,
            more_holders: others.len().saturating_sub(HOLDERS),
            retains,
            more,
        }
    }

    /// Edges from the root to an object, the group's not.
    fn edges_to(&self, node: NodeId) -> Vec<u32> {
        let mut edges = Vec::new();
        let mut at = node;
        while let Some(edge) = self.nodes[at as usize].parent {
            at = self.edges[edge as usize].from;
            if self.nodes[at as usize].kind == NodeKind::Group {
                break;
            }
            edges.push(edge);
        }
        edges.reverse();
        edges
    }

    fn branches(
        &self,
        node: NodeId,
        depth: u32,
        seen: &mut FxHashSet<NodeId>,
    ) -> (Vec<Branch>, usize) {
        let mut ids: Vec<u32> = self.out_ids(node).collect();
        let Some(depth) = depth.checked_sub(1) else {
            return (Vec::new(), ids.len());
        };
        ids.sort_by_key(|&it| {
            let edge = &self.edges[it as usize];
            let node = &self.nodes[edge.to as usize];
            let is_key = edge.kind == super::EdgeKind::Key;
            std::cmp::Reverse((
                is_key,
                !node.findings.is_empty(),
                node.retained,
                std::cmp::Reverse(it),
            ))
        });
        let more = ids.len().saturating_sub(CHILDREN);
        ids.truncate(CHILDREN);
        let branches = ids
            .into_iter()
            .map(|id| {
                let to = self.edges[id as usize].to;
                let is_back = !seen.insert(to);
                let (branches, more) = if is_back || self.edges[id as usize].is_weak {
                    (Vec::new(), 0)
                } else {
                    self.branches(to, depth, seen)
                };
                Branch {
                    edge: id,
                    is_back,
                    branches,
                    more,
                }
            })
            .collect();
        (branches, more)
    }
}

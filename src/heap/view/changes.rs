//! What one heap has that another has not: roots, growing containers, holders. Objects are the same when their names are.

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::{HeapView, NodeId, NodeKind};

/// A heap as it is kept to compare with later: names, no places.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Outline {
    /// The form of this value; others are refused.
    pub heaplint_heap: u32,
    /// Roots that hold something.
    pub roots: Vec<String>,
    /// Containers that only grow.
    pub growing: Vec<String>,
    /// Who holds what: holder, name of the edge, held.
    pub holds: Vec<(String, String, String)>,
}

/// The form that this version writes and reads.
pub const FORM: u32 = 1;

/// What a change adds to the heap, as numbers of the new one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// New roots that hold something.
    pub roots: Vec<NodeId>,
    /// Containers that only grow now.
    pub growing: Vec<NodeId>,
    /// New edges to objects that were there before.
    pub holders: Vec<u32>,
    /// Roots that are gone.
    pub lost_roots: Vec<String>,
    /// Containers that no longer grow.
    pub settled: Vec<String>,
}

impl Changes {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The objects to draw.
    #[must_use]
    pub fn nodes(&self, view: &HeapView) -> Vec<NodeId> {
        let held = self.holders.iter().map(|&it| view.edges[it as usize].to);
        let mut seen = FxHashSet::default();
        let all = self.growing.iter().copied().chain(held);
        all.chain(self.roots.iter().copied())
            .filter(|it| seen.insert(*it))
            .collect()
    }
}

impl HeapView {
    /// What is kept of a heap.
    #[must_use]
    pub fn outline(&self) -> Outline {
        let name = |id: NodeId| self.nodes[id as usize].key.clone();
        let mut outline = Outline {
            heaplint_heap: FORM,
            roots: self.roots().map(name).collect(),
            growing: self.growing().map(name).collect(),
            holds: self
                .telling()
                .map(|id| {
                    let edge = &self.edges[id as usize];
                    (name(edge.from), edge.label.clone(), name(edge.to))
                })
                .collect(),
        };
        outline.roots.sort();
        outline.growing.sort();
        outline.holds.sort();
        outline.holds.dedup();
        outline
    }

    fn roots(&self) -> impl Iterator<Item = NodeId> + '_ {
        (0..self.nodes.len() as NodeId).filter(|&it| {
            self.nodes[it as usize].kind == NodeKind::Root && !self.out(it).is_empty()
        })
    }

    fn growing(&self) -> impl Iterator<Item = NodeId> + '_ {
        (0..self.nodes.len() as NodeId).filter(|&it| self.nodes[it as usize].grows.is_some())
    }

    /// Strong edges between objects; those of groups say nothing.
    fn telling(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.edges.len() as u32).filter(|&it| {
            let edge = &self.edges[it as usize];
            !edge.is_weak && self.nodes[edge.from as usize].kind != NodeKind::Group
        })
    }

    /// What this heap has that an older one had not.
    #[must_use]
    pub fn changes_since(&self, old: &Outline) -> Changes {
        let set = |list: &'_ [String]| -> FxHashSet<String> { list.iter().cloned().collect() };
        let (roots, growing) = (set(&old.roots), set(&old.growing));
        let mut known: FxHashSet<&str> = FxHashSet::default();
        let mut holds: FxHashMap<(&str, &str), FxHashSet<&str>> = FxHashMap::default();
        for (from, label, to) in &old.holds {
            known.insert(to);
            holds.entry((from, to)).or_default().insert(label);
        }
        let key = |id: NodeId| self.nodes[id as usize].key.as_str();
        let now = self.outline();
        let (roots_now, growing_now) = (set(&now.roots), set(&now.growing));
        Changes {
            roots: self
                .roots()
                .filter(|&it| !roots.contains(key(it)))
                .collect(),
            growing: self
                .growing()
                .filter(|&it| !growing.contains(key(it)))
                .collect(),
            holders: self
                .telling()
                .filter(|&id| {
                    let edge = &self.edges[id as usize];
                    known.contains(key(edge.to))
                        && !holds.contains_key(&(key(edge.from), key(edge.to)))
                })
                .collect(),
            lost_roots: old
                .roots
                .iter()
                .filter(|it| !roots_now.contains(*it))
                .cloned()
                .collect(),
            settled: old
                .growing
                .iter()
                .filter(|it| !growing_now.contains(*it))
                .cloned()
                .collect(),
        }
    }
}

impl HeapView {
    /// A heap of names, from what was kept of it.
    #[must_use]
    pub fn of_outline(outline: &Outline) -> Self {
        use super::{Edge, EdgeKind, Group, Node};
        use crate::finding::Growth;
        let mut view = Self::default();
        for group in Group::ALL {
            let key = format!("({})", group.title());
            view.nodes
                .push(Node::new(key, NodeKind::Group, group.title(), ""));
        }
        let mut ids: FxHashMap<&str, NodeId> = FxHashMap::default();
        let holders = outline.holds.iter().flat_map(|it| [&it.0, &it.2]);
        for key in outline.roots.iter().chain(&outline.growing).chain(holders) {
            if ids.contains_key(key.as_str()) {
                continue;
            }
            ids.insert(key, view.nodes.len() as NodeId);
            let label = key.rsplit('/').next().unwrap_or(key);
            view.nodes.push(Node::new(key, NodeKind::Object, label, ""));
        }
        for key in &outline.growing {
            let node = &mut view.nodes[ids[key.as_str()] as usize];
            node.kind = NodeKind::Container;
            node.grows = Some(Growth::Unknown);
        }
        let edge = |from, to, label: &str, kind| Edge {
            from,
            to,
            kind,
            label: label.to_owned(),
            is_weak: false,
            site: None,
        };
        for key in &outline.roots {
            let id = ids[key.as_str()];
            view.nodes[id as usize].kind = NodeKind::Root;
            view.edges.push(edge(0, id, "", EdgeKind::Internal));
        }
        for (from, label, to) in &outline.holds {
            let (from, to) = (ids[from.as_str()], ids[to.as_str()]);
            view.edges.push(edge(from, to, label, EdgeKind::Attribute));
        }
        view.edges.sort_by_key(|it| it.from);
        view.measure();
        view
    }
}

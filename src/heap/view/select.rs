//! Cuts out of the heap what is worth drawing: paths of findings, what they retain, who else holds it, their cycles.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Edge, EdgeKind, Found, Group, HeapView, Node, NodeId, NodeKind};

/// What to cut out.
#[derive(Clone, Debug)]
pub struct Cut {
    /// The objects to draw around; without any, those of findings.
    pub focus: Option<Vec<NodeId>>,
    /// Steps from an object in focus to what it retains.
    pub depth: u32,
    /// Most objects to draw.
    pub max_nodes: usize,
    /// Whether room that is left goes to what retains most, and groups of roots are kept.
    pub fill: bool,
}

/// Steps to what an object retains, unless told otherwise.
pub const DEPTH: u32 = 6;
/// Objects of one drawing, unless told otherwise.
pub const MAX_NODES: usize = 60;
/// Objects of one cycle that are drawn.
const CYCLE: usize = 12;
/// Other holders that are drawn with their paths.
const HOLDERS: usize = 3;
/// Held objects that are drawn of one holder.
const CHILDREN: usize = 8;

impl Default for Cut {
    fn default() -> Self {
        Self {
            focus: None,
            depth: DEPTH,
            max_nodes: MAX_NODES,
            fill: false,
        }
    }
}

impl HeapView {
    /// Cuts. What is left out stands as one `+N more` beside its holder.
    #[must_use]
    pub fn cut(&self, cut: &Cut) -> Self {
        let mut picked = Picked {
            view: self,
            ids: FxHashMap::default(),
            order: Vec::new(),
            max: cut.max_nodes.max(1),
            cycles: FxHashMap::default(),
        };
        for (at, node) in self.nodes.iter().enumerate() {
            if let Some(cycle) = node.cycle {
                let members: &mut Vec<NodeId> = picked.cycles.entry(cycle).or_default();
                if members.len() < CYCLE {
                    members.push(at as NodeId);
                }
            }
        }
        if cut.fill {
            for group in self.groups() {
                picked.take(group);
            }
        }
        let focus: Vec<NodeId> = match &cut.focus {
            Some(focus) => focus.clone(),
            None => self.worth_drawing(),
        };
        let told: Vec<&Found> = self
            .findings
            .iter()
            .filter(|it| cut.focus.is_none() || focus.contains(&it.node))
            .collect();
        for found in &told {
            picked.path(&found.path);
        }
        for &node in &focus {
            picked.path(&self.path(node));
        }
        for &node in &focus {
            picked.cycle(node);
        }
        for &node in &focus {
            picked.retained(node, cut.depth);
        }
        let holders = self.holders();
        for &node in &focus {
            picked.other_holders(node, &holders[node as usize]);
        }
        if cut.fill {
            let mut rest: Vec<NodeId> = (0..self.nodes.len() as NodeId).collect();
            rest.sort_by_key(|&it| std::cmp::Reverse(self.nodes[it as usize].retained));
            for node in rest {
                picked.path(&self.path(node));
            }
        }
        picked.finish()
    }

    /// Objects of findings; without findings what grows, and without that what keeps most.
    fn worth_drawing(&self) -> Vec<NodeId> {
        let mut focus: Vec<NodeId> = self.findings.iter().map(|it| it.node).collect();
        let ids = || 0..self.nodes.len() as NodeId;
        if focus.is_empty() {
            focus.extend(ids().filter(|&it| self.nodes[it as usize].grows.is_some()));
        }
        if focus.is_empty() {
            focus.extend(ids().filter(|&it| {
                matches!(
                    self.nodes[it as usize].kind,
                    NodeKind::Container | NodeKind::Object | NodeKind::Resource
                )
            }));
            focus.sort_by_key(|&it| std::cmp::Reverse((self.nodes[it as usize].retained, it)));
            focus.truncate(12);
        }
        let mut seen = FxHashSet::default();
        focus.retain(|it| seen.insert(*it));
        focus
    }

    /// Objects whose identity or name matches.
    #[must_use]
    pub fn matching(&self, is_match: impl Fn(&str) -> bool) -> Vec<NodeId> {
        (0..self.nodes.len() as NodeId)
            .filter(|&it| {
                let node = &self.nodes[it as usize];
                node.kind != NodeKind::Group && (is_match(&node.key) || is_match(&node.label))
            })
            .collect()
    }
}

struct Picked<'a> {
    view: &'a HeapView,
    ids: FxHashMap<NodeId, NodeId>,
    order: Vec<NodeId>,
    max: usize,
    /// Of each cycle, the objects that are drawn.
    cycles: FxHashMap<u32, Vec<NodeId>>,
}

impl Picked<'_> {
    fn add(&mut self, node: NodeId) -> bool {
        if self.ids.contains_key(&node) {
            return true;
        }
        if self.order.len() >= self.max || self.view.nodes[node as usize].kind == NodeKind::Group {
            return false;
        }
        self.take(node);
        true
    }

    fn take(&mut self, node: NodeId) {
        self.ids.insert(node, self.order.len() as NodeId);
        self.order.push(node);
    }

    /// What no root holds hangs under a box that says so.
    fn hang(&self, nodes: &mut Vec<Node>, edges: &mut Vec<Edge>) {
        for group in [Group::Callers, Group::Unreachable] {
            let group = self.view.group(group);
            let mut held: Vec<NodeId> = Vec::new();
            for (at, &old) in self.order.iter().enumerate() {
                let parent = self.view.nodes[old as usize].parent;
                if parent.is_some_and(|it| self.view.edges[it as usize].from == group) {
                    held.push(at as NodeId);
                }
            }
            if held.is_empty() || self.ids.contains_key(&group) {
                continue;
            }
            let id = nodes.len() as NodeId;
            let mut node = self.view.nodes[group as usize].clone();
            node.retained = 0;
            nodes.push(node);
            for to in held {
                nodes[to as usize].parent = Some(edges.len() as u32);
                edges.push(Edge {
                    from: id,
                    to,
                    kind: EdgeKind::Internal,
                    label: String::new(),
                    is_weak: false,
                    site: None,
                });
            }
        }
    }

    /// A path is drawn whole or not at all.
    fn path(&mut self, path: &[NodeId]) {
        let new = path.iter().filter(|it| !self.ids.contains_key(it)).count();
        if self.order.len() + new <= self.max {
            for &it in path {
                self.add(it);
            }
        }
    }

    fn cycle(&mut self, node: NodeId) {
        let Some(cycle) = self.view.nodes[node as usize].cycle else {
            return;
        };
        for it in self.cycles.get(&cycle).cloned().unwrap_or_default() {
            self.add(it);
        }
    }

    fn retained(&mut self, node: NodeId, depth: u32) {
        if !self.ids.contains_key(&node) {
            return;
        }
        let mut wave = vec![node];
        let mut seen: FxHashSet<NodeId> = wave.iter().copied().collect();
        for _ in 0..depth {
            let mut next = Vec::new();
            for holder in wave {
                let mut held: Vec<NodeId> = self.view.out(holder).iter().map(|it| it.to).collect();
                held.sort_by_key(|&it| {
                    let node = &self.view.nodes[it as usize];
                    std::cmp::Reverse((!node.findings.is_empty(), node.retained))
                });
                for it in held.into_iter().take(CHILDREN) {
                    if seen.insert(it) && self.add(it) {
                        next.push(it);
                    }
                }
            }
            wave = next;
        }
    }

    fn other_holders(&mut self, node: NodeId, holders: &[u32]) {
        if !self.ids.contains_key(&node) {
            return;
        }
        let parent = self.view.nodes[node as usize].parent;
        let others = holders
            .iter()
            .filter(|&&it| Some(it) != parent && !self.view.edges[it as usize].is_weak)
            .take(HOLDERS);
        for &edge in others {
            let path = self.view.path(self.view.edges[edge as usize].from);
            self.path(&path);
        }
    }

    fn finish(self) -> HeapView {
        let mut part = HeapView {
            nodes: Vec::with_capacity(self.order.len()),
            edges: Vec::new(),
            findings: Vec::new(),
        };
        for &old in &self.order {
            part.nodes.push(self.view.nodes[old as usize].clone());
        }
        let hidden = self.edges(&mut part);
        self.dominators(&mut part);
        more(&mut part, hidden);
        part.order_edges();
        self.hang(&mut part.nodes, &mut part.edges);
        part.findings = self.findings();
        part
    }

    /// Edges between what is drawn, and parents. Gives what is held and not drawn, by holder.
    fn edges(&self, part: &mut HeapView) -> Vec<(NodeId, usize, u64)> {
        let view = self.view;
        let mut kept: FxHashMap<u32, u32> = FxHashMap::default();
        let mut left_out = Vec::new();
        for (from, &old) in self.order.iter().enumerate() {
            let mut hidden: Vec<NodeId> = Vec::new();
            for id in view.out_ids(old) {
                let edge = &view.edges[id as usize];
                match self.ids.get(&edge.to) {
                    Some(&to) => {
                        kept.insert(id, part.edges.len() as u32);
                        part.edges.push(Edge {
                            from: from as NodeId,
                            to,
                            ..edge.clone()
                        });
                    }
                    None if !edge.is_weak => hidden.push(edge.to),
                    None => {}
                }
            }
            hidden.sort_unstable();
            hidden.dedup();
            if !hidden.is_empty() {
                let own = hidden.iter().map(|&it| &view.nodes[it as usize]);
                let bytes = own
                    .filter(|it| it.idom == Some(old))
                    .fold(0_u64, |sum, it| sum.saturating_add(it.retained));
                left_out.push((from as NodeId, hidden.len(), bytes));
            }
        }
        for (at, &old) in self.order.iter().enumerate() {
            let parent = view.nodes[old as usize].parent;
            part.nodes[at].parent = parent.and_then(|it| kept.get(&it).copied());
        }
        self.adopt(part);
        left_out
    }

    /// An object whose path is not drawn stands beside another holder that is; else it would look like a root.
    fn adopt(&self, part: &mut HeapView) {
        for (id, edge) in part.edges.iter().enumerate() {
            let is_orphan = {
                let parent = self.view.nodes[self.order[edge.to as usize] as usize].parent;
                let is_hung = parent.is_none_or(|it| {
                    let holder = self.view.edges[it as usize].from;
                    self.view.nodes[holder as usize].kind == NodeKind::Group
                });
                part.nodes[edge.to as usize].parent.is_none() && !is_hung
            };
            if !is_orphan || edge.is_weak {
                continue;
            }
            // Not below itself.
            let mut up = Some(edge.from);
            while let Some(it) = up.filter(|it| *it != edge.to) {
                let parent = part.nodes[it as usize].parent;
                up = parent.map(|it| part.edges[it as usize].from);
            }
            if up.is_none() {
                part.nodes[edge.to as usize].parent = Some(id as u32);
            }
        }
    }

    /// The nearest dominator that is drawn.
    fn dominators(&self, part: &mut HeapView) {
        for (node, &old) in part.nodes.iter_mut().zip(&self.order) {
            let mut up = self.view.nodes[old as usize].idom;
            while let Some(it) = up
                && !self.ids.contains_key(&it)
            {
                up = self.view.nodes[it as usize].idom;
            }
            node.idom = up.map(|it| self.ids[&it]);
        }
    }

    fn findings(&self) -> Vec<Found> {
        let known = |it: &NodeId| self.ids.get(it).copied();
        let found = self.view.findings.iter();
        found
            .map(|it| Found {
                node: known(&it.node).unwrap_or(NodeId::MAX),
                path: it.path.iter().map_while(known).collect(),
            })
            .collect()
    }
}

/// Adds one `+N more` beside each holder whose held objects are not all drawn: how many, and their bytes.
fn more(part: &mut HeapView, hidden: Vec<(NodeId, usize, u64)>) {
    for (from, count, bytes) in hidden {
        let holder = &part.nodes[from as usize];
        let mut node = Node::new(
            format!("{} + more", holder.key),
            NodeKind::More,
            format!("+{count} more"),
            "",
        );
        node.self_bytes = bytes;
        node.retained = bytes;
        node.is_sized = bytes > 0;
        node.distance = holder.distance + 1;
        node.idom = Some(from);
        node.parent = Some(part.edges.len() as u32);
        part.edges.push(Edge {
            from,
            to: part.nodes.len() as NodeId,
            kind: EdgeKind::Internal,
            label: String::new(),
            is_weak: false,
            site: None,
        });
        part.nodes.push(node);
    }
}

//! Distances, dominators, retained sizes, cycles.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use petgraph::algo::{dominators, kosaraju_scc};
use petgraph::graph::{DiGraph, NodeIndex};

use super::{Group, HeapView, NodeId, NodeKind};
use crate::heap::held::{Asker, Key, Objects};
use crate::heap::objects::Holds;
use crate::link::FuncRef;
use crate::link::classes::Member;

impl HeapView {
    /// Computes what depends on the whole graph. Objects that no strong edge reaches go under a group of their own.
    pub(super) fn measure(&mut self) {
        for node in &mut self.nodes {
            if !node.is_sized && node.kind != NodeKind::Group {
                node.self_bytes = HEADER;
            }
        }
        self.hang_unreached();
        self.distances();
        self.parents();
        self.dominate();
    }

    /// The number of a group's node.
    pub(super) fn group(&self, group: Group) -> NodeId {
        Group::ALL
            .iter()
            .position(|it| *it == group)
            .expect("ALL lists every group") as NodeId
    }

    /// Numbers of the groups' nodes.
    pub(super) fn groups(&self) -> impl Iterator<Item = NodeId> + '_ {
        (0..self.nodes.len() as NodeId)
            .take_while(|&it| self.nodes[it as usize].kind == NodeKind::Group)
    }

    fn hang_unreached(&mut self) {
        let mut reached = vec![false; self.nodes.len()];
        let mut queue: Vec<NodeId> = self.groups().collect();
        for &it in &queue {
            reached[it as usize] = true;
        }
        self.reach(&mut reached, &mut queue);
        // Components in topological order: what holds others comes first.
        let graph = self.graph();
        let mut components = kosaraju_scc(&graph);
        components.reverse();
        let mut added = Vec::new();
        for mut component in components {
            component.sort_unstable();
            let first = component[0].index();
            if reached[first] {
                continue;
            }
            let is_cycle = component
                .iter()
                .any(|it| self.nodes[it.index()].cycle.is_some());
            let group = if is_cycle {
                Group::Unreachable
            } else {
                Group::Callers
            };
            added.push((self.group(group), first as NodeId));
            reached[first] = true;
            queue.push(first as NodeId);
            self.reach(&mut reached, &mut queue);
        }
        for (group, node) in added {
            self.edges.push(super::Edge {
                from: group,
                to: node,
                kind: super::EdgeKind::Internal,
                label: String::new(),
                is_weak: false,
                site: None,
            });
        }
        self.edges.sort_by_key(|it| it.from);
    }

    fn reach(&self, reached: &mut [bool], queue: &mut Vec<NodeId>) {
        while let Some(node) = queue.pop() {
            for edge in self.out(node) {
                if !edge.is_weak && !std::mem::replace(&mut reached[edge.to as usize], true) {
                    queue.push(edge.to);
                }
            }
        }
    }

    fn distances(&mut self) {
        let mut wave: Vec<NodeId> = self.groups().collect();
        let mut seen = vec![false; self.nodes.len()];
        for &it in &wave {
            seen[it as usize] = true;
        }
        let mut distance = 0;
        while !wave.is_empty() {
            let mut next = Vec::new();
            for node in wave {
                self.nodes[node as usize].distance = distance;
                for edge in self.out(node) {
                    if !edge.is_weak && !std::mem::replace(&mut seen[edge.to as usize], true) {
                        next.push(edge.to);
                    }
                }
            }
            wave = next;
            distance += 1;
        }
    }

    /// The path that teaches most: cheapest by kinds of edges, then first in the order of the code.
    fn parents(&mut self) {
        let mut cost = vec![u32::MAX; self.nodes.len()];
        let mut heap = BinaryHeap::new();
        for group in self.groups() {
            cost[group as usize] = 0;
            heap.push(Reverse((0, group)));
        }
        let mut parents: Vec<Option<u32>> = vec![None; self.nodes.len()];
        while let Some(Reverse((at, node))) = heap.pop() {
            if at > cost[node as usize] {
                continue;
            }
            for id in self.out_ids(node) {
                let edge = &self.edges[id as usize];
                let through = at + edge.kind.cost();
                if !edge.is_weak && through < cost[edge.to as usize] {
                    cost[edge.to as usize] = through;
                    parents[edge.to as usize] = Some(id);
                    heap.push(Reverse((through, edge.to)));
                }
            }
        }
        for (node, parent) in self.nodes.iter_mut().zip(parents) {
            node.parent = parent;
        }
    }

    fn graph(&self) -> DiGraph<(), (), u32> {
        let mut graph = DiGraph::with_capacity(self.nodes.len() + 1, self.edges.len());
        for _ in &self.nodes {
            graph.add_node(());
        }
        for edge in self.edges.iter().filter(|it| !it.is_weak) {
            graph.add_edge(
                NodeIndex::new(edge.from as usize),
                NodeIndex::new(edge.to as usize),
                (),
            );
        }
        graph
    }

    fn dominate(&mut self) {
        let mut graph = self.graph();
        let top = graph.add_node(());
        for group in self.groups() {
            graph.add_edge(top, NodeIndex::new(group as usize), ());
        }
        let tree = dominators::simple_fast(&graph, top);
        let mut depth: Vec<(u32, NodeId)> = Vec::with_capacity(self.nodes.len());
        let mut known: Vec<Option<u32>> = vec![None; self.nodes.len()];
        for at in 0..self.nodes.len() {
            let idom = tree
                .immediate_dominator(NodeIndex::new(at))
                .filter(|it| *it != top)
                .map(|it| it.index() as NodeId);
            self.nodes[at].idom = idom;
            self.nodes[at].retained = self.nodes[at].self_bytes;
        }
        // Depth in the dominator tree, each chain walked once.
        for at in 0..self.nodes.len() {
            let mut chain = Vec::new();
            let mut up = Some(at as NodeId);
            let mut base = 0;
            while let Some(node) = up {
                if let Some(it) = known[node as usize] {
                    base = it;
                    break;
                }
                chain.push(node);
                up = self.nodes[node as usize].idom;
            }
            for node in chain.into_iter().rev() {
                base += 1;
                known[node as usize] = Some(base);
            }
            depth.push((known[at].unwrap_or(0), at as NodeId));
        }
        depth.sort_unstable_by_key(|it| Reverse(*it));
        for (_, node) in depth {
            if let Some(idom) = self.nodes[node as usize].idom {
                let bytes = self.nodes[node as usize].retained;
                let up = &mut self.nodes[idom as usize].retained;
                *up = up.saturating_add(bytes);
            }
        }
    }
}

/// Cycles that some function really ties, as numbers of objects: a class whose objects hold each other need not form one.
pub(super) fn proven_cycles(asker: &Asker<'_>, objects: &Objects) -> Vec<Vec<NodeId>> {
    let mut found: Vec<Vec<NodeId>> = asker
        .cx
        .objects
        .cycles()
        .iter()
        .filter(|it| !it.edges.iter().any(|edge| is_shared(asker, it.func, edge)))
        .filter_map(|it| {
            let mut ids: Vec<NodeId> = it
                .edges
                .iter()
                .map(|edge| {
                    let class = asker.program.class_of_object(it.func.file, edge.from)?;
                    objects.ids.get(&Key::Instance(class)).copied()
                })
                .collect::<Option<_>>()?;
            ids.sort_unstable();
            ids.dedup();
            Some(ids)
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// No object is smaller than its header.
const HEADER: u64 = 16;

/// Whether the holder is an attribute of the class, which an instance reaches and does not hold.
fn is_shared(asker: &Asker<'_>, func: FuncRef, edge: &Holds) -> bool {
    let program = asker.program;
    program
        .class_of_object(func.file, edge.from)
        .is_some_and(|it| matches!(program.member_of(it, edge.by.name()), Some(Member::Var(..))))
}

impl HeapView {
    /// Gives cycles their numbers; those that share an object are one. What stands between two objects of a cycle, such as
    /// the list of children, is part of it.
    pub(super) fn number_cycles(&mut self, cycles: Vec<Vec<NodeId>>) {
        let mut number = 0;
        for cycle in cycles {
            let known: Vec<u32> = cycle
                .iter()
                .filter_map(|&it| self.nodes[it as usize].cycle)
                .collect();
            let id = known.first().copied().unwrap_or_else(|| {
                number += 1;
                number
            });
            for it in cycle {
                self.nodes[it as usize].cycle = Some(id);
            }
            if known.iter().any(|it| *it != id) {
                for node in &mut self.nodes {
                    if node.cycle.is_some_and(|it| known.contains(&it)) {
                        node.cycle = Some(id);
                    }
                }
            }
        }
        let between: Vec<(NodeId, u32)> = self
            .edges
            .iter()
            .filter(|it| !it.is_weak && self.nodes[it.to as usize].cycle.is_none())
            .filter_map(|it| {
                let cycle = self.nodes[it.from as usize].cycle?;
                let closes = self
                    .out(it.to)
                    .iter()
                    .any(|it| !it.is_weak && self.nodes[it.to as usize].cycle == Some(cycle));
                closes.then_some((it.to, cycle))
            })
            .collect();
        for (node, cycle) in between {
            self.nodes[node as usize].cycle = Some(cycle);
        }
    }
}

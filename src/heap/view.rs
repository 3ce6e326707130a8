//! The heap as a plain graph to draw: objects, edges, and what depends on all of them, computed once.
//!
//! [`HeapView::of`] takes what the program and its findings say and measures it: the distance of each object from the
//! roots, its parent (the next object towards the root), what dominates it, how many bytes go with it, which objects form
//! cycles. [`select`] cuts a part out to draw, [`why`] explains one object, [`changes`] compares two.

pub mod changes;
mod findings;
mod measure;
pub mod select;
pub mod why;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Growth, Place};
use crate::rules::Context;

use super::held::{self, Asker};

/// Number of a node in [`HeapView::nodes`].
pub type NodeId = u32;

/// Groups of roots.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Group {
    /// Variables of modules.
    Modules,
    /// Attributes of classes.
    Classes,
    /// Defaults, attributes and caches of functions.
    Functions,
    /// Registries of libraries.
    Registries,
    /// Frames that stay, or that end with something left open.
    Frames,
    /// Running threads.
    Threads,
    /// Objects whose holder the program does not show: its callers are elsewhere.
    Callers,
    /// Cycles that nothing holds.
    Unreachable,
}

impl Group {
    /// All groups, in order.
    pub const ALL: &[Self] = &[
        Self::Modules,
        Self::Classes,
        Self::Functions,
        Self::Registries,
        Self::Frames,
        Self::Threads,
        Self::Callers,
        Self::Unreachable,
    ];

    /// What it is called.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Modules => "Module globals",
            Self::Classes => "Class attributes",
            Self::Functions => "Functions",
            Self::Registries => "Registries",
            Self::Frames => "Frames",
            Self::Threads => "Threads",
            Self::Callers => "Held by callers",
            Self::Unreachable => "Unreachable until gc",
        }
    }
}

/// What sort of object a node is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    /// A group of roots.
    Group,
    /// Where the gc starts.
    Root,
    /// Holds elements.
    Container,
    /// Anything else.
    Object,
    /// Must be closed.
    Resource,
    /// Variables of a function.
    Frame,
    /// Objects that a drawing leaves out.
    More,
}

impl NodeKind {
    /// As formats name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Root => "root",
            Self::Container => "container",
            Self::Object => "object",
            Self::Resource => "resource",
            Self::Frame => "frame",
            Self::More => "more",
        }
    }
}

/// By what one object holds another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeKind {
    /// A name of a module, class or object.
    Attribute,
    /// An element.
    Item,
    /// A key.
    Key,
    /// A value by a key.
    Value,
    /// A variable of a frame.
    Local,
    /// A cell of a closure.
    Cell,
    /// The object of a bound method.
    BoundSelf,
    /// Something that Python code does not name.
    Internal,
}

impl EdgeKind {
    /// As formats name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Attribute => "attribute",
            Self::Item => "item",
            Self::Key => "key",
            Self::Value => "value",
            Self::Local => "local",
            Self::Cell => "cell",
            Self::BoundSelf => "bound-self",
            Self::Internal => "internal",
        }
    }

    /// How far away it puts the object: paths through names teach most.
    fn cost(self) -> u32 {
        match self {
            Self::Local | Self::Cell => 4,
            Self::Internal => 2,
            _ => 1,
        }
    }
}

/// An object.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    /// Its identity over time: names only, no line number and no size.
    pub key: String,
    /// What sort it is.
    pub kind: NodeKind,
    /// What it is called.
    pub label: String,
    /// Its type, as far as it is known.
    pub type_name: String,
    /// Where it is made or bound.
    pub site: Option<Place>,
    /// Its own bytes; of one object where there are many.
    pub self_bytes: u64,
    /// Whether its own bytes are known.
    pub is_sized: bool,
    /// By what it grows.
    pub grows: Option<Growth>,
    /// Bytes of one step of growth.
    pub step_bytes: Option<u64>,
    /// Whether it has a finalizer.
    pub has_finalizer: bool,
    /// The number of its cycle.
    pub cycle: Option<u32>,
    /// Numbers of findings about it.
    pub findings: Vec<u32>,
    /// Steps from the nearest root, which is 1; 0 for groups.
    pub distance: u32,
    /// The edge by which the path from the root comes.
    pub parent: Option<u32>,
    /// The object through which all paths come; `None` for groups.
    pub idom: Option<NodeId>,
    /// Bytes that go when it goes.
    pub retained: u64,
}

impl Node {
    pub(crate) fn new(
        key: impl Into<String>,
        kind: NodeKind,
        label: impl Into<String>,
        type_name: impl Into<String>,
    ) -> Self {
        Self {
            key: key.into(),
            kind,
            label: label.into(),
            type_name: type_name.into(),
            site: None,
            self_bytes: 0,
            is_sized: false,
            grows: None,
            step_bytes: None,
            has_finalizer: false,
            cycle: None,
            findings: Vec::new(),
            distance: 0,
            parent: None,
            idom: None,
            retained: 0,
        }
    }

    pub(super) fn size(mut self, bytes: u64) -> Self {
        self.self_bytes = bytes;
        self.is_sized = true;
        self
    }
}

/// One object holds another.
#[derive(Clone, PartialEq, Debug)]
pub struct Edge {
    /// The holder.
    pub from: NodeId,
    /// What is held.
    pub to: NodeId,
    /// By what.
    pub kind: EdgeKind,
    /// Its name: `_CACHE`, `.rows`, `value`.
    pub label: String,
    /// Whether it lets go of what nothing else holds.
    pub is_weak: bool,
    /// Where it is written.
    pub site: Option<Place>,
}

/// Where a finding stands in the heap.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// The object it is about.
    pub node: NodeId,
    /// From the root to what is held; it contains `node`.
    pub path: Vec<NodeId>,
}

/// The heap, or a part of it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct HeapView {
    /// Objects. Groups come first.
    pub nodes: Vec<Node>,
    /// Edges, by holder.
    pub edges: Vec<Edge>,
    /// Of each finding of the report, in its order.
    pub findings: Vec<Found>,
}

impl HeapView {
    /// The whole heap of a program, with what was found.
    #[must_use]
    pub fn of(cx: &Context<'_>, found: &[Finding]) -> Self {
        let asker = Asker::new(cx);
        let mut objects = held::find(&asker, &[]);
        let (places, mut cycles) = findings::place(&asker, &mut objects, found);
        cycles.extend(measure::proven_cycles(&asker, &objects));
        let mut view = Self::from_objects(objects);
        view.findings = places;
        findings::mark(&mut view, found);
        view.number_cycles(cycles);
        view.measure();
        view.lead_to_roots();
        findings::sizes(&mut view, found);
        view
    }

    /// Paths that begin with what something else holds get the way to it.
    fn lead_to_roots(&mut self) {
        for at in 0..self.findings.len() {
            let Some(&first) = self.findings[at].path.first() else {
                continue;
            };
            let mut path = self.path(first);
            path.pop();
            let own = &self.findings[at].path;
            if !path.iter().any(|it| own.contains(it)) {
                self.findings[at].path.splice(0..0, path);
            }
        }
    }

    /// Forgets findings that are not reported after all: `kept` says of each whether it is.
    pub fn keep_findings(&mut self, kept: &[bool]) {
        let mut number = 0;
        let new: Vec<Option<u32>> = kept
            .iter()
            .map(|&it| {
                number += u32::from(it);
                it.then(|| number - 1)
            })
            .collect();
        let mut at = 0..;
        self.findings
            .retain(|_| at.next().and_then(|it| kept.get(it)) == Some(&true));
        for node in &mut self.nodes {
            let old = std::mem::take(&mut node.findings);
            let left = old.into_iter().filter_map(|it| *new.get(it as usize)?);
            node.findings = left.collect();
        }
    }

    fn from_objects(objects: held::Objects) -> Self {
        let mut edges = Vec::new();
        for (from, holds) in objects.holds.into_iter().enumerate() {
            for (to, hold) in holds {
                edges.push(Edge {
                    from: from as u32,
                    to,
                    kind: hold.kind,
                    label: hold.label,
                    is_weak: hold.is_weak,
                    site: hold.site,
                });
            }
        }
        let mut view = Self {
            nodes: objects.nodes,
            edges,
            findings: Vec::new(),
        };
        view.name_anonymous();
        view
    }

    /// What is made without a name gets its identity from its first holder: `app.cache.ROWS/value`, `…/value#2`.
    fn name_anonymous(&mut self) {
        let mut used: rustc_hash::FxHashMap<String, u32> = rustc_hash::FxHashMap::default();
        let mut holders: Vec<Option<u32>> = vec![None; self.nodes.len()];
        for (at, edge) in self.edges.iter().enumerate() {
            let holder = &mut holders[edge.to as usize];
            if holder.is_none() {
                *holder = Some(at as u32);
            }
        }
        for (at, holder) in holders.into_iter().enumerate() {
            let key = &self.nodes[at].key;
            let mut name = if key.is_empty() || key.ends_with(':') {
                match holder.map(|it| &self.edges[it as usize]) {
                    Some(edge) => {
                        let holder = &self.nodes[edge.from as usize].key;
                        let label = edge.label.trim_start_matches('.');
                        let short: String = holder.chars().take(200).collect();
                        format!("{short}/{label} {}", self.nodes[at].label)
                    }
                    None => format!("{key}{}", self.nodes[at].label),
                }
            } else {
                key.clone()
            };
            let count = used.entry(name.clone()).or_insert(0);
            *count += 1;
            if *count > 1 {
                name = format!("{name}#{count}");
            }
            self.nodes[at].key = name;
        }
    }

    /// The edges by which an object holds others.
    #[must_use]
    pub fn out(&self, node: NodeId) -> &[Edge] {
        let start = self.edges.partition_point(|it| it.from < node);
        let len = self.edges[start..].partition_point(|it| it.from == node);
        &self.edges[start..start + len]
    }

    /// Numbers of the edges by which an object holds others.
    #[must_use]
    pub fn out_ids(&self, node: NodeId) -> std::ops::Range<u32> {
        let start = self.edges.partition_point(|it| it.from < node);
        let len = self.edges[start..].partition_point(|it| it.from == node);
        start as u32..(start + len) as u32
    }

    /// Sorts edges by holder; parents keep their edges.
    fn order_edges(&mut self) {
        let mut order: Vec<u32> = (0..self.edges.len() as u32).collect();
        order.sort_by_key(|&it| self.edges[it as usize].from);
        let mut moved = vec![0; self.edges.len()];
        for (new, &old) in order.iter().enumerate() {
            moved[old as usize] = new as u32;
        }
        for node in &mut self.nodes {
            node.parent = node.parent.map(|it| moved[it as usize]);
        }
        let edges = order.into_iter().map(|it| self.edges[it as usize].clone());
        self.edges = edges.collect();
    }

    /// The path from the root to an object, both included, groups not.
    #[must_use]
    pub fn path(&self, node: NodeId) -> Vec<NodeId> {
        let mut path = vec![node];
        let mut at = node;
        while let Some(edge) = self.nodes[at as usize].parent {
            at = self.edges[edge as usize].from;
            if self.nodes[at as usize].kind == NodeKind::Group || path.len() > self.nodes.len() {
                break;
            }
            path.push(at);
        }
        path.reverse();
        path
    }

    /// For each object the edges that hold it.
    #[must_use]
    pub fn holders(&self) -> Vec<Vec<u32>> {
        let mut holders = vec![Vec::new(); self.nodes.len()];
        for (at, edge) in self.edges.iter().enumerate() {
            holders[edge.to as usize].push(at as u32);
        }
        holders
    }
}

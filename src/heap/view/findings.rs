//! Where findings stand in the heap: each path is followed from its root, and what only the finding knows is added.

use rustc_hash::FxHashMap;

use super::{EdgeKind, Found, Group, HeapView, Node, NodeId, NodeKind};
use crate::base::Span;
use crate::facts::model::{FuncId, ValueKind};
use crate::finding::{Finding, Growth, Place, Step};
use crate::heap::held::{Asker, Hold, Key, Objects};
use crate::link::program::ValueRef;
use crate::link::{ClassRef, FuncRef};

/// Steps of which each leads to another object: `_error → object`, `is → exception` is one.
fn settled(steps: &[Step]) -> Vec<Step> {
    let mut settled: Vec<Step> = Vec::with_capacity(steps.len());
    for step in steps {
        match settled.last_mut() {
            Some(last) if step.edge == "is" => last.node.clone_from(&step.node),
            _ => settled.push(step.clone()),
        }
    }
    settled
}

/// Edges to what one step of growth adds.
fn is_entry(edge: &str) -> bool {
    matches!(
        edge,
        "value" | "item" | "key" | "key → self" | "entry" | "result"
    )
}

/// Finds, or makes, the objects of all paths; and the paths that lead back to their frame, as cycles.
pub(super) fn place(
    asker: &Asker<'_>,
    objects: &mut Objects,
    findings: &[Finding],
) -> (Vec<Found>, Vec<Vec<NodeId>>) {
    let mut placing = Placing {
        asker,
        objects,
        told: 0,
        defined: defined(asker),
        roots: FxHashMap::default(),
        threads: FxHashMap::default(),
        cycles: Vec::new(),
    };
    for (at, key) in placing.objects.keys.iter().enumerate() {
        let node = &placing.objects.nodes[at];
        let name = match key {
            Key::Module(_) => format!("{} (module globals)", node.label),
            Key::Registry(_) => node.label.clone(),
            Key::Thread(_) => {
                if let Some(site) = node.site {
                    placing.threads.insert(start(site), at as NodeId);
                }
                continue;
            }
            _ => continue,
        };
        placing.roots.entry(name).or_insert(at as NodeId);
    }
    let found = findings.iter().map(|it| placing.finding(it)).collect();
    (found, placing.cycles)
}

fn start(place: Place) -> (u32, u32) {
    (place.file.index() as u32, place.span.start)
}

/// What is defined where: classes and functions by the places of their names.
fn defined(asker: &Asker<'_>) -> FxHashMap<(u32, u32), Defined> {
    let mut found = FxHashMap::default();
    for (file, it) in asker.program.files.iter().enumerate() {
        let file = file as u32;
        for (id, class) in it.facts.classes.iter_ids() {
            found.insert(
                (file, class.name_span.start),
                Defined::Class(ClassRef { file, id }),
            );
        }
        for (id, func) in it.facts.funcs.iter_ids() {
            found.insert(
                (file, func.name_span.start),
                Defined::Func(FuncRef { file, id }),
            );
        }
    }
    found
}

#[derive(Clone, Copy)]
enum Defined {
    Class(ClassRef),
    Func(FuncRef),
}

struct Placing<'a, 'p, 'o> {
    asker: &'a Asker<'p>,
    objects: &'o mut Objects,
    told: u32,
    defined: FxHashMap<(u32, u32), Defined>,
    roots: FxHashMap<String, NodeId>,
    /// Threads by where they are made.
    threads: FxHashMap<(u32, u32), NodeId>,
    cycles: Vec<Vec<NodeId>>,
}

impl Placing<'_, '_, '_> {
    fn finding(&mut self, finding: &Finding) -> Found {
        let Some((root, steps)) = finding.path.split_first() else {
            return self.in_frame(finding);
        };
        let first = self.root(root, finding);
        let mut at = first;
        let mut path = vec![at];
        let mut node = None;
        for step in &settled(steps) {
            if is_entry(&step.edge) && node.is_none() {
                node = Some(at);
            }
            let is_back = step.node == root.node
                && self.objects.nodes[first as usize].kind == NodeKind::Frame;
            let next = if is_back {
                self.cycles.push(path.clone());
                self.link(at, first, edge_kind(&step.edge), &step.edge, step.place);
                first
            } else {
                self.step(at, step, finding)
            };
            if next != at || step.edge != "__closure__" {
                path.push(next);
            }
            at = next;
        }
        Found {
            node: node.unwrap_or(at),
            path,
        }
    }

    /// Adds a key and all that it leads to.
    fn key(&mut self, key: Key) -> NodeId {
        let before = self.objects.keys.len();
        let id = self.objects.add(key, self.asker);
        self.objects.spread(self.asker, before);
        id
    }

    fn link(&mut self, from: NodeId, to: NodeId, kind: EdgeKind, label: &str, site: Option<Place>) {
        let list = &mut self.objects.holds[from as usize];
        let is_there =
            |it: &(NodeId, Hold)| it.0 == to && (it.1.label == label || kind == EdgeKind::Internal);
        if list.iter().any(is_there) {
            return;
        }
        let hold = Hold {
            to: self.objects.keys[to as usize],
            kind,
            label: label.to_owned(),
            is_weak: false,
            site,
        };
        list.push((to, hold));
    }

    fn told(&mut self, node: Node) -> NodeId {
        self.told += 1;
        self.objects.insert(Key::Told(self.told), node)
    }

    fn in_group(&mut self, group: Group, node: NodeId) {
        let of = self.objects.ids[&Key::Group(group)];
        self.link(of, node, EdgeKind::Internal, "", None);
    }

    fn defined_at(&self, place: Option<Place>) -> Option<Defined> {
        self.defined.get(&start(place?)).copied()
    }

    fn root(&mut self, step: &Step, finding: &Finding) -> NodeId {
        if let Some(&id) = self.roots.get(&step.node) {
            return id;
        }
        match self.defined_at(step.place) {
            Some(Defined::Class(class)) if step.node.ends_with("(class)") => {
                let id = self.key(Key::Class(class));
                self.in_group(Group::Classes, id);
                return id;
            }
            Some(Defined::Func(func)) if step.node.ends_with("(function)") => {
                let id = self.key(Key::Func(func));
                self.in_group(Group::Functions, id);
                return id;
            }
            Some(Defined::Func(func)) if step.node.starts_with("closure ") => {
                return self.key(Key::Closure(func));
            }
            Some(Defined::Class(class)) => return self.key(Key::Instance(class)),
            _ => {}
        }
        if let Some(class) = self.class_named(&step.node, finding) {
            return self.key(Key::Instance(class));
        }
        if step.node.contains("thread") {
            let labels = finding.labels.iter().map(|it| it.place);
            let mut places = labels.chain([finding.primary]).chain(step.place);
            if let Some(&id) = places.find_map(|it| self.threads.get(&start(it))) {
                return id;
            }
        }
        let (group, kind) = match step.node.as_str() {
            it if it.contains("thread") => (Group::Threads, NodeKind::Root),
            it if it.contains("frame") || it.contains("generator") || it.contains("coroutine") => {
                (Group::Frames, NodeKind::Frame)
            }
            it if it.contains("closure") => (Group::Callers, NodeKind::Object),
            _ => (Group::Registries, NodeKind::Root),
        };
        let mut node = Node::new(
            format!("{} of {}", step.node, finding.symbol),
            kind,
            step.node.clone(),
            "",
        );
        if group == Group::Registries {
            node.key = format!("registry {}", step.node);
        }
        node.site = step.place;
        let id = self.told(node);
        if group != Group::Callers {
            self.in_group(group, id);
        }
        if group == Group::Registries {
            self.roots.insert(step.node.clone(), id);
        }
        id
    }

    /// The class of the finding's file, or the one whose symbol the finding names.
    fn class_named(&self, name: &str, finding: &Finding) -> Option<ClassRef> {
        let file = finding.primary.file.index() as u32;
        let program = self.asker.program;
        program
            .facts(file)
            .classes
            .ids()
            .map(|id| ClassRef { file, id })
            .find(|it| program.class_name(*it) == name)
            .or_else(|| {
                let var = program.files[file as usize]
                    .globals
                    .get(&program.sym(name)?)?;
                let var = crate::link::VarRef { file, id: *var };
                program.var_entities(var).iter().find_map(|it| match it {
                    crate::link::Entity::Class(class) => Some(*class),
                    _ => None,
                })
            })
    }

    fn step(&mut self, from: NodeId, step: &Step, finding: &Finding) -> NodeId {
        let plain = step.edge.trim_start_matches('.');
        // Cells are edges of their own kind.
        if plain == "__closure__" {
            return from;
        }
        if step.node == "cache"
            && let Some(cache) = self.cache(from, plain)
        {
            let to = self.key(Key::Cache(cache));
            self.link(from, to, edge_kind(&step.edge), &step.edge, step.place);
            return to;
        }
        let wanted = match self.defined_at(step.place) {
            Some(Defined::Class(class)) if self.asker.program.class_name(class) == step.node => {
                Some(Key::Instance(class))
            }
            _ => self.class_named(&step.node, finding).map(Key::Instance),
        };
        // The same name, or the same kind of entry; of several the one of the same object, then of the same type.
        let mut best: Option<(u32, NodeId)> = None;
        for (to, hold) in &self.objects.holds[from as usize] {
            let label = hold.label.trim_start_matches('.');
            let is_same = label == plain
                || is_entry(plain)
                    && (matches!(hold.kind, EdgeKind::Item | EdgeKind::Value)
                        || hold.kind == EdgeKind::Key && plain.starts_with("key"));
            if !is_same {
                continue;
            }
            let node = &self.objects.nodes[*to as usize];
            let is_wanted = wanted.is_some_and(|it| it == hold.to);
            let is_alike = node.type_name == step.node || node.label == step.node;
            if is_entry(plain) && !is_wanted && !is_alike && node.kind != NodeKind::Container {
                // Another element than the one that is told.
                if wanted.is_some() || hold.label != plain {
                    continue;
                }
            }
            let score = u32::from(is_wanted) * 4 + u32::from(is_alike) * 2 + 1;
            if best.is_none_or(|it| score > it.0) {
                best = Some((score, *to));
            }
        }
        if let Some((score, id)) = best
            && (wanted.is_none() || score >= 4)
        {
            return id;
        }
        let kind = edge_kind(&step.edge);
        let to = match wanted {
            Some(key) => self.key(key),
            None => {
                let mut node = Node::new(String::new(), node_kind(&step.node, finding), "", "");
                node.label.clone_from(&step.node);
                if step.node.starts_with('≈') || step.node.starts_with("size of") {
                    plain.clone_into(&mut node.label);
                    node.type_name.clone_from(&step.node);
                    if let Some(bytes) = bytes_of(&step.node) {
                        node = node.size(bytes);
                        node.type_name.clear();
                    }
                } else if node.kind == NodeKind::Container {
                    node.type_name.clone_from(&step.node);
                    if !is_entry(plain) && plain != "__closure__" {
                        plain.clone_into(&mut node.label);
                    }
                }
                node.site = step.place;
                self.told(node)
            }
        };
        self.link(from, to, kind, &step.edge, step.place);
        to
    }

    /// The cached function that an object is, or the cached method of a class.
    fn cache(&self, from: NodeId, name: &str) -> Option<FuncRef> {
        let program = self.asker.program;
        match self.objects.keys[from as usize] {
            Key::Func(func) => Some(func),
            Key::Class(class) => program.own_method(class, program.sym(name)?),
            _ => None,
        }
    }

    /// A finding without a path is about something that a function opens: its frame ends, the thing stays.
    fn in_frame(&mut self, finding: &Finding) -> Found {
        let program = self.asker.program;
        let file = finding.primary.file.index() as u32;
        let id = innermost(self.asker, file, finding.primary.span);
        let func = FuncRef { file, id };
        let frame = if id.index() == 0 {
            let key = Key::Module(file);
            let frame = self.key(key);
            self.in_group(Group::Modules, frame);
            frame
        } else {
            // Not what the frame of a server keeps: this one ends.
            let symbol = format!(
                "{}.{}",
                program.files[file as usize].module,
                program.qualified(func)
            );
            let key = format!("frame {symbol}");
            match self.roots.get(&key) {
                Some(&id) => id,
                None => {
                    let mut node = Node::new(
                        key.clone(),
                        NodeKind::Frame,
                        format!("{}()", program.qualified(func)),
                        "frame",
                    );
                    node.site = Some(program.at(file, program.func(func).name_span));
                    let id = self.told(node);
                    self.in_group(Group::Frames, id);
                    self.roots.insert(key, id);
                    id
                }
            }
        };
        let lost = self.asker.cx.lost.iter().find(|it| {
            it.func.file == file
                && program.facts(file).calls[it.call].at.start == finding.primary.span.start
        });
        let opener = lost.map_or("", |it| it.opener.as_str());
        let name = opener.strip_prefix("builtins.").unwrap_or(opener);
        let is_resource = finding.rule.code.starts_with("HL2") || lost.is_some();
        let mut node = Node::new(
            String::new(),
            if is_resource {
                NodeKind::Resource
            } else {
                NodeKind::Object
            },
            if name.is_empty() {
                self.called(file, finding.primary.span)
                    .unwrap_or_else(|| finding.rule.name.clone())
            } else {
                name.to_owned()
            },
            lost.map_or("", |it| it.kind.noun()),
        );
        node.site = Some(finding.primary);
        let id = self.told(node);
        let label = self.bound_name(file, finding.primary.span);
        self.link(
            frame,
            id,
            EdgeKind::Local,
            label
                .as_deref()
                .unwrap_or(if is_resource { "opens" } else { "makes" }),
            Some(finding.primary),
        );
        Found {
            node: id,
            path: vec![frame, id],
        }
    }

    /// The call at a place: `create_task(…)`.
    fn called(&self, file: u32, span: Span) -> Option<String> {
        let facts = self.asker.program.facts(file);
        let mut values = facts.values.iter_ids();
        let (id, _) = values.find(|(_, it)| {
            matches!(it.kind, ValueKind::Call(call) if facts.calls[call].at.start == span.start)
        })?;
        Some(self.asker.text(ValueRef { file, id }, 2))
    }

    /// The local variable that is bound to what is made at a place.
    fn bound_name(&self, file: u32, span: Span) -> Option<String> {
        let facts = self.asker.program.facts(file);
        let def = facts
            .defs
            .iter()
            .find(|it| it.value.is_some_and(|id| facts.values[id].at == span.start))?;
        let name = facts.vars[def.var].name;
        Some(self.asker.program.name(file, name).to_owned())
    }
}

fn innermost(asker: &Asker<'_>, file: u32, span: Span) -> FuncId {
    asker
        .program
        .facts(file)
        .funcs
        .iter_ids()
        .filter(|(id, it)| id.index() == 0 || it.span.contains(span))
        .min_by_key(|(id, it)| {
            if id.index() == 0 {
                u32::MAX
            } else {
                it.span.len()
            }
        })
        .map_or(FuncId::new(0), |it| it.0)
}

fn edge_kind(edge: &str) -> EdgeKind {
    match edge {
        "item" | "entry" => EdgeKind::Item,
        "value" | "result" => EdgeKind::Value,
        "__self__" => EdgeKind::BoundSelf,
        "__closure__" | "cache" | "closure" | "target" | "holds" => EdgeKind::Internal,
        it if it.starts_with("key") => EdgeKind::Key,
        it if it.starts_with('.') => EdgeKind::Attribute,
        _ => EdgeKind::Local,
    }
}

fn node_kind(text: &str, finding: &Finding) -> NodeKind {
    match text {
        "list"
        | "dict"
        | "set"
        | "deque"
        | "queue"
        | "Counter"
        | "defaultdict"
        | "cache"
        | "arguments and result" => NodeKind::Container,
        it if it.contains("frame") || it.contains("generator") => NodeKind::Frame,
        _ if finding.rule.code.starts_with("HL2") => NodeKind::Resource,
        _ => NodeKind::Object,
    }
}

/// The number that [`crate::base::human`] wrote, as exactly as it says.
fn bytes_of(text: &str) -> Option<u64> {
    let mut words = text.strip_prefix("≈ ")?.split(' ');
    let number: f64 = words.next()?.parse().ok()?;
    let unit = match words.next()? {
        "B" => 0,
        "KiB" => 1,
        "MiB" => 2,
        "GiB" => 3,
        "TiB" => 4,
        _ => return None,
    };
    Some((number * 1024_f64.powi(unit)) as u64)
}

/// Notes on objects which findings are about them, and that they grow.
pub(super) fn mark(view: &mut HeapView, findings: &[Finding]) {
    for (at, found) in view.findings.iter().enumerate() {
        let node = &mut view.nodes[found.node as usize];
        node.findings.push(at as u32);
        let growth = findings[at].growth;
        let is_growth = found.path.last() != Some(&found.node)
            || matches!(findings[at].rule.code.as_bytes(), [b'H', b'L', b'1', ..]);
        if is_growth && !matches!(growth, Growth::Bounded | Growth::Unknown) {
            node.grows = Some(growth);
        }
        if is_growth && growth == Growth::Bounded {
            node.grows = None;
        }
    }
}

/// Bytes of one step of growth: what the finding says, else what the elements keep.
pub(super) fn sizes(view: &mut HeapView, findings: &[Finding]) {
    for at in 0..view.nodes.len() {
        if view.nodes[at].grows.is_none() {
            continue;
        }
        let said = view.nodes[at]
            .findings
            .iter()
            .filter_map(|&it| findings[it as usize].retained_bytes)
            .max();
        let kept = || {
            let elements: u64 = view
                .out(at as NodeId)
                .iter()
                .filter(|it| {
                    matches!(it.kind, EdgeKind::Item | EdgeKind::Key | EdgeKind::Value)
                        && !it.is_weak
                        && view.nodes[it.to as usize].idom == Some(at as NodeId)
                })
                .map(|it| view.nodes[it.to as usize].retained)
                .sum();
            (elements > 0).then_some(elements)
        };
        // What the rule counted, unless it saw much less than there is.
        view.nodes[at].step_bytes = match (said, kept()) {
            (Some(said), Some(kept)) if kept > said.saturating_mul(2) => Some(kept),
            (said, kept) => said.or(kept),
        };
    }
}

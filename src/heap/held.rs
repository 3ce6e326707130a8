//! Abstract objects and who holds whom, from the roots: one node for each place, class and allocation site.
//!
//! Found breadth first from the roots, so only what the program can hold is there. What is made for one place is one
//! object with it (`_CACHE = {}` bound anew in `reset` stays one dict); all instances of a class are one object; a display
//! inside another is an object of its own when it holds some. Numbers and short texts are no objects.
//!
//! ```python
//! SESSIONS = {}                                  # module globals ── SESSIONS → dict
//! def open(user, token):
//!     SESSIONS[token] = Session(user)            # dict ── value → Session
//! class Session:
//!     def __init__(self, user):
//!         self.rows = []                         # Session ── .rows → list
//! ```

mod describe;
mod roots;
mod values;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::view::{EdgeKind, Group, Node};
use crate::facts::model::{ArgKindF, CallId, ValueKind};
use crate::finding::Place;
use crate::link::effects::EffectKind;
use crate::link::program::ValueRef;
use crate::link::{CallRef, ClassRef, Entity, FuncRef, PlaceKey, Program, Sym};
use crate::models::{Holds, Mutation, NodeId};
use crate::rules::Context;

/// What an abstract object is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Key {
    /// A group of roots.
    Group(Group),
    /// The globals of a module.
    Module(u32),
    /// The attributes of a class.
    Class(ClassRef),
    /// Defaults, attributes and caches of a function.
    Func(FuncRef),
    /// The variables of a running or suspended function.
    Frame(FuncRef),
    /// A registry of a library.
    Registry(NodeId),
    /// A thread that a call makes.
    Thread(CallRef),
    /// What is made for a place.
    Place(PlaceKey),
    /// The containers inside the container of a place.
    Inner(PlaceKey),
    /// The results that a decorator keeps.
    Cache(FuncRef),
    /// All instances of a class.
    Instance(ClassRef),
    /// A function with its cells.
    Closure(FuncRef),
    /// What an expression makes.
    Value(ValueRef),
    /// A key or element that grows a container and of which nothing else is known.
    Opaque(ValueRef),
    /// What only a finding knows, by its number.
    Told(u32),
}

/// One object holds another.
#[derive(Clone, Debug)]
pub(super) struct Hold {
    pub(super) to: Key,
    pub(super) kind: EdgeKind,
    pub(super) label: String,
    pub(super) is_weak: bool,
    pub(super) site: Option<Place>,
}

/// The objects found, and their edges by holder.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) keys: Vec<Key>,
    pub(super) nodes: Vec<Node>,
    pub(super) holds: Vec<Vec<(u32, Hold)>>,
    pub(super) ids: FxHashMap<Key, u32>,
}

/// Everything that asks the program about objects.
pub(super) struct Asker<'a> {
    pub(super) cx: &'a Context<'a>,
    pub(super) program: &'a Program<'a>,
    /// Attributes of classes and functions that code gives values to from outside.
    pub(super) class_places: FxHashMap<ClassRef, Vec<Sym>>,
    pub(super) func_places: FxHashMap<FuncRef, Vec<Sym>>,
    pub(super) instance_places: FxHashMap<ClassRef, Vec<Sym>>,
    /// Growing containers, by place.
    pub(super) growths: FxHashMap<PlaceKey, usize>,
}

/// Finds all objects below the roots, and those of `more`.
pub(super) fn find(asker: &Asker<'_>, more: &[Key]) -> Objects {
    let mut objects = Objects::default();
    for group in Group::ALL {
        objects.add(Key::Group(*group), asker);
    }
    let roots = roots::roots(asker);
    for (group, key) in &roots {
        let id = objects.add(*key, asker);
        let hold = Hold {
            to: *key,
            kind: EdgeKind::Internal,
            label: String::new(),
            is_weak: false,
            site: None,
        };
        let of = objects.ids[&Key::Group(*group)];
        objects.holds[of as usize].push((id, hold));
    }
    for key in more {
        objects.add(*key, asker);
    }
    objects.spread(asker, 0);
    objects
}

impl Objects {
    /// The number of an object, added when new.
    pub(super) fn add(&mut self, key: Key, asker: &Asker<'_>) -> u32 {
        if let Some(&id) = self.ids.get(&key) {
            return id;
        }
        self.insert(key, asker.describe(key))
    }

    pub(super) fn insert(&mut self, key: Key, node: Node) -> u32 {
        let id = self.keys.len() as u32;
        self.keys.push(key);
        self.nodes.push(node);
        self.holds.push(Vec::new());
        self.ids.insert(key, id);
        id
    }

    /// Follows what objects from this number on hold, until nothing new comes.
    pub(super) fn spread(&mut self, asker: &Asker<'_>, from: usize) {
        let mut next = from;
        while next < self.keys.len() {
            let wave = next..self.keys.len();
            next = wave.end;
            let found: Vec<Vec<(Hold, Option<Node>)>> = self.keys[wave.clone()]
                .par_iter()
                .map(|&key| {
                    let holds = asker.holds(key);
                    holds
                        .into_iter()
                        .map(|it| {
                            let is_new = !self.ids.contains_key(&it.to);
                            let node = is_new.then(|| asker.describe(it.to));
                            (it, node)
                        })
                        .collect()
                })
                .collect();
            for (at, holds) in wave.zip(found) {
                for (hold, node) in holds {
                    let id = match (self.ids.get(&hold.to), node) {
                        (Some(&id), _) => id,
                        (None, Some(node)) => self.insert(hold.to, node),
                        (None, None) => self.add(hold.to, asker),
                    };
                    let list = &mut self.holds[at];
                    if !list.iter().any(|it| it.0 == id && it.1.label == hold.label) {
                        list.push((id, hold));
                    }
                }
            }
        }
    }
}

/// Objects that one object holds are followed up to this many; tables of constants hold no more that matter.
const HELD: usize = 2_000;

impl<'a> Asker<'a> {
    pub(super) fn new(cx: &'a Context<'a>) -> Self {
        let program = cx.program;
        let mut asker = Self {
            cx,
            program,
            class_places: FxHashMap::default(),
            func_places: FxHashMap::default(),
            instance_places: FxHashMap::default(),
            growths: FxHashMap::default(),
        };
        for key in program.places_with_effects() {
            match key {
                PlaceKey::Class(class, name) => {
                    asker.class_places.entry(class).or_default().push(name)
                }
                PlaceKey::Func(func, name) => asker.func_places.entry(func).or_default().push(name),
                PlaceKey::Instance(class, name) => {
                    asker.instance_places.entry(class).or_default().push(name)
                }
                PlaceKey::Var(_) => {}
            }
        }
        for (at, growth) in cx.growths.iter().enumerate() {
            asker.growths.insert(growth.container.key, at);
        }
        asker
    }

    /// What an object holds, in the order of the code.
    fn holds(&self, key: Key) -> Vec<Hold> {
        let mut out = Vec::new();
        match key {
            Key::Group(_) | Key::Opaque(_) | Key::Told(_) => {}
            Key::Module(file) => self.module_holds(file, &mut out),
            Key::Class(class) => self.class_holds(class, &mut out),
            Key::Func(func) => self.func_holds(func, &mut out),
            Key::Frame(func) => self.frame_holds(func, &mut out),
            Key::Registry(node) => self.registry_holds(node, &mut out),
            Key::Thread(call) => self.call_holds(call.file, call.id, EdgeKind::Local, &mut out),
            Key::Place(place) => self.place_holds(place, &mut out),
            Key::Inner(place) => self.grown(place, true, &mut out),
            Key::Cache(func) => self.cache_holds(func, &mut out),
            Key::Instance(class) => self.instance_holds(class, &mut out),
            Key::Closure(func) => self.closure_holds(func, &mut out),
            Key::Value(value) => self.value_holds(value, &mut out),
        }
        out.truncate(HELD);
        out
    }

    /// Adds what stands in a place, under the name of the place.
    fn hold_place(&self, place: PlaceKey, kind: EdgeKind, label: &str, out: &mut Vec<Hold>) {
        let site = self
            .program
            .definition_span(place)
            .map(|it| self.program.at(self.program.place_file(place), it));
        for (to, is_weak) in self.place_objects(place) {
            out.push(Hold {
                to,
                kind,
                label: label.to_owned(),
                is_weak,
                site,
            });
        }
    }

    fn hold_value(
        &self,
        value: ValueRef,
        kind: EdgeKind,
        label: &str,
        site: Option<Place>,
        is_weak: bool,
        out: &mut Vec<Hold>,
    ) {
        for (to, weak) in self.objects(value, None) {
            out.push(Hold {
                to,
                kind,
                label: label.to_owned(),
                is_weak: is_weak || weak,
                site,
            });
        }
    }

    fn place_holds(&self, place: PlaceKey, out: &mut Vec<Hold>) {
        for value in self.bound(place) {
            self.value_holds(value, out);
        }
        self.grown(place, false, out);
        if self
            .program
            .effects(place)
            .iter()
            .any(|it| it.is_inner && it.kind.grows())
            && !out
                .iter()
                .any(|it| matches!(it.kind, EdgeKind::Item | EdgeKind::Value))
        {
            out.push(Hold {
                to: Key::Inner(place),
                kind: EdgeKind::Value,
                label: "value".to_owned(),
                is_weak: false,
                site: None,
            });
        }
    }

    /// What operations put into the container of a place.
    fn grown(&self, place: PlaceKey, is_inner: bool, out: &mut Vec<Hold>) {
        let program = self.program;
        let is_weak = self.is_weak(place);
        let growth = self.growths.get(&place).map(|&it| &self.cx.growths[it]);
        for effect in program.effects(place).iter().take(64) {
            if effect.is_inner != is_inner || !effect.kind.grows() {
                continue;
            }
            let file = effect.func.file;
            let site = Some(program.at(file, effect.at));
            let is_said =
                growth.is_some_and(|it| it.site.at == effect.at && it.site.func.file == file);
            let key = effect.key.map(|id| ValueRef { file, id });
            if let Some(key) = key {
                let found = self.objects(key, None);
                let is_kept = !found.is_empty();
                for (to, weak) in found {
                    out.push(hold(to, EdgeKind::Key, "key", is_weak || weak, site));
                }
                if is_said && !is_kept && !self.is_plain(key) {
                    out.push(hold(Key::Opaque(key), EdgeKind::Key, "key", is_weak, site));
                }
            }
            let Some(value) = effect.value.map(|id| ValueRef { file, id }) else {
                continue;
            };
            let (kind, label) = if effect.key.is_some() {
                (EdgeKind::Value, "value")
            } else {
                (EdgeKind::Item, "item")
            };
            match effect.kind {
                EffectKind::Grow(Mutation::Extend | Mutation::Update) | EffectKind::Augment => {
                    self.element_holds(value, is_weak, out)
                }
                _ => {
                    let found = self.objects_of_element(value);
                    let is_known = !found.is_empty();
                    for (to, weak) in found {
                        out.push(hold(to, kind, label, is_weak || weak, site));
                    }
                    if is_said && !is_known && !self.is_plain(value) {
                        out.push(hold(Key::Opaque(value), kind, label, is_weak, site));
                    }
                }
            }
        }
    }

    fn is_weak(&self, place: PlaceKey) -> bool {
        self.bound(place)
            .iter()
            .any(|&it| self.program.holds(it) == Some(Holds::Weak))
    }

    /// A literal: shared by the code, so no step of growth costs memory for it.
    fn is_plain(&self, value: ValueRef) -> bool {
        matches!(
            self.program.value(value),
            ValueKind::None
                | ValueKind::Bool(_)
                | ValueKind::Int(_)
                | ValueKind::Float(_)
                | ValueKind::Str { .. }
                | ValueKind::Bytes(_)
                | ValueKind::Unknown
        )
    }

    /// Elements of a display.
    fn element_holds(&self, value: ValueRef, is_weak: bool, out: &mut Vec<Hold>) {
        let program = self.program;
        let file = value.file;
        let at = |id| ValueRef { file, id };
        match program.value(value) {
            ValueKind::List(rows) | ValueKind::Tuple(rows) | ValueKind::Set(rows) => {
                for &id in program.list(file, rows).iter().take(HELD) {
                    let site = Some(program.at(file, program.value_span(at(id))));
                    self.hold_value(at(id), EdgeKind::Item, "item", site, is_weak, out);
                }
            }
            ValueKind::Dict(rows) => {
                for pair in program.list(file, rows).chunks(2).take(HELD) {
                    let [key, value] = *pair else { continue };
                    let site = Some(program.at(file, program.value_span(at(value))));
                    self.hold_value(at(key), EdgeKind::Key, "key", site, is_weak, out);
                    let label = self.key_label(at(key));
                    self.hold_value(at(value), EdgeKind::Value, &label, site, is_weak, out);
                }
            }
            ValueKind::Comp { element, .. } => {
                let site = Some(program.at(file, program.value_span(at(element))));
                self.hold_value(at(element), EdgeKind::Item, "item", site, is_weak, out);
            }
            _ => {}
        }
    }

    /// What the object that an expression makes holds.
    fn value_holds(&self, value: ValueRef, out: &mut Vec<Hold>) {
        let program = self.program;
        let file = value.file;
        match program.value(value) {
            ValueKind::Call(call) => {
                let is_weak = program.holds(value) == Some(Holds::Weak);
                if let Some(inner) = self.library_call(file, call) {
                    if inner.keeps_arguments {
                        self.call_holds(file, call, EdgeKind::Internal, out);
                    } else if program.holds(value).is_some()
                        && let Some(first) = self.first_argument(file, call)
                    {
                        self.element_holds(first, is_weak, out);
                    }
                } else if let Some(result) = self.returned(file, call) {
                    self.value_holds(result, out);
                }
            }
            ValueKind::Attr { base, .. } => {
                let base = ValueRef { file, id: base };
                let site = Some(program.at(file, program.value_span(value)));
                self.hold_value(base, EdgeKind::BoundSelf, "__self__", site, false, out);
            }
            ValueKind::Or(rows) => {
                for &id in program.list(file, rows) {
                    self.element_holds(ValueRef { file, id }, false, out);
                }
            }
            _ => self.element_holds(value, false, out),
        }
    }

    fn call_holds(&self, file: u32, call: CallId, kind: EdgeKind, out: &mut Vec<Hold>) {
        let program = self.program;
        let facts = program.facts(file);
        for (position, arg) in facts.args[facts.calls[call].args.range()]
            .iter()
            .enumerate()
        {
            let label = match arg.kind {
                ArgKindF::Keyword(name) => program.name(file, name).to_owned(),
                _ => format!("args[{position}]"),
            };
            let value = ValueRef {
                file,
                id: arg.value,
            };
            let site = Some(program.at(file, facts.calls[call].at));
            if label == "args" || label == "kwargs" {
                self.element_holds(value, false, out);
            } else {
                self.hold_value(value, kind, &label, site, false, out);
            }
        }
    }

    fn first_argument(&self, file: u32, call: CallId) -> Option<ValueRef> {
        let facts = self.program.facts(file);
        let first = facts.args[facts.calls[call].args.range()].first()?;
        (first.kind == ArgKindF::Positional).then_some(ValueRef {
            file,
            id: first.value,
        })
    }

    fn instance_holds(&self, class: ClassRef, out: &mut Vec<Hold>) {
        let program = self.program;
        for &owner in program.mro(class) {
            let Some(info) = program.class_info(owner) else {
                continue;
            };
            let mut names: Vec<Sym> = info.attrs.keys().copied().collect();
            names.extend(self.instance_places.get(&owner).into_iter().flatten());
            names.sort_unstable();
            names.dedup();
            for name in names {
                let label = format!(".{}", program.text(name));
                let place = PlaceKey::Instance(owner, name);
                self.hold_place(place, EdgeKind::Attribute, &label, out);
            }
        }
        // A class derived from a container holds elements itself; an instance of an enclosing scope's class holds nothing more.
        self.self_grown(class, out);
    }

    /// Fields of a data class hold what constructors are given.
    fn self_grown(&self, class: ClassRef, out: &mut Vec<Hold>) {
        let program = self.program;
        for &call in program.constructions(class).iter().take(8) {
            let facts = program.facts(call.file);
            for arg in &facts.args[facts.calls[call.id].args.range()] {
                let ArgKindF::Keyword(name) = arg.kind else {
                    continue;
                };
                let sym = program.sym_of(call.file, name);
                if !program
                    .mro(class)
                    .iter()
                    .any(|&it| program.is_field(it, sym))
                {
                    continue;
                }
                let value = ValueRef {
                    file: call.file,
                    id: arg.value,
                };
                let label = format!(".{}", program.text(sym));
                let site = Some(program.at(call.file, facts.calls[call.id].at));
                self.hold_value(value, EdgeKind::Attribute, &label, site, false, out);
            }
        }
    }

    /// The bound method's or function's class instance, for targets of threads and callbacks.
    pub(super) fn bound_class(&self, value: ValueRef) -> Option<FuncRef> {
        self.program.entities(value).iter().find_map(|it| match it {
            Entity::Bound(func) | Entity::Func(func) => Some(*func),
            _ => None,
        })
    }
}

fn hold(to: Key, kind: EdgeKind, label: &str, is_weak: bool, site: Option<Place>) -> Hold {
    Hold {
        to,
        kind,
        label: label.to_owned(),
        is_weak,
        site,
    }
}

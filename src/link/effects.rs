//! What happens to containers, summed over all files.
//!
//! Every operation that grows, shrinks, rebinds, reads or hands out what stands in a place is one [`Effect`], whether it is
//! written at the place, at an alias of it, or in a function that is given it:
//!
//! ```python
//! def remember(into, item):       # summary: grows parameter 0
//!     into.append(item)
//! def handle(event):
//!     remember(EVENTS, event)     # effect on EVENTS: grows, here, by way of `remember`
//! ```

mod arguments;
mod table;

use std::cell::RefCell;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use self::table::Table;
use super::place::{PlaceKey, Sites};
use super::program::{CallRef, FuncRef, Program, Sym, ValueRef, VarRef};
use crate::base::{Span, take_exact};
use crate::facts::model::{
    ContextId, DefKind, FuncId, Home, StoreKind, Target, Usage, ValueId, ValueKind,
};
use crate::limits;
use crate::models::Mutation;
use crate::syntax::tree::BinaryOp;

/// An operation on what stands in a place.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Effect {
    /// The place.
    pub place: PlaceKey,
    /// Whether an element inside is meant, not the container itself.
    pub is_inner: bool,
    /// What is done.
    pub kind: EffectKind,
    /// The function that does it.
    pub func: FuncRef,
    /// Where.
    pub at: Span,
    /// The key that is added or removed, a value of the function's file.
    pub key: Option<ValueId>,
    /// What is added, a value of the function's file.
    pub value: Option<ValueId>,
    /// Under which conditions.
    pub context: Option<ContextId>,
    /// The function that is given the container and does it, and where.
    pub via: Option<(FuncRef, Span)>,
}

// These exist by the million.
const _: () = assert!(size_of::<Effect>() <= 64);

/// Kinds of effect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EffectKind {
    /// Elements are added.
    Grow(Mutation),
    /// `+=`, `|=`.
    Augment,
    /// A missing key of a `defaultdict` is read, which adds it.
    ReadInserts,
    /// Elements are taken out, by key or one by one.
    Remove,
    /// All elements are taken out.
    Clear,
    /// The place is bound anew.
    Rebind,
    /// It is handed out.
    Escape(Usage),
    /// It is read.
    Read(Usage),
}

impl EffectKind {
    /// Whether elements may be added.
    #[must_use]
    pub fn grows(self) -> bool {
        matches!(self, Self::Grow(_) | Self::Augment | Self::ReadInserts)
    }

    /// Whether elements are taken out.
    #[must_use]
    pub fn shrinks(self) -> bool {
        matches!(self, Self::Remove | Self::Clear)
    }
}

/// All effects of the program.
#[derive(Debug, Default)]
pub struct Effects {
    table: Table,
    /// Attribute names from which something is removed, or that are rebound, on receivers of unknown type.
    guessed_removals: FxHashSet<Sym>,
    /// What functions do with their parameters.
    params: FxHashMap<VarRef, Summary>,
}

/// What a function does with a parameter.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Summary {
    /// Where it grows it, with the operation.
    pub grows: Option<(FuncRef, Span, Mutation)>,
    /// Whether it takes elements out.
    pub removes: bool,
    /// Whether it stores it or hands it to somebody unknown.
    pub escapes: bool,
}

#[derive(Default)]
struct OfFile {
    effects: Vec<Effect>,
    edges: Vec<Edge>,
    guessed: Vec<Sym>,
}

/// An argument that goes to a parameter.
struct Edge {
    sites: Sites,
    param: VarRef,
    call: CallRef,
}

thread_local! {
    /// Room for the effects of the next file.
    static ROOM: RefCell<OfFile> = RefCell::default();
}

/// Collects all effects.
pub(super) fn resolve(program: &mut Program<'_>) {
    let this = &*program;
    let mut files: Vec<OfFile> = (0..program.files.len() as u32)
        .into_par_iter()
        .map(|file| {
            let mut room = of_file(this, ROOM.take(), file);
            let exact = OfFile {
                effects: take_exact(&mut room.effects),
                edges: take_exact(&mut room.edges),
                guessed: take_exact(&mut room.guessed),
            };
            ROOM.set(room);
            exact
        })
        .collect();
    let mut out = Effects::default();
    for it in &mut files {
        out.guessed_removals.extend(std::mem::take(&mut it.guessed));
    }
    out.params = summaries(program, &files);
    let params = &out.params;
    files.par_iter_mut().for_each(|it| {
        let mut room = ROOM.take();
        for edge in std::mem::take(&mut it.edges) {
            apply(this, &edge, params, &mut room.effects);
        }
        it.effects.reserve_exact(room.effects.len());
        it.effects.append(&mut room.effects);
        ROOM.set(room);
    });
    out.table = Table::new(program, files.into_iter().map(|it| it.effects).collect());
    program.effects = out;
}

fn summaries(program: &Program<'_>, files: &[OfFile]) -> FxHashMap<VarRef, Summary> {
    let mut params: FxHashMap<VarRef, Summary> = FxHashMap::default();
    let effects = files.iter().flat_map(|it| &it.effects);
    for effect in effects.filter(|it| !it.is_inner) {
        let PlaceKey::Var(var) = effect.place else {
            continue;
        };
        if program.var(var).param.is_none() {
            continue;
        }
        if effect.kind.grows() && keeps_size(program, effect, var) {
            continue;
        }
        let summary = params.entry(var).or_default();
        match effect.kind {
            EffectKind::Grow(how) => {
                summary.grows.get_or_insert((effect.func, effect.at, how));
            }
            EffectKind::Augment => {
                summary
                    .grows
                    .get_or_insert((effect.func, effect.at, Mutation::Extend));
            }
            EffectKind::Remove | EffectKind::Clear => summary.removes = true,
            EffectKind::Escape(_) => summary.escapes = true,
            EffectKind::ReadInserts | EffectKind::Rebind | EffectKind::Read(_) => {}
        }
    }
    for _ in 0..limits::SUMMARY_ROUNDS {
        let mut changed = false;
        for edge in files.iter().flat_map(|it| &it.edges) {
            let Some(&of_callee) = params.get(&edge.param) else {
                continue;
            };
            for site in edge.sites.iter().filter(|it| !it.is_inner) {
                let PlaceKey::Var(var) = site.key else {
                    continue;
                };
                if program.var(var).param.is_none() {
                    continue;
                }
                let summary = params.entry(var).or_default();
                let before = *summary;
                summary.grows = summary.grows.or(of_callee.grows);
                summary.removes |= of_callee.removes;
                summary.escapes |= of_callee.escapes;
                changed |= *summary != before;
            }
        }
        if !changed {
            break;
        }
    }
    params
}

/// Whether an operation on a parameter leaves what the caller gave as it was: it assigns to keys that are there
/// (`for k in X.copy(): X[k] = …`), or it binds the parameter to a new text (`X += "…"`).
fn keeps_size(program: &Program<'_>, effect: &Effect, param: VarRef) -> bool {
    let facts = program.facts(effect.func.file);
    match (effect.kind, effect.key, effect.value) {
        (EffectKind::Grow(Mutation::Setitem), Some(key), _) => program.is_key_of(
            effect.func.file,
            key,
            &|value| matches!(facts.values[value].kind, ValueKind::Var(it) if it == param.id),
        ),
        (EffectKind::Augment, _, Some(value)) => matches!(
            facts.values[value].kind,
            ValueKind::Str { .. }
                | ValueKind::FString(_)
                | ValueKind::Int(_)
                | ValueKind::Float(_)
                | ValueKind::Bytes(_)
        ),
        _ => false,
    }
}

fn apply(
    program: &Program<'_>,
    edge: &Edge,
    params: &FxHashMap<VarRef, Summary>,
    out: &mut Vec<Effect>,
) {
    let Some(summary) = params.get(&edge.param) else {
        return;
    };
    let call = program.call(edge.call);
    for site in &edge.sites {
        let mut add = |kind, via| {
            out.push(Effect {
                place: site.key,
                is_inner: site.is_inner,
                kind,
                func: FuncRef {
                    file: edge.call.file,
                    id: call.func,
                },
                at: call.at,
                key: None,
                value: None,
                context: call.context,
                via,
            });
        };
        if let Some((func, at, how)) = summary.grows {
            add(EffectKind::Grow(how), Some((func, at)));
        }
        if summary.removes {
            add(EffectKind::Remove, None);
        }
        if summary.escapes {
            add(EffectKind::Escape(Usage::Argument), None);
        }
    }
}

fn of_file(program: &Program<'_>, mut out: OfFile, file: u32) -> OfFile {
    calls(program, file, &mut out);
    stores(program, file, &mut out);
    bindings(program, file, &mut out);
    reads(program, file, &mut out);
    out
}

fn calls(program: &Program<'_>, file: u32, out: &mut OfFile) {
    let facts = program.facts(file);
    for (id, call) in facts.calls.iter_ids() {
        let func = FuncRef {
            file,
            id: call.func,
        };
        if let ValueKind::Attr { base, name } = facts.values[call.callee].kind
            && let Some(method) = program.models.method(program.name(file, name))
            && program.targets(file, id).is_empty()
        {
            let sites = program.places(ValueRef { file, id: base });
            let positional =
                |at: Option<usize>| at.and_then(|it| program.argument(file, call, Some(it), ""));
            let kind = match method.does {
                Mutation::Remove => EffectKind::Remove,
                Mutation::Clear => EffectKind::Clear,
                Mutation::Get => EffectKind::Read(Usage::Receiver),
                how => EffectKind::Grow(how),
            };
            if sites.is_empty() && kind.shrinks() {
                guess(program, file, base, out);
            }
            for site in sites {
                out.effects.push(Effect {
                    place: site.key,
                    is_inner: site.is_inner,
                    kind,
                    func,
                    at: call.at,
                    key: positional(method.key),
                    value: positional(method.value),
                    context: call.context,
                    via: None,
                });
            }
        }
        // How much is in a queue is only a number.
        if let ValueKind::Attr { base, name } = facts.values[call.callee].kind
            && matches!(
                program.name(file, name),
                "qsize" | "empty" | "full" | "task_done"
            )
        {
            for site in program.places(ValueRef { file, id: base }) {
                out.effects.push(Effect {
                    place: site.key,
                    is_inner: site.is_inner,
                    kind: EffectKind::Read(Usage::Tested),
                    func,
                    at: call.at,
                    key: None,
                    value: None,
                    context: call.context,
                    via: None,
                });
            }
        }
        arguments::of_call(program, file, id, out);
    }
}

/// The name of an attribute of something unknown, from which something is removed: it may be any place of that name.
fn guess(program: &Program<'_>, file: u32, base: ValueId, out: &mut OfFile) {
    match program.facts(file).values[base].kind {
        ValueKind::Attr { name, .. } => out.guessed.push(program.sym_of(file, name)),
        ValueKind::Item { base, .. } => guess(program, file, base, out),
        _ => {}
    }
}

fn stores(program: &Program<'_>, file: u32, out: &mut OfFile) {
    let facts = program.facts(file);
    for store in facts.stores.iter() {
        let func = FuncRef {
            file,
            id: store.func,
        };
        // Reads of a local are no facts: that a parameter is kept is told here.
        if let Some(ValueKind::Var(var)) = store.value.map(|it| facts.values[it].kind)
            && facts.vars[var].param.is_some()
        {
            out.effects.push(Effect {
                place: PlaceKey::Var(VarRef { file, id: var }),
                is_inner: false,
                kind: EffectKind::Escape(Usage::Stored),
                func,
                at: store.at,
                key: None,
                value: None,
                context: store.context,
                via: None,
            });
        }
        let mut add = |place, is_inner, kind, key| {
            out.effects.push(Effect {
                place,
                is_inner,
                kind,
                func,
                at: store.at,
                key,
                value: store.value,
                context: store.context,
                via: None,
            });
        };
        match store.target {
            Target::Item(key) => {
                let kind = match store.kind {
                    StoreKind::Assign | StoreKind::Part => EffectKind::Grow(Mutation::Setitem),
                    // `X[k] += 1` fails on a missing key, except in a Counter or defaultdict.
                    StoreKind::Augment(_) => EffectKind::ReadInserts,
                    StoreKind::Delete => EffectKind::Remove,
                    StoreKind::Declare => continue,
                };
                let sites = program.places(ValueRef {
                    file,
                    id: store.base,
                });
                if sites.is_empty() && kind == EffectKind::Remove {
                    guess(program, file, store.base, out);
                    continue;
                }
                for site in sites {
                    add(site.key, site.is_inner, kind, Some(key));
                }
            }
            Target::Slice => {
                let kind = if store
                    .value
                    .is_some_and(|it| is_empty_or_slice(program, file, it))
                    || store.kind == StoreKind::Delete
                {
                    EffectKind::Remove
                } else {
                    EffectKind::Rebind
                };
                for site in program.places(ValueRef {
                    file,
                    id: store.base,
                }) {
                    add(site.key, site.is_inner, kind, None);
                }
            }
            Target::Attr(name) => {
                let kind = match store.kind {
                    StoreKind::Augment(op) => augment(op),
                    StoreKind::Assign | StoreKind::Part | StoreKind::Delete => EffectKind::Rebind,
                    StoreKind::Declare => continue,
                };
                let sites = attribute_sites(program, file, store.base, name);
                if sites.is_empty() {
                    if !kind.grows() {
                        out.guessed.push(program.sym_of(file, name));
                    }
                    continue;
                }
                for site in sites {
                    add(site.key, site.is_inner, kind, None);
                }
            }
        }
    }
}

fn is_empty_or_slice(program: &Program<'_>, file: u32, value: ValueId) -> bool {
    let facts = program.facts(file);
    match facts.values[value].kind {
        ValueKind::List(rows) | ValueKind::Tuple(rows) => rows.is_empty(),
        ValueKind::Slice { .. } | ValueKind::Comp { .. } => true,
        _ => false,
    }
}

fn augment(op: BinaryOp) -> EffectKind {
    match op {
        BinaryOp::Add | BinaryOp::BitOr => EffectKind::Augment,
        BinaryOp::Sub | BinaryOp::BitAnd => EffectKind::Remove,
        _ => EffectKind::Read(Usage::Tested),
    }
}

/// The places of `base.name` as a target.
fn attribute_sites(
    program: &Program<'_>,
    file: u32,
    base: ValueId,
    name: crate::base::Name,
) -> Sites {
    program.attribute_places(ValueRef { file, id: base }, program.sym_of(file, name))
}

/// Bindings of module variables inside functions, and `+=` on any variable.
fn bindings(program: &Program<'_>, file: u32, out: &mut OfFile) {
    let facts = program.facts(file);
    for def in &facts.defs {
        let var = &facts.vars[def.var];
        let kind = match def.kind {
            DefKind::Augment(op) => augment(op),
            DefKind::Assign | DefKind::Unpack(_) | DefKind::Delete | DefKind::With => {
                EffectKind::Rebind
            }
            _ => continue,
        };
        let is_global = var.home == Home::Module;
        if kind == EffectKind::Rebind && !(is_global && def.func.index() != 0) {
            continue;
        }
        let place = match var.home {
            Home::Class(class) => {
                let class = super::program::ClassRef { file, id: class };
                PlaceKey::Class(class, program.sym_of(file, var.name))
            }
            _ => PlaceKey::Var(VarRef { file, id: def.var }),
        };
        out.effects.push(Effect {
            place,
            is_inner: false,
            kind,
            func: FuncRef { file, id: def.func },
            at: def.at,
            key: None,
            value: def.value,
            context: def.context,
            via: None,
        });
    }
}

fn reads(program: &Program<'_>, file: u32, out: &mut OfFile) {
    let facts = program.facts(file);
    for func in facts.funcs.ids() {
        let fact = &facts.funcs[func];
        let here = FuncRef { file, id: func };
        for read in &facts.reads[fact.reads.range()] {
            let value = facts.values[read.value];
            let at = Span::new(value.at, value.at + 1);
            let mut add = |sites: Sites, kind| {
                for site in sites {
                    if is_definition(program, site.key) {
                        continue;
                    }
                    out.effects.push(Effect {
                        place: site.key,
                        is_inner: site.is_inner,
                        kind,
                        func: here,
                        at,
                        key: None,
                        value: None,
                        context: None,
                        via: None,
                    });
                }
            };
            if let ValueKind::Attr { base, name } = value.kind
                && let Some(method) = program.models.method(program.name(file, name))
                && method.does != Mutation::Get
            {
                let sites = program.places(ValueRef { file, id: base });
                let kind = if method.does.grows() {
                    EffectKind::Grow(method.does)
                } else {
                    EffectKind::Remove
                };
                if !sites.is_empty() {
                    add(sites, kind);
                    continue;
                }
            }
            match read.usage {
                // Arguments are followed into the callee, receivers of mutating methods are effects of their own.
                Usage::Argument | Usage::Called | Usage::Bound => {}
                Usage::Returned
                | Usage::Stored
                | Usage::Element
                | Usage::Yielded
                | Usage::Raised => {
                    add(
                        program.places(ValueRef {
                            file,
                            id: read.value,
                        }),
                        EffectKind::Escape(read.usage),
                    );
                }
                _ => add(
                    program.places(ValueRef {
                        file,
                        id: read.value,
                    }),
                    EffectKind::Read(read.usage),
                ),
            }
        }
        item_reads(program, file, func, out);
    }
}

/// Whether a place only ever holds functions, classes or modules: that they are read says nothing about the heap.
fn is_definition(program: &Program<'_>, key: PlaceKey) -> bool {
    let PlaceKey::Var(var) = key else {
        return false;
    };
    let fact = program.var(var);
    fact.home == Home::Module
        && program.facts(var.file).defs[fact.defs.range()]
            .iter()
            .all(|it| {
                matches!(
                    it.kind,
                    DefKind::Function(_) | DefKind::Class(_) | DefKind::Import(_)
                )
            })
}

/// `X[k]` as a value: of a `defaultdict`, it adds the key.
fn item_reads(program: &Program<'_>, file: u32, func: FuncId, out: &mut OfFile) {
    let facts = program.facts(file);
    for id in facts.funcs[func].values.ids() {
        let ValueKind::Item { base, key } = facts.values[id].kind else {
            continue;
        };
        if !matches!(
            facts.values[base].kind,
            ValueKind::Var(_) | ValueKind::Attr { .. }
        ) {
            continue;
        }
        for site in program.places(ValueRef { file, id: base }) {
            let value = facts.values[id];
            out.effects.push(Effect {
                place: site.key,
                is_inner: site.is_inner,
                kind: EffectKind::ReadInserts,
                func: FuncRef { file, id: func },
                at: Span::new(value.at, value.at + 1),
                key: Some(key),
                value: None,
                context: None,
                via: None,
            });
        }
    }
}

impl Program<'_> {
    /// Effects on a place, by function and position.
    #[must_use]
    pub fn effects(&self, place: PlaceKey) -> &[Effect] {
        self.effects.table.on(self.place_file(place), place)
    }

    /// Growth, by a function, of a container and those beside it: of the same module, class or object.
    pub fn growth_beside(&self, of: PlaceKey, func: FuncRef) -> impl Iterator<Item = &Effect> {
        let owner = |key: PlaceKey| match key {
            PlaceKey::Var(var) => (0, var.file, 0),
            PlaceKey::Class(class, _) => (1, class.file, class.id.index()),
            PlaceKey::Instance(class, _) => (2, class.file, class.id.index()),
            PlaceKey::Func(func, _) => (3, func.file, func.id.index()),
        };
        let growth = self.effects.table.growth(self.place_file(of), func);
        growth.filter(move |it| owner(it.place) == owner(of))
    }

    /// Whether a key is one of those that a container has: it comes from a loop over the container, or over a copy.
    #[must_use]
    pub fn is_key_of(&self, file: u32, key: ValueId, is_it: &dyn Fn(ValueId) -> bool) -> bool {
        let facts = self.facts(file);
        let ValueKind::Var(var) = facts.values[key].kind else {
            return false;
        };
        let mut defs = facts.reaching(Some(key), var).peekable();
        defs.peek().is_some()
            && defs.all(|it| {
                matches!(it.kind, DefKind::Element(_) | DefKind::Unpack(_))
                    && it
                        .value
                        .is_some_and(|it| self.is_drawn_from(file, it, is_it))
            })
    }

    /// Whether what is iterated is a container, its keys, or a copy of them: `X`, `list(X)`, `sorted(X.copy().items())`.
    #[must_use]
    pub fn is_drawn_from(&self, file: u32, iter: ValueId, is_it: &dyn Fn(ValueId) -> bool) -> bool {
        let facts = self.facts(file);
        let mut next = Some(iter);
        for _ in 0..4 {
            let Some(value) = next else { return false };
            if is_it(value) {
                return true;
            }
            let ValueKind::Call(call) = facts.values[value].kind else {
                return false;
            };
            let call = &facts.calls[call];
            next = match facts.values[call.callee].kind {
                ValueKind::Attr { base, name }
                    if matches!(self.name(file, name), "items" | "keys" | "values" | "copy") =>
                {
                    Some(base)
                }
                _ if matches!(
                    super::program::last_name(facts, call.callee),
                    Some("list" | "tuple" | "sorted" | "set" | "enumerate")
                ) =>
                {
                    facts.args[call.args.range()].first().map(|it| it.value)
                }
                _ => None,
            };
        }
        false
    }

    /// Removals from a place by key.
    pub fn keyed_removals(&self, place: PlaceKey) -> impl Iterator<Item = &Effect> {
        let file = self.place_file(place);
        self.effects.table.removals(file, place)
    }

    /// All effects, by place.
    pub fn all_effects(&self) -> impl Iterator<Item = &Effect> {
        self.effects.table.iter()
    }

    /// All places with effects, in order.
    #[must_use]
    pub fn places_with_effects(&self) -> Vec<PlaceKey> {
        self.effects.table.places()
    }

    /// Whether something is removed from, or bound to, an attribute of this name on a receiver of unknown type.
    #[must_use]
    pub fn is_removal_guessed(&self, name: Sym) -> bool {
        self.effects.guessed_removals.contains(&name)
    }

    /// What a function does with a parameter.
    #[must_use]
    pub fn summary(&self, param: VarRef) -> Summary {
        self.effects.params.get(&param).copied().unwrap_or_default()
    }
}

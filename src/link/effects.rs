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

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::place::{PlaceKey, Sites};
use super::program::{CallRef, FuncRef, Program, Sym, ValueRef, VarRef};
use crate::base::Span;
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
    list: Vec<Effect>,
    ranges: FxHashMap<PlaceKey, std::ops::Range<u32>>,
    /// Growth by each function: positions in the list.
    growth: FxHashMap<FuncRef, Vec<u32>>,
    /// Of each place its keyed removals: positions in the list.
    removals: FxHashMap<PlaceKey, Vec<u32>>,
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
    /// What callees do to what they are given.
    applied: Vec<Effect>,
    edges: Vec<Edge>,
    guessed: Vec<Sym>,
}

/// An argument that goes to a parameter.
struct Edge {
    sites: Sites,
    param: VarRef,
    call: CallRef,
}

/// Collects all effects.
pub(super) fn resolve(program: &mut Program<'_>) {
    let this = &*program;
    let mut files: Vec<OfFile> = (0..program.files.len() as u32)
        .into_par_iter()
        .map(|file| of_file(this, file))
        .collect();
    let mut out = Effects::default();
    for it in &mut files {
        out.guessed_removals.extend(std::mem::take(&mut it.guessed));
    }
    out.params = summaries(program, &files);
    let params = &out.params;
    files.par_iter_mut().for_each(|it| {
        for edge in std::mem::take(&mut it.edges) {
            apply(this, &edge, params, &mut it.applied);
        }
    });
    out.list = by_place(program, files);
    for (at, it) in out.list.iter().enumerate() {
        if it.kind.grows() {
            out.growth.entry(it.func).or_default().push(at as u32);
        } else if it.kind == EffectKind::Remove && it.key.is_some() && !it.is_inner {
            out.removals.entry(it.place).or_default().push(at as u32);
        }
    }
    let mut start = 0;
    for them in out.list.chunk_by(|a, b| a.place == b.place) {
        let end = start + them.len() as u32;
        out.ranges.insert(them[0].place, start..end);
        start = end;
    }
    program.effects = out;
}

/// All effects in one list, sorted by place, function and position.
///
/// First to the file and the sort of their place, then each such part by itself: a large list is neither sorted nor copied
/// as a whole.
fn by_place(program: &Program<'_>, files: Vec<OfFile>) -> Vec<Effect> {
    let count = program.files.len();
    let part = |key: PlaceKey| {
        let sort = match key {
            PlaceKey::Var(_) => 0,
            PlaceKey::Class(..) => 1,
            PlaceKey::Instance(..) => 2,
            PlaceKey::Func(..) => 3,
        };
        sort * count + program.place_file(key) as usize
    };
    let of_files = || files.iter().map(|it| &it.effects);
    let applied = || files.iter().map(|it| &it.applied);
    let mut next = vec![0_u32; 4 * count];
    let mut any = None;
    for effect in of_files().chain(applied()).flatten() {
        next[part(effect.place)] += 1;
        any = Some(*effect);
    }
    let Some(any) = any else {
        return Vec::new();
    };
    let mut lens = Vec::new();
    let mut sum = 0;
    for it in &mut next {
        if *it > 0 {
            lens.push(*it as usize);
        }
        let start = sum;
        sum += *it;
        *it = start;
    }
    let mut list = vec![any; sum as usize];
    for effect in of_files().chain(applied()).flatten() {
        let at = &mut next[part(effect.place)];
        list[*at as usize] = *effect;
        *at += 1;
    }
    drop(files);
    let mut rest = list.as_mut_slice();
    let mut parts = Vec::with_capacity(lens.len());
    for len in lens {
        let (part, after) = rest.split_at_mut(len);
        parts.push(part);
        rest = after;
    }
    parts
        .into_par_iter()
        .for_each(|it| it.sort_by_key(|it| (it.place, it.func, it.at, it.kind)));
    list
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

fn of_file(program: &Program<'_>, file: u32) -> OfFile {
    let mut out = OfFile::default();
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
        self.effects.ranges.get(&place).map_or(&[], |it| {
            &self.effects.list[it.start as usize..it.end as usize]
        })
    }

    /// Growth, by a function, of a container and those beside it: of the same module, class or object.
    pub fn growth_beside(&self, of: PlaceKey, func: FuncRef) -> impl Iterator<Item = &Effect> {
        let owner = |key: PlaceKey| match key {
            PlaceKey::Var(var) => (0, var.file, 0),
            PlaceKey::Class(class, _) => (1, class.file, class.id.index()),
            PlaceKey::Instance(class, _) => (2, class.file, class.id.index()),
            PlaceKey::Func(func, _) => (3, func.file, func.id.index()),
        };
        let at = self.effects.growth.get(&func).into_iter().flatten();
        at.map(|&it| &self.effects.list[it as usize])
            .filter(move |it| owner(it.place) == owner(of))
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
        let at = self.effects.removals.get(&place).into_iter().flatten();
        at.map(|&it| &self.effects.list[it as usize])
    }

    /// All effects, by place.
    #[must_use]
    pub fn all_effects(&self) -> &[Effect] {
        &self.effects.list
    }

    /// All places with effects, in order.
    #[must_use]
    pub fn places_with_effects(&self) -> Vec<PlaceKey> {
        let mut places: Vec<_> = self.effects.ranges.keys().copied().collect();
        places.sort_unstable();
        places
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

//! What may be open, and who may refer to it.

mod conditions;
mod containers;
mod effects;
mod kept;
mod known;
mod later;
mod lent;
mod refs;

use later::ClosedAtLast;
use rustc_hash::{FxHashMap, FxHashSet};

use super::guards::Guards;
use super::method_of;
use crate::base::{Name, Span};
use crate::facts::model::{
    CallId, DefKind, FileFacts, FuncId, Home, Usage, Value, ValueId, ValueKind, VarId,
};
use crate::flow::ir::{Body, Inst, InstKind};
use crate::models::resources::{Class, Effect, Kind};
use crate::resources::oracle::{Acquire, Oracle};

/// Methods of a path that is text, or an object, which give the same path in another spelling.
const SPELLINGS: &[&str] = &[
    "encode",
    "decode",
    "strip",
    "rstrip",
    "replace",
    "lower",
    "as_posix",
    "__str__",
    "__fspath__",
];

/// What the oracle said about a call.
struct Call {
    acquires: u64,
    arguments: Vec<Effect>,
    receiver: Effect,
    never_returns: bool,
    cannot_raise: bool,
    /// Whether a library API with a model is called.
    is_modeled: bool,
    /// A function that may give back a path in another spelling.
    spells: bool,
    /// A method of a literal text: it writes what it is given into a text.
    writes: bool,
    slot: Option<usize>,
    /// For a method of the instance: slots of its attributes that it may release.
    ends: Vec<usize>,
}

/// The analysis: word 0 of a state is what may be open, then two words (own, view) for each variable and call result.
pub(super) struct Holding<'a> {
    facts: &'a FileFacts,
    func: FuncId,
    sites: &'a [(CallId, Acquire<'a>)],
    calls: FxHashMap<CallId, Call>,
    vars: FxHashMap<VarId, usize>,
    /// Those among the captured ones that nested functions only use.
    lent: FxHashSet<VarId>,
    /// Those among them that no nested function has before it is made, after their last binding.
    captured_late: FxHashSet<VarId>,
    /// Where an instance is made: the instance, and what its attributes hold. If that fails, nobody gets it.
    this: Option<VarId>,
    attrs: FxHashMap<Name, usize>,
    /// Calls of nothing but a statement, and not awaited, where something is opened that has to be awaited to be closed.
    dropped: FxHashSet<CallId>,
    /// From where on the instance holds functions that hold it.
    tied_from: Option<u32>,
    words: usize,
    guards: Guards,
    /// Iterated values whose elements a loop closes or hands on.
    drained: FxHashSet<ValueId>,
    /// The variables among them.
    drained_vars: FxHashSet<VarId>,
    /// Containers that this function fills, and nobody else sees.
    containers: FxHashSet<VarId>,
    /// Walks over such that leave nothing to close, and whether they close.
    walked: FxHashMap<ValueId, bool>,
    /// What `finally` clauses close.
    closed_at_last: Vec<ClosedAtLast>,
    with_closes: u64,
    /// What iterating to its end closes; a loop that is left early is given the benefit of the doubt.
    exhaustible: u64,
    /// What goes with its last reference.
    counted: u64,
    /// What stands on disk: opening it, by its path, takes nothing over.
    on_disk: u64,
    /// What its maker does not open yet.
    late: u64,
    named: u64,
    /// Names of methods that the function takes from something.
    methods: FxHashSet<Name>,
    /// Whether something is given a time limit here.
    sets_limit: bool,
    lends: bool,
    /// Whether nobody throws into it.
    in_peace: bool,
}

/// Calls of nothing but a statement, and not awaited.
fn dropped(body: &Body, facts: &FileFacts) -> FxHashSet<CallId> {
    let mut dropped = FxHashSet::default();
    for inst in &body.insts {
        match inst.kind {
            InstKind::Call(call) if facts.calls[call].usage == Usage::Discarded => {
                dropped.insert(call);
            }
            InstKind::Await(value) => {
                if let ValueKind::Call(call) = facts.values[value].kind {
                    dropped.remove(&call);
                }
            }
            _ => {}
        }
    }
    dropped
}

/// Names of methods that a function takes from something: `f.read`, called or not.
fn taken_methods(facts: &FileFacts, oracle: &dyn Oracle, func: FuncId) -> FxHashSet<Name> {
    let values = facts.funcs[func].values.ids::<Value>();
    let names = values.filter_map(|it| match facts.values[it].kind {
        ValueKind::Attr { name, .. } => Some(name),
        _ => None,
    });
    let mut methods: FxHashSet<Name> = names.collect();
    methods.retain(|it| oracle.is_method(&facts.names[it.0 as usize]));
    methods
}

impl<'a> Holding<'a> {
    pub(super) fn new(
        body: &Body,
        facts: &'a FileFacts,
        oracle: &dyn Oracle,
        func: FuncId,
        sites: &'a [(CallId, Acquire<'a>)],
    ) -> Self {
        let mut it = Self {
            facts,
            func,
            sites,
            calls: FxHashMap::default(),
            vars: FxHashMap::default(),
            lent: FxHashSet::default(),
            captured_late: lent::captured_late(body, facts, func),
            this: None,
            tied_from: None,
            dropped: FxHashSet::default(),
            attrs: FxHashMap::default(),
            words: 1,
            guards: Guards::default(),
            drained: FxHashSet::default(),
            drained_vars: FxHashSet::default(),
            containers: containers::containers(facts, oracle, func),
            walked: FxHashMap::default(),
            closed_at_last: Vec::new(),
            with_closes: 0,
            exhaustible: 0,
            counted: 0,
            on_disk: 0,
            late: 0,
            named: 0,
            methods: taken_methods(facts, oracle, func),
            sets_limit: false,
            lends: oracle.lends_what_it_yields(func),
            in_peace: oracle.yields_in_peace(func),
        };
        it.with_closes = it.mask(|acquire| acquire.with_closes);
        it.exhaustible = it.mask(|acquire| acquire.exhaustible);
        it.on_disk = it
            .mask(|acquire| matches!(acquire.kind, Kind::TemporaryFile | Kind::TemporaryDirectory));
        it.late = it.mask(|acquire| acquire.is_late);
        it.counted = it.mask(|acquire| matches!(acquire.class, Class::C | Class::D));
        it.this = kept::made_here(body, facts, func, &|name| it.closers(name) != 0);
        it.lent = lent::lent(body, facts, oracle, func, &|name| it.closers(name) != 0);
        if let Some(this) = it.this {
            it.tied_from = kept::tied_from(body, facts, func, this);
            for inst in &body.insts {
                if let InstKind::Store(store) = inst.kind
                    && let Some(name) = it.own_attr(&facts.stores[store])
                    && !it.attrs.contains_key(&name)
                {
                    let slot = it.new_slot();
                    it.attrs.insert(name, slot);
                }
            }
        }
        if sites.iter().any(|(_, it)| !it.awaited.is_empty()) {
            it.dropped = dropped(body, facts);
        }
        for inst in &body.insts {
            match inst.kind {
                InstKind::Call(call) => it.note_call(call, oracle),
                InstKind::Bind { var, .. }
                | InstKind::Part { var, .. }
                | InstKind::Enter { var: Some(var), .. } => it.note_var(var),
                _ => {}
            }
        }
        it.drained = it.find_drained();
        it.drained_vars = it.vars_among(&it.drained);
        it.walked = it.find_walked(body);
        it.closed_at_last = it.find_closed_at_last(body);
        it.named = it.find_named(body);
        it.guards = Guards::find(body, facts, &it);
        it
    }

    fn note_call(&mut self, call: CallId, oracle: &dyn Oracle) {
        if self.calls.contains_key(&call) {
            return;
        }
        let mut acquires = 0;
        for (bit, (site, _)) in self.sites.iter().enumerate() {
            if *site == call {
                acquires |= 1 << bit;
            }
        }
        let count = self.facts.calls[call].args.len();
        self.sets_limit |= self.limits_time(call);
        let puts_into = self.put_into(call);
        let arguments: Vec<_> = (0..count)
            .map(|at| match puts_into {
                Some(_) => Effect::Borrow,
                None => oracle.effect_of_argument(call, at),
            })
            .collect();
        let method = method_of(self.facts, call);
        let receiver = match method {
            // What a container gives out may be any of what it holds.
            Some((base, _)) if puts_into.is_none() && self.container(base).is_some() => {
                Effect::Take
            }
            Some(_) => oracle.method_effect(call),
            None => Effect::Borrow,
        };
        let passes_on = |it: &Effect| matches!(it, Effect::Take | Effect::View | Effect::Elements);
        let is_handle = method.is_some_and(|(_, name)| self.handles(name) != 0);
        let is_modeled = oracle.is_modeled(call);
        let writes = method.is_some_and(|(base, name)| name == "format" && self.is_text(base));
        let arguments = if writes {
            vec![Effect::View; count]
        } else {
            arguments
        };
        let is_spelling = method.is_some_and(|(_, name)| SPELLINGS.contains(&name));
        let spells = self.on_disk != 0 && (count > 0 || is_spelling) && !is_modeled;
        let has_slot = spells
            || acquires != 0
            || is_handle
            || passes_on(&receiver)
            || arguments.iter().any(passes_on);
        let slot = has_slot.then(|| self.new_slot());
        let is_on_this = method.is_some_and(|(base, _)| self.is_this(base));
        let attrs = self.attrs.iter().filter(|_| is_on_this);
        let ends = attrs
            .filter(|(name, _)| !oracle.spares(call, self.name(**name)))
            .map(|(_, &slot)| slot)
            .collect();
        self.calls.insert(
            call,
            Call {
                acquires,
                arguments,
                receiver,
                never_returns: oracle.never_returns(call),
                cannot_raise: oracle.cannot_raise(call),
                is_modeled,
                spells,
                writes,
                slot,
                ends,
            },
        );
    }

    fn note_var(&mut self, var: VarId) {
        if (self.is_local(var) || self.is_of_module(var)) && !self.vars.contains_key(&var) {
            let slot = self.new_slot();
            self.vars.insert(var, slot);
        }
    }

    fn new_slot(&mut self) -> usize {
        let slot = self.words;
        self.words += 2;
        slot
    }

    /// Whether only this function's frame holds the variable.
    fn is_local(&self, id: VarId) -> bool {
        let var = &self.facts.vars[id];
        var.func == self.func
            && !self.stands_in(id)
            && (!var.is_captured || self.lent.contains(&id) || self.captured_late.contains(&id))
            && matches!(var.home, Home::Function | Home::Comprehension)
    }

    /// Whether it stands in for what an import could not give: `except ImportError: DEVNULL = open(os.devnull)`.
    fn stands_in(&self, id: VarId) -> bool {
        self.facts.defs[self.facts.vars[id].defs.range()]
            .iter()
            .any(|it| matches!(it.kind, DefKind::Import(_)))
    }

    fn closers(&self, name: &str) -> u64 {
        self.mask(|it| it.closers.iter().any(|it| &**it == name))
    }

    fn handles(&self, name: &str) -> u64 {
        let is_it = |it: &str| it == name || it == "*";
        self.mask(|it| it.handles.iter().any(|it| is_it(it))) & !self.closers(name)
    }

    /// What a method call closes by its name: not what has to be awaited for that, when nobody does.
    fn closed_by(&self, call: CallId, name: &str) -> u64 {
        let closed = self.closers(name);
        if closed == 0 || !self.dropped.contains(&call) {
            return closed;
        }
        closed & !self.mask(|it| it.awaited.iter().any(|it| &**it == name))
    }

    /// Attributes that are the resource itself: closing the part closes it.
    fn parts(&self, name: &str) -> u64 {
        self.mask(|it| it.parts.iter().any(|it| &**it == name))
    }

    /// What a method call reads to its end, so that it closes itself: `read()`, and `read(size)` again and again.
    fn ended(&self, call: CallId, name: &str) -> u64 {
        let ended = self.mask(|it| it.ended_by.iter().any(|it| &**it == name));
        if ended != 0 && (self.reads_all(call) || self.is_in_loop(call)) {
            ended
        } else {
            0
        }
    }

    /// What reading it to its end closes.
    fn read_out(&self) -> u64 {
        self.mask(|it| it.ended_by.iter().any(|it| &**it == "read"))
    }

    pub(super) fn facts(&self) -> &'a FileFacts {
        self.facts
    }

    pub(super) fn func(&self) -> FuncId {
        self.func
    }

    pub(super) fn is_modeled(&self, call: CallId) -> bool {
        self.calls.get(&call).is_some_and(|it| it.is_modeled)
    }

    /// Whether what an attribute of the instance got is part of a reference cycle at a place.
    pub(super) fn is_tied_at(&self, call: CallId, at: Span) -> bool {
        self.facts.calls[call].usage == Usage::Stored
            && self.tied_from.is_some_and(|it| it < at.start)
    }

    pub(super) fn is_late(&self, bit: u64) -> bool {
        self.late & bit != 0
    }

    /// Whether an instruction may be the one that opens what a call makes.
    pub(super) fn opens(&self, inst: &Inst, maker: CallId, bit: u64) -> bool {
        let InstKind::Call(call) = inst.kind else {
            return false;
        };
        if self.late & bit == 0 {
            return call == maker;
        }
        method_of(self.facts, call).is_some_and(|(_, name)| {
            self.mask(|it| it.opened_by.iter().any(|it| &**it == name)) & bit != 0
        })
    }

    fn mask_of(&self, call: CallId, is_in: impl Fn(&Acquire<'_>) -> bool) -> u64 {
        self.calls.get(&call).map_or(0, |it| it.acquires) & self.mask(is_in)
    }

    fn mask(&self, is_in: impl Fn(&Acquire<'_>) -> bool) -> u64 {
        let mut mask = 0;
        for (bit, (_, acquire)) in self.sites.iter().enumerate() {
            if is_in(acquire) {
                mask |= 1 << bit;
            }
        }
        mask
    }

    /// Acquisitions at this position of a tuple, and those that are not in a tuple.
    fn field(&self, index: i64) -> u64 {
        self.mask(|it| it.field.is_none_or(|field| i64::from(field) == index))
    }

    fn name(&self, name: crate::base::Name) -> &str {
        &self.facts.names[name.0 as usize]
    }

    pub(super) fn is_named(&self, bit: u64) -> bool {
        self.named & bit != 0
    }

    pub(super) fn sites(&self) -> &[(CallId, Acquire<'_>)] {
        self.sites
    }
}

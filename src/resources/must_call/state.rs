//! What may be open, and who may refer to it: the domain and the effects of instructions.

mod kept;
mod known;
mod lent;

use rustc_hash::{FxHashMap, FxHashSet};

use super::guards::Guards;
use super::method_of;
use crate::base::{Name, Span};
use crate::facts::model::{
    CallId, DefKind, FileFacts, FuncId, Home, Rows, Target, Usage, ValueId, ValueKind, VarId,
};
use crate::flow::ir::{Body, Exit, Inst, InstKind};
use crate::flow::solve::Analysis;
use crate::limits;
use crate::models::resources::{Class, Effect, Kind};
use crate::resources::oracle::{Acquire, Oracle};
use crate::syntax::tree::CompareOp;

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

/// What a value may refer to.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Refs {
    /// Closing the value closes these.
    pub(super) own: u64,
    /// The value needs these, and closing it does not close them.
    pub(super) view: u64,
}

impl Refs {
    const fn or(self, other: Self) -> Self {
        Self {
            own: self.own | other.own,
            view: self.view | other.view,
        }
    }

    const fn and(self, mask: u64) -> Self {
        Self {
            own: self.own & mask,
            view: self.view & mask,
        }
    }

    const fn all(self) -> u64 {
        self.own | self.view
    }
}

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
    /// Where an instance is made: the instance, and what its attributes hold. If that fails, nobody gets it.
    this: Option<VarId>,
    attrs: FxHashMap<Name, usize>,
    words: usize,
    guards: Guards,
    /// Iterated values whose elements a loop closes or hands on.
    drained: FxHashSet<ValueId>,
    /// The variables among them.
    drained_vars: FxHashSet<VarId>,
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
    lends: bool,
    /// Whether nobody throws into it.
    in_peace: bool,
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
            this: kept::made_here(facts, func),
            attrs: FxHashMap::default(),
            words: 1,
            guards: Guards::default(),
            drained: FxHashSet::default(),
            drained_vars: FxHashSet::default(),
            with_closes: 0,
            exhaustible: 0,
            counted: 0,
            on_disk: 0,
            late: 0,
            named: 0,
            lends: oracle.lends_what_it_yields(func),
            in_peace: oracle.yields_in_peace(func),
        };
        it.with_closes = it.mask(|acquire| acquire.with_closes);
        it.exhaustible = it.mask(|acquire| acquire.exhaustible);
        it.on_disk = it
            .mask(|acquire| matches!(acquire.kind, Kind::TemporaryFile | Kind::TemporaryDirectory));
        it.late = it.mask(|acquire| acquire.is_late);
        it.counted = it.mask(|acquire| matches!(acquire.class, Class::C | Class::D));
        it.lent = lent::lent(body, facts, oracle, func, &|name| it.closers(name) != 0);
        if it.this.is_some() {
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
        let arguments: Vec<_> = (0..count)
            .map(|at| oracle.effect_of_argument(call, at))
            .collect();
        let method = method_of(self.facts, call);
        let receiver = match method {
            Some(_) => oracle.method_effect(call),
            None => Effect::Borrow,
        };
        let passes_on = |it: &Effect| matches!(it, Effect::Take | Effect::View | Effect::Elements);
        let is_handle = method.is_some_and(|(_, name)| self.handles(name) != 0);
        let is_modeled = oracle.is_modeled(call);
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
            && (!var.is_captured || self.lent.contains(&id))
            && matches!(var.home, Home::Function | Home::Comprehension)
    }

    fn closers(&self, name: &str) -> u64 {
        self.mask(|it| it.closers.iter().any(|it| &**it == name))
    }

    fn handles(&self, name: &str) -> u64 {
        let is_it = |it: &str| it == name || it == "*";
        self.mask(|it| it.handles.iter().any(|it| is_it(it))) & !self.closers(name)
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

    pub(super) fn func(&self) -> FuncId {
        self.func
    }

    pub(super) fn is_modeled(&self, call: CallId) -> bool {
        self.calls.get(&call).is_some_and(|it| it.is_modeled)
    }

    pub(super) fn is_late(&self, bit: u64) -> bool {
        self.late & bit != 0
    }

    /// What a method call opens of what its object only was made for: `connect`.
    fn opened_late(&self, call: CallId, state: &[u64]) -> u64 {
        if self.late == 0 {
            return 0;
        }
        method_of(self.facts, call).map_or(0, |(base, name)| {
            let late = self.mask(|it| it.is_late && it.opened_by.iter().any(|it| &**it == name));
            if late == 0 {
                0
            } else {
                self.refs(base, state).own & late
            }
        })
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

    /// Loops that close, or hand on, each element of what they iterate. What goes into such a container counts as closed.
    fn find_drained(&self) -> FxHashSet<ValueId> {
        let calls = self.calls.keys();
        let vars: FxHashSet<VarId> = calls.flat_map(|&it| self.discharged(it)).collect();
        let defs = vars
            .into_iter()
            .flat_map(|it| &self.facts.defs[self.facts.vars[it].defs.range()]);
        defs.filter(|it| matches!(it.kind, DefKind::Element(_)))
            .filter_map(|it| it.value)
            .filter(|&it| !self.has_plain_elements(it, 0))
            .collect()
    }

    fn vars_among(&self, values: &FxHashSet<ValueId>) -> FxHashSet<VarId> {
        let kinds = values.iter().map(|&it| self.facts.values[it].kind);
        let vars = kinds.filter_map(|it| match it {
            ValueKind::Var(var) => Some(var),
            _ => None,
        });
        vars.collect()
    }

    /// Variables that a call closes or takes, as its receiver or as arguments.
    pub(super) fn discharged(&self, call: CallId) -> Vec<VarId> {
        let mut vars = Vec::new();
        let Some(known) = self.calls.get(&call) else {
            return vars;
        };
        let ends = |it: &Effect| matches!(it, Effect::Close | Effect::Transfer | Effect::Take);
        if let Some((base, name)) = method_of(self.facts, call)
            && (self.closers(name) | self.ended(call, name) != 0 || ends(&known.receiver))
        {
            vars.extend(self.var_of(base));
        }
        let args = self.facts.args[self.facts.calls[call].args.range()].iter();
        for (arg, effect) in args.zip(&known.arguments) {
            if ends(effect) {
                let value = self.spelled(arg.value);
                let value = match self.facts.values[value].kind {
                    ValueKind::Attr { base, name }
                        if self.closers(self.name(name)) | self.parts(self.name(name)) != 0 =>
                    {
                        base
                    }
                    _ => value,
                };
                vars.extend(self.var_of(value));
            }
        }
        vars
    }

    /// What a path in another spelling was made from.
    fn spelled(&self, value: ValueId) -> ValueId {
        if let ValueKind::Call(call) = self.facts.values[value].kind
            && self.calls.get(&call).is_some_and(|it| it.spells)
            && let Some(arg) = self.facts.args[self.facts.calls[call].args.range()].first()
        {
            return arg.value;
        }
        value
    }

    fn var_of(&self, value: ValueId) -> Option<VarId> {
        let value = match self.facts.values[value].kind {
            ValueKind::Star(inner) | ValueKind::Await(inner) => inner,
            _ => value,
        };
        match self.facts.values[value].kind {
            ValueKind::Var(var) => Some(var),
            _ => None,
        }
    }

    /// Acquisitions that some variable is bound to, directly or in a display.
    fn find_named(&self, body: &Body) -> u64 {
        let mut fresh = vec![0; self.words];
        for call in self.calls.values() {
            if let Some(slot) = call.slot {
                fresh[slot] = call.acquires;
            }
        }
        let refs = |inst: &Inst| match inst.kind {
            InstKind::Bind { value, .. } => self.refs(value, &fresh),
            InstKind::Part {
                value: Some(value),
                index,
                ..
            } => self.part(value, index, &fresh),
            InstKind::Enter {
                manager,
                var: Some(_),
                ..
            } => self.refs(manager, &fresh),
            _ => Refs::default(),
        };
        body.insts.iter().fold(0, |all, inst| all | refs(inst).own)
    }

    pub(super) fn is_named(&self, bit: u64) -> bool {
        self.named & bit != 0
    }

    pub(super) fn sites(&self) -> &[(CallId, Acquire<'_>)] {
        self.sites
    }

    /// What a value refers to in a state.
    fn refs(&self, value: ValueId, state: &[u64]) -> Refs {
        self.refs_at(value, state, 0)
    }

    fn refs_at(&self, value: ValueId, state: &[u64], depth: u32) -> Refs {
        if depth > limits::VALUE_DEPTH {
            return Refs::default();
        }
        let inner = |it| self.refs_at(it, state, depth + 1);
        let any = |rows: Rows, skip: usize| {
            self.facts.lists[rows.range()]
                .iter()
                .skip(skip)
                .map(|&it| inner(it))
                .fold(Refs::default(), Refs::or)
        };
        let viewed = |refs: Refs| Refs {
            own: 0,
            view: refs.all(),
        };
        match self.facts.values[value].kind {
            // Whoever gets the instance gets what it holds.
            ValueKind::Var(var) if self.this == Some(var) => Refs {
                own: self.attrs.values().fold(0, |all, &it| all | state[it]),
                view: self.attrs.values().fold(0, |all, &it| all | state[it + 1]),
            },
            ValueKind::Attr { base, name } if self.is_this(base) => {
                slot(self.attrs.get(&name).copied(), state)
            }
            ValueKind::Var(var) => slot(self.vars.get(&var).copied(), state),
            ValueKind::Call(call) => slot(self.calls.get(&call).and_then(|it| it.slot), state),
            ValueKind::Await(it) | ValueKind::Star(it) | ValueKind::Walrus { value: it, .. } => {
                inner(it)
            }
            ValueKind::Choice(rows) => any(rows, 1),
            ValueKind::And(rows)
            | ValueKind::Or(rows)
            | ValueKind::List(rows)
            | ValueKind::Tuple(rows)
            | ValueKind::Set(rows)
            | ValueKind::Dict(rows) => any(rows, 0),
            ValueKind::Comp { element, .. } => inner(element),
            ValueKind::Attr { base, name } => {
                let name = self.name(name);
                let base = inner(base);
                Refs {
                    own: base.own & (self.closers(name) | self.parts(name)),
                    view: base.all() & self.handles(name),
                }
            }
            ValueKind::Item { base, key } => match self.facts.values[key].kind {
                ValueKind::Int(at) => inner(base).and(self.field(i64::from(at))),
                _ => inner(base),
            },
            ValueKind::Slice { base } => inner(base),
            ValueKind::Binary { left, right, .. } => viewed(inner(left).or(inner(right))),
            ValueKind::FString(rows) => viewed(any(rows, 0)),
            _ => Refs::default(),
        }
    }

    /// What a part of a value refers to.
    fn part(&self, value: ValueId, index: Option<i16>, state: &[u64]) -> Refs {
        if self.has_plain_elements(value, 0) {
            return Refs::default();
        }
        let Some(index) = index else {
            return self.refs(value, state);
        };
        if let (ValueKind::Tuple(rows) | ValueKind::List(rows), Ok(at)) =
            (self.facts.values[value].kind, usize::try_from(index))
        {
            let is_star = |it: &_| matches!(self.facts.values[*it].kind, ValueKind::Star(_));
            let before = self.facts.lists[rows.range()].get(..=at).unwrap_or(&[]);
            if let Some(&element) = before.last()
                && !before.iter().any(is_star)
            {
                return self.refs(element, state);
            }
        }
        let refs = self.refs(value, state);
        if index >= 0 {
            refs.and(self.field(i64::from(index)))
        } else {
            refs
        }
    }

    /// What a call closes or takes away, whether it succeeds or raises.
    fn kills(&self, call: CallId, state: &[u64]) -> u64 {
        let mut kills = 0;
        let known = &self.calls[&call];
        let fact = &self.facts.calls[call];
        let opens = self.mask_of(call, |it| matches!(it.kind, Kind::File | Kind::Descriptor));
        let ended = |refs: Refs, effect: Effect| match effect {
            Effect::Close => refs.own,
            Effect::Transfer if opens != 0 => refs.all() & !self.on_disk,
            Effect::Transfer => refs.all(),
            Effect::Elements => refs.own & self.exhaustible,
            Effect::Exhaust => refs.all() & self.read_out(),
            Effect::Borrow | Effect::Take | Effect::View => 0,
        };
        match method_of(self.facts, call) {
            Some((base, name)) => {
                let base = self.refs(base, state);
                kills |= base.own & (self.closers(name) | self.ended(call, name));
                kills |= ended(base, known.receiver);
                kills |= known.ends.iter().fold(0, |all, &slot| all | state[slot]);
            }
            // `c = f.close; c()`
            None => kills |= self.refs(fact.callee, state).own,
        }
        let args = self.facts.args[fact.args.range()].iter();
        for (arg, effect) in args.zip(&known.arguments) {
            kills |= ended(self.refs(arg.value, state), *effect);
        }
        kills
    }

    /// What the result of a call refers to.
    fn result(&self, call: CallId, state: &[u64]) -> Refs {
        let known = &self.calls[&call];
        let fact = &self.facts.calls[call];
        let mut result = Refs {
            own: known.acquires,
            view: 0,
        };
        let mut add = |refs: Refs, effect: Effect| match effect {
            Effect::Take => result = result.or(refs),
            Effect::View => result.view |= refs.all(),
            Effect::Elements => result.view |= refs.own,
            Effect::Borrow if known.spells => result = result.or(refs.and(self.on_disk)),
            Effect::Borrow | Effect::Exhaust | Effect::Transfer | Effect::Close => {}
        };
        if let Some((base, name)) = method_of(self.facts, call) {
            let base = self.refs(base, state);
            add(base, known.receiver);
            add(base.and(self.handles(name)), Effect::View);
            if known.spells && SPELLINGS.contains(&name) {
                add(base.and(self.on_disk), Effect::Take);
            }
        }
        let args = self.facts.args[fact.args.range()].iter();
        for (arg, effect) in args.zip(&known.arguments) {
            if *effect != Effect::Elements || !self.is_single(arg.value) {
                add(self.refs(arg.value, state), *effect);
            }
        }
        result
    }

    /// Acquisitions whose last name an instruction takes away while they may be open.
    pub(super) fn loses(&self, inst: &Inst, state: &[u64]) -> u64 {
        match inst.kind {
            InstKind::Bind { var, value } => {
                let Some(&slot) = self.vars.get(&var) else {
                    return 0;
                };
                let mut lost = state[slot] & state[0] & !self.refs(value, state).all();
                for &other in self.vars.values() {
                    if other != slot {
                        lost &= !(state[other] | state[other + 1]);
                    }
                }
                lost
            }
            // The same call again, in a loop, while its last result still has a name.
            InstKind::Call(call) if self.is_bound_directly(call) => {
                let named = self.vars.values().fold(0, |all, &slot| all | state[slot]);
                self.calls[&call].acquires & state[0] & named
            }
            _ => 0,
        }
    }

    /// Whether the result of a call goes straight into a variable.
    fn is_bound_directly(&self, call: CallId) -> bool {
        matches!(self.facts.calls[call].usage, Usage::Bound | Usage::Awaited)
    }

    /// Whether an instruction is there to close something.
    pub(super) fn closes(&self, inst: &Inst) -> bool {
        match inst.kind {
            InstKind::Call(call) => {
                let known = &self.calls[&call];
                known.receiver == Effect::Close
                    || known.arguments.contains(&Effect::Close)
                    || known.receiver == Effect::Exhaust
                    || known.arguments.contains(&Effect::Exhaust) && self.read_out() != 0
                    || method_of(self.facts, call)
                        .is_some_and(|(_, it)| self.closers(it) | self.ended(call, it) != 0)
            }
            InstKind::Enter { .. } => true,
            _ => false,
        }
    }

    /// The closing that a branch stands for.
    pub(super) fn closing_behind(&self, exit: &Exit, bit: u64, state: &[u64]) -> Option<Span> {
        let Exit::Branch { test, .. } = *exit else {
            return None;
        };
        let guard = self.guards.at(test).iter().find(|it| {
            let owned = slot(self.vars.get(&it.var).copied(), state).own;
            it.closes && it.of & owned & bit != 0
        });
        guard.map(|it| it.at)
    }

    /// What cannot be open when a test comes out so.
    fn excluded(&self, test: ValueId, outcome: bool, state: &[u64]) -> u64 {
        let is_none = |it: ValueId| self.facts.values[it].kind == ValueKind::None;
        let is_zero = |it: ValueId| self.facts.values[it].kind == ValueKind::Int(0);
        match self.facts.values[test].kind {
            ValueKind::Var(_) | ValueKind::Walrus { .. } if !outcome => self.refs(test, state).own,
            ValueKind::Not(inner) => self.excluded(inner, !outcome, state),
            // `if os.fork() == 0:` is the child, which has none.
            ValueKind::Compare { op, left, right } if is_zero(right) => {
                let says_zero = match op {
                    CompareOp::Eq | CompareOp::Is => outcome,
                    CompareOp::NotEq | CompareOp::IsNot | CompareOp::Gt => !outcome,
                    CompareOp::Lt => outcome,
                    _ => false,
                };
                if says_zero {
                    self.refs(left, state).own & self.mask(|it| it.kind == Kind::Process)
                } else {
                    0
                }
            }
            // `if "f" in locals()` fails
            ValueKind::Compare {
                op: op @ (CompareOp::In | CompareOp::NotIn),
                left,
                right,
            } if outcome == (op == CompareOp::NotIn) => self.unbound(left, right, state),
            ValueKind::Compare { op, left, right } => {
                let value = match (is_none(left), is_none(right)) {
                    (false, true) => left,
                    (true, false) => right,
                    _ => return 0,
                };
                let says_none = match op {
                    CompareOp::Is | CompareOp::Eq => outcome,
                    CompareOp::IsNot | CompareOp::NotEq => !outcome,
                    _ => return 0,
                };
                if says_none {
                    self.refs(value, state).own
                } else {
                    0
                }
            }
            // `if f.closed:`
            ValueKind::Attr { base, name } if outcome && self.name(name) == "closed" => {
                self.refs(base, state).own
            }
            // `if isinstance(f, …)` fails, `if os.path.exists(name)` fails
            ValueKind::Call(call) if !outcome => {
                let forked = self.mask_of(call, |it| it.kind == Kind::Process);
                if forked != 0 {
                    return forked;
                }
                let fact = &self.facts.calls[call];
                let last = match self.facts.values[fact.callee].kind {
                    ValueKind::Var(var) => self.facts.vars[var].name,
                    ValueKind::Attr { name, .. } => name,
                    _ => return 0,
                };
                let asks = [
                    "isinstance",
                    "hasattr",
                    "exists",
                    "isfile",
                    "isdir",
                    "lexists",
                ];
                match self.facts.args[fact.args.range()].first() {
                    Some(arg) if asks.contains(&self.name(last)) => {
                        self.refs(arg.value, state).all()
                    }
                    _ => 0,
                }
            }
            _ => 0,
        }
    }

    /// What the variable owns that is not bound when its name is not in `locals()`.
    fn unbound(&self, name: ValueId, names: ValueId, state: &[u64]) -> u64 {
        let ValueKind::Str {
            text: Some(text), ..
        } = self.facts.values[name].kind
        else {
            return 0;
        };
        let is_locals = match self.facts.values[names].kind {
            ValueKind::Call(call) => {
                let fact = &self.facts.calls[call];
                let asks = ["locals", "vars", "dir"];
                matches!(self.facts.values[fact.callee].kind, ValueKind::Var(var)
                    if asks.contains(&self.name(self.facts.vars[var].name)))
                    && fact.args.is_empty()
            }
            _ => false,
        };
        if !is_locals {
            return 0;
        }
        let vars = self.vars.iter();
        vars.filter(|(var, _)| self.facts.vars[**var].name == text.into())
            .fold(0, |all, (_, &at)| all | slot(Some(at), state).own)
    }

    /// Whether a loop over the variable closes its elements.
    fn is_drained_var(&self, var: VarId) -> bool {
        self.drained_vars.contains(&var)
    }

    /// Lets a variable refer to something, in place of or in addition to what it did. What no variable of this frame holds
    /// is out of sight, hence handed over.
    fn bind(&self, var: VarId, refs: Refs, replaces: bool, state: &mut [u64]) {
        match self.vars.get(&var) {
            Some(&slot) => {
                if replaces {
                    state[slot] = 0;
                    state[slot + 1] = 0;
                }
                state[slot] |= refs.own;
                state[slot + 1] |= refs.view;
                if self.is_drained_var(var) {
                    self.end(refs.all(), state);
                }
            }
            None => self.end(refs.all(), state),
        }
    }

    /// Notes that somebody has closed these, or answers for them from now on. What is not open yet then is not ours when it
    /// is.
    fn end(&self, them: u64, state: &mut [u64]) {
        state[0] &= !them;
        if them & self.late != 0 {
            for &slot in self.vars.values() {
                state[slot] &= !(them & self.late);
            }
        }
    }
}

fn slot(slot: Option<usize>, state: &[u64]) -> Refs {
    slot.map_or_else(Refs::default, |at| Refs {
        own: state[at],
        view: state[at + 1],
    })
}

impl Analysis for Holding<'_> {
    fn words(&self) -> usize {
        self.words
    }

    fn may_raise(&self, inst: &Inst) -> bool {
        match inst.kind {
            InstKind::Call(call) => {
                let known = &self.calls[&call];
                // A closing that raises is not our business either.
                !known.cannot_raise
                    && !known.never_returns
                    && (!self.closes(inst) || self.gives_up(call) != 0)
            }
            InstKind::Enter { manager, .. } => match self.facts.values[manager].kind {
                ValueKind::Call(call) => !self.calls.get(&call).is_some_and(|it| it.cannot_raise),
                _ => true,
            },
            // A manager that raises while it is left is not our business.
            InstKind::Exit { .. } => false,
            InstKind::Yield(_) if self.in_peace => false,
            _ => inst.kind.may_raise(),
        }
    }

    fn apply(&self, inst: &Inst, state: &mut [u64]) -> bool {
        match inst.kind {
            InstKind::Call(call) => {
                let known = &self.calls[&call];
                if known.never_returns {
                    return false;
                }
                let result = self.result(call, state);
                self.end(self.kills(call, state), state);
                if let Some(slot) = known.slot {
                    state[slot] = result.own;
                    state[slot + 1] = result.view;
                }
                state[0] |= known.acquires & !self.late;
                state[0] |= self.owned_by(call, state) | self.opened_late(call, state);
            }
            InstKind::Bind { var, value } => self.bind(var, self.refs(value, state), true, state),
            InstKind::Part {
                var,
                value: Some(value),
                index,
            } => self.bind(var, self.part(value, index, state), index.is_some(), state),
            InstKind::Unbind(var) => {
                if let Some(&slot) = self.vars.get(&var) {
                    // `del f` is how CPython is told to close what goes with its last reference.
                    self.end(state[slot] & self.counted, state);
                    state[slot] = 0;
                    state[slot + 1] = 0;
                }
            }
            InstKind::Store(store) => {
                let store = &self.facts.stores[store];
                // `child.returncode = 0`: its object is told that nobody will wait for it.
                if matches!(store.target, Target::Attr(name) if self.name(name) == "returncode") {
                    let child = self.refs(store.base, state).own;
                    state[0] &= !(child & self.mask(|it| it.kind == Kind::Process));
                }
                // The keys of a container are held as its values are.
                if let Target::Item(key) = store.target {
                    self.end(self.refs(key, state).all(), state);
                }
                let refs = store
                    .value
                    .map_or_else(Refs::default, |it| self.refs(it, state));
                match self.own_attr(store).and_then(|it| self.attrs.get(&it)) {
                    Some(&slot) => {
                        // What it held before is out of sight.
                        state[0] &= !((state[slot] | state[slot + 1]) & !refs.all());
                        state[slot] = refs.own;
                        state[slot + 1] = refs.view;
                    }
                    None => self.end(refs.all(), state),
                }
            }
            InstKind::Enter { manager, var, .. } => {
                let refs = self.refs(manager, state);
                self.end(refs.own & self.with_closes & !self.late, state);
                if let Some(var) = var {
                    self.bind(var, refs, true, state);
                }
            }
            // What is opened only inside of it.
            InstKind::Exit { manager, .. } => {
                let refs = self.refs(manager, state);
                state[0] &= !(refs.own & self.with_closes & self.late);
            }
            InstKind::Return(Some(value)) | InstKind::Throw(Some(value)) => {
                self.end(self.refs(value, state).all(), state);
            }
            InstKind::Yield(Some(value)) if !self.lends => {
                self.end(self.refs(value, state).all(), state);
            }
            InstKind::Define(func) => {
                let free = self.facts.funcs[func].free.iter();
                for var in free.filter(|it| !self.lent.contains(*it)) {
                    self.end(slot(self.vars.get(var).copied(), state).all(), state);
                }
            }
            InstKind::Iterate(value) => {
                let refs = self.refs(value, state);
                let is_drained = self.drained.contains(&value);
                let ended = if is_drained {
                    refs.all()
                } else {
                    refs.own & self.exhaustible
                };
                self.end(ended, state);
            }
            _ => {}
        }
        true
    }

    fn apply_raise(&self, inst: &Inst, state: &mut [u64]) {
        match inst.kind {
            InstKind::Call(call) => {
                let wrapped = self.result(call, state).own & !self.calls[&call].acquires;
                let kept = self.gives_up(call);
                state[0] &= !(self.kills(call, state) & !kept | wrapped);
            }
            InstKind::Enter { manager, .. } | InstKind::Exit { manager, .. } => {
                state[0] &= !(self.refs(manager, state).own & self.with_closes);
            }
            // An opening that is waited for has not opened anything when it is cancelled.
            InstKind::Await(value) => {
                if let ValueKind::Call(call) = self.facts.values[value].kind {
                    state[0] &= !self.calls.get(&call).map_or(0, |it| it.acquires);
                }
            }
            InstKind::Throw(Some(value)) => state[0] &= !self.refs(value, state).all(),
            _ => {}
        }
    }

    fn apply_branch(&self, exit: &Exit, outcome: bool, state: &mut [u64]) {
        if let Exit::Branch { test, .. } = *exit {
            state[0] &= !self.excluded(test, outcome, state);
            for guard in self.guards.at(test) {
                let refs = slot(self.vars.get(&guard.var).copied(), state);
                state[0] &= !(refs.own & guard.of);
            }
        }
    }
}

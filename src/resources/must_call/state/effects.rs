//! What instructions do to a state.

use super::refs::{Refs, slot};
use super::{Holding, SPELLINGS};
use crate::facts::model::{CallId, Target, Usage, ValueKind, VarId};
use crate::flow::ir::{Exit, Inst, InstKind};
use crate::flow::solve::Analysis;
use crate::models::resources::{Effect, Kind};
use crate::resources::must_call::method_of;

impl Holding<'_> {
    /// What a call closes or takes away, whether it succeeds or raises.
    pub(super) fn kills(&self, call: CallId, state: &[u64]) -> u64 {
        let mut kills = 0;
        let known = &self.calls[&call];
        let fact = &self.facts.calls[call];
        let opens = self.mask_of(call, |it| matches!(it.kind, Kind::File | Kind::Descriptor));
        let stays = self.closed_later(call, state);
        let ended = |refs: Refs, effect: Effect| match effect {
            Effect::Close => refs.own,
            Effect::Transfer if opens != 0 => refs.all() & !(self.on_disk | stays),
            Effect::Transfer => refs.all() & !stays,
            Effect::Elements => refs.own & self.exhaustible,
            Effect::Exhaust => refs.all() & self.read_out(),
            Effect::Borrow | Effect::Take | Effect::View => 0,
        };
        match method_of(self.facts, call) {
            Some((base, name)) => {
                let base = self.refs(base, state);
                kills |= base.own & (self.closed_by(call, name) | self.ended(call, name));
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
        if known.writes {
            result = result.and(self.by_text());
        }
        result
    }

    /// Acquisitions whose last name an instruction takes away while they may be open.
    pub(in crate::resources::must_call) fn loses(&self, inst: &Inst, state: &[u64]) -> u64 {
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
                self.calls[&call].acquires & state[0] & named & !self.contained(state)
            }
            _ => 0,
        }
    }

    /// Whether the result of a call goes straight into a variable.
    fn is_bound_directly(&self, call: CallId) -> bool {
        matches!(self.facts.calls[call].usage, Usage::Bound | Usage::Awaited)
    }

    /// Whether an instruction is there to close something.
    pub(in crate::resources::must_call) fn closes(&self, inst: &Inst) -> bool {
        match inst.kind {
            InstKind::Call(call) => self.closes_by(call),
            InstKind::Enter { .. } => true,
            InstKind::Iterate(value) => self.walked.get(&value) == Some(&true),
            _ => false,
        }
    }

    /// Whether a call is there to close something.
    pub(in crate::resources::must_call) fn closes_by(&self, call: CallId) -> bool {
        let Some(known) = self.calls.get(&call) else {
            return false;
        };
        known.receiver == Effect::Close
            || known.arguments.contains(&Effect::Close)
            || known.receiver == Effect::Exhaust
            || known.arguments.contains(&Effect::Exhaust) && self.read_out() != 0
            || method_of(self.facts, call)
                .is_some_and(|(_, it)| self.closed_by(call, it) | self.ended(call, it) != 0)
    }

    /// What a method call opens of what its object only was made for: `connect`.
    pub(super) fn opened_late(&self, call: CallId, state: &[u64]) -> u64 {
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
                if self.is_drained_var(var) && !self.containers.contains(&var) {
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
            InstKind::Iterate(value) if self.walked.contains_key(&value) => false,
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
                if let Some(container) = self.put_into(call) {
                    for arg in &self.facts.args[self.facts.calls[call].args.range()] {
                        self.put(container, self.refs(arg.value, state), state);
                    }
                }
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
                if let (Target::Item(_), Some(container)) =
                    (store.target, self.container(store.base))
                {
                    self.put(container, refs, state);
                    return true;
                }
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
                let is_drained = self.drained.contains(&value) || self.walked.contains_key(&value);
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

//! What the function itself closes in the end: a call of which nothing is known was only lent it.
//!
//! ```python
//! fd = os.open(path, os.O_RDONLY)
//! size = measure(path)               # so when this fails, `fd` is lost
//! try:
//!     library.convert(fd, size)      # nobody knows what this does with `fd` ...
//! finally:
//!     os.close(fd)                   # ... but here it still is ours
//! ```

use rustc_hash::{FxHashMap, FxHashSet};

use super::Holding;
use crate::base::Idx;
use crate::facts::model::{CallId, ContextId, ContextKind, FileFacts, ValueId, ValueKind, VarId};
use crate::flow::ir::{Body, Exit, InstKind};
use crate::resources::must_call::method_of;

/// A variable that a `finally` clause closes.
pub(super) struct ClosedAtLast {
    var: VarId,
    /// What of it.
    of: u64,
    /// Where.
    at: u32,
    /// The calls of its `try` statement.
    guarded: FxHashSet<CallId>,
}

impl Holding<'_> {
    /// Variables that a `finally` clause closes whenever they hold something.
    pub(super) fn find_closed_at_last(&self, body: &Body) -> Vec<ClosedAtLast> {
        let mut out = Vec::new();
        for (number, block) in body.blocks.iter().enumerate() {
            for inst in &body.insts[block.start as usize..block.end as usize] {
                let InstKind::Call(call) = inst.kind else {
                    continue;
                };
                let Some(tests) = self.tests_of_finally(call) else {
                    continue;
                };
                for var in self.discharged(call) {
                    // A process that is waited for leaves its pipes.
                    let of = match method_of(self.facts, call) {
                        Some((base, name))
                            if self.facts.values[base].kind == ValueKind::Var(var) =>
                        {
                            self.closers(name)
                        }
                        _ => u64::MAX,
                    };
                    if tests.iter().all(|&it| self.asks_for(it, var)) {
                        out.push(ClosedAtLast {
                            var,
                            of,
                            at: self.facts.calls[call].at.start,
                            guarded: guarded(body, number),
                        });
                    }
                }
            }
        }
        out
    }

    /// For a closing in a `finally` clause: the tests that it stands under there.
    fn tests_of_finally(&self, call: CallId) -> Option<Vec<ValueId>> {
        let context = self.facts.calls[call].context?;
        if !self.closes_by(call) {
            return None;
        }
        let mut tests = Vec::new();
        above(self.facts, Some(context))
            .any(|it| {
                let kind = self.facts.contexts[it].kind;
                if let ContextKind::If { test, .. } | ContextKind::While { test, .. } = kind {
                    tests.push(test);
                }
                kind == ContextKind::Finally
            })
            .then_some(tests)
    }

    /// Whether a test asks whether there is something in a variable, or in one that the same opening bound.
    fn asks_for(&self, test: ValueId, var: VarId) -> bool {
        match self.facts.values[test].kind {
            ValueKind::Compare { left, .. } => self.asks_for(left, var),
            ValueKind::Var(it) => {
                let defs = |of: VarId| &self.facts.defs[self.facts.vars[of].defs.range()];
                it == var
                    || defs(it).iter().any(|one| {
                        one.value.is_some() && defs(var).iter().any(|it| it.value == one.value)
                    })
            }
            _ => false,
        }
    }

    /// What is closed here in the end, so that a call of which nothing is known was only lent it.
    pub(super) fn closed_later(&self, call: CallId, state: &[u64]) -> u64 {
        if self.closed_at_last.is_empty() || self.calls[&call].is_modeled {
            return 0;
        }
        let fact = &self.facts.calls[call];
        // `fd = None` behind the call: it took it over after all.
        let is_let_go = |var: VarId, at: u32| {
            self.facts.defs[self.facts.vars[var].defs.range()]
                .iter()
                .any(|it| fact.at.end <= it.at.start && it.at.start < at)
        };
        self.closed_at_last
            .iter()
            .filter(|it| it.guarded.contains(&call) && !is_let_go(it.var, it.at))
            .filter_map(|it| Some(state[*self.vars.get(&it.var)?] & it.of))
            .fold(0, |all, it| all | it)
    }
}

/// A condition and those around it.
fn above(facts: &FileFacts, at: Option<ContextId>) -> impl Iterator<Item = ContextId> + '_ {
    std::iter::successors(at, |&it| facts.contexts[it].parent)
}

/// Calls that, when they raise, lead to a block.
fn guarded(body: &Body, to: usize) -> FxHashSet<CallId> {
    let mut calls = FxHashSet::default();
    let mut known: FxHashMap<usize, bool> = FxHashMap::default();
    for block in &body.blocks {
        let Some(unwind) = block.unwind.map(Idx::index) else {
            continue;
        };
        if *known
            .entry(unwind)
            .or_insert_with(|| leads_to(body, unwind, to))
        {
            for inst in &body.insts[block.start as usize..block.end as usize] {
                if let InstKind::Call(call) = inst.kind {
                    calls.insert(call);
                }
            }
        }
    }
    calls
}

/// Whether control gets from a block to another if nothing more raises.
fn leads_to(body: &Body, from: usize, to: usize) -> bool {
    let mut reached = FxHashSet::default();
    let mut stack = vec![from];
    while let Some(number) = stack.pop() {
        if number == to {
            return true;
        }
        if !reached.insert(number) {
            continue;
        }
        let block = &body.blocks[number];
        match block.exit {
            Exit::Goto(next) => stack.push(next.index()),
            Exit::Branch { then, orelse, .. } => stack.extend([then.index(), orelse.index()]),
            Exit::Either(a, b) => stack.extend([a.index(), b.index()]),
            Exit::Raise => stack.extend(block.unwind.map(Idx::index)),
            Exit::Return | Exit::Dead => {}
        }
    }
    false
}

//! Whether a local name that holds what was just opened keeps it to itself.

use rustc_hash::FxHashSet;

use super::oracle::Oracle;
use crate::base::Idx;
use crate::facts::model::{
    CallF, CallId, ContextKind, FileFacts, Home, ResultKind, StoreKind, Target, Value, ValueId,
    ValueKind, VarId,
};
use crate::models::resources::{Effect, Resources};

/// The one thing that is done with it in the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It is returned, alone or in a tuple.
    Returned,
    /// An attribute or an item takes it.
    Stored,
    /// A call is given it.
    Given(CallId),
}

/// Whether a function only uses what a local name holds, until one thing is done with it.
///
/// ```python
/// out = open(path, "a"); out.write(head); self.out = out      # kept for the store
/// out = open(path, "a"); opened.append(out); return out       # somebody else has it too
/// child.wait(); return child                                  # nothing is left to do
/// ```
#[must_use]
pub fn is_kept_for(
    facts: &FileFacts,
    resources: &Resources,
    oracle: &dyn Oracle,
    var: VarId,
    end: End,
) -> bool {
    let fact = &facts.vars[var];
    if fact.is_captured || fact.home != Home::Function {
        return false;
    }
    let func = &facts.funcs[fact.func];
    let values = || (func.values.start..func.values.end).map(Idx::<Value>::new);
    let mut open: FxHashSet<ValueId> = values()
        .filter(|&it| facts.values[it].kind == ValueKind::Var(var))
        .collect();
    for id in (func.calls.start..func.calls.end).map(Idx::<CallF>::new) {
        let call = &facts.calls[id];
        if let ValueKind::Attr { base, name } = facts.values[call.callee].kind
            && open.contains(&base)
        {
            let is_closed =
                resources.is_closer(&facts.names[name.0 as usize]) && !is_in_handler(facts, id);
            let is_given = matches!(
                oracle.method_effect(id),
                Effect::Take | Effect::Transfer | Effect::Close
            );
            if is_closed || is_given {
                return false;
            }
        }
        for (at, arg) in facts.args[call.args.range()].iter().enumerate() {
            if open.contains(&arg.value)
                && end != End::Given(id)
                && matches!(
                    oracle.effect_of_argument(id, at),
                    Effect::Borrow | Effect::Exhaust | Effect::View
                )
            {
                open.remove(&arg.value);
            }
        }
    }
    for value in values() {
        match facts.values[value].kind {
            ValueKind::Attr { base: it, .. }
            | ValueKind::Not(it)
            | ValueKind::Item { base: it, .. }
            | ValueKind::Comp { iter: it, .. } => {
                open.remove(&it);
            }
            ValueKind::Compare { left, right, .. } => {
                open.remove(&left);
                open.remove(&right);
            }
            _ => {}
        }
    }
    let mut ends = 0;
    match end {
        End::Returned => {
            for result in &facts.results[func.results.range()] {
                let Some(value) = result.value.filter(|_| result.kind == ResultKind::Return) else {
                    continue;
                };
                let mut is_it = open.remove(&value);
                if let ValueKind::Tuple(rows) = facts.values[value].kind {
                    for element in &facts.lists[rows.range()] {
                        is_it |= open.remove(element);
                    }
                }
                ends += usize::from(is_it);
            }
        }
        End::Given(call) => {
            for arg in &facts.args[facts.calls[call].args.range()] {
                ends += usize::from(open.remove(&arg.value));
            }
        }
        End::Stored => {
            for store in &facts.stores.as_slice()[func.stores.range()] {
                if store.kind == StoreKind::Assign
                    && matches!(store.target, Target::Attr(_) | Target::Item(_))
                    && store.value.is_some_and(|it| open.remove(&it))
                {
                    ends += 1;
                }
            }
        }
    }
    if ends == 0 || ends > 1 && end != End::Returned {
        return false;
    }
    if !open.is_empty() {
        for context in facts.contexts.iter() {
            match context.kind {
                ContextKind::If { test: it, .. }
                | ContextKind::While { test: it, .. }
                | ContextKind::For { iter: it } => {
                    open.remove(&it);
                }
                _ => {}
            }
        }
    }
    open.is_empty()
}

fn is_in_handler(facts: &FileFacts, call: CallId) -> bool {
    let mut at = facts.calls[call].context;
    while let Some(context) = at {
        let context = &facts.contexts[context];
        if matches!(context.kind, ContextKind::Handler { .. }) {
            return true;
        }
        at = context.parent;
    }
    false
}

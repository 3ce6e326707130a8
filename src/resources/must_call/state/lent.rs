//! Locals that nested functions share: those that are only used by one which itself never leaves the function around it,
//! and those that are this function's alone until the nested one is made.
//!
//! ```python
//! def names(url):
//!     session = requests.Session()
//!     def page(n): return session.get(f"{url}?{n}").json()      # uses it
//!     return [page(n) for n in range(3)]                        # and is only called: `session` is still ours to close
//! ```

use rustc_hash::FxHashSet;

use crate::facts::model::{
    CallF, CallId, ContextId, ContextKind, DefKind, FileFacts, FuncId, Home, Usage, Value, ValueId,
    ValueKind, VarId,
};
use crate::flow::ir::{Body, InstKind};
use crate::models::resources::Effect;
use crate::resources::oracle::Oracle;

/// Captured locals of a function that its nested functions only borrow.
pub(super) fn lent(
    body: &Body,
    facts: &FileFacts,
    oracle: &dyn Oracle,
    func: FuncId,
    closes: &dyn Fn(&str) -> bool,
) -> FxHashSet<VarId> {
    let mut lent = FxHashSet::default();
    let mut spoiled = FxHashSet::default();
    let made: FxHashSet<FuncId> = body
        .insts
        .iter()
        .filter_map(|it| match it.kind {
            InstKind::Define(inner) => Some(inner),
            _ => None,
        })
        .collect();
    for inner in made {
        for &var in &facts.funcs[inner].free {
            let fact = &facts.vars[var];
            if fact.func != func || fact.home != Home::Function {
                continue;
            }
            if is_only_called(facts, func, inner) && borrows(facts, oracle, inner, var, closes) {
                lent.insert(var);
            } else {
                spoiled.insert(var);
            }
        }
    }
    lent.retain(|it| !spoiled.contains(it));
    if !lent.is_empty() {
        // Functions inside of those are not followed.
        let deeper = facts.funcs.iter().filter(|it| it.parent != Some(func));
        for var in deeper.flat_map(|it| &it.free) {
            lent.remove(var);
        }
    }
    lent
}

/// Captured locals that nested functions only read, all of them made after the last binding: until then nobody else has them.
///
/// ```python
/// sock = socket.socket()
/// sock.connect(path)                          # still this frame's alone
/// loop.add_reader(sock, lambda: read(sock))   # from here on the lambda has it too
/// ```
pub(super) fn captured_late(body: &Body, facts: &FileFacts, func: FuncId) -> FxHashSet<VarId> {
    let mut late = FxHashSet::default();
    let mut spoiled = FxHashSet::default();
    for inst in &body.insts {
        let InstKind::Define(inner) = inst.kind else {
            continue;
        };
        let loops: Vec<ContextId> = above(facts, facts.funcs[inner].context)
            .filter(|&it| {
                let kind = facts.contexts[it].kind;
                matches!(kind, ContextKind::While { .. } | ContextKind::For { .. })
            })
            .collect();
        for &var in &facts.funcs[inner].free {
            let fact = &facts.vars[var];
            let is_before = fact.func == func
                && fact.home == Home::Function
                && facts.defs[fact.defs.range()].iter().all(|def| {
                    def.func == func
                        && def.at.start < inst.at.start
                        && !above(facts, def.context).any(|it| loops.contains(&it))
                });
            if is_before {
                late.insert(var);
            } else {
                spoiled.insert(var);
            }
        }
    }
    late.retain(|it| !spoiled.contains(it));
    late
}

/// A condition and those around it.
fn above(facts: &FileFacts, at: Option<ContextId>) -> impl Iterator<Item = ContextId> + '_ {
    std::iter::successors(at, |&it| facts.contexts[it].parent)
}

/// Whether the function around does nothing with a nested one but to call it, and to use up what it generates.
fn is_only_called(facts: &FileFacts, around: FuncId, inner: FuncId) -> bool {
    let fact = &facts.funcs[inner];
    let Some(var) = fact.var.filter(|_| fact.decorators.is_empty()) else {
        return false;
    };
    let is_plain = |it: VarId| {
        let fact = &facts.vars[it];
        fact.func == around && fact.home == Home::Function && !fact.is_captured
    };
    let [def] = &facts.defs[facts.vars[var].defs.range()] else {
        return false;
    };
    if !is_plain(var) || def.kind != DefKind::Function(inner) {
        return false;
    }
    let outer = &facts.funcs[around];
    let called: Vec<&CallF> = outer
        .calls
        .ids()
        .map(|it: CallId| &facts.calls[it])
        .filter(|it| facts.values[it.callee].kind == ValueKind::Var(var))
        .collect();
    let reads = outer
        .values
        .ids()
        .filter(|&it: &ValueId| facts.values[it].kind == ValueKind::Var(var))
        .count();
    let is_later = fact.is_generator || fact.is_async;
    reads == called.len()
        && called.iter().all(|it| match it.usage {
            // Generated while it is asked for; whoever gets the generator may ask after our end.
            Usage::Returned | Usage::Yielded | Usage::Stored | Usage::Element => !is_later,
            Usage::Bound => !is_later || is_bound_plainly(facts, around, it),
            _ => true,
        })
}

/// Whether the name that a generator is bound to is used up here: given to calls, iterated.
fn is_bound_plainly(facts: &FileFacts, around: FuncId, call: &CallF) -> bool {
    let mut defs = facts.defs.iter().filter(|def| {
        def.kind == DefKind::Assign
            && def.func == around
            && def.value.is_some_and(|it| match facts.values[it].kind {
                ValueKind::Call(id) => facts.calls[id].at == call.at,
                _ => false,
            })
    });
    let Some(def) = defs.next() else { return false };
    let var = def.var;
    let fact = &facts.funcs[around];
    let given = fact.calls.ids::<CallF>().flat_map(|id| {
        let call = &facts.calls[id];
        facts.args[call.args.range()].iter().map(|it| it.value)
    });
    let given = given
        .filter(|&it| facts.values[it].kind == ValueKind::Var(var))
        .count();
    let reads = fact
        .values
        .ids()
        .filter(|&it: &ValueId| facts.values[it].kind == ValueKind::Var(var))
        .count();
    !facts.vars[var].is_captured && reads == given
}

/// Whether a nested function only calls methods of a variable, and gives it to those who only use it.
fn borrows(
    facts: &FileFacts,
    oracle: &dyn Oracle,
    inner: FuncId,
    var: VarId,
    closes: &dyn Fn(&str) -> bool,
) -> bool {
    let fact = &facts.funcs[inner];
    let binds = |it: &crate::facts::model::DefF| it.func == inner;
    if facts.defs[facts.vars[var].defs.range()].iter().any(binds) {
        return false;
    }
    let mut open: FxHashSet<ValueId> = fact
        .values
        .ids()
        .filter(|&it: &crate::base::Idx<Value>| facts.values[it].kind == ValueKind::Var(var))
        .collect();
    for id in fact.calls.ids() {
        let call = &facts.calls[id];
        if let ValueKind::Attr { base, name } = facts.values[call.callee].kind
            && !closes(&facts.names[name.0 as usize])
            && oracle.method_effect(id) == Effect::Borrow
        {
            open.remove(&base);
        }
        for (at, arg) in facts.args[call.args.range()].iter().enumerate() {
            if open.contains(&arg.value) && oracle.effect_of_argument(id, at) == Effect::Borrow {
                open.remove(&arg.value);
            }
        }
    }
    open.is_empty()
}

//! Local containers: what is put into one is held by its name, until it is walked, handed on or dropped with the frame.
//!
//! ```python
//! ends = []
//! for _ in range(2):
//!     reader, writer = os.pipe()
//!     ends.append(reader); ends.append(writer)      # `ends` holds them
//! child = subprocess.Popen(cmd)                     # if this raises, they are lost
//! for end in ends: os.close(end)                    # walked: all closed
//! ```
//!
//! Only names count that nobody else can learn the container by: what is stored, captured, or given to code that may keep
//! it is no such name.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Holding;
use super::refs::Refs;
use crate::facts::model::{
    CallF, CallId, ContextId, ContextKind, DefKind, FileFacts, FuncId, Home, ResultKind, Target,
    Value, ValueId, ValueKind, VarId,
};
use crate::flow::ir::{Body, InstKind};
use crate::models::resources::Effect;
use crate::resources::must_call::{Holder, method_of};
use crate::resources::oracle::Oracle;
use crate::syntax::tree::ParamKind;

/// Methods that put their arguments into a container.
const PUTS: &[&str] = &[
    "append",
    "appendleft",
    "add",
    "insert",
    "extend",
    "extendleft",
    "update",
    "setdefault",
];

/// What makes an empty container, or one of what it is given.
const MAKERS: &[&str] = &["list", "dict", "set", "deque", "OrderedDict", "defaultdict"];

/// Local names of containers that this function fills, and nobody else sees.
pub(super) fn containers(facts: &FileFacts, oracle: &dyn Oracle, func: FuncId) -> FxHashSet<VarId> {
    let fact = &facts.funcs[func];
    let mut filled = FxHashSet::default();
    for id in fact.calls.ids::<CallF>() {
        if let Some((base, name)) = method_of(facts, id)
            && PUTS.contains(&name)
            && let ValueKind::Var(var) = facts.values[base].kind
        {
            filled.insert(var);
        }
    }
    for store in &facts.stores.as_slice()[fact.stores.range()] {
        if let (Target::Item(_), ValueKind::Var(var)) =
            (store.target, facts.values[store.base].kind)
        {
            filled.insert(var);
        }
    }
    filled.retain(|&it| is_made_here(facts, func, it));
    if filled.is_empty() {
        return filled;
    }
    let mut plain = plain_places(facts, func);
    for id in fact.calls.ids::<CallF>() {
        for (at, arg) in facts.args[facts.calls[id].args.range()].iter().enumerate() {
            if matches!(facts.values[arg.value].kind, ValueKind::Var(it) if filled.contains(&it))
                && oracle.is_modeled(id)
                && oracle.effect_of_argument(id, at) == Effect::Borrow
            {
                plain.insert(arg.value);
            }
        }
    }
    for result in &facts.results[fact.results.range()] {
        if result.kind == ResultKind::Return {
            plain.extend(result.value);
        }
    }
    for id in fact.values.ids::<Value>() {
        if let ValueKind::Var(var) = facts.values[id].kind
            && !plain.contains(&id)
        {
            filled.remove(&var);
        }
    }
    filled
}

/// Values of a function that stand where nobody gets them: methods are called on them, items and attributes read, they are
/// tested, compared or walked.
fn plain_places(facts: &FileFacts, func: FuncId) -> FxHashSet<ValueId> {
    let fact = &facts.funcs[func];
    let mut plain = FxHashSet::default();
    let mut contexts = FxHashSet::default();
    let mut above = |at: Option<ContextId>| {
        let mut at = at;
        while let Some(it) = at.filter(|&it| contexts.insert(it)) {
            at = facts.contexts[it].parent;
        }
    };
    for id in fact.calls.ids::<CallF>() {
        above(facts.calls[id].context);
        if let ValueKind::Attr { base, .. } = facts.values[facts.calls[id].callee].kind {
            plain.insert(base);
        }
    }
    for store in &facts.stores.as_slice()[fact.stores.range()] {
        above(store.context);
        plain.insert(store.base);
    }
    for result in &facts.results[fact.results.range()] {
        above(result.context);
    }
    for id in fact.values.ids::<Value>() {
        match facts.values[id].kind {
            ValueKind::Item { base: it, .. }
            | ValueKind::Slice { base: it }
            | ValueKind::Not(it)
            | ValueKind::Comp { iter: it, .. } => {
                plain.insert(it);
            }
            ValueKind::Compare { left, right, .. } => plain.extend([left, right]),
            _ => {}
        }
    }
    for context in contexts {
        match facts.contexts[context].kind {
            ContextKind::If { test: it, .. }
            | ContextKind::While { test: it, .. }
            | ContextKind::For { iter: it } => {
                plain.insert(it);
            }
            _ => {}
        }
    }
    plain
}

/// Whether a variable is only ever bound to containers that are made for it.
fn is_made_here(facts: &FileFacts, func: FuncId, var: VarId) -> bool {
    let fact = &facts.vars[var];
    let defs = &facts.defs[fact.defs.range()];
    fact.func == func
        && fact.home == Home::Function
        && !fact.is_captured
        && !defs.is_empty()
        && defs.iter().all(|def| match (def.kind, def.value) {
            (DefKind::Assign, Some(value)) => match facts.values[value].kind {
                ValueKind::List(_) | ValueKind::Dict(_) | ValueKind::Set(_) => true,
                ValueKind::Call(call) => {
                    let last = match facts.values[facts.calls[call].callee].kind {
                        ValueKind::Var(var) => facts.vars[var].name,
                        ValueKind::Attr { name, .. } => name,
                        _ => return false,
                    };
                    MAKERS.contains(&&facts.names[last.0 as usize])
                }
                _ => false,
            },
            // `**options`
            (DefKind::Param, _) => facts.params[facts.funcs[func].params.range()]
                .iter()
                .any(|it| it.var == var && it.kind == ParamKind::KwArgs),
            _ => false,
        })
}

impl Holding<'_> {
    /// The container that a value names.
    pub(super) fn container(&self, value: ValueId) -> Option<VarId> {
        match self.facts.values[value].kind {
            ValueKind::Var(var) if self.containers.contains(&var) => Some(var),
            _ => None,
        }
    }

    /// The container that a call puts its arguments into.
    pub(super) fn put_into(&self, call: CallId) -> Option<VarId> {
        let (base, name) = method_of(self.facts, call)?;
        self.container(base).filter(|_| PUTS.contains(&name))
    }

    /// Lets a container hold something besides what it does.
    pub(super) fn put(&self, container: VarId, refs: Refs, state: &mut [u64]) {
        if let Some(&slot) = self.vars.get(&container) {
            state[slot] |= refs.own;
            state[slot + 1] |= refs.view;
        }
    }

    /// What containers hold.
    pub(super) fn contained(&self, state: &[u64]) -> u64 {
        let slots = self.containers.iter().filter_map(|it| self.vars.get(it));
        slots.fold(0, |all, &slot| all | state[slot])
    }

    /// Walks over containers after which nothing in them is ours to close: each element is closed or handed on, or goes
    /// where it is not followed. Of each, whether it closes.
    pub(super) fn find_walked(&self, body: &Body) -> FxHashMap<ValueId, bool> {
        let mut walked: FxHashMap<ValueId, Option<(bool, bool)>> = FxHashMap::default();
        if self.containers.is_empty() {
            return FxHashMap::default();
        }
        for inst in &body.insts {
            if let InstKind::Iterate(value) = inst.kind
                && self.is_of_container(value)
            {
                walked.insert(value, None);
            }
        }
        if walked.is_empty() {
            return FxHashMap::default();
        }
        let fact = &self.facts.funcs[self.func];
        let closing = self.calls.keys().filter(|&&it| self.closes_by(it));
        let closed: FxHashSet<VarId> = closing.flat_map(|&it| self.discharged(it)).collect();
        let mut plain = plain_places(self.facts, self.func);
        for id in fact.calls.ids::<CallF>() {
            let args = &self.facts.args[self.facts.calls[id].args.range()];
            plain.extend(args.iter().map(|it| it.value));
        }
        let values = || {
            let ids = fact.values.ids::<Value>();
            ids.map(|it| (it, self.facts.values[it].kind))
        };
        plain.extend(values().filter_map(|it| match it.1 {
            ValueKind::Attr { base, .. } => Some(base),
            _ => None,
        }));
        let kept: FxHashSet<VarId> = values()
            .filter_map(|(id, kind)| match kind {
                ValueKind::Var(var) if !plain.contains(&id) => Some(var),
                _ => None,
            })
            .collect();
        for inst in &body.insts {
            if let InstKind::Part {
                var,
                value: Some(value),
                ..
            } = inst.kind
                && let Some(known) = walked.get_mut(&value)
            {
                let (is_closed, is_kept) = known.unwrap_or_default();
                *known = Some((
                    is_closed | closed.contains(&var),
                    is_kept | kept.contains(&var) | self.drained.contains(&value),
                ));
            }
        }
        // What is walked without a name for its elements is handed on.
        walked
            .into_iter()
            .map(|(value, known)| (value, known.unwrap_or((false, true))))
            .filter(|(_, (is_closed, is_kept))| *is_closed || *is_kept)
            .map(|(value, (is_closed, _))| (value, is_closed))
            .collect()
    }

    /// The name that first holds what a call opens.
    pub(in crate::resources::must_call) fn holder(
        &self,
        body: &Body,
        call: CallId,
    ) -> Option<Holder> {
        let is_it = |value: ValueId| match self.facts.values[value].kind {
            ValueKind::Call(it) => it == call,
            ValueKind::Await(inner) => self.facts.values[inner].kind == ValueKind::Call(call),
            _ => false,
        };
        body.insts.iter().find_map(|inst| match inst.kind {
            InstKind::Bind { var, value } if is_it(value) => Some(Holder::Var(var)),
            InstKind::Call(id) => {
                let args = &self.facts.args[self.facts.calls[id].args.range()];
                let mut values = args.iter().map(|it| it.value);
                let container = self.put_into(id)?;
                values.any(is_it).then_some(Holder::Container(container))
            }
            _ => None,
        })
    }

    /// Whether a value is a container, or what one of its methods gives.
    fn is_of_container(&self, value: ValueId) -> bool {
        let base = match self.facts.values[value].kind {
            ValueKind::Call(call) => match method_of(self.facts, call) {
                Some((base, _)) => base,
                None => return false,
            },
            ValueKind::Slice { base } => base,
            _ => value,
        };
        self.container(base).is_some()
    }
}

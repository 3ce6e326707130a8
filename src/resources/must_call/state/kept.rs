//! What others keep when a function is done: variables of the module, and the attributes of an instance that it makes.
//!
//! ```python
//! def __init__(self, path):
//!     self.file = open(path)                              # kept by the instance ...
//!     if self.file.read(2) != b"BM": raise ValueError     # ... which nobody ever gets
//! ```

use rustc_hash::FxHashSet;

use super::Holding;
use crate::base::{Idx, Name};
use crate::facts::model::{
    CallF, DefKind, FileFacts, FuncId, Home, StoreF, Target, Value, ValueId, ValueKind, VarId,
};
use crate::flow::ir::{Body, InstKind};
use crate::resources::must_call::method_of;

impl Holding<'_> {
    /// Whether it is a variable of the module that nothing but this function binds after import, and whose value no other
    /// function seems to close.
    pub(super) fn is_of_module(&self, var: VarId) -> bool {
        let fact = &self.facts.vars[var];
        fact.home == Home::Module
            && fact.is_declared_global
            && self.facts.defs[fact.defs.range()].iter().all(|def| {
                def.kind == DefKind::Assign
                    && (def.func == self.func || self.facts.funcs[def.func].is_module())
            })
            && !self.facts.values.iter().any(|it| match it.kind {
                ValueKind::Attr { base, name } => {
                    self.facts.values[base].kind == ValueKind::Var(var)
                        && self.closers(self.name(name)) != 0
                }
                _ => false,
            })
    }

    /// What others keep when the function is done: variables of the module, attributes of an instance that is made.
    pub(in crate::resources::must_call) fn kept(&self, state: &[u64]) -> u64 {
        let vars = self.vars.iter();
        let of_module = vars.filter(|(var, _)| self.facts.vars[**var].home == Home::Module);
        self.attrs
            .values()
            .chain(of_module.map(|it| it.1))
            .fold(0, |all, &slot| all | state[slot] | state[slot + 1])
    }

    /// Whether an exceptional end leaves it to nobody, as a variable of the module would not.
    pub(in crate::resources::must_call) fn kept_by_module(&self, state: &[u64]) -> u64 {
        let vars = self.vars.iter();
        vars.filter(|(var, _)| self.facts.vars[**var].home == Home::Module)
            .fold(0, |all, (_, &slot)| all | state[slot] | state[slot + 1])
    }

    pub(super) fn is_this(&self, value: ValueId) -> bool {
        self.this
            .is_some_and(|it| self.facts.values[value].kind == ValueKind::Var(it))
    }

    /// The attribute that a store gives to the instance that is made here.
    pub(super) fn own_attr(&self, store: &StoreF) -> Option<Name> {
        match store.target {
            Target::Attr(name) if self.is_this(store.base) => Some(name),
            _ => None,
        }
    }
}

/// The instance that a function makes, when nobody has it before the function is done and its class has no finalizer.
pub(super) fn made_here(
    body: &Body,
    facts: &FileFacts,
    func: FuncId,
    closes: &dyn Fn(&str) -> bool,
) -> Option<VarId> {
    let fact = &facts.funcs[func];
    let name = |it: FuncId| &facts.names[facts.funcs[it].name.0 as usize];
    let methods = &facts.classes[fact.class?].methods;
    if !matches!(name(func), "__init__" | "__enter__" | "__aenter__")
        || methods.iter().any(|&it| name(it) == "__del__")
        || fact.params.is_empty()
    {
        return None;
    }
    let this = facts.params[fact.params.start as usize].var;
    let mut makers = capturing(body, facts, this);
    let never_closes = |it: FuncId| {
        let mut calls = facts.funcs[it].calls.ids::<CallF>();
        !calls.any(|call| method_of(facts, call).is_some_and(|(_, name)| closes(name)))
    };
    makers
        .all(|it| never_closes(it) && own_uses(facts, func, it, this).is_some())
        .then_some(this)
}

/// Where an instance that is made here first holds a function that holds the instance.
pub(super) fn tied_from(body: &Body, facts: &FileFacts, func: FuncId, this: VarId) -> Option<u32> {
    capturing(body, facts, this)
        .filter_map(|it| own_uses(facts, func, it, this).flatten())
        .min()
}

/// Nested functions that capture a variable.
fn capturing<'a>(
    body: &'a Body,
    facts: &'a FileFacts,
    var: VarId,
) -> impl Iterator<Item = FuncId> + 'a {
    body.insts.iter().filter_map(move |it| match it.kind {
        InstKind::Define(inner) if facts.funcs[inner].free.contains(&var) => Some(inner),
        _ => None,
    })
}

/// Whether the function around only calls a nested one and keeps it on attributes of the instance, and where first.
fn own_uses(facts: &FileFacts, func: FuncId, inner: FuncId, this: VarId) -> Option<Option<u32>> {
    let fact = &facts.funcs[func];
    let kind = match facts.funcs[inner].var {
        None => ValueKind::Func(inner),
        Some(var) if !facts.vars[var].is_captured && facts.vars[var].home == Home::Function => {
            ValueKind::Var(var)
        }
        Some(_) => return None,
    };
    let mut open: FxHashSet<ValueId> = fact
        .values
        .ids()
        .filter(|&it: &Idx<Value>| facts.values[it].kind == kind)
        .collect();
    let mut first: Option<u32> = None;
    for store in &facts.stores.as_slice()[fact.stores.range()] {
        if facts.values[store.base].kind == ValueKind::Var(this)
            && matches!(store.target, Target::Attr(_))
            && store.value.is_some_and(|it| open.remove(&it))
        {
            first = Some(first.map_or(store.at.start, |it| it.min(store.at.start)));
        }
    }
    for id in fact.calls.ids::<CallF>() {
        open.remove(&facts.calls[id].callee);
    }
    open.is_empty().then_some(first)
}

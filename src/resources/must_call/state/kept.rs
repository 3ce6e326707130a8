//! What others keep when a function is done: variables of the module, and the attributes of an instance that it makes.
//!
//! ```python
//! def __init__(self, path):
//!     self.file = open(path)                              # kept by the instance ...
//!     if self.file.read(2) != b"BM": raise ValueError     # ... which nobody ever gets
//! ```

use super::Holding;
use crate::base::Name;
use crate::facts::model::{
    DefKind, FileFacts, FuncId, Home, StoreF, Target, ValueId, ValueKind, VarId,
};

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
pub(super) fn made_here(facts: &FileFacts, func: FuncId) -> Option<VarId> {
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
    (!facts.vars[this].is_captured).then_some(this)
}

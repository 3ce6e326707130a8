//! Classes of the program that take a resource over: the constructor keeps it on an attribute, a method gives it back.
//!
//! ```python
//! class Reader:
//!     def __init__(self, source): self.source = source
//!     def words(self): return self.source.read().split()
//!     def close(self): self.source.close()
//!
//! def words(path):
//!     reader = Reader(open(path))        # nobody else has the file: whoever has `reader` has to close it
//!     return reader.words()
//! ```
//!
//! Whether a call of such a class opens one is a question of what it is given: something fresh, and nobody else's.

use super::Members;
use crate::facts::model::{DefKind, StoreKind, Target, ValueKind, VarId};
use crate::link::program::Sym;
use crate::link::{ClassRef, FuncRef, Program};
use crate::models::resources::{Api, ender_rank};
use crate::resources::fresh::{self, End};
use crate::resources::program::oracle;

/// What a class keeps of what its constructor is given.
#[derive(Clone, Debug)]
pub struct Wrapper {
    /// The constructor's parameter, the instance counted.
    pub param: usize,
    /// Its name.
    pub name: String,
    /// The attribute that keeps it.
    pub attribute: Sym,
    /// What ends it, as a model without a kind.
    pub api: Api,
}

/// What a class keeps of what its constructor is given, where a method of it gives that back.
pub(super) fn of(program: &Program<'_>, class: ClassRef) -> Vec<Wrapper> {
    let Some(init) = program
        .sym("__init__")
        .and_then(|it| program.method(class, it))
    else {
        return Vec::new();
    };
    let of = Members { program, class };
    let ends = |it: FuncRef| ender_rank(program.func_name(it)).is_some();
    let kept = kept(program, &of, init);
    if kept.is_empty() || !of.methods().any(ends) {
        return Vec::new();
    }
    let is_closer = |name: &str| program.models.resources.is_closer(name);
    let is_released = |attribute: Sym| {
        of.methods()
            .any(|it| of.releases(it, attribute, &is_closer))
    };
    let mut out = Vec::new();
    for (param, var, attribute) in kept {
        if !is_released(attribute) || !is_only_kept(program, init, var) {
            continue;
        }
        if out.is_empty() && (!of.is_plain() || of.built_by(init).iter().any(|&it| of.hands_on(it)))
        {
            break;
        }
        let Some(api) = of.api(attribute, &is_closer) else {
            continue;
        };
        let facts = program.facts(init.file);
        out.push(Wrapper {
            param,
            name: program.name(init.file, facts.vars[var].name).to_owned(),
            attribute,
            api,
        });
    }
    out
}

/// Parameters of a constructor that go into an attribute whatever happens.
fn kept(program: &Program<'_>, of: &Members<'_>, init: FuncRef) -> Vec<(usize, VarId, Sym)> {
    let facts = program.facts(init.file);
    let fact = program.func(init);
    let mut out = Vec::new();
    for store in &facts.stores.as_slice()[fact.stores.range()] {
        let (StoreKind::Assign, Target::Attr(name), Some(value), ValueKind::Var(base)) = (
            store.kind,
            store.target,
            store.value,
            facts.values[store.base].kind,
        ) else {
            continue;
        };
        let ValueKind::Var(var) = facts.values[value].kind else {
            continue;
        };
        let is_given = matches!(&facts.defs[facts.vars[var].defs.range()],
            [def] if def.kind == DefKind::Param);
        if let Some(param @ 1..) = facts.vars[var].param.filter(|_| is_given)
            && facts.vars[var].func == init.id
            && of.self_of(init) == Some(base)
            && super::is_certain(program, init.file, init.id, store.context)
        {
            out.push((param as usize, var, program.sym_of(init.file, name)));
        }
    }
    out
}

/// Whether a constructor does nothing with a parameter but to use it, and to keep it on one attribute.
fn is_only_kept(program: &Program<'_>, init: FuncRef, var: VarId) -> bool {
    // What is done with an argument is the same in all versions.
    let oracle = oracle(program, init.file, (3, 11));
    let resources = &program.models.resources;
    fresh::is_kept_for(
        program.facts(init.file),
        resources,
        &oracle,
        var,
        End::Stored,
    )
}

//! How long instances of a class live.
//!
//! Long: an instance stands in a module or class place, or on an object that lives long itself. Everything else is
//! unknown, because callers of a library are absent.

use rustc_hash::FxHashMap;

use super::classes::StoreRef;
use super::entity::Entity;
use super::program::{ClassRef, FuncRef, Program, ValueRef, VarRef};
use crate::base::Span;
use crate::facts::model::{DefKind, Home, StoreKind};
use crate::models::Runs;

/// Classes whose instances live as long as the process.
#[derive(Debug, Default)]
pub struct Lifetimes {
    long: FxHashMap<ClassRef, Holder>,
}

/// What keeps an instance for as long as the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holder {
    /// A module or class variable, and where it is bound.
    Var(VarRef, Span),
    /// An attribute of a class that lives long.
    Attr(ClassRef, StoreRef),
}

/// Finds the classes that live long.
pub(super) fn resolve(program: &mut Program<'_>) {
    let mut long: FxHashMap<ClassRef, Holder> = FxHashMap::default();
    let mut queue = Vec::new();
    for (file, it) in program.files.iter().enumerate() {
        let file = file as u32;
        for def in &it.facts.defs {
            let var = &it.facts.vars[def.var];
            let is_static = matches!(var.home, Home::Module)
                || matches!(var.home, Home::Class(_)) && def.func.index() == 0;
            if !is_static || def.kind != DefKind::Assign {
                continue;
            }
            let Some(value) = def.value else { continue };
            for entity in program.entities(ValueRef { file, id: value }) {
                if let Entity::Instance(class) = entity
                    && !long.contains_key(&class)
                {
                    long.insert(class, Holder::Var(VarRef { file, id: def.var }, def.at));
                    queue.push(class);
                }
            }
        }
    }
    while let Some(class) = queue.pop() {
        for &owner in program.mro(class) {
            let Some(info) = program.class_info(owner) else {
                continue;
            };
            let mut stores: Vec<StoreRef> = info.attrs.values().flatten().copied().collect();
            stores.sort_unstable();
            for store in stores {
                let fact = &program.facts(store.file).stores[store.id];
                let Some(value) = fact.value.filter(|_| fact.kind == StoreKind::Assign) else {
                    continue;
                };
                for entity in program.entities(ValueRef {
                    file: store.file,
                    id: value,
                }) {
                    if let Entity::Instance(part) = entity
                        && !long.contains_key(&part)
                    {
                        long.insert(part, Holder::Attr(class, store));
                        queue.push(part);
                    }
                }
            }
        }
    }
    program.lifetimes = Lifetimes { long };
}

impl Program<'_> {
    /// What keeps an instance of the class for as long as the process, if something does.
    #[must_use]
    pub fn long_holder(&self, class: ClassRef) -> Option<Holder> {
        self.lifetimes.long.get(&class).copied()
    }

    /// Whether all instances that the program makes of the class are made once: at import, or by code that runs once.
    #[must_use]
    pub fn is_singleton(&self, class: ClassRef) -> bool {
        let made = self.constructions(class);
        !made.is_empty()
            && made.iter().all(|&call| {
                let fact = self.call(call);
                let often = self
                    .runs(FuncRef {
                        file: call.file,
                        id: fact.func,
                    })
                    .often;
                let in_loop = self.contexts(call.file, fact.context).any(|it| {
                    matches!(
                        it,
                        crate::facts::model::ContextKind::For { .. }
                            | crate::facts::model::ContextKind::While { .. }
                    )
                });
                matches!(often, Runs::Import | Runs::Once) && !in_loop
            })
    }
}

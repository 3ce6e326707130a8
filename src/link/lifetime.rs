//! How long instances of a class live.
//!
//! Long: an instance stands in a module or class place, or on an object that lives long itself. For ever: that is so of
//! all instances that the program makes, and nothing replaces them. Everything else is unknown, because callers of a
//! library are absent.

use rustc_hash::{FxHashMap, FxHashSet};

use super::classes::StoreRef;
use super::entity::Entity;
use super::program::{CallRef, ClassRef, FuncRef, Program, ValueRef, VarRef};
use super::runs::{Why, is_cached_once};
use crate::base::Span;
use crate::facts::model::{
    CallId, ContextId, ContextKind, DefKind, FuncId, Home, ResultKind, StoreKind, Target, Usage,
    ValueId, ValueKind, VarId,
};
use crate::models::Runs;

/// Classes whose instances live as long as the process.
#[derive(Debug, Default)]
pub struct Lifetimes {
    long: FxHashMap<ClassRef, Holder>,
    /// Those of which all instances do, and what keeps them.
    for_ever: FxHashMap<ClassRef, Holder>,
}

/// What keeps an instance for as long as the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holder {
    /// A module or class variable, and where it is bound.
    Var(VarRef, Span),
    /// An attribute of a class that lives long.
    Attr(ClassRef, StoreRef),
    /// An attribute of a class itself: `cls._instance = cls()`.
    Static(ClassRef, StoreRef),
    /// The cache of a function without parameters.
    Cache(FuncRef),
}

/// Finds the classes that live long.
pub(super) fn resolve(program: &mut Program<'_>) {
    let mut long: FxHashMap<ClassRef, Holder> = FxHashMap::default();
    let mut queue = Vec::new();
    let aside: Vec<bool> = (0..program.files.len() as u32)
        .map(|it| is_aside(program, it))
        .collect();
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
                    && is_of_program(&aside, file, class)
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
    let for_ever = for_ever(program, &aside);
    program.lifetimes = Lifetimes { long, for_ever };
}

/// Whether a file only shows or tries how the program is used: how long it keeps an object says nothing of the program.
fn is_aside(program: &Program<'_>, file: u32) -> bool {
    const FOLDERS: [&str; 13] = [
        "benchmark",
        "benchmarks",
        "demo",
        "demos",
        "doc",
        "docs",
        "example",
        "examples",
        "sample",
        "samples",
        "scripts",
        "tutorial",
        "tutorials",
    ];
    let file = &program.files[file as usize];
    let folders = file.path.rsplit_once('/').map_or("", |it| it.0);
    // In the program's own folders, whatever lies around the whole of it.
    let depth = file.module.matches('.').count() + 2;
    folders
        .rsplit('/')
        .take(depth)
        .any(|it| FOLDERS.contains(&it))
}

/// Whether what a file keeps of a class tells how long the program keeps it.
fn is_of_program(aside: &[bool], file: u32, class: ClassRef) -> bool {
    !aside[file as usize] || aside[class.file as usize]
}

/// Classes of which every instance that the program makes stays as long as the process.
fn for_ever(program: &Program<'_>, aside: &[bool]) -> FxHashMap<ClassRef, Holder> {
    let mut found = Kept {
        program,
        aside,
        classes: FxHashMap::default(),
        calls: FxHashSet::default(),
        queue: Vec::new(),
    };
    for file in 0..program.files.len() as u32 {
        if !program.files[file as usize].is_test {
            found.roots(file);
        }
    }
    while let Some(class) = found.queue.pop() {
        found.parts(class);
    }
    let Kept {
        mut classes, calls, ..
    } = found;
    // An owner of which other instances come and go takes its parts along.
    loop {
        let gone: Vec<ClassRef> = classes
            .iter()
            .filter(|&(&class, holder)| {
                let made = program.constructions(class);
                let is_mixed = !made.iter().all(|it| {
                    calls.contains(it)
                        || program.files[it.file as usize].is_test
                        || program.is_made_once(*it)
                });
                let is_orphan =
                    matches!(holder, Holder::Attr(owner, _) if !classes.contains_key(owner));
                made.is_empty() || is_mixed || is_orphan
            })
            .map(|it| *it.0)
            .collect();
        if gone.is_empty() {
            return classes;
        }
        for class in gone {
            classes.remove(&class);
        }
    }
}

struct Kept<'a, 'm> {
    program: &'a Program<'m>,
    aside: &'a [bool],
    classes: FxHashMap<ClassRef, Holder>,
    calls: FxHashSet<CallRef>,
    queue: Vec<ClassRef>,
}

impl Kept<'_, '_> {
    /// Module and class variables, attributes of classes, results of cached functions, objects that serve in `main`.
    fn roots(&mut self, file: u32) {
        let program = self.program;
        let facts = program.facts(file);
        for def in &facts.defs {
            let (Some(id), DefKind::Assign) = (def.value, def.kind) else {
                continue;
            };
            let value = ValueRef { file, id };
            let var = VarRef { file, id: def.var };
            let func = FuncRef { file, id: def.func };
            let is_kept = match facts.vars[def.var].home {
                Home::Module => self.is_settled(file, def.func, def.context),
                Home::Class(_) => def.func.index() == 0,
                // In a loop, each round drops what the one before bound.
                Home::Function => {
                    program.runs(func).often == Runs::Once
                        && !program.is_in_loop(file, def.context)
                        && program.entities(value).iter().any(|it| match it {
                            Entity::Instance(class) => self.serves(*class, func),
                            _ => false,
                        })
                }
                _ => false,
            };
            if is_kept {
                self.keep(value, Holder::Var(var, def.at));
            }
        }
        for (id, store) in facts.stores.iter_ids() {
            let (StoreKind::Assign, Target::Attr(_), Some(value)) =
                (store.kind, store.target, store.value)
            else {
                continue;
            };
            if !self.is_settled(file, store.func, store.context) {
                continue;
            }
            let base = ValueRef {
                file,
                id: store.base,
            };
            for entity in program.entities(base) {
                if let Entity::Class(class) = entity {
                    let holder = Holder::Static(class, StoreRef { file, id });
                    self.keep(ValueRef { file, id: value }, holder);
                }
            }
        }
        for (id, fact) in facts.funcs.iter_ids() {
            let func = FuncRef { file, id };
            if fact.decorators.is_empty() || !is_cached_once(program, func) {
                continue;
            }
            for result in &facts.results[fact.results.range()] {
                if let (ResultKind::Return, Some(id)) = (result.kind, result.value) {
                    self.keep(ValueRef { file, id }, Holder::Cache(func));
                }
            }
        }
    }

    /// What an object that stays keeps on its attributes.
    fn parts(&mut self, class: ClassRef) {
        let program = self.program;
        for &owner in program.mro(class) {
            let Some(info) = program.class_info(owner) else {
                continue;
            };
            let mut stores: Vec<StoreRef> = info.attrs.values().flatten().copied().collect();
            stores.sort_unstable();
            for store in stores {
                let fact = &program.facts(store.file).stores[store.id];
                let Some(id) = fact.value.filter(|_| fact.kind == StoreKind::Assign) else {
                    continue;
                };
                let func = FuncRef {
                    file: store.file,
                    id: fact.func,
                };
                let is_first = matches!(
                    program.func_name(func),
                    "__init__" | "__post_init__" | "__attrs_post_init__" | "__new__"
                ) && !program.is_in_loop(store.file, fact.context);
                if is_first || self.is_settled(store.file, fact.func, fact.context) {
                    let value = ValueRef {
                        file: store.file,
                        id,
                    };
                    self.keep(value, Holder::Attr(class, store));
                }
            }
        }
    }

    fn keep(&mut self, value: ValueRef, holder: Holder) {
        self.made(value, 4);
        for entity in self.program.entities(value) {
            if let Entity::Instance(class) = entity
                && is_of_program(self.aside, value.file, class)
                && !self.classes.contains_key(&class)
            {
                self.classes.insert(class, holder);
                self.queue.push(class);
            }
        }
    }

    /// The calls that make a value.
    fn made(&mut self, value: ValueRef, depth: u32) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        let file = value.file;
        let program = self.program;
        let facts = program.facts(file);
        let mut each = |ids: &[crate::facts::model::ValueId]| {
            for &id in ids {
                self.made(ValueRef { file, id }, depth);
            }
        };
        match facts.values[value.id].kind {
            ValueKind::Call(id) => {
                self.calls.insert(CallRef { file, id });
            }
            ValueKind::Or(rows) | ValueKind::Choice(rows) => each(program.list(file, rows)),
            ValueKind::Var(var) if facts.vars[var].home == Home::Function => {
                let defs = &facts.defs[facts.vars[var].defs.range()];
                let bound: Vec<_> = defs
                    .iter()
                    .filter(|it| it.kind == DefKind::Assign)
                    .filter_map(|it| it.value)
                    .collect();
                each(&bound);
            }
            _ => {}
        }
    }

    /// Whether code binds something once: at import, or behind a test that it is not there yet.
    fn is_settled(&self, file: u32, func: FuncId, context: Option<ContextId>) -> bool {
        let program = self.program;
        let facts = program.facts(file);
        let often = program.runs(FuncRef { file, id: func }).often;
        if program.is_in_loop(file, context) {
            return false;
        }
        matches!(often, Runs::Import | Runs::Once)
            || program.contexts(file, context).any(|it| match it {
                ContextKind::If { test, outcome } => match facts.values[test].kind {
                    ValueKind::Compare { op, right, .. } => {
                        use crate::syntax::tree::CompareOp;
                        matches!(facts.values[right].kind, ValueKind::None)
                            && matches!(
                                (op, outcome),
                                (CompareOp::Is | CompareOp::Eq, true)
                                    | (CompareOp::IsNot | CompareOp::NotEq, false)
                            )
                    }
                    ValueKind::Not(_) => outcome,
                    ValueKind::Var(_) | ValueKind::Attr { .. } => !outcome,
                    _ => false,
                },
                ContextKind::Handler { .. } => true,
                _ => false,
            })
    }

    /// Whether an object runs an endless loop, or is used in the one of the function that makes it.
    fn serves(&self, class: ClassRef, by: FuncRef) -> bool {
        let program = self.program;
        program.mro(class).iter().any(|&owner| {
            program.class(owner).methods.iter().any(|&id| {
                let func = FuncRef {
                    file: owner.file,
                    id,
                };
                if program
                    .callers(func)
                    .iter()
                    .any(|it| it.file == by.file && program.call(*it).func == by.id)
                    && has_endless_loop(program, func)
                {
                    return true;
                }
                match program.runs(func).why {
                    Why::Loop(runner) => {
                        runner == by
                            || program
                                .class_of(runner)
                                .is_some_and(|it| program.mro(class).contains(&it))
                    }
                    _ => false,
                }
            })
        })
    }
}

/// Whether a function that runs once serves in an endless loop of its own.
fn has_endless_loop(program: &Program<'_>, func: FuncRef) -> bool {
    let facts = program.facts(func.file);
    program.runs(func).often == Runs::Once
        && facts.funcs[func.id].calls.ids().any(|id: CallId| {
            super::runs::is_under_endless_loop(program, func, facts.calls[id].context)
        })
}

impl Program<'_> {
    /// What keeps an instance of the class for as long as the process, if something does.
    #[must_use]
    pub fn long_holder(&self, class: ClassRef) -> Option<Holder> {
        self.lifetimes.long.get(&class).copied()
    }

    /// What keeps every instance of the class that the program makes for as long as the process, if something does.
    #[must_use]
    pub fn kept_for_ever(&self, class: ClassRef) -> Option<Holder> {
        self.lifetimes.for_ever.get(&class).copied()
    }

    /// Whether some instance of the class is stored on another object, so that it may live as long as that.
    #[must_use]
    pub fn is_stored(&self, class: ClassRef) -> bool {
        self.constructions(class)
            .iter()
            .any(|&it| self.call(it).usage == Usage::Stored)
    }

    /// Whether every instance that the program makes of the class is gone when the function that makes it is done; or the
    /// name says that it serves one piece of work.
    #[must_use]
    pub fn is_short_lived(&self, class: ClassRef) -> bool {
        let name = self.class_name(class).to_ascii_lowercase();
        if self.models.is_short(&name) {
            return true;
        }
        let made = self.constructions(class);
        !made.is_empty() && made.iter().all(|&it| self.is_used_up(it))
    }

    /// Whether a call's result stays in its function.
    fn is_used_up(&self, call: CallRef) -> bool {
        let facts = self.facts(call.file);
        let fact = &facts.calls[call.id];
        match fact.usage {
            Usage::Discarded
            | Usage::Receiver
            | Usage::AttrBase
            | Usage::Iterated
            | Usage::Entered
            | Usage::Awaited => true,
            Usage::Bound => {
                let of = facts.defs.iter().find(|it| {
                    it.kind == DefKind::Assign
                        && it.value.is_some_and(
                            |id| matches!(facts.values[id].kind, ValueKind::Call(it) if it == call.id),
                        )
                });
                of.is_some_and(|def| {
                    let var = &facts.vars[def.var];
                    var.home == Home::Function
                        && !var.is_captured
                        && self.is_only_looked_into(call.file, def.func, def.var)
                })
            }
            _ => false,
        }
    }

    /// Whether a function does nothing with a local but to read its attributes and items, and to call its methods.
    fn is_only_looked_into(&self, file: u32, func: FuncId, var: VarId) -> bool {
        let facts = self.facts(file);
        let values = || facts.funcs[func].values.ids();
        let is_it = |id: ValueId| facts.values[id].kind == ValueKind::Var(var);
        let reads = values().filter(|&id: &ValueId| is_it(id)).count();
        let looks = values()
            .filter(|&id: &ValueId| match facts.values[id].kind {
                ValueKind::Attr { base, .. } | ValueKind::Item { base, .. } => is_it(base),
                _ => false,
            })
            .count();
        reads <= looks
    }

    /// Whether a condition chain holds a loop.
    #[must_use]
    pub fn is_in_loop(&self, file: u32, context: Option<ContextId>) -> bool {
        self.contexts(file, context)
            .any(|it| matches!(it, ContextKind::For { .. } | ContextKind::While { .. }))
    }

    /// Whether a call is made at most once: at import or by code that runs once, and not in a loop.
    #[must_use]
    pub fn is_made_once(&self, call: CallRef) -> bool {
        let fact = self.call(call);
        let often = self
            .runs(FuncRef {
                file: call.file,
                id: fact.func,
            })
            .often;
        matches!(often, Runs::Import | Runs::Once) && !self.is_in_loop(call.file, fact.context)
    }

    /// Whether all instances that the program makes of the class are made once: at import, or by code that runs once.
    #[must_use]
    pub fn is_singleton(&self, class: ClassRef) -> bool {
        let made = self.constructions(class);
        !made.is_empty() && made.iter().all(|&call| self.is_made_once(call))
    }
}

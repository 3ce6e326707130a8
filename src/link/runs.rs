//! How often code runs: at import, once, per event, …
//!
//! Starts from what names and frameworks tell (`rules/models/entry_points.toml`) and joins over call edges, top-down.
//! A function that nothing in the program calls is public: it may run any number of times, unless its name says that it
//! sets something up once.

use rustc_hash::FxHashMap;

use super::program::{FuncRef, Program, last_name};
use crate::facts::model::{ContextKind, ValueKind};
use crate::models::{BaseKind, Runs};
use crate::syntax::tree::FuncKind;

/// How often each function runs, and since which call.
#[derive(Debug, Default)]
pub struct RunTable {
    runs: FxHashMap<FuncRef, Run>,
}

/// How often a function runs, and why we think so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// How often.
    pub often: Runs,
    /// What tells.
    pub why: Why,
}

/// What tells how often a function runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// It is a module body.
    Module,
    /// A decorator, method name or signature that a framework calls.
    EntryPoint,
    /// Its own name.
    Name,
    /// Nothing in the program calls it, or it is handed out as a value.
    Public,
    /// This function calls it.
    Caller(FuncRef),
    /// This function calls it in an endless loop.
    Loop(FuncRef),
}

/// Computes the table.
pub(super) fn resolve(program: &mut Program<'_>) {
    let funcs: Vec<FuncRef> = program.funcs().collect();
    let mut runs: FxHashMap<FuncRef, Run> =
        funcs.iter().map(|&it| (it, seed(program, it))).collect();
    let mut queue: Vec<FuncRef> = funcs
        .iter()
        .copied()
        .filter(|it| runs[it].often != Runs::Never)
        .collect();
    queue.reverse();
    let mut applied: FxHashMap<FuncRef, Vec<FuncRef>> = FxHashMap::default();
    for it in &program.calls.applied {
        applied.entry(it.by).or_default().push(it.func);
    }
    let spread = |runs: &mut FxHashMap<FuncRef, Run>, mut queue: Vec<FuncRef>| {
        while let Some(func) = queue.pop() {
            let from = runs[&func].often;
            let facts = program.facts(func.file);
            for id in facts.funcs[func.id].calls.ids() {
                let call = &facts.calls[id];
                // A public function's `while True` is most often a retry loop; that of `main` or of a script serves for ever.
                let is_endless = matches!(from, Runs::Import | Runs::Once)
                    && is_under_endless_loop(program, func.file, call.context);
                let in_loop = program
                    .contexts(func.file, call.context)
                    .any(|it| matches!(it, ContextKind::For { .. } | ContextKind::While { .. }));
                let often = match from {
                    _ if is_endless => Runs::PerEvent,
                    Runs::Once | Runs::PerInstance if in_loop => Runs::Many,
                    other => other,
                };
                for target in program.targets(func.file, id) {
                    let why = if is_endless {
                        Why::Loop(func)
                    } else {
                        Why::Caller(func)
                    };
                    raise(runs, &mut queue, target.func, Run { often, why });
                }
            }
            for &target in applied.get(&func).into_iter().flatten() {
                raise(
                    runs,
                    &mut queue,
                    target,
                    Run {
                        often: from,
                        why: Why::Caller(func),
                    },
                );
            }
        }
    };
    spread(&mut runs, queue);
    // What is still reached by nothing is called from outside: public functions, hooks, methods on objects of unknown type.
    let mut queue = Vec::new();
    for &func in &funcs {
        if runs[&func].often == Runs::Never && !is_import_hook(program, func) {
            raise(
                &mut runs,
                &mut queue,
                func,
                Run {
                    often: Runs::Many,
                    why: Why::Public,
                },
            );
        }
    }
    spread(&mut runs, queue);
    program.runs = RunTable { runs };
}

fn raise(runs: &mut FxHashMap<FuncRef, Run>, queue: &mut Vec<FuncRef>, func: FuncRef, to: Run) {
    let run = runs.entry(func).or_insert(Run {
        often: Runs::Never,
        why: Why::Public,
    });
    // A function that sets something up once stays so when it is called from somewhere that runs often: it guards itself.
    let is_pinned = run.why == Why::Name && to.often != Runs::PerEvent;
    if to.often > run.often && !is_pinned {
        *run = to;
        queue.push(func);
    }
}

fn seed(program: &Program<'_>, func: FuncRef) -> Run {
    let fact = program.func(func);
    if fact.kind == FuncKind::Module {
        return Run {
            often: Runs::Import,
            why: Why::Module,
        };
    }
    if let Some(often) = entry_point(program, func) {
        return Run {
            often,
            why: Why::EntryPoint,
        };
    }
    let name = program.func_name(func);
    if is_import_hook(program, func) {
        return Run {
            often: Runs::PerClass,
            why: Why::Name,
        };
    }
    if fact.parent.is_none_or(|it| it.index() == 0)
        && program.models.is_once(name, fact.class.is_some())
    {
        return Run {
            often: Runs::Once,
            why: Why::Name,
        };
    }
    if is_cached_once(program, func) {
        return Run {
            often: Runs::Once,
            why: Why::Name,
        };
    }
    if program.is_taken(func) || has_foreign_decorator(program, func) {
        return Run {
            often: Runs::Many,
            why: Why::Public,
        };
    }
    Run {
        often: Runs::Never,
        why: Why::Public,
    }
}

/// Whether a function has no parameters and keeps its result: it runs once.
pub(super) fn is_cached_once(program: &Program<'_>, func: FuncRef) -> bool {
    let fact = program.func(func);
    fact.params.is_empty()
        && program.list(func.file, fact.decorators).iter().any(|&it| {
            let callee = match program.facts(func.file).values[it].kind {
                ValueKind::Call(call) => program.facts(func.file).calls[call].callee,
                _ => it,
            };
            program
                .external(super::program::ValueRef {
                    file: func.file,
                    id: callee,
                })
                .is_some_and(|node| program.models.cache(node).is_some())
        })
}

/// `__init_subclass__`, `__set_name__`, and constructors of metaclasses run once for each class.
fn is_import_hook(program: &Program<'_>, func: FuncRef) -> bool {
    let name = program.func_name(func);
    if matches!(
        name,
        "__init_subclass__" | "__set_name__" | "__class_getitem__"
    ) {
        return true;
    }
    matches!(name, "__new__" | "__init__" | "__prepare__")
        && program
            .class_of(func)
            .is_some_and(|it| program.is_kind(it, BaseKind::Metaclass))
}

/// Whether a decorator may hand the function to somebody who calls it.
fn has_foreign_decorator(program: &Program<'_>, func: FuncRef) -> bool {
    let facts = program.facts(func.file);
    program
        .list(func.file, facts.funcs[func.id].decorators)
        .iter()
        .any(|&it| {
            !matches!(
                last_name(facts, it),
                Some(
                    "property"
                        | "cached_property"
                        | "staticmethod"
                        | "classmethod"
                        | "wraps"
                        | "lru_cache"
                        | "cache"
                        | "contextmanager"
                        | "asynccontextmanager"
                        | "abstractmethod"
                        | "overload"
                        | "override"
                        | "final"
                        | "setter"
                        | "deleter"
                        | "getter"
                )
            )
        })
}

fn entry_point(program: &Program<'_>, func: FuncRef) -> Option<Runs> {
    let facts = program.facts(func.file);
    let fact = &facts.funcs[func.id];
    for &decorator in program.list(func.file, fact.decorators) {
        let target = match facts.values[decorator].kind {
            ValueKind::Call(call) => facts.calls[call].callee,
            _ => decorator,
        };
        let object = match facts.values[target].kind {
            // `app.route`, not `module.decorator`: a module has functions, an application object has routes.
            ValueKind::Attr { base, .. }
                if !program
                    .entities(super::program::ValueRef {
                        file: func.file,
                        id: base,
                    })
                    .iter()
                    .any(|it| matches!(it, super::entity::Entity::Module(_))) =>
            {
                Some(last_name(facts, base).unwrap_or(""))
            }
            _ => None,
        };
        let is_accessor = matches!(
            last_name(facts, target),
            Some("setter" | "deleter" | "getter")
        );
        if let Some(last) = last_name(facts, target).filter(|_| !is_accessor)
            && let Some(runs) = program.models.decorated(last, object)
        {
            return Some(runs);
        }
    }
    let name = program.func_name(func);
    if let Some(class) = fact.class {
        let class = super::program::ClassRef {
            file: func.file,
            id: class,
        };
        let mut bases: Vec<&str> = Vec::new();
        if let Some(info) = program.class_info(class) {
            bases.extend(info.libraries.iter().map(|&it| program.api_text(it)));
        }
        if let Some(runs) = program.models.entry_method(name, &bases) {
            return Some(runs);
        }
    }
    let skip = usize::from(fact.class.is_some());
    let params: Vec<&str> = facts.params[fact.params.range()]
        .iter()
        .skip(skip)
        .map(|it| &*facts.names[facts.vars[it.var].name.0 as usize])
        .collect();
    program.models.callable(name, &params)
}

/// Whether a context lies in `while True` (or `while 1`).
pub(super) fn is_under_endless_loop(
    program: &Program<'_>,
    file: u32,
    context: Option<crate::facts::model::ContextId>,
) -> bool {
    let facts = program.facts(file);
    program.contexts(file, context).any(|it| match it {
        ContextKind::While { test } => {
            matches!(
                facts.values[test].kind,
                ValueKind::Bool(true) | ValueKind::Int(1)
            )
        }
        _ => false,
    })
}

impl Program<'_> {
    /// The function with which it begins that a function runs as often as it does: the handler of an event, the endless loop.
    #[must_use]
    pub fn entry_of(&self, func: FuncRef) -> FuncRef {
        let mut at = func;
        for _ in 0..64 {
            match self.runs(at).why {
                Why::Caller(by) if self.runs(by).often == self.runs(func).often => at = by,
                Why::Loop(by) => return by,
                _ => break,
            }
        }
        at
    }

    /// How often a function runs.
    #[must_use]
    pub fn runs(&self, func: FuncRef) -> Run {
        self.runs.runs.get(&func).copied().unwrap_or(Run {
            often: Runs::Never,
            why: Why::Public,
        })
    }
}

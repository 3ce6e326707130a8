//! How often code runs: at import, once, per event, …
//!
//! Starts from what names and frameworks tell (`rules/models/entry_points.toml`) and joins over call edges, top-down.
//! A function that nothing in the program calls is public: it may run any number of times, unless its name says that it
//! sets something up once.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::entity::Entity;
use super::program::{FuncRef, Program, ValueRef, last_name};
use crate::base::Span;
use crate::facts::model::{ContextId, ContextKind, FileFacts, ResultKind, ValueId, ValueKind};
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
    let handed = handed(program);
    let mut runs: FxHashMap<FuncRef, Run> = funcs
        .iter()
        .map(|&it| (it, seed(program, it, &handed)))
        .collect();
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
    let aside = aside(program);
    let spread = |runs: &mut FxHashMap<FuncRef, Run>, mut queue: Vec<FuncRef>| {
        while let Some(func) = queue.pop() {
            let from = runs[&func].often;
            let is_example = func.id.index() == 0 && aside[func.file as usize];
            let facts = program.facts(func.file);
            for id in facts.funcs[func.id].calls.ids() {
                let call = &facts.calls[id];
                // A public function's `while True` is most often a retry loop; that of `main` or of a script serves for ever.
                let is_endless = matches!(from, Runs::Import | Runs::Once)
                    && endless_loop(program, func, call.context).is_some_and(|it| {
                        is_never_left(program, func, it) || is_left_to_stop(program, func, it)
                    });
                let in_loop = program
                    .contexts(func.file, call.context)
                    .any(|it| matches!(it, ContextKind::For { .. } | ContextKind::While { .. }));
                let often = match from {
                    _ if is_endless => Runs::PerEvent,
                    Runs::Once | Runs::PerInstance if in_loop => Runs::Many,
                    other => other,
                };
                for target in program.targets(func.file, id) {
                    // That an example or a test calls something once says nothing about those who use it.
                    if is_example && !aside[target.func.file as usize] {
                        continue;
                    }
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

/// Which files show or try the program rather than being it: tests, examples, benchmarks. Where there is nothing else, none.
fn aside(program: &Program<'_>) -> Vec<bool> {
    let is_aside = |path: &str| {
        path.rsplit('/').skip(1).any(|it| {
            matches!(
                it,
                "examples"
                    | "example"
                    | "docs"
                    | "doc"
                    | "demo"
                    | "demos"
                    | "samples"
                    | "benchmarks"
            )
        })
    };
    let aside: Vec<bool> = program
        .files
        .iter()
        .map(|it| it.is_test || is_aside(&it.path))
        .collect();
    if aside.iter().all(|&it| it) {
        return vec![false; aside.len()];
    }
    aside
}

/// Functions that are given to something that calls them for each event: `add_get("/", handler)`.
fn handed(program: &Program<'_>) -> FxHashSet<FuncRef> {
    let of_file = |file: u32| {
        let facts = program.facts(file);
        let mut found = Vec::new();
        for (id, call) in facts.calls.iter_ids() {
            let is_handed = match facts.values[call.callee].kind {
                ValueKind::Attr { name, .. }
                    if program.models.is_handed_by(program.name(file, name)) =>
                {
                    program.targets(file, id).is_empty()
                }
                _ => program
                    .external(ValueRef {
                        file,
                        id: call.callee,
                    })
                    .is_some_and(|it| program.models.is_handed_to(it)),
            };
            if !is_handed {
                continue;
            }
            for arg in &facts.args[call.args.range()] {
                for entity in program.entities(ValueRef {
                    file,
                    id: arg.value,
                }) {
                    if let Entity::Func(func) | Entity::Bound(func) = entity {
                        found.push(func);
                    }
                }
            }
        }
        found
    };
    (0..program.files.len() as u32)
        .into_par_iter()
        .flat_map_iter(of_file)
        .collect::<Vec<_>>()
        .into_iter()
        .collect()
}

fn seed(program: &Program<'_>, func: FuncRef, handed: &FxHashSet<FuncRef>) -> Run {
    let fact = program.func(func);
    if fact.kind == FuncKind::Module {
        return Run {
            often: Runs::Import,
            why: Why::Module,
        };
    }
    if handed.contains(&func) {
        return Run {
            often: Runs::PerEvent,
            why: Why::EntryPoint,
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
        let known = program
            .external(super::program::ValueRef {
                file: func.file,
                id: target,
            })
            .and_then(|it| program.models.decorated_by(it));
        if known.is_some() {
            return known;
        }
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
    if !program.models.is_callable_named(name) {
        return None;
    }
    let skip = usize::from(fact.class.is_some());
    let params: Vec<&str> = facts.params[fact.params.range()]
        .iter()
        .skip(skip)
        .map(|it| &facts.names[facts.vars[it.var].name.0 as usize])
        .collect();
    program.models.callable(name, &params)
}

/// Whether a context lies in a loop that goes on for as long as the process serves: `while True`, a loop that waits for
/// something and ends by a flag, a loop over what comes in.
pub(super) fn is_under_endless_loop(
    program: &Program<'_>,
    func: FuncRef,
    context: Option<ContextId>,
) -> bool {
    endless_loop(program, func, context).is_some()
}

/// The endless loop that a context lies in.
fn endless_loop(
    program: &Program<'_>,
    func: FuncRef,
    context: Option<ContextId>,
) -> Option<ContextId> {
    let file = func.file;
    let facts = program.facts(file);
    let mut next = context;
    while let Some(id) = next {
        let it = facts.contexts[id];
        let is_endless = match it.kind {
            // Taking the next one ends a loop when there is none.
            ContextKind::While { .. } if takes_next(program, func, id) => false,
            ContextKind::While { test, .. } => {
                matches!(
                    facts.values[test].kind,
                    ValueKind::Bool(true) | ValueKind::Int(1)
                ) || is_flag(program, file, test) && waits(program, func, id)
            }
            ContextKind::For { iter } => is_endless_iterable(program, ValueRef { file, id: iter }),
            _ => false,
        };
        if is_endless {
            return Some(id);
        }
        next = it.parent;
    }
    None
}

impl Program<'_> {
    /// Whether a function goes on until somebody stops it: it has a loop that never ends, or that ends by a flag.
    #[must_use]
    pub fn goes_on(&self, func: FuncRef) -> bool {
        let facts = self.facts(func.file);
        facts.calls.as_slice()[facts.funcs[func.id].calls.range()]
            .iter()
            .filter_map(|it| endless_loop(self, func, it.context))
            .any(|it| is_never_left(self, func, it) || is_left_to_stop(self, func, it))
    }

    /// The `while True` of a function that nothing leaves but an exception and that calls something: where its test stands.
    #[must_use]
    pub fn endless_while(&self, func: FuncRef) -> Option<Span> {
        let facts = self.facts(func.file);
        facts.calls.as_slice()[facts.funcs[func.id].calls.range()]
            .iter()
            .filter_map(|it| endless_loop(self, func, it.context))
            .find_map(|it| match facts.contexts[it].kind {
                ContextKind::While { test, .. } if is_never_left(self, func, it) => {
                    Some(self.value_span(ValueRef {
                        file: func.file,
                        id: test,
                    }))
                }
                _ => None,
            })
    }
}

/// Whether nothing leaves a loop but an exception.
fn is_never_left(program: &Program<'_>, func: FuncRef, inside: ContextId) -> bool {
    let facts = program.facts(func.file);
    let breaks = matches!(
        facts.contexts[inside].kind,
        ContextKind::While { breaks: true, .. }
    );
    !breaks
        && !facts.results[facts.funcs[func.id].results.range()]
            .iter()
            .any(|it| it.kind == ResultKind::Return && is_below(facts, it.context, inside))
}

/// Whether a loop that waits goes on until somebody stops it: it waits for what comes in and ends when there is no more,
/// or it sleeps and ends by a flag or an exception. One that sleeps and ends when something is done is a retry.
fn is_left_to_stop(program: &Program<'_>, func: FuncRef, inside: ContextId) -> bool {
    let facts = program.facts(func.file);
    let waits_for = |is: &dyn Fn(&str) -> bool| {
        facts.funcs[func.id].calls.ids().any(|id| {
            let call = &facts.calls[id];
            last_name(facts, call.callee).is_some_and(is) && is_below(facts, call.context, inside)
        })
    };
    let comes_in = matches!(facts.contexts[inside].kind, ContextKind::For { .. })
        || waits_for(&|it| it != "sleep" && program.models.is_waiting(it));
    if !comes_in && !waits_for(&|it| program.models.is_waiting(it)) {
        return false;
    }
    let mut leaves = facts.results[facts.funcs[func.id].results.range()]
        .iter()
        .filter(|it| match it.kind {
            ResultKind::Return => is_below(facts, it.context, inside),
            ResultKind::Break => loop_around(facts, it.context) == Some(inside),
            _ => false,
        });
    leaves.all(|it| {
        below(facts, it.context, inside).any(|it| match facts.contexts[it].kind {
            ContextKind::Handler { .. } => true,
            ContextKind::If { test, .. } => comes_in || mentions_flag(program, func.file, test, 4),
            ContextKind::Case { .. } => comes_in,
            _ => false,
        })
    })
}

/// Whether a loop itself takes elements of an iterator: `next(lines)`, which raises at its end, with nothing in the loop
/// that catches it.
fn takes_next(program: &Program<'_>, func: FuncRef, inside: ContextId) -> bool {
    let facts = program.facts(func.file);
    facts.funcs[func.id].calls.ids().any(|id| {
        let call = &facts.calls[id];
        call.args.len() == 1
            && matches!(facts.values[call.callee].kind, ValueKind::Var(_))
            && last_name(facts, call.callee) == Some("next")
            && is_below(facts, call.context, inside)
            && !below(facts, call.context, inside)
                .any(|it| matches!(facts.contexts[it].kind, ContextKind::Try))
    })
}

/// The innermost loop around a context.
fn loop_around(facts: &FileFacts, context: Option<ContextId>) -> Option<ContextId> {
    around(facts, context).find(|&it| {
        matches!(
            facts.contexts[it].kind,
            ContextKind::While { .. } | ContextKind::For { .. }
        )
    })
}

/// A context and those around it, inner ones first.
fn around(facts: &FileFacts, context: Option<ContextId>) -> impl Iterator<Item = ContextId> + '_ {
    std::iter::successors(context, |&it| facts.contexts[it].parent)
}

/// Those of them that lie below another one.
fn below(
    facts: &FileFacts,
    context: Option<ContextId>,
    above: ContextId,
) -> impl Iterator<Item = ContextId> + '_ {
    around(facts, context).take_while(move |&it| it != above)
}

/// Whether a test asks for a flag, also among other things: `stop.wait(5) or …`.
fn mentions_flag(program: &Program<'_>, file: u32, test: ValueId, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let facts = program.facts(file);
    let mentions = |it| mentions_flag(program, file, it, depth);
    match facts.values[test].kind {
        ValueKind::Not(inner) => mentions(inner),
        ValueKind::And(rows) | ValueKind::Or(rows) => {
            program.list(file, rows).iter().any(|&it| mentions(it))
        }
        ValueKind::Compare { left, right, .. } => mentions(left) || mentions(right),
        ValueKind::Call(call) => match facts.values[facts.calls[call].callee].kind {
            ValueKind::Attr { base, .. } => mentions(base) || is_flag(program, file, test),
            _ => is_flag(program, file, test),
        },
        _ => is_flag(program, file, test),
    }
}

/// `running`, `self.running`, `not stop.is_set()`: what somebody else changes.
fn is_flag(program: &Program<'_>, file: u32, test: ValueId) -> bool {
    let facts = program.facts(file);
    match facts.values[test].kind {
        ValueKind::Var(_) | ValueKind::Attr { .. } => last_name(facts, test).is_some_and(|name| {
            let name = name.to_ascii_lowercase();
            program.models.is_flag(&name)
        }),
        ValueKind::Not(inner) => is_flag(program, file, inner),
        ValueKind::Call(call) => {
            let call = &facts.calls[call];
            call.args.start == call.args.end
                && last_name(facts, call.callee).is_some_and(|it| it.starts_with("is_"))
        }
        _ => false,
    }
}

/// Whether a function waits somewhere below a context.
fn waits(program: &Program<'_>, func: FuncRef, below: ContextId) -> bool {
    let facts = program.facts(func.file);
    facts.funcs[func.id].calls.ids().any(|id| {
        let call = &facts.calls[id];
        last_name(facts, call.callee).is_some_and(|it| program.models.is_waiting(it))
            && is_below(facts, call.context, below)
    })
}

fn is_below(facts: &FileFacts, context: Option<ContextId>, above: ContextId) -> bool {
    around(facts, context).any(|it| it == above)
}

/// Whether iterating a value goes on for as long as the process serves.
pub(crate) fn is_endless_iterable(program: &Program<'_>, iter: ValueRef) -> bool {
    let by_name = match program.value(iter) {
        ValueKind::Call(call) => {
            let facts = program.facts(iter.file);
            match facts.values[facts.calls[call].callee].kind {
                ValueKind::Attr { name, .. } => {
                    program.targets(iter.file, call).is_empty()
                        && program
                            .models
                            .is_endless_method(program.name(iter.file, name))
                }
                _ => false,
            }
        }
        _ => false,
    };
    by_name || gives_endlessly(program, iter) || {
        // A parameter for which the program passes such a thing.
        let given = given_for(program, iter);
        !given.is_empty() && given.iter().all(|&it| gives_endlessly(program, it))
    }
}

fn gives_endlessly(program: &Program<'_>, value: ValueRef) -> bool {
    program.entities(value).iter().any(|it| match it {
        Entity::External(node) | Entity::ExternalInstance(node) => program.models.is_endless(*node),
        _ => false,
    })
}

/// What the calls of a function pass for the parameter that a value reads.
fn given_for(program: &Program<'_>, value: ValueRef) -> Vec<ValueRef> {
    let ValueKind::Var(var) = program.value(value) else {
        return Vec::new();
    };
    let facts = program.facts(value.file);
    let fact = &facts.vars[var];
    let (Some(param), 1) = (fact.param, fact.defs.len()) else {
        return Vec::new();
    };
    let func = FuncRef {
        file: value.file,
        id: fact.func,
    };
    let given = program.callers(func).iter().take(8).filter_map(|&it| {
        let call = program.call(it);
        let target = program
            .targets(it.file, it.id)
            .iter()
            .find(|it| it.func == func)?;
        let position = (param as usize).checked_sub(usize::from(target.skip));
        let name = program.param_name(func, param as usize);
        let id = program.argument(it.file, call, position, name)?;
        Some(ValueRef { file: it.file, id })
    });
    given.collect()
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

    /// How often something in a function runs: in an endless loop, for each round.
    #[must_use]
    pub fn runs_at(&self, func: FuncRef, context: Option<ContextId>) -> Run {
        let run = self.runs(func);
        if matches!(run.often, Runs::Import | Runs::Once)
            && endless_loop(self, func, context).is_some_and(|it| is_never_left(self, func, it))
        {
            return Run {
                often: Runs::PerEvent,
                why: Why::Loop(func),
            };
        }
        run
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

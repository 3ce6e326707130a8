//! `lost-task`: a task that nobody holds may vanish before it is done; one that nobody waits for any longer stays.

use super::registering::{
    arguments, calls_named, calls_of, escapes, func_of, is_repeated, is_thrown_away, role_calls,
    role_of, symbol, with_nested,
};
use super::{Context, Rule, Sink};
use crate::facts::model::{
    CallF, CallId, ContextKind, DefKind, Home, Usage, ValueId, ValueKind, VarId,
};
use crate::finding::{Confidence, Finding, Growth, Place, Role, Severity};
use crate::link::program::{ValueRef, last_name};
use crate::link::{CallRef, FuncRef, Program};
use crate::models::ApiRole;
use rustc_hash::FxHashSet;

pub(super) struct LostTask;

impl Rule for LostTask {
    fn page(&self) -> &'static str {
        include_str!("../../rules/lost-task.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        let mut told = FxHashSet::default();
        for (call, fact) in role_calls(program, ApiRole::Task) {
            if !is_thrown_away(program, call) {
                continue;
            }
            let at = program.at(call.file, fact.at);
            let func = func_of(call, fact);
            let waits = waits(cx, call);
            let (severity, message) = match waits {
                Waits::Never => continue,
                Waits::Alone(_) => (
                    Severity::Warning,
                    "nobody keeps the task, and nobody else holds what it waits for: both are collected before it is done (lost work rather than retained memory)",
                ),
                Waits::Unwritten | Waits::Unknown => (Severity::Warning, MAY_BE_LOST),
                Waits::Held => (Severity::Info, MAY_BE_LOST),
            };
            // What is known to be kept by nobody is told at each place, what may be kept once for each coroutine.
            if matches!(waits, Waits::Unknown)
                && let Some((_, coroutine)) = arguments(program, call).next()
                && let [func] = coroutines(program, coroutine)[..]
                && !told.insert((call.file, func))
            {
                continue;
            }
            let mut finding = Finding::new(out.meta(), at, message).severity(severity);
            if let Waits::Alone(place) = waits {
                finding = finding.label(place, Role::Link, "waits here, for what it alone holds");
            }
            out.report(
                finding
                    .label(at, Role::Leak, "the task is thrown away here")
                    .growth(Growth::Unknown)
                    .symbol(symbol(program, func))
                    .help("keep it until it is done: `tasks.add(task); task.add_done_callback(tasks.discard)`, await it, or start it in an `asyncio.TaskGroup`"),
            );
        }
        for (call, fact) in role_calls(program, ApiRole::WaitTasks) {
            left_waiting(cx, call, fact, out);
        }
    }
}

const MAY_BE_LOST: &str = "nobody keeps the task: the loop holds it weakly, so it is collected before it is done when nothing else holds what it waits for (lost work rather than retained memory)";

/// What a task that nobody keeps waits for.
enum Waits {
    /// For nothing: it is done when it first runs, and until then the loop holds it.
    Never,
    /// At this place, for something that it alone holds.
    Alone(Place),
    /// Its body is yet to be written.
    Unwritten,
    /// For what the loop or somebody else holds: timers, threads, futures that were given away.
    Held,
    /// For something of which that is not known.
    Unknown,
}

/// How many calls a coroutine is followed through.
const DEPTH: u32 = 4;

fn waits(cx: &Context<'_>, task: CallRef) -> Waits {
    let program = cx.program;
    let Some((_, coroutine)) = arguments(program, task).next() else {
        return Waits::Unknown;
    };
    let funcs = coroutines(program, coroutine);
    if let [func] = funcs[..]
        && let Some(place) = waits_alone(cx, func, DEPTH)
    {
        return Waits::Alone(place);
    }
    if funcs.is_empty() {
        Waits::Unknown
    } else if funcs.iter().all(|&it| is_unwritten(program, it)) {
        Waits::Unwritten
    } else if funcs.iter().all(|&it| never_waits(program, it)) {
        Waits::Never
    } else if funcs.iter().all(|&it| is_held(cx, it, DEPTH)) {
        Waits::Held
    } else {
        Waits::Unknown
    }
}

/// The coroutine functions that a value is a call of; none when some of them are not known.
fn coroutines(program: &Program<'_>, value: ValueRef) -> Vec<FuncRef> {
    let ValueKind::Call(id) = program.value(value) else {
        return Vec::new();
    };
    let targets = program.targets(value.file, id);
    let funcs: Vec<FuncRef> = targets.iter().map(|it| it.func).collect();
    let is_coroutine = |it: &FuncRef| program.func(*it).is_async && !program.func(*it).is_generator;
    if funcs.iter().all(is_coroutine) {
        funcs
    } else {
        Vec::new()
    }
}

/// What a function awaits.
fn awaited(program: &Program<'_>, func: FuncRef) -> impl Iterator<Item = ValueRef> {
    let facts = program.facts(func.file);
    let values = &facts.values.as_slice()[facts.funcs[func.id].values.range()];
    values.iter().filter_map(move |it| match it.kind {
        ValueKind::Await(id) => Some(ValueRef {
            file: func.file,
            id,
        }),
        _ => None,
    })
}

/// Where a coroutine waits for a future, event or queue that no other object refers to.
fn waits_alone(cx: &Context<'_>, func: FuncRef, depth: u32) -> Option<Place> {
    let program = cx.program;
    let depth = depth.checked_sub(1)?;
    awaited(program, func).find_map(|value| {
        if is_alone(cx, func, value) {
            return Some(program.at(func.file, program.value_span(value)));
        }
        match coroutines(program, value)[..] {
            [next] if next != func => waits_alone(cx, next, depth),
            _ => None,
        }
    })
}

/// Whether all that a coroutine, of which nothing is alone, waits for is held by the loop or by others.
fn is_held(cx: &Context<'_>, func: FuncRef, depth: u32) -> bool {
    let program = cx.program;
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let facts = program.facts(func.file);
    let is_known = |call: CallId| {
        matches!(
            role_of(program, func.file, &facts.calls[call]),
            Some(ApiRole::TimerWait | ApiRole::Future | ApiRole::LoneWait | ApiRole::OwnStream)
        )
    };
    // A connection that the coroutine opened, and that others have too, as nothing is alone.
    let is_of_stream = |call: CallId| {
        let ValueKind::Attr { base, .. } = facts.values[facts.calls[call].callee].kind else {
            return false;
        };
        let ValueKind::Var(var) = facts.values[base].kind else {
            return false;
        };
        let [def] = &facts.defs[facts.vars[var].defs.range()] else {
            return false;
        };
        let opened = def.value.map(|it| facts.values[it].kind);
        matches!((def.kind, opened), (DefKind::Unpack(_), Some(ValueKind::Await(it)))
            if matches!(facts.values[it].kind, ValueKind::Call(it) if is_known(it)))
    };
    let mut waits = awaited(program, func).peekable();
    waits.peek().is_some()
        && waits.all(|value| match program.value(value) {
            ValueKind::Call(call) if is_known(call) || is_of_stream(call) => true,
            ValueKind::Call(_) => {
                let next = coroutines(program, value);
                !next.is_empty() && next.iter().all(|&it| it != func && is_held(cx, it, depth))
            }
            ValueKind::Var(var) => match &facts.defs[facts.vars[var].defs.range()] {
                [def] => def.value.is_some_and(
                    |it| matches!(facts.values[it].kind, ValueKind::Call(call) if is_known(call)),
                ),
                _ => false,
            },
            _ => false,
        })
}

/// Whether an awaited value comes of an object that only the coroutine's frame holds.
fn is_alone(cx: &Context<'_>, func: FuncRef, value: ValueRef) -> bool {
    let program = cx.program;
    let facts = program.facts(func.file);
    match program.value(value) {
        ValueKind::Var(var) => is_own(program, func, var, true),
        ValueKind::Call(id) => match role_of(program, func.file, &facts.calls[id]) {
            Some(ApiRole::Future) => true,
            Some(ApiRole::LoneWait) => match facts.values[facts.calls[id].callee].kind {
                ValueKind::Attr { base, .. } => match facts.values[base].kind {
                    ValueKind::Call(_) => true,
                    ValueKind::Var(var) => is_own(program, func, var, false),
                    _ => false,
                },
                _ => false,
            },
            _ => cx.target.minor >= 8 && reads_own_stream(program, func, id),
        },
        _ => false,
    }
}

/// `await reader.read()` on a connection that the coroutine opened for itself: nobody else holds the reader.
fn reads_own_stream(program: &Program<'_>, func: FuncRef, read: CallId) -> bool {
    let facts = program.facts(func.file);
    let ValueKind::Attr { base, name } = facts.values[facts.calls[read].callee].kind else {
        return false;
    };
    let ValueKind::Var(reader) = facts.values[base].kind else {
        return false;
    };
    let opened = |var: VarId| match &facts.defs[facts.vars[var].defs.range()] {
        [def] if def.kind == DefKind::Unpack(0) => def.value,
        _ => None,
    };
    let Some(opened) = opened(reader) else {
        return false;
    };
    let ValueKind::Await(call) = facts.values[opened].kind else {
        return false;
    };
    let ValueKind::Call(call) = facts.values[call].kind else {
        return false;
    };
    // The writer refers to the reader: who gets either keeps both.
    let mut both = facts
        .defs
        .iter()
        .filter(|it| it.value == Some(opened))
        .map(|it| it.var);
    program.name(func.file, name).starts_with("read")
        && role_of(program, func.file, &facts.calls[call]) == Some(ApiRole::OwnStream)
        && both.all(|var| {
            let fact = &facts.vars[var];
            fact.home == Home::Function
                && fact.func == func.id
                && !fact.is_captured
                && matches!(uses(program, func, var), (named, called) if named == called)
        })
}

/// How often a function names a local, and how often it does so to call a method of it.
fn uses(program: &Program<'_>, func: FuncRef, var: VarId) -> (usize, usize) {
    let facts = program.facts(func.file);
    let is_it = |value: ValueId| facts.values[value].kind == ValueKind::Var(var);
    let values = &facts.values.as_slice()[facts.funcs[func.id].values.range()];
    let named = values.iter().filter(|it| it.kind == ValueKind::Var(var));
    let called = calls_of(program, func).filter(|(_, it)| match facts.values[it.callee].kind {
        ValueKind::Attr { base, .. } => is_it(base),
        _ => false,
    });
    (named.count(), called.count())
}

/// Whether a local is bound once, to a new object, and only waited for: whoever else sees it may hold it.
fn is_own(program: &Program<'_>, func: FuncRef, var: VarId, is_future: bool) -> bool {
    let facts = program.facts(func.file);
    let fact = &facts.vars[var];
    let [def] = &facts.defs[fact.defs.range()] else {
        return false;
    };
    let is_new = match def.value.map(|it| facts.values[it].kind) {
        Some(ValueKind::Call(id)) if is_future => {
            role_of(program, func.file, &facts.calls[id]) == Some(ApiRole::Future)
        }
        Some(ValueKind::Call(_)) => !is_future,
        _ => false,
    };
    fact.home == Home::Function
        && fact.func == func.id
        && !fact.is_captured
        && def.kind == DefKind::Assign
        && is_new
        && uses(program, func, var).0 == 1
}

/// Whether a function is a stub: it stands for a body that somebody is to write. That of a method may stand in a subclass.
fn is_unwritten(program: &Program<'_>, func: FuncRef) -> bool {
    let fact = program.func(func);
    fact.class.is_none()
        && fact.statements <= 1
        && [fact.calls, fact.stores, fact.results]
            .iter()
            .all(|it| it.range().is_empty())
        && awaited(program, func).next().is_none()
}

/// Whether a coroutine runs to its end without waiting, as far as its own body tells.
fn never_waits(program: &Program<'_>, func: FuncRef) -> bool {
    let facts = program.facts(func.file);
    let fact = program.func(func);
    let calls = facts.calls.as_slice()[fact.calls.range()].iter();
    let stores = facts.stores.as_slice()[fact.stores.range()].iter();
    let results = facts.results[fact.results.range()].iter();
    let contexts = calls
        .map(|it| it.context)
        .chain(stores.map(|it| it.context))
        .chain(results.map(|it| it.context));
    // `async for` and `async with` wait, too.
    let mut around = contexts.flat_map(|it| program.contexts(func.file, it));
    awaited(program, func).next().is_none()
        && !around.any(|it| matches!(it, ContextKind::For { .. } | ContextKind::With { .. }))
}

/// `asyncio.wait` that returns at the first result: the other tasks wait on, and each call adds some.
fn left_waiting(cx: &Context<'_>, call: CallRef, fact: &CallF, out: &mut Sink) {
    let program = cx.program;
    let facts = program.facts(call.file);
    let func = func_of(call, fact);
    let args: Vec<_> = arguments(program, call).collect();
    let returns_early = args.iter().any(|&(keyword, value)| {
        keyword == Some("return_when")
            && match program.value(value) {
                ValueKind::Str { text: Some(it), .. } => Some(program.name(call.file, it)),
                _ => last_name(facts, value.id),
            }
            .is_some_and(|it| matches!(it, "FIRST_COMPLETED" | "FIRST_EXCEPTION"))
    });
    if func.id.index() == 0 || !returns_early || !is_repeated(cx, func, fact.context) {
        return;
    }
    let Some((_, tasks)) = args.first().filter(|it| it.0.is_none()) else {
        return;
    };
    let made = tasks_made(program, func, tasks.id);
    if made.len() < 2 {
        return;
    }
    let funcs = with_nested(program, func);
    let ends_them = calls_named(program, &funcs, |it| {
        matches!(it, "cancel" | "gather" | "wait_for" | "as_completed") || it.contains("cancel")
    });
    // Who looks at the tasks that are left, or keeps them, may end them or wait for them again.
    let is_read = |var: VarId| {
        facts.funcs.iter().any(|it| {
            facts.reads[it.reads.range()].iter().any(|read| {
                facts.values[read.value].kind == ValueKind::Var(var)
                    && !matches!(
                        read.usage,
                        Usage::Receiver | Usage::Searched | Usage::Tested
                    )
            })
        })
    };
    let is_left_used = facts.defs.iter().any(|def| {
        def.kind == DefKind::Unpack(1)
            && def.value.is_some_and(|it| is_result(program, call, it))
            && is_read(def.var)
    });
    let is_passed_on = facts.defs.iter().any(|def| {
        def.kind == DefKind::Assign && def.value.is_some_and(|it| is_result(program, call, it))
    }) || facts.results[facts.funcs[func.id].results.range()]
        .iter()
        .any(|it| it.value.is_some_and(|it| is_result(program, call, it)));
    let is_kept = made.iter().any(|&(var, _)| {
        var.is_some_and(|var| {
            escapes(program, func, var, &|it| it.at != fact.at)
                || facts.values.as_slice()[facts.funcs[func.id].values.range()]
                    .iter()
                    .any(|it| match it.kind {
                        ValueKind::Await(inner) => facts.values[inner].kind == ValueKind::Var(var),
                        _ => false,
                    })
        })
    });
    if ends_them || is_left_used || is_passed_on || is_kept {
        return;
    }
    let at = program.at(call.file, fact.at);
    let mut finding = Finding::new(
        out.meta(),
        at,
        "the tasks that are not done when `asyncio.wait` returns are neither cancelled nor waited for: each call leaves what still waits",
    )
    .severity(Severity::Error)
    .confidence(Confidence::Medium)
    .label(at, Role::Leak, "returns at the first result, and leaves the other tasks")
    .growth(Growth::PerCall)
    .symbol(symbol(program, func))
    .help("cancel what is left: `for task in pending: task.cancel()`, or make the task that waits once and use it in each round");
    for (_, made) in made {
        finding = finding.label(
            program.at(call.file, facts.calls[made].at),
            Role::Growth,
            "a new task each time",
        );
    }
    out.report(finding);
}

/// Whether a value is what a call, awaited, gives.
fn is_result(program: &Program<'_>, call: CallRef, value: ValueId) -> bool {
    let facts = program.facts(call.file);
    match facts.values[value].kind {
        ValueKind::Await(it) => is_result(program, call, it),
        it => it == ValueKind::Call(call.id),
    }
}

/// The tasks of a list that the function makes itself, with the variables that hold them.
fn tasks_made(
    program: &Program<'_>,
    func: FuncRef,
    tasks: ValueId,
) -> Vec<(Option<VarId>, CallId)> {
    let facts = program.facts(func.file);
    let is_task = |value: ValueId| match facts.values[value].kind {
        ValueKind::Call(id) => {
            (role_of(program, func.file, &facts.calls[id]) == Some(ApiRole::Task)).then_some(id)
        }
        _ => None,
    };
    let single = |var: VarId| match &facts.defs[facts.vars[var].defs.range()] {
        [def] if def.kind == DefKind::Assign && def.func == func.id => def.value,
        _ => None,
    };
    let list = match facts.values[tasks].kind {
        ValueKind::Var(var) => single(var).unwrap_or(tasks),
        _ => tasks,
    };
    let (ValueKind::List(rows) | ValueKind::Set(rows) | ValueKind::Tuple(rows)) =
        facts.values[list].kind
    else {
        return Vec::new();
    };
    program
        .list(func.file, rows)
        .iter()
        .filter_map(|&it| match facts.values[it].kind {
            ValueKind::Var(var) => Some((Some(var), is_task(single(var)?)?)),
            _ => Some((None, is_task(it)?)),
        })
        .collect()
}

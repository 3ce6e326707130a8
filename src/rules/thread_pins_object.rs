//! `thread-pins-object`: a thread that never ends keeps the object whose method it runs; a waiting thread for each call.

use super::registering::{
    Made, arguments, bound_attr, bound_vars, calls_named, calls_of, class_funcs, func_of, has_end,
    is_guarded, made, role_calls, symbol, with_nested,
};
use super::{Context, Rule, Sink};
use crate::facts::model::{
    CallF, ContextId, ContextKind, ResultKind, StoreKind, Target, ValueId, ValueKind,
};
use crate::finding::{Confidence, Finding, Growth, Role, Severity, Step};
use crate::link::program::{ValueRef, last_name};
use crate::link::{CallRef, ClassRef, Entity, FuncRef, Program, Sym};
use crate::models::{ApiRole, Runs};

pub(super) struct ThreadPinsObject;

impl Rule for ThreadPinsObject {
    fn page(&self) -> &'static str {
        include_str!("../../rules/thread-pins-object.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        for (call, fact) in role_calls(cx.program, ApiRole::Thread) {
            thread(cx, call, fact, out);
        }
        for class in cx.program.class_refs() {
            thread_class(cx, class, out);
        }
        for (call, fact) in role_calls(cx.program, ApiRole::Task) {
            task(cx, call, fact, out);
        }
        for (call, fact) in role_calls(cx.program, ApiRole::Timer) {
            timer(cx, call, fact, out);
        }
    }
}

/// The method of the own instance that a value is.
fn own_method(program: &Program<'_>, value: ValueRef) -> Option<(ClassRef, FuncRef)> {
    let ValueKind::Attr { base, .. } = program.value(value) else {
        return None;
    };
    let class = own_instance(program, value.file, base)?;
    if !program.is_bound_method(value) {
        return None;
    }
    program.entities(value).iter().find_map(|it| match it {
        Entity::Bound(func) => Some((class, *func)),
        _ => None,
    })
}

/// The class whose instance a value is, in a method of that class.
fn own_instance(program: &Program<'_>, file: u32, value: ValueId) -> Option<ClassRef> {
    let ValueKind::Var(var) = program.facts(file).values[value].kind else {
        return None;
    };
    match program.files[file as usize].selfs.get(&var) {
        Some(&(id, false)) => Some(ClassRef { file, id }),
        _ => None,
    }
}

/// What a thread with this target runs, and the class whose instance it keeps: by a bound method, a closure over the
/// instance, or an argument.
fn pinned(
    program: &Program<'_>,
    target: ValueRef,
    passed: Option<ValueRef>,
) -> Option<(ClassRef, FuncRef)> {
    if let Some(it) = own_method(program, target) {
        return Some(it);
    }
    let file = target.file;
    let entities = program.entities(target);
    let func = match program.value(target) {
        ValueKind::Func(id) => FuncRef { file, id },
        _ => entities.iter().find_map(|it| match it {
            Entity::Func(func) => Some(*func),
            _ => None,
        })?,
    };
    let selfs = &program.files[func.file as usize].selfs;
    let closed_over = program
        .func(func)
        .free
        .iter()
        .find_map(|it| match selfs.get(it) {
            Some(&(id, false)) => Some(ClassRef {
                file: func.file,
                id,
            }),
            _ => None,
        });
    let class = closed_over.or_else(|| {
        let (ValueKind::Tuple(rows) | ValueKind::List(rows)) = program.value(passed?) else {
            return None;
        };
        program
            .list(file, rows)
            .iter()
            .find_map(|&it| own_instance(program, file, it))
    })?;
    // `lambda: self.run()` runs the method.
    let run = match program.value(target) {
        ValueKind::Func(_) => calls_of(program, func)
            .flat_map(|(id, _)| program.targets(func.file, id))
            .map(|it| it.func)
            .next()
            .unwrap_or(func),
        _ => func,
    };
    Some((class, run))
}

/// The method that a thread of a subclass runs, where that of the base ends and a subclass' does not.
fn overridden(program: &Program<'_>, class: ClassRef, method: FuncRef) -> (ClassRef, FuncRef) {
    let is_own = program.func(method).class.is_some() && !is_endless(program, method);
    let name = program.sym(program.func_name(method)).filter(|_| is_own);
    let below = name.map(|it| program.methods_below(class, it));
    let endless = below
        .into_iter()
        .flatten()
        .find(|&it| it != method && is_endless(program, it));
    match endless.and_then(|it| Some((program.class_of(it)?, it))) {
        Some(it) => it,
        None => (class, method),
    }
}

fn thread(cx: &Context<'_>, call: CallRef, fact: &CallF, out: &mut Sink) {
    let program = cx.program;
    let args: Vec<_> = arguments(program, call).collect();
    let target = args
        .iter()
        .find(|it| it.0 == Some("target"))
        .or_else(|| args.get(1).filter(|it| it.0.is_none()));
    let Some(&(_, target)) = target else { return };
    let passed = args.iter().find(|it| it.0 == Some("args")).map(|it| it.1);
    let Some((class, method)) = pinned(program, target, passed) else {
        return;
    };
    let (class, method) = overridden(program, class, method);
    let funcs = class_funcs(program, class);
    if !calls_named(program, &funcs, |it| it == "start") {
        return;
    }
    runner(
        cx,
        call,
        fact,
        &Runner {
            class,
            method,
            what: "thread",
        },
        &funcs,
        out,
    );
}

/// A class of threads of which each starts itself.
fn thread_class(cx: &Context<'_>, class: ClassRef, out: &mut Sink) {
    let program = cx.program;
    let is_thread = program.class_info(class).is_some_and(|it| {
        it.libraries
            .iter()
            .any(|&it| program.models.registries.role(it) == Some(ApiRole::Thread))
    });
    let (Some(run), Some(start)) = (program.sym("run"), program.sym("start")) else {
        return;
    };
    if !is_thread || program.files[class.file as usize].is_test {
        return;
    }
    let (Some(method), None) = (program.method(class, run), program.method(class, start)) else {
        return;
    };
    let funcs = class_funcs(program, class);
    // `self.start()`
    let started = funcs.iter().find_map(|&func| {
        let facts = program.facts(func.file);
        calls_of(program, func).find_map(|(id, it)| match facts.values[it.callee].kind {
            ValueKind::Attr { base, name }
                if program.name(func.file, name) == "start"
                    && own_instance(program, func.file, base).is_some() =>
            {
                Some((
                    CallRef {
                        file: func.file,
                        id,
                    },
                    it,
                ))
            }
            _ => None,
        })
    });
    if let Some((call, fact)) = started {
        runner(
            cx,
            call,
            fact,
            &Runner {
                class,
                method,
                what: "thread",
            },
            &funcs,
            out,
        );
    }
}

/// `asyncio.create_task(self.run())`
fn task(cx: &Context<'_>, call: CallRef, fact: &CallF, out: &mut Sink) {
    let program = cx.program;
    let Some((_, coroutine)) = arguments(program, call).next() else {
        return;
    };
    let ValueKind::Call(started) = program.value(coroutine) else {
        return;
    };
    let callee = ValueRef {
        file: call.file,
        id: program.facts(call.file).calls[started].callee,
    };
    let Some((class, method)) = own_method(program, callee) else {
        return;
    };
    let funcs = class_funcs(program, class);
    // What has no end of its own is made to serve for ever, as far as we see.
    if !has_end(program, class)
        || calls_named(program, &funcs, |it| it.contains("cancel") || it == "stop")
        || !program.func(method).is_async
    {
        return;
    }
    runner(
        cx,
        call,
        fact,
        &Runner {
            class,
            method,
            what: "task",
        },
        &funcs,
        out,
    );
}

/// What runs a method of an object, and so keeps the object.
struct Runner {
    class: ClassRef,
    method: FuncRef,
    what: &'static str,
}

fn runner(
    cx: &Context<'_>,
    call: CallRef,
    fact: &CallF,
    it: &Runner,
    funcs: &[FuncRef],
    out: &mut Sink,
) {
    let program = cx.program;
    let &Runner {
        class,
        method,
        what,
    } = it;
    let func = func_of(call, fact);
    if is_guarded(program, call.file, fact.context) {
        return;
    }
    let often = made(cx, class);
    let sets_up = program
        .models
        .registries
        .is_setting_up(program.func_name(func));
    if often == Made::Few
        || sets_up
        || matches!(program.runs(func).often, Runs::Once | Runs::Import)
    {
        return;
    }
    let confidence = if often == Made::Often {
        Confidence::High
    } else {
        Confidence::Medium
    };
    let at = program.at(call.file, fact.at);
    let class_name = program.class_name(class);
    let path = [
        Step {
            node: format!("a running {what}"),
            edge: String::new(),
            place: None,
        },
        Step {
            node: program.qualified(method),
            edge: "target".to_owned(),
            place: Some(at),
        },
        Step {
            node: class_name.to_owned(),
            edge: "__self__".to_owned(),
            place: Some(at),
        },
    ];
    let method_at = program.at(method.file, program.func(method).name_span);
    if is_endless(program, method) {
        let message = format!(
            "the {what} runs `{}` for ever, so each `{class_name}` that starts one stays until the process ends",
            program.qualified(method)
        );
        out.report(
            Finding::new(out.meta(), at, message)
                .severity(Severity::Warning)
                .confidence(confidence)
                .label(at, Role::Registration, format!("the {what} holds the method, and the method its instance"))
                .label(method_at, Role::Link, "nothing ends the loop in here")
                .path(path)
                .growth(Growth::PerInstance)
                .symbol(symbol(program, func))
                .help(if what == "task" {
                    "keep the task, and cancel it in `close`"
                } else {
                    "give the loop an end (`while not self._stop.wait(…)`, and a `close` that sets it), or run a function that holds the object by `weakref.ref`"
                }),
        );
        return;
    }
    let Some(stop) = stopped_by_finalizer(program, class, method, funcs) else {
        return;
    };
    let finalizer_at = program.at(stop.file, program.func(stop).name_span);
    let message = format!(
        "`{class_name}.__del__` is to end the {what}, but the {what} keeps the object alive: `__del__` never runs"
    );
    out.report(
        Finding::new(out.meta(), at, message)
            .severity(Severity::Error)
            .confidence(confidence)
            .label(
                at,
                Role::Registration,
                format!("the {what} holds the method, and the method its instance"),
            )
            .label(method_at, Role::Link, "runs until it is told to stop")
            .label(finalizer_at, Role::Release, "the only one who tells it")
            .path(path)
            .growth(Growth::PerInstance)
            .symbol(symbol(program, func))
            .help("call `close()` by hand (`with`), or run a function that holds the object by `weakref.ref` and ends when it is gone"),
    );
}

/// Whether a function has a loop that nothing leaves.
fn is_endless(program: &Program<'_>, func: FuncRef) -> bool {
    let file = func.file;
    let facts = program.facts(file);
    let fact = &facts.funcs[func.id];
    if fact.is_generator {
        return false;
    }
    let loop_of = |context: Option<ContextId>| {
        program.contexts(file, context).find(|it| match it {
            ContextKind::While { test, .. } => matches!(
                facts.values[*test].kind,
                ValueKind::Bool(true) | ValueKind::Int(1)
            ),
            _ => false,
        })
    };
    // `try: while True: queue.get_nowait()` with `except Empty` around the loop: what it raises ends it.
    let is_caught_outside = |context: Option<ContextId>| {
        let mut is_outside = false;
        program.contexts(file, context).any(|it| {
            is_outside |= matches!(it, ContextKind::While { .. });
            is_outside && it == ContextKind::Try
        })
    };
    let is_raised_out = calls_of(program, func).any(|(_, it)| {
        last_name(facts, it.callee).is_some_and(|it| it.ends_with("_nowait") || it == "next")
            && is_caught_outside(it.context)
    });
    let has_break = |it: ContextKind| matches!(it, ContextKind::While { breaks: true, .. });
    let leaves = facts.results[fact.results.range()].iter().any(|it| {
        it.kind != ResultKind::Break
            && loop_of(it.context).is_some()
            && (it.kind == ResultKind::Return
                || !program
                    .contexts(file, it.context)
                    .any(|it| matches!(it, ContextKind::Try)))
    });
    let quits = calls_of(program, func).any(|(_, it)| {
        matches!(
            last_name(facts, it.callee),
            Some("exit" | "_exit" | "kill" | "abort" | "quit" | "raise_for_status")
        )
    });
    let calls = calls_of(program, func).map(|it| it.1.context);
    let stores = facts.stores.as_slice()[fact.stores.range()]
        .iter()
        .map(|it| it.context);
    let mut loops = calls.chain(stores).filter_map(loop_of).peekable();
    loops.peek().is_some() && !loops.any(has_break) && !leaves && !quits && !is_raised_out
}

/// Attributes of the instance that a function sets, or of which it calls a method that ends something.
fn sets(program: &Program<'_>, func: FuncRef) -> Vec<Sym> {
    let facts = program.facts(func.file);
    let is_self = |value| match facts.values[value].kind {
        ValueKind::Var(var) => program.files[func.file as usize].selfs.contains_key(&var),
        _ => false,
    };
    let stores = facts.stores.as_slice()[facts.funcs[func.id].stores.range()]
        .iter()
        .filter_map(|it| match it.target {
            Target::Attr(name) if it.kind == StoreKind::Assign && is_self(it.base) => {
                Some(program.sym_of(func.file, name))
            }
            _ => None,
        });
    let calls = calls_of(program, func).filter_map(|(_, it)| {
        let ValueKind::Attr { base, name } = facts.values[it.callee].kind else {
            return None;
        };
        match facts.values[base].kind {
            ValueKind::Attr {
                base: owner,
                name: attr,
            } if is_self(owner)
                && matches!(
                    program.name(func.file, name),
                    "set" | "clear" | "put" | "put_nowait" | "cancel" | "close" | "stop"
                ) =>
            {
                Some(program.sym_of(func.file, attr))
            }
            _ => None,
        }
    });
    stores.chain(calls).collect()
}

fn reads(program: &Program<'_>, func: FuncRef) -> Vec<Sym> {
    let facts = program.facts(func.file);
    facts.values.as_slice()[facts.funcs[func.id].values.range()]
        .iter()
        .filter_map(|it| match it.kind {
            ValueKind::Attr { base, name } => match facts.values[base].kind {
                ValueKind::Var(var)
                    if program.files[func.file as usize].selfs.contains_key(&var) =>
                {
                    Some(program.sym_of(func.file, name))
                }
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// The finalizer, when only it tells the loop of `method` to stop (directly, or by a method that nothing else calls).
fn stopped_by_finalizer(
    program: &Program<'_>,
    class: ClassRef,
    method: FuncRef,
    funcs: &[FuncRef],
) -> Option<FuncRef> {
    let facts = program.facts(method.file);
    let has_loop = calls_of(program, method).any(|(_, it)| {
        program
            .contexts(method.file, it.context)
            .any(|it| matches!(it, ContextKind::While { .. }))
    }) || facts.stores.as_slice()[facts.funcs[method.id].stores.range()]
        .iter()
        .any(|it| {
            program
                .contexts(method.file, it.context)
                .any(|it| matches!(it, ContextKind::While { .. }))
        });
    if !has_loop {
        return None;
    }
    let finalizer = program.method(class, program.sym("__del__")?)?;
    let mut stoppers = vec![finalizer];
    let mut at = 0;
    while at < stoppers.len() && at < 8 {
        let by = stoppers[at];
        for (id, _) in calls_of(program, by) {
            for target in program.targets(by.file, id) {
                if funcs.contains(&target.func) && !stoppers.contains(&target.func) {
                    stoppers.push(target.func);
                }
            }
        }
        at += 1;
    }
    let read = reads(program, method);
    let is_stop = |func: FuncRef| sets(program, func).iter().any(|it| read.contains(it));
    let stops: Vec<FuncRef> = stoppers.iter().copied().filter(|&it| is_stop(it)).collect();
    if stops.is_empty() {
        return None;
    }
    // Anybody else who can stop it: another method that sets the same, or a caller of one that does.
    let starter = |func: FuncRef| matches!(program.func_name(func), "__init__" | "start" | "run");
    let is_other = funcs
        .iter()
        .any(|&it| !stoppers.contains(&it) && it != method && !starter(it) && is_stop(it));
    let is_called = stoppers.iter().filter(|&&it| it != finalizer).any(|&it| {
        program.is_taken(it)
            || program.is_method_name_called(it)
            || program
                .callers(it)
                .iter()
                .any(|call| !stoppers.contains(&func_of(*call, program.call(*call))))
    });
    (!is_other && !is_called).then_some(finalizer)
}

/// Whether a function, each time it runs to its end, runs another one.
fn leads_to(program: &Program<'_>, from: FuncRef, to: FuncRef, depth: u32) -> bool {
    from == to
        || depth > 0
            && calls_of(program, from)
                .filter(|(_, it)| {
                    !program.contexts(from.file, it.context).any(|it| {
                        matches!(it, ContextKind::If { .. } | ContextKind::Handler { .. })
                    })
                })
                .flat_map(|(id, _)| program.targets(from.file, id))
                .any(|it| leads_to(program, it.func, to, depth - 1))
}

/// Timers shorter than this end soon enough.
const LONG: i64 = 60;

fn timer(cx: &Context<'_>, call: CallRef, fact: &CallF, out: &mut Sink) {
    let program = cx.program;
    let file = call.file;
    let func = func_of(call, fact);
    if func.id.index() == 0 || is_guarded(program, file, fact.context) {
        return;
    }
    let args: Vec<_> = arguments(program, call).collect();
    let argument = |keyword: &str, position: usize| {
        args.iter()
            .find(|it| it.0 == Some(keyword))
            .or_else(|| args.get(position).filter(|it| it.0.is_none()))
            .map(|it| it.1)
    };
    let Some((interval, callback)) = argument("interval", 0).zip(argument("function", 1)) else {
        return;
    };
    let class = program.class_of(func);
    let funcs = class.map_or_else(|| with_nested(program, func), |it| class_funcs(program, it));
    let is_started = calls_named(program, &funcs, |it| it == "start");
    let is_cancelled = calls_named(program, &funcs, |it| matches!(it, "cancel" | "join"));
    if !is_started || is_cancelled {
        return;
    }
    let run = program.runs(func);
    // A method that starts a timer for itself goes on for ever.
    let repeats = own_method(program, callback).filter(|it| {
        fact.context.is_none() && leads_to(program, it.1, func, 3) && made(cx, it.0) != Made::Few
    });
    let at = program.at(file, fact.at);
    if let Some((class, _)) = repeats {
        let message = format!(
            "the timer calls a method that starts the next timer, so each `{}` stays until the process ends",
            program.class_name(class)
        );
        out.report(
            Finding::new(out.meta(), at, message)
                .severity(Severity::Warning)
                .confidence(Confidence::Medium)
                .label(at, Role::Registration, "the waiting thread holds the method and its instance")
                .growth(Growth::PerInstance)
                .symbol(symbol(program, func))
                .help("keep the timer and cancel it in `close`, or hold the object by `weakref.ref` in the callback"),
        );
        return;
    }
    let is_long = program.int(interval, 4).is_some_and(|it| it >= LONG);
    let is_kept = bound_attr(program, call).is_some()
        || bound_vars(program, call)
            .iter()
            .any(|&it| super::registering::escapes(program, func, it, &|_| true));
    let is_often = match run.often {
        Runs::PerEvent | Runs::PerInstance => true,
        Runs::Many => !program
            .models
            .registries
            .is_setting_up(program.func_name(func)),
        _ => false,
    };
    if !is_long || !is_often || is_kept {
        return;
    }
    let message = format!(
        "each call of `{}` starts a thread that waits, and nothing cancels it",
        program.qualified(func)
    );
    out.report(
        Finding::new(out.meta(), at, message)
            .severity(Severity::Warning)
            .confidence(Confidence::Medium)
            .label(at, Role::Growth, "one thread with its callback, until the time is over")
            .growth(Growth::PerThread)
            .symbol(symbol(program, func))
            .help("use one scheduler thread for all (`sched`, `loop.call_later`), or keep the timer and cancel it when it is not needed"),
    );
}

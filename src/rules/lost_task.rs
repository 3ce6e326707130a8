//! `lost-task`: a task that nobody holds may vanish before it is done; one that nobody waits for any longer stays.

use super::registering::{
    arguments, calls_named, escapes, func_of, is_repeated, is_thrown_away, role_calls, role_of,
    symbol, with_nested,
};
use super::{Context, Rule, Sink};
use crate::facts::model::{CallF, DefKind, Usage, ValueId, ValueKind, VarId};
use crate::finding::{Confidence, Finding, Growth, Role, Severity};
use crate::link::program::last_name;
use crate::link::{CallRef, FuncRef, Program};
use crate::models::ApiRole;

pub(super) struct LostTask;

impl Rule for LostTask {
    fn page(&self) -> &'static str {
        include_str!("../../rules/lost-task.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        for (call, fact) in role_calls(program, ApiRole::Task) {
            if !is_thrown_away(program, call) {
                continue;
            }
            let at = program.at(call.file, fact.at);
            let func = func_of(call, fact);
            let message = "nobody keeps the task: the loop holds it weakly, so it may be collected before it is done (lost work rather than retained memory)";
            out.report(
                Finding::new(out.meta(), at, message)
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
) -> Vec<(Option<VarId>, crate::facts::model::CallId)> {
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

//! Fields that are filled again while they may still hold what they held.

use super::Field;
use crate::facts::model::{CallF, CallId, ContextKind, FileFacts, ValueId, ValueKind};
use crate::link::program::last_name;
use crate::link::runs::Why;
use crate::link::{FuncRef, Program};
use crate::models::Runs;
use crate::models::resources::Effect;
use crate::resources::oracle::Oracle;
use crate::resources::program::oracle;

/// Methods whose names say that they run again on the same object.
const AGAIN: &[&str] = &[
    "refresh",
    "reconnect",
    "reload",
    "reset",
    "reopen",
    "restart",
    "renew",
    "rotate",
    "rollover",
    "roll",
    "switch",
    "change",
    "update",
    "relogin",
    "recreate",
    "rebuild",
    "reinit",
    "retry",
];

/// Whether a field is filled by a method that runs again, while it may still hold what it held.
#[must_use]
pub fn is_reopened(program: &Program<'_>, all: &[Field], field: &Field) -> bool {
    if field.is_guarded {
        return false;
    }
    let func = FuncRef {
        file: field.file,
        id: field.func,
    };
    let name = program.func_name(func);
    let words: Vec<&str> = name.split('_').filter(|it| !it.is_empty()).collect();
    let is_init = matches!(
        name,
        "__init__"
            | "__new__"
            | "__setstate__"
            | "__enter__"
            | "__aenter__"
            | "setUp"
            | "asyncSetUp"
            | "setup"
            | "setup_method"
    );
    if is_init {
        return false;
    }
    let filled_first = all.iter().any(|it| {
        it.class == field.class
            && it.name == field.name
            && program.func_name(FuncRef {
                file: it.file,
                id: it.func,
            }) == "__init__"
            && !it.is_guarded
    });
    let is_again = words.first().is_some_and(|it| AGAIN.contains(it)) || is_event(program, func);
    if !filled_first && !is_again {
        return false;
    }
    !lets_go(program, func, field, 0) && !is_used_up(program, func, field)
}

/// Whether others call a method for each event, again and again on the same object.
fn is_event(program: &Program<'_>, func: FuncRef) -> bool {
    let run = program.runs(func);
    run.often == Runs::PerEvent && run.why == Why::EntryPoint
}

/// Whether a method releases what it has filled the attribute with, on every way that comes by the filling.
fn is_used_up(program: &Program<'_>, func: FuncRef, field: &Field) -> bool {
    let facts = program.facts(func.file);
    // What is done with an argument is the same in all versions.
    let oracle = oracle(program, func.file, (3, 11));
    let opened = &facts.calls[field.call];
    let above: Vec<ContextKind> = program.contexts(func.file, opened.context).collect();
    let is_field = |value: ValueId| match facts.values[value].kind {
        ValueKind::Attr { name, .. } => program.sym_of(func.file, name) == field.name,
        _ => false,
    };
    facts.funcs[func.id].calls.ids().any(|id: CallId| {
        let call = &facts.calls[id];
        let is_certain = program.contexts(func.file, call.context).all(|it| {
            above.contains(&it)
                || !matches!(
                    it,
                    ContextKind::If { .. } | ContextKind::Handler { .. } | ContextKind::Case { .. }
                )
        });
        let is_closed = match facts.values[call.callee].kind {
            ValueKind::Attr { base, .. } => is_field(base) && is_closer(facts, call, field),
            _ => false,
        };
        let is_given = facts.args[call.args.range()]
            .iter()
            .enumerate()
            .any(|(at, it)| {
                is_field(it.value)
                    && !matches!(
                        oracle.effect_of_argument(id, at),
                        Effect::Borrow | Effect::Exhaust
                    )
            });
        is_certain && call.at.start > opened.at.start && (is_closed || is_given)
    })
}

/// Whether a call is of one of the field's closers.
fn is_closer(facts: &FileFacts, call: &CallF, field: &Field) -> bool {
    let name = last_name(facts, call.callee).unwrap_or_default();
    field.closers.iter().any(|it| &**it == name)
}

/// Whether a method, or a method that it calls on the same object, does anything with the field that may release it.
fn lets_go(program: &Program<'_>, func: FuncRef, field: &Field, depth: u32) -> bool {
    let facts = program.facts(func.file);
    let fact = program.func(func);
    let is_field = |value: ValueId| match facts.values[value].kind {
        ValueKind::Attr { name, .. } => program.sym_of(func.file, name) == field.name,
        _ => false,
    };
    // Reading it at all, other than after the filling, may be for closing it.
    let opened_at = facts_at(program, field);
    let reads = facts.reads[fact.reads.range()]
        .iter()
        .any(|it| is_field(it.value) && (depth > 0 || facts.values[it.value].at < opened_at));
    if reads {
        return true;
    }
    depth < 3
        && (fact.calls.start..fact.calls.end)
            .map(CallId::new)
            .any(|call| {
                let is_before = depth > 0 || facts.calls[call].at.start < opened_at;
                is_before
                    && program
                        .targets(func.file, call)
                        .iter()
                        .any(|it| lets_go(program, it.func, field, depth + 1))
            })
}

fn facts_at(program: &Program<'_>, field: &Field) -> u32 {
    program.facts(field.file).calls[field.call].at.start
}

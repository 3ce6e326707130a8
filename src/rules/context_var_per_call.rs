//! `context-var-per-call`: a context variable is made again and again, and each keeps what it is set to.

use super::registering::{
    bound_attr, bound_vars, func_of, is_guarded, is_repeated, made, role_calls, symbol,
};
use super::{Context, Rule, Sink};
use crate::base::Name;
use crate::facts::model::{ContextKind, Home, StoreKind, Target, Usage, ValueKind, VarId};
use crate::finding::{Confidence, Finding, Growth, Role, Step};
use crate::link::program::last_name;
use crate::link::{CallRef, Program};
use crate::models::{ApiRole, Runs};

pub(super) struct ContextVarPerCall;

impl Rule for ContextVarPerCall {
    fn page(&self) -> &'static str {
        include_str!("../../rules/context-var-per-call.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        locals(cx, out);
        for (call, fact) in role_calls(program, ApiRole::ContextVar) {
            let func = func_of(call, fact);
            if func.id.index() == 0 || !is_repeated(cx, func, fact.context) {
                continue;
            }
            if is_guarded(program, call.file, fact.context) {
                continue;
            }
            let is_for_few = program
                .class_of(func)
                .is_some_and(|it| made(cx, it) == super::registering::Made::Few);
            if is_for_few {
                continue;
            }
            let Some(set) = set_at(program, call) else {
                continue;
            };
            let at = program.at(call.file, fact.at);
            let name = program.qualified(func);
            let message = format!(
                "each call of `{name}` makes a context variable, and the context keeps it and its value for as long as the thread"
            );
            out.report(
                Finding::new(out.meta(), at, message)
                    .label(at, Role::Definition, "made here, again and again")
                    .label(set, Role::Growth, "set here: the context holds variable and value")
                    .path([
                        Step { node: "the thread's context".to_owned(), edge: String::new(), place: None },
                        Step { node: "ContextVar".to_owned(), edge: "entry".to_owned(), place: Some(at) },
                        Step { node: "value".to_owned(), edge: "set".to_owned(), place: Some(set) },
                    ])
                    .growth(Growth::PerCall)
                    .symbol(symbol(program, func))
                    .help("make the ContextVar once, at module level, and reset it with the token that `set` returns"),
            );
        }
    }
}

/// Containers on a `threading.local` of the module that only grow: a thread of a pool lives as long as the pool.
fn locals(cx: &Context<'_>, out: &mut Sink) {
    let program = cx.program;
    for (call, fact) in role_calls(program, ApiRole::ThreadLocal) {
        let file = call.file;
        let facts = program.facts(file);
        let vars: Vec<VarId> = bound_vars(program, call);
        let &[var] = &vars[..] else { continue };
        if facts.vars[var].home != Home::Module || func_of(call, fact).id.index() != 0 {
            continue;
        }
        let local_of = |value| match facts.values[value].kind {
            ValueKind::Attr { base, name } if facts.values[base].kind == ValueKind::Var(var) => {
                Some(name)
            }
            _ => None,
        };
        for grow in facts.calls.iter() {
            let ValueKind::Attr { base, name: method } = facts.values[grow.callee].kind else {
                continue;
            };
            let Some(name) = local_of(base) else { continue };
            let func = func_of(call, grow);
            let is_often = matches!(program.runs(func).often, Runs::PerEvent | Runs::Many)
                && !program
                    .models
                    .registries
                    .is_setting_up(program.func_name(func));
            if !matches!(
                program.name(file, method),
                "append" | "extend" | "add" | "appendleft"
            ) || !is_often
                || is_emptied(program, file, var, name)
            {
                continue;
            }
            let at = program.at(file, grow.at);
            let name = program.name(file, name);
            let owner = program.name(file, facts.vars[var].name);
            out.report(
                Finding::new(
                    out.meta(),
                    at,
                    format!(
                        "`{owner}.{name}` grows with calls of `{}` and nothing empties it: it lives as long as the thread, and a thread of a pool as long as the pool",
                        program.qualified(func)
                    ),
                )
                .confidence(Confidence::Medium)
                .label(at, Role::Growth, "grows here, once for each call in the thread")
                .label(program.at(file, fact.at), Role::Root, "one set of values for each thread")
                .growth(Growth::PerCall)
                .symbol(symbol(program, func))
                .help(format!("make it anew where the work begins: `{owner}.{name} = []`, or empty it where it ends")),
            );
            break;
        }
    }
}

/// Whether a file takes something from the container on a thread-local, or binds it anew without asking whether it is there.
fn is_emptied(program: &Program<'_>, file: u32, var: VarId, name: Name) -> bool {
    let facts = program.facts(file);
    let is_it = |value| match facts.values[value].kind {
        ValueKind::Attr { base, name: it } => {
            it == name && facts.values[base].kind == ValueKind::Var(var)
        }
        _ => false,
    };
    let is_shrunk = facts
        .calls
        .iter()
        .any(|it| match facts.values[it.callee].kind {
            ValueKind::Attr { base, name } => {
                is_it(base)
                    && matches!(
                        program.name(file, name),
                        "pop" | "clear" | "remove" | "popleft" | "discard" | "popitem"
                    )
            }
            _ => false,
        });
    // Whoever gets it by another name may do anything with it.
    let is_handed_on = facts.funcs.iter().any(|it| {
        facts.reads[it.reads.range()].iter().any(|read| {
            is_it(read.value)
                && matches!(
                    read.usage,
                    Usage::Bound
                        | Usage::Stored
                        | Usage::Argument
                        | Usage::Returned
                        | Usage::Yielded
                )
        })
    });
    let is_named = facts.values.iter().any(|it| match it.kind {
        ValueKind::Str {
            text: Some(text), ..
        } => Name::from(text) == name,
        _ => false,
    });
    let is_bound_anew = facts.stores.iter().any(|it| {
        let is_target = match it.target {
            Target::Attr(attr) => attr == name && facts.values[it.base].kind == ValueKind::Var(var),
            _ => is_it(it.base) && it.kind == StoreKind::Delete,
        };
        let asks = program
            .contexts(file, it.context)
            .any(|it| matches!(it, ContextKind::If { .. } | ContextKind::Handler { .. }));
        is_target && (!asks || it.kind == StoreKind::Delete) && it.func.index() != 0
    });
    // `hasattr(local, "rows")` is how it is made once; any other mention of the name may reset it.
    let asks_by_name = facts.calls.iter().any(|it| {
        last_name(facts, it.callee).is_some_and(|it| matches!(it, "setattr" | "delattr"))
            && facts.args[it.args.range()]
                .first()
                .is_some_and(|it| facts.values[it.value].kind == ValueKind::Var(var))
    });
    let clears_all = facts.values.iter().any(|it| match it.kind {
        ValueKind::Attr { base, name } => {
            program.name(file, name) == "__dict__" && facts.values[base].kind == ValueKind::Var(var)
        }
        _ => false,
    });
    is_shrunk || is_handed_on || is_bound_anew || is_named && asks_by_name || clears_all
}

/// Where the variable is set, when nothing resets it.
fn set_at(program: &Program<'_>, call: CallRef) -> Option<crate::finding::Place> {
    let facts = program.facts(call.file);
    let vars: Vec<VarId> = bound_vars(program, call);
    let attr = bound_attr(program, call);
    let is_shared = vars.iter().any(|&it| facts.vars[it].home != Home::Function);
    // One for each name, in a table of the module.
    let is_tabled = facts.stores.iter().any(|it| {
        let is_made = it.value.is_some_and(|it| match facts.values[it].kind {
            ValueKind::Var(var) => vars.contains(&var),
            ValueKind::Call(id) => id == call.id,
            _ => false,
        });
        is_made
            && matches!(it.target, Target::Item(_))
            && matches!(facts.values[it.base].kind, ValueKind::Var(table) if facts.vars[table].home == Home::Module)
    });
    if is_shared || is_tabled {
        return None;
    }
    let is_it = |value| match facts.values[value].kind {
        ValueKind::Var(var) => vars.contains(&var),
        ValueKind::Attr { name, .. } => Some(program.sym_of(call.file, name)) == attr,
        _ => false,
    };
    let mut set = None;
    for it in facts.calls.iter() {
        let ValueKind::Attr { base, .. } = facts.values[it.callee].kind else {
            continue;
        };
        if !is_it(base) {
            continue;
        }
        match last_name(facts, it.callee) {
            Some("reset") => return None,
            Some("set") => set = Some(program.at(call.file, it.at)),
            _ => {}
        }
    }
    set
}

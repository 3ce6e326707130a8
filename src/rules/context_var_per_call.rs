//! `context-var-per-call`: a context variable is made again and again, and each keeps what it is set to.

use super::registering::{
    bound_attr, bound_vars, func_of, is_guarded, is_repeated, made, role_calls, symbol,
};
use super::{Context, Rule, Sink};
use crate::facts::model::{Home, ValueKind, VarId};
use crate::finding::{Finding, Growth, Role, Step};
use crate::link::program::last_name;
use crate::link::{CallRef, Program};
use crate::models::ApiRole;

pub(super) struct ContextVarPerCall;

impl Rule for ContextVarPerCall {
    fn page(&self) -> &'static str {
        include_str!("../../rules/context-var-per-call.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
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

/// Where the variable is set, when nothing resets it.
fn set_at(program: &Program<'_>, call: CallRef) -> Option<crate::finding::Place> {
    let facts = program.facts(call.file);
    let vars: Vec<VarId> = bound_vars(program, call);
    let attr = bound_attr(program, call);
    let is_shared = vars.iter().any(|&it| facts.vars[it].home != Home::Function);
    if is_shared {
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

//! `frame-cycle`: a local variable refers to the frame that it stands in, so the frame and its locals wait for the gc.

use rustc_hash::FxHashSet;

use super::{Context, Rule, Sink};
use crate::base::Span;
use crate::base::human;
use crate::facts::model::{CallId, ContextKind, DefF, DefKind, FuncId, Home, ValueKind, VarId};
use crate::finding::{Confidence, Finding, Growth, Role, Severity, Step};
use crate::link::FuncRef;
use crate::link::program::ValueRef;

pub(super) struct FrameCycle;

impl Rule for FrameCycle {
    fn page(&self) -> &'static str {
        include_str!("../../rules/frame-cycle.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        for (file, facts) in program.files.iter().map(|it| &it.facts).enumerate() {
            let locals = facts
                .vars
                .iter_ids()
                .filter(|(_, it)| it.home == Home::Function && it.func.index() != 0);
            let keeping = keeping(cx, file as u32);
            for (var, fact) in locals {
                let func = FuncRef {
                    file: file as u32,
                    id: fact.func,
                };
                let defs = &facts.defs[fact.defs.range()];
                let is_dropped = defs.iter().any(|it| match it.kind {
                    DefKind::Delete => true,
                    DefKind::Assign => it.value.is_some_and(|id| {
                        facts.values[id].kind == ValueKind::None && it.at.start > defs[0].at.start
                    }),
                    _ => false,
                });
                if is_dropped {
                    continue;
                }
                let found = defs
                    .iter()
                    .find_map(|it| own_frame(cx, func, it))
                    .or_else(|| {
                        let keeps = keeping.contains(&func.id);
                        keeps.then(|| collected(cx, func, var)).flatten()
                    });
                if let Some((at, what)) = found {
                    out.report(finding(cx, out.meta(), func, var, at, what));
                }
            }
        }
    }
}

/// What of its own frame a binding stores, and where.
fn own_frame(cx: &Context<'_>, func: FuncRef, def: &DefF) -> Option<(Span, &'static str)> {
    let program = cx.program;
    let file = func.file;
    let facts = program.facts(file);
    if def.func != func.id {
        return None;
    }
    let in_handler = program.under(file, def.context, |it| {
        matches!(it, ContextKind::Handler { .. })
    });
    let called = |call: CallId, name: &str| {
        program.is_library_call(file, facts.calls[call].callee, |it| it == name)
    };
    match (def.kind, facts.values[def.value?].kind) {
        (DefKind::Assign, ValueKind::Call(call)) => {
            let has_no_depth = program
                .argument(file, &facts.calls[call], Some(0), "depth")
                .is_none_or(|it| matches!(facts.values[it].kind, ValueKind::Int(0)));
            if called(call, "inspect.currentframe") || called(call, "sys._getframe") && has_no_depth
            {
                Some((def.at, "the frame"))
            } else if called(call, "inspect.stack") {
                Some((def.at, "all frames of the stack"))
            } else if in_handler && (called(call, "sys.exc_info") || called(call, "sys.exception"))
            {
                Some((def.at, "the exception, whose traceback holds the frame"))
            } else {
                None
            }
        }
        // The exception stands beside its traceback; one of them is enough to say it.
        (DefKind::Unpack(2), ValueKind::Call(call))
            if in_handler && called(call, "sys.exc_info") =>
        {
            Some((def.at, "the traceback, which holds the frame"))
        }
        (DefKind::Assign, ValueKind::Var(from)) if from != def.var => {
            let of = &facts.defs[facts.vars[from].defs.range()];
            (in_handler
                && is_caught(of)
                && program.holds_traceback(
                    func,
                    ValueRef {
                        file,
                        id: def.value?,
                    },
                ))
            .then_some((def.at, "the exception, whose traceback holds the frame"))
        }
        _ => None,
    }
}

/// Functions of a file in which a handler puts something into something: few, so that the others need not be searched for
/// each of their locals.
fn keeping(cx: &Context<'_>, file: u32) -> FxHashSet<FuncId> {
    let program = cx.program;
    let facts = program.facts(file);
    let mut in_handler: Vec<bool> = Vec::with_capacity(facts.contexts.len());
    for it in facts.contexts.iter() {
        // What is around a context stands before it.
        let around = it.parent.is_some_and(|it| in_handler[it.index()]);
        in_handler.push(around || matches!(it.kind, ContextKind::Handler { .. }));
    }
    let grows = |id| match facts.values[id].kind {
        ValueKind::Attr { name, .. } => program
            .models
            .method(program.name(file, name))
            .is_some_and(|it| it.does.grows()),
        _ => false,
    };
    let calls = facts.calls.iter();
    calls
        .filter(|it| it.context.is_some_and(|it| in_handler[it.index()]))
        .filter(|it| grows(it.callee))
        .map(|it| it.func)
        .collect()
}

/// Where a handler puts the exception into a local container of the same function, which nothing empties.
fn collected(cx: &Context<'_>, func: FuncRef, var: VarId) -> Option<(Span, &'static str)> {
    let program = cx.program;
    let file = func.file;
    let facts = program.facts(file);
    if facts.vars[var].param.is_some() {
        return None;
    }
    let fact = &facts.funcs[func.id];
    let mut found = None;
    for call in &facts.calls.as_slice()[fact.calls.range()] {
        let ValueKind::Attr { base, name } = facts.values[call.callee].kind else {
            continue;
        };
        if facts.values[base].kind != ValueKind::Var(var) {
            continue;
        }
        let Some(method) = program.models.method(program.name(file, name)) else {
            continue;
        };
        if !method.does.grows() {
            return None;
        }
        let in_handler = program.under(file, call.context, |it| {
            matches!(it, ContextKind::Handler { .. })
        });
        let keeps = facts.args[call.args.range()].iter().any(|it| {
            matches!(facts.values[it.value].kind, ValueKind::Var(it)
                if is_caught(&facts.defs[facts.vars[it].defs.range()]))
                && program.holds_traceback(func, ValueRef { file, id: it.value })
        });
        if in_handler && keeps && found.is_none() {
            found = Some((call.at, "the exception, whose traceback holds the frame"));
        }
    }
    found
}

fn is_caught(defs: &[DefF]) -> bool {
    !defs.is_empty() && defs.iter().all(|it| it.kind == DefKind::Except)
}

fn finding(
    cx: &Context<'_>,
    meta: &'static crate::catalog::RuleMeta,
    func: FuncRef,
    var: VarId,
    at: Span,
    what: &str,
) -> Finding {
    let program = cx.program;
    let file = func.file;
    let facts = program.facts(file);
    let name = program.name(file, facts.vars[var].name);
    let owner = program.qualified(func);
    let large = program.large_locals(func, cx.large).into_iter().find(|it| {
        it.size.bytes().is_some()
            && it.var != var
            && !facts.defs[facts.vars[it.var].defs.range()]
                .iter()
                .any(|it| it.kind == DefKind::Delete)
    });
    let place = program.at(file, at);
    let kept = large.map(|it| {
        (
            program.name(file, facts.vars[it.var].name),
            human(it.size.bytes().unwrap_or(0)),
            it,
        )
    });
    let message = match &kept {
        Some((local, amount, _)) => format!(
            "`{name}` refers to the frame it stands in: `{local}` ({amount}) and all other locals of `{owner}` wait for the cyclic gc"
        ),
        None => format!(
            "`{name}` refers to the frame it stands in: the locals of `{owner}` wait for the cyclic gc"
        ),
    };
    let mut finding = Finding::new(meta, place, message)
        .severity(if kept.is_some() {
            Severity::Warning
        } else {
            Severity::Info
        })
        .confidence(Confidence::High)
        .label(place, Role::Link, format!("stores {what}"));
    if let Some((_, amount, local)) = &kept {
        finding = finding.label(
            program.at(file, local.at),
            Role::Definition,
            format!("made here, {amount}"),
        );
    }
    let step = |node: String, edge: &str| Step {
        node,
        edge: edge.to_owned(),
        place: Some(place),
    };
    let bytes = large.and_then(|it| it.size.bytes());
    finding
        .path([
            step(format!("frame of {owner}"), ""),
            step("frame or exception".to_owned(), name),
            step(format!("frame of {owner}"), "refers back"),
        ])
        .growth(Growth::PerCall)
        .bytes(bytes, bytes)
        .symbol(format!("{}.{owner}", program.files[file as usize].module))
        .help(format!("`del {name}` in a `finally` clause"))
}

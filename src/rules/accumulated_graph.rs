//! `accumulated-graph`: a sum over a training loop keeps the graph of each loss.

use super::registering::{calls_of, symbol};
use super::{Context, Rule, Sink};
use crate::base::Span;
use crate::facts::model::{
    ContextId, ContextKind, DefKind, StoreKind, Target, ValueId, ValueKind, VarId,
};
use crate::finding::{Finding, Growth, Role};
use crate::link::program::last_name;
use crate::link::{FuncRef, Program};

pub(super) struct AccumulatedGraph;

impl Rule for AccumulatedGraph {
    fn page(&self) -> &'static str {
        include_str!("../../rules/accumulated-graph.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        for func in program.funcs() {
            if program.files[func.file as usize].is_test {
                continue;
            }
            let facts = program.facts(func.file);
            for (_, call) in calls_of(program, func) {
                let ValueKind::Attr { base, name } = facts.values[call.callee].kind else {
                    continue;
                };
                if program.name(func.file, name) != "backward" {
                    continue;
                }
                let ValueKind::Var(loss) = facts.values[base].kind else {
                    continue;
                };
                let Some(round) = innermost_loop(program, func.file, call.context) else {
                    continue;
                };
                check(
                    program,
                    func,
                    loss,
                    round,
                    program.at(func.file, call.at),
                    out,
                );
            }
        }
    }
}

fn innermost_loop(
    program: &Program<'_>,
    file: u32,
    mut at: Option<ContextId>,
) -> Option<ContextId> {
    let facts = program.facts(file);
    while let Some(id) = at {
        if matches!(
            facts.contexts[id].kind,
            ContextKind::For { .. } | ContextKind::While { .. }
        ) {
            return Some(id);
        }
        at = facts.contexts[id].parent;
    }
    None
}

fn is_within(program: &Program<'_>, file: u32, mut at: Option<ContextId>, of: ContextId) -> bool {
    while let Some(id) = at {
        if id == of {
            return true;
        }
        at = program.facts(file).contexts[id].parent;
    }
    false
}

fn check(
    program: &Program<'_>,
    func: FuncRef,
    loss: VarId,
    round: ContextId,
    backward: crate::finding::Place,
    out: &mut Sink,
) {
    let file = func.file;
    let facts = program.facts(file);
    let without_graph = |context| {
        program.contexts(file, context).any(|it| match it {
            ContextKind::With { manager } => matches!(
                last_name(facts, manager),
                Some("no_grad" | "inference_mode" | "set_grad_enabled")
            ),
            _ => false,
        })
    };
    let mut found: Vec<(Span, String)> = Vec::new();
    for def in &facts.defs {
        let (DefKind::Augment(_), Some(value)) = (def.kind, def.value) else {
            continue;
        };
        let is_reset = facts.defs[facts.vars[def.var].defs.range()]
            .iter()
            .any(|it| it.kind == DefKind::Assign && is_within(program, file, it.context, round));
        if def.func == func.id
            && def.var != loss
            && !is_reset
            && is_within(program, file, def.context, round)
            && !without_graph(def.context)
            && keeps_graph(program, file, value, loss, 6)
            && !is_summed_up(program, func, def.var)
        {
            found.push((
                def.at,
                program.name(file, facts.vars[def.var].name).to_owned(),
            ));
        }
    }
    for store in &facts.stores.as_slice()[facts.funcs[func.id].stores.range()] {
        let (StoreKind::Augment(_), Some(value), Target::Attr(name)) =
            (store.kind, store.value, store.target)
        else {
            continue;
        };
        let is_reset = facts.stores.as_slice()[facts.funcs[func.id].stores.range()]
            .iter()
            .any(|it| {
                it.kind == StoreKind::Assign
                    && it.target == store.target
                    && is_within(program, file, it.context, round)
            });
        if !is_reset
            && is_within(program, file, store.context, round)
            && !without_graph(store.context)
            && keeps_graph(program, file, value, loss, 6)
        {
            found.push((store.at, program.name(file, name).to_owned()));
        }
    }
    let name = program.name(file, facts.vars[loss].name);
    for (at, sum) in found {
        let at = program.at(file, at);
        let message = format!(
            "`{sum}` sums up `{name}` with its graph, so the graphs of all rounds stay until the sum is dropped"
        );
        out.report(
            Finding::new(out.meta(), at, message)
                .label(
                    at,
                    Role::Growth,
                    format!("each round adds the graph of `{name}`"),
                )
                .label(
                    backward,
                    Role::Link,
                    format!("`{name}` is a tensor with a graph"),
                )
                .growth(Growth::PerLoop)
                .symbol(symbol(program, func))
                .help(format!(
                    "add the number: `{sum} += {name}.item()`, or `{name}.detach()`"
                )),
        );
    }
}

/// Whether a value is the loss, or computed from it by arithmetic alone.
fn keeps_graph(program: &Program<'_>, file: u32, value: ValueId, loss: VarId, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    match program.facts(file).values[value].kind {
        ValueKind::Var(var) => var == loss,
        ValueKind::Binary { left, right, .. } => {
            keeps_graph(program, file, left, loss, depth)
                || keeps_graph(program, file, right, loss, depth)
        }
        ValueKind::Sign(value) => keeps_graph(program, file, value, loss, depth),
        _ => false,
    }
}

/// Whether `backward()` runs on the sum itself.
fn is_summed_up(program: &Program<'_>, func: FuncRef, sum: VarId) -> bool {
    let facts = program.facts(func.file);
    calls_of(program, func).any(|(_, call)| match facts.values[call.callee].kind {
        ValueKind::Attr { base, name } => {
            program.name(func.file, name) == "backward"
                && facts.values[base].kind == ValueKind::Var(sum)
        }
        _ => false,
    })
}

//! `accumulated-graph`: a sum over a training loop keeps the graph of each loss.

use super::registering::{calls_of, symbol};
use super::{Context, Rule, Sink};
use crate::base::Span;
use crate::facts::model::{
    CallId, ContextId, ContextKind, DefKind, StoreKind, Target, ValueId, ValueKind, VarId,
};
use crate::finding::{Finding, Growth, Place, Role};
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
                let backward = program.at(func.file, call.at);
                match innermost_loop(program, func.file, call.context) {
                    Some(round) => check(program, func, loss, Some(round), backward, out),
                    // A step that a loop elsewhere takes: what stays on the object stays for all rounds.
                    None if program.class_of(func).is_some() => {
                        check(program, func, loss, None, backward, out);
                    }
                    None => {}
                }
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

fn is_within(
    program: &Program<'_>,
    file: u32,
    mut at: Option<ContextId>,
    of: Option<ContextId>,
) -> bool {
    let Some(of) = of else { return true };
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
    round: Option<ContextId>,
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
    let mut metered: Vec<(Span, Place, String)> = Vec::new();
    for def in &facts.defs {
        let (DefKind::Augment(_), Some(value)) = (def.kind, def.value) else {
            continue;
        };
        let is_reset = facts.defs[facts.vars[def.var].defs.range()]
            .iter()
            .any(|it| it.kind == DefKind::Assign && is_within(program, file, it.context, round));
        if def.func == func.id
            && round.is_some()
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
    for (id, call) in calls_of(program, func) {
        if !is_within(program, file, call.context, round) || without_graph(call.context) {
            continue;
        }
        let passed = facts.args[call.args.range()]
            .iter()
            .position(|it| keeps_graph(program, file, it.value, loss, 6));
        let (Some(position), ValueKind::Attr { base, name }) =
            (passed, facts.values[call.callee].kind)
        else {
            continue;
        };
        let method = program.name(file, name);
        if matches!(method, "append" | "add" | "extend" | "appendleft") {
            if let Some(list) = kept_list(program, func, base, round)
                && !is_summed_later(program, func, base)
            {
                found.push((call.at, list));
            }
            continue;
        }
        if let Some((at, sum)) = meter(program, func, id, position) {
            metered.push((call.at, at, sum));
        }
    }
    let name = program.name(file, facts.vars[loss].name);
    let adds = |at: Place, message: String, out: &Sink| {
        Finding::new(out.meta(), at, message).label(
            at,
            Role::Growth,
            format!("each round adds the graph of `{name}`"),
        )
    };
    let made_by = |finding: Finding| {
        finding
            .label(
                backward,
                Role::Link,
                format!("`{name}` is a tensor with a graph"),
            )
            .growth(Growth::PerLoop)
            .symbol(symbol(program, func))
    };
    for (at, inside, sum) in metered {
        let at = program.at(file, at);
        let message = format!(
            "`{sum}` keeps `{name}` with its graph, so the graphs of all rounds stay until it is reset"
        );
        let finding = adds(at, message, out).label(
            inside,
            Role::Growth,
            format!("`{sum}` takes it in as it is"),
        );
        out.report(made_by(finding).help(format!(
            "pass the number: `{name}.item()`, or `{name}.detach()`"
        )));
    }
    for (at, sum) in found {
        let at = program.at(file, at);
        let message = format!(
            "`{sum}` takes in `{name}` with its graph, so the graphs of all rounds stay until `{sum}` is dropped"
        );
        out.report(made_by(adds(at, message, out)).help(format!(
            "add the number, `{name}.item()`, or the tensor without its graph, `{name}.detach()`"
        )));
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

/// The name of a list that outlives the rounds: a local one that is not made in the round, or one of the object.
fn kept_list(
    program: &Program<'_>,
    func: FuncRef,
    list: ValueId,
    round: Option<ContextId>,
) -> Option<String> {
    let file = func.file;
    let facts = program.facts(file);
    match facts.values[list].kind {
        ValueKind::Var(var) => {
            let round = round?;
            let is_made_anew = facts.defs[facts.vars[var].defs.range()].iter().any(|it| {
                it.kind == DefKind::Assign && is_within(program, file, it.context, Some(round))
            });
            let fact = &facts.vars[var];
            (!is_made_anew && fact.func == func.id)
                .then(|| program.name(file, fact.name).to_owned())
        }
        ValueKind::Attr { base, name } => {
            let ValueKind::Var(var) = facts.values[base].kind else {
                return None;
            };
            let is_reset = facts.stores.as_slice()[facts.funcs[func.id].stores.range()]
                .iter()
                .any(|it| it.target == Target::Attr(name) && it.kind == StoreKind::Assign);
            let is_own = program.files[file as usize].selfs.contains_key(&var);
            (is_own && !is_reset).then(|| program.name(file, name).to_owned())
        }
        _ => None,
    }
}

/// Whether the function computes something from the list that `backward()` runs on.
fn is_summed_later(program: &Program<'_>, func: FuncRef, list: ValueId) -> bool {
    let facts = program.facts(func.file);
    let ValueKind::Var(list) = facts.values[list].kind else {
        return false;
    };
    let uses_list = |value: ValueId| match facts.values[value].kind {
        ValueKind::Call(id) => facts.args[facts.calls[id].args.range()]
            .iter()
            .any(|it| facts.values[it.value].kind == ValueKind::Var(list)),
        _ => false,
    };
    calls_of(program, func).any(|(_, call)| match facts.values[call.callee].kind {
        ValueKind::Attr { base, name } if program.name(func.file, name) == "backward" => {
            match facts.values[base].kind {
                ValueKind::Var(sum) => facts.defs[facts.vars[sum].defs.range()]
                    .iter()
                    .any(|it| it.value.is_some_and(uses_list)),
                _ => uses_list(base),
            }
        }
        _ => false,
    })
}

/// Where a method of the program adds a parameter, as it is, to an attribute of its object.
fn meter(
    program: &Program<'_>,
    func: FuncRef,
    id: CallId,
    position: usize,
) -> Option<(Place, String)> {
    let facts = program.facts(func.file);
    let arg = &facts.args[facts.calls[id].args.range()][position];
    program.targets(func.file, id).iter().find_map(|&target| {
        let param = program.param_of(func.file, target, position, arg)?;
        let there = program.facts(target.func.file);
        let fact = program.func(target.func);
        let var = there.params[fact.params.range()].get(param)?.var;
        if there.vars[var].defs.range().len() > 1 {
            return None;
        }
        there.stores.as_slice()[fact.stores.range()]
            .iter()
            .find_map(|it| {
                let (StoreKind::Augment(_), Target::Attr(name), Some(value)) =
                    (it.kind, it.target, it.value)
                else {
                    return None;
                };
                let is_guarded = program
                    .contexts(target.func.file, it.context)
                    .any(|it| matches!(it, ContextKind::If { .. } | ContextKind::With { .. }));
                (!is_guarded && keeps_graph(program, target.func.file, value, var, 6)).then(|| {
                    (
                        program.at(target.func.file, it.at),
                        program.name(target.func.file, name).to_owned(),
                    )
                })
            })
    })
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

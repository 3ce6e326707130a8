//! `unclosed-figure`: pyplot keeps a figure that a function makes and does not close.

use super::registering::{
    arguments, bound_vars, calls_of, escapes, func_of, is_guarded, is_repeated, role_calls,
    role_of, symbol, with_nested,
};
use super::{Context, Rule, Sink};
use crate::facts::model::{CallF, ContextKind, ResultKind, Usage, ValueId, ValueKind};
use crate::finding::{Finding, Growth, Role, Step};
use crate::link::program::last_name;
use crate::link::{CallRef, FuncRef, Program};
use crate::models::ApiRole;

pub(super) struct UnclosedFigure;

impl Rule for UnclosedFigure {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unclosed-figure.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        for (call, fact) in role_calls(program, ApiRole::Figure) {
            let func = func_of(call, fact);
            let in_loop = program
                .contexts(call.file, fact.context)
                .any(|it| matches!(it, ContextKind::For { .. } | ContextKind::While { .. }));
            let is_often = if func.id.index() == 0 {
                in_loop
            } else {
                is_repeated(cx, func, fact.context) || in_loop
            };
            if !is_often
                || is_named(program, call)
                || is_guarded(program, call.file, fact.context)
                || is_closed(program, func)
                || leaves(program, func, call, fact)
            {
                continue;
            }
            let at = program.at(call.file, fact.at);
            let name = program.qualified(func);
            let message = if in_loop {
                "each round makes a figure that nothing closes: pyplot keeps it until the process ends".to_owned()
            } else {
                format!(
                    "each call of `{name}` makes a figure that nothing closes: pyplot keeps it until the process ends"
                )
            };
            out.report(
                Finding::new(out.meta(), at, message)
                    .label(at, Role::Acquire, "pyplot keeps the figure in its list of open figures")
                    .path([
                        Step { node: "matplotlib.pyplot (open figures)".to_owned(), edge: String::new(), place: None },
                        Step { node: "Figure".to_owned(), edge: "manager".to_owned(), place: Some(at) },
                    ])
                    .growth(if in_loop { Growth::PerLoop } else { Growth::PerCall })
                    .symbol(symbol(program, func))
                    .help("close it when it is saved: `plt.close(fig)`, or make it without pyplot: `matplotlib.figure.Figure()`"),
            );
        }
    }
}

/// A figure with a number or `clear` is made once and used again.
fn is_named(program: &Program<'_>, call: CallRef) -> bool {
    let is_figure =
        last_name(program.facts(call.file), program.call(call).callee) == Some("figure");
    arguments(program, call).any(|(keyword, value)| match keyword {
        Some("num" | "clear" | "FigureClass") => true,
        Some(_) => false,
        None => is_figure && !matches!(program.value(value), ValueKind::None),
    })
}

/// Whether the function, what it calls, or what calls it closes or shows figures.
fn is_closed(program: &Program<'_>, func: FuncRef) -> bool {
    let closes = |func: FuncRef| {
        calls_of(program, func).any(|(_, it)| {
            role_of(program, func.file, it) == Some(ApiRole::CloseFigure)
                || matches!(
                    last_name(program.facts(func.file), it.callee),
                    Some("close" | "show" | "close_all" | "closefig" | "close_figure" | "display")
                )
        })
    };
    let mut around = with_nested(program, func);
    let mut at = func;
    while let Some(outer) = program.parent(at) {
        around.push(outer);
        at = outer;
    }
    let called: Vec<FuncRef> = calls_of(program, func)
        .flat_map(|(id, _)| program.targets(func.file, id).iter().map(|it| it.func))
        .collect();
    around.into_iter().chain(called).any(closes)
        || program.callers(func).iter().any(|&it| {
            let by = func_of(it, program.call(it));
            closes(by) && !closes_others(program, by, func)
        })
}

/// Whether all that a caller closes are figures that it has from elsewhere: `fig = other(); plt.close(fig)`.
fn closes_others(program: &Program<'_>, by: FuncRef, func: FuncRef) -> bool {
    let facts = program.facts(by.file);
    let is_other = |value: ValueId| {
        let ValueKind::Var(var) = facts.values[value].kind else {
            return false;
        };
        let mut defs = facts.defs[facts.vars[var].defs.range()].iter().peekable();
        facts.vars[var].func == by.id
            && defs.peek().is_some()
            && defs.all(|def| {
                let Some(ValueKind::Call(id)) = def.value.map(|it| facts.values[it].kind) else {
                    return false;
                };
                let targets = program.targets(by.file, id);
                role_of(program, by.file, &facts.calls[id]) == Some(ApiRole::Figure)
                    || !targets.is_empty() && targets.iter().all(|it| it.func != func)
            })
    };
    calls_of(program, by).all(|(id, it)| match last_name(facts, it.callee) {
        Some("close") => {
            let call = CallRef { file: by.file, id };
            arguments(program, call)
                .next()
                .is_some_and(|it| is_other(it.1.id))
        }
        Some("show" | "close_all" | "closefig" | "close_figure" | "display") => false,
        _ => role_of(program, by.file, it) != Some(ApiRole::CloseFigure),
    })
}

/// Whether the figure is given to somebody: returned, stored, or passed on.
fn leaves(program: &Program<'_>, func: FuncRef, call: CallRef, fact: &CallF) -> bool {
    let facts = program.facts(call.file);
    let keeps = |it: &CallF| {
        !matches!(
            last_name(facts, it.callee),
            Some(
                "print"
                    | "len"
                    | "enumerate"
                    | "zip"
                    | "range"
                    | "isinstance"
                    | "sca"
                    | "setp"
                    | "colorbar"
                    | "savefig"
                    | "list"
                    | "getp"
                    | "id"
            )
        )
    };
    let gets_current = |name: Option<&str>| matches!(name, Some("gcf" | "gca"));
    let current_leaves = calls_of(program, func).any(|(_, it)| {
        gets_current(last_name(facts, it.callee))
            && matches!(
                it.usage,
                Usage::Returned | Usage::Argument | Usage::Stored | Usage::Element
            )
    });
    let hands_module_on = facts.results[facts.funcs[func.id].results.range()]
        .iter()
        .any(|it| {
            it.kind != ResultKind::Raise
                && it.value.is_some_and(|it| match facts.values[it].kind {
                    ValueKind::Var(_) => {
                        matches!(last_name(facts, it), Some("plt" | "pyplot" | "pylab"))
                    }
                    _ => false,
                })
        });
    match fact.usage {
        Usage::Discarded | Usage::Receiver => current_leaves || hands_module_on,
        Usage::Bound | Usage::Iterated | Usage::Entered => {
            let vars = bound_vars(program, call);
            vars.is_empty()
                || current_leaves
                || hands_module_on
                || vars.iter().any(|&it| escapes(program, func, it, &keeps))
        }
        _ => true,
    }
}

//! `suspended-frame-holds-large-local`: a generator that is kept and not exhausted keeps its frame, and what stands in it,
//! and so does a coroutine that never ends.

use rustc_hash::FxHashSet;

use super::{Context, Rule, Sink};
use crate::base::Span;
use crate::base::human;
use crate::facts::model::{ContextKind, DefKind, ResultKind, Usage, ValueKind};
use crate::finding::{Confidence, Finding, Growth, Role, Severity, Step};
use crate::heap::kept::Put;
use crate::heap::size::Size;
use crate::link::effects::EffectKind;
use crate::link::program::{ValueRef, last_name};
use crate::link::{FuncRef, PlaceKey, Program};
use crate::resources::program::opened;

pub(super) struct SuspendedFrameHoldsLargeLocal;

/// What a suspended frame holds.
struct Kept {
    /// The `yield` where it waits.
    waits: Span,
    /// Where it comes from.
    made: Span,
    /// What it is, for a message.
    what: String,
    bytes: Option<u64>,
}

impl Rule for SuspendedFrameHoldsLargeLocal {
    fn page(&self) -> &'static str {
        include_str!("../../rules/suspended-frame-holds-large-local.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        let mut reported: FxHashSet<FuncRef> = FxHashSet::default();
        for put in program.puts() {
            if !program.lives_long(put.place) {
                continue;
            }
            let mut makers = Vec::new();
            program.any_part(put.value, &mut |part| {
                if let ValueKind::Call(call) = program.value(part) {
                    makers.extend(program.targets(part.file, call).iter().map(|it| it.func));
                }
                false
            });
            for func in makers {
                let fact = program.func(func);
                if !fact.is_generator || !fact.decorators.is_empty() || is_consumed(program, &put) {
                    continue;
                }
                if let Some(kept) = held(cx, func)
                    && reported.insert(func)
                {
                    out.report(finding(cx, out.meta(), func, &put, kept));
                }
            }
        }
        for func in program.funcs() {
            let fact = program.func(func);
            if fact.is_async
                && !fact.is_generator
                && let Some(loops) = program.endless_while(func)
            {
                endless(cx, func, loops, out);
            }
        }
    }
}

/// Reports what a coroutine that never ends has made before its loop, and does not look at any more.
fn endless(cx: &Context<'_>, func: FuncRef, loops: Span, out: &mut Sink) {
    let program = cx.program;
    let file = func.file;
    let facts = program.facts(file);
    for local in program.large_locals(func, cx.large) {
        let Some(bytes) = local.size.bytes() else {
            continue;
        };
        let is_let_go = facts.defs[facts.vars[local.var].defs.range()]
            .iter()
            .any(|it| it.kind == DefKind::Delete);
        let is_used = || {
            facts.values.iter_ids().any(|(id, it)| {
                it.kind == ValueKind::Var(local.var)
                    && program.value_span(ValueRef { file, id }).start >= loops.start
            })
        };
        let is_captured = || facts.funcs.iter().any(|it| it.free.contains(&local.var));
        if local.at.start > loops.start || is_let_go || is_used() || is_captured() {
            continue;
        }
        let owner = program.qualified(func);
        let name = program.name(file, facts.vars[local.var].name);
        let amount = human(bytes);
        let made = program.at(file, local.at);
        let waits = program.at(file, loops);
        out.report(
            Finding::new(
                out.meta(),
                made,
                format!("`{owner}` goes on for ever and needs `{name}` ({amount}) no more: its frame keeps it while it waits"),
            )
            .severity(Severity::Warning)
            .confidence(Confidence::Medium)
            .label(made, Role::Definition, format!("made here, {amount}"))
            .label(waits, Role::Leak, "never left; nothing from here on looks at it")
            .path([
                Step {
                    node: format!("suspended frame of {owner}"),
                    edge: String::new(),
                    place: Some(waits),
                },
                Step {
                    node: amount.clone(),
                    edge: name.to_owned(),
                    place: Some(made),
                },
            ])
            .growth(Growth::PerCall)
            .bytes(Some(bytes), Some(bytes))
            .symbol(format!("{}.{owner}", program.files[file as usize].module))
            .help(format!("`del {name}` before the loop, or make it in a function of its own")),
        );
    }
}

/// Whether something may exhaust or close the generator.
fn is_consumed(program: &Program<'_>, put: &Put) -> bool {
    if put.kind != EffectKind::Rebind {
        return !program.only_grows(put.place);
    }
    let steps = |file: u32, at: Span| {
        let facts = program.facts(file);
        facts.calls.iter().any(|call| {
            matches!(
                last_name(facts, call.callee),
                Some("next" | "anext" | "print")
            ) && call.at.contains(at)
        })
    };
    let is_it = |file: u32, id| {
        program
            .places(ValueRef { file, id })
            .iter()
            .any(|it| it.key == put.place)
    };
    let name = program.place_last_name(put.place);
    program.files.iter().enumerate().any(|(file, it)| {
        let file = file as u32;
        it.facts.reads.iter().any(|read| {
            if last_name(&it.facts, read.value) != Some(name) || !is_it(file, read.value) {
                return false;
            }
            let span = program.value_span(ValueRef {
                file,
                id: read.value,
            });
            match read.usage {
                Usage::Argument => !steps(file, span),
                // `send` and `__next__` go on; `close` and `throw` end it.
                Usage::Receiver => it.facts.calls.iter().any(|call| {
                    matches!(it.facts.values[call.callee].kind, ValueKind::Attr { base, .. } if base == read.value)
                        && matches!(last_name(&it.facts, call.callee), Some("close" | "throw" | "aclose" | "athrow"))
                }),
                Usage::Tested | Usage::Discarded => false,
                _ => true,
            }
        })
    }) || program.effects(put.place).iter().any(|it| {
        it.kind == EffectKind::Rebind
            && it.func.id.index() != 0
            && (it.func, it.at) != (put.func, put.at)
            && !matches!(put.place, PlaceKey::Instance(..) if program.func_name(it.func) == "__init__")
    })
}

/// The first `yield` at which the generator waits while its frame holds something large or open.
fn held(cx: &Context<'_>, func: FuncRef) -> Option<Kept> {
    let program = cx.program;
    let file = func.file;
    let facts = program.facts(file);
    let fact = &facts.funcs[func.id];
    let yields: Vec<_> = facts.results[fact.results.range()]
        .iter()
        .filter(|it| matches!(it.kind, ResultKind::Yield | ResultKind::YieldFrom))
        .collect();
    for local in program.large_locals(func, cx.large) {
        let defs = &facts.defs[facts.vars[local.var].defs.range()];
        let dropped = defs
            .iter()
            .filter(|it| it.kind == DefKind::Delete)
            .map(|it| it.at.start)
            .min()
            .unwrap_or(u32::MAX);
        let waits = yields
            .iter()
            .find(|it| it.at.start > local.at.start && it.at.start < dropped);
        if let Some(waits) = waits {
            let name = program.name(file, facts.vars[local.var].name);
            let amount = match local.size {
                Size::Bytes(bytes) => human(bytes),
                Size::WholeInput => "the whole input".to_owned(),
            };
            return Some(Kept {
                waits: waits.at,
                made: local.at,
                what: format!("`{name}` ({amount})"),
                bytes: local.size.bytes(),
            });
        }
    }
    yields.iter().find_map(|it| {
        program.contexts(file, it.context).find_map(|context| {
            let ContextKind::With { manager } = context else {
                return None;
            };
            let ValueKind::Call(call) = facts.values[manager].kind else {
                return None;
            };
            let opener = opened(program, file, call, (3, cx.target.minor.into()))?;
            let opener = opener
                .strip_prefix("builtins.")
                .unwrap_or(&opener)
                .to_owned();
            Some(Kept {
                waits: it.at,
                made: facts.calls[call].at,
                what: format!("what `{opener}` opened"),
                bytes: None,
            })
        })
    })
}

fn finding(
    cx: &Context<'_>,
    meta: &'static crate::catalog::RuleMeta,
    func: FuncRef,
    put: &Put,
    kept: Kept,
) -> Finding {
    let program = cx.program;
    let name = program.qualified(func);
    let place = program.place_name(put.place);
    let at = program.at(func.file, kept.waits);
    let made = program.at(func.file, kept.made);
    let stored = program.at(put.func.file, put.at);
    let mut path = program.path_to(put.place, None);
    path.push(Step {
        node: format!("suspended frame of {name}"),
        edge: "generator".to_owned(),
        place: Some(at),
    });
    path.push(Step {
        node: kept.what.replace('`', ""),
        edge: "local".to_owned(),
        place: Some(made),
    });
    Finding::new(
        meta,
        at,
        format!("the generator `{name}` waits here and is kept in `{place}`: its frame keeps {}", kept.what),
    )
    .severity(Severity::Warning)
    .confidence(Confidence::Medium)
    .label(stored, Role::Root, format!("the generator is kept in `{place}`"))
    .label(made, Role::Definition, "stands in the frame from here on")
    .label(at, Role::Leak, "suspended here")
    .path(path)
    .growth(if put.kind == EffectKind::Rebind { Growth::Bounded } else { Growth::PerCall })
    .bytes(kept.bytes, kept.bytes)
    .symbol(format!("{}.{name}", program.files[func.file as usize].module))
    .help("exhaust or close the generator, or let go of what it holds before the `yield` (`del`, leave the `with`)")
}

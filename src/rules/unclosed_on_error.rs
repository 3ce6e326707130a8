//! `unclosed-on-error`: released where all goes well, lost when something in between raises.

use rustc_hash::FxHashSet;

use super::shortlived::is_short_lived;
use super::{Context, Rule, Sink, losing};
use crate::facts::model::{CallId, ContextKind, DefKind, ValueKind};
use crate::finding::{Confidence, Finding, Growth, Role, Severity};
use crate::heap::growth::ProgramKind;
use crate::link::FuncRef;
use crate::models::resources::{Class, Kind};
use crate::resources::must_call::{Failure, Outcome};
use crate::resources::program::Lost;

pub(super) struct UnclosedOnError;

impl Rule for UnclosedOnError {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unclosed-on-error.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let mut seen = FxHashSet::default();
        for lost in &cx.lost {
            let Outcome::OnlyOnException { raises, failure } = lost.outcome else {
                continue;
            };
            // What the same call loses without an exception says it already.
            let is_said = |it: &Lost| {
                it.func == lost.func
                    && it.call == lost.call
                    && !matches!(it.outcome, Outcome::OnlyOnException { .. })
            };
            // The file that stays, rather than the object that goes.
            let is_worse =
                |it: &Lost| it.func == lost.func && it.call == lost.call && it.class < lost.class;
            if cx.lost.iter().any(|it| is_said(it) || is_worse(it))
                || !seen.insert((lost.func, lost.call))
            {
                continue;
            }
            let program = cx.program;
            let file = lost.func.file;
            let at = program.at(file, program.facts(file).calls[lost.call].at);
            let what = losing::opener(&lost.opener);
            let losing::Words {
                noun,
                released,
                held,
            } = losing::words(lost.kind);
            let never = matches!(lost.class, Class::A);
            let message = if lost.released.is_some() {
                format!(
                    "the {noun} from `{what}` is not {released} when something before that raises"
                )
            } else {
                format!(
                    "the {noun} from `{what}` is not {released} when what follows fails before it is handed on"
                )
            };
            let mut finding = Finding::new(out.meta(), at, message)
                .severity(if lost.harmless || !lasts(cx, lost, failure) {
                    Severity::Info
                } else {
                    Severity::Warning
                })
                .confidence(match lost.class {
                    // Its name may have gone out long before.
                    _ if lost.kind == Kind::TemporaryFile
                        && (lost.released.is_none() || has_handler(cx, lost.func)) =>
                    {
                        Confidence::Low
                    }
                    // In a directory that somebody names it may go with that.
                    _ if losing::lies_in_folder(cx, lost) => Confidence::Low,
                    // Who opens an object of the program's own does not see what it holds.
                    _ if lost.keeper.is_some() && failure == Failure::Any => Confidence::Low,
                    Class::A | Class::B => Confidence::Medium,
                    Class::C | Class::D => {
                        if failure != Failure::Any
                            || keeps_frame(cx, lost.func)
                            || cx.kind == ProgramKind::Application && is_straight(cx, lost)
                        {
                            Confidence::Medium
                        } else {
                            Confidence::Low
                        }
                    }
                });
            finding = losing::acquired(cx, lost, finding).label(
                program.at(file, raises),
                Role::Leak,
                format!("still {held} when this raises"),
            );
            if let Some(it) = lost.released {
                finding = finding.label(
                    program.at(file, it),
                    Role::Release,
                    format!("{released} here, which is then skipped"),
                );
            }
            if let Some(through) = losing::through(cx, lost) {
                finding = finding.note(through);
            }
            out.report(
                finding
                    .note(if never {
                        losing::fate(lost.kind, lost.class)
                    } else {
                        "the traceback keeps the frame, and the frame keeps it, for as long as the exception is handled or stored"
                    })
                    .growth(Growth::PerCall)
                    .remedy(losing::remedy(cx, lost))
                    .symbol(losing::symbol(cx, lost))
                    .help(losing::help_for(lost)),
            );
        }
    }
}

/// Whether it stays longer than its frame: what no reference count gives back, a peer that does not answer, a frame that
/// somebody keeps.
fn lasts(cx: &Context<'_>, lost: &Lost, failure: Failure) -> bool {
    let call = &cx.program.facts(lost.func.file).calls[lost.call];
    let is_process = lost.kind == Kind::Process;
    match lost.class {
        // A process that ends by the exception gives everything back but files.
        Class::A | Class::B => {
            matches!(lost.kind, Kind::TemporaryFile | Kind::TemporaryDirectory)
                || !is_short_lived(cx, lost.func, call.context)
        }
        Class::C | Class::D if failure == Failure::Ordinary || is_process => {
            !is_short_lived(cx, lost.func, call.context)
        }
        Class::C | Class::D => keeps_frame(cx, lost.func),
    }
}

/// Whether a function does something about exceptions.
fn has_handler(cx: &Context<'_>, func: FuncRef) -> bool {
    let program = cx.program;
    let facts = program.facts(func.file);
    let rows = program.func(func).calls;
    (rows.start..rows.end).map(CallId::new).any(|id| {
        program
            .contexts(func.file, facts.calls[id].context)
            .any(|it| matches!(it, ContextKind::Handler { .. }))
    })
}

/// Whether a handler of the function keeps the traceback, and with it the frame: it stores the exception, or goes on for long
/// while it is being handled.
fn keeps_frame(cx: &Context<'_>, func: FuncRef) -> bool {
    let program = cx.program;
    let facts = program.facts(func.file);
    let fact = program.func(func);
    let goes_on = (fact.calls.start..fact.calls.end)
        .map(CallId::new)
        .any(|id| {
            let mut in_loop = false;
            let mut contexts = program.contexts(func.file, facts.calls[id].context);
            let in_handler = contexts.any(|it| {
                in_loop |= matches!(it, ContextKind::While { .. });
                matches!(it, ContextKind::Handler { .. })
            });
            let calls_itself = || {
                let targets = program.targets(func.file, id);
                targets.iter().any(|it| it.func == func)
            };
            in_handler && (in_loop || calls_itself())
        });
    goes_on
        || facts.stores.as_slice()[fact.stores.range()]
            .iter()
            .any(|store| {
                store.value.is_some_and(|it| match facts.values[it].kind {
                    ValueKind::Var(var) => facts.defs[facts.vars[var].defs.range()]
                        .iter()
                        .any(|def| def.kind == DefKind::Except),
                    _ => false,
                })
            })
}

/// Whether opening and closing stand in no `try`.
fn is_straight(cx: &Context<'_>, lost: &Lost) -> bool {
    let call = &cx.program.facts(lost.func.file).calls[lost.call];
    !cx.program
        .contexts(lost.func.file, call.context)
        .any(|it| matches!(it, ContextKind::Try | ContextKind::Handler { .. }))
}

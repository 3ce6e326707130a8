//! `unclosed-on-error`: released where all goes well, lost when something in between raises.

use rustc_hash::FxHashSet;

use super::{Context, Rule, Sink, losing};
use crate::facts::model::ContextKind;
use crate::finding::{Confidence, Finding, Growth, Role, Severity};
use crate::heap::growth::ProgramKind;
use crate::models::resources::{Class, Kind};
use crate::resources::must_call::Outcome;
use crate::resources::program::Lost;

pub(super) struct UnclosedOnError;

impl Rule for UnclosedOnError {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unclosed-on-error.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let mut seen = FxHashSet::default();
        for lost in &cx.lost {
            let Outcome::OnlyOnException {
                raises,
                is_expected,
            } = lost.outcome
            else {
                continue;
            };
            // What the same call loses without an exception says it already.
            let is_said = |it: &Lost| {
                it.func == lost.func
                    && it.call == lost.call
                    && !matches!(it.outcome, Outcome::OnlyOnException { .. })
            };
            if cx.lost.iter().any(is_said) || !seen.insert((lost.func, lost.call)) {
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
                .severity(if lost.harmless {
                    Severity::Info
                } else {
                    Severity::Warning
                })
                .confidence(match lost.class {
                    // Its name may have gone out long before.
                    _ if lost.kind == Kind::TemporaryFile => Confidence::Low,
                    // Who opens an object of the program's own does not see what it holds.
                    _ if lost.keeper.is_some() && !is_expected => Confidence::Low,
                    Class::A | Class::B => Confidence::Medium,
                    // The frame goes with its exception, unless somebody keeps that.
                    Class::C | Class::D => {
                        if is_expected
                            || cx.kind == ProgramKind::Application && is_straight(cx, lost)
                        {
                            Confidence::Medium
                        } else {
                            Confidence::Low
                        }
                    }
                })
                .label(at, Role::Acquire, "opened here")
                .label(
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

/// Whether opening and closing stand in no `try`.
fn is_straight(cx: &Context<'_>, lost: &Lost) -> bool {
    let call = &cx.program.facts(lost.func.file).calls[lost.call];
    !cx.program
        .contexts(lost.func.file, call.context)
        .any(|it| matches!(it, ContextKind::Try | ContextKind::Handler { .. }))
}

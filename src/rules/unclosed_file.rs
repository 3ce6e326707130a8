//! `unclosed-file`: a file that some path without exceptions neither closes nor hands to an owner.
//!
//! Asks the resource analysis for lost files. Those that are closed unless something raises belong to `unclosed-on-error`,
//! those whose name is bound anew to `rebound-resource`.

use super::{Context, Rule, Sink, losing};
use crate::facts::model::Usage;
use crate::finding::{Finding, Growth, Role, Severity};
use crate::models::resources::{Class, Kind};
use crate::resources::must_call::Outcome;
use crate::resources::program::Lost;

pub(super) struct UnclosedFile;

impl Rule for UnclosedFile {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unclosed-file.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        for lost in &cx.lost {
            if matches!(lost.kind, Kind::File | Kind::Scan | Kind::Map)
                && matches!(
                    lost.outcome,
                    Outcome::Dropped | Outcome::NeverOnNormalPath { .. }
                )
            {
                out.report(finding(cx, out.meta(), lost));
            }
        }
    }
}

fn finding(cx: &Context<'_>, meta: &'static crate::catalog::RuleMeta, lost: &Lost) -> Finding {
    let program = cx.program;
    let file = lost.func.file;
    let call = &program.facts(file).calls[lost.call];
    let at = program.at(file, call.at);
    let name = program.qualified(lost.func);
    let what = lost
        .opener
        .strip_prefix("builtins.")
        .unwrap_or(&lost.opener);
    let (message, leaves) = match lost.outcome {
        Outcome::NeverOnNormalPath { leaves } => (
            format!("`{name}` leaves what `{what}` opens here unclosed"),
            Some(leaves),
        ),
        _ if program.facts(file).calls[lost.call].usage == Usage::Discarded => (
            format!("what `{what}` opens here is dropped at once and never closed"),
            None,
        ),
        _ => (
            format!("what `{what}` opens here is used once and never closed"),
            None,
        ),
    };
    let usage = program.facts(file).calls[lost.call].usage;
    // On CPython a temporary is closed at the end of its expression: `open(p).read()` is a matter of style there.
    let is_chained = matches!(lost.outcome, Outcome::Dropped) && usage == Usage::Receiver;
    let severity = match lost.class {
        Class::A => Severity::Error,
        Class::C | Class::D if is_chained => Severity::Info,
        _ => Severity::Warning,
    };
    let (severity, confidence) = losing::weight(cx, lost, severity);
    let mut finding = losing::acquired(
        cx,
        lost,
        Finding::new(meta, at, message)
            .severity(severity)
            .confidence(confidence),
    );
    if let Some(released) = lost.released {
        finding = finding.label(
            program.at(file, released),
            Role::Release,
            "closed here, on another path",
        );
    }
    if let Some(leaves) = leaves {
        finding = finding.label(
            program.at(file, leaves),
            Role::Leak,
            "still open when the function ends here",
        );
    }
    let finding = match lost.class {
        Class::A => finding,
        Class::B => finding.note("dropping it does not close it: it waits for the cyclic gc"),
        Class::C => finding.note("CPython closes it when the last reference goes, with a ResourceWarning; a traceback, a cycle or another interpreter keeps it open"),
        Class::D => finding.note("CPython closes it silently when the last reference goes; a traceback, a cycle or another interpreter keeps it open"),
    };
    finding
        .growth(Growth::PerCall)
        .remedy(losing::remedy(cx, lost))
        .symbol(format!("{}.{name}", program.files[file as usize].module))
        .help(if lost.with_closes {
            format!("open it in a `with` statement: `with {what}(…) as file:`")
        } else {
            "close it in a `finally` clause, or wrap it in `contextlib.closing`".to_owned()
        })
}

//! `rebound-resource`: a name or attribute that still holds an open resource is bound to another.

use super::{Context, Rule, Sink, losing};
use crate::base::Span;
use crate::finding::{Confidence, Finding, Growth, Role, Severity};
use crate::models::resources::Class;
use crate::resources::fields::{self, Field};
use crate::resources::must_call::Outcome;
use crate::resources::program::Lost;

pub(super) struct ReboundResource;

impl Rule for ReboundResource {
    fn page(&self) -> &'static str {
        include_str!("../../rules/rebound-resource.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        for lost in &cx.lost {
            if let Outcome::Rebound { at } = lost.outcome {
                out.report(name(cx, out, lost, at));
            }
        }
        for field in &cx.fields {
            // When an object of the program's own is done with, its class knows better.
            if field.through.is_none() && fields::is_reopened(cx.program, &cx.fields, field) {
                out.report(attribute(cx, out, field));
            }
        }
    }
}

const fn severity(class: Class, is_harmless: bool) -> Severity {
    match class {
        Class::A => Severity::Error,
        _ if is_harmless => Severity::Info,
        _ => Severity::Warning,
    }
}

fn name(cx: &Context<'_>, out: &Sink, lost: &Lost, rebound: Span) -> Finding {
    let program = cx.program;
    let file = lost.func.file;
    let call = program.facts(file).calls[lost.call].at;
    let at = program.at(file, call);
    let what = losing::opener(&lost.opener);
    let words = losing::words(lost.kind);
    let is_again = rebound.start <= call.start && call.end <= rebound.end;
    let message = if is_again {
        format!(
            "each turn of the loop drops the {} that `{what}` gave before, not {}",
            words.noun, words.released
        )
    } else {
        format!(
            "the name of the {} from `{what}` is bound to something else while it is still {}",
            words.noun, words.held
        )
    };
    let (severity, confidence) = losing::weight(cx, lost, severity(lost.class, lost.harmless));
    let finding = Finding::new(out.meta(), at, message)
        .severity(severity)
        .confidence(confidence);
    let finding = losing::acquired(cx, lost, finding).label(
        program.at(file, rebound),
        Role::Leak,
        "its last name is taken away here",
    );
    let finding = match lost.released {
        Some(it) => finding.label(
            program.at(file, it),
            Role::Release,
            format!("only the last one is {} here", words.released),
        ),
        None => finding,
    };
    finding
        .note(losing::fate(lost.kind, lost.class))
        .growth(Growth::PerCall)
        .remedy(losing::remedy(cx, lost))
        .symbol(losing::symbol(cx, lost))
        .help(format!(
            "have it {} before the name is used again: {}",
            words.released,
            losing::help_for(lost)
        ))
}

fn attribute(cx: &Context<'_>, out: &Sink, field: &Field) -> Finding {
    let program = cx.program;
    let file = field.file;
    let fact = &program.facts(file).calls[field.call];
    let at = program.at(file, fact.at);
    let words = losing::words(field.kind);
    let owner = program.qualified_class(field.class);
    let attr = program.text(field.name);
    let what = losing::opener(&field.opener);
    Finding::new(
        out.meta(),
        at,
        format!(
            "`{owner}.{attr}` may still hold an {} {} from before when `{what}` gives the next",
            if words.held == "open" {
                "open"
            } else {
                "earlier"
            },
            words.noun
        ),
    )
    .severity(severity(field.class_of_release, field.harmless))
    .confidence(Confidence::Medium)
    .label(at, Role::Acquire, "opened here, each time that this runs")
    .note(losing::fate(field.kind, field.class_of_release))
    .growth(Growth::PerCall)
    .symbol(format!(
        "{}.{owner}.{attr}",
        program.files[file as usize].module
    ))
    .help(format!(
        "have what `self.{attr}` holds {} first, or return early when it is there",
        words.released
    ))
}

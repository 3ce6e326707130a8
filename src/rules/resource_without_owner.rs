//! `resource-without-owner`: a resource kept on an attribute that no code of the program ever releases.

use rustc_hash::FxHashSet;

use super::{Context, Rule, Sink, losing, resource_in_cycle};
use crate::finding::{Confidence, Finding, Growth, Role, Severity, Step};
use crate::link::FuncRef;
use crate::models::resources::{Class, Kind};
use crate::resources::fields::collected::Collected;
use crate::resources::fields::{self, Field, Owner};

pub(super) struct ResourceWithoutOwner;

impl Rule for ResourceWithoutOwner {
    fn page(&self) -> &'static str {
        include_str!("../../rules/resource-without-owner.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        let mut seen = FxHashSet::default();
        let mut in_cycles = None;
        for field in &cx.fields {
            let releases_other = match field.owner {
                Owner::Some => continue,
                Owner::Finalizer { func } => {
                    if runs_meanwhile(cx, field) && seen.insert(field.class) {
                        out.report(left_to_finalizer(cx, out, field, func));
                    }
                    continue;
                }
                Owner::None { releases_other } => releases_other,
            };
            if program.is_singleton(field.class) || program.long_holder(field.class).is_some() {
                continue;
            }
            // In a cycle it waits for the gc, which is said by the rule of that name.
            if cx.objects.is_cyclic(program, field.class)
                && in_cycles
                    .get_or_insert_with(|| resource_in_cycle::spoken_of(cx))
                    .contains(&(field.class, field.name))
            {
                continue;
            }
            // Both ends of a pipe have one opening, and an object that nobody closes is one defect, whatever it holds.
            if !seen.insert(field.class) {
                continue;
            }
            let others = cx.fields.iter().filter(|it| {
                it.class == field.class
                    && it.name != field.name
                    && matches!(it.owner, Owner::None { .. })
            });
            let mut others: Vec<&Field> = others.collect();
            others.dedup_by_key(|it| it.name);
            let at = program.at(field.file, program.facts(field.file).calls[field.call].at);
            let losing::Words { noun, released, .. } = losing::words(field.kind);
            let owner = program.qualified_class(field.class);
            let attr = program.text(field.name);
            let what = losing::opener(&field.opener);
            let is_client = field.kind == Kind::Client;
            let severity = match field.class_of_release {
                Class::A => Severity::Error,
                _ if field.harmless => Severity::Info,
                Class::D if is_client => Severity::Info,
                _ => Severity::Warning,
            };
            let mut finding = Finding::new(
                out.meta(),
                at,
                format!(
                    "the {noun} on `{owner}.{attr}` has no owner: no code ever has it {released}"
                ),
            )
            .severity(severity)
            .confidence(Confidence::Medium)
            .label(at, Role::Acquire, "opened here")
            .label(
                program.at(field.class.file, program.class(field.class).name_span),
                Role::Definition,
                format!("no method here, above or below has it {released}"),
            );
            if let Some(method) = releases_other {
                finding = finding.label(
                    program.at(method.file, program.func(method).name_span),
                    Role::Release,
                    "releases other attributes, and not this one",
                );
            }
            for other in others {
                finding = finding.label(
                    program.at(other.file, program.facts(other.file).calls[other.call].at),
                    Role::Resource,
                    format!(
                        "nor is what `.{}` holds {released}",
                        program.text(other.name)
                    ),
                );
            }
            if let Some(it) = &field.through {
                finding = finding.note(losing::kept_by(cx, it));
            }
            let closer = fields::closer(&field.closers);
            out.report(
                finding
                    .note(losing::fate(field.kind, field.class_of_release))
                    .path([
                        Step { node: owner.clone(), edge: String::new(), place: Some(program.at(field.class.file, program.class(field.class).name_span)) },
                        Step { node: format!("{noun} ({what})"), edge: format!(".{attr}"), place: Some(at) },
                    ])
                    .growth(Growth::PerInstance)
                    .symbol(format!("{}.{owner}.{attr}", program.files[field.class.file as usize].module))
                    .help(match closer {
                        Some(closer) => format!("give `{owner}` a `close()` that calls `self.{attr}.{closer}()`, and an `__exit__`"),
                        None => format!("give `{owner}` a `close()` that has `self.{attr}` {released}, and an `__exit__`"),
                    }),
            );
        }
        for it in &cx.collected {
            let lives_long =
                program.is_singleton(it.class) || program.long_holder(it.class).is_some();
            if !lives_long && seen.insert(it.class) {
                out.report(collection(cx, out, it));
            }
        }
    }
}

/// The finding for a container of resources of which no code gives one back.
fn collection(cx: &Context<'_>, out: &Sink, it: &Collected) -> Finding {
    let program = cx.program;
    let at = program.at(it.file, program.facts(it.file).calls[it.call].at);
    let losing::Words { noun, released, .. } = losing::words(it.kind);
    let owner = program.qualified_class(it.class);
    let attr = program.text(it.name);
    let what = losing::opener(&it.opener);
    let class_at = program.at(it.class.file, program.class(it.class).name_span);
    Finding::new(
        out.meta(),
        at,
        format!("what `{owner}.{attr}` collects has no owner: no code ever has a {noun} of it {released}"),
    )
    .severity(if it.class_of_release == Class::A { Severity::Error } else { Severity::Warning })
    .confidence(Confidence::Medium)
    .label(at, Role::Acquire, "opened here")
    .label(class_at, Role::Definition, "nothing but to fill and to use it item by item is done with the attribute")
    .note(losing::fate(it.kind, it.class_of_release))
    .path([
        Step { node: owner.clone(), edge: String::new(), place: Some(class_at) },
        Step { node: format!("{noun} ({what})"), edge: format!(".{attr}[…]"), place: Some(at) },
    ])
    .growth(Growth::PerCall)
    .symbol(format!("{}.{owner}.{attr}", program.files[it.class.file as usize].module))
    .help(format!("give `{owner}` a `close()` that has each of `self.{attr}` {released}, and an `__exit__`"))
}

/// Whether what every instance of a class opens runs for as long as the instance lives: threads, processes.
fn runs_meanwhile(cx: &Context<'_>, field: &Field) -> bool {
    let program = cx.program;
    let func = FuncRef {
        file: field.file,
        id: field.func,
    };
    matches!(field.kind, Kind::Executor | Kind::Process)
        && !field.harmless
        && !field.is_guarded
        && program.func_name(func) == "__init__"
        && !program.is_singleton(field.class)
        && program.long_holder(field.class).is_none()
}

/// The finding for what nobody but the finalizer ends.
fn left_to_finalizer(cx: &Context<'_>, out: &Sink, field: &Field, func: FuncRef) -> Finding {
    let program = cx.program;
    let at = program.at(field.file, program.facts(field.file).calls[field.call].at);
    let losing::Words { noun, released, .. } = losing::words(field.kind);
    let owner = program.qualified_class(field.class);
    let attr = program.text(field.name);
    let what = losing::opener(&field.opener);
    let class_at = program.at(field.class.file, program.class(field.class).name_span);
    Finding::new(
        out.meta(),
        at,
        format!("the {noun} on `{owner}.{attr}` runs until its object is finalized: nothing but `__del__` has it {released}"),
    )
    .severity(Severity::Warning)
    .confidence(Confidence::Medium)
    .label(at, Role::Acquire, "started here, for each object")
    .label(
        program.at(func.file, program.func(func).name_span),
        Role::Release,
        "runs when the last reference goes; in a reference cycle, when the cyclic garbage collector does",
    )
    .path([
        Step { node: owner.clone(), edge: String::new(), place: Some(class_at) },
        Step { node: format!("{noun} ({what})"), edge: format!(".{attr}"), place: Some(at) },
    ])
    .growth(Growth::PerInstance)
    .symbol(format!("{}.{owner}.{attr}", program.files[field.class.file as usize].module))
    .help(format!(
        "start it when it is first needed, and give `{owner}` a `close()` and an `__exit__` that have it {released}"
    ))
}

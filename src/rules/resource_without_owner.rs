//! `resource-without-owner`: a resource kept on an attribute that no code of the program ever releases.

use rustc_hash::FxHashSet;

use super::{Context, Rule, Sink, losing, resource_in_cycle};
use crate::finding::{Confidence, Finding, Growth, Role, Severity, Step};
use crate::models::resources::{Class, Kind};
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
    }
}

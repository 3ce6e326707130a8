//! `finalizer-resurrects`: `__del__` stores its own object where it stays reachable.

use super::{Context, Rule, Sink};
use crate::facts::model::ValueKind;
use crate::finding::{Confidence, Finding, Growth, Role, Severity, Step};
use crate::heap::kept::Put;
use crate::heap::path::holds_name;
use crate::link::effects::EffectKind;

pub(super) struct FinalizerResurrects;

impl Rule for FinalizerResurrects {
    fn page(&self) -> &'static str {
        include_str!("../../rules/finalizer-resurrects.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        for put in program.puts() {
            if program.func_name(put.func) != "__del__" || !program.lives_long(put.place) {
                continue;
            }
            let facts = program.facts(put.func.file);
            let fact = &facts.funcs[put.func.id];
            if fact.class.is_none() || fact.params.is_empty() {
                continue;
            }
            let own = facts.params[fact.params.start as usize].var;
            let stores_self = program.any_part(put.value, &mut |it| {
                it.file == put.func.file && program.value(it) == ValueKind::Var(own)
            });
            if stores_self {
                out.report(finding(cx, out.meta(), &put));
            }
        }
    }
}

fn finding(cx: &Context<'_>, meta: &'static crate::catalog::RuleMeta, put: &Put) -> Finding {
    let program = cx.program;
    let file = put.func.file;
    let class = program.class_of(put.func);
    let owner = class.map_or_else(String::new, |it| program.qualified_class(it));
    let name = program.place_name(put.place);
    let grows = put.kind != EffectKind::Rebind && program.only_grows(put.place);
    let at = program.at(file, put.at);
    let message = if grows {
        format!(
            "`__del__` of `{owner}` puts the object into `{name}`, which only grows: each one comes back to life and stays"
        )
    } else {
        format!(
            "`__del__` of `{owner}` stores the object in `{name}`: it comes back to life, and `__del__` will not run again"
        )
    };
    let mut path = program.path_to(
        put.place,
        program.container(put.place).and_then(|it| it.holds),
    );
    path.push(Step {
        node: owner.clone(),
        edge: if put.kind == EffectKind::Rebind {
            "is".to_owned()
        } else {
            "item".to_owned()
        },
        place: Some(at),
    });
    let mut finding = Finding::new(meta, at, message)
        .severity(if grows {
            Severity::Error
        } else {
            Severity::Warning
        })
        .confidence(Confidence::High);
    if let Some(span) = program.definition_span(put.place) {
        let holds = program
            .container(put.place)
            .and_then(|it| it.holds)
            .map_or("place", holds_name);
        finding = finding.label(
            program.at(program.place_file(put.place), span),
            Role::Root,
            format!("this {holds} outlives the object"),
        );
    }
    finding
        .label(at, Role::Leak, "stored while it is being finalized")
        .path(path)
        .growth(if grows { Growth::PerInstance } else { Growth::Bounded })
        .symbol(format!("{}.{owner}", program.files[file as usize].module))
        .note("since Python 3.4 `__del__` runs once for an object, and weak references to it are dead by then")
        .help("give objects back by an explicit `release()` or a context manager, and let `__del__` only free what the object holds")
}

//! `growing-default-argument`: a mutable default, made once with the function, that calls of the function grow.

use super::growing::kind_name;
use super::{Context, Rule, Sink};
use crate::facts::model::{DefKind, StoreKind, Target, ValueKind};
use crate::finding::{Confidence, Finding, Growth as By, Role, Severity};
use crate::heap::growth::Growth;
use crate::link::program::ValueRef;
use crate::link::{FuncRef, PlaceKey, Program, VarRef};
use crate::models::Holds;

pub(super) struct GrowingDefaultArgument;

impl Rule for GrowingDefaultArgument {
    fn page(&self) -> &'static str {
        include_str!("../../rules/growing-default-argument.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        for func in program.funcs() {
            let facts = program.facts(func.file);
            let fact = &facts.funcs[func.id];
            // A nested function's default is made anew with each call of the function around it.
            if fact.parent.is_some_and(|it| it.index() != 0) {
                continue;
            }
            for param in &facts.params[fact.params.range()] {
                let Some(default) = param.default.map(|id| ValueRef {
                    file: func.file,
                    id,
                }) else {
                    continue;
                };
                if !is_container(program, default) {
                    continue;
                }
                let var = VarRef {
                    file: func.file,
                    id: param.var,
                };
                let is_bound_anew = facts.defs[facts.vars[param.var].defs.range()]
                    .iter()
                    .any(|it| it.kind != DefKind::Param);
                if is_bound_anew || is_always_given(program, func, var) {
                    continue;
                }
                if let Some(growth) = program.growth(PlaceKey::Var(var), cx.kind) {
                    out.report(finding(program, out.meta(), func, var, &growth, None));
                } else if let Some((growth, at)) = grown_on_instance(cx, func, var) {
                    out.report(finding(program, out.meta(), func, var, &growth, Some(at)));
                }
            }
        }
    }
}

/// Whether a default is a container that was made for it: one that has a name besides is judged by that.
fn is_container(program: &Program<'_>, default: ValueRef) -> bool {
    !matches!(
        program.value(default),
        ValueKind::Str { .. }
            | ValueKind::Bytes(_)
            | ValueKind::Tuple(_)
            | ValueKind::Var(_)
            | ValueKind::Attr { .. }
    ) && program
        .holds(default)
        .is_some_and(|it| !matches!(it, Holds::Weak | Holds::Bounded))
}

/// Whether every call of the program gives the argument, so that the default never shows. Callers outside are unknown.
fn is_always_given(program: &Program<'_>, func: FuncRef, var: VarRef) -> bool {
    let Some(param) = program.var(var).param.map(|it| it as usize) else {
        return false;
    };
    let callers = program.callers(func);
    let name = program.param_name(func, param);
    !callers.is_empty()
        && callers.iter().all(|&call| {
            let target = program
                .targets(call.file, call.id)
                .iter()
                .find(|it| it.func == func);
            let skip = target.map_or(0, |it| usize::from(it.skip));
            program
                .argument(call.file, program.call(call), param.checked_sub(skip), name)
                .is_some()
        })
}

/// `self.items = items` shares the default among instances that were made without the argument.
fn grown_on_instance(
    cx: &Context<'_>,
    func: FuncRef,
    var: VarRef,
) -> Option<(Growth, crate::base::Span)> {
    let program = cx.program;
    let facts = program.facts(func.file);
    let fact = &facts.funcs[func.id];
    facts.stores.as_slice()[fact.stores.range()]
        .iter()
        .find_map(|store| {
            let (Target::Attr(name), StoreKind::Assign, Some(value)) =
                (store.target, store.kind, store.value)
            else {
                return None;
            };
            if facts.values[value].kind != ValueKind::Var(var.id) {
                return None;
            }
            let sites = program.attribute_places(
                ValueRef {
                    file: func.file,
                    id: store.base,
                },
                program.sym_of(func.file, name),
            );
            let growth = sites
                .iter()
                .find_map(|it| program.growth(it.key, cx.kind))?;
            Some((growth, store.at))
        })
}

fn finding(
    program: &Program<'_>,
    meta: &'static crate::catalog::RuleMeta,
    func: FuncRef,
    var: VarRef,
    growth: &Growth,
    stored: Option<crate::base::Span>,
) -> Finding {
    let name = program.var_name(var);
    let owner = program.qualified(func);
    let param = program.facts(func.file).defs[program.var(var).defs.range()]
        .iter()
        .find(|it| it.kind == DefKind::Param);
    let at = param.map_or(program.func(func).name_span, |it| it.at);
    let site = &growth.site;
    let primary = site
        .via
        .map_or(program.at(site.func.file, site.at), |(callee, at)| {
            program.at(callee.file, at)
        });
    let message = format!(
        "default {} of `{name}` is made once, with `{owner}`, and grows with calls that leave the argument out",
        kind_name(growth)
    );
    let confidence = growth
        .confidence
        .max(if growth.container.holds == Some(Holds::Dict) {
            growth.confidence
        } else {
            Confidence::Medium
        });
    let mut finding = Finding::new(meta, primary, message)
        .severity(Severity::Error)
        .confidence(confidence)
        .label(
            program.at(func.file, at),
            Role::Definition,
            format!("made once; held by `{owner}.__defaults__`"),
        );
    if let Some(at) = stored {
        finding = finding.label(
            program.at(func.file, at),
            Role::Link,
            "shared by every instance made without it",
        );
    }
    finding
        .label(
            primary,
            Role::Growth,
            "grows here, and keeps what it is given",
        )
        .path(program.path_to(PlaceKey::Var(var), growth.container.holds))
        .growth(By::PerCall)
        .symbol(format!(
            "{}.{owner}",
            program.files[func.file as usize].module
        ))
        .help(format!(
            "use `{name}=None` and make the {} inside the function",
            kind_name(growth)
        ))
}

//! `large-global`: a module variable keeps a large object from import on, and at most one function uses it.

use super::{Context, Rule, Sink};
use crate::base::human;
use crate::facts::model::{DefKind, Home, ValueKind};
use crate::finding::{Finding, Growth, Role, Severity, Step};
use crate::heap::size::Size;
use crate::link::effects::EffectKind;
use crate::link::program::ValueRef;
use crate::link::{FuncRef, PlaceKey, VarRef};

pub(super) struct LargeGlobal;

impl Rule for LargeGlobal {
    fn page(&self) -> &'static str {
        include_str!("../../rules/large-global.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        for (file, it) in program.files.iter().enumerate() {
            // A module without functions is a script: what it binds is in use while it runs.
            if it.is_test || it.facts.funcs.len() < 2 {
                continue;
            }
            for (id, _) in it.facts.vars.iter_ids() {
                let var = VarRef {
                    file: file as u32,
                    id,
                };
                if let Some((value, size)) = large(cx, var)
                    && let Some(users) = few_users(cx, var)
                {
                    out.report(finding(cx, out.meta(), var, value, size, &users));
                }
            }
        }
    }
}

/// The one value of a module variable, when it is large and made for it.
fn large(cx: &Context<'_>, var: VarRef) -> Option<(ValueRef, Size)> {
    let program = cx.program;
    let facts = program.facts(var.file);
    let fact = program.var(var);
    let [def] = &facts.defs[fact.defs.range()] else {
        return None;
    };
    let is_bound_at_import = fact.home == Home::Module
        && def.kind == DefKind::Assign
        && def.func.index() == 0
        && def.context.is_none();
    let value = ValueRef {
        file: var.file,
        id: def.value.filter(|_| is_bound_at_import)?,
    };
    // What is only another name for an object is kept by that name's owner.
    if matches!(
        program.value(value),
        ValueKind::Var(_) | ValueKind::Attr { .. } | ValueKind::Item { .. }
    ) {
        return None;
    }
    let size = program.size(value).filter(|it| it.is_large(cx.large))?;
    Some((value, size))
}

/// The functions that use a variable, when they are none or one, and nothing else can.
fn few_users(cx: &Context<'_>, var: VarRef) -> Option<Vec<FuncRef>> {
    let program = cx.program;
    let key = PlaceKey::Var(var);
    let is_growing = cx.growths.iter().any(|it| it.container.key == key);
    if is_growing || cx.exports.contains(program.var_name(var)) {
        return None;
    }
    let mut users = Vec::new();
    for effect in program.effects(key) {
        if effect.func.id.index() == 0 {
            // Given to something that may keep it, or looked at by another module while that is imported.
            if matches!(effect.kind, EffectKind::Escape(_)) || effect.func.file != var.file {
                return None;
            }
        } else if !users.contains(&effect.func) {
            users.push(effect.func);
        }
    }
    (users.len() < 2).then_some(users)
}

fn finding(
    cx: &Context<'_>,
    meta: &'static crate::catalog::RuleMeta,
    var: VarRef,
    value: ValueRef,
    size: Size,
    users: &[FuncRef],
) -> Finding {
    let program = cx.program;
    let name = program.var_name(var);
    let amount = match size {
        Size::Bytes(bytes) => human(bytes),
        Size::WholeInput => "all that is read (size unknown)".to_owned(),
    };
    let (by, help) = match users {
        [user] => (
            format!("only `{}` uses it", program.qualified(*user)),
            "make it on first use, in a function with `functools.cache`, if not every run needs it"
                .to_owned(),
        ),
        _ => (
            "no function uses it".to_owned(),
            format!("`del {name}` when the module is done with it, or make it in a function"),
        ),
    };
    let at = program.at(var.file, program.value_span(value));
    let mut finding = Finding::new(
        meta,
        at,
        format!("module variable `{name}` keeps {amount} from import on, and {by}"),
    )
    .severity(Severity::Info)
    .label(at, Role::Definition, "made at import");
    if let [user] = users {
        let span = program
            .effects(PlaceKey::Var(var))
            .iter()
            .find(|it| it.func == *user)
            .map(|it| it.at);
        if let Some(span) = span {
            finding = finding.label(program.at(user.file, span), Role::Link, "used here");
        }
    }
    finding
        .path(program.path_to(PlaceKey::Var(var), None))
        .path([Step {
            node: amount,
            edge: "holds".to_owned(),
            place: Some(at),
        }])
        .growth(Growth::Bounded)
        .bytes(size.bytes(), size.bytes())
        .symbol(format!(
            "{}.{name}",
            program.files[var.file as usize].module
        ))
        .help(help)
}

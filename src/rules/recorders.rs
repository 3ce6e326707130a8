//! A `Mock` that the code in production calls: it records each call with its arguments (CPYTHON_TRUTH X15).

use super::registering::{bound_vars, is_guarded, is_repeated, role_calls, symbol};
use super::{Context, Sink};
use crate::facts::model::{Home, ValueKind};
use crate::finding::{Confidence, Finding, Growth, Role, Severity};
use crate::link::program::ValueRef;
use crate::link::{FuncRef, PlaceKey, Program, VarRef};
use crate::models::ApiRole;

/// Reports the first call of each module's recorder that can be made any number of times.
pub(super) fn recorders(cx: &Context<'_>, out: &mut Sink) {
    let program = cx.program;
    for (made, fact) in role_calls(program, ApiRole::Recorder) {
        if fact.func.index() != 0 || program.files[made.file as usize].is_test {
            continue;
        }
        for id in bound_vars(program, made) {
            let var = VarRef {
                file: made.file,
                id,
            };
            if program.var(var).home != Home::Module || forgets(program, var) {
                continue;
            }
            let Some((func, at)) = calls_of(program, var)
                .into_iter()
                .find(|it| !program.files[it.0.file as usize].is_test && is_open(cx, it.0))
            else {
                continue;
            };
            let name = program.var_name(var);
            let at = program.at(func.file, at);
            out.report(
                Finding::new(
                    out.meta(),
                    at,
                    format!("`{name}` is a `Mock`, which records each call with its arguments, and `{}` calls it again and again", program.qualified(func)),
                )
                .severity(Severity::Error)
                .confidence(Confidence::Medium)
                .label(program.at(made.file, fact.at), Role::Definition, "made once, when the module is imported")
                .label(at, Role::Growth, "adds to its `mock_calls`")
                .path(program.path_to(PlaceKey::Var(var), None))
                .growth(Growth::PerCall)
                .symbol(symbol(program, func))
                .help(format!("use a stand-in that records nothing, or `{name}.reset_mock()` from time to time")),
            );
        }
    }
}

fn is_open(cx: &Context<'_>, func: FuncRef) -> bool {
    func.id.index() != 0 && is_repeated(cx, func, None) && !is_guarded(cx.program, func.file, None)
}

/// Whether the program takes from a recorder what it has recorded.
fn forgets(program: &Program<'_>, var: VarRef) -> bool {
    each_use(program, var)
        .iter()
        .any(|it| it.2 == Some("reset_mock"))
}

/// Calls of a recorder or of its attributes, with their functions.
fn calls_of(program: &Program<'_>, var: VarRef) -> Vec<(FuncRef, crate::base::Span)> {
    each_use(program, var)
        .into_iter()
        .map(|it| (it.0, it.1))
        .collect()
}

type Use<'p> = (FuncRef, crate::base::Span, Option<&'p str>);

fn each_use<'p>(program: &'p Program<'_>, var: VarRef) -> Vec<Use<'p>> {
    let mut uses = Vec::new();
    for file in 0..program.files.len() as u32 {
        let facts = program.facts(file);
        for call in facts.calls.iter() {
            let mut value = call.callee;
            let mut last = None;
            while let ValueKind::Attr { base, name } = facts.values[value].kind {
                last = last.or(Some(program.name(file, name)));
                value = base;
            }
            if !matches!(facts.values[value].kind, ValueKind::Var(_)) {
                continue;
            }
            let sites = program.places(ValueRef { file, id: value });
            if sites
                .iter()
                .any(|it| it.key == PlaceKey::Var(var) && !it.is_inner)
            {
                let func = FuncRef {
                    file,
                    id: call.func,
                };
                uses.push((func, call.at, last));
            }
        }
    }
    uses
}

//! A `Mock` that the code in production calls: it records each call with its arguments (CPYTHON_TRUTH X15).

use super::registering::{bound_vars, is_guarded, is_repeated, role_calls, symbol};
use super::{Context, Sink};
use crate::base::Span;
use crate::facts::model::{ContextId, Home, ValueKind};
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
            if program.var(var).home != Home::Module {
                continue;
            }
            let uses = uses(program, var);
            // What is reset forgets.
            if uses.iter().any(|it| it.last == Some("reset_mock")) {
                continue;
            }
            let is_open = |it: &&Use<'_>| {
                !program.files[it.func.file as usize].is_test
                    && it.func.id.index() != 0
                    && is_repeated(cx, it.func, it.context)
                    && !is_guarded(program, it.func.file, it.context)
            };
            let Some(&Use { func, at, .. }) = uses.iter().find(is_open) else {
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

/// A call of a recorder, or of one of its attributes.
struct Use<'p> {
    func: FuncRef,
    at: Span,
    context: Option<ContextId>,
    /// The last attribute that is called.
    last: Option<&'p str>,
}

fn uses<'p>(program: &'p Program<'_>, var: VarRef) -> Vec<Use<'p>> {
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
                uses.push(Use {
                    func: FuncRef {
                        file,
                        id: call.func,
                    },
                    at: call.at,
                    context: call.context,
                    last,
                });
            }
        }
    }
    uses
}

//! `finalizer-resurrects`: `__del__` stores its own object where it stays reachable, itself or by what it calls.

use rustc_hash::FxHashSet;

use super::{Context, Rule, Sink};
use crate::facts::model::ValueKind;
use crate::finding::{Confidence, Finding, Growth, Role, Severity, Step};
use crate::heap::kept::Put;
use crate::heap::path::holds_name;
use crate::link::effects::EffectKind;
use crate::link::{FuncRef, Program};

pub(super) struct FinalizerResurrects;

impl Rule for FinalizerResurrects {
    fn page(&self) -> &'static str {
        include_str!("../../rules/finalizer-resurrects.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        let mut reported = FxHashSet::default();
        for put in program.puts() {
            if !program.lives_long(put.place) {
                continue;
            }
            let facts = program.facts(put.func.file);
            let fact = &facts.funcs[put.func.id];
            let finalizer = facts.params[fact.params.range()]
                .iter()
                .enumerate()
                .filter(|(_, param)| {
                    program.any_part(put.value, &mut |it| {
                        it.file == put.func.file && program.value(it) == ValueKind::Var(param.var)
                    })
                })
                .find_map(|(at, _)| finalizer_of(program, put.func, at, CALLS));
            if let Some(finalizer) = finalizer
                && reported.insert((finalizer, put.func.file, put.at))
            {
                out.report(finding(cx, out.meta(), &put, finalizer));
            }
        }
    }
}

/// Calls followed from a function that stores a parameter back to the finalizer that passes its object.
const CALLS: u32 = 3;

/// The `__del__` whose own object a function gets as this parameter.
fn finalizer_of(program: &Program<'_>, func: FuncRef, param: usize, calls: u32) -> Option<FuncRef> {
    if param == 0 && program.func_name(func) == "__del__" && program.func(func).class.is_some() {
        return Some(func);
    }
    let calls = calls.checked_sub(1)?;
    program.callers(func).iter().take(16).find_map(|&call| {
        let file = call.file;
        let facts = program.facts(file);
        let fact = program.call(call);
        let target = *program
            .targets(file, call.id)
            .iter()
            .find(|it| it.func == func)?;
        let given = match param.checked_sub(usize::from(target.skip)) {
            // The receiver.
            None => match facts.values[fact.callee].kind {
                ValueKind::Attr { base, .. } => base,
                _ => return None,
            },
            Some(_) => {
                facts.args[fact.args.range()]
                    .iter()
                    .enumerate()
                    .find(|(at, arg)| program.param_of(file, target, *at, arg) == Some(param))?
                    .1
                    .value
            }
        };
        let ValueKind::Var(var) = facts.values[given].kind else {
            return None;
        };
        let at = facts.vars[var].param? as usize;
        let is_own = facts.vars[var].func == fact.func;
        let caller = FuncRef {
            file,
            id: fact.func,
        };
        if is_own {
            finalizer_of(program, caller, at, calls)
        } else {
            None
        }
    })
}

fn finding(
    cx: &Context<'_>,
    meta: &'static crate::catalog::RuleMeta,
    put: &Put,
    finalizer: FuncRef,
) -> Finding {
    let program = cx.program;
    let file = put.func.file;
    let class = program.class_of(finalizer);
    let owner = class.map_or_else(String::new, |it| program.qualified_class(it));
    let name = program.place_name(put.place);
    let grows = put.kind != EffectKind::Rebind && program.only_grows(put.place);
    let at = program.at(file, put.at);
    // Before Python 3.4 a finalizer ran each time that its object died.
    let is_old = cx.target.minor < 4;
    let message = if grows {
        format!(
            "`__del__` of `{owner}` puts the object into `{name}`, which only grows: each one comes back to life and stays"
        )
    } else {
        let again = if is_old {
            "and dies again later"
        } else {
            "and `__del__` will not run again"
        };
        format!(
            "`__del__` of `{owner}` stores the object in `{name}`: it comes back to life, {again}"
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
        // A queue that somebody drains is what some mean by it.
        .confidence(Confidence::Medium);
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
    if finalizer != put.func {
        finding = finding.label(
            program.at(finalizer.file, program.func(finalizer).name_span),
            Role::Link,
            "the finalizer calls what stores it",
        );
    }
    finding
        .label(at, Role::Leak, "stored while it is being finalized")
        .path(path)
        .growth(if grows { Growth::PerInstance } else { Growth::Bounded })
        .symbol(format!("{}.{owner}", program.files[file as usize].module))
        .note(if is_old {
            "before Python 3.4 `__del__` runs each time that the object dies; since then once"
        } else {
            "since Python 3.4 `__del__` runs once for an object, and weak references to it are dead by then"
        })
        .help("give objects back by an explicit `release()` or a context manager, and let `__del__` only free what the object holds")
}

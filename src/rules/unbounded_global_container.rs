//! `unbounded-global-container`: a container in a module variable, or on a function, only ever grows.

use super::growing::{finding, kind_name};
use super::recorders::recorders;
use super::{Context, Rule, Sink};
use crate::facts::model::Home;
use crate::heap::growth::Growth;
use crate::link::{FuncRef, PlaceKey, Program, VarRef};
use crate::models::Holds;

pub(super) struct UnboundedGlobalContainer;

impl Rule for UnboundedGlobalContainer {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unbounded-global-container.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        recorders(cx, out);
        let program = cx.program;
        // Queues have a consumer side, which is judged on its own.
        for growth in cx
            .growths
            .iter()
            .filter(|it| it.container.holds != Some(Holds::Queue) && !it.keeps_frames(program))
        {
            let (what, held) = match growth.container.key {
                PlaceKey::Var(var) if program.var(var).home == Home::Module => {
                    let module = &program.files[var.file as usize].module;
                    (
                        format!(
                            "module-level {} `{}`",
                            kind_name(growth),
                            program.var_name(var)
                        ),
                        format!("gc root: module globals of `{module}`"),
                    )
                }
                PlaceKey::Var(var) => {
                    let Some(it) = of_local(program, growth, var) else {
                        continue;
                    };
                    it
                }
                PlaceKey::Func(func, name) => {
                    let func = program.qualified(func);
                    (
                        format!(
                            "{} `{func}.{}` on a function",
                            kind_name(growth),
                            program.text(name)
                        ),
                        format!("the function `{func}`, for as long as it exists"),
                    )
                }
                _ => continue,
            };
            let found = finding(cx, out.meta(), growth, &what, &held);
            out.report(found);
        }
    }
}

/// What is said of a local that lives as long as the process: in the frame of an endless loop, or in a closure.
fn of_local(program: &Program<'_>, growth: &Growth, var: VarRef) -> Option<(String, String)> {
    let owner = FuncRef {
        file: var.file,
        id: program.var(var).func,
    };
    // The cache of a decorator is judged where the decorator is applied.
    let is_cache = |it: FuncRef| {
        (program.calls_applied(it) || program.calls_applied(owner))
            && program.home_made_cache(it).is_some()
    };
    if is_cache(owner) || program.parent(owner).is_some_and(is_cache) {
        return None;
    }
    let name = program.qualified(owner);
    let what = format!(
        "{} `{}` of `{name}`",
        kind_name(growth),
        program.var_name(var)
    );
    let held = if growth.site.func == owner {
        format!("the frame of `{name}`, which does not return")
    } else {
        format!(
            "the closure of `{}`, which lives for good",
            program.func_name(growth.site.func)
        )
    };
    Some((what, held))
}

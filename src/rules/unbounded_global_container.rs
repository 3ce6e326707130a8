//! `unbounded-global-container`: a container in a module variable, or on a function, only ever grows.

use super::growing::{finding, kind_name};
use super::{Context, Rule, Sink};
use crate::facts::model::Home;
use crate::link::PlaceKey;
use crate::models::Holds;

pub(super) struct UnboundedGlobalContainer;

impl Rule for UnboundedGlobalContainer {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unbounded-global-container.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
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
            let mut found = finding(cx, out.meta(), growth, &what, &held);
            if program.is_never_read(growth.container.key) {
                found = found.note("nothing in the program reads it");
            }
            out.report(found);
        }
    }
}

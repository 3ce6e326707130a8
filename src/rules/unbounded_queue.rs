//! `unbounded-queue`: a queue without bound that something puts into and nothing takes from.

use super::growing::finding;
use super::unbounded_singleton_container::holder_text;
use super::{Context, Rule, Sink};
use crate::facts::model::Home;
use crate::link::PlaceKey;
use crate::models::Holds;

pub(super) struct UnboundedQueue;

impl Rule for UnboundedQueue {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unbounded-queue.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        for growth in cx
            .growths
            .iter()
            .filter(|it| it.container.holds == Some(Holds::Queue))
        {
            // Whoever reads it, or is given it, may be the consumer.
            if !program.is_never_read(growth.container.key) {
                continue;
            }
            let key = growth.container.key;
            let held = match key {
                PlaceKey::Var(var) if program.var(var).home == Home::Module => format!(
                    "gc root: module globals of `{}`",
                    program.files[var.file as usize].module
                ),
                PlaceKey::Class(class, _) if program.class(class).func.index() == 0 => {
                    format!("the class `{}`", program.qualified_class(class))
                }
                PlaceKey::Instance(class, _) => match program.kept_below(class) {
                    Some((kept, holder)) => holder_text(program, kept, holder),
                    None => continue,
                },
                PlaceKey::Func(func, _) => format!("the function `{}`", program.qualified(func)),
                _ => continue,
            };
            let what = format!(
                "queue `{}` has no consumer and no maximum size: it",
                program.place_name(key)
            );
            out.report(finding(cx, out.meta(), growth, &what, &held));
        }
    }
}

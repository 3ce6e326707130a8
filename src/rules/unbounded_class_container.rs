//! `unbounded-class-container`: a container in a class attribute, shared by all instances, only ever grows.

use super::growing::{finding, kind_name};
use super::{Context, Rule, Sink};
use crate::heap::growth::is_declarative;
use crate::link::PlaceKey;
use crate::models::Holds;

pub(super) struct UnboundedClassContainer;

impl Rule for UnboundedClassContainer {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unbounded-class-container.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        // Queues have a consumer side, which is judged on its own.
        for growth in cx
            .growths
            .iter()
            .filter(|it| it.container.holds != Some(Holds::Queue) && !it.keeps_frames(program))
        {
            let PlaceKey::Class(class, name) = growth.container.key else {
                continue;
            };
            let is_class_of_call = program.class(class).func.index() != 0;
            if is_declarative(program, class) || is_class_of_call {
                continue;
            }
            let owner = program.qualified_class(class);
            let what = format!(
                "class-level {} `{owner}.{}`, shared by all instances,",
                kind_name(growth),
                program.text(name)
            );
            let held = format!("the class `{owner}`, not by its instances");
            out.report(finding(cx, out.meta(), growth, &what, &held));
        }
    }
}

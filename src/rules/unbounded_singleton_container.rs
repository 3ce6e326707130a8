//! `unbounded-singleton-container`: a container of an object that lives as long as the process only ever grows.

use super::growing::{finding, kind_name};
use super::{Context, Rule, Sink};
use crate::finding::Confidence;
use crate::heap::growth::{Growth, is_declarative};
use crate::link::lifetime::Holder;
use crate::link::{ClassRef, PlaceKey, Program};
use crate::models::Holds;

pub(super) struct UnboundedSingletonContainer;

impl Rule for UnboundedSingletonContainer {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unbounded-singleton-container.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        // Queues have a consumer side, which is judged on its own.
        for growth in cx
            .growths
            .iter()
            .filter(|it| it.container.holds != Some(Holds::Queue) && !it.keeps_frames(program))
        {
            let PlaceKey::Instance(class, name) = growth.container.key else {
                continue;
            };
            if is_declarative(program, class) || subscribes(program, growth) {
                continue;
            }
            let owner = program.qualified_class(class);
            let (held, confidence) = match program.kept_below(class) {
                Some((kept, holder)) => (holder_text(program, kept, holder), growth.confidence),
                // How long the object lives is not known; that the container beside it is cleaned up says that it matters.
                None if growth.shows_a_life() && program.may_last(growth.container.key) => (
                    format!("instances of `{owner}`, for as long as they live"),
                    growth.confidence.min(Confidence::Medium),
                ),
                None => {
                    let Some(confidence) = growth.grows_in_service(program) else {
                        continue;
                    };
                    (
                        format!("each `{owner}`, for as long as it is in use"),
                        confidence,
                    )
                }
            };
            let what = format!(
                "{} `{}` of `{owner}`",
                kind_name(growth),
                program.text(name)
            );
            let growth = Growth {
                confidence,
                ..growth.clone()
            };
            let found = finding(cx, out.meta(), &growth, &what, &held);
            out.report(found);
        }
    }
}

/// Whether what grows is a list of subscribers: who subscribes is to blame, and judged where that is done.
fn subscribes(program: &Program<'_>, growth: &Growth) -> bool {
    let func = growth.site.func;
    let name = program.func_name(func).trim_start_matches('_');
    let names = ["connect", "subscribe", "attach", "observe", "listen", "on"];
    let is_name = names.iter().any(|it| {
        name.strip_prefix(it)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    });
    let facts = program.facts(func.file);
    is_name
        && growth.site.key.is_none()
        && growth
            .site
            .value
            .is_some_and(|it| match facts.values[it].kind {
                crate::facts::model::ValueKind::Var(var) => facts.vars[var].param.is_some(),
                _ => false,
            })
}

/// "`MONITOR` in module `app`, the only `Monitor`"
pub(super) fn holder_text(program: &Program<'_>, class: ClassRef, holder: Holder) -> String {
    let name = program.class_name(class);
    let attribute = |store: crate::link::classes::StoreRef| {
        let facts = program.facts(store.file);
        match facts.stores[store.id].target {
            crate::facts::model::Target::Attr(it) => program.name(store.file, it),
            _ => "?",
        }
    };
    match holder {
        Holder::Var(var, _) => {
            let module = &program.files[var.file as usize].module;
            format!(
                "`{}` in `{module}`, a `{name}` that lives for good",
                program.var_name(var)
            )
        }
        Holder::Attr(owner, store) => format!(
            "`{}.{}`, a `{name}` that lives for good",
            program.class_name(owner),
            attribute(store)
        ),
        Holder::Static(owner, store) => format!(
            "class attribute `{}.{}`, a `{name}` that lives with the process",
            program.class_name(owner),
            attribute(store)
        ),
        Holder::Cache(func) => format!(
            "the cache of `{}`, a `{name}` that lives for good",
            program.qualified(func)
        ),
    }
}

//! `undeleted-temporary`: a temporary file, directory or shared memory segment that nothing removes.
//!
//! What `mkstemp` gives is two things. When its descriptor is lost too, `raw-descriptor` speaks of both.

use super::{Context, Rule, Sink, losing};
use crate::models::resources::Kind;
use crate::resources::must_call::Outcome;
use crate::resources::program::Lost;

pub(super) struct UndeletedTemporary;

impl Rule for UndeletedTemporary {
    fn page(&self) -> &'static str {
        include_str!("../../rules/undeleted-temporary.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        for lost in &cx.lost {
            if matches!(
                lost.kind,
                Kind::TemporaryFile | Kind::TemporaryDirectory | Kind::SharedMemory
            ) && matches!(
                lost.outcome,
                Outcome::Dropped | Outcome::NeverOnNormalPath { .. }
            ) && !has_other(cx, lost)
            {
                out.report(losing::finding(cx, out.meta(), lost));
            }
        }
    }
}

/// Whether the same call loses a descriptor or file too.
fn has_other(cx: &Context<'_>, lost: &Lost) -> bool {
    cx.lost.iter().any(|it| {
        it.func == lost.func
            && it.call == lost.call
            && it.kind == Kind::Descriptor
            && !matches!(it.outcome, Outcome::OnlyOnException { .. })
    })
}

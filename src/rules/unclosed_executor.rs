//! `unclosed-executor`: a pool, manager or event loop that nobody ends.

use super::{Context, Rule, Sink, losing};
use crate::models::resources::Kind;

pub(super) struct UnclosedExecutor;

impl Rule for UnclosedExecutor {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unclosed-executor.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        losing::check(cx, &[Kind::Executor, Kind::Loop], out);
    }
}

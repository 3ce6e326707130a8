//! `unreaped-process`: a child process that nobody waits for, or whose pipes nobody closes.

use super::{Context, Rule, Sink, losing};
use crate::models::resources::Kind;

pub(super) struct UnreapedProcess;

impl Rule for UnreapedProcess {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unreaped-process.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        losing::check(cx, &[Kind::Process, Kind::Pipe], out);
    }
}

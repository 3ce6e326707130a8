//! `unclosed-client`: a client of a network library that some path leaves open.

use super::{Context, Rule, Sink, losing};
use crate::models::resources::Kind;

pub(super) struct UnclosedClient;

impl Rule for UnclosedClient {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unclosed-client.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        losing::check(cx, &[Kind::Client], out);
    }
}

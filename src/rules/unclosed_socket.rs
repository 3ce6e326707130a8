//! `unclosed-socket`: a socket, server, selector or response that some path leaves open.

use super::{Context, Rule, Sink, losing};
use crate::models::resources::Kind;

pub(super) struct UnclosedSocket;

impl Rule for UnclosedSocket {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unclosed-socket.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        losing::check(
            cx,
            &[Kind::Socket, Kind::Server, Kind::Selector, Kind::Response],
            out,
        );
    }
}

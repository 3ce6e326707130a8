//! `raw-descriptor`: an integer descriptor that some path does not close; nothing else ever will.

use super::{Context, Rule, Sink, losing};
use crate::models::resources::Kind;

pub(super) struct RawDescriptor;

impl Rule for RawDescriptor {
    fn page(&self) -> &'static str {
        include_str!("../../rules/raw-descriptor.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        losing::check(cx, &[Kind::Descriptor], out);
    }
}

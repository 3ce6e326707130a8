//! `unclosed-database`: a database connection, session or engine that some path leaves open; `with` often does not close it.

use super::{Context, Rule, Sink, losing};
use crate::models::resources::Kind;

pub(super) struct UnclosedDatabase;

impl Rule for UnclosedDatabase {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unclosed-database.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        losing::check(cx, &[Kind::Connection, Kind::Cursor, Kind::Engine], out);
    }
}

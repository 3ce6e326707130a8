//! `unclosed-client`: a client of a network library that some path leaves open; as information, one that each call makes anew.

use super::registering::{func_of, is_repeated, symbol};
use super::{Context, Rule, Sink, losing};
use crate::facts::model::Usage;
use crate::finding::{Confidence, Finding, Role, Severity};
use crate::link::CallRef;
use crate::link::program::last_name;
use crate::models::resources::Kind;
use crate::resources::program::opened;

pub(super) struct UnclosedClient;

impl Rule for UnclosedClient {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unclosed-client.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        losing::check(cx, &[Kind::Client], out);
        churn(cx, out);
    }
}

/// Clients that a `with` statement closes as often as a function runs: no leak, and no connection is ever used twice.
fn churn(cx: &Context<'_>, out: &mut Sink) {
    let program = cx.program;
    let resources = &program.models.resources;
    let version = (3, cx.target.minor.into());
    for file in 0..program.files.len() as u32 {
        let facts = program.facts(file);
        for (id, call) in facts.calls.iter_ids() {
            if call.usage != Usage::Entered
                || !last_name(facts, call.callee).is_some_and(|it| resources.is_opener(it))
            {
                continue;
            }
            let func = func_of(CallRef { file, id }, call);
            let is_client = |it: &String| {
                resources
                    .get(it)
                    .is_some_and(|it| it.opens == Some(Kind::Client) && !it.harmless)
            };
            let Some(opener) = opened(program, file, id, version).filter(is_client) else {
                continue;
            };
            if func.id.index() == 0 || !is_repeated(cx, func, call.context) {
                continue;
            }
            let at = program.at(file, call.at);
            let what = losing::opener(&opener);
            let name = program.qualified(func);
            out.report(
                Finding::new(
                    out.meta(),
                    at,
                    format!("`{name}` makes a new `{what}` each time: its connections are never used again"),
                )
                .severity(Severity::Info)
                .confidence(Confidence::Medium)
                .label(at, Role::Acquire, "opened here, and closed with the `with` statement")
                .note("nothing leaks; each client loads its own certificates and opens its own connections")
                .symbol(symbol(program, func))
                .help("make one client for the process, or one for each object that lives long, and share it"),
            );
        }
    }
}

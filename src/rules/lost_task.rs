//! `lost-task`: a task that nobody holds may vanish before it is done.

use super::registering::{func_of, is_thrown_away, role_calls, symbol};
use super::{Context, Rule, Sink};
use crate::finding::{Finding, Growth, Role};
use crate::models::ApiRole;

pub(super) struct LostTask;

impl Rule for LostTask {
    fn page(&self) -> &'static str {
        include_str!("../../rules/lost-task.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        for (call, fact) in role_calls(program, ApiRole::Task) {
            if !is_thrown_away(program, call) {
                continue;
            }
            let at = program.at(call.file, fact.at);
            let func = func_of(call, fact);
            let message = "nobody keeps the task: the loop holds it weakly, so it may be collected before it is done (lost work rather than retained memory)";
            out.report(
                Finding::new(out.meta(), at, message)
                    .label(at, Role::Leak, "the task is thrown away here")
                    .growth(Growth::Unknown)
                    .symbol(symbol(program, func))
                    .help("keep it until it is done: `tasks.add(task); task.add_done_callback(tasks.discard)`, await it, or start it in an `asyncio.TaskGroup`"),
            );
        }
    }
}

//! `finalizer-in-cycle`: an object with `__del__` is part of a reference cycle, so its finalizer waits for the cyclic gc.
//!
//! Since Python 3.4 (PEP 442) such objects are collected, late and in no order; before, never.

use rustc_hash::FxHashSet;

use super::{Context, Rule, Sink, tied};
use crate::finding::{Finding, Growth, Role, Severity};
use crate::heap::cycle::Cycle;
use crate::link::{ClassRef, FuncRef};

pub(super) struct FinalizerInCycle;

impl Rule for FinalizerInCycle {
    fn page(&self) -> &'static str {
        include_str!("../../rules/finalizer-in-cycle.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        let Some(del) = program.sym("__del__") else {
            return;
        };
        let mut reported: FxHashSet<FuncRef> = FxHashSet::default();
        for cycle in cx.objects.cycles() {
            let finalized = cycle
                .classes(program)
                .find_map(|it| Some((it, program.method(it, del)?)));
            if let Some((class, method)) = finalized
                && reported.insert(method)
            {
                out.report(finding(cx, out.meta(), class, method, cycle));
            }
        }
    }
}

fn finding(
    cx: &Context<'_>,
    meta: &'static crate::catalog::RuleMeta,
    class: ClassRef,
    method: FuncRef,
    cycle: &Cycle,
) -> Finding {
    let program = cx.program;
    let owner = program.qualified_class(class);
    let is_old = cx.target.minor < 4;
    let message = if is_old {
        format!(
            "`{owner}` has `__del__` and is part of a reference cycle: before Python 3.4 such objects are never collected"
        )
    } else {
        format!(
            "`{owner}` is part of a reference cycle: its `__del__` runs late, when the cyclic gc finds it, and in no certain order"
        )
    };
    let at = program.at(method.file, program.func(method).name_span);
    let finding = Finding::new(meta, at, message)
        .severity(if is_old {
            Severity::Error
        } else {
            Severity::Warning
        })
        .label(
            at,
            Role::Leak,
            if is_old {
                "never runs for objects of a cycle"
            } else {
                "runs only when the gc has found the cycle"
            },
        );
    tied::ring(program, finding, cycle)
        .growth(Growth::PerInstance)
        .symbol(format!("{}.{owner}", program.files[class.file as usize].module))
        .help("hold one direction weakly (`weakref.ref`, `weakref.proxy`), or release in a `close` method or a `weakref.finalize` that does not refer to the object")
}

//! `finalizer-in-cycle`: an object with `__del__` is part of a reference cycle, so its finalizer waits for the cyclic gc.
//!
//! Since Python 3.4 (PEP 442) such objects are collected, late and in no order; before, never.

use rustc_hash::FxHashMap;

use super::{Context, Rule, Sink};
use crate::finding::{Finding, Growth, Role, Severity, Step};
use crate::heap::cycle::{cycles, is_broken};
use crate::heap::reach::{Holds, Object};
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
        let mut reported: FxHashMap<FuncRef, ()> = FxHashMap::default();
        for func in program.funcs() {
            let edges = program.object_graph(func, &cx.objects);
            if edges.is_empty() {
                continue;
            }
            for cycle in cycles(&edges) {
                let finalized = cycle.iter().find_map(|edge| {
                    let class = program.class_of_object(func.file, edge.from)?;
                    let method = program.method(class, del)?;
                    Some((class, method))
                });
                let Some((class, method)) = finalized else {
                    continue;
                };
                if is_broken(program, func, &cycle) || reported.insert(method, ()).is_some() {
                    continue;
                }
                out.report(finding(cx, out.meta(), func, class, method, &cycle));
            }
        }
    }
}

fn finding(
    cx: &Context<'_>,
    meta: &'static crate::catalog::RuleMeta,
    func: FuncRef,
    class: ClassRef,
    method: FuncRef,
    cycle: &[&Holds],
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
    let mut finding = Finding::new(meta, at, message)
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
    let name = |object: Object| match program.class_of_object(func.file, object) {
        Some(class) => program.class_name(class).to_owned(),
        None => match object {
            Object::Var(var) => program
                .name(func.file, program.facts(func.file).vars[var].name)
                .to_owned(),
            Object::New(_) => "new object".to_owned(),
        },
    };
    let mut path = Vec::new();
    if let Some(first) = cycle.first() {
        path.push(Step {
            node: name(first.from),
            edge: String::new(),
            place: None,
        });
    }
    for edge in cycle {
        let place = program.at(edge.file, edge.at);
        finding = finding.label(
            place,
            Role::Link,
            format!("`{}{}` holds `{}`", name(edge.from), edge.by, name(edge.to)),
        );
        path.push(Step {
            node: name(edge.to),
            edge: edge.by.clone(),
            place: Some(place),
        });
    }
    finding
        .path(path)
        .growth(Growth::PerInstance)
        .symbol(format!("{}.{owner}", program.files[class.file as usize].module))
        .help("hold one direction weakly (`weakref.ref`, `weakref.proxy`), or release in a `close` method or a `weakref.finalize` that does not refer to the object")
}

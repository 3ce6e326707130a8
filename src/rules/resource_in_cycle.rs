//! `resource-in-cycle`: an object of a reference cycle holds an open resource, which closes only when the gc has run.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Context, Rule, Sink, tied};
use crate::config::TargetVersion;
use crate::facts::model::{CallId, StoreKind, Target, ValueKind};
use crate::finding::{Confidence, Finding, Growth, Role, Severity, Step};
use crate::heap::cycle::Cycle;
use crate::heap::growth::ProgramKind;
use crate::link::program::{ValueRef, last_name};
use crate::link::{ClassRef, Entity, FuncRef, Program, Sym};
use crate::resources::program::opened;

pub(super) struct ResourceInCycle;

/// A resource that an attribute holds.
struct Held {
    class: ClassRef,
    attr: Sym,
    file: u32,
    call: CallId,
    opener: String,
}

impl Rule for ResourceInCycle {
    fn page(&self) -> &'static str {
        include_str!("../../rules/resource-in-cycle.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        let held = resources(program, cx.target);
        if held.is_empty() {
            return;
        }
        let del = program.sym("__del__");
        let mut reported: FxHashSet<(u32, CallId)> = FxHashSet::default();
        let mut closed: FxHashMap<(ClassRef, u32, CallId), bool> = FxHashMap::default();
        for cycle in cx.objects.cycles() {
            if program.files[cycle.func.file as usize].is_test {
                continue;
            }
            let classes: Vec<ClassRef> = cycle.classes(program).collect();
            // With a finalizer it is that rule's business.
            let is_finalized = classes
                .iter()
                .any(|&it| del.is_some_and(|del| program.method(it, del).is_some()));
            if is_finalized {
                continue;
            }
            for it in &held {
                let is_part = classes
                    .iter()
                    .any(|&class| program.mro(class).contains(&it.class));
                if is_part
                    && !classes.iter().any(|&class| {
                        *closed
                            .entry((class, it.file, it.call))
                            .or_insert_with(|| is_closed(cx, class, it))
                    })
                    && reported.insert((it.file, it.call))
                {
                    out.report(finding(cx, out.meta(), cycle, it));
                }
            }
        }
    }
}

/// Attributes that constructors bind to something that they open.
fn resources(program: &Program<'_>, target: TargetVersion) -> Vec<Held> {
    let mut out = Vec::new();
    for class in program.class_refs() {
        for &id in &program.class(class).methods {
            let func = FuncRef {
                file: class.file,
                id,
            };
            if program.func_name(func) != "__init__" {
                continue;
            }
            let facts = program.facts(func.file);
            for store in &facts.stores.as_slice()[facts.funcs[id].stores.range()] {
                if let (Target::Attr(name), StoreKind::Assign, Some(value)) =
                    (store.target, store.kind, store.value)
                    && let ValueKind::Call(call) = facts.values[value].kind
                    && is_own(program, func, store.base)
                    && let Some(opener) = opened(program, func.file, call, (3, target.minor.into()))
                {
                    out.push(Held {
                        class,
                        attr: program.sym_of(func.file, name),
                        file: func.file,
                        call,
                        opener,
                    });
                }
            }
        }
    }
    out
}

fn is_own(program: &Program<'_>, func: FuncRef, base: crate::facts::model::ValueId) -> bool {
    let facts = program.facts(func.file);
    matches!(facts.values[base].kind, ValueKind::Var(var) if facts.vars[var].param == Some(0) && facts.vars[var].func == func.id)
}

/// Whether something closes the attribute and is called, or may be.
fn is_closed(cx: &Context<'_>, class: ClassRef, held: &Held) -> bool {
    let program = cx.program;
    let mut closers = Vec::new();
    for (file, it) in program.files.iter().enumerate() {
        let file = file as u32;
        for call in it.facts.calls.iter() {
            let ValueKind::Attr { base, name } = it.facts.values[call.callee].kind else {
                continue;
            };
            let is_attr = |id| matches!(it.facts.values[id].kind, ValueKind::Attr { name, .. } if program.sym_of(file, name) == held.attr);
            // `self.file.close()`, and `stop(self.file)` as far as it is a call of something that closes.
            let closes =
                program.models.resources.is_closer(program.name(file, name)) && is_attr(base);
            if closes {
                closers.push(FuncRef {
                    file,
                    id: call.func,
                });
            }
        }
        // Whoever is given it may close it; who enters it does.
        for call in it.facts.calls.iter() {
            for arg in &it.facts.args[call.args.range()] {
                if let ValueKind::Attr { name, .. } = it.facts.values[arg.value].kind
                    && program.sym_of(file, name) == held.attr
                    && !matches!(
                        last_name(&it.facts, call.callee),
                        Some("print" | "len" | "next" | "iter" | "str" | "repr")
                    )
                {
                    return true;
                }
            }
        }
        for context in it.facts.contexts.iter() {
            if let crate::facts::model::ContextKind::With { manager } = context.kind
                && matches!(it.facts.values[manager].kind, ValueKind::Attr { name, .. } if program.sym_of(file, name) == held.attr)
            {
                return true;
            }
        }
    }
    // Objects that live long are not garbage at all; that is the business of other rules.
    if program.holder_below(class).is_some() || program.holder_below(held.class).is_some() {
        return true;
    }
    closers.iter().any(|&func| {
        let outside = program
            .class_of(func)
            .is_none_or(|it| !program.mro(class).contains(&it));
        outside
            || cx.kind == ProgramKind::Library
            || !program.callers(func).is_empty()
            || program.is_taken(func)
            || program.is_method_name_called(func)
    }) || !closers.is_empty() && is_managed(program, class)
}

/// Whether an object of the class is entered or handed to something that closes it.
fn is_managed(program: &Program<'_>, class: ClassRef) -> bool {
    let is_it = |file, id| {
        program
            .entities(ValueRef { file, id })
            .iter()
            .any(|it| matches!(it, Entity::Instance(of) if *of == class))
    };
    program.files.iter().enumerate().any(|(file, it)| {
        let file = file as u32;
        it.facts.contexts.iter().any(|context| {
            matches!(context.kind, crate::facts::model::ContextKind::With { manager } if is_it(file, manager))
        }) || it.facts.calls.iter().any(|call| {
            matches!(
                last_name(&it.facts, call.callee),
                Some("closing" | "aclosing" | "enter_context" | "enter_async_context" | "push" | "callback" | "register" | "finalize")
            ) && it.facts.args[call.args.range()].iter().any(|arg| is_it(file, arg.value))
        })
    })
}

fn finding(
    cx: &Context<'_>,
    meta: &'static crate::catalog::RuleMeta,
    cycle: &Cycle,
    held: &Held,
) -> Finding {
    let program = cx.program;
    let owner = program.qualified_class(held.class);
    let attr = program.text(held.attr);
    let what = held
        .opener
        .strip_prefix("builtins.")
        .unwrap_or(&held.opener);
    let at = program.at(held.file, program.facts(held.file).calls[held.call].at);
    let finding = Finding::new(
        meta,
        at,
        format!("`{owner}` is part of a reference cycle: what `{what}` opens here closes only when the cyclic gc has found it"),
    )
    .severity(Severity::Warning)
    .confidence(Confidence::Medium)
    .label(at, Role::Resource, format!("held by `.{attr}`"));
    tied::ring(program, finding, cycle)
        .path([Step {
            node: what.to_owned(),
            edge: format!(".{attr}"),
            place: Some(at),
        }])
        .growth(Growth::PerInstance)
        .symbol(format!(
            "{}.{owner}.{attr}",
            program.files[held.file as usize].module
        ))
        .help("close it in a method that is called (`close`, `__exit__`), or hold one direction of the cycle weakly")
}

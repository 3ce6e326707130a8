//! `gc-defeated`: the cyclic collector is switched off, its heap frozen again and again, or its garbage kept.

use super::{Context, Rule, Sink};
use crate::facts::model::{CallF, ContextKind, FileFacts, ValueId, ValueKind};
use crate::finding::{Confidence, Finding, Growth, Role, Severity};
use crate::link::program::ValueRef;
use crate::link::{Entity, FuncRef};
use crate::models::Runs;

pub(super) struct GcDefeated;

struct Site<'a> {
    file: u32,
    call: &'a CallF,
}

impl Rule for GcDefeated {
    fn page(&self) -> &'static str {
        include_str!("../../rules/gc-defeated.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        let named = |file: u32, value| {
            program
                .entities(ValueRef { file, id: value })
                .iter()
                .find_map(|it| match it {
                    Entity::External(node) => {
                        Some(program.api_text(*node)).filter(|it| it.starts_with("gc."))
                    }
                    _ => None,
                })
        };
        let (mut disables, mut freezes, mut debugs) = (Vec::new(), Vec::new(), Vec::new());
        let (mut is_enabled, mut is_unfrozen, mut is_reset) = (false, false, false);
        let words = program.syms([
            "enable",
            "collect",
            "unfreeze",
            "disable",
            "freeze",
            "set_debug",
        ]);
        for (file, it) in program.files.iter().enumerate() {
            let file = file as u32;
            if !it.mentions(&words) {
                continue;
            }
            // Not only called: `atexit.register(gc.enable)`.
            for (id, value) in it.facts.values.iter_ids() {
                if let ValueKind::Attr { .. } | ValueKind::Var(_) = value.kind
                    && let Some(name) = crate::link::program::last_name(&it.facts, id)
                    && matches!(name, "enable" | "collect" | "unfreeze")
                {
                    match named(file, id) {
                        Some("gc.enable" | "gc.collect") => is_enabled = true,
                        Some("gc.unfreeze") => is_unfrozen = true,
                        _ => {}
                    }
                }
            }
            for call in it.facts.calls.iter() {
                if !matches!(
                    crate::link::program::last_name(&it.facts, call.callee),
                    Some("disable" | "freeze" | "set_debug")
                ) {
                    continue;
                }
                let site = Site { file, call };
                match named(file, call.callee) {
                    _ if it.is_test => {}
                    Some("gc.disable") => disables.push(site),
                    Some("gc.freeze") => freezes.push(site),
                    Some("gc.set_debug") => {
                        let mut saves = false;
                        if let Some(arg) = program.argument(file, call, Some(0), "flags") {
                            is_reset |= is_former(&it.facts, arg);
                            let mut todo = vec![arg];
                            while let Some(value) = todo.pop() {
                                if let ValueKind::Binary { left, right, .. } =
                                    it.facts.values[value].kind
                                {
                                    todo.extend([left, right]);
                                }
                                saves |= matches!(
                                    named(file, value),
                                    Some("gc.DEBUG_SAVEALL" | "gc.DEBUG_LEAK")
                                );
                            }
                        }
                        if saves {
                            debugs.push(site);
                        }
                    }
                    _ => {}
                }
            }
        }
        if !is_enabled {
            for site in &disables {
                out.report(disabled(cx, out.meta(), site));
            }
        }
        for site in freezes.iter().filter(|_| !is_unfrozen) {
            if is_repeated(cx, site) {
                out.report(frozen(cx, out.meta(), site));
            }
        }
        for site in debugs.iter().filter(|_| !is_reset) {
            let func = FuncRef {
                file: site.file,
                id: site.call.func,
            };
            if !program.is_for_debugging(func, site.call.context) {
                out.report(saved(cx, out.meta(), site));
            }
        }
    }
}

/// Whether flags are none, or what a call gave before: `debug = gc.get_debug()`, and later `gc.set_debug(debug)`.
fn is_former(facts: &FileFacts, flags: ValueId) -> bool {
    match facts.values[flags].kind {
        ValueKind::Int(0) => true,
        ValueKind::Var(var) => facts.defs[facts.vars[var].defs.range()].iter().any(|def| {
            def.value
                .is_some_and(|it| matches!(facts.values[it].kind, ValueKind::Call(_)))
        }),
        _ => false,
    }
}

/// Whether code that is known to run again and again makes the call.
fn is_repeated(cx: &Context<'_>, site: &Site<'_>) -> bool {
    let program = cx.program;
    let func = FuncRef {
        file: site.file,
        id: site.call.func,
    };
    match program.runs(func).often {
        Runs::PerEvent => true,
        Runs::Many => program.callers(func).iter().any(|call| {
            program.under(call.file, program.call(*call).context, |it| {
                matches!(it, ContextKind::For { .. } | ContextKind::While { .. })
            })
        }),
        _ => false,
    }
}

fn base(
    cx: &Context<'_>,
    meta: &'static crate::catalog::RuleMeta,
    site: &Site<'_>,
    message: &str,
    label: &str,
) -> Finding {
    let program = cx.program;
    let func = FuncRef {
        file: site.file,
        id: site.call.func,
    };
    let at = program.at(site.file, site.call.at);
    let module = &program.files[site.file as usize].module;
    let symbol = if func.id.index() == 0 {
        module.clone()
    } else {
        format!("{module}.{}", program.qualified(func))
    };
    Finding::new(meta, at, message)
        .label(at, Role::Leak, label)
        .symbol(symbol)
}

fn disabled(cx: &Context<'_>, meta: &'static crate::catalog::RuleMeta, site: &Site<'_>) -> Finding {
    base(
        cx,
        meta,
        site,
        "the cyclic garbage collector is switched off, and nothing in the program switches it on or collects: cycles are never freed",
        "from here on nothing looks for cycles",
    )
    .severity(Severity::Warning)
    .confidence(Confidence::Medium)
    .growth(Growth::PerCall)
    .help("call `gc.enable()` in a `finally` clause, or `gc.collect()` now and then; `gc.freeze()` once before forking needs neither")
}

fn frozen(cx: &Context<'_>, meta: &'static crate::catalog::RuleMeta, site: &Site<'_>) -> Finding {
    base(
        cx,
        meta,
        site,
        "`gc.freeze()` runs again and again: cycles that exist at each call are never collected",
        "what is alive now is exempt from collection for good",
    )
    .severity(Severity::Error)
    .confidence(Confidence::Medium)
    .growth(Growth::PerCall)
    .help("freeze once, after start and before forking; `gc.unfreeze()` takes it back")
}

fn saved(cx: &Context<'_>, meta: &'static crate::catalog::RuleMeta, site: &Site<'_>) -> Finding {
    base(
        cx,
        meta,
        site,
        "this debug flag makes the collector keep all garbage in `gc.garbage` instead of freeing it",
        "from here on collected objects stay in `gc.garbage`",
    )
    .severity(Severity::Error)
    .confidence(Confidence::High)
    .growth(Growth::PerCall)
    .help("leave out `DEBUG_SAVEALL` and `DEBUG_LEAK` outside of debugging sessions, or clear `gc.garbage` and call `gc.set_debug(0)` afterwards")
}

//! `stored-exception`: an exception that is kept holds its traceback, the traceback all frames, the frames their locals.

use rustc_hash::FxHashSet;

use super::{Context, Rule, Sink};
use crate::facts::model::{Home, ResultKind, StoreKind, Target, ValueKind};
use crate::finding::{Confidence, Finding, Growth as By, Place, Role, Severity, Step};
use crate::heap::growth::{Growth, ProgramKind};
use crate::heap::kept::Put;
use crate::link::effects::EffectKind;
use crate::link::program::{ValueRef, last_name};
use crate::link::{Entity, FuncRef, PlaceKey};
use crate::models::Runs;

pub(super) struct StoredException;

const HELP: &str = "keep what is needed of it: `str(error)`, `traceback.format_exc()`, or `error.with_traceback(None)`";

impl Rule for StoredException {
    fn page(&self) -> &'static str {
        include_str!("../../rules/stored-exception.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        let mut reported: FxHashSet<Place> = FxHashSet::default();
        for growth in &cx.growths {
            if program.lives_long(growth.container.key) && growth.keeps_frames(program) {
                let finding = growing(cx, out.meta(), growth);
                reported.insert(finding.primary);
                out.report(finding);
            }
        }
        for put in program.puts() {
            let at = program.at(put.func.file, put.at);
            if !reported.contains(&at)
                && program.holds_traceback(put.func, put.value)
                && reported.insert(at)
            {
                out.report(slot(cx, out.meta(), &put));
            }
        }
        let mut raised = FxHashSet::default();
        for func in program.funcs().filter(|it| it.id.index() != 0) {
            raised_again(cx, func, &mut raised, out);
        }
    }
}

fn growing(cx: &Context<'_>, meta: &'static crate::catalog::RuleMeta, growth: &Growth) -> Finding {
    let program = cx.program;
    let key = growth.container.key;
    let name = program.place_name(key);
    let at = program.at(growth.site.func.file, growth.site.at);
    let likely = if cx.kind == ProgramKind::Application {
        Confidence::Medium
    } else {
        Confidence::Low
    };
    let mut finding = Finding::new(
        meta,
        at,
        format!("`{name}` only grows, and what it keeps are exceptions: each holds its traceback, and with it the frames and all their locals"),
    )
    .severity(Severity::Error)
    .confidence(growth.confidence.max(likely));
    if let Some(span) = program.definition_span(key) {
        finding = finding.label(
            program.at(program.place_file(key), span),
            Role::Root,
            "lives as long as the process",
        );
    }
    let mut path = program.path_to(key, growth.container.holds);
    path.extend(frames(at, "item"));
    finding
        .label(
            at,
            Role::Growth,
            "each exception keeps the frames it passed",
        )
        .path(path)
        .growth(By::PerCall)
        .symbol(format!(
            "{}.{name}",
            program.files[program.place_file(key) as usize].module
        ))
        .help(HELP)
}

fn frames(at: Place, edge: &str) -> [Step; 3] {
    let step = |node: &str, edge: &str| Step {
        node: node.to_owned(),
        edge: edge.to_owned(),
        place: Some(at),
    };
    [
        step("exception", edge),
        step("traceback", "__traceback__"),
        step("frames and their locals", "tb_frame"),
    ]
}

fn slot(cx: &Context<'_>, meta: &'static crate::catalog::RuleMeta, put: &Put) -> Finding {
    let program = cx.program;
    let name = program.place_name(put.place);
    let at = program.at(put.func.file, put.at);
    let is_static = match put.place {
        PlaceKey::Var(var) => program.var(var).home == Home::Module,
        PlaceKey::Class(..) => true,
        PlaceKey::Instance(..) | PlaceKey::Func(..) => false,
    };
    let is_reset = program.effects(put.place).iter().any(|it| {
        it.kind.shrinks()
            || it.kind == EffectKind::Rebind
                && (it.at, it.func) != (put.at, put.func)
                && it.value.is_none_or(|id| {
                    !program.holds_traceback(
                        it.func,
                        ValueRef {
                            file: it.func.file,
                            id,
                        },
                    )
                })
    });
    // What an import fails with holds the frames of modules, which stay anyway.
    let is_late = program.runs(put.func).often > Runs::Once;
    let is_lasting = is_static
        && is_late
        && put.kind == EffectKind::Rebind
        && !is_reset
        && !is_on_instance(cx, put);
    let mut path = program.path_to(put.place, None);
    path.extend(frames(at, "is"));
    Finding::new(
        meta,
        at,
        format!("`{name}` keeps an exception with its traceback, and so the frames it passed with all their locals"),
    )
    .severity(if is_lasting { Severity::Warning } else { Severity::Info })
    .confidence(Confidence::Medium)
    .label(at, Role::Leak, "the frames stay until it is replaced")
    .path(path)
    .growth(By::Bounded)
    .symbol(format!("{}.{name}", program.files[program.place_file(put.place) as usize].module))
    .help(HELP)
}

/// Whether an attribute is set on an instance; the class only has a default of that name.
fn is_on_instance(cx: &Context<'_>, put: &Put) -> bool {
    let program = cx.program;
    let file = put.func.file;
    let facts = program.facts(file);
    matches!(put.place, PlaceKey::Class(..))
        && facts.stores.as_slice()[facts.funcs[put.func.id].stores.range()]
            .iter()
            .filter(|it| it.at == put.at)
            .any(|it| {
                !program
                    .entities(ValueRef { file, id: it.base })
                    .iter()
                    .any(|it| matches!(it, Entity::Class(_)))
            })
}

/// An exception object that is made once and raised again and again: its traceback gets longer with each raise.
fn raised_again(cx: &Context<'_>, func: FuncRef, raised: &mut FxHashSet<PlaceKey>, out: &mut Sink) {
    let program = cx.program;
    // The body of an abstract method does not run, but by `super()`.
    if is_abstract(program, func) {
        return;
    }
    let file = func.file;
    let facts = program.facts(file);
    for result in &facts.results[facts.funcs[func.id].results.range()] {
        let Some(id) = result.value.filter(|_| result.kind == ResultKind::Raise) else {
            continue;
        };
        if !matches!(
            facts.values[id].kind,
            ValueKind::Var(_) | ValueKind::Attr { .. }
        ) || program.runs(func).often < Runs::PerInstance
        {
            continue;
        }
        let sites = program.places(ValueRef { file, id });
        let [site] = sites.as_slice() else { continue };
        let is_static = match site.key {
            PlaceKey::Var(var) => program.var(var).home == Home::Module,
            PlaceKey::Class(..) => true,
            PlaceKey::Instance(..) | PlaceKey::Func(..) => false,
        };
        if site.is_inner {
            continue;
        }
        if let Some((caught_by, caught)) = caught_once(cx, site.key, is_static)
            && !resets_traceback(cx, file)
            && raised.insert(site.key)
        {
            let name = program.place_name(site.key);
            let caught_at = program.at(caught_by.file, program.value_span(caught));
            let finding = raised_finding(
                cx,
                out.meta(),
                site.key,
                program.at(file, result.at),
                (caught_at, "caught and kept here"),
                format!("the exception that `{name}` keeps is raised again by each call"),
            );
            out.report(
                finding
                    .severity(Severity::Warning)
                    .confidence(Confidence::Medium)
                    .help("keep its text and raise a new exception each time, or `raise error.with_traceback(None)`"),
            );
        }
        if !is_static {
            continue;
        }
        let values = made_exceptions(cx, site.key, 3);
        let Some(made) = values.as_ref().and_then(|it| it.first()) else {
            continue;
        };
        let is_rebound = program
            .effects(site.key)
            .iter()
            .any(|it| it.kind == EffectKind::Rebind);
        if is_rebound || resets_traceback(cx, file) || !raised.insert(site.key) {
            continue;
        }
        let name = program.place_name(site.key);
        let made_at = program.at(made.file, program.value_span(*made));
        let finding = raised_finding(
            cx,
            out.meta(),
            site.key,
            program.at(file, result.at),
            (made_at, "made once, when the module is imported"),
            format!("the one exception object `{name}` is raised again and again"),
        );
        out.report(
            finding
                .severity(Severity::Error)
                // How often it is raised in one process, nothing tells.
                .confidence(Confidence::Medium)
                .help("raise a new instance each time, or `raise error.with_traceback(None)`"),
        );
    }
}

/// What is said of an exception object that `key` keeps and that is raised at `at`, of which `made` tells where it came from.
fn raised_finding(
    cx: &Context<'_>,
    meta: &'static crate::catalog::RuleMeta,
    key: PlaceKey,
    at: Place,
    made: (Place, &str),
    what: String,
) -> Finding {
    let program = cx.program;
    let module = &program.files[program.place_file(key) as usize].module;
    Finding::new(
        meta,
        at,
        format!("{what}: its traceback grows with each raise and keeps all frames"),
    )
    .label(made.0, Role::Definition, made.1)
    .label(at, Role::Growth, "adds to its traceback each time")
    .path(program.path_to(key, None))
    .path(frames(at, "is"))
    .growth(By::PerCall)
    .symbol(format!("{module}.{}", program.place_name(key)))
}

/// What a place that lives long is bound to, when that is a caught exception which nothing takes out again.
fn caught_once(cx: &Context<'_>, key: PlaceKey, is_static: bool) -> Option<(FuncRef, ValueRef)> {
    let program = cx.program;
    let lasts = is_static || matches!(key, PlaceKey::Instance(..)) && program.lives_long(key);
    if !lasts {
        return None;
    }
    let mut caught = None;
    for value in program.place_values(key) {
        if program.value(value) == ValueKind::None {
            continue;
        }
        let by = maker(cx, value)?;
        if !program.holds_traceback(by, value) {
            return None;
        }
        caught = caught.or(Some((by, value)));
    }
    let is_let_go = program.effects(key).iter().any(|it| {
        let is_start = it.func.id.index() == 0 || program.func_name(it.func) == "__init__";
        it.kind.shrinks()
            || it.kind == EffectKind::Rebind
                && !is_start
                && it.value.is_none_or(|id| {
                    let value = ValueRef {
                        file: it.func.file,
                        id,
                    };
                    !program.holds_traceback(it.func, value)
                })
    });
    caught.filter(|_| !is_let_go)
}

/// The function in which a value stands.
fn maker(cx: &Context<'_>, value: ValueRef) -> Option<FuncRef> {
    let facts = cx.program.facts(value.file);
    let mut funcs = facts.funcs.iter_ids();
    funcs
        .find(|(_, it)| it.values.range().contains(&value.id.index()))
        .map(|(id, _)| FuncRef {
            file: value.file,
            id,
        })
}

fn is_abstract(program: &crate::link::Program<'_>, func: FuncRef) -> bool {
    let facts = program.facts(func.file);
    program
        .list(func.file, facts.funcs[func.id].decorators)
        .iter()
        .any(|&it| last_name(facts, it).is_some_and(|it| it.starts_with("abstract")))
}

/// The calls of exception classes that a place is bound to, itself or by another name; none when it may be something else.
fn made_exceptions(cx: &Context<'_>, key: PlaceKey, depth: u32) -> Option<Vec<ValueRef>> {
    let depth = depth.checked_sub(1)?;
    let program = cx.program;
    let mut out = Vec::new();
    for value in program.place_values(key) {
        if is_exception_made(cx, value) {
            out.push(value);
            continue;
        }
        let sites = program.places(value);
        let [site] = sites.as_slice() else {
            return None;
        };
        if site.is_inner || site.key == key {
            return None;
        }
        out.extend(made_exceptions(cx, site.key, depth)?);
    }
    Some(out)
}

/// Whether a value is a call of an exception class.
fn is_exception_made(cx: &Context<'_>, value: ValueRef) -> bool {
    let program = cx.program;
    let ValueKind::Call(call) = program.value(value) else {
        return false;
    };
    let callee = program.facts(value.file).calls[call].callee;
    let is_class_name = |text: &str| {
        let last = text.rsplit('.').next().unwrap_or(text);
        let is_class = |ending: &str| last.ends_with(ending);
        is_class("Error")
            || is_class("Exception")
            // The classes of `socket`, `select` and `zlib` are written small.
            || matches!(last, "error" | "gaierror" | "herror" | "timeout")
            || matches!(
                last,
                "StopIteration" | "KeyboardInterrupt" | "SystemExit" | "Empty" | "Full"
            )
    };
    let facts = program.facts(value.file);
    let entities = program.entities(ValueRef {
        file: value.file,
        id: callee,
    });
    // What is raised is an exception; a class of an unknown library tells itself by its name.
    if entities.is_empty() {
        return last_name(facts, callee).is_some_and(is_class_name);
    }
    entities.iter().any(|it| match it {
        Entity::Class(_) => true,
        Entity::External(node) => is_class_name(program.api_text(*node)),
        _ => false,
    })
}

/// Whether some code of the file takes tracebacks off.
fn resets_traceback(cx: &Context<'_>, file: u32) -> bool {
    let facts = cx.program.facts(file);
    facts.stores.iter().any(|it| {
        it.kind == StoreKind::Assign
            && matches!(it.target, Target::Attr(name) if cx.program.name(file, name) == "__traceback__")
    })
}

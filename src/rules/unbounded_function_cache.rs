//! `unbounded-function-cache`: a cache without bound around a function that is called with ever new arguments.

use super::caches::{Cache, SOME_BOUND, cache_of, cleared, is_without_self};
use super::{Context, Rule, Sink};
use crate::finding::{Confidence, Finding, Growth, Role, Severity, Step};
use crate::heap::growth::ProgramKind;
use crate::heap::origin::Origins;
use crate::heap::size::Size;
use crate::link::program::ValueRef;
use crate::link::{FuncRef, Program};
use crate::models::Runs;

pub(super) struct UnboundedFunctionCache;

impl Rule for UnboundedFunctionCache {
    fn page(&self) -> &'static str {
        include_str!("../../rules/unbounded-function-cache.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        let cleared = cleared(program);
        for func in program.funcs() {
            let fact = program.func(func);
            // Made inside a function, the cache goes with it.
            if fact.decorators.is_empty() || fact.parent.is_none_or(|it| it.index() != 0) {
                continue;
            }
            let is_method = fact.class.is_some();
            if is_method && !is_without_self(program, func) {
                continue;
            }
            let Some(cache) = cache_of(program, func) else {
                continue;
            };
            let finding = if fact.is_async && cache.is_plain {
                Some(coroutine(program, out.meta(), func, &cache))
            } else if cache.bound.is_none() && !cleared.contains(&func) {
                grows(cx, out.meta(), func, &cache)
            } else {
                (cache.is_plain && cache.bound.is_some_and(|it| it > 1))
                    .then(|| keeps_functions(cx, out.meta(), func, &cache))
                    .flatten()
            };
            if let Some(finding) = finding {
                out.report(finding);
            }
        }
    }
}

/// The parameter with the most open domain, by name, and what is known of all of them.
fn open_parameter(program: &Program<'_>, func: FuncRef) -> Option<(String, Origins)> {
    let facts = program.facts(func.file);
    let fact = program.func(func);
    let is_class_method = fact.class.is_some()
        && program
            .list(func.file, fact.decorators)
            .iter()
            .any(|&it| crate::link::program::last_name(facts, it) == Some("classmethod"));
    let mut all = Origins::default();
    let mut open = None;
    for param in usize::from(is_class_method)..fact.params.len() {
        let origins = program.parameter_origins(func, param);
        let is_finite = origins.is_closed()
            || origins.has(Origins::FINITE)
            || origins.has(Origins::THREAD_IDENT)
            || !origins.is_open();
        if is_finite {
            continue;
        }
        all = all.with(origins);
        open.get_or_insert_with(|| program.param_name(func, param).to_owned());
    }
    open.map(|it| (it, all))
}

fn grows(
    cx: &Context<'_>,
    meta: &'static crate::catalog::RuleMeta,
    func: FuncRef,
    cache: &Cache,
) -> Option<Finding> {
    let program = cx.program;
    let run = program.runs(func);
    if run.often < Runs::PerInstance {
        return None;
    }
    let (param, origins) = open_parameter(program, func)?;
    let facts = program.facts(func.file);
    let result = facts.results[program.func(func).results.range()]
        .iter()
        .filter_map(|it| it.value)
        .filter_map(|id| {
            program.size(ValueRef {
                file: func.file,
                id,
            })
        })
        .max_by_key(|it| it.bytes().unwrap_or(u64::MAX));
    let is_large = result.is_some_and(|it| it.is_large(cx.large));
    let is_data = origins.has(Origins::IDENTITY)
        || origins.has(Origins::TEXT)
        || origins.has(Origins::FRESH_ID)
        || origins.has(Origins::EVENT);
    let is_finite_name = program.models.is_finite_name(&param);
    let confidence = match cx.kind {
        ProgramKind::Application if run.often == Runs::PerEvent && origins.has(Origins::EVENT) => {
            Confidence::High
        }
        // A method without an instance computes from few values as a rule, unless they are data.
        ProgramKind::Application
            if (!is_finite_name && program.func(func).class.is_none()) || is_data =>
        {
            Confidence::Medium
        }
        ProgramKind::Library if is_large || is_data => Confidence::Medium,
        _ => Confidence::Low,
    };
    let name = program.qualified(func);
    let at = program.at(
        func.file,
        program.value_span(ValueRef {
            file: func.file,
            id: cache.decorator,
        }),
    );
    let place = program.at(func.file, program.func(func).name_span);
    let module = &program.files[func.file as usize].module;
    let bytes = result.and_then(Size::bytes).filter(|&it| it > 0);
    Some(
        Finding::new(
            meta,
            at,
            format!("the cache of `{name}` has no bound and keeps the result for every `{param}` that it is called with"),
        )
        .severity(Severity::Error)
        .confidence(confidence)
        .label(at, Role::Root, "the cache lives as long as the module")
        .label(place, Role::Growth, format!("each new `{param}` adds an entry, for ever"))
        .path([
            Step { node: format!("{module}.{name} (function)"), edge: String::new(), place: Some(place) },
            Step { node: "cache".to_owned(), edge: "closure".to_owned(), place: Some(at) },
            Step { node: "arguments and result".to_owned(), edge: "entry".to_owned(), place: Some(place) },
        ])
        .growth(Growth::PerCall)
        .bytes(bytes, bytes)
        .symbol(format!("{module}.{name}"))
        .help("give it a bound: `functools.lru_cache(maxsize=…)`; or call `cache_clear()` when the results are done with"),
    )
}

/// A cache with a bound whose keys are functions: closures and bound methods stay, with all that they refer to.
fn keeps_functions(
    cx: &Context<'_>,
    meta: &'static crate::catalog::RuleMeta,
    func: FuncRef,
    cache: &Cache,
) -> Option<Finding> {
    let program = cx.program;
    let bound = cache.bound?;
    let facts = program.facts(func.file);
    let fact = program.func(func);
    let param = (0..fact.params.len()).find(|&it| {
        let row = facts.params[fact.params.start as usize + it];
        let is_function = row.annotation.is_some_and(|id| {
            let file = func.file;
            program.is_callable_annotation(ValueRef { file, id })
        });
        // Only what a caller hands on as it was given may be made for one call.
        is_function && !program.passes_definitions(func, it)
    })?;
    let name = program.qualified(func);
    let param = program.param_name(func, param);
    let at = program.at(
        func.file,
        program.value_span(ValueRef {
            file: func.file,
            id: cache.decorator,
        }),
    );
    let place = program.at(func.file, fact.name_span);
    let module = &program.files[func.file as usize].module;
    Some(
        Finding::new(
            meta,
            at,
            if bound == SOME_BOUND {
                format!("the cache of `{name}` keeps functions `{param}`, with all that they close over")
            } else {
                format!("the cache of `{name}` keeps up to {bound} functions `{param}`, with all that they close over")
            },
        )
        .severity(Severity::Warning)
        .confidence(Confidence::Medium)
        .label(at, Role::Root, "the cache lives as long as the module")
        .label(place, Role::Growth, format!("each entry's key holds `{param}`"))
        .path([
            Step { node: format!("{module}.{name} (function)"), edge: String::new(), place: Some(place) },
            Step { node: "cache".to_owned(), edge: "closure".to_owned(), place: Some(at) },
            Step { node: param.to_owned(), edge: "key".to_owned(), place: Some(place) },
        ])
        .growth(Growth::Bounded)
        .symbol(format!("{module}.{name}"))
        .help(format!("keep results by weak reference: a `weakref.WeakKeyDictionary` from `{param}` to the result")),
    )
}

fn coroutine(
    program: &Program<'_>,
    meta: &'static crate::catalog::RuleMeta,
    func: FuncRef,
    cache: &Cache,
) -> Finding {
    let name = program.qualified(func);
    let at = program.at(
        func.file,
        program.value_span(ValueRef {
            file: func.file,
            id: cache.decorator,
        }),
    );
    let place = program.at(func.file, program.func(func).name_span);
    Finding::new(
        meta,
        at,
        format!(
            "the cache of `async def {name}` caches a coroutine, which can be awaited only once"
        ),
    )
    .severity(Severity::Warning)
    .confidence(Confidence::High)
    .label(
        at,
        Role::Root,
        "keeps the coroutine object, not what it gives",
    )
    .label(
        place,
        Role::Leak,
        "a second call with the same arguments raises RuntimeError",
    )
    .symbol(format!(
        "{}.{name}",
        program.files[func.file as usize].module
    ))
    .help("cache what the coroutine gives, inside it, or use a cache made for coroutines")
}

//! `method-cache`: a cache around an instance method keeps the instances that it was called on.

use super::caches::{Cache, SOME_BOUND, cache_of, cleared, is_without_self};
use super::{Context, Rule, Sink};
use crate::facts::model::{ValueId, ValueKind};
use crate::finding::remedy::Remedy;
use crate::finding::{Confidence, Finding, Growth, Role, Severity, Step};
use crate::link::program::{ValueRef, last_name};
use crate::link::{ClassRef, FuncRef, Program};
use crate::models::BaseKind;

pub(super) struct MethodCache;

impl Rule for MethodCache {
    fn page(&self) -> &'static str {
        include_str!("../../rules/method-cache.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        let cleared = cleared(program);
        for func in program.funcs() {
            let Some(class) = program.func(func).class.map(|id| ClassRef {
                file: func.file,
                id,
            }) else {
                continue;
            };
            // Without an instance there is nothing to keep; `cls` names a class, whatever hands it over.
            if program.func(func).params.is_empty()
                || matches!(program.param_name(func, 0), "cls" | "mcs" | "klass")
            {
                continue;
            }
            let is_special = matches!(
                program.func_name(func),
                "__new__" | "__init_subclass__" | "__class_getitem__"
            );
            if is_special || is_without_self(program, func) {
                continue;
            }
            let Some(Cache {
                decorator, bound, ..
            }) = cache_of(program, func)
            else {
                continue;
            };
            if [BaseKind::Enum, BaseKind::Metaclass]
                .iter()
                .any(|&it| program.is_kind(class, it))
            {
                continue;
            }
            let found = finding(program, out.meta(), func, class, decorator, bound);
            out.report(if cleared.contains(&func) {
                found
                    .severity(Severity::Info)
                    .note("until `cache_clear()` is called, which the program does")
            } else {
                found
            });
        }
    }
}

fn finding(
    program: &Program<'_>,
    meta: &'static crate::catalog::RuleMeta,
    func: FuncRef,
    class: ClassRef,
    decorator: ValueId,
    bound: Option<u64>,
) -> Finding {
    let owner = program.qualified_class(class);
    let name = program.func_name(func);
    let at = program.at(
        func.file,
        program.value_span(ValueRef {
            file: func.file,
            id: decorator,
        }),
    );
    let message = match bound {
        None => format!(
            "the cache of instance method `{name}` keeps every instance of `{owner}` that it is called on, for ever"
        ),
        Some(1) => format!(
            "the cache of instance method `{name}` keeps the last instance of `{owner}` alive"
        ),
        Some(SOME_BOUND) => format!(
            "the cache of instance method `{name}` keeps instances of `{owner}` alive, as many as its bound says"
        ),
        Some(bound) => format!(
            "the cache of instance method `{name}` keeps up to {bound} instances of `{owner}` alive"
        ),
    };
    let is_value = is_value(program, class);
    let is_single = program.is_singleton(class)
        || program.kept_for_ever(class).is_some()
        || program.long_holder(class).is_some() && program.constructions(class).len() <= 1;
    let severity = match bound {
        _ if is_value || is_single || bound == Some(1) => Severity::Info,
        None => Severity::Error,
        Some(_) => Severity::Warning,
    };
    let mut finding = Finding::new(meta, at, message)
        .severity(severity)
        .confidence(if is_value {
            Confidence::Low
        } else {
            Confidence::Medium
        })
        .label(
            at,
            Role::Root,
            format!("the cache lives as long as the class `{owner}`"),
        )
        .label(
            program.at(func.file, program.func(func).name_span),
            Role::Leak,
            "each entry's key holds `self`",
        );
    if is_single {
        finding = finding.note(format!(
            "the program makes `{owner}` once, so what is kept is that one object"
        ));
    } else if is_value {
        finding = finding.note(format!(
            "instances of `{owner}` are compared by value: one is kept for each distinct value"
        ));
    }
    finding
        .path([
            Step { node: format!("{}.{owner} (class)", program.files[func.file as usize].module), edge: String::new(), place: Some(program.at(class.file, program.class(class).name_span)) },
            Step { node: "cache".to_owned(), edge: format!(".{name}"), place: Some(at) },
            Step { node: owner.clone(), edge: "key → self".to_owned(), place: Some(program.at(func.file, program.func(func).name_span)) },
        ])
        .remedy(remedy(program, func, class, at.span))
        .growth(if bound.is_some() { Growth::Bounded } else { Growth::PerInstance })
        .symbol(format!("{}.{owner}.{name}", program.files[func.file as usize].module))
        .help(format!("cache per instance: `self.{name} = functools.lru_cache(…)(self._{name})` in `__init__`, `functools.cached_property` if there are no arguments, or a cache keyed by what the result depends on"))
}

/// A cache for each instance, where no subclass has a method of this name that it would hide.
fn remedy(
    program: &Program<'_>,
    func: FuncRef,
    class: ClassRef,
    decorator: crate::base::Span,
) -> Option<Remedy> {
    let name = program.sym(program.func_name(func))?;
    let is_overridden = program.methods_below(class, name).len() > 1;
    (!is_overridden).then(|| Remedy::CachePerInstance {
        decorator,
        method: program.func(func).name_span,
    })
}

/// Whether instances are compared by value: entries are as many as distinct values, not as instances.
fn is_value(program: &Program<'_>, class: ClassRef) -> bool {
    if program.is_kind(class, BaseKind::Value) {
        return true;
    }
    let facts = program.facts(class.file);
    let is_frozen = program
        .list(class.file, facts.classes[class.id].decorators)
        .iter()
        .any(|&it| match facts.values[it].kind {
            ValueKind::Call(call) => program
                .argument(class.file, &facts.calls[call], None, "frozen")
                .is_some_and(|id| facts.values[id].kind == ValueKind::Bool(true)),
            _ => last_name(facts, it) == Some("frozen"),
        });
    let defines = |name: &str| {
        program.sym(name).is_some_and(|name| {
            let classes = program.mro(class);
            classes
                .iter()
                .any(|&it| program.own_method(it, name).is_some())
        })
    };
    is_frozen || defines("__eq__") && defines("__hash__")
}

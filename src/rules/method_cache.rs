//! `method-cache`: a cache around an instance method keeps the instances that it was called on.

use super::{Context, Rule, Sink};
use crate::facts::model::{ValueId, ValueKind};
use crate::finding::{Confidence, Finding, Growth, Role, Severity, Step};
use crate::link::program::{ValueRef, last_name};
use crate::link::{ClassRef, Entity, FuncRef, Program};
use crate::models::{BaseKind, CacheModel, Holds};

pub(super) struct MethodCache;

impl Rule for MethodCache {
    fn page(&self) -> &'static str {
        include_str!("../../rules/method-cache.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
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
            let Some((decorator, bound)) = cache_of(program, func) else {
                continue;
            };
            if [BaseKind::Enum, BaseKind::Metaclass]
                .iter()
                .any(|&it| program.is_kind(class, it))
            {
                continue;
            }
            out.report(finding(program, out.meta(), func, class, decorator, bound));
        }
    }
}

/// The caching decorator of an instance method, and how many results it keeps (`None`: all).
fn cache_of(program: &Program<'_>, func: FuncRef) -> Option<(ValueId, Option<u64>)> {
    let facts = program.facts(func.file);
    let mut found = None;
    for &decorator in program.list(func.file, facts.funcs[func.id].decorators) {
        if matches!(
            last_name(facts, decorator),
            Some("staticmethod" | "classmethod")
        ) {
            return None;
        }
        let at = ValueRef {
            file: func.file,
            id: decorator,
        };
        for entity in program.entities(at) {
            let bound = match entity {
                Entity::External(node) => program
                    .models
                    .cache(node)
                    .and_then(|it| bound_of(program, at, it)),
                // `@lru_cache(maxsize=None)`, or a name for it.
                Entity::ExternalInstance(node) => program
                    .models
                    .cache(node)
                    .and_then(|it| bound_of(program, program.bound_call(at).unwrap_or(at), it)),
                Entity::Func(decorator) => program.home_made_cache(decorator).map(|_| None),
                _ => None,
            };
            if let Some(bound) = bound {
                found = Some((decorator, bound));
            }
        }
        // A decorator factory of the program: what it returns is the decorator.
        if let ValueKind::Call(call) = facts.values[decorator].kind {
            for entity in program.entities(ValueRef {
                file: func.file,
                id: facts.calls[call].callee,
            }) {
                if let Entity::Func(factory) = entity
                    && program.home_made_cache(factory).is_some()
                {
                    found = Some((decorator, None));
                }
            }
        }
    }
    let name = program.func_name(func);
    found.filter(|_| !matches!(name, "__new__" | "__init_subclass__" | "__class_getitem__"))
}

/// How many results a cache keeps: `Some(None)` for all, `None` when it cannot be told.
#[allow(
    clippy::option_option,
    reason = "unknown and unbounded are different answers"
)]
fn bound_of(program: &Program<'_>, decorator: ValueRef, model: &CacheModel) -> Option<Option<u64>> {
    let file = decorator.file;
    let facts = program.facts(file);
    let ValueKind::Call(call) = program.value(decorator) else {
        return Some(model.default.map(u64::from));
    };
    let fact = &facts.calls[call];
    if let Some(store) = model.store {
        let id = program.argument(file, fact, Some(store), "cache")?;
        return match program.holds(ValueRef { file, id })? {
            Holds::Dict => Some(None),
            _ => None,
        };
    }
    let Some(bound) = &model.bound else {
        return Some(None);
    };
    let Some(id) = program.argument(file, fact, Some(bound.position), &bound.keyword) else {
        return Some(model.default.map(u64::from));
    };
    if facts.values[id].kind == ValueKind::None {
        return Some(None);
    }
    // A bound that is not a literal is still a bound.
    Some(Some(
        program
            .int(ValueRef { file, id }, 6)
            .and_then(|it| u64::try_from(it).ok())
            .unwrap_or(128),
    ))
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
        Some(bound) => format!(
            "the cache of instance method `{name}` keeps up to {bound} instances of `{owner}` alive"
        ),
    };
    let is_value = is_value(program, class);
    let is_single = program.is_singleton(class)
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
        .growth(if bound.is_some() { Growth::Bounded } else { Growth::PerInstance })
        .symbol(format!("{}.{owner}.{name}", program.files[func.file as usize].module))
        .help(format!("cache per instance: `self.{name} = functools.lru_cache(…)(self._{name})` in `__init__`, `functools.cached_property` if there are no arguments, or a cache keyed by what the result depends on"))
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
        program
            .sym(name)
            .is_some_and(|it| program.own_method(class, it).is_some())
    };
    is_frozen || defines("__eq__") && defines("__hash__")
}

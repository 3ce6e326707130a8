//! What the rules of caches ask alike: which decorator of a function keeps results, and how many.

use crate::facts::model::{ValueId, ValueKind};
use crate::link::program::{ValueRef, last_name};
use crate::link::{Entity, FuncRef, Program};
use crate::models::{CacheModel, Holds};
use rustc_hash::FxHashSet;

/// The bound of a cache whose size is not written where it is made.
pub(super) const SOME_BOUND: u64 = u64::MAX;

/// A cache around a function.
pub(super) struct Cache {
    /// The decorator.
    pub(super) decorator: ValueId,
    /// How many results it keeps; `None`: all; [`SOME_BOUND`] when there is a bound that cannot be told.
    pub(super) bound: Option<u64>,
    /// Whether it keeps what a call gives, even of a coroutine function.
    pub(super) is_plain: bool,
}

/// Whether a method is static or of the class, so that no call passes an instance.
pub(super) fn is_without_self(program: &Program<'_>, func: FuncRef) -> bool {
    let facts = program.facts(func.file);
    program
        .list(func.file, facts.funcs[func.id].decorators)
        .iter()
        .any(|&it| matches!(last_name(facts, it), Some("staticmethod" | "classmethod")))
}

/// The caching decorator of a function.
pub(super) fn cache_of(program: &Program<'_>, func: FuncRef) -> Option<Cache> {
    let facts = program.facts(func.file);
    let mut found = None;
    for &decorator in program.list(func.file, facts.funcs[func.id].decorators) {
        let at = ValueRef {
            file: func.file,
            id: decorator,
        };
        for entity in program.entities(at) {
            let is_plain = match entity {
                Entity::External(node) | Entity::ExternalInstance(node) => {
                    let text = program.api_text(node);
                    text.starts_with("functools.") || text.starts_with("cachetools.")
                }
                _ => false,
            };
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
                found = Some(Cache {
                    decorator,
                    bound,
                    is_plain,
                });
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
                    found = Some(Cache {
                        decorator,
                        bound: None,
                        is_plain: false,
                    });
                }
            }
        }
    }
    found
}

/// Functions whose cache is emptied somewhere, or handed to somebody who may.
pub(super) fn cleared(program: &Program<'_>) -> FxHashSet<FuncRef> {
    let mut found = FxHashSet::default();
    let words = program.syms(["cache_clear", "cache", "clear_cache", "clear", "invalidate"]);
    for file in 0..program.files.len() as u32 {
        // That tests start afresh says nothing about the program.
        if program.files[file as usize].is_test || !program.files[file as usize].mentions(&words) {
            continue;
        }
        let facts = program.facts(file);
        for value in facts.values.iter() {
            if let ValueKind::Attr { base, name } = value.kind
                && words.contains(&program.sym_of(file, name))
            {
                for entity in program.entities(ValueRef { file, id: base }) {
                    if let Entity::Func(func) | Entity::Bound(func) = entity {
                        found.insert(func);
                    }
                }
            }
        }
    }
    found
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
            .unwrap_or(SOME_BOUND),
    ))
}

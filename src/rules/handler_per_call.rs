//! `handler-per-call`: each call adds a handler to a logger that all share, or makes a logger that is kept for ever.

use super::registering::{
    Made, arguments, calls_named, class_funcs, func_of, is_called, is_guarded, made, role_calls,
    symbol, with_nested,
};
use super::{Context, Rule, Sink};
use crate::facts::model::{CallF, ContextKind, ResultKind, ValueId, ValueKind};
use crate::finding::{Confidence, Finding, Growth, Role, Step};
use crate::heap::origin::Origins;
use crate::link::program::{ValueRef, last_name};
use crate::link::{CallRef, ClassRef, FuncRef, Program};
use crate::models::{ApiRole, Runs};

pub(super) struct HandlerPerCall;

impl Rule for HandlerPerCall {
    fn page(&self) -> &'static str {
        include_str!("../../rules/handler-per-call.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        for (call, fact) in role_calls(cx.program, ApiRole::AddHandler) {
            handler(cx, call, fact, out);
        }
        for (call, fact) in role_calls(cx.program, ApiRole::Logger) {
            logger(cx, call, fact, out);
        }
    }
}

/// How surely a function runs again and again on behalf of different objects or events.
fn repeats(cx: &Context<'_>, func: FuncRef) -> Option<(Confidence, Growth)> {
    let program = cx.program;
    let name = program.func_name(func);
    if program.models.registries.is_setting_up(name) {
        return program
            .callers(func)
            .iter()
            .any(|&it| is_again(cx, it))
            .then_some((Confidence::Medium, Growth::PerCall));
    }
    let run = program.runs(func);
    if name == "__init__" || run.often == Runs::PerInstance {
        let class = program.class_of(func)?;
        return match made(cx, class) {
            Made::Few if is_made_for_each(program, class) => {
                Some((Confidence::Medium, Growth::PerInstance))
            }
            Made::Few => None,
            Made::Unknown => Some((Confidence::Medium, Growth::PerInstance)),
            Made::Often => Some((Confidence::High, Growth::PerInstance)),
        };
    }
    match run.often {
        Runs::PerEvent => Some((Confidence::High, Growth::PerCall)),
        Runs::Many if is_called(program, func) => {
            let is_set_up = program.callers(func).iter().all(|it| {
                let by = func_of(*it, program.call(*it));
                program
                    .models
                    .registries
                    .is_setting_up(program.func_name(by))
            });
            (!is_set_up).then_some((Confidence::Medium, Growth::PerCall))
        }
        _ => None,
    }
}

/// Whether a call of a function that sets something up comes again and again.
fn is_again(cx: &Context<'_>, call: CallRef) -> bool {
    let program = cx.program;
    let fact = program.call(call);
    let by = func_of(call, fact);
    if program.files[call.file as usize].is_test
        || by.id.index() == 0
        || is_guarded(program, call.file, fact.context)
    {
        return false;
    }
    if program.func_name(by) == "__init__" {
        return program
            .class_of(by)
            .is_some_and(|it| made(cx, it) == Made::Often || is_made_for_each(program, it));
    }
    match program.runs(by).often {
        Runs::PerEvent => !program
            .models
            .registries
            .is_setting_up(program.func_name(by)),
        Runs::Many | Runs::PerInstance => program.callers(by).iter().any(|&it| {
            program.is_in_loop(it.file, program.call(it).context)
                && !program.files[it.file as usize].is_test
        }),
        _ => false,
    }
}

/// Whether some code makes an object of the class for each element of something that it is given.
fn is_made_for_each(program: &Program<'_>, class: ClassRef) -> bool {
    program.constructions(class).iter().any(|&it| {
        let fact = program.call(it);
        !program.files[it.file as usize].is_test
            && program
                .contexts(it.file, fact.context)
                .any(|context| match context {
                    ContextKind::For { iter } => program
                        .origins(
                            func_of(it, fact),
                            ValueRef {
                                file: it.file,
                                id: iter,
                            },
                        )
                        .has(Origins::PARAM.with(Origins::EVENT)),
                    _ => false,
                })
    })
}

/// Whether a function is there to be called whenever a logger is wanted: by its name it gets the one that it adds to.
fn is_getter(program: &Program<'_>, call: CallRef, fact: &CallF) -> bool {
    let func = func_of(call, fact);
    let facts = program.facts(call.file);
    let ValueKind::Attr { base, .. } = facts.values[fact.callee].kind else {
        return false;
    };
    let ValueKind::Var(logger) = facts.values[base].kind else {
        return false;
    };
    program.runs(func).often == Runs::Many
        && facts.vars[logger].func == func.id
        && program
            .func_name(func)
            .trim_start_matches('_')
            .starts_with("get")
        && facts.results[facts.funcs[func.id].results.range()]
            .iter()
            .any(|it| {
                it.kind == ResultKind::Return
                    && it
                        .value
                        .is_some_and(|it| facts.values[it].kind == ValueKind::Var(logger))
            })
}

/// Whether a value is a call of a class, or a variable that holds one.
fn is_constructed(program: &Program<'_>, file: u32, value: ValueId) -> bool {
    let facts = program.facts(file);
    match facts.values[value].kind {
        ValueKind::Call(call) => last_name(facts, facts.calls[call].callee)
            .is_some_and(|it| it.starts_with(char::is_uppercase)),
        ValueKind::Var(var) => facts.reaching(Some(value), var).any(|it| {
            it.value.is_some_and(|it| {
                matches!(facts.values[it].kind, ValueKind::Call(_))
                    && is_constructed(program, file, it)
            })
        }),
        _ => false,
    }
}

fn handler(cx: &Context<'_>, call: CallRef, fact: &CallF, out: &mut Sink) {
    let program = cx.program;
    let func = func_of(call, fact);
    let facts = program.facts(call.file);
    if func.id.index() == 0 || is_guarded(program, call.file, fact.context) {
        return;
    }
    let is_getter = is_getter(program, call, fact);
    let again = is_getter.then_some((Confidence::Medium, Growth::PerCall));
    let repeats = repeats(cx, func);
    let Some((confidence, growth)) = repeats.or(again) else {
        return;
    };
    let Some((_, added)) = arguments(program, call).next() else {
        return;
    };
    // Who gets the handler back can remove it.
    let is_returned = matches!(program.value(added), ValueKind::Var(var) if super::registering::escapes(program, func, var, &|_| false));
    if is_returned {
        return;
    }
    // What the caller made is the caller's; what the module made is there once, and is added once.
    let is_new = match program.value(added) {
        ValueKind::Call(_) => true,
        ValueKind::Var(var) => {
            let fact = &facts.vars[var];
            fact.func == func.id
                && facts.defs[fact.defs.range()].iter().any(|it| {
                    it.value
                        .is_some_and(|it| matches!(facts.values[it].kind, ValueKind::Call(_)))
                })
        }
        ValueKind::Attr { base, .. } => {
            matches!(facts.values[base].kind, ValueKind::Var(var) if program.files[call.file as usize].selfs.contains_key(&var))
        }
        ValueKind::Func(_) => true,
        _ => false,
    };
    // A getter may hand on a handler that is there once: only what it makes itself is new each time.
    let is_getter = is_getter && is_constructed(program, call.file, added.id);
    // A logger with a name of its own is the subject of the other finding.
    let is_own_logger = match facts.values[fact.callee].kind {
        ValueKind::Attr { base, .. } => program
            .bound_call(ValueRef {
                file: call.file,
                id: base,
            })
            .is_some_and(|it| match program.value(it) {
                ValueKind::Call(id) => arguments(program, CallRef { file: it.file, id })
                    .next()
                    .is_some_and(|(_, name)| is_open_name(program, func, name)),
                _ => false,
            }),
        _ => false,
    };
    let mut around = with_nested(program, func);
    if let Some(class) = program.class_of(func) {
        around.extend(class_funcs(program, class));
    }
    let is_removed = calls_named(program, &around, |it| {
        matches!(
            it,
            "removeHandler" | "removeFilter" | "remove" | "hasHandlers" | "clear"
        )
    }) || touches_handlers(program, &around);
    if !is_new || (repeats.is_none() || is_own_logger) && !is_getter || is_removed {
        return;
    }
    let at = program.at(call.file, fact.at);
    let name = program.qualified(func);
    let message = format!(
        "each call of `{name}` adds a handler to a logger that lives as long as the process, and nothing removes it"
    );
    out.report(
        Finding::new(out.meta(), at, message)
            .confidence(confidence)
            .label(at, Role::Registration, "the logger keeps each, and writes each record once more")
            .path([
                Step { node: "logging (loggers)".to_owned(), edge: String::new(), place: None },
                Step { node: "handlers".to_owned(), edge: "logger".to_owned(), place: Some(at) },
            ])
            .growth(growth)
            .symbol(symbol(program, func))
            .help("add it once at start-up, guard it (`if not log.handlers:`), or remove it in `finally`: `log.removeHandler(handler)`"),
    );
}

/// Whether some function reads or replaces the list of handlers.
fn touches_handlers(program: &Program<'_>, funcs: &[FuncRef]) -> bool {
    funcs.iter().any(|&func| {
        let facts = program.facts(func.file);
        let rows = facts.funcs[func.id].values;
        facts.values.as_slice()[rows.range()].iter().any(|it| match it.kind {
            ValueKind::Attr { name, .. } => {
                matches!(program.name(func.file, name), "handlers" | "filters")
            }
            _ => false,
        }) || facts.stores.as_slice()[facts.funcs[func.id].stores.range()].iter().any(|it| {
            matches!(it.target, crate::facts::model::Target::Attr(name) if matches!(program.name(func.file, name), "handlers" | "filters"))
        })
    })
}

fn logger(cx: &Context<'_>, call: CallRef, fact: &CallF, out: &mut Sink) {
    let program = cx.program;
    let func = func_of(call, fact);
    if func.id.index() == 0 {
        return;
    }
    let Some((_, name)) = arguments(program, call).next() else {
        return;
    };
    if !is_open_name(program, func, name) || is_guarded(program, call.file, fact.context) {
        return;
    }
    // Who reaches for the table of loggers takes names out of it; there is no other way.
    let facts = program.facts(call.file);
    if facts.names.iter().any(|it| it == "loggerDict") {
        return;
    }
    // A name that is new each time needs no more than a call.
    let is_new = program.runs(func).often == Runs::Many
        && name_parts(program, name).is_some_and(|parts| {
            parts.into_iter().any(|id| {
                let part = ValueRef {
                    file: call.file,
                    id,
                };
                program.origins(func, part).has(Origins::FRESH_ID)
            })
        });
    let again = is_new.then_some((Confidence::Medium, Growth::PerCall));
    let Some((confidence, growth)) = repeats(cx, func).or(again) else {
        return;
    };
    let at = program.at(call.file, fact.at);
    let message = format!(
        "each call of `{}` may make a logger of a new name, and the module logging never forgets a name",
        program.qualified(func)
    );
    out.report(
        Finding::new(out.meta(), at, message)
            .confidence(confidence)
            .label(at, Role::Registration, "one logger for each name, for ever")
            .path([
                Step { node: "logging (loggers by name)".to_owned(), edge: String::new(), place: None },
                Step { node: "Logger".to_owned(), edge: "name".to_owned(), place: Some(at) },
            ])
            .growth(growth)
            .symbol(symbol(program, func))
            .help("use one logger for the module, and say which object it is in the record: `logging.LoggerAdapter(log, {…})`, or `extra=`"),
    );
}

/// Whether a name is put together from something that differs for each object.
fn is_open_name(program: &Program<'_>, func: FuncRef, value: ValueRef) -> bool {
    let facts = program.facts(value.file);
    let Some(parts) = name_parts(program, value) else {
        return false;
    };
    let is_looped = program
        .contexts(value.file, None)
        .any(|it| matches!(it, ContextKind::For { .. }));
    let mut is_open = false;
    for part in parts {
        let is_label =
            last_name(facts, part).is_some_and(|it| program.models.registries.is_label(it));
        if is_label {
            continue;
        }
        let at = ValueRef {
            file: value.file,
            id: part,
        };
        let origins = name_origins(program, func, at);
        is_open |= origins.has(
            Origins::IDENTITY
                .with(Origins::FRESH_ID)
                .with(Origins::EVENT)
                .with(Origins::PARAM),
        ) && !is_looped;
    }
    is_open
}

/// What a name is put together from.
fn name_parts(program: &Program<'_>, value: ValueRef) -> Option<Vec<ValueId>> {
    let facts = program.facts(value.file);
    Some(match facts.values[value.id].kind {
        ValueKind::FString(rows) => program.list(value.file, rows).to_vec(),
        ValueKind::Binary { left, right, .. } => match facts.values[right].kind {
            ValueKind::Tuple(rows) => program.list(value.file, rows).to_vec(),
            _ => vec![left, right],
        },
        ValueKind::Call(call) if last_name(facts, facts.calls[call].callee) == Some("format") => {
            facts.args[facts.calls[call].args.range()]
                .iter()
                .map(|it| it.value)
                .collect()
        }
        _ => return None,
    })
}

/// Where a part of a name comes from; of an attribute of the own object, what its methods store there.
fn name_origins(program: &Program<'_>, func: FuncRef, value: ValueRef) -> Origins {
    let facts = program.facts(value.file);
    let origins = program.origins(func, value);
    let ValueKind::Attr { base, name } = program.value(value) else {
        return origins;
    };
    let ValueKind::Var(var) = facts.values[base].kind else {
        return origins;
    };
    let Some(&(id, false)) = program.files[value.file as usize].selfs.get(&var) else {
        return origins;
    };
    let class = ClassRef {
        file: value.file,
        id,
    };
    program
        .attr_stores(class, program.sym_of(value.file, name))
        .filter_map(|it| {
            let store = &program.facts(it.file).stores[it.id];
            let by = FuncRef {
                file: it.file,
                id: store.func,
            };
            let stored = ValueRef {
                file: it.file,
                id: store.value?,
            };
            Some(program.origins(by, stored))
        })
        .filter(|it| it.has(Origins::FRESH_ID.with(Origins::IDENTITY)))
        .fold(origins, Origins::with)
}

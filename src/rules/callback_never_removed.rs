//! `callback-never-removed`: an object gives its method to a registry that outlives it, and nothing takes it back.

use super::buses::buses;
use super::lasting::lives_long;
use super::registering::{
    Held, Made, api_calls, arguments, calls_of, class_funcs, comes_of_few, func_of, held,
    is_guarded, made, symbol,
};
use super::{Context, Rule, Sink};
use crate::base::Span;
use crate::facts::model::{
    BinaryOp, CallF, ContextId, DefKind, Home, StoreKind, Usage, ValueId, ValueKind, VarId,
};
use crate::finding::{Confidence, Finding, Growth, Place, Role, Severity, Step};
use crate::link::program::{Sym, ValueRef, last_name};
use crate::link::{CallRef, ClassRef, Entity, FuncRef, PlaceKey, Program};
use crate::models::{Registry, Runs};

pub(super) struct CallbackNeverRemoved;

impl Rule for CallbackNeverRemoved {
    fn page(&self) -> &'static str {
        include_str!("../../rules/callback-never-removed.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        libraries(cx, out);
        buses(cx, out);
        hooks(cx, out);
    }
}

/// Where a callback is given away.
pub(super) struct Subscription {
    /// The function that does.
    pub func: FuncRef,
    /// Where it does.
    pub at: Span,
    /// Under which conditions.
    pub context: Option<ContextId>,
    /// What it gives.
    pub callback: ValueRef,
    /// What keeps it.
    pub registry: String,
    /// Where the registry stands, when the program has it.
    pub place: Option<(Place, String)>,
    /// Whether the registry is an object of the program that lives longer.
    pub outlives: bool,
    /// The call that gives it, when that is a method of the registry.
    pub call: Option<CallRef>,
}

fn libraries(cx: &Context<'_>, out: &mut Sink) {
    let program = cx.program;
    for (call, fact, node) in api_calls(program) {
        let Some(registry) = program.models.registries.registry(node) else {
            continue;
        };
        let args: Vec<_> = arguments(program, call).collect();
        if let Some(weak) = &registry.weak {
            let is_strong = args
                .iter()
                .any(|it| it.0 == Some(weak) && program.value(it.1) == ValueKind::Bool(false));
            if !is_strong {
                continue;
            }
        }
        let name = program.api_text(node).to_owned();
        if fact.usage == Usage::Declared {
            if is_removed(program, call, registry, None) {
                continue;
            }
            decorated(cx, call, fact, &name, out);
            continue;
        }
        let callback = args
            .iter()
            .filter(|it| match it.0 {
                None => true,
                Some(keyword) => {
                    registry.keywords.is_empty() || registry.keywords.iter().any(|it| it == keyword)
                }
            })
            .map(|it| it.1)
            .filter(|&it| !registry.functions_only || is_function(program, it))
            .find(|&it| held(program, it).is_some() || made_here(program, it).is_some());
        let Some(callback) = callback else { continue };
        if registry.lives.is_some() && !outlives(program, call, fact, callback)
            || is_removed(program, call, registry, Some(callback))
        {
            continue;
        }
        let subscription = Subscription {
            func: func_of(call, fact),
            at: fact.at,
            context: fact.context,
            callback,
            registry: name,
            place: None,
            outlives: registry.lives.is_some(),
            call: Some(call),
        };
        report(cx, &subscription, &|_| false, out);
    }
}

/// Whether some call of the file takes a callback out of the registry that `of` gives it to.
fn is_removed(
    program: &Program<'_>,
    of: CallRef,
    registry: &Registry,
    callback: Option<ValueRef>,
) -> bool {
    let file = of.file;
    let facts = program.facts(file);
    facts.calls.iter_ids().any(|(id, it)| {
        let Some(last) = last_name(facts, it.callee) else {
            return false;
        };
        let callee = ValueRef {
            file,
            id: it.callee,
        };
        let is_remover = registry.removers.iter().any(|name| {
            name == last
                || name.rsplit_once('.').is_some_and(|it| it.1 == last)
                    && program
                        .external(callee)
                        .is_some_and(|it| program.api_text(it) == name)
        });
        let remover = CallRef { file, id };
        is_remover
            && callback.is_none_or(|it| !names_another(program, remover, it))
            && !is_of_another(program, of, remover)
    })
}

/// The name of the own method that a value is.
fn own_method_name(program: &Program<'_>, value: ValueRef) -> Option<Sym> {
    let ValueKind::Attr { base, name } = program.value(value) else {
        return None;
    };
    let ValueKind::Var(var) = program.facts(value.file).values[base].kind else {
        return None;
    };
    let is_own = program.files[value.file as usize].selfs.contains_key(&var);
    (is_own && program.is_bound_method(value)).then(|| program.sym_of(value.file, name))
}

/// Whether a call takes out another callback than this: each function expression makes a new one, so only the method
/// that was given, or the variable that holds the function, takes it out.
fn names_another(program: &Program<'_>, remover: CallRef, callback: ValueRef) -> bool {
    let names: Vec<Sym> = arguments(program, remover)
        .filter_map(|it| own_method_name(program, it.1))
        .collect();
    match program.value(callback) {
        ValueKind::Func(_) => !names.is_empty(),
        _ => match own_method_name(program, callback) {
            Some(name) => !names.is_empty() && !names.contains(&name),
            None => false,
        },
    }
}

/// Whether two calls are methods of registries that are surely two: `orders.subscribe(…)`, `prices.unsubscribe(…)`.
fn is_of_another(program: &Program<'_>, one: CallRef, other: CallRef) -> bool {
    let receiver = |call: CallRef| {
        let facts = program.facts(call.file);
        match facts.values[facts.calls[call.id].callee].kind {
            ValueKind::Attr { base, .. } => Some(ValueRef {
                file: call.file,
                id: base,
            }),
            _ => None,
        }
    };
    let (Some(one), Some(other)) = (receiver(one), receiver(other)) else {
        return false;
    };
    if let (Some(one), Some(other)) = (program.external(one), program.external(other)) {
        // Two signals of one module.
        let one = program.api_text(one).rsplit_once('.');
        let other = program.api_text(other).rsplit_once('.');
        return one
            .zip(other)
            .is_some_and(|(a, b)| a.0 == b.0 && a.1 != b.1);
    }
    match (made_apart(program, one), made_apart(program, other)) {
        (Some(one), Some(other)) => one != other,
        _ => false,
    }
}

/// The variable of a module that holds an object which is made for it alone.
fn made_apart(program: &Program<'_>, value: ValueRef) -> Option<PlaceKey> {
    let sites = program.places(value);
    let [site] = sites.as_slice() else {
        return None;
    };
    let PlaceKey::Var(var) = site.key else {
        return None;
    };
    let is_made = |it: &ValueRef| {
        let ValueKind::Call(call) = program.value(*it) else {
            return false;
        };
        let id = program.facts(it.file).calls[call].callee;
        let callee = program.entities(ValueRef { file: it.file, id });
        matches!(&*callee, [Entity::Class(_)])
    };
    let values = program.place_values(site.key);
    let is_alone = !site.is_inner
        && program.var(var).home == Home::Module
        && !values.is_empty()
        && values.iter().all(is_made);
    is_alone.then_some(site.key)
}

/// Whether a value is a function that is made where it stands, rather than a bound method.
fn is_function(program: &Program<'_>, value: ValueRef) -> bool {
    match program.value(value) {
        ValueKind::Func(_) => true,
        ValueKind::Call(_) => program.entities(value).iter().any(|it| {
            matches!(it, Entity::ExternalInstance(node) if program.api_text(*node) == "functools.partial")
        }),
        ValueKind::Var(var) => {
            let facts = program.facts(value.file);
            facts.defs[facts.vars[var].defs.range()]
                .iter()
                .any(|it| matches!(it.kind, DefKind::Function(_)))
        }
        _ => false,
    }
}

/// Whether the object that a method is called on was there before the function ran, and will be after it.
fn outlives(program: &Program<'_>, call: CallRef, fact: &CallF, callback: ValueRef) -> bool {
    let file = call.file;
    let facts = program.facts(file);
    let ValueKind::Attr { base, .. } = facts.values[fact.callee].kind else {
        return false;
    };
    let base = ValueRef { file, id: base };
    if lives_long(program, base, 6) {
        return true;
    }
    // An attribute that another method fills, of an object of which a process has few.
    let ValueKind::Attr { base: owner, name } = program.value(base) else {
        return false;
    };
    let ValueKind::Var(var) = facts.values[owner].kind else {
        return false;
    };
    let Some(&(id, false)) = program.files[file as usize].selfs.get(&var) else {
        return false;
    };
    let mut stores = program
        .attr_stores(ClassRef { file, id }, program.sym_of(file, name))
        .map(|it| FuncRef {
            file: it.file,
            id: program.facts(it.file).stores[it.id].func,
        })
        .peekable();
    let func = func_of(call, fact);
    // The object and what it has made for itself come and go together.
    let is_own = matches!(held(program, callback), Some(Held::Instance(class, _)) if class == (ClassRef { file, id }));
    !is_own
        && stores.peek().is_some()
        && program.func_name(func) != "__init__"
        && stores.all(|it| program.func_name(it) == "__init__")
}

/// `@receiver(signal, weak=False)` on a function that is made for each call.
pub(super) fn decorated(cx: &Context<'_>, call: CallRef, fact: &CallF, name: &str, out: &mut Sink) {
    let program = cx.program;
    let facts = program.facts(call.file);
    let decorated = facts.funcs.iter_ids().find(|(_, it)| {
        program
            .list(call.file, it.decorators)
            .iter()
            .any(|&it| facts.values[it].kind == ValueKind::Call(call.id))
    });
    let Some((_, decorated)) = decorated else {
        return;
    };
    let func = func_of(call, fact);
    if decorated.class.is_some()
        || decorated.free.is_empty()
        || !matches!(
            program.runs(func).often,
            Runs::PerEvent | Runs::Many | Runs::PerInstance
        )
    {
        return;
    }
    let held = facts.vars[decorated.free[0]].name;
    let at = program.at(call.file, fact.at);
    out.report(finding(
        program,
        at,
        func,
        name,
        program.name(call.file, held),
        Growth::PerCall,
        out.meta(),
    ));
}

fn finding(
    program: &Program<'_>,
    at: Place,
    func: FuncRef,
    registry: &str,
    held: &str,
    growth: Growth,
    meta: &'static crate::catalog::RuleMeta,
) -> Finding {
    let message = format!(
        "`{registry}` keeps the callback, and with it `{held}`, and nothing takes it out again"
    );
    Finding::new(meta, at, message)
        .label(at, Role::Registration, format!("the registry lives longer than `{held}`"))
        .path([
            Step { node: registry.to_owned(), edge: String::new(), place: None },
            Step { node: "callback".to_owned(), edge: "item".to_owned(), place: Some(at) },
            Step { node: held.to_owned(), edge: "holds".to_owned(), place: Some(at) },
        ])
        .growth(growth)
        .symbol(symbol(program, func))
        .help("take it out when the object is done (a `close` that unregisters it), or register a function that holds the object by `weakref.WeakMethod`")
}

pub(super) fn report(
    cx: &Context<'_>,
    it: &Subscription,
    leaves: &dyn Fn(&str) -> bool,
    out: &mut Sink,
) {
    let program = cx.program;
    let func = it.func;
    let file = func.file;
    if func.id.index() == 0 || is_guarded(program, file, it.context) {
        return;
    }
    let run = program.runs(func);
    // How often a constructor runs, the class itself tells.
    let is_once = match run.often {
        Runs::Import | Runs::PerClass => true,
        Runs::Once => program.func_name(func) != "__init__",
        _ => false,
    };
    if is_once {
        return;
    }
    let at = program.at(file, it.at);
    let comes_again = matches!(run.often, Runs::PerEvent | Runs::Many | Runs::PerInstance)
        && !comes_of_few(cx, func, 4)
        && !program
            .models
            .registries
            .is_setting_up(program.func_name(func));
    if let Some(var) = made_here(program, it.callback).filter(|_| comes_again && !it.outlives) {
        let name = program.name(file, program.facts(file).vars[var].name);
        let often = Growth::PerCall;
        let found = finding(program, at, func, &it.registry, name, often, out.meta());
        out.report(found.confidence(Confidence::Medium));
        return;
    }
    let mut finding = match held(program, it.callback) {
        Some(Held::Instance(class, _)) => {
            let often = made(cx, class);
            if often == Made::Few {
                return;
            }
            let funcs = class_funcs(program, class);
            let is_undone = funcs.iter().any(|&func| {
                calls_of(program, func).any(|(id, call)| {
                    let remover = CallRef {
                        file: func.file,
                        id,
                    };
                    last_name(program.facts(func.file), call.callee).is_some_and(|name| {
                        leaves(name)
                            || program.models.registries.is_leaving(name) && it.place.is_some()
                    }) && !names_another(program, remover, it.callback)
                        && !it
                            .call
                            .is_some_and(|of| is_of_another(program, of, remover))
                }) || leaves("__isub__") && subtracts(program, func)
            });
            if is_undone {
                return;
            }
            finding(
                program,
                at,
                func,
                &it.registry,
                program.class_name(class),
                Growth::PerInstance,
                out.meta(),
            )
            .confidence(if often == Made::Often {
                Confidence::High
            } else {
                Confidence::Medium
            })
        }
        Some(Held::Locals(_)) if comes_of_few(cx, func, 4) => return,
        Some(Held::Locals(var))
            if (run.often == Runs::PerEvent
                || run.often == Runs::Many && (it.outlives || takes_event(program, func)))
                && !program
                    .models
                    .registries
                    .is_setting_up(program.func_name(func))
                && matches!(
                    program.value(it.callback),
                    ValueKind::Func(_) | ValueKind::Var(_) | ValueKind::Call(_)
                ) =>
        {
            let facts = program.facts(file);
            // A plain value that is registered as an argument is small; a closure is made anew.
            let is_closure = match program.value(it.callback) {
                ValueKind::Var(it) => facts.defs[facts.vars[it].defs.range()]
                    .iter()
                    .any(|it| matches!(it.kind, DefKind::Function(_))),
                _ => true,
            };
            if !is_closure {
                return;
            }
            finding(
                program,
                at,
                func,
                &it.registry,
                program.name(file, facts.vars[var].name),
                Growth::PerCall,
                out.meta(),
            )
            .confidence(Confidence::Medium)
        }
        _ => return,
    };
    if let Some((place, text)) = &it.place {
        finding = finding.label(*place, Role::Root, text.clone());
    }
    if let Some(Held::Instance(class, _)) = held(program, it.callback)
        && let Some((ending, at)) = undoes_another(program, class)
    {
        let text = format!("`{ending}` takes something else out, and not this");
        finding = finding.label(at, Role::Release, text);
    }
    out.report(finding);
}

/// The method that ends the life of an object, and where it takes a callback out of a registry.
fn undoes_another(program: &Program<'_>, class: ClassRef) -> Option<(String, Place)> {
    class_funcs(program, class).into_iter().find_map(|func| {
        let name = program.func_name(func);
        if !program.models.registries.is_ending(name) {
            return None;
        }
        let (_, call) = calls_of(program, func).find(|(_, call)| {
            last_name(program.facts(func.file), call.callee)
                .is_some_and(|it| program.models.registries.is_leaving(it))
        })?;
        Some((name.to_owned(), program.at(func.file, call.at)))
    })
}

/// The local of which a callback is the closing method, when the same function has just made the object: `session.close`.
fn made_here(program: &Program<'_>, callback: ValueRef) -> Option<VarId> {
    let facts = program.facts(callback.file);
    let ValueKind::Attr { base, name } = facts.values[callback.id].kind else {
        return None;
    };
    let ValueKind::Var(var) = facts.values[base].kind else {
        return None;
    };
    let [def] = &facts.defs[facts.vars[var].defs.range()] else {
        return None;
    };
    let made = ValueRef {
        file: callback.file,
        id: def.value?,
    };
    let is_made = facts.vars[var].home == Home::Function
        && def.kind == DefKind::Assign
        && matches!(program.value(made), ValueKind::Call(_))
        && program
            .entities(made)
            .iter()
            .any(|it| matches!(it, Entity::Instance(_) | Entity::ExternalInstance(_)));
    let is_end = program.models.is_ending(program.name(callback.file, name));
    (is_made && is_end).then_some(var)
}

/// Whether a function has a parameter that carries an event.
fn takes_event(program: &Program<'_>, func: FuncRef) -> bool {
    let facts = program.facts(func.file);
    facts.params[program.func(func).params.range()]
        .iter()
        .any(|it| {
            program
                .models
                .is_event_parameter(program.name(func.file, facts.vars[it.var].name))
        })
}

/// Whether a function takes something from something by `-=`.
fn subtracts(program: &Program<'_>, func: FuncRef) -> bool {
    program.facts(func.file).stores.as_slice()[program.func(func).stores.range()]
        .iter()
        .any(|it| matches!(it.kind, StoreKind::Augment(BinaryOp::Sub)))
}

/// Hooks of which the handle is thrown away, on an object that the function was given.
fn hooks(cx: &Context<'_>, out: &mut Sink) {
    let program = cx.program;
    for file in 0..program.files.len() as u32 {
        if program.files[file as usize].is_test {
            continue;
        }
        let facts = program.facts(file);
        if takes_hooks_out(program, file) {
            continue;
        }
        for (id, fact) in facts.calls.iter_ids() {
            if fact.usage != Usage::Discarded || !program.targets(file, id).is_empty() {
                continue;
            }
            let ValueKind::Attr { base, name } = facts.values[fact.callee].kind else {
                continue;
            };
            let method = program.name(file, name);
            if !program.models.registries.is_hook(method) {
                continue;
            }
            let func = FuncRef {
                file,
                id: fact.func,
            };
            let Some(owner) = root(program, file, base, 6) else {
                continue;
            };
            let is_own = program.files[file as usize].selfs.contains_key(&owner);
            let run = program.runs(func);
            let is_few = program
                .class_of(func)
                .is_some_and(|it| made(cx, it) == Made::Few);
            if is_own
                || is_few
                || facts.vars[owner].param.is_none()
                || matches!(
                    run.often,
                    Runs::Import | Runs::Once | Runs::PerClass | Runs::Never
                )
                || is_guarded(program, file, fact.context)
            {
                continue;
            }
            let at = program.at(file, fact.at);
            let name = program.name(file, facts.vars[owner].name);
            let message = format!(
                "`{method}` gives the only handle that can remove the hook, and it is thrown away: each call adds one more hook to `{name}`"
            );
            out.report(
                Finding::new(out.meta(), at, message)
                    .severity(Severity::Warning)
                    .confidence(Confidence::Medium)
                    .label(at, Role::Registration, "the model keeps the hook and what it holds")
                    .growth(Growth::PerCall)
                    .symbol(symbol(program, func))
                    .help(format!("keep the handle and remove the hook when it is done: `handle = {name}.{method}(…)`, then `handle.remove()`")),
            );
        }
    }
}

/// Whether a file takes hooks out of the module's own table: `del module._forward_pre_hooks[key]`.
fn takes_hooks_out(program: &Program<'_>, file: u32) -> bool {
    let facts = program.facts(file);
    let is_table = |value: ValueId| match facts.values[value].kind {
        ValueKind::Attr { name, .. } => program.name(file, name).ends_with("_hooks"),
        _ => false,
    };
    let is_deleted = facts
        .stores
        .iter()
        .any(|it| it.kind == StoreKind::Delete && is_table(it.base));
    is_deleted
        || facts
            .calls
            .iter()
            .any(|it| match facts.values[it.callee].kind {
                ValueKind::Attr { base, name } => {
                    matches!(program.name(file, name), "pop" | "clear" | "popitem")
                        && is_table(base)
                }
                _ => false,
            })
}

/// The variable of which a value is a part: `m` of `m.layers[0]`, `model` of `for m in model.modules()`.
fn root(program: &Program<'_>, file: u32, value: ValueId, depth: u32) -> Option<VarId> {
    let depth = depth.checked_sub(1)?;
    let facts = program.facts(file);
    match facts.values[value].kind {
        ValueKind::Var(var) => {
            let fact = &facts.vars[var];
            match &facts.defs[fact.defs.range()] {
                [def] if matches!(def.kind, DefKind::Element(_)) => {
                    root(program, file, def.value?, depth)
                }
                _ => Some(var),
            }
        }
        ValueKind::Attr { base, .. } | ValueKind::Item { base, .. } => {
            root(program, file, base, depth)
        }
        ValueKind::Call(call) => match facts.values[facts.calls[call].callee].kind {
            ValueKind::Attr { base, .. } => root(program, file, base, depth),
            _ => None,
        },
        _ => None,
    }
}

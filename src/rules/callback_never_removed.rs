//! `callback-never-removed`: an object gives its method to a registry that outlives it, and nothing takes it back.

use rustc_hash::FxHashMap;

use super::registering::{
    Held, Made, api_calls, arguments, calls_named, class_funcs, func_of, held, is_guarded, made,
    symbol,
};
use super::{Context, Rule, Sink};
use crate::facts::model::{
    CallF, DefKind, Home, ResultKind, StoreKind, Usage, ValueId, ValueKind, VarId,
};
use crate::finding::{Confidence, Finding, Growth, Place, Role, Severity, Step};
use crate::link::effects::EffectKind;
use crate::link::place::PlaceKey;
use crate::link::program::{ValueRef, last_name};
use crate::link::{CallRef, Entity, FuncRef, Program, VarRef};
use crate::models::{Holds, Runs};

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
struct Subscription<'a> {
    call: CallRef,
    fact: &'a CallF,
    callback: ValueRef,
    registry: String,
    /// Where the registry stands, when the program has it.
    place: Option<(Place, String)>,
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
        // What takes a callback out, anywhere in the file.
        let facts = program.facts(call.file);
        let is_removed = facts.calls.iter().any(|it| {
            let Some(last) = last_name(facts, it.callee) else {
                return false;
            };
            let callee = ValueRef {
                file: call.file,
                id: it.callee,
            };
            registry.removers.iter().any(|name| {
                name == last
                    || name.rsplit_once('.').is_some_and(|it| it.1 == last)
                        && program
                            .external(callee)
                            .is_some_and(|it| program.api_text(it) == name)
            })
        });
        if is_removed {
            continue;
        }
        if fact.usage == Usage::Declared {
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
            .find(|&it| held(program, it).is_some());
        let Some(callback) = callback else { continue };
        let subscription = Subscription {
            call,
            fact,
            callback,
            registry: name,
            place: None,
        };
        report(cx, &subscription, &|_| false, out);
    }
}

/// `@receiver(signal, weak=False)` on a function that is made for each call.
fn decorated(cx: &Context<'_>, call: CallRef, fact: &CallF, name: &str, out: &mut Sink) {
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

fn report(cx: &Context<'_>, it: &Subscription<'_>, leaves: &dyn Fn(&str) -> bool, out: &mut Sink) {
    let program = cx.program;
    let func = func_of(it.call, it.fact);
    let file = it.call.file;
    if func.id.index() == 0 || is_guarded(program, file, it.fact.context) {
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
    let at = program.at(file, it.fact.at);
    let mut finding = match held(program, it.callback) {
        Some(Held::Instance(class, _)) => {
            let often = made(cx, class);
            if often == Made::Few {
                return;
            }
            let funcs = class_funcs(program, class);
            if calls_named(program, &funcs, |name| {
                leaves(name) || program.models.registries.is_leaving(name) && it.place.is_some()
            }) {
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
        Some(Held::Locals(var))
            if run.often == Runs::PerEvent
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
    out.report(finding);
}

/// A parameter that a function puts into a container that lives long.
struct Bus {
    place: PlaceKey,
    /// Names of functions that take one callback out.
    removers: Vec<String>,
}

fn buses(cx: &Context<'_>, out: &mut Sink) {
    let program = cx.program;
    let mut buses: FxHashMap<(FuncRef, u32), Bus> = FxHashMap::default();
    for key in program.places_with_effects() {
        let file = program.place_file(key);
        if program.files[file as usize].is_test {
            continue;
        }
        let is_candidate = match key {
            PlaceKey::Var(var) => program.var(var).home == Home::Module,
            _ => true,
        };
        if !is_candidate {
            continue;
        }
        let mut params = Vec::new();
        for effect in program.effects(key) {
            if !matches!(effect.kind, EffectKind::Grow(_)) || effect.via.is_some() {
                continue;
            }
            if let Some(value) = effect.value {
                for param in params_in(program, effect.func, value, 4) {
                    params.push((effect.func, param));
                }
            }
        }
        if params.is_empty() || holds_weakly(program, key) {
            continue;
        }
        let Some(removers) = removers(program, key) else {
            continue;
        };
        for it in params {
            buses.entry(it).or_insert_with(|| Bus {
                place: key,
                removers: removers.clone(),
            });
        }
    }
    if buses.is_empty() {
        return;
    }
    for file in 0..program.files.len() as u32 {
        if program.files[file as usize].is_test {
            continue;
        }
        let facts = program.facts(file);
        for (id, fact) in facts.calls.iter_ids() {
            for &target in program.targets(file, id) {
                for (position, arg) in facts.args[fact.args.range()].iter().enumerate() {
                    let Some(param) = program.param_of(file, target, position, arg) else {
                        continue;
                    };
                    let Some(bus) = buses.get(&(target.func, param as u32)) else {
                        continue;
                    };
                    let callback = ValueRef {
                        file,
                        id: arg.value,
                    };
                    subscribed(cx, CallRef { file, id }, fact, callback, bus, out);
                }
            }
        }
    }
}

/// Parameters of a function that a value is, or contains.
fn params_in(program: &Program<'_>, func: FuncRef, value: ValueId, depth: u32) -> Vec<u32> {
    let Some(depth) = depth.checked_sub(1) else {
        return Vec::new();
    };
    let facts = program.facts(func.file);
    match facts.values[value].kind {
        ValueKind::Var(var) => {
            let fact = &facts.vars[var];
            fact.param
                .filter(|_| fact.func == func.id)
                .into_iter()
                .collect()
        }
        ValueKind::Tuple(rows) | ValueKind::List(rows) => program
            .list(func.file, rows)
            .iter()
            .flat_map(|&it| params_in(program, func, it, depth))
            .collect(),
        _ => Vec::new(),
    }
}

fn holds_weakly(program: &Program<'_>, key: PlaceKey) -> bool {
    program
        .place_values(key)
        .iter()
        .any(|&it| matches!(program.holds(it), Some(Holds::Weak | Holds::Bounded)))
}

/// Names of functions that take a callback out; `None` when the container is emptied by others.
fn removers(program: &Program<'_>, key: PlaceKey) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for effect in program.effects(key) {
        let name = program.func_name(effect.func);
        let is_removal = effect.kind.shrinks()
            || effect.kind == EffectKind::Rebind
                && effect.func.id.index() != 0
                && name != "__init__";
        if !is_removal {
            continue;
        }
        let takes = program.func(effect.func).params.range().len()
            > usize::from(program.func(effect.func).class.is_some());
        if !takes && !program.models.registries.is_leaving(name) {
            return None;
        }
        names.push(name.to_owned());
    }
    Some(names)
}

fn subscribed(
    cx: &Context<'_>,
    call: CallRef,
    fact: &CallF,
    callback: ValueRef,
    bus: &Bus,
    out: &mut Sink,
) {
    let program = cx.program;
    let is_callback = matches!(
        program.value(callback),
        ValueKind::Attr { .. } | ValueKind::Func(_) | ValueKind::Call(_)
    ) || matches!(held(program, callback), Some(Held::Locals(_)));
    // A subscription that gives something back may be ended by it.
    if !is_callback || fact.usage != Usage::Discarded || held(program, callback).is_none() {
        return;
    }
    if matches!(program.value(callback), ValueKind::Call(_)) {
        let is_partial = program
            .entities(callback)
            .iter()
            .any(|it| matches!(it, Entity::ExternalInstance(node) if program.api_text(*node) == "functools.partial"));
        if !is_partial {
            return;
        }
    }
    let facts = program.facts(call.file);
    // A class that keeps a table of its own objects' callbacks, by a method that they inherit: they are few, and known to it.
    let is_own_table = match facts.values[fact.callee].kind {
        ValueKind::Attr { base, .. } => match facts.values[base].kind {
            ValueKind::Var(var) => program.files[call.file as usize].selfs.contains_key(&var),
            _ => false,
        },
        _ => false,
    };
    if is_own_table {
        return;
    }
    let lives = match bus.place {
        PlaceKey::Var(_) | PlaceKey::Class(..) | PlaceKey::Func(..) => true,
        PlaceKey::Instance(..) => match facts.values[fact.callee].kind {
            ValueKind::Attr { base, .. } => lives_long(
                program,
                ValueRef {
                    file: call.file,
                    id: base,
                },
                6,
            ),
            _ => false,
        },
    };
    if !lives {
        return;
    }
    let name = program.place_name(bus.place);
    let place = program.definition_span(bus.place).map(|at| {
        (
            program.at(program.place_file(bus.place), at),
            format!("`{name}` keeps it"),
        )
    });
    let subscription = Subscription {
        call,
        fact,
        callback,
        registry: name,
        place,
    };
    report(
        cx,
        &subscription,
        &|it| bus.removers.iter().any(|name| name == it),
        out,
    );
}

/// Whether a value is an object that stands in a module or class for as long as the process.
fn lives_long(program: &Program<'_>, value: ValueRef, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let file = value.file;
    let facts = program.facts(file);
    let again = |id| lives_long(program, ValueRef { file, id }, depth);
    match program.value(value) {
        ValueKind::Var(id) => {
            let var = VarRef { file, id };
            let var = program.imported_var(var).unwrap_or(var);
            let fact = program.var(var);
            let facts = program.facts(var.file);
            let defs = &facts.defs[fact.defs.range()];
            match fact.home {
                Home::Module => defs.iter().any(|it| it.kind == DefKind::Assign),
                Home::Function if fact.param.is_none() => match defs {
                    [def] if def.kind == DefKind::Assign => def.value.is_some_and(|id| {
                        lives_long(program, ValueRef { file: var.file, id }, depth)
                    }),
                    _ => false,
                },
                _ => false,
            }
        }
        ValueKind::Attr { base, name } => {
            let at = ValueRef { file, id: base };
            let mut bases = program.entities(at);
            bases.retain(|it| !matches!(it, Entity::External(_) | Entity::ExternalInstance(_)));
            let is_own = matches!(facts.values[base].kind, ValueKind::Var(var) if program.files[file as usize].selfs.contains_key(&var));
            bases.iter().any(|it| match it {
                Entity::Module(other) => program.files[*other as usize]
                    .globals
                    .get(&program.sym_of(file, name))
                    .is_some_and(|&id| {
                        let var = VarRef { file: *other, id };
                        let var = program.imported_var(var).unwrap_or(var);
                        let facts = program.facts(var.file);
                        facts.defs[facts.vars[var.id].defs.range()]
                            .iter()
                            .any(|it| it.kind == DefKind::Assign)
                    }),
                Entity::Class(_) => true,
                Entity::Instance(class) if is_own => {
                    let mut stores = program
                        .attr_stores(*class, program.sym_of(file, name))
                        .filter_map(|it| {
                            let store = &program.facts(it.file).stores[it.id];
                            (store.kind == StoreKind::Assign)
                                .then(|| store.value.map(|id| ValueRef { file: it.file, id }))
                                .flatten()
                        })
                        .filter(|&it| program.value(it) != ValueKind::None)
                        .peekable();
                    stores.peek().is_some() && stores.all(|it| lives_long(program, it, depth))
                }
                _ => !is_own && again(base),
            })
        }
        ValueKind::Or(rows) => program.list(file, rows).iter().all(|&it| again(it)),
        // `get_bus()` that returns the one of the module.
        ValueKind::Call(id) => {
            let targets = program.targets(file, id);
            !targets.is_empty()
                && targets.iter().all(|it| {
                    let facts = program.facts(it.func.file);
                    let mut results = facts.results[program.func(it.func).results.range()]
                        .iter()
                        .filter(|it| it.kind == ResultKind::Return)
                        .filter_map(|it| it.value)
                        .peekable();
                    results.peek().is_some()
                        && results.all(|id| {
                            lives_long(
                                program,
                                ValueRef {
                                    file: it.func.file,
                                    id,
                                },
                                depth,
                            )
                        })
                })
        }
        _ => false,
    }
}

/// Hooks of which the handle is thrown away, on an object that the function was given.
fn hooks(cx: &Context<'_>, out: &mut Sink) {
    let program = cx.program;
    for file in 0..program.files.len() as u32 {
        if program.files[file as usize].is_test {
            continue;
        }
        let facts = program.facts(file);
        for (id, fact) in facts.calls.iter_ids() {
            let ValueKind::Attr { base, name } = facts.values[fact.callee].kind else {
                continue;
            };
            let method = program.name(file, name);
            if fact.usage != Usage::Discarded
                || !program.models.registries.is_hook(method)
                || !program.targets(file, id).is_empty()
            {
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

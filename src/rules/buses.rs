//! Registries that the program itself defines: a container that lives long, and a function that puts its parameter into it.

use rustc_hash::{FxHashMap, FxHashSet};

use super::callback_never_removed::{Subscription, decorated, report};
use super::lasting::lives_long;
use super::registering::{Held, func_of, held};
use super::{Context, Sink};
use crate::base::Span;
use crate::facts::model::{
    BinaryOp, CallF, ContextId, DefKind, Home, StoreKind, Target, Usage, ValueId, ValueKind,
};
use crate::link::effects::EffectKind;
use crate::link::place::PlaceKey;
use crate::link::program::{Sym, ValueRef};
use crate::link::{CallRef, ClassRef, Entity, FuncRef, Program};
use crate::models::Holds;

/// A parameter that a function puts into a container that lives long.
#[derive(Clone)]
struct Bus {
    place: PlaceKey,
    /// Names of functions that take one callback out.
    removers: Vec<String>,
    /// Whether the function itself chooses a bus that lives long.
    is_long: bool,
}

/// Functions and their parameters that end in a container.
type Buses = FxHashMap<(FuncRef, u32), Bus>;

impl Bus {
    /// Whether the bus that a call adds to lives as long as the process.
    fn lives(&self, program: &Program<'_>, call: CallRef, fact: &CallF) -> bool {
        // `hooks: list` in a class body says what each instance has; no object of the class stands behind it.
        let is_shared = match self.place {
            PlaceKey::Class(class, name) => {
                !program.is_field(class, name) && has_class_value(program, class, name)
            }
            PlaceKey::Var(_) | PlaceKey::Func(..) => true,
            PlaceKey::Instance(..) => false,
        };
        match self.place {
            _ if self.is_long || is_shared => true,
            _ => match program.facts(call.file).values[fact.callee].kind {
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
        }
    }

    fn subscription(
        &self,
        program: &Program<'_>,
        func: FuncRef,
        at: Span,
        context: Option<ContextId>,
        callback: ValueRef,
        call: Option<CallRef>,
    ) -> Subscription {
        let name = program.place_name(self.place);
        let place = program.definition_span(self.place).map(|at| {
            (
                program.at(program.place_file(self.place), at),
                format!("`{name}` keeps it"),
            )
        });
        Subscription {
            func,
            at,
            context,
            callback,
            registry: name,
            place,
            outlives: false,
            call,
        }
    }
}

pub(super) fn buses(cx: &Context<'_>, out: &mut Sink) {
    let program = cx.program;
    let mut buses = Buses::default();
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
                is_long: false,
            });
        }
    }
    // A function that passes its parameter on to a bus is one.
    for _ in 0..ROUNDS {
        let mut more = Vec::new();
        each_passed(program, &buses, &mut |call, fact, callback, bus| {
            let ValueKind::Var(var) = program.value(callback) else {
                return;
            };
            let var = &program.facts(call.file).vars[var];
            let Some(param) = var.param.filter(|_| var.func == fact.func) else {
                return;
            };
            let by = FuncRef {
                file: call.file,
                id: fact.func,
            };
            if !buses.contains_key(&(by, param)) && bus.lives(program, call, fact) {
                more.push((
                    (by, param),
                    Bus {
                        is_long: true,
                        ..bus.clone()
                    },
                ));
            }
        });
        if more.is_empty() {
            break;
        }
        for (key, bus) in more {
            buses.entry(key).or_insert(bus);
        }
    }
    if buses.is_empty() {
        return;
    }
    each_passed(program, &buses, &mut |call, fact, callback, bus| {
        subscribed(cx, call, fact, callback, bus, out);
    });
    added(cx, &buses, out);
    declared(cx, &buses, out);
}

/// Whether a class body binds a variable to something, rather than saying its type alone.
fn has_class_value(program: &Program<'_>, class: ClassRef, name: Sym) -> bool {
    let vars = &program.files[class.file as usize].class_vars;
    let Some(&var) = vars.get(&(class.id, name)) else {
        return true;
    };
    let facts = program.facts(class.file);
    facts.defs[facts.vars[var].defs.range()]
        .iter()
        .any(|it| it.kind != DefKind::Declare)
}

/// How many functions a callback is followed through on its way to the container.
const ROUNDS: u32 = 3;

/// Each argument that goes to a bus, tests left out.
fn each_passed(
    program: &Program<'_>,
    buses: &Buses,
    then: &mut dyn FnMut(CallRef, &CallF, ValueRef, &Bus),
) {
    let funcs: FxHashSet<FuncRef> = buses.keys().map(|it| it.0).collect();
    let mut calls: Vec<CallRef> = funcs
        .iter()
        .flat_map(|&it| program.callers(it))
        .copied()
        .collect();
    calls.sort_unstable();
    calls.dedup();
    for CallRef { file, id } in calls {
        if program.files[file as usize].is_test {
            continue;
        }
        let facts = program.facts(file);
        let fact = &facts.calls[id];
        let targets = program.targets(file, id).iter();
        for &target in targets.filter(|it| funcs.contains(&it.func)) {
            for (position, arg) in facts.args[fact.args.range()].iter().enumerate() {
                let bus = program
                    .param_of(file, target, position, arg)
                    .and_then(|it| buses.get(&(target.func, it as u32)));
                if let Some(bus) = bus {
                    let callback = ValueRef {
                        file,
                        id: arg.value,
                    };
                    then(CallRef { file, id }, fact, callback, bus);
                }
            }
        }
    }
}

/// `bus += self.method`, by the bus' own `__iadd__`.
fn added(cx: &Context<'_>, buses: &Buses, out: &mut Sink) {
    let program = cx.program;
    let Some(add) = program.sym("__iadd__") else {
        return;
    };
    for file in 0..program.files.len() as u32 {
        if program.files[file as usize].is_test {
            continue;
        }
        let facts = program.facts(file);
        for store in facts.stores.iter() {
            let (StoreKind::Augment(BinaryOp::Add), Target::Attr(name), Some(value)) =
                (store.kind, store.target, store.value)
            else {
                continue;
            };
            let base = ValueRef {
                file,
                id: store.base,
            };
            let is_shared = lives_long(program, base, 6)
                || program
                    .entities(base)
                    .iter()
                    .any(|it| matches!(it, Entity::Class(_) | Entity::Module(_)));
            if !is_shared {
                continue;
            }
            let sites = program.attribute_places(base, program.sym_of(file, name));
            let bus = sites
                .iter()
                .flat_map(|it| program.place_values(it.key))
                .flat_map(|it| program.entities(it))
                .find_map(|it| match it {
                    Entity::Instance(class) => buses.get(&(program.method(class, add)?, 1)),
                    _ => None,
                });
            let Some(bus) = bus else { continue };
            let func = FuncRef {
                file,
                id: store.func,
            };
            let callback = ValueRef { file, id: value };
            if held(program, callback).is_none() {
                continue;
            }
            let subscription =
                bus.subscription(program, func, store.at, store.context, callback, None);
            report(
                cx,
                &subscription,
                &|it| it == "__isub__" || bus.removers.iter().any(|name| name == it),
                out,
            );
        }
    }
}

/// `@on("saved")` over a function that is made for each call.
fn declared(cx: &Context<'_>, buses: &Buses, out: &mut Sink) {
    let program = cx.program;
    for file in 0..program.files.len() as u32 {
        if program.files[file as usize].is_test {
            continue;
        }
        let facts = program.facts(file);
        for (id, fact) in facts.calls.iter_ids() {
            if fact.usage != Usage::Declared || fact.func.index() == 0 {
                continue;
            }
            let bus = program
                .targets(file, id)
                .iter()
                .flat_map(|it| program.returned_funcs(it.func))
                .find_map(|it| buses.get(&(it, 0)));
            let call = CallRef { file, id };
            if let Some(bus) = bus.filter(|it| it.lives(program, call, fact)) {
                decorated(cx, call, fact, &program.place_name(bus.place), out);
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

/// Whether the program takes out by key what stands in a table: who has the key need not know the callback.
fn is_taken_out_by_key(program: &Program<'_>, key: PlaceKey) -> bool {
    program.keyed_removals(key).any(|it| {
        let is_called = program
            .callers(it.func)
            .iter()
            .any(|it| !program.files[it.file as usize].is_test);
        !it.is_inner && it.key.is_some() && (is_called || program.is_method_name_called(it.func))
    })
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
    if !bus.lives(program, call, fact) || is_taken_out_by_key(program, bus.place) {
        return;
    }
    let func = func_of(call, fact);
    let subscription = bus.subscription(program, func, fact.at, fact.context, callback, Some(call));
    report(
        cx,
        &subscription,
        &|it| bus.removers.iter().any(|name| name == it),
        out,
    );
}

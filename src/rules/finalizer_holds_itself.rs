//! `finalizer-holds-itself`: a `weakref.finalize` (or weak reference callback) holds the object whose end it waits for.

use super::{Context, Rule, Sink};
use crate::facts::model::{ArgKindF, CallId, StoreKind, Target, Usage, ValueId, ValueKind, VarId};
use crate::finding::remedy::Remedy;
use crate::finding::{Finding, Growth, Role, Severity, Step};
use crate::heap::objects::{Holds, Objects, Via};
use crate::heap::reach::Object;
use crate::link::program::{ValueRef, last_name};
use crate::link::{FuncRef, Program};

pub(super) struct FinalizerHoldsItself;

impl Rule for FinalizerHoldsItself {
    fn page(&self) -> &'static str {
        include_str!("../../rules/finalizer-holds-itself.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        let weak: Vec<_> = ["weakref.finalize", "weakref.ref", "weakref.proxy"]
            .into_iter()
            .filter_map(|it| program.models.names.find(it))
            .collect();
        for file in 0..program.files.len() as u32 {
            let facts = program.facts(file);
            for (id, call) in facts.calls.iter_ids() {
                let callee = ValueRef {
                    file,
                    id: call.callee,
                };
                let Some(node) = program.external(callee).filter(|it| weak.contains(it)) else {
                    continue;
                };
                if !matches!(
                    last_name(facts, call.callee),
                    Some("finalize" | "ref" | "proxy")
                ) && !matches!(facts.values[call.callee].kind, ValueKind::Var(_))
                {
                    continue;
                }
                match program.api_text(node) {
                    "weakref.finalize" => {
                        check(program, &cx.objects, file, id, true, out);
                    }
                    // A weak reference that is dropped takes its callback along.
                    "weakref.ref" | "weakref.proxy" if is_kept(program, file, id) => {
                        let stays = stays(program, file, id);
                        check(program, &cx.objects, file, id, stays, out);
                    }
                    _ => {}
                }
            }
        }
    }
}

fn is_kept(program: &Program<'_>, file: u32, id: CallId) -> bool {
    matches!(
        program.facts(file).calls[id].usage,
        Usage::Stored | Usage::Element | Usage::Argument
    )
}

/// Whether a weak reference is put somewhere where it stays as long as the process, and only its own callback takes it out.
fn stays(program: &Program<'_>, file: u32, id: CallId) -> bool {
    let facts = program.facts(file);
    let func = FuncRef {
        file,
        id: facts.calls[id].func,
    };
    let fact = &facts.funcs[func.id];
    let is_it = |value: ValueId| facts.values[value].kind == ValueKind::Call(id);
    let stored = facts.stores.as_slice()[fact.stores.range()]
        .iter()
        .find(|it| matches!(it.target, Target::Item(_)) && it.value.is_some_and(is_it))
        .map(|it| it.base);
    let grown = || {
        facts.calls.as_slice()[fact.calls.range()]
            .iter()
            .find(|call| {
                facts.args[call.args.range()]
                    .iter()
                    .any(|it| is_it(it.value))
            })
            .and_then(|call| match facts.values[call.callee].kind {
                ValueKind::Attr { base, .. } => Some(base),
                _ => None,
            })
    };
    let Some(base) = stored.or_else(grown) else {
        return false;
    };
    let places = program.places(ValueRef { file, id: base });
    let [place] = places.as_slice() else {
        return false;
    };
    program.lives_long(place.key)
        && program.effects(place.key).iter().all(|it| {
            let is_inner = program.parent(it.func) == Some(func);
            !it.kind.shrinks() || is_inner
        })
}

/// Reports a call whose callback and arguments reach the object that it watches: here, or, when the call `stays` whatever
/// becomes of the objects, as a caller has tied them.
fn check(
    program: &Program<'_>,
    objects: &Objects,
    file: u32,
    id: CallId,
    stays: bool,
    out: &mut Sink,
) {
    let facts = program.facts(file);
    let call = &facts.calls[id];
    let args = &facts.args[call.args.range()];
    let Some(watched) = args.first().filter(|it| it.kind == ArgKindF::Positional) else {
        return;
    };
    let ValueKind::Var(var) = facts.values[watched.value].kind else {
        return;
    };
    let watched_objects = program.reach(ValueRef {
        file,
        id: watched.value,
    });
    let func = FuncRef {
        file,
        id: call.func,
    };
    let edges = objects.graph(func);
    let mut held_params = Vec::new();
    let holder = args.iter().skip(1).find(|arg| {
        let mut reached: Vec<Object> = program
            .reach(ValueRef {
                file,
                id: arg.value,
            })
            .to_vec();
        // An attribute stands for what this function put there, a bound method of it for the attribute.
        let mut held = arg.value;
        if let ValueKind::Attr { base, .. } = facts.values[held].kind
            && matches!(facts.values[base].kind, ValueKind::Attr { .. })
            && program.is_bound_method(ValueRef { file, id: held })
        {
            held = base;
        }
        if let ValueKind::Attr { base, name } = facts.values[held].kind {
            let by = Via::Attr(program.sym_of(file, name));
            let owners = program.reach(ValueRef { file, id: base });
            reached.extend(
                edges
                    .iter()
                    .filter(|it| it.by == by && owners.contains(&it.from))
                    .map(|it| it.to),
            );
        }
        let found = reaches(edges, &mut reached, &watched_objects);
        held_params.extend(reached.iter().filter_map(|it| match it {
            Object::Var(var) => param_of(program, func, *var),
            _ => None,
        }));
        found
    });
    let Some(holder) = holder else {
        if let Some(watched) = param_of(program, func, var).filter(|_| stays) {
            held_params.sort_unstable();
            held_params.dedup();
            by_callers(program, objects, func, id, watched, &held_params, out);
        }
        return;
    };
    let name = program.name(file, facts.vars[var].name);
    let is_released = is_released_by_hand(program, func, id);
    let message = format!(
        "the finalizer of `{name}` holds `{name}` itself, so it can never be collected and the finalizer runs only at exit"
    );
    let at = program.at(file, call.at);
    let finding = Finding::new(out.meta(), at, message)
        .severity(if is_released { Severity::Warning } else { Severity::Error })
        .label(program.at(file, call.head), Role::Registration, "weakref holds the callback and its arguments strongly")
        .label(program.at(file, program.value_span(ValueRef { file, id: holder.value })), Role::Capture, format!("and through this `{name}`"))
        .path([
            Step { node: "weakref (finalizer registry)".to_owned(), edge: String::new(), place: None },
            Step { node: "callback".to_owned(), edge: "finalize".to_owned(), place: Some(at) },
            Step { node: name.to_owned(), edge: "holds".to_owned(), place: Some(at) },
        ])
        .remedy(remedy(program, func, id))
        .growth(Growth::PerInstance)
        .symbol(format!("{}.{}", program.files[file as usize].module, program.qualified(func)))
        .help("pass a static method or module function, and only the inner resources it needs: `weakref.finalize(self, _close, self._file)`");
    out.report(if is_released {
        finding.note(
            "a method calls or detaches the finalizer: objects on which it is called are released",
        )
    } else {
        finding
    });
}

/// What the method works on instead of the object, for `finalize(self, self.method)`.
fn remedy(program: &Program<'_>, func: FuncRef, id: CallId) -> Option<Remedy> {
    let file = func.file;
    let facts = program.facts(file);
    let call = &facts.calls[id];
    let [watched, callback] = facts.args[call.args.range()] else {
        return None;
    };
    let is_plain = |it: ArgKindF| it == ArgKindF::Positional;
    let ValueKind::Attr { base, name } = facts.values[callback.value].kind else {
        return None;
    };
    let object = facts.values[watched.value].kind;
    let is_own = |value: ValueId| facts.values[value].kind == object;
    if !is_plain(watched.kind) || !is_plain(callback.kind) || !is_own(base) {
        return None;
    }
    let class = program.class_of(func)?;
    let name = program.sym_of(file, name);
    let method = program.own_method(class, name)?;
    let is_overridden = program.methods_below(class, name).len() > 1;
    if method.file != file || is_overridden {
        return None;
    }
    let settled = facts.stores.as_slice()[facts.funcs[func.id].stores.range()]
        .iter()
        .filter(|it| {
            it.kind == StoreKind::Assign
                && is_own(it.base)
                && it.at.end < call.at.start
                && it.context == call.context
        })
        .filter_map(|it| match it.target {
            Target::Attr(name) => Some(name),
            _ => None,
        })
        .filter(|&it| program.attr_stores(class, program.sym_of(file, it)).count() == 1)
        .map(|it| program.name(file, it).to_owned());
    Some(Remedy::FinalizerOfPart {
        callback: program.value_span(ValueRef {
            file,
            id: callback.value,
        }),
        method: program.func(method).name_span,
        settled: settled.collect(),
    })
}

/// Adds what the objects hold, and says whether one of those that are looked for is among them.
fn reaches(edges: &[Holds], reached: &mut Vec<Object>, sought: &[Object]) -> bool {
    let mut next = 0;
    while let Some(&object) = reached.get(next) {
        next += 1;
        if sought.contains(&object) {
            return true;
        }
        let further = edges.iter().filter(|it| it.from == object).map(|it| it.to);
        let further: Vec<Object> = further.filter(|it| !reached.contains(it)).collect();
        reached.extend(further);
    }
    false
}

fn param_of(program: &Program<'_>, func: FuncRef, var: VarId) -> Option<usize> {
    let fact = &program.facts(func.file).vars[var];
    (fact.func == func.id)
        .then_some(fact.param)
        .flatten()
        .map(|it| it as usize)
}

/// Callers that hand over an object to watch and, for the callback, one that refers back to it.
fn by_callers(
    program: &Program<'_>,
    objects: &Objects,
    func: FuncRef,
    id: CallId,
    watched: usize,
    held: &[usize],
    out: &mut Sink,
) {
    for &call in program.callers(func).iter().take(64) {
        let file = call.file;
        let facts = program.facts(file);
        let fact = program.call(call);
        let Some(&target) = program
            .targets(file, call.id)
            .iter()
            .find(|it| it.func == func)
        else {
            continue;
        };
        let args = &facts.args[fact.args.range()];
        let given = |param: usize| {
            let mut all = args.iter().enumerate();
            all.find(|(at, arg)| program.param_of(file, target, *at, arg) == Some(param))
                .map(|it| it.1.value)
        };
        let Some(object) = given(watched) else {
            continue;
        };
        let ValueKind::Var(var) = facts.values[object].kind else {
            continue;
        };
        let reach = |id| program.reach(ValueRef { file, id });
        let caller = FuncRef {
            file,
            id: fact.func,
        };
        let edges = objects.graph(caller);
        let sought = reach(object);
        let holder = held
            .iter()
            .filter(|&&it| it != watched)
            .filter_map(|&it| given(it))
            .find(|&it| reaches(edges, &mut reach(it).to_vec(), &sought));
        let Some(holder) = holder else { continue };
        let name = program.name(file, facts.vars[var].name);
        let by = program.qualified(func);
        let at = program.at(file, fact.at);
        let registered = program.at(func.file, program.facts(func.file).calls[id].at);
        let given = program.at(file, program.value_span(ValueRef { file, id: holder }));
        out.report(
            Finding::new(
                out.meta(),
                at,
                format!("the callback that `{by}` keeps until `{name}` is gone holds `{name}` itself, so `{name}` can never be collected"),
            )
            .severity(Severity::Error)
            .label(registered, Role::Registration, "the callback holds its arguments strongly")
            .label(given, Role::Capture, format!("and this refers to `{name}`"))
            .path([
                Step { node: "weakref callback".to_owned(), edge: String::new(), place: Some(registered) },
                Step { node: "argument".to_owned(), edge: "captured".to_owned(), place: Some(given) },
                Step { node: name.to_owned(), edge: "holds".to_owned(), place: Some(at) },
            ])
            .growth(Growth::PerInstance)
            .symbol(format!("{}.{}", program.files[file as usize].module, program.qualified(caller)))
            .help("close what belongs to the object in a method of its own, or register only what does not refer back to it"),
        );
    }
}

/// Whether the finalizer is kept on an attribute that some code calls or detaches (row W7).
fn is_released_by_hand(program: &Program<'_>, func: FuncRef, id: CallId) -> bool {
    let file = func.file;
    let facts = program.facts(file);
    let attr = facts.stores.as_slice()[facts.funcs[func.id].stores.range()]
        .iter()
        .find_map(|store| match (store.target, store.kind, store.value) {
            (Target::Attr(name), StoreKind::Assign, Some(value))
                if facts.values[value].kind == ValueKind::Call(id) =>
            {
                Some(program.sym_of(file, name))
            }
            _ => None,
        });
    let Some(attr) = attr else { return false };
    facts.calls.iter().any(|call| match facts.values[call.callee].kind {
        ValueKind::Attr { base, name } => {
            program.sym_of(file, name) == attr
                || program.name(file, name) == "detach"
                    && matches!(facts.values[base].kind, ValueKind::Attr { name, .. } if program.sym_of(file, name) == attr)
        }
        _ => false,
    })
}

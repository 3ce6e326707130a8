//! `finalizer-holds-itself`: a `weakref.finalize` (or weak reference callback) holds the object whose end it waits for.

use super::{Context, Rule, Sink};
use crate::facts::model::{ArgKindF, CallId, StoreKind, Target, Usage, ValueId, ValueKind};
use crate::finding::remedy::Remedy;
use crate::finding::{Finding, Growth, Role, Severity, Step};
use crate::heap::objects::{Objects, Via};
use crate::heap::reach::Object;
use crate::link::program::{ValueRef, last_name};
use crate::link::{Entity, FuncRef, Program};

pub(super) struct FinalizerHoldsItself;

impl Rule for FinalizerHoldsItself {
    fn page(&self) -> &'static str {
        include_str!("../../rules/finalizer-holds-itself.md")
    }

    fn check(&self, cx: &Context<'_>, out: &mut Sink) {
        let program = cx.program;
        for file in 0..program.files.len() as u32 {
            let facts = program.facts(file);
            for (id, call) in facts.calls.iter_ids() {
                if !matches!(
                    last_name(facts, call.callee),
                    Some("finalize" | "ref" | "proxy")
                ) && !matches!(facts.values[call.callee].kind, ValueKind::Var(_))
                {
                    continue;
                }
                let what = program
                    .entities(ValueRef {
                        file,
                        id: call.callee,
                    })
                    .iter()
                    .find_map(|it| match it {
                        Entity::External(node) => Some(program.api_text(*node)),
                        _ => None,
                    });
                match what {
                    Some("weakref.finalize") => check(program, &cx.objects, file, id, 1, out),
                    // A weak reference that is dropped takes its callback along.
                    Some("weakref.ref" | "weakref.proxy") if is_kept(program, file, id) => {
                        check(program, &cx.objects, file, id, 1, out)
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

/// Reports a call whose arguments from `first` on reach the object that it watches.
fn check(
    program: &Program<'_>,
    objects: &Objects,
    file: u32,
    id: CallId,
    first: usize,
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
    let holder = args.iter().skip(first).find(|arg| {
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
        let mut next = 0;
        while let Some(&object) = reached.get(next) {
            next += 1;
            if watched_objects.contains(&object) {
                return true;
            }
            let further = edges.iter().filter(|it| it.from == object).map(|it| it.to);
            let further: Vec<Object> = further.filter(|it| !reached.contains(it)).collect();
            reached.extend(further);
        }
        false
    });
    let Some(holder) = holder else { return };
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

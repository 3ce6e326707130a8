//! What the rules of registries ask alike: calls of known APIs, objects that are made again and again, guards.

use super::Context;
use crate::facts::model::{
    ArgKindF, CallF, CallId, ContextId, ContextKind, DefKind, Home, ResultKind, StoreKind, Target,
    Usage, ValueId, ValueKind, VarId,
};
use crate::link::program::{ValueRef, last_name};
use crate::link::{CallRef, ClassRef, Entity, FuncRef, Program};
use crate::models::{ApiRole, NodeId, Runs};

/// Calls of APIs of the table of registries, outside tests.
pub(super) fn api_calls<'p>(
    program: &'p Program<'_>,
) -> impl Iterator<Item = (CallRef, &'p CallF, NodeId)> + 'p {
    let calls = program.registry_calls().iter();
    calls
        .filter(|it| !program.files[it.0.file as usize].is_test)
        .map(|&(call, node)| (call, program.call(call), node))
}

/// Calls of one role.
pub(super) fn role_calls<'p>(
    program: &'p Program<'_>,
    role: ApiRole,
) -> impl Iterator<Item = (CallRef, &'p CallF)> + 'p {
    api_calls(program)
        .filter(move |it| program.models.registries.role(it.2) == Some(role))
        .map(|it| (it.0, it.1))
}

/// The role of what a call calls.
pub(super) fn role_of(program: &Program<'_>, file: u32, call: &CallF) -> Option<ApiRole> {
    let callee = ValueRef {
        file,
        id: call.callee,
    };
    program.models.registries.role(program.external(callee)?)
}

/// The function that makes a call.
pub(super) fn func_of(call: CallRef, fact: &CallF) -> FuncRef {
    FuncRef {
        file: call.file,
        id: fact.func,
    }
}

/// Whether a call runs under an `if` that looks at shared state: it guards itself.
pub(super) fn is_guarded(program: &Program<'_>, file: u32, context: Option<ContextId>) -> bool {
    program.contexts(file, context).any(|it| match it {
        ContextKind::If { test, .. } => looks_at_shared(program, file, test, 6),
        _ => false,
    })
}

fn looks_at_shared(program: &Program<'_>, file: u32, value: ValueId, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let facts = program.facts(file);
    let again = |id| looks_at_shared(program, file, id, depth);
    match facts.values[value].kind {
        ValueKind::Var(var) => {
            let fact = &facts.vars[var];
            fact.home == Home::Module
                && facts.defs[fact.defs.range()]
                    .iter()
                    .any(|it| it.kind == DefKind::Assign)
        }
        ValueKind::Attr { base, name } => {
            let base = ValueRef { file, id: base };
            let is_class_level = program.entities(base).iter().any(|it| match it {
                Entity::Class(_) => true,
                Entity::Instance(class) => matches!(
                    program.member_of(*class, program.sym_of(file, name)),
                    Some(crate::link::classes::Member::Var(..))
                ),
                _ => false,
            });
            is_class_level
                || program.name(file, name).contains("handlers")
                || program.name(file, name) == "loggerDict"
                || again(base.id)
        }
        ValueKind::Item { base, key } => again(base) || again(key),
        ValueKind::Not(it) | ValueKind::Await(it) | ValueKind::Walrus { value: it, .. } => {
            again(it)
        }
        ValueKind::And(rows) | ValueKind::Or(rows) => {
            program.list(file, rows).iter().any(|&it| again(it))
        }
        ValueKind::Compare { left, right, .. } => again(left) || again(right),
        ValueKind::Call(call) => {
            let call = &facts.calls[call];
            last_name(facts, call.callee).is_some_and(|it| it.to_lowercase().contains("handler"))
                || again(call.callee)
                || facts.args[call.args.range()]
                    .iter()
                    .any(|it| again(it.value))
        }
        ValueKind::Comp { iter, .. } => again(iter),
        _ => false,
    }
}

/// How surely a process makes many objects of a class.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Made {
    /// One, or few.
    Few,
    /// Nothing tells: callers are absent.
    Unknown,
    /// Code that runs often makes it.
    Often,
}

/// How many objects of a class a process makes.
pub(super) fn made(cx: &Context<'_>, class: ClassRef) -> Made {
    match made_within(cx.program, class, 4) {
        // What a package offers, others make too; and what has an end is not one for the whole process.
        Some(Made::Few)
            if cx.exports.contains(cx.program.class_name(class)) && has_end(cx.program, class) =>
        {
            Made::Unknown
        }
        Some(it) => it,
        None => Made::Few,
    }
}

/// Whether objects of a class have an end of their own: they can be closed, or entered and left.
pub(super) fn has_end(program: &Program<'_>, class: ClassRef) -> bool {
    program.mro(class).iter().any(|&it| {
        program.class(it).methods.iter().any(|&id| {
            let func = FuncRef { file: it.file, id };
            program.models.registries.is_ending(program.func_name(func))
        })
    })
}

/// `None` when the class itself says that it has one object.
fn made_within(program: &Program<'_>, class: ClassRef, depth: u32) -> Option<Made> {
    let facts = program.facts(class.file);
    let fact = program.class(class);
    let has = |name: &str| {
        program
            .sym(name)
            .is_some_and(|it| program.method(class, it).is_some())
    };
    let keeps_one = program.mro(class).iter().any(|it| {
        let facts = program.facts(it.file);
        facts.classes[it.id].vars.iter().any(|&var| {
            let name = program.name(it.file, facts.vars[var].name);
            name.trim_matches('_').to_lowercase().contains("instance")
                || name.to_lowercase().contains("singleton")
        })
    });
    let is_decorated = program
        .list(class.file, fact.decorators)
        .iter()
        .any(|&it| last_name(facts, it).is_some_and(|it| program.models.registries.is_alone(it)));
    let is_meta = fact
        .keywords
        .iter()
        .any(|it| last_name(facts, it.1).is_some_and(|it| program.models.registries.is_alone(it)));
    let is_alone = program
        .mro(class)
        .iter()
        .any(|&it| program.models.registries.is_alone(program.class_name(it)));
    if keeps_one || is_decorated || is_meta || is_alone || has("__new__") {
        return None;
    }
    let mut classes = vec![class];
    if let Some(info) = program.class_info(class) {
        classes.extend(info.subclasses.iter().copied());
    }
    let mut best = None;
    for &it in &classes {
        for call in program.constructions(it) {
            let path = &program.files[call.file as usize].path;
            // What a test or an example makes says nothing about what others do.
            if program.files[call.file as usize].is_test
                || call.file != class.file && super::shortlived::is_shown(path)
            {
                continue;
            }
            let fact = program.call(*call);
            let how = made_by(program, *call, fact, class, depth);
            best = best.max(Some(how));
        }
    }
    Some(match best {
        Some(Made::Often) => Made::Often,
        Some(Made::Few) => Made::Few,
        _ if program.long_holder(class).is_some() => Made::Few,
        _ => Made::Unknown,
    })
}

fn made_by(
    program: &Program<'_>,
    call: CallRef,
    fact: &CallF,
    class: ClassRef,
    depth: u32,
) -> Made {
    let func = func_of(call, fact);
    if is_guarded(program, call.file, fact.context) {
        return Made::Few;
    }
    // `global X; X = Client()` binds the one place again.
    let facts = program.facts(call.file);
    let is_global = facts.defs.iter().any(|def| {
        def.kind == DefKind::Assign
            && def
                .value
                .is_some_and(|it| facts.values[it].kind == ValueKind::Call(call.id))
            && facts.vars[def.var].home == Home::Module
    });
    // `for it in LOGGERS: if isinstance(it, Logger): return it`: looks for the one that is there.
    let looks_for_it = calls_of(program, func).any(|(_, it)| {
        last_name(facts, it.callee) == Some("isinstance")
            && facts.args[it.args.range()]
                .get(1)
                .is_some_and(|it| last_name(facts, it.value) == last_name(facts, fact.callee))
    });
    if is_global || looks_for_it {
        return Made::Few;
    }
    // What the one object of its class makes is there once, unless an event makes it.
    if let (Some(owner), Some(depth)) = (program.class_of(func), depth.checked_sub(1))
        && owner != class
        && program.runs(func).often != Runs::PerEvent
    {
        return made_within(program, owner, depth).unwrap_or(Made::Few);
    }
    match program.runs(func).often {
        Runs::PerEvent => Made::Often,
        Runs::Import | Runs::Once | Runs::Never | Runs::PerClass => {
            let in_while = program
                .contexts(call.file, fact.context)
                .any(|it| matches!(it, ContextKind::While { .. }));
            if in_while { Made::Often } else { Made::Few }
        }
        Runs::PerInstance | Runs::Many => {
            if is_called(program, func) {
                Made::Often
            } else {
                Made::Unknown
            }
        }
    }
}

/// Whether a function runs only while an object is made of which a process has few.
pub(super) fn comes_of_few(cx: &Context<'_>, func: FuncRef, depth: u32) -> bool {
    let program = cx.program;
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    if program.func_name(func) == "__init__" {
        return program
            .class_of(func)
            .is_some_and(|it| made(cx, it) == Made::Few);
    }
    let mut callers = program
        .callers(func)
        .iter()
        .filter(|it| !program.files[it.file as usize].is_test)
        .peekable();
    !program.is_taken(func)
        && callers.peek().is_some()
        && callers.all(|&it| comes_of_few(cx, func_of(it, program.call(it)), depth))
}

/// Whether code of the program, tests left out, calls a function.
pub(super) fn is_called(program: &Program<'_>, func: FuncRef) -> bool {
    program
        .callers(func)
        .iter()
        .any(|it| !program.files[it.file as usize].is_test)
}

/// Functions of a class, its bases and direct subclasses, with what is nested in them.
pub(super) fn class_funcs(program: &Program<'_>, class: ClassRef) -> Vec<FuncRef> {
    let mut classes: Vec<ClassRef> = program.mro(class).to_vec();
    if let Some(info) = program.class_info(class) {
        classes.extend(info.subclasses.iter().copied());
    }
    let mut files: Vec<u32> = classes.iter().map(|it| it.file).collect();
    files.sort_unstable();
    files.dedup();
    files
        .into_iter()
        .flat_map(|file| {
            program
                .facts(file)
                .funcs
                .ids()
                .map(move |id| FuncRef { file, id })
        })
        .filter(|&func| {
            program
                .class_of(func)
                .is_some_and(|it| classes.contains(&it))
        })
        .collect()
}

/// Calls of a function.
pub(super) fn calls_of<'p>(
    program: &'p Program<'_>,
    func: FuncRef,
) -> impl Iterator<Item = (CallId, &'p CallF)> + 'p {
    let facts = program.facts(func.file);
    facts.funcs[func.id]
        .calls
        .ids()
        .map(move |id| (id, &facts.calls[id]))
}

/// Whether some function of a list calls something of which the last name is wanted.
pub(super) fn calls_named(
    program: &Program<'_>,
    funcs: &[FuncRef],
    wanted: impl Fn(&str) -> bool,
) -> bool {
    funcs.iter().any(|&func| {
        let facts = program.facts(func.file);
        calls_of(program, func).any(|(_, it)| last_name(facts, it.callee).is_some_and(&wanted))
    })
}

/// A function and the functions nested in it.
pub(super) fn with_nested(program: &Program<'_>, func: FuncRef) -> Vec<FuncRef> {
    let facts = program.facts(func.file);
    let mut found = vec![func];
    let mut at = 0;
    while at < found.len() {
        let outer = found[at].id;
        found.extend(
            facts
                .funcs
                .iter_ids()
                .filter(|(_, it)| it.parent == Some(outer))
                .map(|(id, _)| FuncRef {
                    file: func.file,
                    id,
                }),
        );
        at += 1;
    }
    found
}

/// The variable that a call's result is bound to by a plain assignment, or that takes a part of it.
pub(super) fn bound_vars(program: &Program<'_>, call: CallRef) -> Vec<VarId> {
    let facts = program.facts(call.file);
    facts
        .defs
        .iter()
        .filter(|def| {
            matches!(
                def.kind,
                DefKind::Assign | DefKind::Unpack(_) | DefKind::With
            ) && def
                .value
                .is_some_and(|it| facts.values[it].kind == ValueKind::Call(call.id))
        })
        .map(|it| it.var)
        .collect()
}

/// The attribute that a call's result is stored in.
pub(super) fn bound_attr(program: &Program<'_>, call: CallRef) -> Option<crate::link::Sym> {
    let facts = program.facts(call.file);
    facts
        .stores
        .iter()
        .find_map(|store| match (store.target, store.value) {
            (Target::Attr(name), Some(value))
                if facts.values[value].kind == ValueKind::Call(call.id) =>
            {
                Some(program.sym_of(call.file, name))
            }
            _ => None,
        })
}

fn mentions(program: &Program<'_>, file: u32, value: ValueId, var: VarId, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let facts = program.facts(file);
    let again = |id| mentions(program, file, id, var, depth);
    match facts.values[value].kind {
        ValueKind::Var(it) => it == var,
        ValueKind::Attr { base, .. } | ValueKind::Item { base, .. } | ValueKind::Slice { base } => {
            again(base)
        }
        ValueKind::List(rows)
        | ValueKind::Tuple(rows)
        | ValueKind::Set(rows)
        | ValueKind::Dict(rows)
        | ValueKind::Or(rows)
        | ValueKind::And(rows)
        | ValueKind::Choice(rows) => program.list(file, rows).iter().any(|&it| again(it)),
        ValueKind::Walrus { value, .. } | ValueKind::Star(value) | ValueKind::Await(value) => {
            again(value)
        }
        ValueKind::Binary { left, right, .. } => again(left) || again(right),
        _ => false,
    }
}

/// Whether a variable's object leaves its function: returned, yielded, stored, or handed to a call for which `keeps` says so.
pub(super) fn escapes(
    program: &Program<'_>,
    func: FuncRef,
    var: VarId,
    keeps: &dyn Fn(&CallF) -> bool,
) -> bool {
    let facts = program.facts(func.file);
    if facts.vars[var].is_captured || facts.vars[var].home != Home::Function {
        return true;
    }
    let has = |id| mentions(program, func.file, id, var, 6);
    let fact = &facts.funcs[func.id];
    facts.results[fact.results.range()]
        .iter()
        .any(|it| it.kind != ResultKind::Raise && it.value.is_some_and(&has))
        || facts.stores.as_slice()[fact.stores.range()]
            .iter()
            .any(|it| it.kind == StoreKind::Assign && it.value.is_some_and(&has))
        || facts.calls.as_slice()[fact.calls.range()]
            .iter()
            .any(|it| facts.args[it.args.range()].iter().any(|arg| has(arg.value)) && keeps(it))
        || facts.values.iter().any(|it| match it.kind {
            ValueKind::Yield(Some(value)) => has(value),
            _ => false,
        })
}

/// What a callback keeps alive.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Held {
    /// The instance whose method runs.
    Instance(ClassRef, VarId),
    /// Variables of the function around.
    Locals(VarId),
}

/// What a value that is registered keeps alive.
pub(super) fn held(program: &Program<'_>, value: ValueRef) -> Option<Held> {
    use crate::heap::reach::Object;
    let file = value.file;
    let facts = program.facts(file);
    let selfs = &program.files[file as usize].selfs;
    let objects = program.reach(value);
    let vars = objects.iter().filter_map(|it| match it {
        Object::Var(var) => Some(*var),
        Object::New(_) | Object::Part(..) => None,
    });
    let mut local = None;
    for var in vars {
        match selfs.get(&var) {
            Some(&(id, false)) => return Some(Held::Instance(ClassRef { file, id }, var)),
            Some(_) => {}
            None => {
                let fact = &facts.vars[var];
                let is_function = facts.defs[fact.defs.range()].iter().any(|it| {
                    matches!(
                        it.kind,
                        DefKind::Function(_) | DefKind::Class(_) | DefKind::Import(_)
                    )
                });
                let is_weak = facts.defs[fact.defs.range()].iter().any(|it| {
                    it.value.is_some_and(|id| match facts.values[id].kind {
                        ValueKind::Call(call) => last_name(facts, facts.calls[call].callee)
                            .is_some_and(|it| {
                                matches!(it, "ref" | "proxy" | "WeakMethod" | "WeakSet")
                            }),
                        _ => false,
                    })
                });
                if fact.home == Home::Function && !is_function && !is_weak {
                    local.get_or_insert(Held::Locals(var));
                }
            }
        }
    }
    local
}

/// The values that a call passes, with their keywords.
pub(super) fn arguments<'p>(
    program: &'p Program<'_>,
    call: CallRef,
) -> impl Iterator<Item = (Option<&'p str>, ValueRef)> + 'p {
    let facts = program.facts(call.file);
    facts.args[facts.calls[call.id].args.range()]
        .iter()
        .filter(|it| !matches!(it.kind, ArgKindF::Star | ArgKindF::DoubleStar))
        .map(move |it| {
            let keyword = match it.kind {
                ArgKindF::Keyword(name) => Some(program.name(call.file, name)),
                _ => None,
            };
            let value = ValueRef {
                file: call.file,
                id: it.value,
            };
            (keyword, value)
        })
}

/// Whether a function runs for each event, or is called by something that runs often.
pub(super) fn is_repeated(cx: &Context<'_>, func: FuncRef, context: Option<ContextId>) -> bool {
    let program = cx.program;
    let run = program.runs(func);
    match run.often {
        Runs::PerEvent | Runs::PerInstance | Runs::Many => true,
        _ => program
            .contexts(func.file, context)
            .any(|it| matches!(it, ContextKind::While { .. })),
    }
}

/// Whether the result of a call is thrown away, also by binding it to `_`.
pub(super) fn is_thrown_away(program: &Program<'_>, call: CallRef) -> bool {
    let facts = program.facts(call.file);
    // `await` passes on what is done with its result, not with the task.
    let rows = facts.funcs[facts.calls[call.id].func].values;
    let is_awaited = facts.values.as_slice()[rows.range()]
        .iter()
        .any(|it| match it.kind {
            ValueKind::Await(inner) => facts.values[inner].kind == ValueKind::Call(call.id),
            _ => false,
        });
    match facts.calls[call.id].usage {
        _ if is_awaited => false,
        Usage::Discarded => true,
        Usage::Bound => {
            let vars = bound_vars(program, call);
            !vars.is_empty()
                && vars.iter().all(|&it| {
                    program
                        .name(call.file, facts.vars[it].name)
                        .trim_matches('_')
                        .is_empty()
                        && facts.vars[it].home == Home::Function
                        && !facts.vars[it].is_captured
                })
        }
        _ => false,
    }
}

/// `module.Class.method`, for a finding's symbol.
pub(super) fn symbol(program: &Program<'_>, func: FuncRef) -> String {
    format!(
        "{}.{}",
        program.files[func.file as usize].module,
        program.qualified(func)
    )
}

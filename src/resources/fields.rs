//! Resources kept on attributes, and whether some code of the program gives them back.
//!
//! Who releases an attribute is asked by its name alone, over the whole program: `anything.name.close()` counts, and so does
//! every use that lets somebody else do it. So the answer errs towards "somebody does".

pub mod collected;
mod reopened;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

pub use reopened::is_reopened;

use super::classes::OwnClasses;
use super::fresh::{self, End};
use super::oracle::{Acquire, Oracle};
use super::program::{Keeper, oracle, oracle_of};
use crate::base::Span;
use crate::facts::model::{
    CallId, ContextKind, DefKind, FileFacts, FuncId, Rows, StoreF, StoreKind, Target, Usage,
    ValueId, ValueKind,
};
use crate::link::program::{Sym, ValueRef, last_name};
use crate::link::{ClassRef, Entity, FuncRef, Program};
use crate::models::resources::{Class, Effect, Kind, Resources};

/// An attribute that a method fills with a fresh resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// The class whose method does.
    pub class: ClassRef,
    /// The attribute.
    pub name: Sym,
    /// The file of the opening.
    pub file: u32,
    /// The method.
    pub func: FuncId,
    /// The call that opens.
    pub call: CallId,
    /// The library API that really opens it.
    pub opener: String,
    /// What it is.
    pub kind: Kind,
    /// When CPython gives it back by itself.
    pub class_of_release: Class,
    /// Methods that release it.
    pub closers: Vec<Box<str>>,
    /// Whether dropping it costs nothing that lasts.
    pub harmless: bool,
    /// The class of the program whose instance it is, and by which it holds the resource.
    pub through: Option<Keeper>,
    /// Whether the attribute holds the whole tuple that it is a part of: `self.pair = os.pipe()`.
    pub in_tuple: bool,
    /// Whether the opening stands under a test of the attribute.
    pub is_guarded: bool,
    /// Who gives it back.
    pub owner: Owner,
}

/// Who gives a field back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// Some code does, or may.
    Some,
    /// Nothing but the object's finalizer does.
    Finalizer {
        /// The `__del__`.
        func: FuncRef,
    },
    /// No code does.
    None {
        /// A method of the class that gives other fields back.
        releases_other: Option<FuncRef>,
    },
}

/// Methods that end an object's life.
const ENDS: &[&str] = &[
    "close",
    "aclose",
    "stop",
    "shutdown",
    "disconnect",
    "dispose",
    "cleanup",
    "teardown",
    "terminate",
    "__exit__",
    "__aexit__",
    "__del__",
];

/// Fields of all classes, in the order of files and stores; those that hold instances of the program's own classes come
/// behind the others.
#[must_use]
pub fn fields(program: &Program<'_>, version: (u16, u16)) -> (Vec<Field>, OwnClasses) {
    let files = program.files.len() as u32;
    let mut out: Vec<Field> = (0..files)
        .into_par_iter()
        .flat_map_iter(|file| fields_in(program, file, version))
        .collect();
    let own = OwnClasses::of(program, &out);
    if !own.is_empty() {
        let instances: Vec<Field> = (0..files)
            .into_par_iter()
            .flat_map_iter(|file| instances_in(program, &own, file, version))
            .collect();
        out.extend(instances);
    }
    find_owners(program, &own, &mut out, version);
    (out, own)
}

/// Finds who gives each field back.
fn find_owners(program: &Program<'_>, own: &OwnClasses, out: &mut [Field], version: (u16, u16)) {
    let wanted: FxHashSet<Sym> = out.iter().map(|it| it.name).collect();
    // An event loop is passed about and kept by all who use it; its maker closes it.
    let loops: FxHashSet<Sym> = wanted
        .iter()
        .copied()
        .filter(|&name| {
            let mut them = out.iter().filter(|it| it.name == name);
            them.all(|it| it.kind == Kind::Loop)
        })
        .collect();
    let mut tuples = FxHashMap::default();
    for field in out.iter().filter(|it| it.in_tuple) {
        let api = program.models.resources.get(&field.opener);
        *tuples.entry(field.name).or_default() |= api.is_none_or(|it| it.fields.contains(&1));
    }
    let wanted = Wanted {
        tuples,
        names: wanted,
        loops,
    };
    let released: FxHashMap<Sym, Vec<Release>> = (0..program.files.len() as u32)
        .into_par_iter()
        .map(|file| releases_in(program, own, file, &wanted, version))
        .reduce(FxHashMap::default, |mut all, more| {
            for (name, them) in more {
                all.entry(name).or_default().extend(them);
            }
            all
        });
    let enders: FxHashSet<FuncRef> = closing_methods(program);
    let below = below(program, out);
    for field in out {
        let classes = &below[&field.class];
        let mut by = released
            .get(&field.name)
            .into_iter()
            .flatten()
            .filter(|it| {
                it.of
                    .is_none_or(|it| are_related(program, it, field.class, classes))
            })
            .peekable();
        field.owner = if is_foreign(program, field.class) {
            Owner::Some
        } else if by.peek().is_some() {
            // Each of them, or one that is not the finalizer's.
            by.try_fold(None, |_, it| it.finalizer.map(Some))
                .flatten()
                .map_or(Owner::Some, |func| Owner::Finalizer { func })
        } else {
            let other = program
                .class(field.class)
                .methods
                .iter()
                .map(|&id| FuncRef {
                    file: field.class.file,
                    id,
                })
                .find(|it| enders.contains(it));
            Owner::None {
                releases_other: other,
            }
        };
    }
}

/// The first method that releases it.
#[must_use]
pub fn closer(closers: &[Box<str>]) -> Option<&str> {
    closers.first().map(|it| &**it)
}

fn fields_in(program: &Program<'_>, file: u32, version: (u16, u16)) -> Vec<Field> {
    let facts = program.facts(file);
    let oracle = oracle(program, file, version);
    let mut out = Vec::new();
    for store in facts.stores.iter() {
        let (Target::Attr(name), ValueKind::Var(base), Some(value)) =
            (store.target, facts.values[store.base].kind, store.value)
        else {
            continue;
        };
        let Some(&(class, false)) = program.files[file as usize].selfs.get(&base) else {
            continue;
        };
        let found = match store.kind {
            StoreKind::Assign => whole(
                facts,
                &program.models.resources,
                &oracle,
                value,
                End::Stored,
                0,
            ),
            StoreKind::Part => part(facts, &oracle, store, value),
            _ => None,
        };
        let Some((call, acquire)) = found else {
            continue;
        };
        // What has a finalizer of its own may live on an attribute.
        if acquire.kind == Kind::TemporaryDirectory && acquire.class != Class::A {
            continue;
        }
        let sym = program.sym_of(file, name);
        out.push(Field {
            class: ClassRef { file, id: class },
            name: sym,
            file,
            func: store.func,
            call,
            opener: oracle.opener(call),
            kind: acquire.kind,
            class_of_release: acquire.class,
            closers: acquire.closers.to_vec(),
            harmless: acquire.harmless,
            through: None,
            in_tuple: store.kind == StoreKind::Assign && acquire.field.is_some(),
            is_guarded: is_under_test_of(program, file, store.context, sym),
            owner: Owner::Some,
        });
    }
    out
}

/// Attributes that a method fills with a fresh instance of a class of the program that opens something.
fn instances_in(
    program: &Program<'_>,
    own: &OwnClasses,
    file: u32,
    version: (u16, u16),
) -> Vec<Field> {
    let facts = program.facts(file);
    let oracle = oracle_of(program, own, file, version);
    let mut out = Vec::new();
    for store in facts.stores.iter() {
        let (StoreKind::Assign, Target::Attr(name), ValueKind::Var(base), Some(value)) = (
            store.kind,
            store.target,
            facts.values[store.base].kind,
            store.value,
        ) else {
            continue;
        };
        let (Some(&(class, false)), ValueKind::Call(call)) = (
            program.files[file as usize].selfs.get(&base),
            facts.values[value].kind,
        ) else {
            continue;
        };
        let Some(keeper) = oracle.resolve.keeper_of(call) else {
            continue;
        };
        let Some(acquire) = oracle.acquires(call).pop().filter(|it| !it.is_late) else {
            continue;
        };
        let sym = program.sym_of(file, name);
        out.push(Field {
            class: ClassRef { file, id: class },
            name: sym,
            file,
            func: store.func,
            call,
            opener: keeper.opener.clone(),
            kind: acquire.kind,
            class_of_release: acquire.class,
            closers: acquire.closers.to_vec(),
            harmless: acquire.harmless,
            through: Some(keeper),
            in_tuple: false,
            is_guarded: is_under_test_of(program, file, store.context, sym),
            owner: Owner::Some,
        });
    }
    out
}

/// The call whose fresh result a value is, on one of its branches, or by way of a local name that owns it.
fn whole<'a>(
    facts: &FileFacts,
    resources: &Resources,
    oracle: &'a dyn Oracle,
    value: ValueId,
    end: End,
    depth: u32,
) -> Option<(CallId, Acquire<'a>)> {
    if depth > crate::limits::VALUE_DEPTH {
        return None;
    }
    let any = |rows: Rows, skip: usize| {
        let rows = &facts.lists[rows.range()];
        rows.iter()
            .skip(skip)
            .find_map(|&it| whole(facts, resources, oracle, it, end, depth + 1))
    };
    match facts.values[value].kind {
        ValueKind::Call(call) => {
            let mut acquires = oracle.acquires(call);
            acquires.retain(|it| it.kind != Kind::Pipe);
            // Of a tuple that is kept whole, the first part that is open.
            if acquires.iter().all(|it| it.field.is_some()) {
                acquires.retain(|it| {
                    !matches!(it.kind, Kind::TemporaryFile | Kind::TemporaryDirectory)
                });
                acquires.truncate(1);
            }
            let one = acquires.pop()?;
            (acquires.is_empty()).then_some((call, one))
        }
        ValueKind::Await(inner) => whole(facts, resources, oracle, inner, end, depth + 1),
        ValueKind::Choice(rows) => any(rows, 1),
        ValueKind::Or(rows) => any(rows, 0),
        ValueKind::Var(var) if fresh::is_kept_for(facts, resources, oracle, var, end) => {
            let defs = &facts.defs[facts.vars[var].defs.range()];
            let [def] = defs else { return None };
            let value = def.value.filter(|_| def.kind == DefKind::Assign)?;
            whole(facts, resources, oracle, value, end, depth + 1)
        }
        _ => None,
    }
}

/// The call whose tuple an attribute takes a part of: `self.reader, self.writer = os.pipe()`.
fn part<'a>(
    facts: &FileFacts,
    oracle: &'a dyn Oracle,
    store: &StoreF,
    value: ValueId,
) -> Option<(CallId, Acquire<'a>)> {
    let inner = match facts.values[value].kind {
        ValueKind::Await(inner) => inner,
        _ => value,
    };
    let ValueKind::Call(call) = facts.values[inner].kind else {
        return None;
    };
    // Which part it is says its place among the targets of the same value.
    let is_before = |it: Span| it.start < store.at.start;
    let stores = facts
        .stores
        .iter()
        .filter(|it| it.kind == StoreKind::Part && it.value == Some(value) && is_before(it.at));
    let names = facts
        .defs
        .iter()
        .filter(|it| it.value == Some(value) && is_before(it.at));
    let index = stores.count() + names.count();
    oracle
        .acquires(call)
        .into_iter()
        .find(|it| it.field.map(usize::from) == Some(index))
        .filter(|it| !matches!(it.kind, Kind::TemporaryFile | Kind::TemporaryDirectory))
        .map(|it| (call, it))
}

/// Whether a place stands under a test that mentions the attribute.
fn is_under_test_of(
    program: &Program<'_>,
    file: u32,
    context: Option<crate::facts::model::ContextId>,
    name: Sym,
) -> bool {
    program.contexts(file, context).any(|it| match it {
        ContextKind::If { test, .. } | ContextKind::While { test, .. } => {
            mentions(program, file, test, name, 0)
        }
        ContextKind::Handler { .. } => true,
        _ => false,
    })
}

fn mentions(program: &Program<'_>, file: u32, value: ValueId, name: Sym, depth: u32) -> bool {
    if depth > crate::limits::VALUE_DEPTH {
        return false;
    }
    let facts = program.facts(file);
    let inner = |it| mentions(program, file, it, name, depth + 1);
    match facts.values[value].kind {
        ValueKind::Attr { base, name: it } => program.sym_of(file, it) == name || inner(base),
        ValueKind::Not(it) | ValueKind::Await(it) | ValueKind::Item { base: it, .. } => inner(it),
        ValueKind::And(rows) | ValueKind::Or(rows) => {
            program.list(file, rows).iter().any(|&it| inner(it))
        }
        ValueKind::Compare { left, right, .. } => inner(left) || inner(right),
        ValueKind::Walrus { value, .. } => inner(value),
        // A method that answers may ask the attribute.
        ValueKind::Call(_) => true,
        _ => false,
    }
}

/// Names of attributes that hold resources.
struct Wanted {
    names: FxHashSet<Sym>,
    /// Those that only hold event loops.
    loops: FxHashSet<Sym>,
    /// Those that hold tuples of them, and whether the second item is one too.
    tuples: FxHashMap<Sym, bool>,
}

/// Whether a call may close the event loop that it is given: a function of that name of which we do not see that it does not.
fn may_close_loop(program: &Program<'_>, file: u32, call: CallId) -> bool {
    let facts = program.facts(file);
    let name = last_name(facts, facts.calls[call].callee)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let targets = program.targets(file, call);
    if targets.is_empty() {
        return ["close", "shut", "stop", "dispose", "clean", "finish"]
            .iter()
            .any(|it| name.contains(it));
    }
    targets.iter().any(|it| closes_something(program, it.func))
}

/// Whether a function calls some `close`.
fn closes_something(program: &Program<'_>, func: FuncRef) -> bool {
    let facts = program.facts(func.file);
    let rows = program.func(func).calls;
    (rows.start..rows.end)
        .map(CallId::new)
        .any(|it| last_name(facts, facts.calls[it].callee) == Some("close"))
}

/// Some code that closes an attribute of a name, or lets somebody do it.
#[derive(Clone, Copy)]
struct Release {
    /// The class whose attribute it is, when that is known.
    of: Option<ClassRef>,
    /// The finalizer that does, when it is one.
    finalizer: Option<FuncRef>,
}

/// Attributes that somebody closes, enters or hands out, by name.
fn releases_in(
    program: &Program<'_>,
    own: &OwnClasses,
    file: u32,
    wanted: &Wanted,
    version: (u16, u16),
) -> FxHashMap<Sym, Vec<Release>> {
    let facts = program.facts(file);
    let oracle = oracle(program, file, version);
    let resources = &program.models.resources;
    let mut out: FxHashMap<Sym, Vec<Release>> = FxHashMap::default();
    let attr_of = |value: ValueId| match facts.values[value].kind {
        ValueKind::Attr { name, .. } => {
            Some(program.sym_of(file, name)).filter(|it| wanted.names.contains(it))
        }
        _ => None,
    };
    let mut add = |name: Sym, of: Option<ClassRef>, id: FuncId| {
        let func = FuncRef { file, id };
        let is_finalizer = facts.funcs[id].class.is_some() && program.func_name(func) == "__del__";
        out.entry(name).or_default().push(Release {
            of,
            finalizer: is_finalizer.then_some(func),
        });
    };
    // The class whose attribute it is, when that is known.
    let class_of = |value: ValueId| {
        let ValueKind::Attr { base, .. } = facts.values[value].kind else {
            return None;
        };
        if let ValueKind::Var(var) = facts.values[base].kind
            && let Some(&(id, false)) = program.files[file as usize].selfs.get(&var)
        {
            return Some(ClassRef { file, id });
        }
        match program.entities(ValueRef { file, id: base })[..] {
            [Entity::Instance(class)] => Some(class),
            _ => None,
        }
    };
    let mut borrowed = FxHashSet::default();
    for (id, call) in facts.calls.iter_ids() {
        for (at, arg) in facts.args[call.args.range()].iter().enumerate() {
            let Some(name) = attr_of(arg.value) else {
                continue;
            };
            let effect = oracle.effect_of_argument(id, at);
            let is_borrowed = if wanted.loops.contains(&name) {
                // `asyncio.set_event_loop(self.loop)` where there was none: the next who asks for one finds it.
                let is_taken = effect == Effect::Transfer
                    && oracle.is_modeled(id)
                    && program
                        .contexts(file, call.context)
                        .any(|it| matches!(it, ContextKind::Handler { .. }));
                !is_taken && !may_close_loop(program, file, id)
            } else {
                matches!(effect, Effect::Borrow | Effect::Exhaust)
            };
            if is_borrowed {
                borrowed.insert(arg.value);
            }
        }
        if let ValueKind::Attr { base, .. } = facts.values[call.callee].kind
            && let Some(name) = attr_of(base)
            && matches!(
                oracle.method_effect(id),
                Effect::Close | Effect::Transfer | Effect::Take
            )
        {
            add(name, class_of(base), call.func);
        }
    }
    for (func, fact) in facts.funcs.iter_ids() {
        for read in &facts.reads[fact.reads.range()] {
            let Some(name) = attr_of(read.value) else {
                continue;
            };
            match read.usage {
                Usage::Receiver
                | Usage::AttrBase
                | Usage::ItemBase
                | Usage::Iterated
                | Usage::Searched
                | Usage::Tested
                | Usage::Discarded
                    if !wanted.tuples.contains_key(&name) || read.usage == Usage::Tested => {}
                // Which item of a tuple it is, is asked below.
                Usage::ItemBase => {}
                Usage::Argument if borrowed.contains(&read.value) => {}
                Usage::Stored if wanted.loops.contains(&name) => {}
                Usage::Bound
                    if wanted.loops.contains(&name)
                        && !closes_something(program, FuncRef { file, id: func }) => {}
                _ => add(name, class_of(read.value), func),
            }
        }
        for id in (fact.values.start..fact.values.end).map(crate::base::Idx::new) {
            match facts.values[id].kind {
                ValueKind::Attr { base, name } => {
                    // A loop that is stopped is still open.
                    if let Some(attr) = attr_of(base)
                        && let name = &facts.names[name.0 as usize]
                        && (resources.is_closer(name) || own.is_ender(name))
                        && (name == "close" || !wanted.loops.contains(&attr))
                    {
                        add(attr, class_of(base), func);
                    }
                }
                // `os.close(self.pair[0])`; of `mkstemp` the other item is a path.
                ValueKind::Item { base, key } => {
                    if let Some(attr) = attr_of(base)
                        && let Some(&has_second) = wanted.tuples.get(&attr)
                        && (has_second || facts.values[key].kind != ValueKind::Int(1))
                    {
                        add(attr, class_of(base), func);
                    }
                }
                // `getattr(self, "file").close()`
                ValueKind::Str {
                    text: Some(text), ..
                } => {
                    let sym = program.sym_of(file, text);
                    if wanted.names.contains(&sym)
                        && let Some(class) = program.class_of(FuncRef { file, id: func })
                    {
                        add(sym, Some(class), func);
                    }
                }
                _ => {}
            }
        }
    }
    out
}

/// Of each class with a field: the classes whose instances are also its own.
fn below(program: &Program<'_>, fields: &[Field]) -> FxHashMap<ClassRef, Vec<ClassRef>> {
    let mut below: FxHashMap<ClassRef, Vec<ClassRef>> =
        fields.iter().map(|it| (it.class, Vec::new())).collect();
    for class in program.class_refs() {
        for base in program.mro(class) {
            if let Some(them) = below.get_mut(base) {
                them.push(class);
            }
        }
    }
    below
}

/// Whether some object may be of both classes; `below` are the classes of all objects of the second.
fn are_related(program: &Program<'_>, one: ClassRef, other: ClassRef, below: &[ClassRef]) -> bool {
    one == other || below.iter().any(|&it| program.mro(it).contains(&one))
}

/// Methods that end an object's life by calling a closer on an attribute.
fn closing_methods(program: &Program<'_>) -> FxHashSet<FuncRef> {
    let mut out = FxHashSet::default();
    for func in program.funcs() {
        if program.func(func).class.is_none() || !ENDS.contains(&program.func_name(func)) {
            continue;
        }
        let facts = program.facts(func.file);
        let rows = program.func(func).calls;
        let closes = (rows.start..rows.end).map(CallId::new).any(|id| {
            match facts.values[facts.calls[id].callee].kind {
                ValueKind::Attr { base, name } => {
                    matches!(facts.values[base].kind, ValueKind::Attr { .. })
                        && program
                            .models
                            .resources
                            .is_closer(&facts.names[name.0 as usize])
                }
                _ => false,
            }
        });
        if closes {
            out.insert(func);
        }
    }
    out
}

/// Whether code that is not seen may release the attributes of a class: a base of another library.
fn is_foreign(program: &Program<'_>, class: ClassRef) -> bool {
    const INERT: &[&str] = &[
        "object",
        "ABC",
        "ABCMeta",
        "Generic",
        "Protocol",
        "Thread",
        "Exception",
        "Iterator",
        "Iterable",
    ];
    let Some(info) = program.class_info(class) else {
        return true;
    };
    // `try: from lib import Base`, `except ImportError: Base = object`
    let facts = program.facts(class.file);
    let is_optional = program
        .list(class.file, program.class(class).bases)
        .iter()
        .any(|&base| match facts.values[base].kind {
            ValueKind::Var(var) => {
                let defs = &facts.defs[facts.vars[var].defs.range()];
                defs.len() > 1 && defs.iter().any(|it| matches!(it.kind, DefKind::Import(_)))
            }
            _ => false,
        });
    is_optional
        || info.has_unknown_base
        || info.libraries.iter().any(|&it| {
            let text = program.api_text(it);
            let last = text.rsplit('.').next().unwrap_or(text);
            !INERT.contains(&last)
        })
}

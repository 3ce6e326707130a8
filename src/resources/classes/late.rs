//! Classes of the program whose instances open nothing yet: a method opens what another gives back.
//!
//! ```python
//! class Link:
//!     def __init__(self, host): self.host, self.sock = host, None
//!     def connect(self): self.sock = socket.create_connection(self.host)       # opens
//!     def close(self): self.sock.close()
//!
//! def ask(host):
//!     link = Link(host)
//!     link.connect()             # from here on `link` has to be closed
//!     return link.query()
//! ```
//!
//! A method counts when calling it on a fresh instance opens something whatever happens: the opening stands under no test
//! but such as the instance's own first state decides.

use rustc_hash::FxHashMap;

use super::{Members, Owned, counts};
use crate::facts::model::{ContextId, ContextKind, StoreKind, Target, ValueId, ValueKind, VarId};
use crate::limits;
use crate::link::program::Sym;
use crate::link::{ClassRef, FuncRef, Program};
use crate::models::resources::{Api, ender_rank};
use crate::resources::fields::Field;
use crate::syntax::tree::CompareOp;

/// What a value is at first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    None,
    Bool(bool),
    Unknown,
}

/// What calling a method of a class opens, when the constructor does not.
pub(super) fn of(
    program: &Program<'_>,
    class: ClassRef,
    by_func: &FxHashMap<FuncRef, Vec<&Field>>,
) -> Option<Owned> {
    let of = Members { program, class };
    // Most classes have no such field at all.
    let filled = of.methods().find_map(|func| {
        let fields = by_func.get(&func)?;
        let name = program.func_name(func);
        let is_first = !name.starts_with("__") && ender_rank(name).is_none();
        fields.iter().find(|_| is_first).map(|it| (func, *it))
    });
    let (func, field) = filled?;
    let init = program
        .sym("__init__")
        .and_then(|it| program.method(class, it));
    let built = init.map_or_else(Vec::new, |it| of.built_by(it));
    if built.contains(&func)
        || !of.is_plain()
        || built.iter().chain([&func]).any(|&it| of.hands_on(it))
    {
        return None;
    }
    let first = First::of_instance(&of, &built)?;
    let attribute = field.name;
    // What the constructor fills may be there already.
    if first.get(&attribute).is_some_and(|it| *it != First::None) {
        return None;
    }
    let context = program.facts(field.file).calls[field.call].context;
    if !is_reached(&of, func, context, &first) {
        return None;
    }
    let is_closer = |name: &str| field.closers.iter().any(|it| &**it == name);
    let api = of.api(attribute, &is_closer)?;
    let opened_by = openers(&of, func, &first);
    if opened_by.iter().any(|it| api.closers.contains(it)) {
        return None;
    }
    Some(Owned {
        api: Api {
            opens: Some(field.kind),
            class: Some(field.class_of_release),
            opened_by,
            ..api
        },
        opener: field.opener.clone(),
        attribute,
        keeper: field.class,
    })
    .filter(|_| counts(field))
}

impl First {
    /// What the attributes of a fresh instance hold.
    fn of_instance(of: &Members<'_>, built: &[FuncRef]) -> Option<FxHashMap<Sym, Self>> {
        let program = of.program;
        let mut first = FxHashMap::default();
        for &func in built {
            let facts = program.facts(func.file);
            let fact = program.func(func);
            let this = of.self_of(func)?;
            for store in &facts.stores.as_slice()[fact.stores.range()] {
                let Target::Attr(name) = store.target else {
                    continue;
                };
                if facts.values[store.base].kind != ValueKind::Var(this) {
                    continue;
                }
                let name = program.sym_of(func.file, name);
                let value = match store.value.map(|it| facts.values[it].kind) {
                    _ if store.kind == StoreKind::Declare => continue,
                    Some(ValueKind::None) if store.kind == StoreKind::Assign => Self::None,
                    Some(ValueKind::Bool(it)) if store.kind == StoreKind::Assign => Self::Bool(it),
                    _ => Self::Unknown,
                };
                let known = first.entry(name).or_insert(value);
                if *known != value {
                    *known = Self::Unknown;
                }
            }
        }
        Some(first)
    }
}

/// Whether calling a method on a fresh instance comes by a place, if nothing raises.
fn is_reached(
    of: &Members<'_>,
    func: FuncRef,
    context: Option<ContextId>,
    first: &FxHashMap<Sym, First>,
) -> bool {
    let Some(this) = of.self_of(func) else {
        return false;
    };
    let program = of.program;
    program.contexts(func.file, context).all(|it| match it {
        ContextKind::If { test, outcome } => {
            says(program, func.file, this, test, first, 0) == Some(outcome)
                || super::raises_otherwise(
                    program,
                    program.facts(func.file),
                    func.file,
                    func.id,
                    (test, outcome),
                )
        }
        ContextKind::Try
        | ContextKind::With { .. }
        | ContextKind::Class(_)
        | ContextKind::Finally
        | ContextKind::NotRaised => true,
        _ => false,
    })
}

/// What a test of a fresh instance's attributes says.
fn says(
    program: &Program<'_>,
    file: u32,
    this: VarId,
    test: ValueId,
    first: &FxHashMap<Sym, First>,
    depth: u32,
) -> Option<bool> {
    if depth > limits::VALUE_DEPTH {
        return None;
    }
    let facts = program.facts(file);
    let attr = |value: ValueId| match facts.values[value].kind {
        ValueKind::Attr { base, name } if facts.values[base].kind == ValueKind::Var(this) => {
            first.get(&program.sym_of(file, name)).copied()
        }
        _ => None,
    };
    match facts.values[test].kind {
        ValueKind::Not(it) => says(program, file, this, it, first, depth + 1).map(|it| !it),
        ValueKind::Compare { op, left, right } if facts.values[right].kind == ValueKind::None => {
            let is_none = match attr(left)? {
                First::Unknown => return None,
                it => it == First::None,
            };
            match op {
                CompareOp::Is | CompareOp::Eq => Some(is_none),
                CompareOp::IsNot | CompareOp::NotEq => Some(!is_none),
                _ => None,
            }
        }
        _ => match attr(test)? {
            First::None => Some(false),
            First::Bool(it) => Some(it),
            First::Unknown => None,
        },
    }
}

/// A method that opens, and those that call it on the same instance whatever happens.
fn openers(of: &Members<'_>, func: FuncRef, first: &FxHashMap<Sym, First>) -> Vec<Box<str>> {
    let program = of.program;
    let mut out: Vec<Box<str>> = vec![program.func_name(func).into()];
    let mut at = 0;
    while at < out.len() && out.len() < limits::OVERRIDES {
        let name = out[at].clone();
        at += 1;
        for caller in of.methods() {
            let calls = program.func(caller).calls;
            let is_caller = calls.ids::<crate::facts::model::CallF>().any(|id| {
                of.called_on_self(caller, id)
                    .is_some_and(|it| *program.text(it) == *name)
                    && is_reached(
                        of,
                        caller,
                        program.facts(caller.file).calls[id].context,
                        first,
                    )
            });
            let caller_name = program.func_name(caller);
            let is_ender = ender_rank(caller_name).is_some() || caller_name.starts_with("__");
            if is_caller && !is_ender && !out.iter().any(|it| **it == *caller_name) {
                out.push(caller_name.into());
            }
        }
    }
    out
}

//! Attributes that collect resources: `self.links[name] = socket.create_connection(…)`.
//!
//! Nobody gives one back whose container is only filled, searched and used item by item. Whoever iterates it, takes out of
//! it or gives it away may do so; asked by the attribute's name alone, over the whole program, as for single ones.

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::whole;
use crate::facts::model::{
    CallId, DefKind, FileFacts, StoreKind, Target, Usage, ValueId, ValueKind, VarId,
};
use crate::link::program::{Sym, last_name};
use crate::link::{ClassRef, FuncRef, Program};
use crate::models::resources::{Class, Effect, Kind, Resources};
use crate::resources::fresh::End;
use crate::resources::oracle::{Acquire, Oracle};
use crate::resources::program::oracle;

/// An attribute that collects fresh resources which no code gives back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Collected {
    /// The class whose method fills it.
    pub class: ClassRef,
    /// The attribute.
    pub name: Sym,
    /// The file of the opening.
    pub file: u32,
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
}

/// Methods that put something into a container.
const PUTS: &[&str] = &["append", "appendleft", "add", "insert", "setdefault"];

/// What makes an empty container.
const MAKERS: &[&str] = &["list", "dict", "set", "deque", "OrderedDict", "defaultdict"];

/// All of them, in the order of files.
#[must_use]
pub fn collected(program: &Program<'_>, version: (u16, u16)) -> Vec<Collected> {
    let files = program.files.len() as u32;
    let mut out: Vec<Collected> = (0..files)
        .into_par_iter()
        .flat_map_iter(|file| collected_in(program, file, version))
        .collect();
    let wanted: FxHashSet<Sym> = out.iter().map(|it| it.name).collect();
    if wanted.is_empty() {
        return out;
    }
    let syms: Vec<Sym> = wanted.iter().copied().collect();
    let used: FxHashSet<Sym> = (0..files)
        .into_par_iter()
        .filter(|&file| program.files[file as usize].mentions(&syms))
        .map(|file| used_in(program, file, &wanted, version))
        .reduce(FxHashSet::default, |mut all, more| {
            all.extend(more);
            all
        });
    out.retain(|it| !used.contains(&it.name) && !super::is_foreign(program, it.class));
    out
}

fn collected_in(program: &Program<'_>, file: u32, version: (u16, u16)) -> Vec<Collected> {
    let facts = program.facts(file);
    let oracle = oracle(program, file, version);
    let resources = &program.models.resources;
    let on_self = |value: ValueId| {
        let ValueKind::Attr { base, name } = facts.values[value].kind else {
            return None;
        };
        let ValueKind::Var(var) = facts.values[base].kind else {
            return None;
        };
        match program.files[file as usize].selfs.get(&var) {
            Some(&(id, false)) => Some((ClassRef { file, id }, program.sym_of(file, name))),
            _ => None,
        }
    };
    let mut out = Vec::new();
    let mut note = |(class, name): (ClassRef, Sym), found: Option<(CallId, Acquire<'_>)>| {
        let Some((call, acquire)) = found else { return };
        let matters = crate::resources::classes::matters(acquire.class);
        if !matters || acquire.harmless || acquire.field.is_some() || acquire.is_late {
            return;
        }
        if is_container(program, class, name) {
            out.push(Collected {
                class,
                name,
                file,
                call,
                opener: oracle.opener(call),
                kind: acquire.kind,
                class_of_release: acquire.class,
                closers: acquire.closers.to_vec(),
            });
        }
    };
    for store in facts.stores.iter() {
        if let (StoreKind::Assign, Target::Item(_), Some(value)) =
            (store.kind, store.target, store.value)
            && let Some(place) = on_self(store.base)
        {
            note(
                place,
                whole(facts, resources, &oracle, value, End::Stored, 0),
            );
        }
    }
    for (id, call) in facts.calls.iter_ids() {
        if let ValueKind::Attr { base, name } = facts.values[call.callee].kind
            && let Some(place) = on_self(base)
            && PUTS.contains(&&facts.names[name.0 as usize])
            && let Some(arg) = facts.args[call.args.range()].last()
        {
            note(
                place,
                whole(facts, resources, &oracle, arg.value, End::Given(id), 0),
            );
        }
    }
    out
}

/// Whether an attribute holds nothing but containers that its class makes empty.
fn is_container(program: &Program<'_>, class: ClassRef, name: Sym) -> bool {
    let mut stores = program.attr_stores(class, name).peekable();
    stores.peek().is_some()
        && stores.all(|it| {
            let facts = program.facts(it.file);
            let store = &facts.stores[it.id];
            let func = FuncRef {
                file: it.file,
                id: store.func,
            };
            let is_empty = store.value.is_some_and(|it| match facts.values[it].kind {
                ValueKind::List(rows) | ValueKind::Dict(rows) | ValueKind::Set(rows) => {
                    rows.is_empty()
                }
                ValueKind::Call(call) => last_name(facts, facts.calls[call].callee)
                    .is_some_and(|it| MAKERS.contains(&it)),
                _ => false,
            });
            // Bound again, it lets go of what it held.
            store.kind == StoreKind::Declare && store.value.is_none()
                || is_empty && program.func_name(func) == "__init__"
        })
}

/// Attributes of these names with which something is done that may give back what they hold.
fn used_in(
    program: &Program<'_>,
    file: u32,
    wanted: &FxHashSet<Sym>,
    version: (u16, u16),
) -> FxHashSet<Sym> {
    let facts = program.facts(file);
    let oracle = oracle(program, file, version);
    let resources = &program.models.resources;
    let mut used = FxHashSet::default();
    let attr_of = |value: ValueId| match facts.values[value].kind {
        ValueKind::Attr { name, .. } => {
            Some(program.sym_of(file, name)).filter(|it| wanted.contains(it))
        }
        _ => None,
    };
    // What calls do with the attribute, or with an item of it, and leave it be.
    let mut spared = FxHashSet::default();
    for (id, call) in facts.calls.iter_ids() {
        if let ValueKind::Attr { base, name } = facts.values[call.callee].kind {
            let name = &facts.names[name.0 as usize];
            let is_item = matches!(facts.values[base].kind, ValueKind::Item { base, .. }
                if attr_of(base).is_some());
            if attr_of(base).is_some() && PUTS.contains(&name)
                || is_item
                    && !resources.is_closer(name)
                    && oracle.method_effect(id) == Effect::Borrow
            {
                spared.insert(base);
            }
        }
        for (at, arg) in facts.args[call.args.range()].iter().enumerate() {
            if attr_of(arg.value).is_some()
                && oracle.is_modeled(id)
                && oracle.effect_of_argument(id, at) == Effect::Borrow
            {
                spared.insert(arg.value);
            }
        }
    }
    for fact in facts.funcs.iter() {
        for read in &facts.reads[fact.reads.range()] {
            let Some(name) = attr_of(read.value) else {
                continue;
            };
            let is_spared = match read.usage {
                Usage::Searched | Usage::Tested | Usage::Discarded | Usage::ItemBase => true,
                Usage::Receiver | Usage::Argument | Usage::AttrBase => spared.contains(&read.value),
                Usage::Iterated => spares_elements(facts, &oracle, resources, read.value),
                _ => false,
            };
            if !is_spared {
                used.insert(name);
            }
        }
    }
    used.extend(items_used(facts, &attr_of, &spared));
    for store in facts.stores.iter() {
        // `del self.links[name]`
        if store.kind == StoreKind::Delete
            && let Some(name) = attr_of(store.base)
        {
            used.insert(name);
        }
    }
    // `getattr(self, "links")`
    for value in facts.values.iter() {
        if let ValueKind::Str {
            text: Some(text), ..
        } = value.kind
        {
            let sym = program.sym_of(file, text);
            if wanted.contains(&sym) {
                used.insert(sym);
            }
        }
    }
    used
}

/// Whether a loop does nothing with the elements of what it iterates but to call methods that leave them be.
fn spares_elements(
    facts: &FileFacts,
    oracle: &impl Oracle,
    resources: &Resources,
    iter: ValueId,
) -> bool {
    let elements: FxHashSet<VarId> = facts
        .defs
        .iter()
        .filter(|it| matches!(it.kind, DefKind::Element(_)) && it.value == Some(iter))
        .map(|it| it.var)
        .collect();
    let is_element = |value: ValueId| matches!(facts.values[value].kind, ValueKind::Var(var) if elements.contains(&var));
    let uses = facts.values.iter_ids().filter(|it| is_element(it.0));
    let spared = facts.calls.iter_ids().filter(|(id, call)| {
        matches!(facts.values[call.callee].kind, ValueKind::Attr { base, name }
            if is_element(base)
                && !resources.is_closer(&facts.names[name.0 as usize])
                && oracle.method_effect(*id) == Effect::Borrow)
    });
    !elements.is_empty()
        && elements.iter().all(|&it| !facts.vars[it].is_captured)
        && uses.count() == spared.count()
}

/// Attributes whose items are more than used.
fn items_used(
    facts: &FileFacts,
    attr_of: &impl Fn(ValueId) -> Option<Sym>,
    spared: &FxHashSet<ValueId>,
) -> Vec<Sym> {
    let items = facts
        .values
        .iter_ids()
        .filter_map(|(id, it)| match it.kind {
            ValueKind::Item { base, .. } if !spared.contains(&id) => attr_of(base),
            ValueKind::Slice { base } => attr_of(base),
            _ => None,
        });
    items.collect()
}

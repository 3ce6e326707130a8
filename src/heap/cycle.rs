//! Reference cycles among the objects of one function.

use rustc_hash::{FxHashMap, FxHashSet};

use super::objects::{Holds, Via};
use super::reach::Object;
use crate::base::Span;
use crate::facts::model::{StoreKind, Target, ValueId, ValueKind};
use crate::limits;
use crate::link::effects::EffectKind;
use crate::link::program::ValueRef;
use crate::link::{ClassRef, FuncRef, PlaceKey, Program, Sym};

/// Objects that hold each other in a ring.
#[derive(Clone, Debug)]
pub struct Cycle {
    /// The function that closes it.
    pub func: FuncRef,
    /// Its edges: each ends where the next begins, the last where the first begins.
    pub edges: Box<[Holds]>,
}

/// How an object holds itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Itself {
    /// By an attribute that is bound to it outright.
    Bound,
    /// By an attribute that is bound to it when there is nothing else: `parent or self`.
    Fallback,
    /// By callbacks of weak references to others, which it keeps.
    Callbacks,
}

impl Cycle {
    /// The places that tie it, with the classes of what they tie.
    #[must_use]
    pub fn identity(&self, program: &Program<'_>) -> Vec<(u32, Span, Option<ClassRef>)> {
        let mut out: Vec<_> = self
            .edges
            .iter()
            .map(|it| {
                (
                    it.file,
                    it.at,
                    program.class_of_object(self.func.file, it.from),
                )
            })
            .collect();
        out.sort_unstable();
        out
    }

    /// Whether one call ties all of it: then the function that is called has it too.
    #[must_use]
    pub fn is_of_callee(&self) -> bool {
        match &*self.edges {
            [] | [_] => false,
            [first, rest @ ..] => {
                first.call.is_some() && rest.iter().all(|it| it.call == first.call)
            }
        }
    }

    /// The edge by which an object holds itself, and how.
    #[must_use]
    pub fn holds_itself(&self, program: &Program<'_>) -> Option<(&Holds, Itself)> {
        let [edge] = &*self.edges else {
            return None;
        };
        if edge.file != self.func.file || edge.call.is_some() {
            return None;
        }
        let facts = program.facts(edge.file);
        let is_it = |id: ValueId| match program.value(ValueRef {
            file: edge.file,
            id,
        }) {
            ValueKind::Var(var) => Object::Var(var) == edge.from,
            _ => false,
        };
        let fact = &facts.funcs[self.func.id];
        let is_attr = matches!(edge.by, Via::Attr(_));
        let stored = facts.stores.as_slice()[fact.stores.range()]
            .iter()
            .filter(|it| it.at == edge.at)
            .find_map(|it| it.value);
        let watches = |id: ValueId| watches(program, edge.file, id, 3);
        let falls_back = |id: ValueId| match facts.values[id].kind {
            ValueKind::Or(rows) => program.list(edge.file, rows).iter().any(|&it| is_it(it)),
            ValueKind::Choice(rows) => program
                .list(edge.file, rows)
                .iter()
                .skip(1)
                .any(|&it| is_it(it)),
            _ => false,
        };
        if let Some(id) = stored.filter(|_| is_attr) {
            if is_it(id) {
                return Some((edge, Itself::Bound));
            }
            if falls_back(id) {
                return Some((edge, Itself::Fallback));
            }
        }
        let is_stored = stored.is_some_and(|id| {
            // The one object that it watches is mostly its owner: the callback goes when that goes, and ends the ring.
            !(is_attr && matches!(facts.values[id].kind, ValueKind::Call(_))) && watches(id)
        });
        let is_grown = || {
            facts.calls.as_slice()[fact.calls.range()]
                .iter()
                .filter(|it| it.at == edge.at)
                .any(|it| {
                    facts.args[it.args.range()]
                        .iter()
                        .any(|it| watches(it.value))
                })
        };
        (is_stored || is_grown()).then_some((edge, Itself::Callbacks))
    }

    /// The program's classes among its objects.
    pub fn classes<'a>(&'a self, program: &'a Program<'_>) -> impl Iterator<Item = ClassRef> + 'a {
        self.edges
            .iter()
            .filter_map(|it| program.class_of_object(self.func.file, it.from))
    }
}

/// Whether a value is, or holds, a weak reference with a callback.
fn watches(program: &Program<'_>, file: u32, id: ValueId, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let facts = program.facts(file);
    match facts.values[id].kind {
        ValueKind::Call(call) => {
            let fact = &facts.calls[call];
            facts.args[fact.args.range()].len() > 1
                && program
                    .external(ValueRef {
                        file,
                        id: fact.callee,
                    })
                    .and_then(|it| program.models.holder(it))
                    .is_some_and(|it| it > 0)
        }
        ValueKind::Comp { element, .. } => watches(program, file, element, depth),
        ValueKind::List(rows) | ValueKind::Tuple(rows) => program
            .list(file, rows)
            .iter()
            .any(|&it| watches(program, file, it, depth)),
        _ => false,
    }
}

/// The shortest cycles of a function's object graph, each once.
#[must_use]
pub fn cycles(func: FuncRef, edges: &[Holds]) -> Vec<Cycle> {
    let edges = core(edges);
    let mut after: FxHashMap<Object, Vec<u32>> = FxHashMap::default();
    for (at, edge) in edges.iter().enumerate() {
        after.entry(edge.from).or_default().push(at as u32);
    }
    let mut known: FxHashSet<Vec<u32>> = FxHashSet::default();
    let mut found: Vec<Vec<u32>> = Vec::new();
    for first in 0..edges.len().min(limits::CYCLE_EDGES) as u32 {
        let Some(cycle) = shortest(&edges, &after, first) else {
            continue;
        };
        let mut same = cycle.clone();
        same.sort_unstable();
        if known.insert(same) {
            found.push(cycle);
        }
    }
    found.sort_by_key(Vec::len);
    found
        .into_iter()
        .map(|cycle| Cycle {
            func,
            edges: cycle.into_iter().map(|it| edges[it as usize]).collect(),
        })
        .collect()
}

/// The edges that can be part of a cycle: those left when objects that hold none, or that none holds, are taken away
/// until there are no more.
fn core(edges: &[Holds]) -> Vec<Holds> {
    let mut left: Vec<Holds> = edges.to_vec();
    // Each round is linear; chains longer than the longest cycle that is looked for need not be taken away whole.
    for _ in 0..limits::CYCLE_LENGTH {
        let from: FxHashSet<Object> = left.iter().map(|it| it.from).collect();
        let to: FxHashSet<Object> = left.iter().map(|it| it.to).collect();
        let before = left.len();
        left.retain(|it| from.contains(&it.to) && to.contains(&it.from));
        if left.len() == before {
            break;
        }
    }
    left
}

/// The shortest way from the end of an edge back to its start, breadth first.
fn shortest(edges: &[Holds], after: &FxHashMap<Object, Vec<u32>>, first: u32) -> Option<Vec<u32>> {
    let start = edges[first as usize].from;
    let mut came: FxHashMap<Object, u32> = FxHashMap::default();
    let mut ends = vec![first];
    let mut seen = FxHashSet::from_iter([edges[first as usize].to]);
    for _ in 0..limits::CYCLE_LENGTH {
        let mut next = Vec::new();
        for &last in &ends {
            let end = edges[last as usize].to;
            if end == start {
                let mut cycle = vec![last];
                while cycle[cycle.len() - 1] != first {
                    let from = edges[cycle[cycle.len() - 1] as usize].from;
                    cycle.push(came[&from]);
                }
                cycle.reverse();
                return Some(cycle);
            }
            came.insert(end, last);
            for &edge in after.get(&end).into_iter().flatten() {
                let to = edges[edge as usize].to;
                if to == start || seen.insert(to) {
                    next.push(edge);
                }
            }
        }
        ends = next;
    }
    None
}

/// Attributes that some code sets to `None` or deletes on a receiver of unknown type: it may be any that has one.
#[must_use]
pub fn cut_attributes(program: &Program<'_>) -> FxHashSet<Sym> {
    let mut out = FxHashSet::default();
    for (file, it) in program.files.iter().enumerate() {
        let file = file as u32;
        for store in it.facts.stores.iter() {
            let Target::Attr(name) = store.target else {
                continue;
            };
            let is_none = store
                .value
                .is_some_and(|id| it.facts.values[id].kind == ValueKind::None);
            let name = program.sym_of(file, name);
            if (store.kind == StoreKind::Delete || store.kind == StoreKind::Assign && is_none)
                && !out.contains(&name)
                && program
                    .entities(ValueRef {
                        file,
                        id: store.base,
                    })
                    .is_empty()
            {
                out.insert(name);
            }
        }
    }
    out
}

/// Whether some code sets an attribute of the cycle to `None`, or deletes it: a way to break the cycle by hand.
#[must_use]
pub fn is_broken(program: &Program<'_>, cycle: &Cycle, cut: &FxHashSet<Sym>) -> bool {
    let itself = cycle.holds_itself(program).is_some();
    cycle.edges.iter().any(|edge| {
        let Some(class) = program.class_of_object(cycle.func.file, edge.from) else {
            return false;
        };
        let name = edge.by.name();
        let is_item = matches!(edge.by, Via::Item(_));
        let owner = program.mro(class).iter().copied().chain(
            program
                .class_info(class)
                .into_iter()
                .flat_map(|it| it.subclasses.iter().copied()),
        );
        owner
            .flat_map(|it| [PlaceKey::Instance(it, name), PlaceKey::Class(it, name)])
            .flat_map(|key| program.effects(key))
            .any(|it| match it.kind {
                EffectKind::Rebind => {
                    let is_none = it.value.is_none_or(|id| {
                        program.value(ValueRef {
                            file: it.func.file,
                            id,
                        }) == ValueKind::None
                    });
                    is_none
                        && !matches!(
                            program.func_name(it.func),
                            "__init__" | "__del__" | "__new__"
                        )
                }
                // An element that goes when what it watches goes leaves the others.
                kind => {
                    is_item && !itself && kind.shrinks() && program.func_name(it.func) != "__del__"
                }
            })
            || (if is_item && !itself {
                program.is_removal_guessed(name)
            } else {
                cut.contains(&name)
            })
    })
}

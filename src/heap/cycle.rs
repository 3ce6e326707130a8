//! Reference cycles among the objects of one function.

use rustc_hash::{FxHashMap, FxHashSet};

use super::objects::{Holds, Via};
use super::reach::Object;
use crate::facts::model::ValueKind;
use crate::limits;
use crate::link::effects::EffectKind;
use crate::link::program::ValueRef;
use crate::link::{ClassRef, FuncRef, PlaceKey, Program};

/// Objects that hold each other in a ring.
#[derive(Clone, Debug)]
pub struct Cycle {
    /// The function that closes it.
    pub func: FuncRef,
    /// Its edges: each ends where the next begins, the last where the first begins.
    pub edges: Box<[Holds]>,
}

impl Cycle {
    /// The program's classes among its objects.
    pub fn classes<'a>(&'a self, program: &'a Program<'_>) -> impl Iterator<Item = ClassRef> + 'a {
        self.edges
            .iter()
            .filter_map(|it| program.class_of_object(self.func.file, it.from))
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

/// Whether some code sets an attribute of the cycle to `None`, or deletes it: a way to break the cycle by hand.
#[must_use]
pub fn is_broken(program: &Program<'_>, cycle: &Cycle) -> bool {
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
                kind => is_item && kind.shrinks() && program.func_name(it.func) != "__del__",
            })
            || program.is_removal_guessed(name)
    })
}

//! Reference cycles among the objects of one function.

use super::reach::{Holds, Object, ObjectGraphs};
use crate::facts::model::ValueKind;
use crate::link::effects::EffectKind;
use crate::link::program::ValueRef;
use crate::link::{ClassRef, FuncRef, PlaceKey, Program};

/// Shortest cycles of a function's object graph, one for each first edge.
#[must_use]
pub fn cycles(edges: &[Holds]) -> Vec<Vec<&Holds>> {
    let mut found = Vec::new();
    for first in edges {
        if first.from == first.to {
            found.push(vec![first]);
            continue;
        }
        // Breadth first from the edge's end back to its start.
        let mut paths: Vec<Vec<&Holds>> = vec![vec![first]];
        let mut seen: Vec<Object> = vec![first.to];
        'search: while !paths.is_empty() {
            let mut next = Vec::new();
            for path in &paths {
                let end = path.last().map_or(first.to, |it| it.to);
                for edge in edges.iter().filter(|it| it.from == end) {
                    let mut longer = path.clone();
                    longer.push(edge);
                    if edge.to == first.from {
                        found.push(longer);
                        break 'search;
                    }
                    if !seen.contains(&edge.to) && longer.len() < 6 {
                        seen.push(edge.to);
                        next.push(longer);
                    }
                }
            }
            paths = next;
        }
    }
    found.sort_by_key(Vec::len);
    found
}

/// Whether some code sets an attribute of the cycle to `None`, or deletes it: a way to break the cycle by hand.
#[must_use]
pub fn is_broken(program: &Program<'_>, func: FuncRef, cycle: &[&Holds]) -> bool {
    cycle.iter().any(|edge| {
        let Some(class) = program.class_of_object(func.file, edge.from) else {
            return false;
        };
        let name = edge.by.trim_start_matches('.').trim_end_matches("[…]");
        let Some(name) = program.sym(name) else {
            return false;
        };
        let is_item = edge.by.ends_with("[…]");
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

impl Program<'_> {
    /// Whether a method of the class, or of a base, ties its instance into a cycle that nothing breaks by hand.
    #[must_use]
    pub fn is_cyclic(&self, class: ClassRef, graphs: &ObjectGraphs) -> bool {
        self.mro(class).iter().any(|&owner| {
            self.class(owner).methods.iter().any(|&id| {
                let func = FuncRef {
                    file: owner.file,
                    id,
                };
                let edges = self.object_graph(func, graphs);
                cycles(&edges).into_iter().any(|cycle| {
                    let is_part = cycle.iter().any(|it| {
                        self.class_of_object(func.file, it.from)
                            .is_some_and(|it| self.mro(class).contains(&it))
                    });
                    is_part && !is_broken(self, func, &cycle)
                })
            })
        })
    }
}

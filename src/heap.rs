//! The gc heap that the program would have: what stands in which place, how large it is, whether it grows.
//!
//! [`size`] estimates bytes, [`origin`] says where keys and values come from, [`growth`] decides whether a container only
//! grows, [`path`] tells who holds what from the root. Rules ask here and nowhere else. [`view`] is all of it as a graph to
//! draw.

pub mod cycle;
pub mod growth;
mod held;
pub mod kept;
pub mod objects;
pub mod origin;
pub mod path;
pub mod reach;
mod service;
pub mod size;
pub mod view;

use crate::rules::Context;

/// How much there is to see in a heap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Census {
    /// Allocation sites: displays, comprehensions and calls that make objects.
    pub sites: usize,
    /// Places of gc roots: module and class variables.
    pub roots: usize,
    /// Containers that only grow.
    pub growing: usize,
}

impl Census {
    /// Counts.
    #[must_use]
    pub fn of(cx: &Context<'_>) -> Self {
        use crate::facts::model::ValueKind;
        let mut census = Self {
            growing: cx.growths.len(),
            ..Self::default()
        };
        for file in &cx.program.files {
            census.roots += file.globals.len() + file.class_vars.len();
            census.sites += file
                .facts
                .values
                .iter()
                .filter(|it| {
                    matches!(
                        it.kind,
                        ValueKind::List(_)
                            | ValueKind::Dict(_)
                            | ValueKind::Set(_)
                            | ValueKind::Comp { .. }
                            | ValueKind::Call(_)
                    )
                })
                .count();
        }
        census
    }
}

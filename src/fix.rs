//! Findings to edits: how the source would look without the leak.
//!
//! A rule gives a [`Remedy`], this stage reads the text around and writes a [`Fix`], or none when the text does not allow
//! one that can be relied on. Edits keep comments and formatting; [`apply`] merges those of several findings.
//!
//! Nothing is written to disk here.

pub mod apply;

mod cached;
mod chained;
mod finalizer;
mod holding;
mod imports;
mod source;
#[cfg(test)]
mod tests;
mod with;

use crate::finding::remedy::{Fix, Remedy};
use source::Source;

/// Writes the fixes that are asked for in one file, in the order of the remedies.
///
/// Runs on a thread with a stack of [`STACK_SIZE`](crate::limits::STACK_SIZE).
#[must_use]
pub fn write(text: &str, remedies: &[&Remedy]) -> Vec<Option<Fix>> {
    let Some(source) = Source::read(text) else {
        return vec![None; remedies.len()];
    };
    let write = |remedy: &&Remedy| match remedy {
        Remedy::With(it) => with::write(&source, it),
        Remedy::CachePerInstance { decorator, method } => {
            cached::write(&source, *decorator, *method)
        }
        Remedy::FinalizerOfPart {
            callback,
            method,
            settled,
        } => finalizer::write(&source, *callback, *method, settled),
    };
    remedies.iter().map(write).collect()
}

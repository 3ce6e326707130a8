//! Text to tree: a parser reads the text, its syntax tree is lowered into ours, and names are resolved.
//!
//! Lowering never fails: it returns what could be read and a list of errors. Parser crates are named only below here;
//! `rustpython` and `ruff` are the two doors, `resolve` does scopes and names for both, `pragmas` finds our comments.

mod pragmas;
mod resolve;
mod rustpython;

use crate::base::Span;
use crate::syntax::tree::Module;

/// A place that the parser could not read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    /// What is wrong: lower-case, without a final period.
    pub message: String,
    /// Where.
    pub span: Span,
}

/// A file's tree and what could not be read of it.
#[derive(Debug)]
pub struct Lowered {
    /// The tree, with names resolved.
    pub module: Module,
    /// Errors in file order; empty when the whole file was read.
    pub errors: Vec<SyntaxError>,
}

/// Which parser reads a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Door {
    /// ruff's, and rustpython's when that one panics.
    #[default]
    Auto,
    /// `rustpython-parser`: the grammar of Python 3.11.
    Rustpython,
    /// `ruff_python_parser`: the newest grammar, with error recovery.
    Ruff,
}

/// Reads a file. The text has no byte order mark; names in the tree are resolved.
///
/// Runs on a thread with a stack of [`STACK_SIZE`](crate::limits::STACK_SIZE).
#[must_use]
pub fn lower(text: &str, door: Door) -> Lowered {
    let mut lowered = match door {
        Door::Auto | Door::Rustpython | Door::Ruff => rustpython::lower(text),
    };
    lowered.module.pragmas = pragmas::find(text);
    resolve::resolve(&mut lowered.module);
    lowered
}

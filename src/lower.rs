//! Text to tree: a parser reads the text, its syntax tree is lowered into ours, and names are resolved.
//!
//! Lowering never fails: it returns what could be read and a list of errors. Parser crates are named only below here;
//! `rustpython` and `ruff` are the two doors, `resolve` does scopes and names for both, `pragmas` finds our comments,
//! `cells` makes one text of a notebook's cells, `stub` keeps what a stub can be believed in.

mod cells;
mod pragmas;
mod resolve;
mod ruff;
mod rustpython;
mod stub;

use std::cell::RefCell;
use std::panic::catch_unwind;

pub use cells::lower_cells;

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
    let mut lowered = unresolved(text, door);
    resolve::resolve(&mut lowered.module);
    lowered
}

/// Reads a stub, of which no function stays: classes, the names and types of their members, imports, constants.
#[must_use]
pub fn lower_stub(text: &str, door: Door) -> Lowered {
    let mut lowered = unresolved(text, door);
    stub::reduce(&mut lowered.module);
    resolve::resolve(&mut lowered.module);
    lowered
}

thread_local! {
    /// Room for the tree of the next file: growing its arenas anew for each file costs more than filling them.
    static ROOM: RefCell<Module> = RefCell::default();
}

/// Expressions beyond which a tree's room is not kept for the next: few files are so long.
const ROOM_EXPRS: usize = 1 << 17;

/// Keeps the room that a tree stands in for the next file that this thread lowers.
pub fn recycle(lowered: Lowered) {
    let mut module = lowered.module;
    if module.exprs.capacity() <= ROOM_EXPRS {
        module.clear();
        ROOM.set(module);
    }
}

/// An empty tree.
fn empty_tree() -> Module {
    ROOM.take()
}

fn unresolved(text: &str, door: Door) -> Lowered {
    match door {
        Door::Auto => {
            catch_unwind(|| ruff::lower(text)).unwrap_or_else(|_| rustpython::lower(text))
        }
        Door::Ruff => ruff::lower(text),
        Door::Rustpython => rustpython::lower(text),
    }
}

/// String literals that go over several lines, in order: inside them a line's blanks are text.
#[must_use]
pub fn literals(text: &str) -> Vec<Span> {
    ruff::literals(text)
}

/// A parser's message in our style: lower-case unless it starts with an abbreviation, without a final period.
fn in_our_style(mut message: String) -> String {
    let second = message.as_bytes().get(1);
    let is_word = second.is_none_or(|it| !it.is_ascii_uppercase());
    if is_word && let Some(first) = message.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    message.truncate(message.trim_end_matches('.').len());
    message
}

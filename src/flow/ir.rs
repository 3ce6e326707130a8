//! The flow graph of one function: datatype declarations, and nothing that decides.
//!
//! Instructions are few and small, because every question asked of a graph is about what may still be held where: calls
//! are evaluated, variables bound, values stored away or handed out. What a call does is not said here; the analysis asks
//! the models. Order is CPython's order of evaluation.
//!
//! Every block has at most one exceptional successor ([`BlockF::unwind`]): where control goes when one of its instructions
//! raises. `finally` bodies and `with` exits stand once per way of leaving (normal, exception, return, break, continue),
//! so that a path through the graph is a path through the program.

use serde::{Deserialize, Serialize};

use crate::base::{Idx, Span};
use crate::facts::model::{CallId, FuncId, StoreId, ValueId, VarId};

/// Id of a block.
pub type BlockId = Idx<BlockF>;

/// A function's flow graph. Block 0 is the entry.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Body {
    /// The function.
    pub func: Option<FuncId>,
    /// Blocks.
    pub blocks: Vec<BlockF>,
    /// Instructions, each block's side by side.
    pub insts: Vec<Inst>,
    /// Whether a bound of [`crate::limits`] cut the graph short; nothing may be concluded from such a body.
    pub is_cut: bool,
}

/// A basic block.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct BlockF {
    /// First instruction.
    pub start: u32,
    /// One past the last instruction.
    pub end: u32,
    /// How it ends.
    pub exit: Exit,
    /// Where control goes when an instruction raises; `None` leaves the function by the exception.
    pub unwind: Option<BlockId>,
}

/// How a block ends.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum Exit {
    /// On to a block.
    Goto(BlockId),
    /// By the outcome of a test.
    Branch {
        test: ValueId,
        then: BlockId,
        orelse: BlockId,
    },
    /// To one of two blocks, for reasons the analysis does not follow (loops, handlers, cases).
    Either(BlockId, BlockId),
    /// The function returns (its value was handed out by [`InstKind::Return`]).
    Return,
    /// The exception goes on to [`BlockF::unwind`], or out of the function.
    Raise,
    /// Never reached, or never left.
    Dead,
}

/// An instruction and where it stands.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Inst {
    /// What it does.
    pub kind: InstKind,
    /// The statement or expression.
    pub at: Span,
}

/// Kinds of instruction.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum InstKind {
    /// The call is made; arguments and callee were evaluated before. Its result is [`crate::facts::model::ValueKind::Call`].
    Call(CallId),
    /// `var = value`.
    Bind { var: VarId, value: ValueId },
    /// The variable takes a part of a value: an unpacked or iterated element (position when known), or a caught exception.
    Part {
        var: VarId,
        value: Option<ValueId>,
        index: Option<i16>,
    },
    /// `del var`, or the end of an `except … as var`.
    Unbind(VarId),
    /// A store to an attribute or item.
    Store(StoreId),
    /// The value of an expression statement is dropped.
    Drop(ValueId),
    /// `with` enters the context manager and binds the variable, if any.
    Enter {
        manager: ValueId,
        var: Option<VarId>,
        is_async: bool,
    },
    /// `with` leaves the context manager.
    Exit { manager: ValueId, is_async: bool },
    /// The value is handed to the caller.
    Return(Option<ValueId>),
    /// The value is handed out and the function waits; it may be closed here (`GeneratorExit`).
    Yield(Option<ValueId>),
    /// `await`: may raise `CancelledError`.
    Await(ValueId),
    /// An exception is raised.
    Throw(Option<ValueId>),
    /// A nested function or lambda is made, or a class whose body holds functions; its free variables are captured.
    Define(FuncId),
    /// One step of iterating the value: a `for` loop, a comprehension, `yield from`.
    Iterate(ValueId),
    /// No handler matched, and none of them is for the failures of an operating system: an `OSError` goes on from here.
    PassedOn,
    /// Something else that may raise: a subscript, an import, an `assert`, an unpacking.
    MayRaise,
}

impl InstKind {
    /// Whether it can raise. Whether this very call can is for the analysis to say.
    #[must_use]
    pub const fn may_raise(&self) -> bool {
        match self {
            Self::Call(_)
            | Self::Enter { .. }
            | Self::Exit { .. }
            | Self::Yield(_)
            | Self::Await(_)
            | Self::Throw(_)
            | Self::Iterate(_)
            | Self::MayRaise => true,
            Self::Bind { .. }
            | Self::Part { .. }
            | Self::Unbind(_)
            | Self::Store(_)
            | Self::Drop(_)
            | Self::Return(_)
            | Self::PassedOn
            | Self::Define(_) => false,
        }
    }
}

//! Syntax tree to flow graph, one function at a time.
//!
//! The graph follows CPython's order of evaluation. `finally` bodies and `with` exits stand once per way of leaving them,
//! so that a path through the graph is a path through the program:
//!
//! ```python
//! f = open(p)
//! try:
//!     return f.read()      # call read; return; → copy of the finally body for `return` → leaves
//! finally:                 # call read raises  → copy for exceptions → raises on
//!     f.close()
//! ```
//!
//! Ways of leaving that continue alike share a copy: all `return`s of a `try` run the same `finally` instructions. What is
//! never reached (after `return`, behind `while True` without `break`) has no blocks at all.

mod exprs;
mod stmts;
#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use crate::base::{Idx, Span};
use crate::facts::model::{CallId, FileFacts, ValueId, ValueKind, VarId};
use crate::facts::sites::Sites;
use crate::limits;
use crate::syntax::tree;

use super::ir::{BlockF, BlockId, Body, Exit, Inst, InstKind};

/// The flow graph of a function, a lambda or the module body.
#[must_use]
pub fn build(module: &tree::Module, sites: &Sites, facts: &FileFacts, func: tree::FuncId) -> Body {
    let mut cx = Builder {
        module,
        sites,
        facts,
        blocks: Vec::new(),
        at: None,
        unwind: None,
        frames: Vec::new(),
        insts: 0,
        depth: 0,
        finally_depth: 0,
        is_cut: false,
    };
    let entry = cx.new_block();
    cx.at = Some(entry);
    let function = &module.funcs[func];
    if let Some(value) = function.value {
        cx.expr(value);
        let at = module.exprs[value].span;
        let value = cx.value(value);
        cx.push(InstKind::Return(value), at);
    } else {
        cx.block(function.body);
    }
    cx.exit(Exit::Return);
    let mut body = finish(&cx.blocks, cx.is_cut);
    body.func = Some(Idx::new(func.raw()));
    body
}

/// A block under construction. Ids are positions in [`Builder::blocks`].
struct Block {
    insts: Vec<Inst>,
    exit: Exit,
    unwind: Option<BlockId>,
    /// Whether some block ends by going here.
    is_target: bool,
}

/// What stands around the place under construction and is left by a jump.
struct Frame {
    kind: FrameKind,
    /// Where exceptions go outside of it.
    unwind: Option<BlockId>,
    /// The copies of its leaving code made so far, by way of leaving.
    copies: [Option<BlockId>; 3],
}

#[derive(Clone, Copy)]
enum FrameKind {
    /// A loop.
    Loop { after: BlockId, next: BlockId },
    /// A `try` with this `finally` body.
    Finally(tree::Block),
    /// A `with` over this manager.
    With {
        context: tree::ExprId,
        is_async: bool,
    },
}

/// Ways of leaving by a jump.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Jump {
    Return,
    Break,
    Continue,
}

struct Builder<'a> {
    module: &'a tree::Module,
    sites: &'a Sites,
    facts: &'a FileFacts,
    blocks: Vec<Block>,
    /// The block that instructions are added to; `None` where control never comes.
    at: Option<BlockId>,
    /// Where exceptions go here.
    unwind: Option<BlockId>,
    frames: Vec<Frame>,
    insts: usize,
    depth: u32,
    finally_depth: u32,
    is_cut: bool,
}

impl Builder<'_> {
    fn new_block(&mut self) -> BlockId {
        if self.blocks.len() >= limits::FLOW_BLOCKS {
            self.is_cut = true;
        }
        self.blocks.push(Block {
            insts: Vec::new(),
            exit: Exit::Dead,
            unwind: self.unwind,
            is_target: false,
        });
        Idx::new(self.blocks.len() as u32 - 1)
    }

    fn push(&mut self, kind: InstKind, at: Span) {
        let Some(block) = self.at else { return };
        if self.insts >= limits::FLOW_INSTS {
            self.is_cut = true;
            return;
        }
        self.insts += 1;
        self.blocks[block.index()].insts.push(Inst { kind, at });
    }

    /// Ends the current block.
    fn exit(&mut self, exit: Exit) {
        if let Some(block) = self.at.take() {
            self.blocks[block.index()].exit = exit;
            for target in targets(exit).into_iter().flatten() {
                self.blocks[target.index()].is_target = true;
            }
        }
    }

    fn goto(&mut self, to: BlockId) {
        self.exit(Exit::Goto(to));
    }

    /// Goes on in a block whatever leads there. One that nothing leads to is dropped in the end.
    fn start(&mut self, block: BlockId) {
        self.at = Some(block);
    }

    /// Goes on in a block if some other goes there.
    fn resume(&mut self, block: BlockId) {
        self.at = self.blocks[block.index()].is_target.then_some(block);
    }

    /// Goes on with exceptions leading elsewhere.
    fn set_unwind(&mut self, unwind: Option<BlockId>) {
        if self.unwind == unwind {
            return;
        }
        self.unwind = unwind;
        if self.at.is_some() {
            let next = self.new_block();
            self.goto(next);
            self.start(next);
        }
    }

    /// Runs `then` one level deeper, or cuts the graph.
    fn nested(&mut self, then: impl FnOnce(&mut Self)) {
        if self.depth >= limits::FLOW_DEPTH || self.is_cut {
            self.is_cut = true;
            return;
        }
        self.depth += 1;
        then(self);
        self.depth -= 1;
    }

    fn value(&self, expr: tree::ExprId) -> Option<ValueId> {
        self.sites.value(expr)
    }

    fn call(&self, expr: tree::ExprId) -> Option<CallId> {
        match self.facts.values[self.value(expr)?].kind {
            ValueKind::Call(call) => Some(call),
            _ => None,
        }
    }

    fn span(&self, expr: tree::ExprId) -> Span {
        self.module.exprs[expr].span
    }

    fn kind(&self, expr: tree::ExprId) -> tree::ExprKind {
        self.module.exprs[expr].kind
    }

    fn var(&self, expr: tree::ExprId) -> Option<VarId> {
        match self.kind(expr) {
            tree::ExprKind::Name { var, .. } => var.map(|it| Idx::new(it.raw())),
            _ => None,
        }
    }

    fn push_frame(&mut self, kind: FrameKind, unwind: Option<BlockId>) {
        self.frames.push(Frame {
            kind,
            unwind,
            copies: [None; 3],
        });
    }

    /// Leaves by a jump, through every `finally` and `with` on the way.
    fn jump(&mut self, jump: Jump) {
        let unwind = self.unwind;
        let mut left: Vec<Frame> = Vec::new();
        while self.at.is_some() {
            let Some(frame) = self.frames.pop() else {
                self.exit(Exit::Return);
                break;
            };
            let kind = frame.kind;
            let outer = frame.unwind;
            let copy = frame.copies[jump as usize];
            left.push(frame);
            if let FrameKind::Loop { after, next } = kind {
                match jump {
                    Jump::Return => {}
                    Jump::Break => self.goto(after),
                    Jump::Continue => self.goto(next),
                }
                continue;
            }
            if let Some(copy) = copy {
                self.goto(copy);
                break;
            }
            self.unwind = outer;
            let entry = self.new_block();
            if let Some(frame) = left.last_mut() {
                frame.copies[jump as usize] = Some(entry);
            }
            self.goto(entry);
            self.start(entry);
            self.leave(kind);
        }
        self.at = None;
        self.frames.extend(left.into_iter().rev());
        self.unwind = unwind;
    }

    /// Runs what a frame does when it is left.
    fn leave(&mut self, kind: FrameKind) {
        match kind {
            FrameKind::Loop { .. } => {}
            FrameKind::Finally(body) => {
                if self.finally_depth >= limits::FINALLY_DEPTH {
                    self.is_cut = true;
                    return;
                }
                self.finally_depth += 1;
                self.block(body);
                self.finally_depth -= 1;
            }
            FrameKind::With { context, is_async } => {
                let at = self.span(context);
                if let Some(manager) = self.value(context) {
                    self.push(InstKind::Exit { manager, is_async }, at);
                } else {
                    self.push(InstKind::MayRaise, at);
                }
            }
        }
    }
}

/// Drops unreached blocks and numbers the others in reverse post-order.
fn finish(blocks: &[Block], is_cut: bool) -> Body {
    if is_cut {
        return Body {
            is_cut,
            ..Body::default()
        };
    }
    let order = reverse_post_order(blocks);
    let mut number = vec![None; blocks.len()];
    for (i, &old) in order.iter().enumerate() {
        number[old] = Some(Idx::new(i as u32));
    }
    let renumber = |old: BlockId| -> BlockId {
        number[old.index()].expect("successors of reached blocks are reached")
    };
    let insts = order.iter().map(|&it| blocks[it].insts.len()).sum();
    let mut body = Body {
        blocks: Vec::with_capacity(order.len()),
        insts: Vec::with_capacity(insts),
        ..Body::default()
    };
    for &old in &order {
        let block = &blocks[old];
        let start = body.insts.len() as u32;
        body.insts.extend_from_slice(&block.insts);
        body.blocks.push(BlockF {
            start,
            end: body.insts.len() as u32,
            exit: match block.exit {
                Exit::Goto(to) => Exit::Goto(renumber(to)),
                Exit::Branch { test, then, orelse } => Exit::Branch {
                    test,
                    then: renumber(then),
                    orelse: renumber(orelse),
                },
                Exit::Either(a, b) => Exit::Either(renumber(a), renumber(b)),
                same @ (Exit::Return | Exit::Raise | Exit::Dead) => same,
            },
            unwind: block.unwind.filter(|_| can_unwind(block)).map(renumber),
        });
    }
    body
}

/// Whether an exception can leave the block.
fn can_unwind(block: &Block) -> bool {
    matches!(block.exit, Exit::Raise) || block.insts.iter().any(|it| it.kind.may_raise())
}

fn targets(exit: Exit) -> [Option<BlockId>; 2] {
    match exit {
        Exit::Goto(to) => [Some(to), None],
        Exit::Branch { then, orelse, .. } => [Some(then), Some(orelse)],
        Exit::Either(a, b) => [Some(a), Some(b)],
        Exit::Return | Exit::Raise | Exit::Dead => [None, None],
    }
}

fn successors(block: &Block) -> impl Iterator<Item = usize> {
    let [a, b] = targets(block.exit);
    let unwind = block.unwind.filter(|_| can_unwind(block));
    [unwind, b, a].into_iter().flatten().map(|it| it.index())
}

fn reverse_post_order(blocks: &[Block]) -> Vec<usize> {
    let mut seen = vec![false; blocks.len()];
    let mut order = Vec::new();
    let next_of = |block: usize| successors(&blocks[block]).collect::<SmallVec<[usize; 3]>>();
    let mut stack = vec![(0, next_of(0))];
    seen[0] = true;
    while let Some((block, rest)) = stack.last_mut() {
        if rest.is_empty() {
            order.push(*block);
            stack.pop();
            continue;
        }
        let next = rest.remove(0);
        if !seen[next] {
            seen[next] = true;
            stack.push((next, next_of(next)));
        }
    }
    order.reverse();
    order
}

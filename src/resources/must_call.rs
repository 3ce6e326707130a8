//! Whether what a function opens is closed, or handed on, on every path: must-call as accumulation.
//!
//! Each acquisition is one bit. A state says which may be open, and which each variable may refer to, as its owner or as
//! a view (`GzipFile(fileobj=f)` refers to `f` and does not close it). Opening sets the bit; closing, handing over and
//! whatever is not understood clears it, for all that the variable may refer to. So the analysis errs towards silence:
//!
//! ```python
//! def load(path, own=False):
//!     if isinstance(path, str):
//!         path = open(path); own = True      # bit set; `path` owns it
//!     try:
//!         return json.load(path)             # borrows: bit stays; `return` runs the finally body
//!     finally:
//!         if own: path.close()               # a flag set beside the opening guards the closing: bit cleared
//! ```
//!
//! A bit that is still set where the function ends is an escape. Paths are then searched again one acquisition at a time,
//! first without exceptions, so that the finding can name the place that loses it.

mod guards;
mod paths;
mod state;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use super::oracle::{Acquire, Oracle};
use crate::base::{Idx, Span};
use crate::facts::model::{CallId, ContextKind, FileFacts, ValueKind, VarId};
use crate::flow::ir::{BlockF, BlockId, Body, Exit, Inst, InstKind};
use crate::flow::solve::{self, Analysis, Solution};
use crate::limits;
use crate::models::resources::Class;
use crate::syntax::tree::FuncKind;
use paths::{Known, Paths};
use state::Holding;

/// A resource that gets lost, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Escape<'a> {
    /// The call that opens it.
    pub call: CallId,
    /// What it opens.
    pub acquire: Acquire<'a>,
    /// How it gets lost.
    pub outcome: Outcome,
    /// Where some other path releases it.
    pub released: Option<Span>,
    /// The call that really opens it, when the one that makes it does not yet: `connect`.
    pub opened: Option<Span>,
    /// The name that holds it first.
    pub holder: Option<Holder>,
}

/// A local name that holds what is opened.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Holder {
    /// A variable.
    Var(VarId),
    /// A container that it is put into.
    Container(VarId),
}

/// How a resource gets lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It never had a name: `open(p).read()`.
    Dropped,
    /// A path without exceptions leaves the function here.
    NeverOnNormalPath {
        /// The `return`, or the end of the function.
        leaves: Span,
    },
    /// Its last name is bound to something else here.
    Rebound {
        /// The binding.
        at: Span,
    },
    /// It gets lost only when this raises.
    OnlyOnException {
        /// What may raise.
        raises: Span,
        /// Why that is to be expected.
        failure: Failure,
    },
}

impl Outcome {
    /// Whether it gets lost only when something raises.
    #[must_use]
    pub const fn is_on_exception(self) -> bool {
        matches!(self, Self::OnlyOnException { .. })
    }
}

/// How likely it is that something raises.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Failure {
    /// A method of the resource that fails in the ordinary course of things: nobody listens, the name is taken.
    Ordinary,
    /// A `raise` statement of the function itself.
    Raised,
    /// Anything else that may raise.
    #[default]
    Any,
}

/// Escapes of one function, in the order of their acquisitions; `None` when it opens something and is too large to follow.
///
/// Module bodies have none: what they open lives as long as the process.
#[must_use]
pub fn check<'a>(
    body: &Body,
    facts: &FileFacts,
    oracle: &'a dyn Oracle,
) -> Option<Vec<Escape<'a>>> {
    let Some(func) = body
        .func
        .filter(|&it| facts.funcs[it].kind != FuncKind::Module)
    else {
        return Some(Vec::new());
    };
    let mut sites = Vec::new();
    let mut known = FxHashSet::default();
    for inst in &body.insts {
        if let InstKind::Call(call) = inst.kind
            && known.insert(call)
        {
            sites.extend(oracle.acquires(call).into_iter().map(|it| (call, it)));
        }
    }
    if sites.is_empty() {
        return Some(Vec::new());
    }
    // Each acquisition is followed by itself, over instructions that copy a state.
    let steps = sites.len().saturating_mul(body.insts.len());
    if body.is_cut || steps > limits::FLOW_WORK {
        return None;
    }
    let mut out = Vec::new();
    for chunk in sites.chunks(u64::BITS as usize) {
        let holding = Holding::new(body, facts, oracle, func, chunk);
        if steps.saturating_mul(holding.words()) > limits::FLOW_WORK {
            return None;
        }
        let solution = solve::solve(&holding, body)?;
        let paths = OnceCell::new();
        for (bit, (call, acquire)) in chunk.iter().enumerate() {
            let search = Search {
                body,
                facts,
                holding: &holding,
                solution: &solution,
                paths: &paths,
                bit: 1 << bit,
                call: *call,
            };
            if let Some((outcome, released)) = search.run() {
                let mut acquire = acquire.clone();
                if let Outcome::OnlyOnException { raises, .. } = outcome
                    && holding.is_tied_at(*call, raises)
                {
                    acquire.class = acquire.class.min(Class::B);
                }
                out.push(Escape {
                    call: *call,
                    acquire,
                    outcome,
                    released,
                    opened: search.opened_late(),
                    holder: holding.holder(body, *call),
                });
            }
        }
    }
    Some(out)
}

/// The search for the path on which one acquisition gets lost.
struct Search<'a, 'b> {
    body: &'b Body,
    facts: &'b FileFacts,
    holding: &'b Holding<'b>,
    solution: &'a Solution,
    /// Made when the first one is searched.
    paths: &'a OnceCell<Paths<'b>>,
    bit: u64,
    call: CallId,
}

/// A place that a search has got to.
struct Way {
    block: BlockId,
    /// The next instruction.
    start: usize,
    state: Vec<u64>,
    known: Known,
    /// What was known where it set out.
    first: Known,
    /// The first instruction on the way that raised.
    raised: Option<usize>,
    /// The `return` statement that it passed.
    returned: Option<Span>,
}

/// Which exceptions a search follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Raising {
    Nothing,
    /// `raise` statements, and what fails in the ordinary course of things.
    Expected,
    Anything,
}

/// What a search along some edges found.
#[derive(Default)]
struct Found {
    left: Option<Span>,
    rebound: Option<Span>,
    released: Option<Span>,
    /// The first instruction on the way that raised.
    raised: Option<Span>,
    /// Its position.
    raised_at: Option<usize>,
    /// Whether somebody else has it in the end: an instance that is made, a variable of the module.
    is_kept: bool,
    failure: Failure,
}

impl<'b> Search<'_, 'b> {
    fn run(&self) -> Option<(Outcome, Option<Span>)> {
        let normal = self.walk(Raising::Nothing);
        let is_named = self.holding.is_named(self.bit);
        if let Some(leaves) = normal.left {
            let outcome = match normal.rebound {
                _ if !is_named => Outcome::Dropped,
                Some(at) => Outcome::Rebound { at },
                None => Outcome::NeverOnNormalPath { leaves },
            };
            return Some((outcome, normal.released));
        }
        if let Some(at) = normal.rebound {
            return Some((Outcome::Rebound { at }, normal.released));
        }
        let lost = |raising: Raising| {
            let found = self.walk(raising);
            let raises = found.raised.unwrap_or(self.facts.calls[self.call].at);
            (found.left.is_some() || found.rebound.is_some()).then_some((
                Outcome::OnlyOnException {
                    raises,
                    failure: if raising == Raising::Expected {
                        found.failure
                    } else {
                        Failure::Any
                    },
                },
                found
                    .raised_at
                    .and_then(|it| self.release_after(it))
                    .or(normal.released),
            ))
        };
        // Handing it on late is the caller's risk, unless the failure was to be expected; closing it late is an intention
        // that any exception defeats.
        lost(Raising::Expected).or_else(|| {
            normal.released.filter(|_| !normal.is_kept)?;
            lost(Raising::Anything)
        })
    }

    fn paths(&self) -> &Paths<'b> {
        self.paths
            .get_or_init(|| Paths::new(self.body, self.facts, self.holding))
    }

    /// Follows the bit from its acquisition to wherever it may get, breadth first, so that the nearest way out is named.
    fn walk(&self, raising: Raising) -> Found {
        let paths = self.paths();
        let mut found = Found::default();
        let mut seen: FxHashMap<BlockId, FxHashSet<Known>> = FxHashMap::default();
        let mut queue = VecDeque::new();
        for (block, position) in self.acquisitions() {
            let Some(entry) = self.solution.at(block) else {
                continue;
            };
            let mut state = entry.to_vec();
            let mut known = paths.at(block);
            let start = self.body.blocks[block.index()].start as usize;
            let mut goes_on = true;
            for inst in &self.body.insts[start..=position] {
                goes_on = goes_on && self.holding.apply(inst, &mut state);
                paths.pass(inst, &mut known);
            }
            if goes_on && state[0] & self.bit != 0 {
                queue.push_back(Way {
                    block,
                    start: position + 1,
                    state,
                    first: known.clone(),
                    known,
                    raised: None,
                    returned: None,
                });
            }
        }
        while let Some(way) = queue.pop_front() {
            self.losses(&way, &mut found);
            for (flow, known) in self.ways_on(&way) {
                let block = way.block;
                if flow.raised.is_none() && flow.state[0] & self.bit == 0 {
                    let exit = &self.body.blocks[block.index()].exit;
                    found.released = found
                        .released
                        .or(self.holding.closing_behind(exit, self.bit, &way.state));
                }
                if flow.state[0] & self.bit == 0
                    || flow.is_exception && !self.follows(block, &flow, way.raised, raising)
                {
                    continue;
                }
                let raised = way.raised.or(flow.raised);
                let returned = self.returned_in(block).or(way.returned);
                match flow.to {
                    Some(to) => {
                        let Some(entry) = self.solution.at(to) else {
                            continue;
                        };
                        let seen = seen.entry(to).or_default();
                        let mut known = known;
                        if seen.len() >= limits::PATHS_OF_BLOCK {
                            known.meet(&way.first);
                        }
                        if seen.len() >= 2 * limits::PATHS_OF_BLOCK {
                            known = Known::default();
                        }
                        if seen.insert(known.clone()) {
                            queue.push_back(Way {
                                block: to,
                                start: self.body.blocks[to.index()].start as usize,
                                state: entry.to_vec(),
                                known,
                                first: way.first.clone(),
                                raised,
                                returned,
                            });
                        }
                    }
                    None => {
                        let kept = if flow.is_exception {
                            self.holding.kept_by_module(&flow.state)
                        } else {
                            self.holding.kept(&flow.state)
                        };
                        found.is_kept |= kept & self.bit != 0;
                        if found.left.is_none() && kept & self.bit == 0 {
                            let end = self.end_of(block, flow.is_exception);
                            found.left = Some(if flow.is_exception {
                                end
                            } else {
                                returned.unwrap_or(end)
                            });
                            self.note_raised(raised, &mut found);
                        }
                    }
                }
            }
        }
        found
    }

    /// The ways out of a block that what is known does not rule out, and what is known on each.
    fn ways_on(&self, way: &Way) -> Vec<(solve::Flow, Known)> {
        let paths = self.paths();
        let block = &self.body.blocks[way.block.index()];
        let mut flows = Vec::new();
        solve::flows_from(
            self.holding,
            self.body,
            way.block,
            way.start,
            &way.state,
            &mut |it| flows.push(it),
        );
        let mut known = way.known.clone();
        let mut next = way.start;
        let mut out = Vec::new();
        let mut is_first = true;
        for flow in flows {
            // Flows come in the order of their instructions; those of the exit come last.
            let until = flow.raised.unwrap_or(block.end as usize);
            for inst in &self.body.insts[next..until.max(next)] {
                paths.pass(inst, &mut known);
            }
            next = until.max(next);
            let mut known = known.clone();
            if let Some(at) = flow.raised {
                paths.raise(&self.body.insts[at], &mut known);
            } else if let Exit::Branch { test, .. } = block.exit {
                let outcome = std::mem::take(&mut is_first);
                if paths.outcome(test, &known).is_some_and(|it| it != outcome) {
                    continue;
                }
                paths.learn(test, outcome, &mut known);
            }
            out.push((flow, known));
        }
        out
    }

    fn note_raised(&self, raised: Option<usize>, found: &mut Found) {
        if found.raised.is_some() {
            return;
        }
        let Some(at) = raised else { return };
        let inst = &self.body.insts[at];
        found.raised = Some(inst.at);
        found.raised_at = Some(at);
        found.failure = match inst.kind {
            InstKind::Throw(_) => Failure::Raised,
            _ if self.holding.may_fail(inst, self.bit) => Failure::Ordinary,
            _ => Failure::Any,
        };
    }

    /// What would release it if an instruction did not raise: the nearest one behind it.
    fn release_after(&self, at: usize) -> Option<Span> {
        let holds = |it: &BlockF| (it.start as usize..it.end as usize).contains(&at);
        let first = self.body.blocks.iter().position(holds)?;
        let mut queue = VecDeque::from([first]);
        let mut seen = FxHashSet::default();
        while let Some(number) = queue.pop_front() {
            let block = &self.body.blocks[number];
            let mut state = self.solution.at(Idx::new(number as u32))?.to_vec();
            let mut goes_on = true;
            for position in block.start as usize..block.end as usize {
                let inst = &self.body.insts[position];
                let was_open = state[0] & self.bit != 0;
                goes_on = self.holding.apply(inst, &mut state);
                if number == first && position < at && seen.is_empty() {
                    continue;
                }
                if was_open && state[0] & self.bit == 0 {
                    if self.holding.closes(inst) {
                        return Some(inst.at);
                    }
                    goes_on = false;
                }
                if !goes_on {
                    break;
                }
            }
            let guarded = self.holding.closing_behind(&block.exit, self.bit, &state);
            if goes_on && guarded.is_some() {
                return guarded;
            }
            let next = match block.exit {
                Exit::Goto(to) => [Some(to), None],
                Exit::Branch { then, orelse, .. } => [Some(then), Some(orelse)],
                Exit::Either(a, b) => [Some(a), Some(b)],
                Exit::Return | Exit::Raise | Exit::Dead => [None, None],
            };
            let next = next.into_iter().flatten().filter(|_| goes_on);
            queue.extend(next.map(Idx::index).filter(|it| seen.insert(*it)));
        }
        None
    }

    /// The last `return` statement of a block.
    fn returned_in(&self, block: BlockId) -> Option<Span> {
        let block = self.body.blocks[block.index()];
        let insts = &self.body.insts[block.start as usize..block.end as usize];
        insts
            .iter()
            .rev()
            .find(|it| matches!(it.kind, InstKind::Return(_)))
            .map(|it| it.at)
    }

    /// For what the acquiring call only makes: the call that opens it.
    fn opened_late(&self) -> Option<Span> {
        if !self.holding.is_late(self.bit) {
            return None;
        }
        let (_, position) = self.acquisitions().into_iter().next()?;
        Some(self.body.insts[position].at)
    }

    /// Whether a search goes an exceptional way out of a block, with or without an exception that brought it there.
    fn follows(
        &self,
        block: BlockId,
        flow: &solve::Flow,
        raised: Option<usize>,
        raising: Raising,
    ) -> bool {
        let block = &self.body.blocks[block.index()];
        match (raising, flow.raised) {
            (Raising::Nothing, _) => false,
            // A subscript, an unpacking, an import: bugs, not failures. A closing that fails is not our business.
            (Raising::Anything, Some(at)) => {
                let inst = &self.body.insts[at];
                raised.is_some() && !self.cleans_up(inst)
                    || raised.is_none()
                        && !matches!(inst.kind, InstKind::MayRaise | InstKind::Iterate(_))
                        && !self.holding.closes(inst)
            }
            (Raising::Anything, None) => true,
            // Handlers that all do not match stand for failures that nobody expects.
            // Those for other failures than the operating system's let these pass.
            (Raising::Expected, None) => raised.is_some_and(|it| {
                block.start != block.end
                    && (self.body.insts[block.start as usize].kind != InstKind::PassedOn
                        || matches!(self.body.insts[it].kind, InstKind::Call(_)))
            }),
            (Raising::Expected, Some(at)) => {
                let inst = &self.body.insts[at];
                match inst.kind {
                    InstKind::Throw(Some(_)) => true,
                    // `raise` alone; on its own, an `assert`.
                    InstKind::Throw(None) => raised.is_some(),
                    _ => self.holding.fails(inst, &flow.state) & self.bit != 0,
                }
            }
        }
    }

    /// Whether a call stands in a `finally` clause: what fails there while something else has failed is not followed.
    fn cleans_up(&self, inst: &Inst) -> bool {
        let InstKind::Call(call) = inst.kind else {
            return false;
        };
        let contexts = &self.facts.contexts;
        std::iter::successors(self.facts.calls[call].context, |&it| contexts[it].parent)
            .any(|it| contexts[it].kind == ContextKind::Finally)
    }

    /// Notes releases and rebindings inside a block, up to where the bit is gone.
    fn losses(&self, way: &Way, found: &mut Found) {
        let end = self.body.blocks[way.block.index()].end as usize;
        let mut state = way.state.clone();
        for inst in &self.body.insts[way.start..end] {
            if state[0] & self.bit == 0 {
                return;
            }
            if found.rebound.is_none() && self.holding.loses(inst, &state) & self.bit != 0 {
                found.rebound = Some(inst.at);
                self.note_raised(way.raised, found);
            }
            if !self.holding.apply(inst, &mut state) {
                return;
            }
            if state[0] & self.bit == 0 && found.released.is_none() && self.holding.closes(inst) {
                found.released = Some(inst.at);
            }
        }
    }

    /// Where the acquiring call is made; more than once when it stands in a `finally` body.
    fn acquisitions(&self) -> Vec<(BlockId, usize)> {
        let mut out = Vec::new();
        for (number, block) in self.body.blocks.iter().enumerate() {
            for position in block.start as usize..block.end as usize {
                if self
                    .holding
                    .opens(&self.body.insts[position], self.call, self.bit)
                {
                    out.push((Idx::new(number as u32), position));
                }
            }
        }
        out
    }

    /// The place that a block leaves the function at.
    fn end_of(&self, block: BlockId, is_exception: bool) -> Span {
        let func = self.body.func.expect("checked bodies belong to a function");
        let end = self.facts.funcs[func].span.end;
        let block = self.body.blocks[block.index()];
        let insts = &self.body.insts[block.start as usize..block.end as usize];
        let last = insts
            .iter()
            .rev()
            .find(|it| is_exception || matches!(it.kind, InstKind::Return(_)));
        last.map_or(Span::new(end, end), |it| it.at)
    }
}

/// The attribute name of a method call's callee.
fn method_of(facts: &FileFacts, call: CallId) -> Option<(crate::facts::model::ValueId, &str)> {
    match facts.values[facts.calls[call].callee].kind {
        ValueKind::Attr { base, name } => Some((base, &facts.names[name.0 as usize])),
        _ => None,
    }
}

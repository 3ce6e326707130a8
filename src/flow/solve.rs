//! A forward solver over flow graphs: worklist in reverse post-order, states are sets of bits.
//!
//! A state is a row of 64-bit words; each analysis decides what its bits mean. The lattice is the subsets of those bits
//! ordered by inclusion: bottom is the empty set, join is union, so a set bit says *may*. Blocks start at bottom and only
//! gain bits, hence each is visited at most once per bit that it gains, and the loop ends whatever an analysis does, as
//! long as its effects are monotone.
//!
//! Kept are the states at block entries; states inside are recomputed when asked for. The state that travels along the
//! exceptional edge of a block is the union of the states *before* each instruction that can raise:
//!
//! ```python
//! f = open(p)      # raising here: f not open
//! f.read()         # raising here: f open
//! f.close()        # raising here: the analysis says (we say: closed)
//! ```

use super::ir::{BlockId, Body, Exit, Inst};
use crate::base::Idx;
use crate::limits;

/// Equations over a graph.
pub trait Analysis {
    /// Number of words of a state.
    fn words(&self) -> usize;

    /// Sets the state at the entry of the function.
    fn at_entry(&self, _state: &mut [u64]) {}

    /// What an instruction does when it succeeds. Returns whether control goes on behind it.
    fn apply(&self, inst: &Inst, state: &mut [u64]) -> bool;

    /// Whether an instruction can raise; the state is the one before it.
    fn may_raise(&self, inst: &Inst) -> bool {
        inst.kind.may_raise()
    }

    /// What an instruction does when it raises.
    fn apply_raise(&self, _inst: &Inst, _state: &mut [u64]) {}

    /// What is known once a branch was taken: the outcome of its test.
    fn apply_branch(&self, _exit: &Exit, _outcome: bool, _state: &mut [u64]) {}
}

/// States at the entries of all blocks.
#[derive(Debug)]
pub struct Solution {
    words: usize,
    states: Vec<u64>,
    reached: Vec<bool>,
}

impl Solution {
    /// The state at a block's entry; `None` when control never comes there.
    #[must_use]
    pub fn at(&self, block: BlockId) -> Option<&[u64]> {
        let start = block.index() * self.words;
        self.reached[block.index()].then(|| &self.states[start..start + self.words])
    }
}

/// One way out of a block, with the state that takes it.
#[derive(Debug)]
pub struct Flow {
    /// Where to; `None` leaves the function.
    pub to: Option<BlockId>,
    /// The instruction that raised, for exceptional ways; `None` for a block that ends by raising on.
    pub raised: Option<usize>,
    /// Whether it is an exceptional way.
    pub is_exception: bool,
    /// The state.
    pub state: Vec<u64>,
}

/// Solves the equations. `None` when the function is beyond [`limits::FLOW_STATE_WORDS`], or was cut.
#[must_use]
pub fn solve<A: Analysis>(analysis: &A, body: &Body) -> Option<Solution> {
    let words = analysis.words();
    let blocks = body.blocks.len();
    if body.is_cut || blocks == 0 || blocks.checked_mul(words)? > limits::FLOW_STATE_WORDS {
        return None;
    }
    let mut solution = Solution {
        words,
        states: vec![0; blocks * words],
        reached: vec![false; blocks],
    };
    analysis.at_entry(&mut solution.states[..words]);
    solution.reached[0] = true;
    let mut waiting = vec![false; blocks];
    waiting[0] = true;
    let mut next = Some(0);
    while let Some(block) = next {
        waiting[block] = false;
        let mut lowest = block + 1;
        let entry = solution.states[block * words..(block + 1) * words].to_vec();
        flows(analysis, body, Idx::new(block as u32), &entry, |flow| {
            let Some(to) = flow.to.map(Idx::index) else {
                return;
            };
            let mut grew = !solution.reached[to];
            solution.reached[to] = true;
            let state = &mut solution.states[to * words..(to + 1) * words];
            for (old, new) in state.iter_mut().zip(&flow.state) {
                grew |= *new & !*old != 0;
                *old |= new;
            }
            if grew {
                waiting[to] = true;
                lowest = lowest.min(to);
            }
        });
        next = (lowest..blocks).find(|&it| waiting[it]);
    }
    Some(solution)
}

/// Walks a block from the state at its entry and reports every way out.
pub fn flows<A: Analysis>(
    analysis: &A,
    body: &Body,
    block: BlockId,
    entry: &[u64],
    mut out: impl FnMut(Flow),
) {
    let start = body.blocks[block.index()].start as usize;
    flows_from(analysis, body, block, start, entry, &mut out);
}

/// The same from the instruction at this position, whose state before it is given.
pub fn flows_from<A: Analysis>(
    analysis: &A,
    body: &Body,
    block: BlockId,
    start: usize,
    before: &[u64],
    out: &mut impl FnMut(Flow),
) {
    let block = &body.blocks[block.index()];
    let mut state = before.to_vec();
    for position in start..block.end as usize {
        let inst = &body.insts[position];
        if analysis.may_raise(inst) {
            let mut raised = state.clone();
            analysis.apply_raise(inst, &mut raised);
            out(Flow {
                to: block.unwind,
                raised: Some(position),
                is_exception: true,
                state: raised,
            });
        }
        if !analysis.apply(inst, &mut state) {
            return;
        }
    }
    let mut go = |to: Option<BlockId>, is_exception: bool, state: Vec<u64>| {
        out(Flow {
            to,
            raised: None,
            is_exception,
            state,
        });
    };
    match block.exit {
        Exit::Goto(to) => go(Some(to), false, state),
        Exit::Branch { then, orelse, .. } => {
            let mut other = state.clone();
            analysis.apply_branch(&block.exit, true, &mut state);
            analysis.apply_branch(&block.exit, false, &mut other);
            go(Some(then), false, state);
            go(Some(orelse), false, other);
        }
        Exit::Either(a, b) => {
            go(Some(a), false, state.clone());
            go(Some(b), false, state);
        }
        Exit::Return => go(None, false, state),
        Exit::Raise => go(block.unwind, true, state),
        Exit::Dead => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;
    use crate::flow::ir::{BlockF, InstKind};

    /// Sets the bit of each instruction's position as it succeeds, and bit 63 on the way of one that raises.
    struct Passed;

    impl Analysis for Passed {
        fn words(&self) -> usize {
            1
        }
        fn apply(&self, inst: &Inst, state: &mut [u64]) -> bool {
            state[0] |= 1 << inst.at.start;
            true
        }
        fn apply_raise(&self, _inst: &Inst, state: &mut [u64]) {
            state[0] |= 1 << 63;
        }
    }

    fn body(blocks: &[(u32, Exit, Option<u32>)]) -> Body {
        let mut body = Body::default();
        for &(insts, exit, unwind) in blocks {
            let start = body.insts.len() as u32;
            for at in start..start + insts {
                body.insts.push(Inst {
                    kind: InstKind::MayRaise,
                    at: Span::new(at, at),
                });
            }
            body.blocks.push(BlockF {
                start,
                end: start + insts,
                exit,
                unwind: unwind.map(Idx::new),
            });
        }
        body
    }

    fn entries(body: &Body) -> Vec<Option<u64>> {
        let solution = solve(&Passed, body).expect("small");
        (0..body.blocks.len() as u32)
            .map(|it| solution.at(Idx::new(it)).map(|it| it[0]))
            .collect()
    }

    #[test]
    fn branches_join_by_union_and_loops_reach_a_fixed_point() {
        // 0 → 1 ⇄ 2, 1 → 3
        let it = body(&[
            (1, Exit::Goto(Idx::new(1)), None),
            (1, Exit::Either(Idx::new(2), Idx::new(3)), None),
            (1, Exit::Goto(Idx::new(1)), None),
            (0, Exit::Return, None),
        ]);
        assert_eq!(
            entries(&it),
            [Some(0), Some(0b111), Some(0b111), Some(0b111)]
        );
    }

    #[test]
    fn exceptions_carry_the_state_before_each_instruction() {
        let it = body(&[
            (2, Exit::Goto(Idx::new(1)), Some(2)),
            (0, Exit::Return, None),
            (0, Exit::Raise, None),
            (0, Exit::Return, None),
        ]);
        let raised = 1 << 63;
        assert_eq!(
            entries(&it),
            [Some(0), Some(0b11), Some(raised | 0b01), None]
        );
    }

    #[test]
    fn cut_bodies_have_no_solution() {
        let mut it = body(&[(0, Exit::Return, None)]);
        it.is_cut = true;
        assert!(solve(&Passed, &it).is_none());
    }
}

//! Which bindings of a local may reach where it is read.
//!
//! Reaching definitions (Aho, Lam, Sethi, Ullman: *Compilers*, 9.2.4) over the structured tree, in the one walk that
//! collects the facts. What is said is never too little: a loop, a handler or a `finally` is reached by all bindings of what
//! it stands behind.
//!
//! ```python
//! def names(given):
//!     if isinstance(given, str):
//!         given = [given]
//!     else:
//!         given = list(given)
//!     given.append("")        # one of the two lists, never the caller's
//!     return given
//! ```

use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};

use super::model::{DefF, DefKind, FuncId, Home, ReachF, Rows, ValueId, VarF, VarId};
use crate::base::IndexVec;
use crate::limits;

/// Bindings, as positions in the order of the walk plus one, in rising order; 0 stands for no binding so far.
type Set = SmallVec<[u32; 4]>;

/// The state of the walk through one function at a time.
#[derive(Debug, Default)]
pub(super) struct Reaching {
    /// Of each variable what reaches here; `None` when that may be all of its bindings.
    state: Vec<Option<Set>>,
    /// What was changed, with what it was before.
    log: Vec<(VarId, Option<Set>)>,
    reads: Vec<(ValueId, VarId, Option<Set>)>,
    /// Where the reads of the function begin.
    first_read: usize,
    loops: usize,
    /// Changes of state in the function so far.
    steps: usize,
    is_dead: bool,
    /// Whether the function is too large or too deep to be followed.
    is_off: bool,
}

/// The state at the end of a branch: what it changed, and whether it leaves.
pub(super) struct Branch {
    changes: Vec<(VarId, Option<Set>)>,
    is_dead: bool,
}

impl Branch {
    /// Whether control leaves before its end.
    pub(super) fn is_dead(&self) -> bool {
        self.is_dead
    }
}

/// Where a branch begins.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    log: usize,
    is_dead: bool,
}

/// Where a loop begins.
#[derive(Clone, Copy)]
pub(super) struct Loop {
    mark: Mark,
    reads: usize,
    defs: usize,
}

impl Reaching {
    pub(super) fn new(vars: usize) -> Self {
        Self {
            state: vec![Some(smallvec![0]); vars],
            ..Self::default()
        }
    }

    pub(super) fn enter_function(&mut self) {
        self.log.clear();
        self.first_read = self.reads.len();
        self.loops = 0;
        self.steps = 0;
        self.is_dead = false;
        self.is_off = false;
    }

    fn give_up(&mut self) {
        self.is_off = true;
        self.reads.truncate(self.first_read);
    }

    /// A parameter is bound before its function runs.
    pub(super) fn parameter(&mut self, var: VarId, at: usize) {
        self.state[var.index()] = Some(smallvec![at as u32 + 1]);
    }

    /// The binding at a position of the walk is run.
    pub(super) fn define(&mut self, def: &DefF, at: usize) {
        let id = at as u32 + 1;
        let is_kept = matches!(
            def.kind,
            DefKind::Augment(_) | DefKind::Declare | DefKind::Capture
        );
        let after = if is_kept {
            with(self.state[def.var.index()].clone(), id)
        } else {
            Some(smallvec![id])
        };
        self.set(def.var, after);
    }

    /// A variable is bound inside an expression, which may not be evaluated.
    pub(super) fn define_perhaps(&mut self, var: VarId, at: usize) {
        let after = with(self.state[var.index()].clone(), at as u32 + 1);
        self.set(var, after);
    }

    fn set(&mut self, var: VarId, to: Option<Set>) {
        if self.is_off {
            return;
        }
        self.steps += 1;
        if self.steps > limits::REACHING_STEPS {
            self.give_up();
            return;
        }
        let before = std::mem::replace(&mut self.state[var.index()], to);
        self.log.push((var, before));
    }

    pub(super) fn read(&mut self, value: ValueId, var: VarId) {
        if !self.is_off {
            self.reads
                .push((value, var, self.state[var.index()].clone()));
        }
    }

    /// Control leaves here: `return`, `raise`, `break`, `continue`.
    pub(super) fn leave(&mut self) {
        self.is_dead = true;
    }

    pub(super) fn fork(&self) -> Mark {
        Mark {
            log: self.log.len(),
            is_dead: self.is_dead,
        }
    }

    /// Ends a branch: the state is that of its beginning again.
    pub(super) fn end_branch(&mut self, mark: Mark) -> Branch {
        let is_dead = std::mem::replace(&mut self.is_dead, mark.is_dead);
        let mut changes: Vec<(VarId, Option<Set>)> = Vec::new();
        // The first change of a variable has what was before the branch; the state has what is after it.
        for (var, before) in self.log.drain(mark.log.min(self.log.len())..).rev() {
            let after = std::mem::replace(&mut self.state[var.index()], before);
            changes.push((var, after));
        }
        changes.reverse();
        changes.sort_by_key(|it| it.0);
        // Stable, so the last entry of each variable is its latest change.
        changes.reverse();
        changes.dedup_by_key(|it| it.0);
        Branch { changes, is_dead }
    }

    /// Goes on as a branch ended.
    pub(super) fn resume(&mut self, branch: &Branch) {
        for (var, after) in &branch.changes {
            self.set(*var, after.clone());
        }
        self.is_dead = branch.is_dead;
    }

    /// Control also leaves here when it left before: after a `finally`.
    pub(super) fn leave_if(&mut self, left: bool) {
        self.is_dead |= left;
    }

    /// Goes on after branches, one of which was taken.
    pub(super) fn join(&mut self, branches: &[Branch]) {
        let live: Vec<&Branch> = branches.iter().filter(|it| !it.is_dead).collect();
        if live.is_empty() {
            self.is_dead = true;
            return;
        }
        let mut all: FxHashMap<VarId, (usize, Option<Set>)> = FxHashMap::default();
        for branch in &live {
            for (var, after) in &branch.changes {
                match all.entry(*var) {
                    std::collections::hash_map::Entry::Vacant(it) => {
                        it.insert((1, after.clone()));
                    }
                    std::collections::hash_map::Entry::Occupied(mut it) => {
                        let (count, set) = it.get_mut();
                        *count += 1;
                        *set = union(set.take(), after.as_ref());
                    }
                }
            }
        }
        for (var, (count, set)) in all {
            let set = if count == live.len() {
                set
            } else {
                union(set, self.state[var.index()].as_ref())
            };
            self.set(var, set);
        }
    }

    /// Goes on where any of the bindings since a position may have been run, or none of them.
    pub(super) fn widen(&mut self, defs: &[DefF], since: usize, func: FuncId) {
        self.is_dead = false;
        if self.is_off {
            return;
        }
        for (at, def) in defs.iter().enumerate().skip(since) {
            if def.func == func {
                self.define_perhaps(def.var, at);
            }
        }
    }

    pub(super) fn start_loop(&mut self, defs: usize) -> Loop {
        self.loops += 1;
        // CPython compiles no more than 20 nested blocks.
        if self.loops > 20 {
            self.give_up();
        }
        Loop {
            mark: self.fork(),
            reads: self.reads.len(),
            defs,
        }
    }

    /// Ends a loop: what its body reads may have been bound in an earlier round.
    pub(super) fn end_loop(&mut self, start: Loop, defs: &[DefF], func: FuncId) {
        self.loops -= 1;
        self.end_branch(start.mark);
        self.is_dead = false;
        if self.is_off {
            return;
        }
        let mut bound: FxHashMap<VarId, Option<Set>> = FxHashMap::default();
        for (at, def) in defs.iter().enumerate().skip(start.defs) {
            if def.func == func {
                let set = bound.entry(def.var).or_insert_with(|| Some(Set::new()));
                *set = with(set.take(), at as u32 + 1);
            }
        }
        for (_, var, set) in &mut self.reads[start.reads.max(self.first_read)..] {
            // Bindings are counted in the order of the walk: what is bound before the loop comes with a smaller number.
            let is_from_before = set
                .as_ref()
                .is_none_or(|it| it.first().is_none_or(|&id| id as usize <= start.defs));
            if is_from_before && let Some(of_loop) = bound.get(var) {
                *set = union(set.take(), of_loop.as_ref());
            }
        }
        for (var, of_loop) in bound {
            let after = union(self.state[var.index()].clone(), of_loop.as_ref());
            self.set(var, after);
        }
    }

    /// The reads that not all bindings of their variable reach, in rising order. `places` tells where each binding of the
    /// walk stands in the table.
    pub(super) fn finish(
        self,
        places: &[u32],
        defs: &[DefF],
        vars: &IndexVec<VarF>,
    ) -> (Vec<ReachF>, Vec<u32>) {
        let mut rows = Vec::new();
        let mut list = Vec::new();
        for (value, var, set) in self.reads {
            let Some(set) = set else { continue };
            let of_var = &defs[vars[var].defs.range()];
            let is_bound_elsewhere = of_var.iter().any(|it| it.func != vars[var].func);
            if of_var.len() < 2 || is_bound_elsewhere || set.as_slice() == [0] {
                continue;
            }
            let start = list.len();
            list.extend(
                set.iter()
                    .filter(|&&id| id > 0)
                    .map(|&id| places[id as usize - 1]),
            );
            // What a declaration says holds for all bindings.
            list.extend(
                vars[var]
                    .defs
                    .range()
                    .filter(|&at| defs[at].kind == DefKind::Declare)
                    .map(|at| at as u32),
            );
            list[start..].sort_unstable();
            let mut kept = start;
            for at in start..list.len() {
                if kept == start || list[kept - 1] != list[at] {
                    list[kept] = list[at];
                    kept += 1;
                }
            }
            list.truncate(kept);
            if list.len() - start >= of_var.len() {
                list.truncate(start);
                continue;
            }
            rows.push(ReachF {
                value,
                defs: Rows {
                    start: start as u32,
                    end: list.len() as u32,
                },
            });
        }
        (rows, list)
    }
}

/// Whether a variable's bindings are followed: it is a local of the function that reads it.
pub(super) fn is_followed(var: &VarF, func: FuncId) -> bool {
    var.home == Home::Function && var.func == func
}

fn with(set: Option<Set>, id: u32) -> Option<Set> {
    let mut set = set?;
    match set.binary_search(&id) {
        Ok(_) => Some(set),
        Err(_) if set.len() >= limits::REACHING_DEFS => None,
        Err(at) => {
            set.insert(at, id);
            Some(set)
        }
    }
}

fn union(one: Option<Set>, other: Option<&Set>) -> Option<Set> {
    let other = other?;
    let mut all = one?;
    for &id in other {
        all = with(Some(all), id)?;
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use crate::facts::collect::collect;
    use crate::facts::model::ValueKind;
    use crate::lower::{Door, lower};

    /// Of each read of `x` the line, and the lines of the bindings that reach it.
    fn reached(source: &str) -> String {
        let lowered = lower(source, Door::Ruff);
        assert!(lowered.errors.is_empty(), "{:?}", lowered.errors);
        let facts = collect(source, &lowered);
        let line = |at: u32| 1 + source[..at as usize].matches('\n').count();
        let reads = facts.values.iter_ids().filter_map(|(id, value)| {
            let ValueKind::Var(var) = value.kind else {
                return None;
            };
            if lowered.module.names.text(facts.vars[var].name) != "x" {
                return None;
            }
            let from: Vec<String> = facts
                .reaching(Some(id), var)
                .map(|it| line(it.at.start).to_string())
                .collect();
            Some(format!("{}<{}", line(value.at), from.join(",")))
        });
        reads.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_binding_ends_those_before() {
        let source = "def f(x):\n  g(x)\n  x = list(x)\n  g(x)\n";
        assert_eq!(reached(source), "2<1 3<1 4<3");
    }

    #[test]
    fn branches_meet() {
        let source = "def f(x, a):\n  if a:\n    x = 1\n    g(x)\n  elif b:\n    x = 2\n    return\n  g(x)\n";
        assert_eq!(reached(source), "4<3 8<1,3");
        let source = "def f(x, a):\n  if a:\n    x = 1\n  else:\n    x = 2\n  g(x)\n";
        assert_eq!(reached(source), "6<3,5");
    }

    #[test]
    fn a_loop_reads_what_an_earlier_round_bound() {
        let source = "def f(x):\n  for i in a:\n    g(x)\n    x = i\n    g(x)\n  g(x)\n";
        assert_eq!(reached(source), "3<1,4 5<4 6<1,4");
        let source = "def f(x):\n  x = []\n  while x:\n    for x in a:\n      g(x)\n";
        assert_eq!(reached(source), "3<2,4 5<4");
        let source = "def f(x):\n  for i in a:\n    if i:\n      x = i\n      continue\n    g(x)\n";
        assert_eq!(reached(source), "6<1,4");
    }

    #[test]
    fn a_handler_reads_what_may_have_been_bound() {
        let source = "def f(x):\n  try:\n    x = 1\n    x = 2\n  except E:\n    g(x)\n    x = 3\n  else:\n    g(x)\n  finally:\n    g(x)\n  g(x)\n";
        assert_eq!(reached(source), "6<1,3,4 9<4 11<1,3,4,7 12<1,3,4,7");
        let source = "def f(x):\n  try:\n    x = 1\n  except E:\n    return\n  g(x)\n";
        assert_eq!(reached(source), "6<3");
        let source = "def f(x):\n  with a:\n    x = 1\n    raise E\n  g(x)\n";
        assert_eq!(reached(source), "5<3");
    }

    #[test]
    fn what_may_not_be_evaluated_ends_nothing() {
        // What a declaration says holds everywhere.
        let source =
            "def f(x):\n  a and (x := 1)\n  g(x)\n  x += 1\n  g(x)\n  x: int\n  x = 2\n  g(x)\n";
        assert_eq!(reached(source), "3<1,2,6 5<1,2,4,6 8<6,7");
        let source =
            "def f(x):\n  match a:\n    case 1:\n      x = 1\n    case _:\n      x = 2\n  g(x)\n";
        assert_eq!(reached(source), "7<1,4,6");
    }

    #[test]
    fn what_another_function_binds_reaches_everywhere() {
        let source = "def f(x):\n  def g():\n    nonlocal x\n    x = 1\n  x = 2\n  g()\n  h(x)\n";
        assert_eq!(reached(source), "7<1,4,5");
        let source = "x = 1\nx = 2\ng(x)\n";
        assert_eq!(reached(source), "3<1,2");
    }

    #[test]
    fn a_function_that_is_too_large_is_not_followed() {
        let mut source = String::from("def f(x):\n");
        source.push_str(&"  x = 1\n".repeat(crate::limits::REACHING_STEPS + 1));
        source.push_str("  g(x)\n");
        let lowered = lower(&source, Door::Ruff);
        assert!(collect(&source, &lowered).reaches.is_empty());
    }
}

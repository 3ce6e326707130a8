//! Closings under a condition that goes with the opening.
//!
//! ```python
//! own = isinstance(path, str)
//! f = open(path) if own else path
//! ...
//! if own: f.close()          # closed whenever it was opened here
//! ```
//!
//! States do not know that `own` and the opening go together. So a test that guards a closing counts as the closing when
//! it is about the resource itself (`f is not sys.stdin`, `not f.closed`), about a flag that the function sets, or about
//! something that the opening stood under too. So does one that asks for nothing but the caller's wish to have it closed,
//! and does nothing else: `if delete: os.unlink(path)`. A test before an early `return` guards nothing: the other way must
//! lead to where the closing leads.

use rustc_hash::{FxHashMap, FxHashSet};

use super::state::Holding;
use crate::base::{Name, Span};
use crate::facts::model::{
    CallF, CallId, ContextId, ContextKind, DefKind, FileFacts, Usage, ValueId, ValueKind, VarId,
};
use crate::flow::ir::{Body, Exit, InstKind};
use crate::limits;
use crate::models::resources::ender_rank;
use crate::resources::must_call::method_of;

/// A test that counts as closing.
pub(super) struct Guard {
    /// What the variable owns is closed.
    pub(super) var: VarId,
    /// Of these acquisitions.
    pub(super) of: u64,
    /// The closing.
    pub(super) at: Span,
    /// Whether it closes, rather than hands over.
    pub(super) closes: bool,
}

/// By the value that a branch tests.
#[derive(Default)]
pub(super) struct Guards {
    by_test: FxHashMap<ValueId, Vec<Guard>>,
}

/// A variable, or an attribute of one, that a test asks about.
type Subject = (VarId, Option<Name>);

impl Guards {
    pub(super) fn find(body: &Body, facts: &FileFacts, holding: &Holding<'_>) -> Self {
        let mut guards = Self::default();
        let opened: Vec<_> = holding
            .sites()
            .iter()
            .map(|(call, _)| (*call, subjects_of(facts, facts.calls[*call].context)))
            .collect();
        for (number, block) in body.blocks.iter().enumerate() {
            for inst in &body.insts[block.start as usize..block.end as usize] {
                let InstKind::Call(call) = inst.kind else {
                    continue;
                };
                if facts.calls[call].context.is_none() {
                    continue;
                }
                let closes = holding.closes(inst);
                for var in holding.discharged(call) {
                    guards.note(body, holding, (call, closes), var, number, &opened);
                }
            }
        }
        guards
    }

    fn note(
        &mut self,
        body: &Body,
        holding: &Holding<'_>,
        (call, closes): (CallId, bool),
        var: VarId,
        block: usize,
        opened: &[(CallId, FxHashSet<Subject>)],
    ) {
        let facts = holding.facts();
        for test in tests_of(facts, facts.calls[call].context) {
            let mut asked = FxHashSet::default();
            add_subjects(facts, test, 0, &mut asked);
            let is_about = asked.iter().any(|(it, _)| *it == var);
            let mut of = if is_about { u64::MAX } else { 0 };
            for (bit, them) in opened.iter().enumerate() {
                let (call, subjects) = them;
                let is_told = |(it, attr): &Subject| {
                    attr.is_none() && is_flag(facts, *it) && !is_earlier(facts, *it, *call)
                };
                if asked.iter().any(|it| subjects.contains(it) || is_told(it)) {
                    of |= 1 << bit;
                }
            }
            let is_wanted = is_wish(facts, holding, test) && is_only_closing(facts, holding, call);
            if closes && (is_wanted || asked.iter().any(|it| ends_beside(facts, it, call))) {
                of = u64::MAX;
            }
            if of == 0 {
                continue;
            }
            let mut leaves = Vec::new();
            add_leaves(facts, test, 0, &mut leaves);
            for leaf in leaves {
                if !says_it_is_there(facts, leaf, var) && joins(body, leaf, block) {
                    self.by_test.entry(leaf).or_default().push(Guard {
                        var,
                        of,
                        at: facts.calls[call].at,
                        closes,
                    });
                }
            }
        }
    }

    pub(super) fn at(&self, test: ValueId) -> &[Guard] {
        self.by_test.get(&test).map_or(&[], Vec::as_slice)
    }
}

/// Whether a test asks for nothing but a parameter that is on or off unless the caller says otherwise: `delete=True`.
fn is_wish(facts: &FileFacts, holding: &Holding<'_>, test: ValueId) -> bool {
    match facts.values[test].kind {
        ValueKind::Not(inner) => is_wish(facts, holding, inner),
        ValueKind::Var(var) => {
            let params = &facts.params[facts.funcs[holding.func()].params.range()];
            let default = params
                .iter()
                .find(|it| it.var == var)
                .and_then(|it| it.default);
            facts.vars[var].defs.len() == 1
                && default.is_some_and(|it| matches!(facts.values[it].kind, ValueKind::Bool(_)))
        }
        _ => false,
    }
}

/// Whether what a test asks for is itself ended beside a closing: `if session: session.close(); engine.dispose()`. What is
/// ended together was there together.
fn ends_beside(facts: &FileFacts, (var, attr): &Subject, closing: CallId) -> bool {
    let call = &facts.calls[closing];
    attr.is_none()
        && facts.funcs[facts.vars[*var].func]
            .calls
            .ids::<CallF>()
            .any(|it| {
                it != closing
                    && facts.calls[it].context == call.context
                    && method_of(facts, it).is_some_and(|(base, name)| {
                        facts.values[base].kind == ValueKind::Var(*var)
                            && ender_rank(name).is_some()
                    })
            })
}

/// Whether all that is called beside a closing, under the same test, closes something too.
fn is_only_closing(facts: &FileFacts, holding: &Holding<'_>, closing: CallId) -> bool {
    let context = facts.calls[closing].context;
    facts.funcs[holding.func()]
        .calls
        .ids::<CallF>()
        .all(|it| facts.calls[it].context != context || it == closing || holding.closes_by(it))
}

/// Tests that a place stands under.
fn tests_of(facts: &FileFacts, context: Option<ContextId>) -> Vec<ValueId> {
    let mut tests = Vec::new();
    let mut at = context;
    while let Some(context) = at.filter(|_| tests.len() < limits::TESTS_FOLLOWED) {
        if let ContextKind::If { test, .. } | ContextKind::While { test, .. } =
            facts.contexts[context].kind
        {
            tests.push(test);
        }
        at = facts.contexts[context].parent;
    }
    tests
}

fn subjects_of(facts: &FileFacts, context: Option<ContextId>) -> FxHashSet<Subject> {
    let mut subjects = FxHashSet::default();
    for test in tests_of(facts, context) {
        add_subjects(facts, test, 0, &mut subjects);
    }
    subjects
}

fn add_subjects(facts: &FileFacts, value: ValueId, depth: u32, out: &mut FxHashSet<Subject>) {
    if depth > limits::VALUE_DEPTH {
        return;
    }
    let mut add = |it| add_subjects(facts, it, depth + 1, out);
    match facts.values[value].kind {
        ValueKind::Var(var) | ValueKind::Walrus { var, .. } => {
            out.insert((var, None));
        }
        ValueKind::Attr { base, name } => match facts.values[base].kind {
            ValueKind::Var(var) => {
                out.insert((var, Some(name)));
            }
            _ => add(base),
        },
        ValueKind::Not(it) | ValueKind::Sign(it) | ValueKind::Item { base: it, .. } => add(it),
        ValueKind::And(rows) | ValueKind::Or(rows) => {
            facts.lists[rows.range()].iter().for_each(|&it| add(it));
        }
        ValueKind::Compare { left, right, .. } => {
            add(left);
            add(right);
        }
        ValueKind::Call(call) => {
            let fact = &facts.calls[call];
            if let ValueKind::Attr { base, .. } = facts.values[fact.callee].kind {
                add(base);
            }
            for arg in &facts.args[fact.args.range()] {
                add(arg.value);
            }
        }
        _ => {}
    }
}

/// Whether a variable is set to a truth value somewhere.
fn is_flag(facts: &FileFacts, var: VarId) -> bool {
    facts.defs[facts.vars[var].defs.range()].iter().any(|def| {
        let (DefKind::Assign, Some(value)) = (def.kind, def.value) else {
            return false;
        };
        match facts.values[value].kind {
            ValueKind::Bool(_)
            | ValueKind::None
            | ValueKind::Compare { .. }
            | ValueKind::Not(_)
            | ValueKind::And(_)
            | ValueKind::Or(_) => true,
            ValueKind::Call(call) => match facts.values[facts.calls[call].callee].kind {
                ValueKind::Var(callee) => matches!(
                    &facts.names[facts.vars[callee].name.0 as usize],
                    "isinstance" | "hasattr" | "callable" | "bool"
                ),
                _ => false,
            },
            _ => false,
        }
    })
}

/// Whether a flag is set once, before something is opened whatever it says: it tells nothing of the opening.
fn is_earlier(facts: &FileFacts, var: VarId, call: CallId) -> bool {
    let call = &facts.calls[call];
    let is_bound = matches!(call.usage, Usage::Bound | Usage::Awaited);
    let [def] = &facts.defs[facts.vars[var].defs.range()] else {
        return false;
    };
    let mut at = call.context;
    while let Some(context) = at {
        let context = &facts.contexts[context];
        if matches!(
            context.kind,
            ContextKind::If { .. } | ContextKind::Handler { .. } | ContextKind::Case { .. }
        ) {
            return false;
        }
        at = context.parent;
    }
    is_bound && def.at.start < call.at.start
}

/// The tests that `and`, `or` and `not` are made of; the graph branches on these.
fn add_leaves(facts: &FileFacts, test: ValueId, depth: u32, out: &mut Vec<ValueId>) {
    if depth > limits::VALUE_DEPTH {
        return;
    }
    match facts.values[test].kind {
        ValueKind::And(rows) | ValueKind::Or(rows) => {
            for &it in &facts.lists[rows.range()] {
                add_leaves(facts, it, depth + 1, out);
            }
        }
        ValueKind::Not(it) => add_leaves(facts, it, depth + 1, out),
        _ => out.push(test),
    }
}

/// `f`, `f is None`: what follows from such a test is known, so it need not be guessed.
fn says_it_is_there(facts: &FileFacts, test: ValueId, var: VarId) -> bool {
    let is_var = |it: ValueId| facts.values[it].kind == ValueKind::Var(var);
    let is_none = |it: ValueId| facts.values[it].kind == ValueKind::None;
    match facts.values[test].kind {
        ValueKind::Var(it) => it == var,
        ValueKind::Compare { left, right, .. } => {
            is_var(left) && is_none(right) || is_none(left) && is_var(right)
        }
        _ => false,
    }
}

/// Whether both ways out of a branch on the test come together behind a block that one of them leads to.
fn joins(body: &Body, test: ValueId, closing: usize) -> bool {
    let after = reach(body, closing, usize::MAX);
    body.blocks.iter().enumerate().any(|(number, block)| {
        let Exit::Branch {
            test: asked,
            then,
            orelse,
        } = block.exit
        else {
            return false;
        };
        let meets = |way: usize| {
            let reached = reach(body, way, number);
            reached.contains(&closing) || reached.iter().any(|it| after.contains(it))
        };
        asked == test && meets(then.index()) && meets(orelse.index())
    })
}

/// Blocks reached without exceptions from one, itself included, not going through another.
fn reach(body: &Body, from: usize, not: usize) -> FxHashSet<usize> {
    let mut reached = FxHashSet::default();
    let mut stack = vec![from];
    while let Some(block) = stack.pop() {
        if block == not || !reached.insert(block) {
            continue;
        }
        match body.blocks[block].exit {
            Exit::Goto(to) => stack.push(to.index()),
            Exit::Branch { then, orelse, .. } => stack.extend([then.index(), orelse.index()]),
            Exit::Either(a, b) => stack.extend([a.index(), b.index()]),
            Exit::Return | Exit::Raise | Exit::Dead => {}
        }
    }
    reached
}

//! What tests said on the way, of names that nothing has changed since.
//!
//! ```python
//! opened = False
//! if path:
//!     f = open(path); opened = True      # from here on: `opened` is true
//! ...
//! if opened: f.close()                   # so nobody leaves this test by its other way with the file open
//! ```
//!
//! States of the solver are joined where ways meet, so they forget that. The search for the way on which a resource gets
//! lost therefore carries a few facts with it and does not take branches that contradict them. Known where a search begins
//! is what holds on every way there. Assumed are constants with different names to be different, and calls to change every
//! attribute and no local variable.

mod constants;

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::state::Holding;
use crate::base::Name;
use crate::facts::model::{CallId, FileFacts, Home, Rows, Target, ValueId, ValueKind, VarId};
use crate::flow::ir::{BlockId, Body, Exit, Inst, InstKind};
use crate::flow::solve::Analysis;
use crate::limits;
use crate::syntax::tree::CompareOp;

/// Something that tests ask about: a variable, an attribute of one, a comparison of such.
type Subject = u32;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Constant {
    None,
    Bool(bool),
    Int(i32),
    Text(Name),
    /// A name of a module or class that holds a constant: `Mode.READ`.
    Symbol(Name),
}

/// What a subject is known to be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Fact {
    Is(Constant),
    Truth(bool),
    /// One of the constants of this display.
    Among(ValueId),
    /// Anything but `None`.
    Some,
}

/// What is known on a way: a few subjects, in order.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub(super) struct Known {
    rows: Vec<(Subject, Fact)>,
}

impl Known {
    fn get(&self, subject: Subject) -> Option<Fact> {
        let at = self.rows.binary_search_by_key(&subject, |it| it.0).ok()?;
        Some(self.rows[at].1)
    }

    fn set(&mut self, subject: Subject, fact: Fact) {
        match self.rows.binary_search_by_key(&subject, |it| it.0) {
            Ok(at) => self.rows[at].1 = fact,
            Err(at) if self.rows.len() < limits::PATH_FACTS => {
                self.rows.insert(at, (subject, fact));
            }
            Err(_) => {}
        }
    }

    /// Keeps what the other knows too. Returns whether anything was dropped.
    pub(super) fn meet(&mut self, other: &Self) -> bool {
        let before = self.rows.len();
        self.rows
            .retain(|row| other.rows.binary_search(row).is_ok());
        self.rows.len() != before
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Var(VarId),
    Attr(Subject, Name),
    Constant(Constant),
    Compare(CompareKind, Subject, Subject),
    Call(Name, Vec<Subject>),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum CompareKind {
    Equal,
    Less,
    LessOrEqual,
    In,
}

/// A subject and what changes it.
struct Row {
    vars: Vec<VarId>,
    /// Whether a call may change it: an attribute, a length, a variable that other functions see.
    is_shared: bool,
    /// Places that tell or ask what it is; with one alone nothing can be concluded.
    uses: u32,
}

/// The subjects of one function's tests.
pub(super) struct Paths<'a> {
    facts: &'a FileFacts,
    body: &'a Body,
    holding: &'a Holding<'a>,
    keys: FxHashMap<Key, Subject>,
    rows: Vec<Row>,
    /// By the value that a branch tests, or a variable is bound to.
    values: FxHashMap<ValueId, Subject>,
    by_var: FxHashMap<VarId, Subject>,
    entries: Vec<Option<Known>>,
}

/// Functions whose answer about what they are given stays the same.
const PURE: &[&str] = &["isinstance", "issubclass", "callable", "bool", "type"];
/// Those whose answer stays the same until somebody changes what they are given.
const STEADY: &[&str] = &["len", "hasattr", "getattr", "str", "int"];

impl<'a> Paths<'a> {
    pub(super) fn new(body: &'a Body, facts: &'a FileFacts, holding: &'a Holding<'a>) -> Self {
        let mut it = Self {
            facts,
            body,
            holding,
            keys: FxHashMap::default(),
            rows: Vec::new(),
            values: FxHashMap::default(),
            by_var: FxHashMap::default(),
            entries: Vec::new(),
        };
        for block in &body.blocks {
            if let Exit::Branch { test, .. } = block.exit {
                it.note(test, 0);
            }
        }
        if !it.rows.is_empty() {
            for inst in &body.insts {
                if let InstKind::Bind { var, value } = inst.kind {
                    it.note(value, 0);
                    if let Some(&subject) = it.by_var.get(&var) {
                        it.rows[subject as usize].uses += 1;
                    }
                }
            }
            for store in facts.stores.as_slice()[facts.funcs[holding.func()].stores.range()].iter()
            {
                if let Target::Attr(name) = store.target
                    && let Some(base) = it.subject(store.base, 0)
                {
                    let subject = it.attr(base, name);
                    it.rows[subject as usize].uses += 1;
                }
            }
        }
        it.entries = it.at_entries();
        it
    }

    /// Whether there is anything to know.
    fn is_idle(&self) -> bool {
        self.rows.is_empty()
    }

    fn add(&mut self, key: Key, row: impl FnOnce(&Self) -> Row) -> Subject {
        if let Some(&known) = self.keys.get(&key) {
            return known;
        }
        let id = self.rows.len() as Subject;
        let row = row(self);
        self.rows.push(row);
        if let Key::Var(var) = key {
            self.by_var.insert(var, id);
        }
        self.keys.insert(key, id);
        id
    }

    fn note(&mut self, value: ValueId, depth: u32) {
        if depth > limits::VALUE_DEPTH {
            return;
        }
        match self.facts.values[value].kind {
            ValueKind::Not(inner) => self.note(inner, depth + 1),
            ValueKind::And(rows) | ValueKind::Or(rows) => {
                for &it in &self.facts.lists[rows.range()] {
                    self.note(it, depth + 1);
                }
            }
            _ => {
                if let Some(subject) = self.subject(value, depth)
                    && self.values.insert(value, subject).is_none()
                {
                    self.rows[subject as usize].uses += 1;
                    if let ValueKind::Compare { left, right, .. } = self.facts.values[value].kind {
                        for side in [left, right] {
                            if let Some(asked) = self.known_subject(side) {
                                self.rows[asked as usize].uses += 1;
                            }
                        }
                    }
                }
            }
        }
    }

    fn attr(&mut self, base: Subject, name: Name) -> Subject {
        self.add(Key::Attr(base, name), |it| Row {
            vars: it.rows[base as usize].vars.clone(),
            is_shared: true,
            uses: 0,
        })
    }

    fn subject(&mut self, value: ValueId, depth: u32) -> Option<Subject> {
        if depth > limits::VALUE_DEPTH {
            return None;
        }
        if let Some(constant) = self.constant(value) {
            return Some(self.add(Key::Constant(constant), |_| Row {
                vars: Vec::new(),
                is_shared: false,
                uses: 0,
            }));
        }
        match self.facts.values[value].kind {
            ValueKind::Var(var) => Some(self.add(Key::Var(var), |it| {
                let fact = &it.facts.vars[var];
                let is_local = matches!(fact.home, Home::Function | Home::Comprehension)
                    && fact.func == it.holding.func()
                    && !fact.is_captured;
                Row {
                    vars: vec![var],
                    is_shared: !is_local,
                    uses: 0,
                }
            })),
            ValueKind::Attr { base, name } => {
                let base = self.subject(base, depth + 1)?;
                Some(self.attr(base, name))
            }
            ValueKind::Compare { op, left, right } => {
                let (kind, left, right) = match op {
                    CompareOp::Eq | CompareOp::NotEq | CompareOp::Is | CompareOp::IsNot => {
                        (CompareKind::Equal, left, right)
                    }
                    CompareOp::Lt | CompareOp::GtE => (CompareKind::Less, left, right),
                    CompareOp::LtE | CompareOp::Gt => (CompareKind::LessOrEqual, left, right),
                    CompareOp::In | CompareOp::NotIn => (CompareKind::In, left, right),
                };
                let left = self.subject(left, depth + 1)?;
                let right = self.subject(right, depth + 1)?;
                Some(self.add(Key::Compare(kind, left, right), |it| {
                    let rows = [&it.rows[left as usize], &it.rows[right as usize]];
                    Row {
                        vars: rows.iter().flat_map(|it| it.vars.iter().copied()).collect(),
                        is_shared: rows.iter().any(|it| it.is_shared) || kind == CompareKind::In,
                        uses: 0,
                    }
                }))
            }
            ValueKind::Call(call) => {
                let name = self.plain_callee(call)?;
                let text = &self.facts.names[name.0 as usize];
                let is_steady = STEADY.contains(&text);
                if !is_steady && !PURE.contains(&text) {
                    return None;
                }
                let args: Option<Vec<Subject>> = self.facts.args
                    [self.facts.calls[call].args.range()]
                .iter()
                .map(|it| self.subject(it.value, depth + 1))
                .collect();
                let args = args?;
                Some(self.add(Key::Call(name, args.clone()), |it| {
                    let rows = || args.iter().map(|&at| &it.rows[at as usize]);
                    Row {
                        vars: rows().flat_map(|it| it.vars.iter().copied()).collect(),
                        is_shared: is_steady || rows().any(|it| it.is_shared),
                        uses: 0,
                    }
                }))
            }
            _ => None,
        }
    }

    /// The name of a builtin that is called.
    fn plain_callee(&self, call: CallId) -> Option<Name> {
        match self.facts.values[self.facts.calls[call].callee].kind {
            ValueKind::Var(var) if self.facts.vars[var].defs.is_empty() => {
                Some(self.facts.vars[var].name)
            }
            _ => None,
        }
    }

    fn set(&self, subject: Subject, fact: Fact, known: &mut Known) {
        if self.rows[subject as usize].uses > 1 {
            known.set(subject, fact);
        }
    }

    /// How a test comes out, when that is known.
    pub(super) fn outcome(&self, test: ValueId, known: &Known) -> Option<bool> {
        if known.rows.is_empty() {
            return None;
        }
        self.outcome_at(test, known, 0)
    }

    fn outcome_at(&self, test: ValueId, known: &Known, depth: u32) -> Option<bool> {
        if depth > limits::VALUE_DEPTH {
            return None;
        }
        let all = |rows: Rows, ends: bool| {
            let mut is_sure = true;
            for &it in &self.facts.lists[rows.range()] {
                match self.outcome_at(it, known, depth + 1) {
                    Some(it) if it == ends => return Some(ends),
                    Some(_) => {}
                    None => is_sure = false,
                }
            }
            is_sure.then_some(!ends)
        };
        match self.facts.values[test].kind {
            ValueKind::Not(inner) => self.outcome_at(inner, known, depth + 1).map(|it| !it),
            ValueKind::And(rows) => all(rows, false),
            ValueKind::Or(rows) => all(rows, true),
            ValueKind::Compare { op, left, right } => {
                let is_turned = turns(op);
                if matches!(op, CompareOp::In | CompareOp::NotIn)
                    && let Some(Fact::Is(it)) =
                        self.known_subject(left).and_then(|it| known.get(it))
                    && let Some(is_among) = self.is_among(it, right)
                {
                    return Some(is_among != is_turned);
                }
                let subject = *self.values.get(&test)?;
                if let Some(Fact::Truth(it)) = known.get(subject) {
                    return Some(it != is_turned);
                }
                if !matches!(
                    op,
                    CompareOp::Eq | CompareOp::NotEq | CompareOp::Is | CompareOp::IsNot
                ) {
                    return None;
                }
                let (asked, constant) = match (self.constant(left), self.constant(right)) {
                    (None, Some(it)) => (left, it),
                    (Some(it), None) => (right, it),
                    _ => return None,
                };
                let asked = self.known_subject(asked)?;
                let is_equal = match known.get(asked)? {
                    Fact::Is(it) => it.equals(constant)?,
                    // What is true is not `None`, `0` or empty.
                    Fact::Truth(true) if constant.truth(self.facts) == Some(false) => false,
                    // What is counted and is false is `0`.
                    Fact::Truth(false) if constant == Constant::Int(0) => true,
                    Fact::Some if constant == Constant::None => false,
                    Fact::Truth(_) | Fact::Some => return None,
                    Fact::Among(them) => self.is_left(asked, constant, them, known)?,
                };
                Some(is_equal != is_turned)
            }
            _ => match known.get(*self.values.get(&test)?)? {
                Fact::Truth(it) => Some(it),
                Fact::Is(it) => it.truth(self.facts),
                Fact::Among(_) | Fact::Some => None,
            },
        }
    }

    /// The subject that a value was noted as.
    fn known_subject(&self, value: ValueId) -> Option<Subject> {
        match self.facts.values[value].kind {
            ValueKind::Var(var) => self.by_var.get(&var).copied(),
            ValueKind::Attr { base, name } => {
                let base = self.known_subject(base)?;
                self.keys.get(&Key::Attr(base, name)).copied()
            }
            _ => None,
        }
    }

    /// Adds what a test says that came out so.
    pub(super) fn learn(&self, test: ValueId, outcome: bool, known: &mut Known) {
        if !self.is_idle() {
            self.learn_at(test, outcome, known, 0);
        }
    }

    fn learn_at(&self, test: ValueId, outcome: bool, known: &mut Known, depth: u32) {
        if depth > limits::VALUE_DEPTH {
            return;
        }
        match self.facts.values[test].kind {
            ValueKind::Not(inner) => self.learn_at(inner, !outcome, known, depth + 1),
            ValueKind::And(rows) if outcome => {
                for &it in &self.facts.lists[rows.range()] {
                    self.learn_at(it, true, known, depth + 1);
                }
            }
            ValueKind::Or(rows) if !outcome => {
                for &it in &self.facts.lists[rows.range()] {
                    self.learn_at(it, false, known, depth + 1);
                }
            }
            ValueKind::Compare { op, left, right } => {
                let holds = outcome != turns(op);
                if holds && matches!(op, CompareOp::In | CompareOp::NotIn) {
                    self.set_among(left, right, known);
                }
                let Some(&subject) = self.values.get(&test) else {
                    return;
                };
                self.set(subject, Fact::Truth(holds), known);
                let is_equality = matches!(
                    op,
                    CompareOp::Eq | CompareOp::NotEq | CompareOp::Is | CompareOp::IsNot
                );
                if holds && is_equality {
                    let (asked, constant) = match (self.constant(left), self.constant(right)) {
                        (None, Some(it)) => (left, it),
                        (Some(it), None) => (right, it),
                        _ => return,
                    };
                    if let Some(asked) = self.known_subject(asked) {
                        self.set(asked, Fact::Is(constant), known);
                    }
                } else if is_equality
                    && [left, right]
                        .iter()
                        .any(|&it| self.is_one_of_some(it, known))
                {
                    // One less that it can be.
                    known.set(subject, Fact::Truth(false));
                }
            }
            _ => {
                if let Some(&subject) = self.values.get(&test)
                    && !matches!(known.get(subject), Some(Fact::Is(_) | Fact::Among(_)))
                {
                    self.set(subject, Fact::Truth(outcome), known);
                }
            }
        }
    }

    /// What an instruction changes.
    pub(super) fn pass(&self, inst: &Inst, known: &mut Known) {
        if self.is_idle() {
            return;
        }
        match inst.kind {
            InstKind::Bind { var, value } => {
                let fact = match self.constant(value) {
                    Some(it) => Some(Fact::Is(it)),
                    None => match self.facts.values[value].kind {
                        ValueKind::Var(from) => {
                            let copied = self.by_var.get(&from).and_then(|&it| known.get(it));
                            copied.or_else(|| self.replaces_none(var, value))
                        }
                        ValueKind::Call(call) if self.holding.is_true(call) => {
                            Some(Fact::Truth(true))
                        }
                        _ => self
                            .outcome(value, known)
                            .map(Fact::Truth)
                            .or_else(|| self.replaces_none(var, value)),
                    },
                };
                self.forget_var(var, known);
                if let Some(fact) = fact
                    && let Some(&subject) = self.by_var.get(&var)
                {
                    self.set(subject, fact, known);
                }
            }
            InstKind::Part { var, value, index } => {
                self.forget_var(var, known);
                // `for mode in ("r", "w"):`
                if let (Some(value), None, Some(&subject)) = (value, index, self.by_var.get(&var))
                    && self.elements(value).is_some()
                {
                    self.set(subject, Fact::Among(value), known);
                }
            }
            InstKind::Unbind(var) | InstKind::Enter { var: Some(var), .. } => {
                self.forget_var(var, known);
                self.forget_shared(inst, known);
            }
            InstKind::Store(store) => {
                let store = &self.facts.stores[store];
                let Target::Attr(name) = store.target else {
                    return;
                };
                known
                    .rows
                    .retain(|(subject, _)| !self.rows[*subject as usize].is_shared);
                if let Some(constant) = store.value.and_then(|it| self.constant(it))
                    && let Some(base) = self.known_subject(store.base)
                    && let Some(&subject) = self.keys.get(&Key::Attr(base, name))
                {
                    self.set(subject, Fact::Is(constant), known);
                }
            }
            _ => self.forget_shared(inst, known),
        }
    }

    fn forget_var(&self, var: VarId, known: &mut Known) {
        known
            .rows
            .retain(|(subject, _)| !self.rows[*subject as usize].vars.contains(&var));
    }

    /// What an instruction changes that raises.
    pub(super) fn raise(&self, inst: &Inst, known: &mut Known) {
        self.forget_shared(inst, known);
    }

    /// Forgets what others may have changed.
    fn forget_shared(&self, inst: &Inst, known: &mut Known) {
        let is_opaque = match inst.kind {
            InstKind::Call(call) => {
                let is_asking = self.plain_callee(call).is_some_and(|it| {
                    let text = &self.facts.names[it.0 as usize];
                    PURE.contains(&text) || STEADY.contains(&text)
                });
                !is_asking && !self.holding.is_modeled(call)
            }
            InstKind::Enter { .. }
            | InstKind::Exit { .. }
            | InstKind::Yield(_)
            | InstKind::Await(_)
            | InstKind::Iterate(_) => true,
            _ => false,
        };
        if is_opaque {
            known
                .rows
                .retain(|(subject, _)| !self.rows[*subject as usize].is_shared);
        }
    }

    /// What is known at the entry of a block, whichever way led there.
    pub(super) fn at(&self, block: BlockId) -> Known {
        let known = self.entries.get(block.index()).and_then(Option::as_ref);
        known.cloned().unwrap_or_default()
    }

    /// What holds at the entries of all blocks on every way: a few rounds over the graph, each dropping facts.
    fn at_entries(&self) -> Vec<Option<Known>> {
        let blocks = self.body.blocks.len();
        let mut entries: Vec<Option<Known>> = vec![None; blocks];
        if self.is_idle() || blocks == 0 {
            return entries;
        }
        entries[0] = Some(Known::default());
        let mut queue = VecDeque::from([0]);
        let mut waiting = vec![false; blocks];
        while let Some(at) = queue.pop_front() {
            waiting[at] = false;
            let block = &self.body.blocks[at];
            let mut known = entries[at].clone().expect("only entered blocks wait");
            let mut raised: Option<Known> = None;
            for inst in &self.body.insts[block.start as usize..block.end as usize] {
                if block.unwind.is_some() && self.holding.may_raise(inst) {
                    let mut before = known.clone();
                    self.forget_shared(inst, &mut before);
                    match &mut raised {
                        Some(it) => drop(it.meet(&before)),
                        None => raised = Some(before),
                    }
                }
                self.pass(inst, &mut known);
            }
            let mut go = |to: BlockId, known: &Known| {
                let grew = match &mut entries[to.index()] {
                    Some(it) => it.meet(known),
                    none => {
                        *none = Some(known.clone());
                        true
                    }
                };
                if grew && !waiting[to.index()] {
                    waiting[to.index()] = true;
                    queue.push_back(to.index());
                }
            };
            if let (Some(to), Some(known)) = (block.unwind, &raised) {
                go(to, known);
            }
            match block.exit {
                Exit::Goto(to) => go(to, &known),
                Exit::Branch { test, then, orelse } => {
                    let outcome = self.outcome(test, &known);
                    for (way, to) in [(true, then), (false, orelse)] {
                        if outcome.is_none_or(|it| it == way) {
                            let mut known = known.clone();
                            self.learn(test, way, &mut known);
                            go(to, &known);
                        }
                    }
                }
                Exit::Either(a, b) => {
                    go(a, &known);
                    go(b, &known);
                }
                Exit::Raise => {
                    if let Some(to) = block.unwind {
                        go(to, &known);
                    }
                }
                Exit::Return | Exit::Dead => {}
            }
        }
        entries
    }
}

/// Whether a comparison is noted as its opposite.
const fn turns(op: CompareOp) -> bool {
    matches!(
        op,
        CompareOp::NotEq | CompareOp::IsNot | CompareOp::GtE | CompareOp::Gt | CompareOp::NotIn
    )
}

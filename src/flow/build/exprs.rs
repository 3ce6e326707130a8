//! Expressions to instructions, in CPython's order of evaluation.

use super::{Builder, Exit, InstKind};
use crate::base::{Idx, Span};
use crate::facts::model::{ValueId, ValueKind};
use crate::flow::ir::BlockId;
use crate::syntax::tree::{self, CompKind, ExprId, ExprKind, List, UnaryOp};

impl Builder<'_> {
    /// Evaluates an expression.
    ///
    /// Chains that lean to the left (`a.b().c()`, `a + b + c`) are walked with a stack of their own; only what branches off
    /// counts as nesting.
    pub(super) fn expr(&mut self, expr: ExprId) {
        self.nested(|cx| {
            let mut chain = Vec::new();
            let mut leaf = expr;
            while let Some(inner) = cx.leans_on(leaf) {
                chain.push(leaf);
                leaf = inner;
            }
            cx.leaf(leaf);
            while let Some(node) = chain.pop() {
                cx.rest(node);
            }
        });
    }

    /// The expression that is evaluated first inside this one, when the rest follows it.
    fn leans_on(&self, expr: ExprId) -> Option<ExprId> {
        match self.kind(expr) {
            ExprKind::Attr { base, .. } | ExprKind::Subscript { base, .. } => Some(base),
            ExprKind::Call { callee, .. } => Some(callee),
            ExprKind::Binary { left, .. } | ExprKind::Compare { left, .. } => Some(left),
            ExprKind::Unary { operand, .. } => Some(operand),
            ExprKind::Await(value) | ExprKind::Starred(value) | ExprKind::Walrus { value, .. } => {
                Some(value)
            }
            _ => None,
        }
    }

    /// What an expression does after the one it leans on was evaluated.
    fn rest(&mut self, expr: ExprId) {
        let at = self.span(expr);
        match self.kind(expr) {
            ExprKind::Call { args, .. } => {
                for &arg in &self.module[args] {
                    self.expr(arg.value);
                }
                match self.call(expr) {
                    Some(call) => self.push(InstKind::Call(call), at),
                    None => self.push(InstKind::MayRaise, at),
                }
            }
            ExprKind::Subscript { index, .. } => {
                self.expr(index);
                self.push(InstKind::MayRaise, at);
            }
            ExprKind::Binary { right, .. } | ExprKind::Compare { right, .. } => self.expr(right),
            ExprKind::Await(value) => match self.value(value) {
                Some(value) => self.push(InstKind::Await(value), at),
                None => self.push(InstKind::MayRaise, at),
            },
            ExprKind::Walrus { target, value } => {
                let value = self.value(value);
                self.bind(target, value);
            }
            _ => {}
        }
    }

    fn leaf(&mut self, expr: ExprId) {
        let at = self.span(expr);
        match self.kind(expr) {
            ExprKind::Slice { lo, hi, step } => {
                for part in [lo, hi, step].into_iter().flatten() {
                    self.expr(part);
                }
            }
            ExprKind::FString { holes: elements }
            | ExprKind::List(elements)
            | ExprKind::Tuple(elements)
            | ExprKind::Set(elements) => {
                for &element in &self.module[elements] {
                    self.expr(element);
                }
            }
            ExprKind::Dict { keys, values } => {
                let module = self.module;
                for (&key, &value) in module[keys].iter().zip(&module[values]) {
                    if let Some(key) = key {
                        self.expr(key);
                    }
                    self.expr(value);
                }
            }
            ExprKind::Comp(comp) => self.comp(comp),
            ExprKind::Lambda(func) => {
                self.defaults(func);
                self.push(InstKind::Define(Idx::new(func.raw())), at);
            }
            ExprKind::And(operands) => self.and_or(operands, true),
            ExprKind::Or(operands) => self.and_or(operands, false),
            ExprKind::IfElse { test, body, orelse } => self.choice(test, body, orelse),
            ExprKind::Yield(value) => {
                if let Some(value) = value {
                    self.expr(value);
                }
                let value = value.and_then(|it| self.value(it));
                self.push(InstKind::Yield(value), at);
            }
            ExprKind::YieldFrom(value) => {
                self.expr(value);
                self.iterate(value);
                self.push(InstKind::Yield(None), at);
            }
            _ => {}
        }
    }

    /// `and` and `or` as values. Operands that do nothing are not worth a branch.
    fn and_or(&mut self, operands: List<ExprId>, is_and: bool) {
        let module = self.module;
        let operands = &module[operands];
        let Some((&first, rest)) = operands.split_first() else {
            return;
        };
        self.expr(first);
        if rest.iter().all(|&it| self.is_plain(it)) {
            return;
        }
        let end = self.new_block();
        let mut previous = first;
        for &operand in rest {
            let next = self.new_block();
            let (then, orelse) = if is_and { (next, end) } else { (end, next) };
            let test = self.value(previous);
            self.branch(test, then, orelse);
            self.resume(next);
            self.operand(previous, operand);
            previous = operand;
        }
        self.goto(end);
        self.resume(end);
    }

    /// Evaluates an operand of `and`; the links of a comparison chain share their middle operands.
    fn operand(&mut self, previous: ExprId, operand: ExprId) {
        match (self.kind(previous), self.kind(operand)) {
            (ExprKind::Compare { right: shared, .. }, ExprKind::Compare { left, right, .. })
                if shared == left =>
            {
                self.expr(right);
            }
            _ => self.expr(operand),
        }
    }

    fn choice(&mut self, test: ExprId, body: ExprId, orelse: ExprId) {
        if self.is_plain(body) && self.is_plain(orelse) {
            self.expr(test);
            return;
        }
        let (then, other) = (self.new_block(), self.new_block());
        let end = self.new_block();
        self.cond(test, then, other);
        self.resume(then);
        self.expr(body);
        self.goto(end);
        self.resume(other);
        self.expr(orelse);
        self.goto(end);
        self.resume(end);
    }

    /// Whether evaluating it neither calls, binds nor raises.
    fn is_plain(&self, expr: ExprId) -> bool {
        let mut expr = expr;
        loop {
            match self.kind(expr) {
                ExprKind::Attr { base, .. } => expr = base,
                ExprKind::Unary { operand, .. } => expr = operand,
                ExprKind::Compare { left, right, .. } => {
                    if !self.is_atom(right) {
                        return false;
                    }
                    expr = left;
                }
                _ => return self.is_atom(expr),
            }
        }
    }

    fn is_atom(&self, expr: ExprId) -> bool {
        match self.kind(expr) {
            ExprKind::Name { .. }
            | ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Bool(_)
            | ExprKind::None
            | ExprKind::Ellipsis
            | ExprKind::Str { .. }
            | ExprKind::Bytes { .. }
            | ExprKind::Error => true,
            ExprKind::List(elements) | ExprKind::Tuple(elements) => elements.is_empty(),
            _ => false,
        }
    }

    /// Evaluates a condition and goes to one of two blocks. `and`, `or` and `not` become control flow.
    pub(super) fn cond(&mut self, test: ExprId, then: BlockId, orelse: BlockId) {
        self.nested(|cx| cx.cond_inner(test, then, orelse));
    }

    fn cond_inner(&mut self, test: ExprId, then: BlockId, orelse: BlockId) {
        if let Some(outcome) = self.constant(test) {
            self.goto(if outcome { then } else { orelse });
            return;
        }
        match self.kind(test) {
            ExprKind::Unary {
                op: UnaryOp::Not,
                operand,
            } => self.cond(operand, orelse, then),
            ExprKind::And(operands) | ExprKind::Or(operands) => {
                let is_and = matches!(self.kind(test), ExprKind::And(_));
                let module = self.module;
                let operands = &module[operands];
                for (i, &operand) in operands.iter().enumerate() {
                    let next = (i + 1 < operands.len()).then(|| self.new_block());
                    let (yes, no) = if is_and {
                        (next.unwrap_or(then), orelse)
                    } else {
                        (then, next.unwrap_or(orelse))
                    };
                    match (i.checked_sub(1).map(|i| operands[i]), self.kind(operand)) {
                        (Some(previous), ExprKind::Compare { .. }) => {
                            self.operand(previous, operand);
                            let test = self.value(operand);
                            self.branch(test, yes, no);
                        }
                        _ => self.cond(operand, yes, no),
                    }
                    if let Some(next) = next {
                        self.resume(next);
                    }
                }
            }
            _ => {
                self.expr(test);
                let test = self.value(test);
                self.branch(test, then, orelse);
            }
        }
    }

    fn branch(&mut self, test: Option<ValueId>, then: BlockId, orelse: BlockId) {
        match test {
            Some(test) => self.exit(Exit::Branch { test, then, orelse }),
            None => self.exit(Exit::Either(then, orelse)),
        }
    }

    /// The outcome of a test that is the same each time.
    pub(super) fn constant(&self, test: ExprId) -> Option<bool> {
        match self.kind(test) {
            ExprKind::Bool(value) => Some(value),
            ExprKind::Int(value) => Some(value != 0),
            ExprKind::None => Some(false),
            ExprKind::Str { len, .. } | ExprKind::Bytes { len } => Some(len > 0),
            _ => None,
        }
    }

    /// A comprehension is run where it stands, a generator expression too: who drains it is not known here. As loops do, it
    /// turns at least once.
    fn comp(&mut self, comp: tree::CompId) {
        let comp = self.module.comps[comp];
        let module = self.module;
        let clauses = &module[comp.clauses];
        let after = self.new_block();
        let mut back = after;
        for clause in clauses {
            self.expr(clause.iter);
            let (first, head) = (self.new_block(), self.new_block());
            let body = self.new_block();
            self.goto(first);
            self.start(first);
            self.iterate(clause.iter);
            self.goto(body);
            self.start(head);
            self.iterate(clause.iter);
            self.exit(Exit::Either(body, back));
            self.start(body);
            let value = self.value(clause.iter);
            self.part(clause.target, value, None);
            for &test in &module[clause.tests] {
                let next = self.new_block();
                self.cond(test, next, head);
                self.resume(next);
            }
            back = head;
        }
        self.expr(comp.element);
        if let Some(value) = comp.value {
            self.expr(value);
        }
        if comp.kind == CompKind::Generator {
            // What a consumer raises does not come in here, but it may never ask for more.
            self.exit(Exit::Either(back, after));
        } else {
            self.goto(back);
        }
        self.resume(after);
    }

    /// One step of iterating.
    pub(super) fn iterate(&mut self, iter: ExprId) {
        let at = self.span(iter);
        match self.value(iter) {
            Some(value) => self.push(InstKind::Iterate(value), at),
            None => self.push(InstKind::MayRaise, at),
        }
    }

    /// Stores a whole value into a target.
    pub(super) fn bind(&mut self, target: ExprId, value: Option<ValueId>) {
        match (self.var(target), value) {
            (Some(var), Some(value)) => {
                self.push(InstKind::Bind { var, value }, self.span(target));
            }
            _ => self.part(target, value, None),
        }
    }

    /// Stores a part of a value into a target: an element (at a position, if known), or something made from it.
    pub(super) fn part(&mut self, target: ExprId, value: Option<ValueId>, index: Option<i16>) {
        let at = self.span(target);
        match self.kind(target) {
            ExprKind::Name { .. } => {
                if let Some(var) = self.var(target) {
                    self.push(InstKind::Part { var, value, index }, at);
                }
            }
            ExprKind::Attr { base, .. } => {
                self.expr(base);
                self.store(target, at);
            }
            ExprKind::Subscript { base, index, .. } => {
                self.expr(base);
                self.expr(index);
                self.store(target, at);
            }
            ExprKind::Starred(inner) => self.part(inner, value, index),
            ExprKind::Tuple(targets) | ExprKind::List(targets) => {
                // Whoever unpacks the result of a call knows how many there are.
                let is_result = value.is_some_and(|it| {
                    let kind = self.facts.values[it].kind;
                    matches!(kind, ValueKind::Call(_) | ValueKind::Await(_))
                });
                if !is_result {
                    self.push(InstKind::MayRaise, at);
                }
                self.nested(|cx| cx.unpack(targets, value, index.is_some()));
            }
            _ => {}
        }
    }

    /// The position that each target takes; as in the facts, negative ones count from the end.
    fn unpack(&mut self, targets: List<ExprId>, value: Option<ValueId>, is_inner: bool) {
        let module = self.module;
        let targets = &module[targets];
        let star = targets
            .iter()
            .position(|&it| matches!(self.kind(it), ExprKind::Starred(_)));
        for (i, &target) in targets.iter().enumerate() {
            let position = match star {
                Some(star) if i == star => i16::MIN,
                Some(star) if i > star => -i16::try_from(targets.len() - i).unwrap_or(i16::MAX),
                _ => i16::try_from(i).unwrap_or(i16::MAX),
            };
            self.part(target, value, (!is_inner).then_some(position));
        }
    }

    pub(super) fn store(&mut self, target: ExprId, at: Span) {
        match self.sites.store(target) {
            Some(store) => self.push(InstKind::Store(store), at),
            None => self.push(InstKind::MayRaise, at),
        }
    }
}

//! Which values of a stretch of code may refer to a resource, and whether any of them gets out of it.
//!
//! Errs towards holding: what is not understood holds what it is given. `data = f.read()` does not hold `f`,
//! `reader = csv.reader(f)` does, and so does every element of `reader`.

use rustc_hash::{FxHashMap, FxHashSet};

use super::source::Source;
use crate::base::Span;
use crate::finding::remedy::{Flow, Hold, With};
use crate::syntax::tree::{CompKind, ExprId, ExprKind, FuncId, StmtId, StmtKind, VarId};

/// Nesting of expressions that is still looked through.
const DEEPEST: u32 = 100;

/// What holds a resource in a stretch of code.
pub(super) struct Holding<'a> {
    source: &'a Source<'a>,
    flows: FxHashMap<Span, Flow>,
    has_plain_elements: bool,
    /// The variable that is the resource itself.
    own: Option<VarId>,
    /// The call that opens it, where it has no name.
    call: Option<ExprId>,
    /// Variables that may refer to it.
    pub(super) vars: FxHashSet<VarId>,
    /// Whether it may be known elsewhere.
    pub(super) escapes: bool,
}

impl<'a> Holding<'a> {
    /// What may refer to the resource that `own` names after these statements.
    pub(super) fn after(
        source: &'a Source<'a>,
        with: &With,
        func: FuncId,
        own: Option<VarId>,
        call: Option<ExprId>,
        stmts: &[StmtId],
    ) -> Self {
        let mut holding = Self {
            source,
            flows: with.calls.iter().copied().collect(),
            has_plain_elements: with.has_plain_elements,
            own,
            call,
            vars: own.into_iter().collect(),
            escapes: false,
        };
        loop {
            let known = holding.vars.len();
            for &id in stmts {
                holding.stmt(id);
            }
            for &var in &holding.vars {
                let fact = &source.module.vars[var];
                let is_local = fact.scope == source.module.funcs[func].scope;
                holding.escapes |= !is_local || fact.is_captured;
            }
            if holding.escapes || holding.vars.len() == known {
                return holding;
            }
        }
    }

    fn stmt(&mut self, id: StmtId) {
        let module = &self.source.module;
        match self.source.kind(id) {
            StmtKind::Assign { targets, value } if self.holds(value) => {
                for &target in &module[targets] {
                    self.bind(target);
                }
            }
            StmtKind::AnnAssign {
                target,
                value: Some(value),
                ..
            } if self.holds(value) => self.bind(target),
            StmtKind::AugAssign { target, value, .. } if self.holds(value) => self.bind(target),
            StmtKind::For { target, iter, .. }
                if self.holds(iter) && !self.is_plain_iterable(iter) =>
            {
                self.bind(target);
            }
            StmtKind::With { items, .. } => {
                for item in &module[items] {
                    if self.holds(item.context) {
                        match item.target {
                            Some(target) => self.bind(target),
                            None => self.escapes = true,
                        }
                    }
                }
            }
            StmtKind::Return(Some(value)) => self.escapes |= self.holds(value),
            StmtKind::Raise { exc, cause } => {
                let values = [exc, cause];
                self.escapes |= values.into_iter().flatten().any(|it| self.holds(it));
            }
            StmtKind::Match { subject, .. } => self.escapes |= self.holds(subject),
            StmtKind::Function(_) | StmtKind::Class(_) => {
                let span = self.source.span(id);
                self.escapes |= self.names_any(span);
            }
            _ => {}
        }
        // Calls of the statement itself: those in its body belong to the statements there.
        let span = self.source.span(id);
        for expr in self.source.exprs_in(span) {
            match module.exprs[expr].kind {
                ExprKind::Call { callee, args } => self.call(expr, callee, &module[args]),
                ExprKind::Yield(Some(it))
                | ExprKind::YieldFrom(it)
                | ExprKind::Walrus { value: it, .. } => self.escapes |= self.holds(it),
                ExprKind::Lambda(_) => {
                    let span = module.exprs[expr].span;
                    self.escapes |= self.names_any(span);
                }
                _ => {}
            }
        }
    }

    /// A call may keep what it is given.
    fn call(&mut self, call: ExprId, callee: ExprId, args: &[crate::syntax::tree::Arg]) {
        let module = &self.source.module;
        if self.flow(call).arguments != Hold::Somebody
            || !args.iter().any(|it| self.holds(it.value))
        {
            return;
        }
        match module.exprs[callee].kind {
            // `rows.append(row)`
            ExprKind::Attr { base, .. } => match module.exprs[base].kind {
                ExprKind::Name { var: Some(var), .. } => {
                    self.vars.insert(var);
                }
                _ => self.escapes = true,
            },
            _ => self.escapes = true,
        }
    }

    fn flow(&self, call: ExprId) -> Flow {
        let span = self.source.module.exprs[call].span;
        self.flows.get(&span).copied().unwrap_or(Flow {
            arguments: Hold::Somebody,
            receiver: Hold::Result,
        })
    }

    /// A target is bound to what holds it.
    fn bind(&mut self, target: ExprId) {
        let module = &self.source.module;
        match module.exprs[target].kind {
            ExprKind::Name { var: Some(var), .. } => {
                self.vars.insert(var);
            }
            ExprKind::Tuple(list) | ExprKind::List(list) => {
                for &it in &module[list] {
                    self.bind(it);
                }
            }
            ExprKind::Starred(it) => self.bind(it),
            _ => self.escapes = true,
        }
    }

    fn names_any(&self, span: Span) -> bool {
        let mut vars = self.vars.iter();
        vars.any(|&it| self.source.mentions(it).iter().any(|&at| span.contains(at)))
    }

    /// Whether an expression is the resource itself, whose elements do not refer to it.
    fn is_plain_iterable(&self, expr: ExprId) -> bool {
        self.has_plain_elements
            && (Some(expr) == self.call
                || matches!(self.source.module.exprs[expr].kind,
                    ExprKind::Name { var: Some(var), .. } if Some(var) == self.own))
    }

    /// Whether the value of an expression may refer to the resource.
    pub(super) fn holds(&self, expr: ExprId) -> bool {
        self.looks_held(expr, 0)
    }

    fn looks_held(&self, expr: ExprId, depth: u32) -> bool {
        if depth > DEEPEST {
            return true;
        }
        if Some(expr) == self.call {
            return true;
        }
        let module = &self.source.module;
        let holds = |it: ExprId| self.looks_held(it, depth + 1);
        match module.exprs[expr].kind {
            ExprKind::Name { var, .. } => var.is_some_and(|it| self.vars.contains(&it)),
            ExprKind::Call { callee, args } => {
                let flow = self.flow(expr);
                let by_receiver = match module.exprs[callee].kind {
                    ExprKind::Attr { base, .. } => flow.receiver != Hold::Nobody && holds(base),
                    _ => holds(callee),
                };
                by_receiver
                    || flow.arguments != Hold::Nobody
                        && module[args].iter().any(|it| holds(it.value))
            }
            ExprKind::Attr { base, .. } => holds(base),
            ExprKind::Subscript { base, index } => holds(base) || holds(index),
            ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Bool(_)
            | ExprKind::None
            | ExprKind::Ellipsis
            | ExprKind::Str { .. }
            | ExprKind::Bytes { .. }
            | ExprKind::FString { .. }
            | ExprKind::Slice { .. }
            | ExprKind::Compare { .. } => false,
            ExprKind::List(list)
            | ExprKind::Tuple(list)
            | ExprKind::Set(list)
            | ExprKind::And(list)
            | ExprKind::Or(list) => module[list].iter().any(|&it| holds(it)),
            ExprKind::Dict { keys, values } => {
                module[values].iter().any(|&it| holds(it))
                    || module[keys].iter().flatten().any(|&it| holds(it))
            }
            ExprKind::Comp(id) => {
                let comp = module.comps[id];
                let clauses = &module[comp.clauses];
                comp.kind == CompKind::Generator && self.names_any(module.exprs[expr].span)
                    || clauses
                        .iter()
                        .any(|it| holds(it.iter) && !self.is_plain_iterable(it.iter))
                    || comp.kind == CompKind::Generator && clauses.iter().any(|it| holds(it.iter))
                    || holds(comp.element)
                    || comp.value.is_some_and(holds)
            }
            ExprKind::Lambda(_) => self.names_any(module.exprs[expr].span),
            ExprKind::Binary { left, right, .. } => holds(left) || holds(right),
            ExprKind::Unary { op, operand } => {
                op != crate::syntax::tree::UnaryOp::Not && holds(operand)
            }
            ExprKind::IfElse { body, orelse, .. } => holds(body) || holds(orelse),
            ExprKind::Await(it) | ExprKind::Starred(it) | ExprKind::YieldFrom(it) => holds(it),
            ExprKind::Yield(_) => false,
            ExprKind::Walrus { value, .. } => holds(value),
            ExprKind::Error => true,
        }
    }
}

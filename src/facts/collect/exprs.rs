//! Expressions.

use super::binds::{From, Source};
use super::{Collector, cast};
use crate::base::Idx;
use crate::facts::model::{
    ArgF, ArgKindF, CallF, ContextKind, ReadF, ResultKind, Rows, Usage, Value, ValueId, ValueKind,
};
use crate::facts::reach;
use crate::syntax::tree::{self, ArgKind, CompId, ExprId, ExprKind, List, UnaryOp};

impl Collector<'_> {
    pub(super) fn list(&mut self, values: Vec<ValueId>) -> Rows {
        let start = self.out.lists.len() as u32;
        self.out.lists.extend(values);
        Rows {
            start,
            end: self.out.lists.len() as u32,
        }
    }

    pub(super) fn exprs(&mut self, list: List<ExprId>, usage: Usage) -> Rows {
        let values: Vec<_> = self.tree[list]
            .iter()
            .map(|&it| self.expr(it, usage))
            .collect();
        self.list(values)
    }

    pub(super) fn expr(&mut self, id: ExprId, usage: Usage) -> ValueId {
        let expr = self.tree.exprs[id];
        let kind = match expr.kind {
            ExprKind::Name { var, .. } => match var {
                Some(var) => ValueKind::Var(cast(var)),
                None => ValueKind::Unknown,
            },
            ExprKind::Attr { base, name } => {
                let of_base = if usage == Usage::Called {
                    Usage::Receiver
                } else {
                    Usage::AttrBase
                };
                ValueKind::Attr {
                    base: self.expr(base, of_base),
                    name,
                }
            }
            ExprKind::Call { callee, args } => return self.call(id, callee, args, usage),
            ExprKind::Subscript { base, index } => {
                let base = self.expr(base, Usage::ItemBase);
                let key = self.expr(index, Usage::Key);
                match self.tree.exprs[index].kind {
                    ExprKind::Slice { .. } => ValueKind::Slice { base },
                    _ => ValueKind::Item { base, key },
                }
            }
            ExprKind::Slice { lo, hi, step } => {
                for part in [lo, hi, step].into_iter().flatten() {
                    self.expr(part, Usage::Key);
                }
                ValueKind::Unknown
            }
            ExprKind::Int(value) => {
                ValueKind::Int(value.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
            }
            ExprKind::Float(it) => ValueKind::Float(it),
            ExprKind::Bool(value) => ValueKind::Bool(value),
            ExprKind::None => ValueKind::None,
            ExprKind::Ellipsis | ExprKind::Error => ValueKind::Unknown,
            ExprKind::Str { len, text } => ValueKind::Str {
                len,
                text: text.map(Idx::from),
            },
            ExprKind::Bytes { len } => ValueKind::Bytes(len),
            ExprKind::FString { holes } => ValueKind::FString(self.exprs(holes, Usage::Tested)),
            ExprKind::List(items) => ValueKind::List(self.exprs(items, Usage::Element)),
            ExprKind::Tuple(items) => {
                let of_items = if matches!(usage, Usage::Returned | Usage::Yielded) {
                    usage
                } else {
                    Usage::Element
                };
                ValueKind::Tuple(self.exprs(items, of_items))
            }
            ExprKind::Set(items) => ValueKind::Set(self.exprs(items, Usage::Element)),
            ExprKind::Dict { keys, values } => self.dict(keys, values),
            ExprKind::Comp(comp) => self.comp(comp),
            ExprKind::Lambda(func) => {
                self.signature(func);
                self.queue.push((func, self.context));
                ValueKind::Func(cast(func))
            }
            ExprKind::Binary { .. } => return self.binary(id),
            ExprKind::Unary { op, operand } => {
                let operand = self.expr(operand, Usage::Tested);
                if op == UnaryOp::Not {
                    ValueKind::Not(operand)
                } else {
                    ValueKind::Sign(operand)
                }
            }
            ExprKind::And(operands) => ValueKind::And(self.operands(operands, usage, true)),
            ExprKind::Or(operands) => ValueKind::Or(self.operands(operands, usage, false)),
            ExprKind::Compare { op, left, right } => {
                use crate::syntax::tree::CompareOp;
                let of_right = if matches!(op, CompareOp::In | CompareOp::NotIn) {
                    Usage::Searched
                } else {
                    Usage::Tested
                };
                let left = self.shared(left, Usage::Tested);
                let right = self.shared(right, of_right);
                ValueKind::Compare { op, left, right }
            }
            ExprKind::IfElse { test, body, orelse } => {
                let test = self.expr(test, Usage::Tested);
                let body = self.expr_under(
                    ContextKind::If {
                        test,
                        outcome: true,
                    },
                    body,
                    usage,
                );
                let orelse = self.expr_under(
                    ContextKind::If {
                        test,
                        outcome: false,
                    },
                    orelse,
                    usage,
                );
                ValueKind::Choice(self.list(vec![test, body, orelse]))
            }
            ExprKind::Await(value) => {
                let of_value = if usage == Usage::Discarded {
                    Usage::Discarded
                } else {
                    Usage::Awaited
                };
                ValueKind::Await(self.expr(value, of_value))
            }
            ExprKind::Yield(value) => {
                let value = value.map(|it| self.expr(it, Usage::Yielded));
                self.result(ResultKind::Yield, value, expr.span);
                ValueKind::Yield(value)
            }
            ExprKind::YieldFrom(value) => {
                let value = self.expr(value, Usage::Iterated);
                self.result(ResultKind::YieldFrom, Some(value), expr.span);
                ValueKind::YieldFrom(value)
            }
            ExprKind::Starred(value) => ValueKind::Star(self.expr(value, usage)),
            ExprKind::Walrus { target, value } => {
                let given = self.expr(value, Usage::Bound);
                self.is_walrus = true;
                self.target(
                    target,
                    &Source {
                        value: Some(given),
                        of: From::Whole,
                    },
                );
                self.is_walrus = false;
                match self.tree.exprs[target].kind {
                    ExprKind::Name { var: Some(var), .. } => ValueKind::Walrus {
                        var: cast(var),
                        value: given,
                    },
                    _ => ValueKind::Unknown,
                }
            }
        };
        let value = self.value(id, kind, expr.span.start);
        self.read(value, kind, usage);
        value
    }

    /// The middle operand of a chained comparison is one expression in two links; it is evaluated once.
    pub(super) fn shared(&mut self, id: ExprId, usage: Usage) -> ValueId {
        match self.sites.value(id) {
            Some(value) => value,
            None => self.expr(id, usage),
        }
    }

    pub(super) fn expr_under(&mut self, kind: ContextKind, id: ExprId, usage: Usage) -> ValueId {
        let around = self.context;
        self.enter(kind);
        let value = self.expr(id, usage);
        self.context = around;
        value
    }

    /// Operands of `and` (or `or`): each stands under the outcome of those before it.
    pub(super) fn operands(&mut self, operands: List<ExprId>, usage: Usage, outcome: bool) -> Rows {
        let around = self.context;
        let mut values = Vec::with_capacity(operands.len());
        for &operand in &self.tree[operands] {
            let test = self.expr(operand, usage);
            values.push(test);
            if values.len() < operands.len() && values.len() <= 4 {
                self.enter(ContextKind::If { test, outcome });
            }
        }
        self.context = around;
        self.list(values)
    }

    pub(super) fn value(&mut self, expr: ExprId, kind: ValueKind, at: u32) -> ValueId {
        let value = self.out.values.push(Value { kind, at });
        self.sites.set_value(expr, value);
        value
    }

    pub(super) fn read(&mut self, value: ValueId, kind: ValueKind, usage: Usage) {
        let keep = match kind {
            ValueKind::Var(var) => {
                let var = &self.tree.vars[cast(var)];
                var.is_captured || var.is_bound && var.scope.index() == 0
            }
            ValueKind::Attr { .. } => usage != Usage::Called,
            _ => false,
        };
        if keep {
            self.out.reads.push(ReadF { value, usage });
        }
        if let ValueKind::Var(var) = kind
            && reach::is_followed(&self.out.vars[var], self.func)
        {
            self.reach.read(value, var);
        }
    }

    /// Walks the left spine of a chain of operators without recursion: a sum of 50,000 terms is as deep as it is long.
    pub(super) fn binary(&mut self, id: ExprId) -> ValueId {
        let mut spine = Vec::new();
        let mut at = id;
        while let ExprKind::Binary { op, left, right } = self.tree.exprs[at].kind {
            spine.push((at, op, right));
            at = left;
        }
        let mut left = self.expr(at, Usage::Tested);
        while let Some((expr, op, right)) = spine.pop() {
            let right = self.expr(right, Usage::Tested);
            let start = self.tree.exprs[expr].span.start;
            left = self.value(expr, ValueKind::Binary { op, left, right }, start);
        }
        left
    }

    pub(super) fn dict(&mut self, keys: List<Option<ExprId>>, values: List<ExprId>) -> ValueKind {
        let mut entries = Vec::with_capacity(values.len() * 2);
        for (at, &value) in self.tree[values].iter().enumerate() {
            let key = self.tree[keys].get(at).copied().flatten();
            let key = match key {
                Some(key) => self.expr(key, Usage::Key),
                None => {
                    let at = self.tree.exprs[value].span.start;
                    self.out.values.push(Value {
                        kind: ValueKind::Unknown,
                        at,
                    })
                }
            };
            entries.push(key);
            entries.push(self.expr(value, Usage::Element));
        }
        ValueKind::Dict(self.list(entries))
    }

    pub(super) fn comp(&mut self, id: CompId) -> ValueKind {
        let comp = self.tree.comps[id];
        let around = self.context;
        let mut first = None;
        for clause in &self.tree[comp.clauses] {
            let iter = self.expr(clause.iter, Usage::Iterated);
            first.get_or_insert(iter);
            self.enter(ContextKind::For { iter });
            self.target(
                clause.target,
                &Source {
                    value: Some(iter),
                    of: From::Element,
                },
            );
            for &test in &self.tree[clause.tests] {
                let test = self.expr(test, Usage::Tested);
                self.enter(ContextKind::If {
                    test,
                    outcome: true,
                });
            }
        }
        let mut element = self.expr(comp.element, Usage::Element);
        if let Some(value) = comp.value {
            let value = self.expr(value, Usage::Element);
            let at = self.out.values[element].at;
            let rows = self.list(vec![element, value]);
            element = self.out.values.push(Value {
                kind: ValueKind::Tuple(rows),
                at,
            });
        }
        self.context = around;
        match first {
            Some(iter) => ValueKind::Comp {
                kind: comp.kind,
                element,
                iter,
            },
            None => ValueKind::Unknown,
        }
    }

    pub(super) fn call(
        &mut self,
        id: ExprId,
        callee: ExprId,
        args: List<tree::Arg>,
        usage: Usage,
    ) -> ValueId {
        let span = self.tree.exprs[id].span;
        if self.is_dead {
            return self.value(id, ValueKind::Unknown, span.start);
        }
        let head = self.tree.exprs[callee].span;
        let callee = self.expr(callee, Usage::Called);
        let mut given = Vec::with_capacity(args.len());
        for arg in &self.tree[args] {
            let value = self.expr(arg.value, Usage::Argument);
            let kind = match arg.kind {
                ArgKind::Positional => ArgKindF::Positional,
                ArgKind::Star => ArgKindF::Star,
                ArgKind::Keyword(name) => ArgKindF::Keyword(name),
                ArgKind::DoubleStar => ArgKindF::DoubleStar,
            };
            given.push(ArgF { kind, value });
        }
        let start = self.out.args.len() as u32;
        self.out.args.extend(given);
        let call = self.out.calls.push(CallF {
            callee,
            args: Rows {
                start,
                end: self.out.args.len() as u32,
            },
            func: self.func,
            class: self.class.map(cast),
            at: span,
            head,
            context: self.context,
            usage,
        });
        self.value(id, ValueKind::Call(call), span.start)
    }
}

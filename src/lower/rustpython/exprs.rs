//! Expressions, arguments and comprehensions.

use rustpython_parser::ast::{self, Ranged};
use smallvec::SmallVec;

use super::{Ids, Link, Lowerer};
use crate::base::{Idx, Span};
use crate::limits::{MAX_DEPTH, MAX_STRING_TEXT};
use crate::syntax::tree::{
    Arg, ArgKind, BinaryOp, Clause, Comp, CompKind, CompareOp, Expr, ExprId, ExprKind, List,
    UnaryOp,
};

impl Lowerer<'_> {
    pub(super) fn push(&mut self, kind: ExprKind, span: Span) -> ExprId {
        self.module.exprs.push(Expr { kind, span })
    }

    pub(super) fn name_expr(&mut self, name: &str, span: Span) -> ExprId {
        let name = self.name(name);
        self.push(ExprKind::Name { name, var: None }, span)
    }

    pub(super) fn opt(&mut self, expr: Option<Box<ast::Expr>>) -> Option<ExprId> {
        expr.map(|it| self.expr(*it))
    }

    pub(super) fn ids(&mut self, exprs: Vec<ast::Expr>) -> Ids {
        exprs.into_iter().map(|it| self.expr(it)).collect()
    }

    pub(super) fn exprs(&mut self, exprs: Vec<ast::Expr>) -> List<ExprId> {
        let ids = self.ids(exprs);
        self.module.push_list(ids)
    }

    /// An expression; chains that lean to the left are walked along their spine.
    pub(super) fn expr(&mut self, expr: ast::Expr) -> ExprId {
        if self.depth >= MAX_DEPTH {
            let span = self.span(expr.range());
            self.too_deep(span);
            return self.push(ExprKind::Error, span);
        }
        self.depth += 1;
        let mut links: SmallVec<[(Link, Span); 4]> = SmallVec::new();
        let mut left = expr;
        let innermost = loop {
            let span = self.span(left.range());
            left = match left {
                ast::Expr::BinOp(it) => {
                    links.push((Link::Binary(binary_op(it.op), *it.right), span));
                    *it.left
                }
                ast::Expr::Attribute(it) => {
                    links.push((Link::Attr(it.attr), span));
                    *it.value
                }
                ast::Expr::Call(it) => {
                    links.push((Link::Call(it.args, it.keywords), span));
                    *it.func
                }
                ast::Expr::Subscript(it) => {
                    links.push((Link::Subscript(*it.slice), span));
                    *it.value
                }
                other => break other,
            };
        };
        let mut id = self.leaf(innermost);
        while let Some((link, span)) = links.pop() {
            let kind = match link {
                Link::Binary(op, right) => ExprKind::Binary {
                    op,
                    left: id,
                    right: self.expr(right),
                },
                Link::Attr(name) => ExprKind::Attr {
                    base: id,
                    name: self.name(&name),
                },
                Link::Call(args, keywords) => ExprKind::Call {
                    callee: id,
                    args: self.args(args, keywords),
                },
                Link::Subscript(index) => ExprKind::Subscript {
                    base: id,
                    index: self.index(index),
                },
            };
            id = self.push(kind, span);
        }
        self.depth -= 1;
        id
    }

    /// An index; `a[*b]` is indexed by a tuple.
    pub(super) fn index(&mut self, index: ast::Expr) -> ExprId {
        let is_starred = index.is_starred_expr();
        let id = self.expr(index);
        if !is_starred {
            return id;
        }
        let span = self.module.exprs[id].span;
        let elements = self.module.push_list([id]);
        self.push(ExprKind::Tuple(elements), span)
    }

    /// An expression that starts no left-leaning chain.
    pub(super) fn leaf(&mut self, expr: ast::Expr) -> ExprId {
        use ast::Expr as E;
        let span = self.span(expr.range());
        let kind = match expr {
            E::Name(it) => return self.name_expr(&it.id, span),
            E::Constant(it) => self.constant(it.value),
            E::BoolOp(it) => {
                let values = self.exprs(it.values);
                match it.op {
                    ast::BoolOp::And => ExprKind::And(values),
                    ast::BoolOp::Or => ExprKind::Or(values),
                }
            }
            E::NamedExpr(it) => return self.walrus(it, span),
            E::UnaryOp(it) => ExprKind::Unary {
                op: match it.op {
                    ast::UnaryOp::Not => UnaryOp::Not,
                    ast::UnaryOp::USub => UnaryOp::Neg,
                    ast::UnaryOp::UAdd => UnaryOp::Pos,
                    ast::UnaryOp::Invert => UnaryOp::Invert,
                },
                operand: self.expr(*it.operand),
            },
            E::Lambda(it) => self.lambda(it, span),
            E::IfExp(it) => {
                let body = self.expr(*it.body);
                ExprKind::IfElse {
                    test: self.expr(*it.test),
                    body,
                    orelse: self.expr(*it.orelse),
                }
            }
            E::Dict(it) => self.dict(it),
            E::Set(it) => ExprKind::Set(self.exprs(it.elts)),
            E::List(it) => ExprKind::List(self.exprs(it.elts)),
            E::Tuple(it) => ExprKind::Tuple(self.exprs(it.elts)),
            E::ListComp(it) => self.comp(CompKind::List, *it.elt, None, it.generators),
            E::SetComp(it) => self.comp(CompKind::Set, *it.elt, None, it.generators),
            E::DictComp(it) => self.comp(CompKind::Dict, *it.key, Some(it.value), it.generators),
            E::GeneratorExp(it) => self.comp(CompKind::Generator, *it.elt, None, it.generators),
            E::Await(it) => ExprKind::Await(self.expr(*it.value)),
            E::Yield(it) => ExprKind::Yield(self.opt(it.value)),
            E::YieldFrom(it) => ExprKind::YieldFrom(self.expr(*it.value)),
            E::Starred(it) => ExprKind::Starred(self.expr(*it.value)),
            E::Slice(it) => ExprKind::Slice {
                lo: self.opt(it.lower),
                hi: self.opt(it.upper),
                step: self.opt(it.step),
            },
            E::Compare(it) => self.compare(it),
            E::JoinedStr(it) => self.fstring(it),
            E::FormattedValue(it) => self.expr_kind(*it.value),
            other @ (E::BinOp(_) | E::Attribute(_) | E::Call(_) | E::Subscript(_)) => {
                self.expr_kind(other)
            }
        };
        self.push(kind, span)
    }

    /// The kind of an expression that is pushed once more in another place.
    pub(super) fn expr_kind(&mut self, expr: ast::Expr) -> ExprKind {
        let id = self.expr(expr);
        self.module.exprs[id].kind
    }

    pub(super) fn constant(&mut self, value: ast::Constant) -> ExprKind {
        use ast::Constant as C;
        match value {
            C::None => ExprKind::None,
            C::Bool(it) => ExprKind::Bool(it),
            C::Ellipsis => ExprKind::Ellipsis,
            C::Str(it) => ExprKind::Str {
                len: it.chars().count() as u32,
                text: (it.len() <= MAX_STRING_TEXT).then(|| self.module.names.intern(&it)),
            },
            C::Bytes(it) => ExprKind::Bytes {
                len: it.len() as u32,
            },
            C::Int(it) => ExprKind::Int(i64::try_from(&it).unwrap_or(i64::MAX)),
            C::Float(it) => ExprKind::Float(it as i32),
            C::Complex { .. } => ExprKind::Float(0),
            C::Tuple(_) => ExprKind::Error,
        }
    }

    /// `target := value`. The parser's range leaves out closing parentheses of the value.
    pub(super) fn walrus(&mut self, it: ast::ExprNamedExpr, mut span: Span) -> ExprId {
        let target = self.expr(*it.target);
        let value = self.expr(*it.value);
        let mut at = self.skip(self.module.exprs[target].span.end) + ":=".len() as u32;
        let place = self.module.exprs[value].span;
        span.end = span.end.max(place.end);
        at = self.skip(at);
        while at < place.start && self.byte(at) == Some(b'(') {
            span.end = self.skip(span.end) + 1;
            at = self.skip(at + 1);
        }
        self.push(ExprKind::Walrus { target, value }, span)
    }

    pub(super) fn dict(&mut self, it: ast::ExprDict) -> ExprKind {
        let mut keys: SmallVec<[Option<ExprId>; 8]> = SmallVec::new();
        let mut values = Ids::new();
        for (key, value) in it.keys.into_iter().zip(it.values) {
            keys.push(key.map(|it| self.expr(it)));
            values.push(self.expr(value));
        }
        ExprKind::Dict {
            keys: self.module.push_list(keys),
            values: self.module.push_list(values),
        }
    }

    /// A comparison; the links of a chain share the operand between them.
    pub(super) fn compare(&mut self, it: ast::ExprCompare) -> ExprKind {
        let mut left = self.expr(*it.left);
        let mut links: SmallVec<[ExprKind; 2]> = SmallVec::new();
        for (op, right) in it.ops.into_iter().zip(it.comparators) {
            let right = self.expr(right);
            let op = compare_op(op);
            links.push(ExprKind::Compare { op, left, right });
            left = right;
        }
        if let [single] = links[..] {
            return single;
        }
        let ids: Ids = links
            .into_iter()
            .map(|kind| {
                let ExprKind::Compare { left, right, .. } = kind else {
                    unreachable!("only comparisons were pushed")
                };
                let span = self.module.exprs[left]
                    .span
                    .cover(self.module.exprs[right].span);
                self.push(kind, span)
            })
            .collect();
        ExprKind::And(self.module.push_list(ids))
    }

    /// Arguments in the order of the text; the parser keeps positional and keyword ones apart.
    pub(super) fn args(
        &mut self,
        positional: Vec<ast::Expr>,
        keywords: Vec<ast::Keyword>,
    ) -> List<Arg> {
        let mut list: SmallVec<[Arg; 8]> = SmallVec::new();
        let mut keywords = keywords.into_iter().peekable();
        for it in positional {
            while let Some(earlier) = keywords.next_if(|key| key.range.start() < it.start()) {
                list.push(self.keyword(earlier));
            }
            list.push(match it {
                ast::Expr::Starred(it) => Arg {
                    kind: ArgKind::Star,
                    value: self.expr(*it.value),
                },
                other => Arg {
                    kind: ArgKind::Positional,
                    value: self.expr(other),
                },
            });
        }
        for it in keywords {
            list.push(self.keyword(it));
        }
        self.module.push_list(list)
    }

    pub(super) fn keyword(&mut self, it: ast::Keyword) -> Arg {
        Arg {
            kind: match it.arg {
                Some(name) => ArgKind::Keyword(self.name(&name)),
                None => ArgKind::DoubleStar,
            },
            value: self.expr(it.value),
        }
    }

    pub(super) fn comp(
        &mut self,
        kind: CompKind,
        element: ast::Expr,
        value: Option<Box<ast::Expr>>,
        generators: Vec<ast::Comprehension>,
    ) -> ExprKind {
        let element = self.expr(element);
        let value = self.opt(value);
        let clauses: SmallVec<[Clause; 2]> = generators
            .into_iter()
            .map(|it| Clause {
                is_async: it.is_async,
                target: self.expr(it.target),
                iter: self.expr(it.iter),
                tests: self.exprs(it.ifs),
            })
            .collect();
        let comp = Comp {
            kind,
            element,
            value,
            clauses: self.module.push_list(clauses),
            scope: Idx::new(0),
        };
        ExprKind::Comp(self.module.comps.push(comp))
    }

    pub(super) fn fstring(&mut self, it: ast::ExprJoinedStr) -> ExprKind {
        let mut holes = Ids::new();
        self.holes(it.values, &mut holes);
        ExprKind::FString {
            holes: self.module.push_list(holes),
        }
    }

    pub(super) fn holes(&mut self, parts: Vec<ast::Expr>, holes: &mut Ids) {
        for part in parts {
            if let ast::Expr::FormattedValue(hole) = part {
                let is_outermost = self.note_returns(hole.range);
                holes.push(self.hole(*hole.value));
                if let Some(spec) = hole.format_spec
                    && let ast::Expr::JoinedStr(spec) = *spec
                {
                    self.holes(spec.values, holes);
                }
                if is_outermost {
                    self.skipped_returns.clear();
                }
            }
        }
    }

    /// The expression in a hole. The parser reads it as `(…)`, so that a bare tuple takes the braces for parentheses.
    pub(super) fn hole(&mut self, value: ast::Expr) -> ExprId {
        let is_tuple = value.is_tuple_expr();
        let id = self.expr(value);
        let span = self.module.exprs[id].span;
        if is_tuple && self.byte(span.start) == Some(b'{') {
            let inside = &self.text[span.start as usize + 1..span.end as usize - 1];
            let start = span.end - 1 - inside.trim_start().len() as u32;
            let end = span.start + 1 + inside.trim_end().len() as u32;
            self.module.exprs[id].span = Span::new(start, end);
        }
        id
    }
}

pub(super) fn binary_op(op: ast::Operator) -> BinaryOp {
    match op {
        ast::Operator::Add => BinaryOp::Add,
        ast::Operator::Sub => BinaryOp::Sub,
        ast::Operator::Mult => BinaryOp::Mul,
        ast::Operator::MatMult => BinaryOp::MatMul,
        ast::Operator::Div => BinaryOp::Div,
        ast::Operator::Mod => BinaryOp::Mod,
        ast::Operator::Pow => BinaryOp::Pow,
        ast::Operator::LShift => BinaryOp::LShift,
        ast::Operator::RShift => BinaryOp::RShift,
        ast::Operator::BitOr => BinaryOp::BitOr,
        ast::Operator::BitXor => BinaryOp::BitXor,
        ast::Operator::BitAnd => BinaryOp::BitAnd,
        ast::Operator::FloorDiv => BinaryOp::FloorDiv,
    }
}

fn compare_op(op: ast::CmpOp) -> CompareOp {
    match op {
        ast::CmpOp::Eq => CompareOp::Eq,
        ast::CmpOp::NotEq => CompareOp::NotEq,
        ast::CmpOp::Lt => CompareOp::Lt,
        ast::CmpOp::LtE => CompareOp::LtE,
        ast::CmpOp::Gt => CompareOp::Gt,
        ast::CmpOp::GtE => CompareOp::GtE,
        ast::CmpOp::Is => CompareOp::Is,
        ast::CmpOp::IsNot => CompareOp::IsNot,
        ast::CmpOp::In => CompareOp::In,
        ast::CmpOp::NotIn => CompareOp::NotIn,
    }
}

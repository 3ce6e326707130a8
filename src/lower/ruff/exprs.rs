//! Expressions.

use std::borrow::Cow;

use ruff_python_ast as ast;
use ruff_python_parser::parse_expression;
use ruff_text_size::{Ranged, TextRange};
use smallvec::SmallVec;

use super::{Ctx, new_func, span};
use crate::base::{Idx, Name, Span};
use crate::limits::MAX_STRING_TEXT;
use crate::syntax::tree::{
    Arg, ArgKind, BinaryOp, Clause, Comp, CompKind, CompareOp, ExprId, ExprKind, FuncKind, List,
    Param, ParamKind, UnaryOp, VarId,
};

impl<'a> Ctx<'a> {
    /// An expression of any kind.
    pub(super) fn expr(&mut self, expr: &'a ast::Expr) -> ExprId {
        let kind = match expr {
            ast::Expr::Name(it) => self.name_kind(it.id.as_str()),
            ast::Expr::StringLiteral(it) => self.string_kind(&it.value),
            ast::Expr::BytesLiteral(it) => self.bytes_kind(&it.value),
            ast::Expr::NumberLiteral(it) => number_kind(&it.value),
            ast::Expr::BooleanLiteral(it) => ExprKind::Bool(it.value),
            ast::Expr::NoneLiteral(_) => ExprKind::None,
            ast::Expr::EllipsisLiteral(_) => ExprKind::Ellipsis,
            ast::Expr::IpyEscapeCommand(_) => ExprKind::Error,
            ast::Expr::Attribute(_)
            | ast::Expr::Call(_)
            | ast::Expr::Subscript(_)
            | ast::Expr::BinOp(_) => return self.chain(expr),
            _ => return self.nested(expr),
        };
        self.push(kind, span(expr.range()))
    }

    pub(super) fn opt_expr(&mut self, expr: Option<&'a ast::Expr>) -> Option<ExprId> {
        expr.map(|it| self.expr(it))
    }

    pub(super) fn exprs(&mut self, exprs: impl IntoIterator<Item = &'a ast::Expr>) -> List<ExprId> {
        self.list(exprs, Self::expr)
    }

    /// What leans to the left: down to the first operand in a loop, and up again.
    fn chain(&mut self, outermost: &'a ast::Expr) -> ExprId {
        let mark = self.chain.len();
        let mut at = outermost;
        while let Some(left) = left_of(at) {
            self.chain.push(at);
            at = left;
        }
        if !self.descend(outermost.range()) {
            self.chain.truncate(mark);
            return self.error(outermost.range());
        }
        let mut left = self.expr(at);
        while self.chain.len() > mark {
            let node = self.chain.pop().expect("longer than the mark");
            left = self.link(node, left);
        }
        self.ascend();
        left
    }

    /// A node of a chain whose left part is read already.
    fn link(&mut self, node: &'a ast::Expr, left: ExprId) -> ExprId {
        let kind = match node {
            ast::Expr::Attribute(it) => {
                if it.attr.id.is_empty() {
                    return left;
                }
                let name = self.name(it.attr.id.as_str());
                ExprKind::Attr { base: left, name }
            }
            ast::Expr::Call(it) => {
                let args = self.args(&it.arguments);
                ExprKind::Call { callee: left, args }
            }
            ast::Expr::Subscript(it) => {
                let index = self.expr(&it.slice);
                ExprKind::Subscript { base: left, index }
            }
            ast::Expr::BinOp(it) => {
                let right = self.expr(&it.right);
                let op = binary_op(it.op);
                ExprKind::Binary { op, left, right }
            }
            _ => unreachable!("a chain has nodes with a left part only"),
        };
        self.push(kind, span(node.range()))
    }

    /// What is neither a leaf nor part of a chain.
    fn nested(&mut self, expr: &'a ast::Expr) -> ExprId {
        if !self.descend(expr.range()) {
            return self.error(expr.range());
        }
        let kind = self.nested_kind(expr);
        self.ascend();
        self.push(kind, span(expr.range()))
    }

    fn nested_kind(&mut self, expr: &'a ast::Expr) -> ExprKind {
        match expr {
            ast::Expr::List(it) => ExprKind::List(self.exprs(&it.elts)),
            ast::Expr::Tuple(it) => ExprKind::Tuple(self.exprs(&it.elts)),
            ast::Expr::Set(it) => ExprKind::Set(self.exprs(&it.elts)),
            ast::Expr::Dict(it) => self.dict(&it.items),
            ast::Expr::BoolOp(it) => {
                let operands = self.exprs(&it.values);
                match it.op {
                    ast::BoolOp::And => ExprKind::And(operands),
                    ast::BoolOp::Or => ExprKind::Or(operands),
                }
            }
            ast::Expr::Compare(it) => self.compare(it),
            ast::Expr::UnaryOp(it) => ExprKind::Unary {
                op: unary_op(it.op),
                operand: self.expr(&it.operand),
            },
            ast::Expr::FString(it) => self.holes(it.value.elements()),
            ast::Expr::TString(it) => self.template(it),
            ast::Expr::Lambda(it) => self.lambda(it),
            ast::Expr::Starred(it) => ExprKind::Starred(self.expr(&it.value)),
            ast::Expr::Await(it) => ExprKind::Await(self.expr(&it.value)),
            ast::Expr::Yield(it) => ExprKind::Yield(self.opt_expr(it.value.as_deref())),
            ast::Expr::YieldFrom(it) => ExprKind::YieldFrom(self.expr(&it.value)),
            ast::Expr::If(it) => {
                let body = self.expr(&it.body);
                let test = self.expr(&it.test);
                let orelse = self.expr(&it.orelse);
                ExprKind::IfElse { test, body, orelse }
            }
            ast::Expr::Named(it) => {
                let target = self.expr(&it.target);
                let value = self.expr(&it.value);
                ExprKind::Walrus { target, value }
            }
            ast::Expr::Slice(it) => {
                let lo = self.opt_expr(it.lower.as_deref());
                let hi = self.opt_expr(it.upper.as_deref());
                let step = self.opt_expr(it.step.as_deref());
                ExprKind::Slice { lo, hi, step }
            }
            ast::Expr::ListComp(it) => self.comp(CompKind::List, &it.elt, None, &it.generators),
            ast::Expr::SetComp(it) => self.comp(CompKind::Set, &it.elt, None, &it.generators),
            ast::Expr::Generator(it) => {
                self.comp(CompKind::Generator, &it.elt, None, &it.generators)
            }
            ast::Expr::DictComp(it) => match &it.key {
                Some(key) => self.comp(CompKind::Dict, key, Some(&it.value), &it.generators),
                // `{**a for a in b}`: the element is the mapping itself.
                None => self.comp(CompKind::Dict, &it.value, None, &it.generators),
            },
            _ => ExprKind::Error,
        }
    }

    /// The parser leaves a name empty where it found none.
    fn name_kind(&mut self, text: &str) -> ExprKind {
        if text.is_empty() {
            return ExprKind::Error;
        }
        let name = self.name(text);
        ExprKind::Name { name, var: None }
    }

    /// An identifier that is an expression in our tree and none in the parser's.
    pub(super) fn store(&mut self, identifier: &ast::Identifier) -> ExprId {
        let kind = self.name_kind(identifier.id.as_str());
        self.push(kind, span(identifier.range))
    }

    fn string_kind(&mut self, value: &ast::StringLiteralValue) -> ExprKind {
        let parts: SmallVec<[Cow<'_, str>; 1]> = value
            .iter()
            .map(|it| self.as_python_reads(it.range, &it.value))
            .collect();
        let len: usize = parts.iter().map(|it| it.chars().count()).sum();
        let bytes: usize = parts.iter().map(|it| it.len()).sum();
        let text = (bytes <= MAX_STRING_TEXT).then(|| match &parts[..] {
            [only] => self.name(only),
            parts => self.name(&parts.concat()),
        });
        ExprKind::Str {
            len: len as u32,
            text,
        }
    }

    fn bytes_kind(&self, value: &ast::BytesLiteralValue) -> ExprKind {
        let len: usize = value
            .iter()
            .map(|it| match self.with_plain_ends(it.range) {
                Some(ast::Expr::BytesLiteral(again)) => again.value.bytes().count(),
                _ => it.value.len(),
            })
            .sum();
        ExprKind::Bytes { len: len as u32 }
    }

    /// The value of a literal: Python takes each end of a line in it for LF, the parser keeps CR and CR LF.
    fn as_python_reads<'v>(&self, literal: TextRange, value: &'v str) -> Cow<'v, str> {
        match self.with_plain_ends(literal) {
            Some(ast::Expr::StringLiteral(again)) => Cow::Owned(again.value.to_str().to_owned()),
            _ => Cow::Borrowed(value),
        }
    }

    /// A literal in which some line ends in CR or CR LF, read again with LF in their place.
    fn with_plain_ends(&self, literal: TextRange) -> Option<ast::Expr> {
        if !self.has_returns {
            return None;
        }
        let text = &self.text[literal];
        memchr::memchr(b'\r', text.as_bytes())?;
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        Some(parse_expression(&text).ok()?.into_expr())
    }

    fn dict(&mut self, items: &'a [ast::DictItem]) -> ExprKind {
        let keys_mark = self.lists.opts.len();
        let values_mark = self.lists.exprs.len();
        for item in items {
            let key = self.opt_expr(item.key.as_ref());
            self.lists.opts.push(key);
            let value = self.expr(&item.value);
            self.lists.exprs.push(value);
        }
        ExprKind::Dict {
            keys: self.finish(keys_mark),
            values: self.finish(values_mark),
        }
    }

    /// One link, or for a chain `a < b < c` all its links, which share the operands between them.
    fn compare(&mut self, compare: &'a ast::ExprCompare) -> ExprKind {
        let mut left = self.expr(&compare.left);
        if let ([op], [right]) = (&*compare.ops, &*compare.comparators) {
            let right = self.expr(right);
            let op = compare_op(*op);
            return ExprKind::Compare { op, left, right };
        }
        let links = compare.ops.iter().zip(&compare.comparators);
        ExprKind::And(self.list(links, |cx, (op, right)| {
            let right = cx.expr(right);
            let span = cx.module.exprs[left]
                .span
                .cover(cx.module.exprs[right].span);
            let op = compare_op(*op);
            let link = cx.push(ExprKind::Compare { op, left, right }, span);
            left = right;
            link
        }))
    }

    fn holes(
        &mut self,
        elements: impl Iterator<Item = &'a ast::InterpolatedStringElement>,
    ) -> ExprKind {
        let mark = self.lists.exprs.len();
        for element in elements {
            self.hole(element);
        }
        let holes = self.finish(mark);
        ExprKind::FString { holes }
    }

    /// A template keeps what its holes yield, unlike the text of an f-string; format specifications become text.
    fn template(&mut self, template: &'a ast::ExprTString) -> ExprKind {
        let mark = self.lists.exprs.len();
        for element in template.value.elements() {
            let ast::InterpolatedStringElement::Interpolation(hole) = element else {
                continue;
            };
            let expr = self.expr(&hole.expression);
            self.lists.exprs.push(expr);
            if let Some(format) = &hole.format_spec
                && format.elements.iter().any(|it| it.is_interpolation())
            {
                let kind = self.holes(format.elements.iter());
                let text = self.push(kind, span(format.range));
                self.lists.exprs.push(text);
            }
        }
        ExprKind::Tuple(self.finish(mark))
    }

    /// The expression of one hole, then those in its format specification.
    fn hole(&mut self, element: &'a ast::InterpolatedStringElement) {
        let ast::InterpolatedStringElement::Interpolation(hole) = element else {
            return;
        };
        let expr = self.expr(&hole.expression);
        self.lists.exprs.push(expr);
        if let Some(format) = &hole.format_spec
            && self.descend(format.range)
        {
            for element in &format.elements {
                self.hole(element);
            }
            self.ascend();
        }
    }

    fn lambda(&mut self, lambda: &'a ast::ExprLambda) -> ExprKind {
        let name = self.name("<lambda>");
        let id = self.module.funcs.push(new_func(FuncKind::Lambda, name));
        let params = match &lambda.parameters {
            Some(params) => self.params(params),
            None => List::empty(),
        };
        let value = self.expr(&lambda.body);
        let span = span(lambda.range);
        let func = &mut self.module.funcs[id];
        func.params = params;
        func.value = Some(value);
        func.span = span;
        func.name_span = Span::new(span.start, span.start + "lambda".len() as u32);
        ExprKind::Lambda(id)
    }

    fn comp(
        &mut self,
        kind: CompKind,
        element: &'a ast::Expr,
        value: Option<&'a ast::Expr>,
        clauses: &'a [ast::Comprehension],
    ) -> ExprKind {
        let element = self.expr(element);
        let value = self.opt_expr(value);
        let mut read = SmallVec::<[Clause; 2]>::new();
        for clause in clauses {
            read.push(Clause {
                is_async: clause.is_async,
                target: self.expr(&clause.target),
                iter: self.expr(&clause.iter),
                tests: self.exprs(&clause.ifs),
            });
        }
        let clauses = self.module.push_list(read);
        ExprKind::Comp(self.module.comps.push(Comp {
            kind,
            element,
            value,
            clauses,
            scope: Idx::new(0),
        }))
    }

    /// Arguments of a call, or bases and keywords of a class, in source order.
    pub(super) fn args(&mut self, arguments: &'a ast::Arguments) -> List<Arg> {
        if arguments.keywords.is_empty() {
            return self.list(&arguments.args, Self::positional);
        }
        self.list(arguments.iter_source_order(), |cx, arg| match arg {
            ast::ArgOrKeyword::Arg(value) => cx.positional(value),
            ast::ArgOrKeyword::Keyword(keyword) => Arg {
                kind: match &keyword.arg {
                    Some(name) => ArgKind::Keyword(cx.name(name.id.as_str())),
                    None => ArgKind::DoubleStar,
                },
                value: cx.expr(&keyword.value),
            },
        })
    }

    fn positional(&mut self, value: &'a ast::Expr) -> Arg {
        match value {
            ast::Expr::Starred(it) => Arg {
                kind: ArgKind::Star,
                value: self.expr(&it.value),
            },
            _ => Arg {
                kind: ArgKind::Positional,
                value: self.expr(value),
            },
        }
    }

    /// Parameters in the order in which Python numbers them, except that `*args` stands before what is keyword-only.
    pub(super) fn params(&mut self, params: &'a ast::Parameters) -> List<Param> {
        let mut read = SmallVec::<[Param; 6]>::new();
        for it in &params.posonlyargs {
            read.push(self.param(ParamKind::PositionalOnly, &it.parameter, it.default()));
        }
        for it in &params.args {
            read.push(self.param(ParamKind::Ordinary, &it.parameter, it.default()));
        }
        if let Some(it) = &params.vararg {
            read.push(self.param(ParamKind::VarArgs, it, None));
        }
        for it in &params.kwonlyargs {
            read.push(self.param(ParamKind::KeywordOnly, &it.parameter, it.default()));
        }
        if let Some(it) = &params.kwarg {
            read.push(self.param(ParamKind::KwArgs, it, None));
        }
        self.module.push_list(read)
    }

    fn param(
        &mut self,
        kind: ParamKind,
        param: &'a ast::Parameter,
        default: Option<&'a ast::Expr>,
    ) -> Param {
        Param {
            name: self.name(param.name.id.as_str()),
            var: VarId::new(0),
            kind,
            annotation: self.opt_expr(param.annotation()),
            default: self.opt_expr(default),
            span: span(param.name.range),
        }
    }

    /// Names of type parameters; their bounds and defaults are dropped.
    pub(super) fn type_params(&mut self, params: Option<&ast::TypeParams>) -> List<Name> {
        let Some(params) = params else {
            return List::empty();
        };
        let names: SmallVec<[Name; 4]> = params
            .type_params
            .iter()
            .map(|it| self.name(it.name().id.as_str()))
            .collect();
        self.module.push_list(names)
    }

    /// An error in the place of an expression that is not there.
    pub(super) fn error(&mut self, range: TextRange) -> ExprId {
        self.push(ExprKind::Error, span(range))
    }
}

/// The first part of a node that leans to the left.
fn left_of(expr: &ast::Expr) -> Option<&ast::Expr> {
    match expr {
        ast::Expr::Attribute(it) => Some(&it.value),
        ast::Expr::Call(it) => Some(&it.func),
        ast::Expr::Subscript(it) => Some(&it.value),
        ast::Expr::BinOp(it) => Some(&it.left),
        _ => None,
    }
}

fn number_kind(number: &ast::Number) -> ExprKind {
    match number {
        ast::Number::Int(it) => {
            let value = it.as_u64().and_then(|it| i64::try_from(it).ok());
            ExprKind::Int(value.unwrap_or(i64::MAX))
        }
        ast::Number::Float(it) => ExprKind::Float(*it as i32),
        ast::Number::Complex { .. } => ExprKind::Float(0),
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

fn unary_op(op: ast::UnaryOp) -> UnaryOp {
    match op {
        ast::UnaryOp::Invert => UnaryOp::Invert,
        ast::UnaryOp::Not => UnaryOp::Not,
        ast::UnaryOp::UAdd => UnaryOp::Pos,
        ast::UnaryOp::USub => UnaryOp::Neg,
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
